"""Stages: exactly one each, with dated moves that hold over several nights."""

from __future__ import annotations

import random
from typing import Any

import pytest

from quanke.customers import REASONS, STAGES
from tests.catalogue.bank import Bank, day

NAMES = ["stage", "stage_reason", "stage_since", "stage_before"]


def told(bank: Bank, days: list[str]) -> list[tuple[str, str]]:
    nights = bank.nights(days, NAMES)
    return [(night["stage"][0], night["stage_reason"][0]) for night in nights]


def test_prospect_becomes_new_becomes_active() -> None:
    bank = (
        Bank().person(opened_on="2026-01-05").account(opened_on="2026-03-01").balance(("2026-03-01", 30_000))
    )
    bank.move("2026-03-05", 10).move("2026-06-05", 10)
    days = ["2026-02-28", "2026-03-31", "2026-05-29", "2026-05-30"]
    nights = bank.nights(days, NAMES)
    assert [n["stage"][0] for n in nights] == ["prospect", "new", "new", "growing"]
    assert [n["stage_since"][0] for n in nights] == [
        day("2026-01-05"),
        day("2026-03-31"),
        day("2026-03-31"),
        day("2026-05-30"),
    ]
    assert [n["stage_before"][0] for n in nights] == [None, "prospect", "prospect", "new"]


def test_first_night_takes_the_day_from_the_data() -> None:
    bank = Bank().person().account(opened_on="2026-06-10")
    assert bank.night("2026-06-30", NAMES)["stage_since"][0] == day("2026-06-10")
    old = Bank().person().account(opened_on="2020-06-10").balance(("2020-06-10", 500)).move("2026-06-01", 1)
    first = old.night("2026-06-30", NAMES)
    assert (first["stage"][0], first["stage_since"][0]) == ("active", day("2026-06-30"))


def test_lost_and_won_back() -> None:
    bank = (
        Bank()
        .person()
        .account(opened_on="2020-01-01", closed_on="2026-02-10")
        .balance(("2020-01-01", 5_000), ("2026-02-10", 0))
        .account(opened_on="2026-04-20")
        .balance(("2026-04-20", 8_000), account=1)
        .move("2026-01-05", 10)
        .move("2026-04-21", 10)
        .move("2026-07-21", 10)
    )
    days = ["2026-01-31", "2026-02-28", "2026-04-30", "2026-07-28", "2026-07-29", "2026-10-30"]
    assert told(bank, days) == [
        ("active", "steady"),
        ("lost", "no_open_account"),
        ("won_back", "came_back"),
        ("won_back", "came_back"),
        ("growing", "assets_rising"),  # 90 days after 30 April
        ("active", "steady"),
    ]
    nights = bank.nights(days, NAMES)
    assert nights[3]["stage_since"][0] == day("2026-04-30")
    assert nights[3]["stage_before"][0] == "lost"


def test_large_outflow_puts_at_risk_and_stays_thirty_days() -> None:
    bank = (
        Bank()
        .person()
        .account()
        .balance(("2020-01-01", 500_000), ("2026-06-10", 400_000), ("2026-06-15", 300_000))
        .balance(("2026-06-20", 150_000), account=1)
    )
    for month in range(1, 10):
        bank.move(f"2026-{month:02}-03", 5)
    days = ["2026-06-14", "2026-06-16", "2026-06-25", "2026-07-15", "2026-07-16"]
    assert told(bank, days) == [
        ("active", "steady"),
        ("at_risk", "large_outflow"),
        ("at_risk", "large_outflow"),  # the money is back, but nine days are no time
        ("at_risk", "large_outflow"),
        ("active", "steady"),
    ]


def test_a_slow_fall_is_thirty_per_cent_and_five_thousand() -> None:
    def falls(start: float, end: float) -> tuple[str, str]:
        bank = Bank().person().account().balance(("2020-01-01", start), ("2026-05-01", end))
        return told(bank.move("2026-06-01", 1), ["2026-06-30"])[0]

    assert falls(40_000, 28_000) == ("at_risk", "assets_falling")
    assert falls(40_000, 28_001) == ("active", "steady")  # less than 30 %
    assert falls(16_666, 11_666) == ("at_risk", "assets_falling")
    assert falls(16_666, 11_666.01) == ("active", "steady")  # less than 5,000


def test_empty_and_silent_is_lost_but_a_loan_is_not() -> None:
    empty = Bank().person().account(opened_on="2024-01-01").balance(("2024-01-01", 99.99))
    assert told(empty, ["2026-06-30"]) == [("lost", "empty_and_silent")]
    more = Bank().person().account(opened_on="2024-01-01").balance(("2024-01-01", 100))
    assert told(more, ["2026-06-30"]) == [("at_risk", "silent")]
    debtor = Bank().person().account(opened_on="2024-01-01").account(category="mortgage")
    debtor.balance(("2024-01-01", -900_000), category="mortgage")
    assert told(debtor, ["2026-06-30"]) == [("active", "steady")]
    user = (
        Bank().person().account(opened_on="2024-01-01").add("channel_events", date="2026-06-01", kind="login")
    )
    assert told(user, ["2026-06-30"]) == [("active", "steady")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"deceased": True}, "deceased"),
        ({"closed_on": "2026-06-30"}, "closed"),
        ({"closed_on": "2026-07-01"}, "steady"),
    ],
)
def test_who_has_left(fields: dict[str, Any], reason: str) -> None:
    bank = Bank().person(**fields).account().balance(("2020-01-01", 500)).move("2026-06-01", 1)
    assert told(bank, ["2026-06-30"])[0][1] == reason


def test_buying_a_house_is_no_risk() -> None:
    bank = Bank().person().account().balance(("2020-01-01", 900_000), ("2026-06-10", 100_000))
    bank.move("2026-06-10", 800_000, kind="house_purchase")
    assert told(bank, ["2026-06-30"]) == [("active", "steady")]


def test_everybody_is_in_exactly_one_stage_whatever_is_known() -> None:
    draw = random.Random(20_260_630)
    bank = Bank()
    for customer in range(60):
        bank.person(customer, **draw.choice([{}, {"deceased": True}, {"closed_on": "2026-03-03"}]))
        for account in range(draw.randrange(3)):
            closed = draw.choice([None, "2026-05-05"])
            bank.account(customer, opened_on=draw.choice(["2019-01-01", "2026-05-01"]), closed_on=closed)
            levels = [("2026-01-01", draw.randrange(300_000)), ("2026-06-01", draw.randrange(300_000))]
            bank.balance(*levels, customer=customer, account=account)
        if draw.random() < 0.5:
            bank.move(f"2026-0{draw.randrange(1, 7)}-02", 1, customer)
    for night in bank.nights(["2026-04-30", "2026-05-31", "2026-06-30"], NAMES):
        for customer in range(60):
            stage, reason = night["stage"][customer], night["stage_reason"][customer]
            assert REASONS[reason][0] == stage
            assert stage in STAGES
            assert night["stage_since"][customer] is not None
