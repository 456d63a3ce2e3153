"""Figures of the KPI table on a handful of customers."""

from __future__ import annotations

from decimal import Decimal

from tests.catalogue.bank import Bank


def four() -> Bank:
    """Four persons and a school: 100,000 steady; 60,000 -> 210,000; 400,000 -> 100,000; 1,000."""
    bank = Bank()
    for customer in range(4):
        bank.person(customer).account(customer)
    bank.tables["customers"].append({"customer": 4, "kind": "school"})
    bank.account(4).balance(("2024-01-01", 99_000_000), customer=4)
    bank.balance(("2024-01-01", 100_000), customer=0)
    bank.balance(("2024-01-01", 60_000), ("2026-06-01", 210_000), customer=1)
    bank.balance(("2024-01-01", 400_000), ("2026-06-20", 100_000), customer=2)
    bank.balance(("2024-01-01", 1_000), customer=3)
    return bank


def test_size_and_money() -> None:
    bank = four()
    told = bank.figures(
        "2026-06-30",
        [
            "persons",
            "aum_total",
            "aum_net_increase",
            "aum_per_customer",
            "attrition_rate",
            "tier_core_customers",
        ],
        compared_to="2026-05-31",
    )
    assert told["persons"] == 4
    assert told["aum_total"] == 411_000_00
    assert told["aum_net_increase"] == -150_000_00
    assert told["aum_per_customer"] == 102_750_00
    assert told["attrition_rate"] == Decimal("0.25")  # one of four lost three quarters of 400,000


def test_upgrades_are_counted_over_the_start_tier() -> None:
    bank = four()
    names = ["tier_rank", "tier_hits", "tier_misses", "tier_since", "as_of_day"]
    may = bank.night("2026-05-31", names)
    from quanke.engines.memory.judge import evaluate_metrics
    from tests.catalogue.bank import CATALOGUE, day

    wanted = ["upgrade_rate", "downgrade_rate", "tier_core_upgrade_rate", "tier_online_upgrade_rate"]
    told = evaluate_metrics(CATALOGUE.needed(wanted), bank.tables, day("2026-06-30"), may, metrics=wanted)
    assert told["upgrade_rate"] == Decimal("0.25")  # 60,000 -> 210,000
    assert told["downgrade_rate"] == Decimal(0)
    assert told["tier_core_upgrade_rate"] == Decimal("0.5")
    assert told["tier_online_upgrade_rate"] == Decimal(0)


def test_nothing_to_compare_with_is_null() -> None:
    told = four().figures(
        "2026-06-30",
        [
            "aum_net_increase",
            "attrition_rate",
            "upgrade_rate",
            "conversion_rate",
            "reach_rate",
            "complaint_rate",
        ],
    )
    assert told["complaint_rate"] == 0
    assert {name for name, value in told.items() if value is None} == set(told) - {"complaint_rate"}


def test_no_customers_no_rates() -> None:
    told = Bank().figures("2026-06-30", ["coverage_rate", "persons", "aum_total", "month_end_deviation"])
    assert told == {"coverage_rate": None, "persons": 0, "aum_total": 0, "month_end_deviation": None}


def test_coverage_reach_and_conversion() -> None:
    bank = four()
    bank.add("ownership", 0, duty="primary", post_id="P", from_date="2024-01-01")
    for customer, reached, converted in (
        (0, "2026-06-02", "2026-06-20"),
        (1, "2026-06-02", None),
        (2, None, None),
    ):
        bank.add(
            "pushes",
            customer,
            date="2026-06-01",
            arm="treated",
            means="sms",
            reached_on=reached,
            converted_on=converted,
        )
    bank.add("pushes", 3, date="2026-06-01", arm="control", converted_on="2026-06-15")
    told = bank.figures(
        "2026-06-30",
        ["coverage_rate", "reach_rate", "conversion_rate", "conversion_of_targeted_rate", "conversion_lift"],
    )
    assert told["coverage_rate"] == Decimal("0.25")
    assert told["reach_rate"] == Decimal("0.666667")
    assert told["conversion_rate"] == Decimal("0.5")
    assert told["conversion_of_targeted_rate"] == Decimal("0.333333")
    assert told["conversion_lift"] == Decimal("-0.666667")


def test_month_end_deviation() -> None:
    """104 against a mean of 100 is 4.00 % and passes; the figure only tells it."""
    bank = Bank().person().account()
    bank.balance(("2026-06-01", 3_000_000 / 30), ("2026-06-30", 0))
    bank.tables["balances"].clear()
    bank.balance(("2026-05-01", 2_996 / 29), ("2026-06-30", 104))
    told = bank.figures("2026-06-30", ["month_end_deviation", "deposits_daily_total"])
    assert told["deposits_daily_total"] == 103_33
    bank.tables["balances"].clear()
    bank.balance(("2026-05-01", 99.86), ("2026-06-30", 104.06))
    told = bank.figures("2026-06-30", ["month_end_deviation", "deposits_daily_total"])
    assert told["deposits_daily_total"] == 100_00
    assert told["month_end_deviation"] == Decimal("0.0406")
