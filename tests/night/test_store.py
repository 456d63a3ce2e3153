"""Nights on disk: published by one rename, resumed only under the same plan, read by customer."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from quanke.engines.store import Night, NightStore
from quanke.engines.store.files import ROW_GROUP, write_parquet
from quanke.kernel.errors import NightError

DAY = dt.date(2026, 6, 30)


def publish(folder: Path, rows: int = 10, bucket: int = 4) -> Night:
    """A small night of two groups: `a` = 10 x customer, `b` = its text."""
    working = NightStore(folder).begin(DAY, {"v": 1})
    for part, low in enumerate(range(0, rows, bucket)):
        numbers = list(range(low, min(rows, low + bucket)))
        customer = pa.array(numbers, pa.int32())
        write_parquet(
            working.part("base", part), pa.table({"customer": customer, "a": [n * 10 for n in numbers]})
        )
        write_parquet(
            working.part("derived", part), pa.table({"customer": customer, "b": [str(n) for n in numbers]})
        )
    manifest = {
        "on": DAY.isoformat(),
        "customers": rows,
        "bucket": bucket,
        "groups": {"base": ["a"], "derived": ["b"]},
    }
    return working.publish(manifest, ())


def test_profile_is_everybody_in_order(tmp_path: Path) -> None:
    night = publish(tmp_path)
    table = night.profile
    assert table.column_names == ["customer", "a", "b"]
    assert table["customer"].to_pylist() == list(range(10))
    assert table["a"].to_pylist() == [n * 10 for n in range(10)]
    assert night.read(["b"])["b"].to_pylist() == [str(n) for n in range(10)]


@pytest.mark.parametrize("customer", [0, 3, 4, 9])
def test_one_customer_is_read_alone(tmp_path: Path, customer: int) -> None:
    assert publish(tmp_path).row(customer) == {"customer": customer, "a": customer * 10, "b": str(customer)}


def test_a_point_read_decodes_one_row_group(tmp_path: Path) -> None:
    night = publish(tmp_path, rows=2 * ROW_GROUP + 5, bucket=2 * ROW_GROUP + 5)
    last = 2 * ROW_GROUP + 4
    assert night.row(last, ["a"]) == {"a": last * 10}
    assert night.row(ROW_GROUP, ["a"]) == {"a": ROW_GROUP * 10}


def test_unknown_customers_columns_and_days_are_refused(tmp_path: Path) -> None:
    night = publish(tmp_path)
    with pytest.raises(NightError, match="no customer of that number"):
        night.row(10)
    with pytest.raises(NightError, match="has no 'c'"):
        night.read(["c"])
    with pytest.raises(NightError, match="the last one is 2026-06-30"):
        NightStore(tmp_path).open(dt.date(2026, 7, 1))


def test_unfinished_nights_are_not_seen(tmp_path: Path) -> None:
    store = NightStore(tmp_path)
    store.begin(DAY, {"v": 1})
    assert store.days() == [] and store.latest() is None and not store.has(DAY)


def test_parts_survive_the_same_plan_and_not_another(tmp_path: Path) -> None:
    store = NightStore(tmp_path)
    working = store.begin(DAY, {"v": 1})
    write_parquet(working.part("base", 0), pa.table({"a": [1]}))
    assert store.begin(DAY, {"v": 1}).missing("base", 2) == [1]
    assert store.begin(DAY, {"v": 2}).missing("base", 2) == [0, 1]


def test_publishing_drops_working_files(tmp_path: Path) -> None:
    store = NightStore(tmp_path)
    working = store.begin(DAY, {"v": 1})
    working.file("foreign.parquet").write_bytes(b"x")
    working.file("kept.json").write_text("{}")
    (working.path / "profile" / "base-00000.parquet.part").write_bytes(b"half")
    night = working.publish({"on": DAY.isoformat()}, ["kept.json"])
    assert sorted(p.name for p in night.path.rglob("*")) == ["kept.json", "manifest.json", "profile"]
    assert store.days() == [DAY]


def test_latest_before_and_until(tmp_path: Path) -> None:
    publish(tmp_path)
    store = NightStore(tmp_path)
    assert store.latest(before=DAY) is None
    found = store.latest(until=DAY)
    assert found is not None and found.day == DAY
