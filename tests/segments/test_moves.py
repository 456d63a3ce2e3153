"""Moves between nights add up to the customers there are."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.segments import moves as module
from quanke.segments.moves import CHANGED, KINDS, MIGRATION, moves

TIERS = ("online", "core", "wealth")
values = st.lists(st.sampled_from([*TIERS, None]), max_size=40)


def test_the_table_and_the_customers() -> None:
    before = pa.array(["online", "core", "core", None, "wealth"])
    after = pa.chunked_array([pa.array(["core", "core"]), pa.array(["online", "core", "wealth", "online"])])
    found = moves(before, after, "tier", TIERS)
    assert found.migration.schema == MIGRATION and found.changed.schema == CHANGED
    assert found.changed.to_pylist() == [
        {"customer": 0, "from": "online", "to": "core", "move": "up"},
        {"customer": 2, "from": "core", "to": "online", "move": "down"},
        {"customer": 3, "from": None, "to": "core", "move": "moved"},
        {"customer": 5, "from": None, "to": "online", "move": "new"},
    ]
    rows = found.migration.to_pylist()
    assert {"tag": "tier", "from": "wealth", "to": "wealth", "move": "stayed", "customers": 1} in rows
    assert sum(row["customers"] for row in rows) == 6


def test_who_is_no_longer_there_is_gone() -> None:
    found = moves(pa.array(["core", None]), pa.array(["core"]), "tier")
    assert found.changed.to_pylist() == [{"customer": 1, "from": None, "to": None, "move": "gone"}]


def test_tables_and_other_kinds_of_value() -> None:
    before = pa.table({"customer": [0, 1], "cluster": pa.array([1, 2], pa.int16())})
    after = pa.table({"customer": [0, 1], "cluster": pa.array([1, 3], pa.int16())})
    assert moves(before, after, "cluster").changed.to_pylist() == [
        {"customer": 1, "from": "2", "to": "3", "move": "moved"}
    ]
    encoded = pa.array(["a", "b"]).dictionary_encode()
    assert moves(encoded, pa.array(["a", "c"]), "x").changed["to"].to_pylist() == ["c"]
    assert moves(pa.array([True]), pa.array([False]), "x").changed["from"].to_pylist() == ["true"]


def test_without_an_earlier_night_nothing_has_moved() -> None:
    found = moves(None, pa.array(["core"]), "tier")
    assert found.migration.num_rows == found.changed.num_rows == 0
    assert found.migration.schema == MIGRATION and found.changed.schema == CHANGED


@given(values, values, st.booleans())
def test_moves_add_up(before: list[str | None], after: list[str | None], sorted_pairs: bool) -> None:
    widest = module.WIDEST
    module.WIDEST = 0 if sorted_pairs else widest
    try:
        found = moves(pa.array(before, pa.string()), pa.array(after, pa.string()), "tier", TIERS)
    finally:
        module.WIDEST = widest
    rows = found.migration.to_pylist()
    assert sum(r["customers"] for r in rows) == max(len(before), len(after))
    assert sum(r["customers"] for r in rows if r["move"] != "stayed") == found.changed.num_rows
    assert {r["move"] for r in rows} <= set(KINDS)
    for value in TIERS:
        assert sum(r["customers"] for r in rows if r["to"] == value) == after.count(value)
        assert sum(r["customers"] for r in rows if r["from"] == value) == before.count(value)
    pairs = {
        c: (before[c] if c < len(before) else None, after[c] if c < len(after) else None) for c in range(60)
    }
    for row in found.changed.to_pylist():
        assert (row["from"], row["to"]) == pairs[row["customer"]]


@pytest.mark.parametrize("name", ["tier"])
def test_rows_stand_in_order(name: str) -> None:
    rows = moves(pa.array(["b", "a", "c"]), pa.array(["a", "b", None]), name).migration.to_pylist()
    assert [(r["from"], r["to"]) for r in rows] == [("a", "b"), ("b", "a"), ("c", None)]
