"""A condition of the language made into sets of codes joined by and and or.

Three-valued logic needs two questions and no third value: where is the condition *true*, and where is it
*false*? `not` asks the other one; a comparison with unknown is in neither set. Below that everything is
two-valued, so `not` of a set is its complement, and conditions on one column joined by and or or are one set
of its codes: `10 <= x and x < 20 and x != 15` is looked up once.

What is no comparison of a column with constants, in this order:

* an operation on one column of few values (text, a day, a count) is computed once for each value there is;
* an operation on several such columns is computed once for each combination;
* everything else is computed for everybody, a chunk at a time: a *pass*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from quanke.language.nodes import Call, Column, Literal, Node, Reference, type_of, walk
from quanke.language.types import Kind
from quanke.segments.index.columns import IndexColumn, Values
from quanke.segments.index.cuts import (
    NOTHING,
    Cuts,
    common,
    everything,
    in_buckets,
    inverted,
    joined,
    of_flags,
)

Bools = npt.NDArray[np.bool_]
Reader = Callable[[Node], Values]
Compute = Callable[[Reader, int], list[tuple[npt.NDArray[Any], Bools]]]
Evaluate = Callable[[Sequence[Node]], Compute]
"""Makes of some expressions what computes them for some customers: `(read, rows)` gives for each its values,
and where they are known. `read` gives the values of what an expression reads, one for each row. Raises
OverflowError where a whole-number result does not fit 64 bits."""

COMPARISONS = {
    "equal": "equal",
    "not_equal": "not_equal",
    "less": "greater",
    "at_most": "at_least",
    "greater": "less",
    "at_least": "at_most",
}
"""Each comparison with the one that says the same the other way round."""
LARGEST = 4_000
"""Sets in one condition; a larger one is computed for everybody."""


class TooLarge(Exception):
    """A condition would be made of more than LARGEST sets."""


@dataclass(frozen=True, slots=True)
class In:
    """Customers whose code of a column is in a set."""

    column: str
    cuts: Cuts


@dataclass(frozen=True, slots=True)
class Passed:
    """Customers for whom a computed condition is true (or is known, or the other way round)."""

    node: Node
    known: bool
    turned: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """Customers in every part. `size`: sets in it, each counted where it stands."""

    parts: tuple[Formula, ...]
    size: int = 0


@dataclass(frozen=True, slots=True)
class Some:
    """Customers in at least one part."""

    parts: tuple[Formula, ...]
    size: int = 0


Formula = In | Passed | All | Some
EVERYBODY, NOBODY = All(()), Some(())


def name_of(node: Node) -> str | None:
    """The column a node reads, or None where it is no plain column."""
    if isinstance(node, Reference):
        return None if node.earlier else node.name
    return node.name if isinstance(node, Column) else None


def columns_of(node: Node) -> tuple[Node, ...]:
    """What a condition reads, each once, in order."""
    return tuple(dict.fromkeys(n for n in walk(node) if isinstance(n, (Reference, Column))))


class Conditions:
    """Conditions over the columns of an index. Each part is understood once."""

    def __init__(self, columns: Mapping[str, IndexColumn], evaluate: Evaluate) -> None:
        self.columns = columns
        self.evaluate = evaluate
        self._made: dict[tuple[int, bool], Formula] = {}
        self._kept: list[Node] = []  # nodes that were made here live as long

    def formula(self, node: Node) -> Formula:
        """Where the condition is true."""
        try:
            return self.asked(node, True)
        except TooLarge:
            return Passed(node, False)

    def asked(self, node: Node, true: bool) -> Formula:
        """Where a condition is true, or where it is false. Raises TooLarge."""
        key = (id(node), true)  # all nodes live as long as the whole; to compare them would take longer
        if key not in self._made:
            self._made[key] = self._ask(node, true)
        return self._made[key]

    def _ask(self, node: Node, true: bool) -> Formula:
        if isinstance(node, Literal):
            return EVERYBODY if node.value is true else NOBODY
        column = self._column(node)
        if column is not None:
            return self._in(column, (1, 2) if true else (0, 1))
        if isinstance(node, Call):
            found = self._logic(node, true) or self._compared(node, true) or self._distributed(node, true)
            if found is not None:
                return found
        return self._computed(node, true)

    def _column(self, node: Node) -> IndexColumn | None:
        name = name_of(node)
        return None if name is None else self.columns.get(name)

    def _in(self, column: IndexColumn, cuts: Cuts) -> Formula:
        if cuts == everything(column.size):
            return EVERYBODY
        return In(column.name, cuts) if cuts else NOBODY

    def _logic(self, node: Call, true: bool) -> Formula | None:
        parts = node.arguments
        match node.operation:
            case "equal" | "not_equal" if type_of(parts[0]).kind is Kind.BOOLEAN:
                same = true is (node.operation == "equal")
                a, b = ([self.asked(p, which) for which in (True, False)] for p in parts)
                return self.some([self.all([a[0], b[not same]]), self.all([a[1], b[same]])])
            case "opposite":
                return self.asked(parts[0], not true)
            case "both" | "either":
                found = [self.asked(p, true) for p in parts]
                return self.all(found) if (node.operation == "both") is true else self.some(found)
            case "is_null":
                return self._unknown(parts[0], true)
            case "coalesce" if node.type.kind is Kind.BOOLEAN:
                found_ = self.asked(parts[-1], true)
                for part in reversed(parts[:-1]):
                    rest = self.all([self.turned(self.asked(part, not true)), found_])
                    found_ = self.some([self.asked(part, true), rest])
                return found_
            case "case" if node.type.kind is Kind.BOOLEAN:
                found_ = self.asked(parts[-1], true)
                for condition, value in zip(parts[-3::-2], parts[-2::-2], strict=True):
                    holds = self.asked(condition, True)
                    taken = self.all([holds, self.asked(value, true)])
                    found_ = self.some([taken, self.all([self.turned(holds), found_])])
                return found_
        return None

    def _unknown(self, node: Node, true: bool) -> Formula | None:
        column = self._column(node)
        if column is not None:
            cuts = column.unknown()
            return self._in(column, cuts if true else inverted(cuts, column.size))
        if type_of(node).kind is not Kind.BOOLEAN or not isinstance(node, Call):
            return None
        known = self.some([self.asked(node, True), self.asked(node, False)])
        return self.turned(known) if true else known

    def _compared(self, node: Call, true: bool) -> Formula | None:
        """A column beside constants of its own kind."""
        operation, first, rest = node.operation, node.arguments[0], node.arguments[1:]
        if operation in COMPARISONS and isinstance(first, Literal):
            operation, first, rest = COMPARISONS[operation], rest[0], (first,)
        column = self._column(first)
        if column is None or not (operation in COMPARISONS or operation == "one_of"):
            return None
        kind = type_of(first).kind
        if _carrier(kind) is not _carrier(column.kind):
            return None
        constants = [c for c in rest if isinstance(c, Literal) and c.type.kind is kind]
        if len(constants) < len(rest):
            return None
        if any(c.value is None for c in constants):
            return NOBODY if operation != "one_of" else None
        key = (operation, true, *(c.value for c in constants))
        return self._in(column, column.remembered(key, lambda: _cuts(column, operation, constants, true)))

    def _distributed(self, node: Call, true: bool) -> Formula | None:
        """A choice beside constants: the choice of what each of its values is beside them."""
        chosen = [n for n in node.arguments if not isinstance(n, Literal)]
        if not (node.operation in COMPARISONS or node.operation in ("one_of", "is_null")) or len(chosen) != 1:
            return None
        (choice,) = chosen
        if not isinstance(choice, Call) or choice.operation not in ("case", "coalesce", "band"):
            return None

        def beside(value: Node) -> Node:
            return replace(node, arguments=tuple(value if n is choice else n for n in node.arguments))

        *parts, last = choice.arguments
        made: list[Node] = []
        if choice.operation == "band":
            value, *edges = choice.arguments
            if self._column(value) is None:
                return None
            made += [Call("is_null", (value,), node.type), beside(Literal(None, choice.type))]
            for place, edge in enumerate(edges):
                made += [Call("less", (value, edge), node.type), beside(Literal(place, choice.type))]
            last = Literal(len(edges), choice.type)
        elif choice.operation == "coalesce":
            for part in parts:
                unknown = Call("is_null", (part,), node.type)
                made += [Call("opposite", (unknown,), node.type), beside(part)]
        else:
            for condition, value in zip(parts[::2], parts[1::2], strict=True):
                made += [condition, beside(value)]
        whole = Call("case", (*made, beside(last)), node.type)
        self._kept.append(whole)
        return self.asked(whole, true)

    def _computed(self, node: Node, true: bool) -> Formula:
        """By all values of one column, or for everybody."""
        reads = columns_of(node)
        column = self._column(reads[0]) if len(reads) == 1 else None
        if reads and (column is None or not column.small):
            return Passed(node, False) if true else _false(node)
        domain = column.domain() if column is not None else Values(np.zeros(1), np.ones(1, np.bool_))
        try:
            values, known = self.evaluate([node])(lambda _: domain, len(domain.valid))[0]
        except OverflowError:  # of a value that may be nobody's
            if column is None:
                raise
            return Passed(node, False) if true else _false(node)
        holds = values.astype(np.bool_, copy=False)
        flags = holds & known if true else known & ~holds
        if column is None:
            return EVERYBODY if flags[0] else NOBODY
        return self._in(column, of_flags(flags))

    def turned(self, formula: Formula) -> Formula:
        """Everybody else."""
        if isinstance(formula, In):
            column = self.columns[formula.column]
            return self._in(column, inverted(formula.cuts, column.size))
        if isinstance(formula, Passed):
            return Passed(formula.node, formula.known, not formula.turned)
        parts = [self.turned(p) for p in formula.parts]
        return self.some(parts) if isinstance(formula, All) else self.all(parts)

    def all(self, parts: Sequence[Formula]) -> Formula:
        """Customers in every part; sets of one column are made one."""
        kept = self._merged(parts, All, common)
        if NOBODY in kept:
            return NOBODY
        return kept[0] if len(kept) == 1 else All(kept, _size(kept))

    def some(self, parts: Sequence[Formula]) -> Formula:
        """Customers in any part."""
        kept = self._merged(parts, Some, joined)
        if EVERYBODY in kept:
            return EVERYBODY
        return kept[0] if len(kept) == 1 else Some(kept, _size(kept))

    def _merged(
        self, parts: Sequence[Formula], kind: type[All | Some], merge: Callable[[Cuts, Cuts], Cuts]
    ) -> tuple[Formula, ...]:
        flat = [q for p in parts for q in (p.parts if isinstance(p, kind) else (p,))]
        sets: dict[str, Cuts] = {}
        for part in flat:
            if isinstance(part, In):
                there = sets.get(part.column)
                sets[part.column] = part.cuts if there is None else merge(there, part.cuts)
        kept = dict.fromkeys(p for p in flat if not isinstance(p, In))
        return (*(self._in(self.columns[n], cuts) for n, cuts in sets.items()), *kept)

    def cost(self, formula: Formula, customers: int) -> tuple[float, float]:
        """About how much a part reads (in planes), and of how many in a hundredfold it is true."""
        if isinstance(formula, In):
            column = self.columns[formula.column]
            share: float = column.remembered(
                ("share", formula.cuts), lambda: _share(column, formula.cuts, customers)
            )
            return column.planes + (0 if column.exact else 4), share
        if isinstance(formula, Passed):
            return 1.0, 0.5
        told = [self.cost(p, customers) for p in formula.parts]
        if isinstance(formula, All):
            return sum(c for c, _ in told), math.prod(s for _, s in told)
        return sum(c for c, _ in told) + 1, 1 - math.prod(1 - s for _, s in told)

    def arranged(self, formula: Formula, customers: int) -> Formula:
        """The same with the parts first that take most customers away for what they read."""
        if isinstance(formula, (In, Passed)):
            return formula
        parts = [(self.arranged(p, customers), *self.cost(p, customers)) for p in formula.parts]
        if isinstance(formula, All):
            parts.sort(key=lambda p: p[1] / (1.001 - min(p[2], 1)))
            return All(tuple(p[0] for p in parts))
        parts.sort(key=lambda p: p[1] / (0.001 + p[2]))
        return Some(tuple(p[0] for p in parts))


def _carrier(kind: Kind) -> Kind:
    """Amounts are carried as whole numbers: a profile's file does not tell one from the other."""
    return Kind.INTEGER if kind is Kind.MONEY else kind


def _size(parts: Sequence[Formula]) -> int:
    size = sum(p.size if isinstance(p, (All, Some)) else 1 for p in parts)
    if size > LARGEST:
        raise TooLarge
    return size


def _false(node: Node) -> Formula:
    """Where a computed condition is known and not true."""
    return All((Passed(node, True), Passed(node, False, turned=True)), 2)


def _cuts(column: IndexColumn, operation: str, constants: Sequence[Literal], true: bool) -> Cuts:
    found: Cuts = NOTHING
    if operation == "one_of":
        places = sorted({column.place(c) for c in constants if column.place(c) < column.place(c, after=True)})
        edges: list[int] = []
        for place in places:
            if edges and edges[-1] == place:
                edges[-1] = place + 1
            else:
                edges += [place, place + 1]
        found = tuple(edges)
    else:
        found = column.compared(operation, constants[0])
    return found if true else common(inverted(found, column.size), (0, column.known) if column.known else ())


def _share(column: IndexColumn, cuts: Cuts, customers: int) -> float:
    totals = column.totals
    whole, doubt = (cuts, NOTHING) if column.exact else in_buckets(cuts, column.edges, column.size)
    count = sum(float(totals[b] - totals[a]) for a, b in zip(whole[::2], whole[1::2], strict=True))
    count += sum(float(totals[b] - totals[a]) / 2 for a, b in zip(doubt[::2], doubt[1::2], strict=True))
    return count / max(1, customers)
