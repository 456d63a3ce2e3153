"""Replaying a day's events gives at midnight the tags that the night of that day computes, to the bit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.reading import reading_of
from quanke.language import Catalogue
from quanke.night.catalogue import standard_catalogue
from quanke.night.live_state import live_engine
from tests.live.two_days import SECOND, TwoDays, two_days

NIGHTLY = {"cluster", "rfm_recency", "rfm_frequency", "rfm_monetary", "rfm_segment", "household_aum"}
"""Some of the tags that only a night can know."""


@pytest.fixture(scope="module")
def bank(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> TwoDays:
    return two_days(loaded, tmp_path_factory.mktemp("two-days"))


def live_tags(catalogue: Catalogue) -> list[str]:
    names = [t.name for t in catalogue.tags]
    return sorted(reading_of(catalogue, [], names).live)


def batches(bank: TwoDays, seed: int) -> list[tuple[str, pa.Table]]:
    """The rows that come, cut into batches of all tables in one random order."""
    draw = np.random.default_rng(seed)
    cut = []
    for table, rows in bank.coming.items():
        rows = rows.take(pa.array(draw.permutation(rows.num_rows)))
        low = 0
        while low < rows.num_rows:
            size = int(draw.choice([1, 7, 300, 4_000]))
            cut.append((table, rows.slice(low, size)))
            low += size
    return [cut[i] for i in draw.permutation(len(cut))]


def differing(bank: TwoDays, engine: LiveEngine, names: list[str]) -> list[str]:
    wanted = bank.second.read(names)
    there = np.setdiff1d(np.arange(bank.second.rows), list(bank.second.absorbed))
    found = engine.tags(there, names)
    wanted = wanted.take(pa.array(there))
    return [n for n in names if not found[n].combine_chunks().equals(wanted[n].combine_chunks())]


def test_the_tags_of_the_night(bank: TwoDays) -> None:
    catalogue = standard_catalogue()
    names = [n for n in live_tags(catalogue) if n in bank.second.columns]
    assert len(names) > 180
    assert not NIGHTLY & set(names)
    assert sum(rows.num_rows for rows in bank.coming.values()) > 1_000
    engine = live_engine(bank.home, bank.first, catalogue, [], keep=names)
    assert engine.day == SECOND
    before = differing(bank, engine, names)
    assert {"aum", "inflow_30d", "last_login_on"} <= set(before), "the day changes nothing"
    for table, rows in batches(bank, 1):
        engine.take(table, rows)
    assert differing(bank, engine, names) == []


def test_rows_of_tomorrow_wait_for_midnight(bank: TwoDays) -> None:
    """The engine lives the day of the night still when the next day's rows begin to come."""
    catalogue = standard_catalogue()
    names = [n for n in live_tags(catalogue) if n in bank.second.columns]
    day_before = live_engine(bank.home, bank.first, catalogue, [], keep=names)
    engine = LiveEngine(
        catalogue,
        [],
        bank.first.read(LiveEngine.reads(catalogue, [], names)),
        day_before._openings,
        SECOND - dt.timedelta(days=1),
        keep=names,
    )
    for table, rows in batches(bank, 2):
        engine.take(table, rows)
    assert differing(bank, engine, names)
    engine.turn_day(SECOND)
    assert differing(bank, engine, names) == []


def test_a_snapshot_goes_on_where_it_was_left(bank: TwoDays, tmp_path: Path) -> None:
    catalogue = standard_catalogue()
    names = ["aum", "aum_90d", "inflow_30d", "last_login_on", "interest_topic", "tier", "stage"]
    first = live_engine(bank.home, bank.first, catalogue, [], keep=names)
    cut = batches(bank, 3)
    half = len(cut) // 2
    for table, rows in cut[:half]:
        first.take(table, rows)
    first.save(tmp_path / "one")
    for table, rows in cut[half : half + 5]:
        first.take(table, rows)
    first.save(tmp_path / "two", since=tmp_path / "one")
    second = live_engine(bank.home, bank.first, catalogue, [], keep=names)
    second.load(tmp_path / "two")
    everybody = np.arange(bank.first.rows)
    assert second.tags(everybody, names).equals(first.tags(everybody, names))
    for table, rows in cut[half + 5 :]:
        second.take(table, rows)
    assert differing(bank, second, [n for n in names if n in bank.second.columns]) == []


def decided(engine: LiveEngine, cut: list[tuple[str, pa.Table]]) -> list[tuple[str, int, str]]:
    made = [engine.take(table, rows) for table, rows in cut]
    return [(d["trigger"], d["customer"], d["event_id"]) for d in pa.concat_tables(made).to_pylist()]


def test_the_standard_triggers_whatever_the_batches_and_restarts(bank: TwoDays, tmp_path: Path) -> None:
    """The same rows in the same order: in one batch a table, cut small, and with an engine begun again
    half-way from its snapshot."""
    catalogue = standard_catalogue()
    order = [(t, bank.coming[t]) for t in ("channel_events", "balances", "transactions", "contacts")]
    small = [(t, rows.slice(low, 13)) for t, rows in order for low in range(0, rows.num_rows, 13)]
    tiny = [(t, rows.slice(low, 3)) for t, rows in order for low in range(0, rows.num_rows, 3)]
    first = live_engine(bank.home, bank.first, catalogue)
    opening = first.open_day()
    wanted = decided(first, order)
    assert {"salary_arrived", "branch_arrival"} <= {name for name, _, _ in wanted}
    assert {"birthday"} <= set(opening["trigger"].to_pylist())
    assert len(set(wanted)) == len(wanted)
    second = live_engine(bank.home, bank.first, catalogue)
    assert decided(second, small) == wanted
    third = live_engine(bank.home, bank.first, catalogue)
    assert third.open_day().equals(opening)
    half = len(tiny) // 2
    before = decided(third, tiny[:half])
    third.save(tmp_path / "half")
    again = live_engine(bank.home, bank.first, catalogue)
    again.load(tmp_path / "half")
    assert before + decided(again, tiny[half:]) == wanted
    tomorrow = SECOND + dt.timedelta(days=1)
    assert first.turn_day(tomorrow).equals(again.turn_day(tomorrow))
