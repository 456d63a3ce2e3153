"""Audience text: `tier == "core" and aum_90d >= 50_000元 and not holds("fund")`, made an expression.

One small grammar, read by an LALR parser in linear time and built without recursion, so that no text
can do more than be refused. The same grammar serves conditions in analysts' YAML files
(`declarations.py`). `audience_text.say_audience` prints an expression so that it reads back equal.

    either      a or b                       (the loosest)
    both        a and b
    opposite    not a
    comparison  a == b, != < <= > >=, low <= a < high, a in (x, y), a not in (...), a is [not] null
    sum         a + b, a - b
    product     a * b, a / b, a // b, a % b
    sign        -a
    the rest    names, `backquoted titles`, operation(a, b), holds("fund"), earlier(tier), (a), numbers

A bare number beside money is in major units. `between` is left out on purpose: it does not say which
end belongs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, NoReturn

from lark import Token, Tree

from quanke.bank.contracts import Purpose
from quanke.kernel.errors import AudienceError, CalendarError, DefinitionError
from quanke.language.audience_grammar import tree_of
from quanke.language.audience_scope import Scope, list_values, near
from quanke.language.audience_tokens import LONGEST_TEXT, Money, Percent, tokens_of
from quanke.language.catalogue import Catalogue
from quanke.language.expressions import (
    Expression,
    Operators,
    as_of,
    call,
    literal,
    nothing,
    working_day,
    yuan,
)
from quanke.language.nodes import AsOf, Literal, Reference, type_of
from quanke.language.operations import OPERATIONS
from quanke.language.types import MONEY, Kind, Type

MOST_VALUES = 1_000
DEEPEST = 150
"""Levels of an expression; a definition made of an audience may still add some of its own."""
LARGEST = 20_000
"""Nodes of an expression, each counted where it stands."""
CHAIN = 32
"""Conditions in a row that are joined one after the other; longer rows are joined as a balanced tree."""

_OWN = {
    "holds": 'holds("fund")',
    "earlier": "earlier(tier)",
    "date": 'date("2026-06-30")',
    "nothing": 'nothing("money")',
    "working_day": "working_day(3)",
}
"""Words written like operations, each with an example."""
_DOWN, _UP = frozenset({"greater", "at_least"}), frozenset({"less", "at_most"})


def parse_audience(
    text: str,
    catalogue: Catalogue,
    *,
    currency: str = "CNY",
    purpose: Purpose = Purpose.MARKETING,
    as_of: dt.date | None = None,
    earlier: bool = False,
) -> Expression:
    """The condition on a customer that `text` says.

    Names are tags and checks of the catalogue, fields of `customers`, or their Chinese titles;
    each must be allowed for `purpose`. `currency` is the home's; `元` is understood where it is CNY.
    `as_of` fixes the day that the word `as_of` means; without it that is the day of the run.
    `earlier` allows `earlier(tier)`, for a caller who has a comparison night at hand.
    Raises AudienceError, and nothing else, for a text that cannot be understood or is not allowed.
    """
    scope = Scope(catalogue, purpose=purpose, earlier=earlier)
    expression = parse_expression(text, scope, currency=currency, as_of=as_of)
    kind = expression.type.kind
    if kind is not Kind.BOOLEAN:
        raise AudienceError(text, 1, f"an audience is a condition, not {_a(expression.type)}: compare it")
    return expression


def parse_expression(
    text: str, scope: Scope, *, currency: str = "CNY", as_of: dt.date | None = None
) -> Expression:
    """The expression, of any type, that `text` says where names mean what `scope` says.

    Raises AudienceError.
    """
    piece = _built(text, scope, currency, as_of)
    if isinstance(piece.value, Expression):
        return piece.value
    try:
        return Expression(literal(piece.value))
    except DefinitionError as error:
        raise AudienceError(text, piece.column, error.reason) from None


def parse_value(text: str, *, currency: str = "CNY") -> object:
    """A constant as a plain Python value (or an Expression, for an amount with a unit of money).

    Raises AudienceError.
    """
    piece = _built(text, Scope({}), currency, None)
    if isinstance(piece.value, Expression) and not isinstance(piece.value.node, Literal):
        raise AudienceError(text, piece.column, "a constant is expected here")
    return piece.value


def names_in(text: str, titles: Container[str] = (), *, currency: str = "CNY") -> frozenset[str]:
    """Names and titles that stand bare in a text. Raises AudienceError where it cannot be cut into
    words."""
    tokens = tokens_of(text, currency=currency, titles=titles)
    dotted = {i + step for i, t in enumerate(tokens) if t.type == "_DOT" for step in (-1, 1)}
    return frozenset(str(t.value) for i, t in enumerate(tokens) if t.type == "NAME" and i not in dotted)


class Piece(NamedTuple):
    """Part of a text that has been understood: a plain value (so that a bare number can take the
    unit of what stands beside it) or an expression; where it begins; how deep and large it is."""

    value: object
    column: int
    depth: int = 1
    size: int = 1

    @property
    def type(self) -> Type:
        """Type of the value."""
        return self.value.type if isinstance(self.value, Operators) else type_of(literal(self.value))


def _built(text: str, scope: Scope, currency: str, day: dt.date | None) -> Piece:
    tree = tree_of(text, tokens_of(text, currency=currency, titles=scope.titles))
    return _Builder(text, scope, day).build(tree)


def _a(type_: Type) -> str:
    """A type in plain words."""
    names = {
        Kind.BOOLEAN: "a condition (yes or no)",
        Kind.INTEGER: f"a number of {type_.unit}" if type_.unit else "a whole number",
        Kind.MONEY: "an amount of money",
        Kind.RATE: "a rate",
        Kind.NUMBER: "a number",
        Kind.TEXT: "a text",
        Kind.DATE: "a day",
        Kind.INSTANT: "a moment",
    }
    return names[type_.kind]


def joined(operation: str, parts: Sequence[object], join: Callable[[str, object, object], object]) -> object:
    """`parts` joined two by two as the parser joins a row of conditions (see CHAIN)."""
    row = list(parts)
    if len(row) <= CHAIN:
        while len(row) > 1:
            row[:2] = [join(operation, row[0], row[1])]
        return row[0]
    while len(row) > 1:
        pairs = [join(operation, row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + (row[-1:] if len(row) % 2 else [])
    return row[0]


class _Builder:
    """Makes a piece of each node of the parser's tree, children first."""

    def __init__(self, text: str, scope: Scope, day: dt.date | None) -> None:
        self.text = text
        self.scope = scope
        self.day = day

    def refuse(self, column: int, reason: str) -> NoReturn:
        raise AudienceError(self.text[:LONGEST_TEXT], column, reason)

    def build(self, tree: Tree[Token]) -> Piece:
        todo: list[tuple[Tree[Token], bool]] = [(tree, False)]
        done: list[Piece] = []
        while todo:
            node, ready = todo.pop()
            if not ready:
                todo.append((node, True))
                todo.extend((c, False) for c in reversed(node.children) if isinstance(c, Tree))
                continue
            count = sum(isinstance(c, Tree) for c in node.children)
            below = done[len(done) - count :]
            del done[len(done) - count :]
            words = [c for c in node.children if isinstance(c, Token)]
            done.append(getattr(self, f"on_{node.data}")(below, words))
        return done[0]

    def apply(self, column: int, operation: str, *pieces: Piece) -> Piece:
        """The operation on the pieces, or an error at `column`."""
        deepest = 1 + max(p.depth for p in pieces)
        size = 1 + sum(p.size for p in pieces)
        if deepest > DEEPEST or size > LARGEST:
            self.refuse(column, "the condition is too large: give a part of it a name, as a tag of its own")
        if operation in ("equal", "not_equal", "one_of"):
            self.check_texts(pieces)
        first = next((p.type for p in pieces if isinstance(p.value, Operators)), None)
        values = [p.value for p in pieces]
        if first is not None and first.kind is Kind.NUMBER:
            values = [float(v) if isinstance(v, Decimal) else v for v in values]
        try:
            return Piece(call(operation, *values), pieces[0].column, deepest, size)
        except DefinitionError as error:
            plain = self.misfit(operation, pieces) if "does not take" in error.reason else ""
            self.refuse(column, plain or error.reason)

    def misfit(self, operation: str, pieces: Sequence[Piece]) -> str:
        """Why the types do not fit, in plain words; empty where the language's own reason is better."""
        types = [p.type for p in pieces]
        if any(t.kind is Kind.MONEY for t in types):
            types = [MONEY if type(p.value) in (int, Decimal) else p.type for p in pieces]
        kinds = {t.kind for t in types}
        if operation in ("both", "either", "opposite"):
            word = {"both": "and", "either": "or", "opposite": "not"}[operation]
            wrong = next(t for t in types if t.kind is not Kind.BOOLEAN)
            return f"`{word}` takes conditions, and {_a(wrong)} is none: compare it with something"
        if operation not in ("equal", "not_equal", "one_of", *_UP, *_DOWN) or len(kinds) == 1:
            return ""
        advice = ""
        if Kind.TEXT in kinds:
            advice = "; a text stands in quotes"
        elif Kind.DATE in kinds or Kind.INSTANT in kinds:
            advice = "; a day is written 2026-06-30"
        elif Kind.MONEY in kinds:
            advice = "; an amount of money is written 50_000, or with its unit"
        shown = list(dict.fromkeys(_a(t) for t in types))
        return f"{' and '.join(shown[:2])} cannot be compared{advice}"

    def check_texts(self, pieces: Sequence[Piece]) -> None:
        """Refuse a text that the tag or field beside it can never hold."""
        texts = [p for p in pieces if isinstance(p.value, str)]
        for piece in pieces if texts else ():
            if not isinstance(piece.value, Operators):
                continue
            known = self.scope.values_of(piece.value.node)
            for wrong in (t for t in texts if known and t.value not in known):
                hint = near(str(wrong.value), known, shown=1)
                self.refuse(wrong.column, f"it never has this value; it can be {list_values(known)}{hint}")

    def on_start(self, below: list[Piece], words: list[Token]) -> Piece:
        return below[0]

    def on_either(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.row("either", below, words)

    def on_both(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.row("both", below, words)

    def row(self, operation: str, below: list[Piece], words: list[Token]) -> Piece:
        columns = {id(piece): word.column or 1 for piece, word in zip(below[1:], words, strict=True)}

        def join(name: str, left: object, right: object) -> object:
            assert isinstance(left, Piece) and isinstance(right, Piece)
            return self.apply(columns.get(id(right), right.column), name, left, right)

        made = joined(operation, below, join)
        assert isinstance(made, Piece)
        return made

    def on_inverted(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.apply(words[0].column or 1, "opposite", *below)._replace(column=words[0].column or 1)

    def on_compared(self, below: list[Piece], words: list[Token]) -> Piece:
        names = {str(w.value) for w in words}
        if len(words) > 1 and not (names <= _UP or names <= _DOWN):
            self.refuse(words[1].column or 1, "only a range can be chained, in one direction: 10 <= x < 20")
        made = []
        for left, word, right in zip(below, words, below[1:], strict=False):
            if left.value is None or right.value is None:
                self.refuse(word.column or 1, "nothing compares with null: write `is null` or `is not null`")
            made.append(self.apply(word.column or 1, str(word.value), left, right))
        whole = made[0]
        for word, part in zip(words[1:], made[1:], strict=True):
            whole = self.apply(word.column or 1, "both", whole, part)
        return whole

    def on_member(self, below: list[Piece], words: list[Token]) -> Piece:
        if len(below) - 1 > MOST_VALUES:
            self.refuse(below[MOST_VALUES + 1].column, f"a list has at most {MOST_VALUES:,} values")
        for piece in below[1:]:
            if isinstance(piece.value, Operators) and not isinstance(piece.value.node, Literal):
                self.refuse(piece.column, "a list holds constants: numbers, days, texts in quotes")
            if piece.value is None:
                self.refuse(piece.column, "a list holds no null: write `is null` or `is not null`")
        return self.apply(words[-1].column or 1, "one_of", *below)

    def on_not_member(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.apply(words[0].column or 1, "opposite", self.on_member(below, words))

    def on_unknown(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.apply(words[0].column or 1, "is_null", *below)

    def on_known(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.apply(words[0].column or 1, "opposite", self.on_unknown(below, words))

    def on_sum(self, below: list[Piece], words: list[Token]) -> Piece:
        whole = below[0]
        for word, part in zip(words, below[1:], strict=True):
            whole = self.apply(word.column or 1, str(word.value), whole, part)
        return whole

    on_product = on_sum

    def on_negative(self, below: list[Piece], words: list[Token]) -> Piece:
        column, piece = words[0].column or 1, below[0]
        value = piece.value
        if isinstance(value, Decimal):
            return piece._replace(value=value.copy_negate(), column=column)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return piece._replace(value=-value, column=column)
        if isinstance(value, Expression) and isinstance(value.node, Literal) and value.type.numeric:
            amount = value.node.value
            assert isinstance(amount, (int, Decimal, float))
            return piece._replace(value=Expression(Literal(-amount, value.type)), column=column)
        return self.apply(column, "negate", piece)._replace(column=column)

    def on_constant(self, below: list[Piece], words: list[Token]) -> Piece:
        token = words[0]
        fixed: Mapping[str, object] = {"TRUE": True, "FALSE": False, "NULL": None}
        value: object = fixed.get(token.type, token.value)
        column = token.column or 1
        try:
            if token.type == "AS_OF":
                value = as_of() if self.day is None else self.day
            elif isinstance(value, Money):
                value = yuan(value.major)
            elif isinstance(value, Percent):
                value = Expression(literal(value.rate))
        except DefinitionError as error:
            self.refuse(column, error.reason)
        return Piece(value, column)

    def on_name(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.found(words[0].column or 1, self.scope.find, str(words[0].value))

    def on_field(self, below: list[Piece], words: list[Token]) -> Piece:
        return self.found(words[0].column or 1, self.scope.field, *(str(w.value) for w in words))

    def found(self, column: int, find: Callable[..., Operators], *names: str) -> Piece:
        try:
            return Piece(Expression(find(*names).node), column)
        except DefinitionError as error:
            self.refuse(column, error.reason)

    def on_called(self, below: list[Piece], words: list[Token]) -> Piece:
        name, column = str(words[0].value), words[0].column or 1
        if name in _OWN:
            return self.own(name, column, below)
        if name not in OPERATIONS:
            hint = near(name, [*OPERATIONS, *_OWN])
            what = "a tag, no operation" if name in self.scope.definitions else "no operation"
            self.refuse(column, f"this is {what} of the language{hint}")
        if not OPERATIONS[name].fits(len(below)):
            self.refuse(column, f"`{name}` is written {name}({OPERATIONS[name].takes})")
        if len(below) - 1 > MOST_VALUES:
            self.refuse(column, f"an operation has at most {MOST_VALUES + 1:,} arguments")
        return self.apply(column, name, *below)._replace(column=column)

    def own(self, name: str, column: int, below: list[Piece]) -> Piece:
        """Words that are written like operations and mean a name, a day or an unknown value."""
        first = below[0].value if below else None
        if name == "nothing" and len(below) in (1, 2) and all(isinstance(p.value, str) for p in below):
            return self.nothing(column, below)
        if len(below) != 1:
            self.refuse(column, f"`{name}` takes one value in its brackets")
        if name == "working_day":
            return self.working_day(column, below[0])
        if name == "earlier":
            if not self.scope.earlier:
                self.refuse(column, "one night is asked here; what changed between nights needs a tag")
            node = first.node if isinstance(first, Expression) else None
            if not isinstance(node, Reference) or node.earlier:
                self.refuse(below[0].column, "`earlier` takes the name of a tag")
            return Piece(Expression(Reference(node.name, node.type, node.grain, earlier=True)), column)
        if not isinstance(first, str):
            self.refuse(below[0].column, f"`{name}` takes a text in quotes: {_OWN[name]}")
        if name == "holds":
            return self.found(column, self.scope.holds, first)
        try:
            return Piece(dt.date.fromisoformat(first if len(first) == 10 else ""), column)
        except ValueError:
            self.refuse(below[0].column, "this is no day; a day is written 2026-06-30")

    def working_day(self, column: int, count: Piece) -> Piece:
        if not isinstance(count.value, int) or isinstance(count.value, bool):
            self.refuse(count.column, f"`working_day` takes a whole number: {_OWN['working_day']}")
        try:
            made = working_day(count.value)
            assert isinstance(made.node, AsOf)
            return Piece(made if self.day is None else made.node.on(self.day), column)
        except (DefinitionError, CalendarError) as error:
            self.refuse(count.column, getattr(error, "reason", str(error)))

    def nothing(self, column: int, below: list[Piece]) -> Piece:
        kind, *unit = (str(p.value) for p in below)
        if kind not in set(Kind):
            self.refuse(below[0].column, f"there is no such kind of value; there is {', '.join(Kind)}")
        return Piece(nothing(Type(Kind(kind), *unit)), column)
