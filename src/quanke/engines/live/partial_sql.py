"""The opening of a day in SQL: the partials of aggregates, grouped by customer, and as dense arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.engines.dialect import Dialect
from quanke.engines.live.columns import Array
from quanke.engines.live.held import carrier
from quanke.engines.live.opening import SETS, UNKNOWN, Partials
from quanke.engines.statements import lower, reach_sql
from quanke.language.facts import table_of
from quanke.language.nodes import ALWAYS, Aggregate, Column, Node, Reduce, type_of
from quanke.language.types import RATE_ONE, Kind

_ORIGIN = "DATE '1970-01-01'"


def partials_sql(
    table: str, wanted: Mapping[Aggregate, str], source: str, dialect: Dialect, as_of: dt.date
) -> str:
    """One grouping over one fact table: `customer`, and `<name>_<n>` for each partial of each aggregate.

    `source` is SQL of a relation with `customer` and the table's fields (`balances`: `delta`).
    """
    parts = [
        f"{sql} AS {name}_{number}"
        for node, name in wanted.items()
        for number, sql in enumerate(_parts(node, dialect, as_of))
    ]
    lines = ",\n    ".join(parts)
    reach = reach_sql(table, wanted, as_of)
    return f"SELECT customer,\n    {lines}\n  FROM {source}\n  WHERE {reach}\n  GROUP BY customer"


def _parts(node: Aggregate, dialect: Dialect, as_of: dt.date) -> list[str]:
    def name(inner: Node) -> str:
        assert isinstance(inner, Column), inner
        return dialect.quote(inner.name)

    first, last = node.window.days(as_of)
    own = table_of(node.table).date
    day = dialect.quote(node.window.field or own)
    where = [] if node.where is None else [f"({lower(node.where, dialect, as_of, name)})"]
    if node.reduce in (Reduce.LEVEL, Reduce.DAILY_MEAN):
        if last < as_of:
            where.append(f"{day} <= {_day(last)}")
        brought = "delta"
        if node.reduce is Reduce.DAILY_MEAN:
            brought = f"delta * ({_day(last)} - greatest({day}, {_day(first)}) + 1)"
        return [f"CAST(coalesce(sum({_chosen(where, brought)}), 0) AS BIGINT)"]
    if node.window != ALWAYS or node.window.field:
        where.append(f"{day} <= {_day(last)}")
        if first > dt.date.min:
            where.append(f"{day} >= {_day(first)}")
    value = "1" if node.value is None else lower(node.value, dialect, as_of, name)
    return _reduced(node, where, value, f"({day} - {_ORIGIN})")


def _reduced(node: Aggregate, where: list[str], value: str, day: str) -> list[str]:
    kind = Kind.INTEGER if node.value is None else type_of(node.value).kind
    held = _carried(f"({value})", kind)
    total = "0" if carrier(node).kind == "i" else "CAST(0 AS DOUBLE)"
    cast = "BIGINT" if carrier(node).kind == "i" else "DOUBLE"
    match node.reduce:
        case Reduce.SUM:
            return [f"CAST(coalesce(sum({_chosen(where, held)}), {total}) AS {cast})"]
        case Reduce.MEAN:
            chosen = _chosen(where, held)
            return [f"CAST(coalesce(sum({chosen}), {total}) AS {cast})", f"count({chosen})"]
        case Reduce.COUNT:
            return [f"count({_chosen(where, value)})"]
        case Reduce.ANY:
            return [f"count({_chosen([*where, f'({value})'], '1')})"]
        case Reduce.MIN | Reduce.MAX:
            return [f"{node.reduce}({_chosen(where, held)})"]
        case Reduce.LAST:
            known = [*where, f"({value}) IS NOT NULL", f"{day} IS NOT NULL"]
            last = f"max({_chosen(known, f'''{{'day': {day}, 'value': {held}}}''')})"
            return [f"{last}.day", f"{last}.value"]
        case Reduce.DISTINCT:
            known = [*where, f"({value}) IS NOT NULL"]
            return [f"list(DISTINCT {held}) FILTER (WHERE {' AND '.join(known)})"]
        case Reduce.DISTINCT_DAYS:
            known = [*where, f"{day} IS NOT NULL"]
            return [f"list(DISTINCT CAST({day} AS BIGINT)) FILTER (WHERE {' AND '.join(known)})"]
    raise AssertionError(node.reduce)


def _chosen(where: Sequence[str], value: str) -> str:
    return f"CASE WHEN {' AND '.join(where)} THEN {value} END" if where else value


def _carried(value: str, kind: Kind) -> str:
    """A value as it is held: whole, but for floats and texts."""
    match kind:
        case Kind.RATE:
            return f"CAST({value} * {RATE_ONE} AS BIGINT)"
        case Kind.DATE:
            return f"CAST({value} - {_ORIGIN} AS BIGINT)"
        case Kind.INSTANT:
            return f"epoch_us({value})"
        case Kind.BOOLEAN:
            return f"CAST({value} AS BIGINT)"
    return value


def _day(value: dt.date) -> str:
    return f"DATE '{value.isoformat()}'"


def partials_of(
    made: pa.Table, wanted: Mapping[Aggregate, str], low: int, high: int
) -> dict[Aggregate, Partials]:
    """The result of `partials_sql` for customers `low` to `high - 1`, as dense arrays; rows of others are
    left out."""
    customer = made["customer"]
    inside = pc.and_(pc.greater_equal(customer, low), pc.less(customer, high))
    made = made.filter(inside)
    place = made["customer"].to_numpy().astype(np.int64) - low
    return {node: _dense(node, made, name, place, high - low) for node, name in wanted.items()}


def _dense(node: Aggregate, made: pa.Table, name: str, place: Array, count: int) -> Partials:
    if node.reduce in SETS:
        return _sets(made[f"{name}_0"].combine_chunks(), place, count)
    first = made[f"{name}_0"].combine_chunks()
    if node.reduce is Reduce.LAST:
        day = _spread(first, place, count, UNKNOWN)
        values, texts = _values(made[f"{name}_1"].combine_chunks())
        return Partials((day, _spread(values, place, count, _nothing(values))), texts)
    if node.reduce in (Reduce.MIN, Reduce.MAX):
        values, texts = _values(first)
        return Partials((_spread(values, place, count, _nothing(values)),), texts)
    arrays = [_spread(first, place, count, 0)]
    if node.reduce is Reduce.MEAN:
        arrays.append(_spread(made[f"{name}_1"].combine_chunks(), place, count, 0))
    return Partials(tuple(arrays))


def _values(values: pa.Array) -> tuple[pa.Array, list[str] | None]:
    """Values, texts as codes of a vocabulary."""
    if not pa.types.is_string(values.type):
        return values, None
    coded = pc.dictionary_encode(values)
    return coded.indices.cast(pa.int64()), coded.dictionary.to_pylist()


def _nothing(values: pa.Array) -> float | np.int64:
    return np.nan if pa.types.is_floating(values.type) else UNKNOWN


def _spread(values: pa.Array, place: Array, count: int, nothing: float | np.int64) -> Array:
    floating = pa.types.is_floating(values.type)
    spread = np.full(count, nothing, np.float64 if floating else np.int64)
    if values.null_count:
        known = pc.is_valid(values).to_numpy(zero_copy_only=False)
        place, values = place[known], values.drop_null()
    spread[place] = values.to_numpy(zero_copy_only=False).astype(spread.dtype)
    return spread


def _sets(lists: pa.Array, place: Array, count: int) -> Partials:
    """Lists of values as one array with where each customer's begin."""
    lengths = np.zeros(count, np.int64)
    lengths[place] = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    order = pa.array(np.argsort(place, kind="stable"))
    flat = lists.take(order).drop_null().flatten()
    values, texts = _values(flat)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return Partials((starts, values.to_numpy(zero_copy_only=False)), texts)
