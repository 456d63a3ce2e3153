"""Tiers: the partition and its edges, and how they are carried from night to night (TIER-1 to TIER-3)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from quanke.customers import STANDARD_TAGS
from quanke.engines.memory.judge import evaluate
from quanke.language import Catalogue
from quanke.segments import DEFAULT_SCHEME, Dated, Overlay, Tier, TierScheme, tier_definitions
from tests.catalogue.bank import Bank, day

NAMES = ["tier", "tier_rank", "tier_raw_rank", "tier_misses", "tier_hits", "tier_move", "tier_since"]
NAMES += ["tier_reason", "edge", "key_group", "tier_gap", "as_of_day"]


def holding(amount: float) -> Bank:
    return Bank().person().account(opened_on="2024-01-01").balance(("2024-01-01", amount))


@pytest.mark.parametrize(
    ("amount", "tier", "edge", "group"),
    [
        (0, "online", None, "online"),
        (-5, "online", None, "online"),
        (39_999.99, "online", None, "online"),
        (40_000, "online", "rising", "rising"),
        (49_999.99, "online", "rising", "rising"),
        (50_000, "core", None, "core"),
        (199_999.99, "core", None, "core"),
        (200_000, "affluent", None, None),
        (799_999.99, "affluent", None, None),
        (800_000, "affluent", "wealth_edge", "wealth_edge"),
        (999_999.99, "affluent", "wealth_edge", "wealth_edge"),
        (1_000_000, "wealth", None, "managed"),
        (7_999_999.99, "wealth", None, "managed"),
        (8_000_000, "private", None, "managed"),
    ],
)
def test_partition_and_edges(amount: float, tier: str, edge: str | None, group: str | None) -> None:
    told = holding(amount).night("2026-06-30", NAMES)
    assert (told["tier"][0], told["edge"][0], told["key_group"][0]) == (tier, edge, group)


def test_gap_to_the_next_tier() -> None:
    assert holding(48_000).tell("2026-06-30", "tier_gap") == 2_000_00
    assert holding(50_000).tell("2026-06-30", "tier_gap") == 150_000_00
    assert holding(9_000_000).tell("2026-06-30", "tier_gap") is None


def test_organisations_have_no_tier() -> None:
    bank = Bank().balance(("2024-01-01", 10_000_000))
    bank.tables["customers"].append({"customer": 0, "kind": "school"})
    told = bank.night("2026-06-30", NAMES)
    for name in NAMES[:-1]:
        if name != "tier_gap":
            assert told[name][0] is None, name
    assert told["as_of_day"][0] == day("2026-06-30")


def follow(bank: Bank, days: list[str], name: str) -> list[Any]:
    return [night[name][0] for night in bank.nights(days, NAMES)]


def test_rises_after_one_month_end_and_not_before() -> None:
    bank = holding(10_000).balance(("2026-06-05", 290_000), account=1)
    days = ["2026-05-31", "2026-06-15", "2026-06-29", "2026-06-30", "2026-07-01", "2026-07-31"]
    assert follow(bank, days, "tier") == ["online", "online", "online", "affluent", "affluent", "affluent"]
    assert follow(bank, days, "tier_move") == ["new", "same", "same", "up", "same", "same"]
    assert follow(bank, days, "tier_raw_rank") == [0, 2, 2, 2, 2, 2]
    since = [day("2026-05-31")] * 3 + [day("2026-06-30")] * 3
    assert follow(bank, days, "tier_since") == since
    assert follow(bank, days, "tier_reason")[3:5] == ["raised", "kept"]


def test_rises_on_the_first_night_after_a_month_end_without_a_night() -> None:
    """Nights on 20 June and 2 July: June counts as a whole, not the two days of July."""
    bank = holding(10_000).balance(("2026-06-16", 90_000), ("2026-07-01", 0), account=1)
    assert follow(bank, ["2026-06-20", "2026-07-02"], "tier") == ["online", "core"]


def test_falls_after_three_month_ends_running() -> None:
    bank = holding(300_000).balance(("2026-03-01", -250_001), account=1)
    days = ["2026-02-28", "2026-03-15", "2026-03-31", "2026-04-30", "2026-05-15", "2026-05-31", "2026-06-30"]
    assert follow(bank, days, "tier_misses") == [0, 0, 1, 2, 2, 0, 0]
    assert follow(bank, days, "tier") == ["affluent"] * 5 + ["online", "online"]
    assert follow(bank, days, "tier_reason") == [
        "first_seen",
        "kept",
        "in_grace",
        "in_grace",
        "in_grace",
        "lowered",
        "kept",
    ]
    assert follow(bank, days, "tier_move")[5] == "down"


def test_a_month_end_above_begins_the_count_anew() -> None:
    bank = holding(300_000).balance(
        ("2026-02-01", -200_001), ("2026-04-01", 0), ("2026-05-01", -200_001), account=1
    )
    days = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31"]
    assert follow(bank, days, "tier_misses") == [0, 1, 2, 0, 1, 2, 0]
    assert follow(bank, days, "tier") == ["affluent"] * 6 + ["core"]


def test_nights_once_a_quarter_count_one_month_end_each() -> None:
    bank = holding(300_000).balance(("2025-04-01", -200_001), account=1)
    days = ["2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31"]
    assert follow(bank, days, "tier_misses") == [0, 1, 2, 0]


def test_running_a_month_end_night_and_the_next_day_counts_once() -> None:
    bank = holding(300_000).balance(("2026-03-01", -250_001), account=1)
    days = ["2026-02-28", "2026-03-31", "2026-04-01", "2026-04-02", "2026-04-30"]
    assert follow(bank, days, "tier_misses") == [0, 1, 1, 1, 2]


def test_a_customer_who_comes_later_begins_with_his_own_first_night() -> None:
    bank = holding(300_000)
    first = bank.night("2026-05-31", NAMES)
    bank.person(1).balance(("2026-06-01", 60_000), customer=1)
    second = bank.night("2026-06-30", NAMES, first)
    assert second["tier_move"] == {0: "same", 1: "new"}
    assert second["tier"][1] == "core"


def test_another_scheme_with_dated_parameters() -> None:
    scheme = TierScheme(
        tiers=(
            Tier(name="low", title_zh="低", title_en="Low", floor=0),
            Tier(name="high", title_zh="高", title_en="High", floor=1_000, contact_days=10, needs_owner=True),
        ),
        upgrade_after=Dated.of(2),
        downgrade_after=Dated.of(3).then(dt.date(2026, 5, 1), 1),
    )
    catalogue = Catalogue((*STANDARD_TAGS, *tier_definitions(scheme)))
    bank = holding(0).balance(("2026-01-10", 5_000), ("2026-04-01", 0), account=1)
    found: list[Any] = []
    before = None
    for on in ("2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"):
        before = evaluate(catalogue.needed(NAMES), bank.tables, day(on), before)
        found.append((before["tier"][0], before["edge"][0]))
    assert [tier for tier, _ in found] == ["low", "low", "high", "high", "high", "low"]
    assert {edge for _, edge in found} == {None}


def test_dated_parameters() -> None:
    dated = Dated.of(3).then(dt.date(2026, 5, 1), 4).then(dt.date(2027, 1, 1), 6)
    assert [dated.on(day(d)) for d in ("2020-01-01", "2026-04-30", "2026-05-01", "2027-01-01")] == [
        3,
        3,
        4,
        6,
    ]
    with pytest.raises(ValueError, match="ascend"):
        dated.then(dt.date(2026, 1, 1), 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tiers": DEFAULT_SCHEME.tiers[:1]}, "at least two"),
        ({"tiers": DEFAULT_SCHEME.tiers[1:]}, "starts at 0"),
        ({"tiers": DEFAULT_SCHEME.tiers[::-1]}, "ascending"),
        ({"edges": (Overlay(name="a", title_zh="甲", title_en="A", low=5, high=5),)}, "empty"),
        (
            {
                "edges": (
                    Overlay(name="a", title_zh="甲", title_en="A", low=5, high=9),
                    Overlay(name="b", title_zh="乙", title_en="B", low=8, high=12),
                )
            },
            "overlap",
        ),
        ({"upgrade_after": Dated.of(0)}, "at least one month-end"),
    ],
)
def test_schemes_that_are_no_partition_are_refused(changes: dict[str, Any], reason: str) -> None:
    given = {"tiers": DEFAULT_SCHEME.tiers, **changes}
    with pytest.raises(ValueError, match=reason):
        TierScheme(**given)
