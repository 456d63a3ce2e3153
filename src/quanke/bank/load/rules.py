"""What is accepted in one cell, as SQL: the raw cell, its value, and the rules it may break.

Every rule is an SQL condition, so a unit is validated in one vectorised scan. Decisions:

* Blanks, tabs and line ends around a text are not part of it; an empty cell is null.
* Text may have 4,096 characters and no NUL. A text that begins with `=`, `+`, `-` or `@` is data and is
  kept as it is; what could run as a formula is made harmless where tables leave (exports), not here.
* Dates are YYYY-MM-DD or YYYYMMDD, from 1900-01-01 to 2199-12-31. In an optional field ending in `_on` or
  `_to`, or called `to_date`, any day of the year 9999 means "no end" and is understood as null.
* Instants are `YYYY-MM-DD HH:MM:SS[.ffffff]` (or with `T`); an offset or `Z` after it is converted to
  Asia/Shanghai time.
* Money is exact: no floating-point column, no more decimals than the currency has (zeros excepted), at most
  10^15 minor units either way. Negative zero is zero. A separator of thousands is refused, as `1,234` may
  mean two things. Rates are rounded half up to six places.
* An identity number, mobile number or unified social credit code that fails its check does not cost the
  bank the row: it is taken and flagged (`quanke.bank.arranged.FLAGS`), and identity never links on it. An
  unknown currency does cost the row, since its amounts would mean nothing.
* Codes of a closed list must be on the list, in its own spelling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quanke.bank.contracts import Field, FieldType
from quanke.bank.readers import Kind, SourceColumn
from quanke.bank.sql import literal, quoted
from quanke.kernel.money import currency_exponents

RULES: dict[str, str] = {
    "required": "a value is required here",
    "length": "the text is longer than 4,096 characters",
    "nul": "the text holds a NUL character",
    "type": "the value is not of the field's type",
    "values": "the code is not on the list of the contract",
    "currency": "the code is not an ISO 4217 currency",
    "decimals": "the amount has more decimals than its currency",
    "range": "the number or date is outside what is accepted",
    "positive": "the number must be above zero",
    "not_negative": "the number must not be below zero",
    "references": "what it refers to is not loaded",
    "fx_rate": "no exchange rate is known on or before the day",
    "duplicate_key": "an earlier row, or a unit loaded before, has the same key",
    "cells": "the record has more or fewer cells than the header",
    "record": "the record cannot be read as an event of a table that may arrive live",
    "changed": "an event of the same number came before with other content",
    "required_where": "a value is required here for what another field of the row says",
}
"""Rules a row can break, as the quarantine names them, and what each means."""

CODES: dict[str, int] = {rule: code for code, rule in enumerate(RULES, start=1)}

LONGEST_TEXT = 4_096
LARGEST_MONEY = 10**15
_FIRST_DAY, _LAST_DAY = "1900-01-01", "2199-12-31"
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"

_ACCEPTED: dict[FieldType, frozenset[Kind]] = {
    FieldType.TEXT: frozenset({Kind.TEXT, Kind.INTEGER}),
    FieldType.CODE: frozenset({Kind.TEXT, Kind.INTEGER}),
    FieldType.INTEGER: frozenset({Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}),
    FieldType.MONEY: frozenset({Kind.TEXT, Kind.INTEGER, Kind.DECIMAL}),
    FieldType.RATE: frozenset({Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}),
    FieldType.BOOLEAN: frozenset({Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN}),
    FieldType.DATE: frozenset({Kind.TEXT, Kind.INTEGER, Kind.DATE, Kind.INSTANT, Kind.ZONED}),
    FieldType.INSTANT: frozenset({Kind.TEXT, Kind.INSTANT, Kind.ZONED}),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """How one field is read from one source column.

    `raw` is SQL over the source's columns; `value` and the conditions of `faults` (rule, condition; the
    first that holds counts) are SQL over `raw` under the name `r_<field>` and `value` under `v_<field>`.
    A condition that is null does not hold.
    """

    field: Field
    source: SourceColumn | None
    raw: str
    value: str
    faults: tuple[tuple[str, str], ...] = ()


def refusal(field: Field, source: SourceColumn) -> str:
    """Why a whole column cannot be this field; empty if it can."""
    if source.kind is Kind.NOTHING or source.kind in _ACCEPTED[field.type]:
        return ""
    if field.type is FieldType.MONEY and source.kind is Kind.FLOAT:
        return (
            "is a floating-point column; money is handed over as DECIMAL, or as whole minor units in "
            f"{field.name}_fen"
        )
    return f"the column holds {_plural(source.kind)}, but the field is {_article(field.type)}"


def _plural(kind: Kind) -> str:
    return kind.value if kind in (Kind.OTHER, Kind.BOOLEAN) else f"{kind.value}s"


def _article(type_: FieldType) -> str:
    return f"an {type_.value}" if type_ in (FieldType.INTEGER, FieldType.INSTANT) else f"a {type_.value}"


def enum_values(field: Field) -> tuple[str, ...]:
    """The closed list of a field's codes, as an SQL ENUM checks it; empty if it has none."""
    if field.check == "currency":
        return tuple(sorted(currency_exponents()))
    return field.values


def enum_name(field: Field) -> str:
    """Name of the SQL type of such a list. One list has one name, whatever table it stands in."""
    return quoted("codes:" + ",".join(enum_values(field)))


def cell(field: Field, source: SourceColumn | None, exponent: str = "2") -> Cell:
    """How `field` is read from `source` (None: the column is absent).

    `exponent` is SQL for the number of decimals of the row's currency; a bare digit where all rows agree.
    """
    if source is None or source.kind is Kind.NOTHING:
        return Cell(field, source, "NULL::VARCHAR", f"NULL::{_NULLS[field.type]}")
    if field.type is FieldType.MONEY:
        return _money(field, source, exponent)
    return _READERS[field.type](field, source)


_NULLS: dict[FieldType, str] = {
    FieldType.TEXT: "VARCHAR",
    FieldType.CODE: "VARCHAR",
    FieldType.INTEGER: "BIGINT",
    FieldType.MONEY: "BIGINT",
    FieldType.RATE: "DECIMAL(18,6)",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.INSTANT: "TIMESTAMP",
}


def _names(field: Field) -> tuple[str, str]:
    return quoted(f"r_{field.name}"), quoted(f"v_{field.name}")


def _trimmed(source: SourceColumn) -> str:
    """The text without blanks around it, null if nothing is left. Only rows with blanks pay for trimming."""
    text = quoted(source.name) + ("" if source.type == "VARCHAR" else "::VARCHAR")
    edge = f"{text} < '!' OR {text}[-1] <= ' '"
    return f"CASE WHEN {edge} THEN nullif(trim({text}, {_BLANKS}), '') ELSE {text} END"


def _raw(source: SourceColumn) -> str:
    """The cell: trimmed text, or the typed value."""
    return _trimmed(source) if source.kind is Kind.TEXT else quoted(source.name)


def _text_faults(raw: str) -> tuple[tuple[str, str], ...]:
    too_long = f"strlen({raw}) > {LONGEST_TEXT} AND length({raw}) > {LONGEST_TEXT}"
    return ("length", too_long), ("nul", f"contains({raw}, chr(0))")


def _text(field: Field, source: SourceColumn) -> Cell:
    raw, value = _names(field)
    text = _trimmed(source) if source.kind is Kind.TEXT else f"{quoted(source.name)}::VARCHAR"
    if enum_values(field):
        rule = "currency" if field.check == "currency" else "values"
        cast = f"try_cast({raw} AS {enum_name(field)})"
        return Cell(field, source, text, cast, ((rule, f"{value} IS NULL"),))
    return Cell(field, source, text, raw, _text_faults(raw))


def _integer(field: Field, source: SourceColumn) -> Cell:
    raw, value = _names(field)
    if source.kind is Kind.TEXT:
        shaped = f"regexp_full_match({raw}, '[+-]?[0-9]+')"
        number = f"CASE WHEN {shaped} THEN try_cast(ltrim({raw}, '+') AS BIGINT) END"
    elif source.kind is Kind.INTEGER:
        shaped, number = "true", f"try_cast({raw} AS BIGINT)"
    else:
        finite = f"isfinite({raw}) AND " if source.kind is Kind.FLOAT else ""
        shaped = f"coalesce({finite}{raw} = trunc({raw}), false)"
        number = f"CASE WHEN {shaped} THEN try_cast({raw} AS BIGINT) END"
    faults = (("type", f"NOT {shaped}"), ("range", f"{value} IS NULL"), *_sign_faults(field, value))
    return Cell(field, source, _raw(source), number, faults)


def _sign_faults(field: Field, value: str) -> tuple[tuple[str, str], ...]:
    conditions = {"positive": f"{value} <= 0", "not_negative": f"{value} < 0"}
    return ((field.check, conditions[field.check]),) if field.check in conditions else ()


def _money(field: Field, source: SourceColumn, exponent: str) -> Cell:
    """Minor units out of `<name>_fen`, or out of major units with at most `exponent` decimals."""
    raw, value = _names(field)
    if source.name.strip().lower() == f"{field.name}_fen":
        whole = _integer(field, source)
        type_fault, range_fault, *signs = whole.faults
        limit = ("range", f"abs({value}) > {LARGEST_MONEY}")
        return Cell(field, source, whole.raw, whole.value, (type_fault, range_fault, limit, *signs))
    minor, shaped, exact = (
        _minor_units(raw, source, int(exponent))
        if exponent in ("0", "1", "2")
        else _minor_units_by_row(raw, source, exponent)
    )
    faults = (
        ("type", f"NOT {shaped}"),
        ("decimals", f"NOT {exact}"),
        ("range", f"{value} IS NULL OR abs({value}) > {LARGEST_MONEY}"),
        *_sign_faults(field, value),
    )
    return Cell(field, source, _raw(source), minor, faults)


def _minor_units(raw: str, source: SourceColumn, exponent: int) -> tuple[str, str, str]:
    """(minor units, whether it is a number, whether its decimals fit) for one exponent up to 2.

    Stays within 64 bits: with two decimals, below 10^14 major units, DECIMAL(18,2) and a hundred times it
    both fit.
    """
    digits = 16 - exponent
    decimal = f"try_cast({raw} AS DECIMAL(18,{exponent}))"
    minor = f"CASE WHEN abs({decimal}) < {10**digits} THEN ({decimal} * {10**exponent})::BIGINT END"
    if source.kind is Kind.TEXT:
        shaped = f"regexp_full_match({raw}, '[+-]?[0-9]+(\\.[0-9]*)?')"
        exact = f"regexp_full_match({raw}, '[+-]?[0-9]+(\\.[0-9]{{0,{exponent}}}0*)?')"
        amount = f"[+-]?0*[0-9]{{1,{digits}}}(\\.[0-9]{{0,{exponent}}}0*)?"
        in_shape = f"regexp_full_match({raw}, '{amount}')"
        return f"CASE WHEN {in_shape} THEN {minor} END", shaped, exact
    if source.kind is Kind.INTEGER or source.scale <= exponent:
        return minor, "true", "true"
    return minor, "true", f"coalesce({raw} = {decimal}, true)"


def _minor_units_by_row(raw: str, source: SourceColumn, exponent: str) -> tuple[str, str, str]:
    """The same where each row has its own exponent (0 to 4): counted in ten-thousandths first."""
    fine = f"(try_cast({raw} AS DECIMAL(38,4)) * 10000)::HUGEINT"
    unit = f"(CASE {exponent} WHEN 0 THEN 10000 WHEN 1 THEN 1000 WHEN 2 THEN 100 WHEN 3 THEN 10 ELSE 1 END)"
    fits = f"{fine} % {unit} = 0"
    shaped, exact, in_shape = "true", f"coalesce({fits}, true)", "true"
    if source.kind is Kind.TEXT:
        shaped = f"regexp_full_match({raw}, '[+-]?[0-9]+(\\.[0-9]*)?')"
        in_shape = f"regexp_full_match({raw}, '[+-]?0*[0-9]{{1,16}}(\\.[0-9]{{0,4}}0*)?')"
        exact = f"(regexp_full_match({raw}, '[+-]?[0-9]+(\\.[0-9]{{0,4}}0*)?') AND coalesce({fits}, true))"
    elif source.scale > 4:
        exact = f"coalesce({raw} = try_cast({raw} AS DECIMAL(38,4)) AND {fits}, true)"
    bounded = f"abs(try_cast({raw} AS DECIMAL(38,4))) < {10**16}"
    minor = f"CASE WHEN {in_shape} AND {bounded} THEN try_cast({fine} // {unit} AS BIGINT) END"
    return minor, shaped, exact


def _rate(field: Field, source: SourceColumn) -> Cell:
    raw, value = _names(field)
    number = f"try_cast({raw} AS DECIMAL(18,6))"
    shaped = "true"
    if source.kind is Kind.TEXT:
        shaped = f"regexp_full_match({raw}, '[+-]?[0-9]+(\\.[0-9]*)?')"
        number = f"CASE WHEN {shaped} THEN {number} END"
    elif source.kind is Kind.FLOAT:
        shaped = f"isfinite({raw})"
        number = f"CASE WHEN {shaped} THEN {number} END"
    faults = (("type", f"NOT {shaped}"), ("range", f"{value} IS NULL"), *_sign_faults(field, value))
    return Cell(field, source, _raw(source), number, faults)


def _boolean(field: Field, source: SourceColumn) -> Cell:
    raw, value = _names(field)
    if source.kind is Kind.BOOLEAN:
        return Cell(field, source, _raw(source), raw)
    text = f"lower({raw}::VARCHAR)"
    number = (
        f"CASE WHEN {text} IN ('true', 't', '1', 'yes', 'y', '是') THEN true "
        f"WHEN {text} IN ('false', 'f', '0', 'no', 'n', '否') THEN false END"
    )
    return Cell(field, source, _raw(source), number, (("type", f"{value} IS NULL"),))


def _no_end(field: Field) -> bool:
    """Whether the year 9999 may stand in this field for "no end"."""
    return not field.required and field.name.endswith(("_on", "_to", "to_date"))


def _date(field: Field, source: SourceColumn) -> Cell:
    raw, value = _names(field)
    endless = _no_end(field)
    if source.kind in (Kind.TEXT, Kind.INTEGER):
        cell_ = _trimmed(source) if source.kind is Kind.TEXT else f"{quoted(source.name)}::VARCHAR"
        text = f"CASE WHEN starts_with({cell_}, '9999') AND strlen({cell_}) >= 8 THEN NULL ELSE {cell_} END"
        day = (
            f"CASE WHEN regexp_full_match({raw}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}( 00:00:00(\\.0+)?)?') "
            f"THEN try_cast({raw}[1:10] AS DATE) WHEN regexp_full_match({raw}, '[0-9]{{8}}') "
            f"THEN try_cast({raw}[1:4] || '-' || {raw}[5:6] || '-' || {raw}[7:8] AS DATE) END"
        )
        return Cell(field, source, text if endless else cell_, day, _day_faults(value))
    typed = quoted(source.name)
    if source.kind is Kind.ZONED:
        typed = f"({typed} AT TIME ZONE 'Asia/Shanghai')"
    if endless:
        typed = f"CASE WHEN isfinite({typed}) AND year({typed}) = 9999 THEN NULL ELSE {typed} END"
    day = f"CASE WHEN {raw}::DATE::TIMESTAMP = {raw}::TIMESTAMP THEN {raw}::DATE END"
    return Cell(field, source, typed, raw if source.kind is Kind.DATE else day, _day_faults(value))


def _day_faults(value: str) -> tuple[tuple[str, str], ...]:
    outside = f"{value} < DATE '{_FIRST_DAY}' OR {value} > DATE '{_LAST_DAY}'"
    return ("type", f"{value} IS NULL"), ("range", outside)


_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?"
_OFFSET = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"


def _instant(field: Field, source: SourceColumn) -> Cell:
    raw, value = _names(field)
    moment = raw
    if source.kind is Kind.TEXT:
        local = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{_CLOCK}"
        # DuckDB wants the offset close up and with a colon.
        close = f"regexp_replace({raw}, ' ([Z+-][0-9:]*)$', '\\1')"
        spelled = f"regexp_replace({close}, '([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
        zoned = f"try_cast({spelled} AS TIMESTAMPTZ) AT TIME ZONE 'Asia/Shanghai'"
        moment = (
            f"CASE WHEN regexp_full_match({raw}, '{local}') THEN try_cast({raw} AS TIMESTAMP) "
            f"WHEN regexp_full_match({raw}, '{local} ?{_OFFSET}') THEN {zoned} END"
        )
    elif source.kind is Kind.ZONED:
        moment = f"{raw} AT TIME ZONE 'Asia/Shanghai'"
    else:
        moment = f"try_cast({raw} AS TIMESTAMP)"
    outside = f"{value} < TIMESTAMP '{_FIRST_DAY}' OR {value} >= TIMESTAMP '2200-01-01'"
    return Cell(field, source, _raw(source), moment, (("type", f"{value} IS NULL"), ("range", outside)))


_READERS: dict[FieldType, Callable[[Field, SourceColumn], Cell]] = {
    FieldType.TEXT: _text,
    FieldType.CODE: _text,
    FieldType.INTEGER: _integer,
    FieldType.RATE: _rate,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.INSTANT: _instant,
}


def value_class(text: str) -> str:
    """SQL that says what sort of value a source text is, without saying the value."""
    trimmed = f"trim({text}, {_BLANKS})"
    shapes = (
        ("[+-]?[0-9]+", "whole number"),
        ("[+-]?[0-9]*\\.[0-9]+([eE][+-]?[0-9]+)?", "decimal number"),
        ("[+-]?[0-9]{1,3}(,[0-9]{3})+(\\.[0-9]+)?", "number with separators"),
        ("[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}", "date"),
        ("[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}[ T][0-9:.]+.{0,6}", "date and time"),
    )
    cases = "".join(
        f" WHEN regexp_full_match({trimmed}, {literal(shape)}) THEN {literal(name)}" for shape, name in shapes
    )
    return (
        f"CASE WHEN {text} IS NULL OR {trimmed} = '' THEN 'empty' "
        f"WHEN strlen({text}) > {LONGEST_TEXT} AND length({text}) > {LONGEST_TEXT} THEN 'too long' "
        f"WHEN contains({text}, chr(0)) THEN 'text with NUL'{cases} ELSE 'text' END"
    )


def fault(cell_: Cell, extra: tuple[tuple[str, str], ...] = ()) -> str:
    """SQL for the code of the first rule the cell breaks, 0 if none. `extra` rules come last."""
    raw, _ = _names(cell_.field)
    cases = "".join(f" WHEN {condition} THEN {CODES[rule]}" for rule, condition in (*cell_.faults, *extra))
    missing = str(CODES["required"]) if cell_.field.required else "0"
    other, codes = cell_.field.required_where
    if other and missing == "0":
        listed = ", ".join(map(literal, codes))
        asked = f"{quoted('v_' + other)} IN ({listed})"
        missing = f"CASE WHEN {asked} THEN {CODES['required_where']} ELSE 0 END"
    if not cases and missing == "0":
        return "0"
    empty = f"WHEN {raw} IS NULL THEN {missing}"
    return f"(CASE {empty}{cases} ELSE 0 END)::TINYINT"
