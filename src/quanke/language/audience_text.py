"""An expression printed as audience text that reads back as the same expression."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal

from quanke.kernel.errors import DefinitionError
from quanke.language.audience import CHAIN, joined
from quanke.language.audience_tokens import KEYWORDS
from quanke.language.expressions import Expression, call
from quanke.language.nodes import Aggregate, AsOf, Call, Column, Literal, Node, Rank, Reference, type_of
from quanke.language.operations import SYMBOLS
from quanke.language.types import Kind

Parts = list["str | tuple[Node, int]"]

_EITHER, _BOTH, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _REST = range(1, 9)
_WORDS = {"both": ("and", _BOTH), "either": ("or", _EITHER)}
_LEVELS = {
    **dict.fromkeys(("equal", "not_equal", "less", "at_most", "greater", "at_least"), _COMPARISON),
    **dict.fromkeys(("add", "subtract"), _SUM),
    **dict.fromkeys(("multiply", "divide", "floor_divide", "modulo"), _PRODUCT),
}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def say_audience(node: Node, *, currency: str = "CNY", names: Mapping[str, object] | None = None) -> str:
    """The text of a condition: `parse_audience` of it gives `node` again.

    `names` (a catalogue) allows a field of `customers` to stand bare where no tag has its name.
    Raises ValueError for what an audience cannot say (an aggregate, a rank).
    """
    said: list[str] = []
    todo: Parts = [(node, _EITHER)]
    while todo:
        part = todo.pop()
        if isinstance(part, str):
            said.append(part)
            continue
        below, least = part
        level, parts = _parts(below, currency, names)
        todo.extend(reversed(parts if level >= least else ["(", *parts, ")"]))
    return "".join(said)


def _parts(node: Node, currency: str, names: Mapping[str, object] | None) -> tuple[int, Parts]:
    """How tightly a node binds, and its text with the nodes below still to be said, each with the
    least tightness it needs to stand without brackets."""
    if isinstance(node, Literal):
        return _literal(node, currency)
    if isinstance(node, AsOf):
        return _REST, ["as_of" if node.working_days is None else f"working_day({node.working_days})"]
    if isinstance(node, Reference):
        return _REST, [f"earlier({_name(node.name)})" if node.earlier else _name(node.name)]
    if isinstance(node, Column):
        bare = names is not None and node.table == "customers" and node.name not in names
        return _REST, [_name(node.name) if bare else f"{node.table}.{_name(node.name)}"]
    if isinstance(node, (Aggregate, Rank)):
        raise ValueError("an audience cannot say an aggregate or a rank; it uses the tag that holds it")
    return _call(node)


def _call(node: Call) -> tuple[int, Parts]:
    name, arguments = node.operation, node.arguments
    if name in _WORDS and len(arguments) == 2:
        return _row(node)
    if name == "opposite":
        return _opposite(arguments[0])
    if name == "is_null":
        return _COMPARISON, [(arguments[0], _SUM), " is null"]
    if name == "one_of":
        return _COMPARISON, _member(arguments, "in")
    if name == "negate" and not (isinstance(arguments[0], Literal) and arguments[0].type.numeric):
        return _SIGN, ["-", (arguments[0], _SIGN)]
    if name in _LEVELS:
        level = _LEVELS[name]
        left = _SUM if level == _COMPARISON else level
        return level, [(arguments[0], left), f" {SYMBOLS[name]} ", (arguments[1], max(_SUM, level + 1))]
    return _REST, [f"{name}(", *_listed(_named(node)), ")"]


def _opposite(inner: Node) -> tuple[int, Parts]:
    if isinstance(inner, Call) and inner.operation == "one_of":
        return _COMPARISON, _member(inner.arguments, "not in")
    if isinstance(inner, Call) and inner.operation == "is_null":
        return _COMPARISON, [(inner.arguments[0], _SUM), " is not null"]
    return _NOT, ["not ", (inner, _NOT)]


def _member(arguments: tuple[Node, ...], word: str) -> Parts:
    first, *values = arguments
    bare = type_of(first).kind is Kind.MONEY and not isinstance(first, Literal)
    said: Parts = [_money(v.value) if bare and isinstance(v, Literal) else (v, _EITHER) for v in values]
    return [(first, _SUM), f" {word} (", *_listed(said), ")"]


def _listed(parts: Parts) -> Parts:
    with_commas: Parts = []
    for part in parts:
        with_commas.extend([", ", part] if with_commas else [part])
    return with_commas


def _row(node: Call) -> tuple[int, Parts]:
    """A row of conditions, in the groups in which the parser would join them."""
    word, level = _WORDS[node.operation]
    leaves = _leaves(node)
    if len(leaves) <= CHAIN or not _balanced(node, leaves):
        leaves = _left_spine(node)
    parts: Parts = []
    for leaf in leaves:
        parts.extend([f" {word} ", (leaf, level + 1)] if parts else [(leaf, level + 1)])
    return level, parts


def _leaves(node: Call) -> list[Node]:
    """What stands in the row, brackets forgotten."""
    found: list[Node] = []
    todo: list[Node] = [node]
    while todo:
        top = todo.pop()
        if isinstance(top, Call) and top.operation == node.operation and len(top.arguments) == 2:
            todo.extend(reversed(top.arguments))
        else:
            found.append(top)
    return found


def _balanced(node: Call, leaves: list[Node]) -> bool:
    """Whether the parser would join these leaves as the node has them joined."""
    shape = joined(node.operation, range(len(leaves)), lambda _, left, right: (left, right))
    todo: list[tuple[object, Node]] = [(shape, node)]
    while todo:
        wanted, real = todo.pop()
        inner = isinstance(real, Call) and real.operation == node.operation and len(real.arguments) == 2
        if inner != isinstance(wanted, tuple):
            return False
        if isinstance(wanted, tuple) and isinstance(real, Call):
            todo.extend(zip(wanted, real.arguments, strict=True))
    return True


def _left_spine(node: Call) -> list[Node]:
    """At most CHAIN conditions joined one after the other; the first may be a row itself."""
    later: list[Node] = []
    first: Node = node
    while isinstance(first, Call) and first.operation == node.operation and len(later) < CHAIN - 1:
        later.append(first.arguments[1])
        first = first.arguments[0]
    return [first, *reversed(later)]


def _named(node: Call) -> Parts:
    """Arguments of an operation written by name. An unknown value is `null` where it would take its
    type from what stands beside it, else it names its type."""
    bare = any(_is_null(a) for a in node.arguments) and _takes_type_from_beside(node)
    return ["null" if bare and _is_null(a) else (a, _EITHER) for a in node.arguments]


def _is_null(node: Node) -> bool:
    return isinstance(node, Literal) and node.value is None


def _takes_type_from_beside(node: Call) -> bool:
    try:
        again = call(node.operation, *(_as_read(a) for a in node.arguments)).node
    except DefinitionError:
        return False
    assert isinstance(again, Call)
    return all(b == a for a, b in zip(node.arguments, again.arguments, strict=True) if _is_null(a))


def _as_read(node: Node) -> object:
    """What the parser makes of the node's text: plain values of literals, but for amounts."""
    if isinstance(node, Literal) and (node.value is None or node.type.kind is not Kind.MONEY):
        return node.value
    return Expression(node)


def _literal(node: Literal, currency: str) -> tuple[int, Parts]:
    value = node.value
    if value is None:
        unit = f', "{node.type.unit}"' if node.type.unit else ""
        return _REST, [f'nothing("{node.type.kind}"{unit})']
    if isinstance(value, bool):
        return _REST, ["true" if value else "false"]
    if isinstance(value, str):
        return _REST, [quoted(value)]
    if isinstance(value, (dt.datetime, dt.date)):
        return _REST, [value.isoformat()]
    level = _SIGN if value < 0 else _REST
    if node.type.kind is Kind.MONEY:
        return level, [_money(value) + ("元" if currency == "CNY" else f" {currency}")]
    if isinstance(value, Decimal):
        shown = f"{value:f}".rstrip("0")
        return level, [f"{shown}0" if shown.endswith(".") else shown]
    return level, [repr(value)]


def _money(minor: object) -> str:
    assert isinstance(minor, int)
    whole, cents = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole:_}{f'.{cents:02d}' if cents else ''}"


def _name(name: str) -> str:
    return f"`{name}`" if name in KEYWORDS else name


def quoted(text: str) -> str:
    """A text in double quotes, as the grammar reads it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04X}", escaped) + '"'
