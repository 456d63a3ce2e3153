"""Any text is understood or refused, quickly; any expression an audience can say reads back equal."""

from __future__ import annotations

import datetime as dt
import string
import time
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.kernel.errors import AudienceError, DefinitionError
from quanke.language import Expression, as_of, customers, earlier, nothing
from quanke.language.audience import DEEPEST, MOST_VALUES, parse_audience
from quanke.language.audience_text import say_audience
from quanke.language.audience_tokens import LONGEST_TEXT
from quanke.language.expressions import Operators, call, minor_units
from quanke.language.nodes import depth
from quanke.language.types import BOOLEAN, DATE, INSTANT, INTEGER, MONEY, NUMBER, RATE, TEXT, Kind, Type
from tests.spec import audience_catalogue as known
from tests.spec.audience_catalogue import CATALOGUE

WORDS = [
    *CATALOGUE, "city", "sex", "name", "birth_date", "时点AUM", "90天日均AUM", "双生", "nobody",
    "and", "or", "not", "in", "is", "null", "true", "false", "as_of", "between", "AND",
    "holds", "earlier", "date", "nothing", "case", "least", "year", "part", "band", "one_of",
    "(", ")", "（", "）", ",", "，", "、", ".", "==", "=", "＝", "!=", "<", "<=", "≥",
    "+", "-", "*", "/", "//", "%",
    "0", "1", "007", "50_000", "5万元", "50_000元", "5%", "5 %", "1.5", "9" * 30, "1e-9", "1e999",
    "2026-06-30", "2026-02-30", "2026-06-30T10:00", "12 CZK", '"深圳"', "“东莞”", "'a'", '"', "“", "`",
    "`时点AUM`",
    '"\\u4E2D"', '"\\u0000"', "&", "|", "!", "\x00", "\u202e", "\ud800", "\n", "\t",
    "　", "𠀀", "；", "{", "[",
]  # fmt: skip

words = st.sampled_from(WORDS)
currencies = st.sampled_from(["CNY", "CZK"])


def answer(text: str, **options: object) -> Expression | AudienceError:
    """What comes back; any exception but AudienceError fails the test. Never slower than a second."""
    begun = time.perf_counter()
    try:
        got: Expression | AudienceError = parse_audience(text, CATALOGUE, earlier=True, **options)  # type: ignore[arg-type]
    except AudienceError as error:
        assert 1 <= error.column <= len(text) + 1
        assert error.reason
        error.pointer()
        got = error
    assert time.perf_counter() - begun < 1
    return got


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    answer(text)


@settings(max_examples=600, deadline=None)
@given(st.lists(words, max_size=30), st.sampled_from(["", " "]), currencies)
def test_any_row_of_words(row: list[str], blank: str, currency: str) -> None:
    got = answer(blank.join(row), currency=currency)
    if isinstance(got, Expression):
        again = answer(say_audience(got.node, currency=currency), currency=currency)
        assert isinstance(again, Expression) and again.node == got.node


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(WORDS + list(string.printable)),
    words,
    st.integers(1, LONGEST_TEXT),
    st.sampled_from(["", "true", "aum > 5"]),
)
def test_long_repetition(first: str, last: str, times: int, middle: str) -> None:
    answer((first * times + middle + last * times)[: LONGEST_TEXT + 5])


TAGS: dict[Kind, Operators] = {
    Kind.BOOLEAN: known.has_fund,
    Kind.INTEGER: known.transfers,
    Kind.MONEY: known.aum,
    Kind.RATE: known.share,
    Kind.NUMBER: known.log_aum,
    Kind.TEXT: customers.name,
    Kind.DATE: customers.birth_date,
    Kind.INSTANT: known.last_at,
}
TYPES: dict[Kind, Type] = {t.kind: t for t in (BOOLEAN, INTEGER, MONEY, RATE, NUMBER, TEXT, DATE, INSTANT)}
small = st.integers(-(10**6), 10**6)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
CONSTANTS: dict[Kind, st.SearchStrategy[object]] = {
    Kind.INTEGER: small,
    Kind.MONEY: small,
    Kind.RATE: small.map(lambda i: Decimal(i) / 1000),
    Kind.TEXT: texts,
    Kind.DATE: st.dates(dt.date(1900, 1, 1)),
}
LEAVES: dict[Kind, st.SearchStrategy[object]] = {
    Kind.BOOLEAN: st.sampled_from([known.has_fund, known.has_wealth, earlier(known.has_fund), True, False]),
    Kind.INTEGER: st.sampled_from([known.transfers, customers.headcount]) | small,
    Kind.MONEY: st.sampled_from([known.aum, known.aum_90d, earlier(known.aum)]) | small.map(minor_units),
    Kind.RATE: st.sampled_from([known.share]) | small.map(lambda i: Decimal(i) / 1000),
    Kind.NUMBER: st.sampled_from([known.log_aum]),
    Kind.TEXT: st.sampled_from([customers.name, customers.city]) | texts,
    Kind.DATE: st.sampled_from([customers.birth_date, as_of()]) | st.dates(dt.date(1900, 1, 1)),
    Kind.INSTANT: st.sampled_from([known.last_at]) | st.datetimes(dt.datetime(1900, 1, 1)),
}
LEAVES = {kind: st.one_of(leaf, leaf, leaf, st.just(nothing(TYPES[kind]))) for kind, leaf in LEAVES.items()}
COMPARED = ("equal", "not_equal", "less", "at_most", "greater", "at_least")
B, W, M, R, N, T, D, S = (
    Kind.BOOLEAN, Kind.INTEGER, Kind.MONEY, Kind.RATE, Kind.NUMBER, Kind.TEXT, Kind.DATE, Kind.INSTANT
)  # fmt: skip


def arithmetic(kind: Kind) -> list[tuple[str, tuple[Kind, ...]]]:
    both = [(name, (kind, kind)) for name in ("add", "subtract", "least", "coalesce")]
    return [*both, ("negate", (kind,)), ("absolute", (kind,)), ("case", (B, kind, B, kind, kind))]


RECIPES: dict[Kind, list[tuple[str, tuple[Kind, ...]]]] = {
    B: [
        *[(name, (kind, kind)) for name in COMPARED for kind in (W, M, R, N, T, D, S)],
        *[("one_of", (kind, kind, kind)) for kind in (W, M, R, T, D)] * 2,
        *[(name, (B, B)) for name in ("both", "either")] * 10,
        *[("opposite", (B,))] * 8,
        *[("is_null", (kind,)) for kind in Kind],
        *[(name, (T, T)) for name in ("starts_with", "contains")],
        ("case", (B, B, B)),
        ("coalesce", (B, B)),
    ],
    W: [
        *arithmetic(W),
        *[(name, (W, W)) for name in ("multiply", "floor_divide", "modulo")],
        ("days_between", (D, D)), ("months_between", (D, D)), ("length", (T,)),
        ("hour", (S,)), ("sign", (R,)),
    ],
    M: [*arithmetic(M), ("multiply", (M, R)), ("multiply", (M, W)), ("divide", (M, W)), ("modulo", (M, M))],
    R: [
        *arithmetic(R), ("divide", (M, M)), ("divide", (W, R)), ("multiply", (R, W)), ("to_rate", (W,)),
        ("add", (R, W)),
    ],
    N: [*arithmetic(N), ("multiply", (N, R)), ("square_root", (N,))],
    T: [("case", (B, T, T)), ("concat", (T, T)), ("coalesce", (T, T))],
    D: [("case", (B, D, D)), ("add", (D, W)), ("month_end", (D,)), ("date_of", (S,)), ("add_months", (D, W))],
    S: [("case", (B, S, B, S, S)), ("coalesce", (S, S))],
}  # fmt: skip


def grown(draw: st.DrawFn, kind: Kind, room: int) -> object:
    """A random value of a kind, plain or an expression at most `room` levels high."""
    if room <= 0 or draw(st.integers(0, 4)) == 0:
        return draw(LEAVES[kind])
    operation, kinds = draw(st.sampled_from(RECIPES[kind]))
    if operation == "one_of":
        values = [draw(CONSTANTS[kinds[0]]) for _ in kinds[1:]]
        given = [draw(LEAVES[kinds[0]]), *values]
    else:
        given = [grown(draw, below, room - 1) for below in kinds]
    if operation in ("case", "coalesce") and draw(st.booleans()):
        given[-1] = None
    try:
        made = call(operation, *given)
    except DefinitionError:  # a literal out of range, mixed units
        return TAGS[kind]
    return made if made.type.kind is kind else TAGS[kind]


@st.composite
def conditions(draw: st.DrawFn) -> Expression:
    value = grown(draw, Kind.BOOLEAN, 4)
    return value if isinstance(value, Expression) else call("both", value, True)


@settings(max_examples=600, deadline=None)
@given(conditions(), currencies, st.booleans())
def test_what_is_said_reads_back_equal(condition: Expression, currency: str, bare: bool) -> None:
    said = say_audience(condition.node, currency=currency, names=CATALOGUE if bare else None)
    if len(said) > LONGEST_TEXT or depth(condition.node) > DEEPEST:
        return
    assert parse_audience(said, CATALOGUE, currency=currency, earlier=True).node == condition.node, said


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 140), st.sampled_from(["both", "either"]), st.data())
def test_rows_of_any_shape_read_back_equal(count: int, operation: str, data: st.DataObject) -> None:
    row: list[Operators] = [known.transfers == i for i in range(count)]
    other = "either" if operation == "both" else "both"
    while len(row) > 1:
        place = data.draw(st.integers(0, len(row) - 2))
        name = other if data.draw(st.integers(0, 9)) == 0 else operation
        row[place : place + 2] = [call(name, row[place], row[place + 1])]
    node = row[0].node
    if depth(node) <= 90:
        assert parse_audience(say_audience(node), CATALOGUE).node == node


def test_lists_of_the_longest_kind_read_back_equal() -> None:
    values = ", ".join(str(i) for i in range(MOST_VALUES))
    got = parse_audience(f"aum in ({values})", CATALOGUE)
    assert parse_audience(say_audience(got.node), CATALOGUE).node == got.node
