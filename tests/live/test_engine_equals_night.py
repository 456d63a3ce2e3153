"""Live equals night: rows taken one batch at a time give, for random definitions, the tags that a night gives
of all rows at once."""

from __future__ import annotations

import datetime as dt
from random import Random

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from quanke.engines.duckdb import engine as night
from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.reading import is_live
from quanke.engines.live.tables import TableOpenings
from quanke.kernel.errors import QuankeError
from quanke.language import Catalogue, Tag
from quanke.language.facts import table_of
from quanke.language.nodes import Rank, walk
from tests.generative.definitions import PEOPLE, TABLES, DefinitionWriter, tables
from tests.generative.test_definitions import as_arrow, as_earlier, earlier_values
from tests.generative.values import AS_OF, SEEDS, examples

DAYS = (AS_OF, AS_OF + dt.timedelta(days=1), AS_OF + dt.timedelta(days=2))


def with_ids(table: pa.Table) -> pa.Table:
    ids = pa.array([f"e{n}" for n in range(table.num_rows)], pa.string())
    if "event_id" in table.column_names:
        table = table.drop_columns("event_id")
    return table.append_column("event_id", ids)


def at_home(balances: pa.Table) -> pa.Table:
    """Balances in the home currency: the live engine leaves others to the night."""
    names = [n for n in balances.column_names if n != "currency"]
    return balances.select(names).append_column(
        "currency", pa.array(["CNY"] * balances.num_rows, pa.string())
    )


def wanted(tags: list[Tag], given_: dict[str, pa.Table], day: dt.date, earlier: pa.Table) -> pa.Table:
    return night.evaluate(tags, given_, day, earlier).sort_by("customer")


def everybody(earlier: pa.Table) -> pa.Table:
    """A row for each number, as a night's profile has."""
    places = {c: i for i, c in enumerate(earlier["customer"].to_pylist())}
    return earlier.take(pa.array([places.get(c) for c in range(PEOPLE)], pa.int64()))


def live_tags(tags: list[Tag]) -> list[Tag]:
    """Tags that stand on no place."""
    placed: set[str] = set()
    for tag in tags:
        nodes = list(walk(tag.expression))
        named = {n.name for n in nodes if hasattr(n, "earlier") and not n.earlier}
        if any(isinstance(n, Rank) for n in nodes) or named & placed:
            placed.add(tag.name)
    return [t for t in tags if t.name not in placed]


@examples(80)  # of eight definitions each
@given(SEEDS)
def test_random_tags(seed: int) -> None:
    """The rows of a home, then those that come in batches on two days, late ones and early ones too."""
    r = Random(seed)
    made, tags = tables(r), DefinitionWriter(r).write(8)
    whole = as_arrow(made, tags)
    whole["balances"] = at_home(whole["balances"])
    earlier = as_earlier(earlier_values(r, tags), tags)
    profile = everybody(earlier)
    catalogue, tags = Catalogue(tags), live_tags(tags)
    held, coming = dict(whole), {}
    for name in TABLES:
        if is_live(name):
            rows = with_ids(whole[name])
            split = [r.random() < 0.5 for _ in range(rows.num_rows)]
            held[name] = rows.filter(pa.array(split, pa.bool_()))
            coming[name] = rows.filter(pa.array([not s for s in split], pa.bool_()))
    try:
        engine = LiveEngine(
            catalogue, [], profile, TableOpenings(held, PEOPLE), DAYS[0], keep=[t.name for t in tags]
        )
        names = [t.name for t in tags]
        for day in DAYS:
            if day == DAYS[1]:
                engine.turn_day(day)
            for name in coming:
                rows = coming[name]
                count = rows.num_rows if day == DAYS[1] else r.randint(0, rows.num_rows)
                while count and rows.num_rows and day != DAYS[2]:
                    batch = min(r.randint(1, 4), count)
                    engine.take(name, rows.slice(0, batch))
                    rows, count = rows.slice(batch), count - batch
                coming[name] = rows
            if day == DAYS[2]:
                engine.turn_day(day)
        found = engine.tags(np.arange(PEOPLE), names)
    except OverflowError:
        return
    except QuankeError as error:
        assert "64 bits" in str(error)
        return
    try:
        expected = wanted(list(catalogue.tags), whole, DAYS[2], earlier)
    except (duckdb.OutOfRangeException, duckdb.ConversionException):
        return
    for name in names:
        assert found[name].to_pylist() == expected[name].to_pylist(), (name, tags[names.index(name)])


def test_live_and_snapshot_tables_are_both_tried() -> None:
    assert {is_live(name) for name in TABLES} == {True, False}
    assert all(table_of(name).date for name in TABLES)


if __name__ == "__main__":
    pytest.main([__file__])
