"""Each rule of a cell, one by one: what is taken and as what, what is refused and for which rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quanke.bank.contracts import CONTRACTS, Field
from quanke.bank.contracts.schema import boolean, code, instant, integer, money, rate, text
from quanke.bank.contracts.schema import date as day
from quanke.bank.load.rules import (
    CODES,
    LARGEST_MONEY,
    RULES,
    cell,
    enum_name,
    enum_values,
    fault,
    refusal,
    value_class,
)
from quanke.bank.readers import Kind, SourceColumn
from quanke.kernel.errors import InputError
from quanke.kernel.money import parse_amount

TEXT = SourceColumn("x", Kind.TEXT, "VARCHAR")
NAMES = {number: rule for rule, number in CODES.items()}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'Asia/Shanghai'")
        yield opened


def judge(
    connection: duckdb.DuckDBPyConnection,
    field: Field,
    values: list[Any],
    source: SourceColumn = TEXT,
    exponent: str = "2",
) -> list[Any]:
    """For each value what it is read as, or the name of the rule it breaks."""
    read = cell(field, source, exponent)
    if enum_values(field):
        listed = ", ".join(f"'{value}'" for value in enum_values(field))
        connection.execute(f"DROP TYPE IF EXISTS {enum_name(field)}")
        connection.execute(f"CREATE TYPE {enum_name(field)} AS ENUM ({listed})")
    name = field.name
    rows = connection.execute(
        f"WITH given AS (SELECT i, v::{source.type} AS x "
        "FROM (SELECT unnest(?) AS v, unnest(range(?)) AS i)), "
        f'src AS (SELECT i, {read.raw} AS "r_{name}" FROM given), '
        f'typed AS (SELECT *, {read.value} AS "v_{name}" FROM src) '
        f'SELECT "v_{name}", {fault(read)} FROM typed ORDER BY i',
        [values, len(values)],
    ).fetchall()
    return [NAMES[broken] if broken else value for value, broken in rows]


LONG = "长" * 4097
CASES: list[tuple[Field, str | None, Any]] = [
    (text("f", "", ""), "  张 三 \t", "张 三"),
    (text("f", "", ""), "   ", None),
    (text("f", "", "", required=True), "   ", "required"),
    (text("f", "", "", required=True), None, "required"),
    (text("f", "", ""), LONG, "length"),
    (text("f", "", ""), LONG[1:], LONG[1:]),
    (text("f", "", ""), "a\0b", "nul"),
    (text("f", "", ""), "=HYPERLINK(1)", "=HYPERLINK(1)"),
    (text("f", "", ""), "-5", "-5"),
    (text("f", "", ""), "𠮷野家", "𠮷野家"),
    (code("f", "", "", "in", "out"), "in", "in"),
    (code("f", "", "", "in", "out"), "IN", "values"),
    (code("f", "", "", "in", "out"), "in;out", "values"),
    (code("f", "", "", "in", "out"), "", None),
    (code("f", "", ""), "anything", "anything"),
    (code("f", "", "", check="currency"), "CNY", "CNY"),
    (code("f", "", "", check="currency"), "RMB", "currency"),
    (integer("f", "", ""), "+007", 7),
    (integer("f", "", ""), "-0", 0),
    (integer("f", "", ""), "1.0", "type"),
    (integer("f", "", ""), "1e3", "type"),
    (integer("f", "", ""), "１２", "type"),
    (integer("f", "", ""), "9223372036854775808", "range"),
    (integer("f", "", "", check="not_negative"), "-1", "not_negative"),
    (money("f", "", ""), "0.1", 10),
    (money("f", "", ""), "-0.00", 0),
    (money("f", "", ""), "+12.", 1200),
    (money("f", "", ""), "1.500000", 150),
    (money("f", "", ""), "1.005", "decimals"),
    (money("f", "", ""), "1,000.00", "type"),
    (money("f", "", ""), ".5", "type"),
    (money("f", "", ""), "1e5", "type"),
    (money("f", "", ""), "NaN", "type"),
    (money("f", "", ""), "¥5", "type"),
    (money("f", "", ""), "10000000000000.00", LARGEST_MONEY),
    (money("f", "", ""), "10000000000000.01", "range"),
    (money("f", "", ""), "9" * 40, "range"),
    (money("f", "", ""), "0" * 40 + "1", 100),
    (money("f", "", "", check="positive"), "0.00", "positive"),
    (money("f", "", "", check="not_negative"), "-0.01", "not_negative"),
    (rate("f", "", ""), "0.0128205128", Decimal("0.012821")),
    (rate("f", "", ""), "-1.5", Decimal("-1.5")),
    (rate("f", "", ""), "3%", "type"),
    (rate("f", "", ""), "9" * 13, "range"),
    (boolean("f", "", ""), "TRUE", True),
    (boolean("f", "", ""), "是", True),
    (boolean("f", "", ""), "0", False),
    (boolean("f", "", ""), "否", False),
    (boolean("f", "", ""), "2", "type"),
    (day("f", "", ""), "2024-02-29", date(2024, 2, 29)),
    (day("f", "", ""), "20240229", date(2024, 2, 29)),
    (day("f", "", ""), "2024-02-29 00:00:00.000", date(2024, 2, 29)),
    (day("f", "", ""), "2024-02-29 10:00:00", "type"),
    (day("f", "", ""), "2023-02-29", "type"),
    (day("f", "", ""), "29/02/2024", "type"),
    (day("f", "", ""), "2024-2-9", "type"),
    (day("f", "", ""), "1899-12-31", "range"),
    (day("f", "", ""), "1900-01-01", date(1900, 1, 1)),
    (day("f", "", ""), "2199-12-31", date(2199, 12, 31)),
    (day("f", "", ""), "2200-01-01", "range"),
    (day("f", "", ""), "9999-12-31", "range"),
    (day("closed_on", "", ""), "9999-12-31", None),
    (day("to_date", "", ""), "99991231", None),
    (day("closed_on", "", "", required=True), "9999-12-31", "range"),
    (instant("f", "", ""), "2024-01-01 10:00:00", datetime(2024, 1, 1, 10)),
    (instant("f", "", ""), "2024-01-01T10:00:00.25", datetime(2024, 1, 1, 10, 0, 0, 250_000)),
    (instant("f", "", ""), "2024-01-01T02:00:00Z", datetime(2024, 1, 1, 10)),
    (instant("f", "", ""), "2024-01-01 10:00:00+09:00", datetime(2024, 1, 1, 9)),
    (instant("f", "", ""), "2024-01-01 10:00:00 -0100", datetime(2024, 1, 1, 19)),
    (instant("f", "", ""), "2024-01-01 24:00:00", "type"),
    (instant("f", "", ""), "2024-01-01", "type"),
    (instant("f", "", ""), "2024-01-01 10:00", "type"),
    (instant("f", "", ""), "9999-12-31 00:00:00", "range"),
]


@pytest.mark.parametrize(
    ("field", "given_", "expected"), CASES, ids=lambda x: str(getattr(x, "name", x))[:30]
)
def test_a_text_cell(
    connection: duckdb.DuckDBPyConnection, field: Field, given_: str | None, expected: Any
) -> None:
    assert judge(connection, field, [given_]) == [expected]


TYPED: list[tuple[Field, SourceColumn, str, list[Any]]] = [
    (text("f", "", ""), SourceColumn("x", Kind.INTEGER, "BIGINT"), "[7, NULL]", ["7", None]),
    (
        integer("f", "", ""),
        SourceColumn("x", Kind.FLOAT, "DOUBLE"),
        "[7.0, 7.5, 'nan'::DOUBLE]",
        [7, "type", "type"],
    ),
    (
        integer("f", "", ""),
        SourceColumn("x", Kind.INTEGER, "UBIGINT"),
        "[18446744073709551615::UBIGINT]",
        ["range"],
    ),
    (
        money("f", "", ""),
        SourceColumn("x", Kind.DECIMAL, "DECIMAL(18,2)", 2),
        "[0.10, -99.99, 10000000000000.01, NULL]",
        [10, -9999, "range", None],
    ),
    (
        money("f", "", ""),
        SourceColumn("x", Kind.DECIMAL, "DECIMAL(18,4)", 4),
        "[0.1000, 0.1001]",
        [10, "decimals"],
    ),
    (
        money("f", "", ""),
        SourceColumn("x", Kind.DECIMAL, "DECIMAL(38,2)", 2),
        "[99999999999999999999.00, 5.00]",
        ["range", 500],
    ),
    (money("f", "", ""), SourceColumn("x", Kind.INTEGER, "INTEGER"), "[3, -3]", [300, -300]),
    (
        money("f", "", ""),
        SourceColumn("F_FEN", Kind.INTEGER, "BIGINT"),
        "[3, 1000000000000001]",
        [3, "range"],
    ),
    (
        rate("f", "", ""),
        SourceColumn("x", Kind.FLOAT, "DOUBLE"),
        "[0.1, 'inf'::DOUBLE, 1e300]",
        [Decimal("0.1"), "type", "range"],
    ),
    (boolean("f", "", ""), SourceColumn("x", Kind.INTEGER, "INTEGER"), "[0, 1, 2]", [False, True, "type"]),
    (
        day("f", "", ""),
        SourceColumn("x", Kind.INTEGER, "INTEGER"),
        "[20240131, 20241331]",
        [date(2024, 1, 31), "type"],
    ),
    (
        day("closed_on", "", ""),
        SourceColumn("x", Kind.DATE, "DATE"),
        "['9999-12-31'::DATE, '2024-01-31'::DATE, '0001-01-01'::DATE, 'infinity'::DATE]",
        [None, date(2024, 1, 31), "range", "range"],
    ),
    (
        day("f", "", ""),
        SourceColumn("x", Kind.INSTANT, "TIMESTAMP"),
        "['2024-01-31 00:00:00'::TIMESTAMP, '2024-01-31 00:00:01'::TIMESTAMP]",
        [date(2024, 1, 31), "type"],
    ),
    (
        instant("f", "", ""),
        SourceColumn("x", Kind.ZONED, "TIMESTAMPTZ"),
        "['2024-01-31 00:00:00+00'::TIMESTAMPTZ]",
        [datetime(2024, 1, 31, 8)],
    ),
]


@pytest.mark.parametrize(("field", "source", "values", "expected"), TYPED, ids=lambda x: str(x)[:40])
def test_a_typed_cell(
    connection: duckdb.DuckDBPyConnection,
    field: Field,
    source: SourceColumn,
    values: str,
    expected: list[Any],
) -> None:
    read = cell(field, source)
    name = field.name
    found = connection.execute(
        f'WITH given AS (SELECT v::{source.type} AS "{source.name}", i FROM '
        f"(SELECT unnest({values}) AS v, generate_subscripts({values}, 1) AS i)), "
        f'src AS (SELECT i, {read.raw} AS "r_{name}" FROM given), '
        f'typed AS (SELECT *, {read.value} AS "v_{name}" FROM src) '
        f'SELECT CASE WHEN {fault(read)} = 0 THEN "v_{name}" END, {fault(read)} FROM typed ORDER BY i'
    ).fetchall()
    assert [NAMES[broken] if broken else value for value, broken in found] == expected


AMOUNTS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14).map(
        str
    ),
    st.from_regex(r"\A[+-]?[0-9]{1,16}(\.[0-9]{0,6})?\Z"),
    st.text("0123456789.+-e, ", max_size=12),
)


@pytest.mark.parametrize("exponent", [0, 2, 3])
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(AMOUNTS, min_size=1, max_size=40))
@example(texts=["9300000000000000", "-9999999999999999.9999"])  # a thousand times it does not fit 64 bits
@example(texts=["9" * 30, "1" + "0" * 34, "9" * 60])
def test_money_is_read_as_the_kernel_reads_it(exponent: int, texts: list[str]) -> None:
    with duckdb.connect() as connection:
        constant = judge(connection, money("f", "", ""), texts, exponent=str(exponent))
        by_row = judge(connection, money("f", "", ""), texts, exponent=f"({exponent})")
    assert constant == by_row
    for amount, read in zip(texts, constant, strict=True):
        plain = amount.strip(" \t\r\n")
        if not plain:
            assert read is None
            continue
        try:
            expected: int | None = parse_amount(plain, exponent)
        except InputError:
            expected = None
        if isinstance(read, int):
            assert expected == read or plain.endswith("."), plain
        elif expected is not None and "," not in plain:
            assert read == "range" and abs(expected) > LARGEST_MONEY, plain


def test_columns_of_a_wrong_kind_are_refused_whole() -> None:
    accepted = {
        (field.type, kind)
        for contract in CONTRACTS.values()
        for field in contract
        for kind in Kind
        if not refusal(field, SourceColumn(field.name, kind, ""))
    }
    assert not {(type_, Kind.OTHER) for type_, _ in accepted} & accepted
    assert refusal(money("amount", "", ""), SourceColumn("amount", Kind.FLOAT, "DOUBLE")) == (
        "is a floating-point column; money is handed over as DECIMAL, or as whole minor units in amount_fen"
    )
    assert refusal(day("d", "", ""), SourceColumn("d", Kind.FLOAT, "DOUBLE")) == (
        "the column holds floating-point numbers, but the field is a date"
    )


CLASSES = {
    None: "empty",
    "  ": "empty",
    "12": "whole number",
    "-1.5": "decimal number",
    "1,234.50": "number with separators",
    "2024/1/5": "date",
    "2024-01-05 10:00": "date and time",
    "张三": "text",
    "a\0": "text with NUL",
    LONG: "too long",
}


def test_classes_of_values(connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute(
        f"SELECT {value_class('v')} FROM (SELECT unnest(?) AS v, unnest(range(?)) AS i) ORDER BY i",
        [list(CLASSES), len(CLASSES)],
    ).fetchall()
    assert [row[0] for row in found] == list(CLASSES.values())


def test_every_rule_has_a_sentence() -> None:
    assert all(sentence and not sentence.endswith(".") for sentence in RULES.values())
    assert len(set(CODES.values())) == len(RULES)
