"""Tags on small tables, with the vectors of the domain rule book."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.catalogue.bank import YUAN, Bank, day

ON = "2026-06-30"


def test_opened_on_the_16th_of_30_with_100_000_is_a_daily_mean_of_50_000() -> None:
    bank = Bank().person().account(opened_on="2026-06-16").balance(("2026-06-16", 100_000))
    assert bank.tell(ON, "aum_mtd") == 50_000_00
    assert bank.tell(ON, "aum_30d") == 50_000_00
    assert bank.tell(ON, "aum_month") == 50_000_00
    assert bank.tell("2026-07-01", "aum_month") == 50_000_00
    assert bank.tell("2026-07-01", "aum_mtd") == 100_000_00


def test_aum_leaves_out_loans_and_escrow() -> None:
    bank = (
        Bank()
        .person()
        .balance(("2026-01-01", 1_000), category="demand")
        .balance(("2026-01-01", 2_000), category="term", account=1)
        .balance(("2026-01-01", 4_000), category="fund", account=2)
        .balance(("2026-01-01", 8_000), category="escrow", account=3)
        .balance(("2026-01-01", -500_000), category="mortgage", account=4)
        .balance(("2026-01-01", 16), category="wallet", account=5)
    )
    tonight = bank.night(ON, ["aum", "deposits", "investments", "loan_balance", "net_assets", "idle_share"])
    told = {name: values[0] for name, values in tonight.items()}
    assert told["aum"] == 7_016_00
    assert told["deposits"] == 3_016_00
    assert told["investments"] == 4_000_00
    assert told["loan_balance"] == 500_000_00
    assert told["net_assets"] == 7_016_00 - 500_000_00
    assert told["idle_share"] == Decimal("0.144812")


def test_a_customer_without_an_account_has_nothing_and_is_not_unknown() -> None:
    bank = Bank().person()
    assert bank.tell(ON, "aum") == 0
    assert bank.tell(ON, "tier") == "online"
    assert bank.tell(ON, "product_count") == 0
    assert bank.tell(ON, "has_fund") is False


@pytest.mark.parametrize(
    "name",
    [
        "outflow_ratio_30d",
        "aum_change_rate_30d",
        "aum_trend",
        "aum_drawdown",
        "aum_volatility",
        "credit_use_rate",
        "salary_amount",
        "campaign_response_365d",
        "investment_share",
        "position_gain_rate",
        "concentration",
    ],
)
def test_zero_denominators_are_null(name: str) -> None:
    assert Bank().person().account().tell(ON, name) is None


def test_drawdown_from_the_best_month() -> None:
    bank = (
        Bank()
        .person()
        .account()
        .balance(
            ("2025-01-01", 10_000), ("2025-10-01", 40_000), ("2025-11-01", 30_000), ("2026-05-01", 10_000)
        )
    )
    assert bank.tell(ON, "aum_peak_12m") == 40_000_00
    assert bank.tell(ON, "aum_drawdown") == Decimal("0.75")
    assert bank.tell("2025-10-31", "aum_drawdown") == Decimal(0)
    # thirteen months later the best month has left the window
    assert bank.tell("2026-11-30", "aum_peak_12m") == 30_000_00


def test_slope_spread_and_volatility_of_six_months() -> None:
    months = [("2025-12-01", 100), ("2026-01-01", 200), ("2026-02-01", 300)]
    months += [("2026-03-01", 400), ("2026-04-01", 500), ("2026-05-01", 600)]
    bank = Bank().person().account(opened_on="2025-11-20").balance(*months)
    assert bank.tell("2026-06-30", "aum_slope_6m") == 100 * YUAN
    assert bank.tell("2026-06-30", "aum_spread_6m") == Decimal("1.428571")
    # population deviation of 100..600 is 170.7825..., the mean 350
    assert bank.tell("2026-06-30", "aum_volatility") == Decimal("0.487950")
    young = Bank().person().account(opened_on="2025-12-02").balance(*months)
    assert young.tell("2026-06-30", "aum_slope_6m") is None


def test_flows_leave_out_what_stays_in_the_bank() -> None:
    bank = (
        Bank()
        .person()
        .move("2026-06-20", 1_000, direction="in", kind="salary", initiated=False)
        .move("2026-06-20", 500, kind="transfer", counterparty_bank="ICBC", own_name=True)
        .move("2026-06-20", 300, kind="transfer", counterparty_bank="own", own_name=True)
        .move("2026-06-20", 200, kind="wealth_purchase")
        .move("2026-06-20", 100, kind="card_payment")
        .move("2026-05-31", 7, kind="card_payment")
        .move("2026-06-20", 50, direction="in", kind="loan_repayment", category="mortgage")
    )
    told = {
        name: values[0]
        for name, values in bank.night(
            ON,
            [
                "inflow_30d",
                "outflow_30d",
                "outflow_90d",
                "net_flow_30d",
                "outflow_ratio_30d",
                "out_to_banks_30d",
                "own_name_out_90d",
                "transactions_30d",
            ],
        ).items()
    }
    assert told["inflow_30d"] == 1_000_00
    assert told["outflow_30d"] == 600_00
    assert told["outflow_90d"] == 607_00
    assert told["net_flow_30d"] == 400_00
    assert told["outflow_ratio_30d"] == Decimal("0.6")
    assert told["out_to_banks_30d"] == 500_00
    assert told["own_name_out_90d"] == 500_00
    assert told["transactions_30d"] == 5


def test_salary_is_seen_with_its_employer() -> None:
    bank = Bank().person()
    for month, name in ((1, "甲公司"), (2, "甲公司"), (4, "甲公司"), (5, "乙公司"), (6, "乙公司")):
        bank.move(
            f"2026-{month:02}-10",
            8_000 + 100 * month,
            direction="in",
            kind="salary",
            initiated=False,
            counterparty_name=name,
        )
    told = {
        name: values[0]
        for name, values in bank.night(
            ON, ["salary_months_6", "salary_amount", "employer", "has_salary", "salary_stopped"]
        ).items()
    }
    assert told["salary_months_6"] == 4  # December to May are whole; June is not over
    assert told["salary_amount"] == 8_300_00  # (8100 + 8200 + 8400 + 8500) / 4
    assert told["employer"] == "乙公司"
    assert told["has_salary"] is True
    assert told["salary_stopped"] is False
    later = bank.night("2026-08-31", ["salary_stopped", "has_salary"])
    assert later["salary_stopped"][0] is True


def test_maturities() -> None:
    bank = (
        Bank()
        .person()
        .account(category="term", matures_on="2026-07-01")
        .account(category="wealth", matures_on="2026-07-30")
        .account(category="term", matures_on="2026-07-31")
        .account(category="term", matures_on="2026-07-05", closed_on="2026-06-01")
        .account(category="mortgage", matures_on="2026-07-02")
        .add("holdings", date=ON, value=5_000_00, matures_on="2026-07-07", category="wealth")
        .add("holdings", date=ON, value=7_000_00, matures_on="2026-07-08", category="wealth")
    )
    assert bank.tell(ON, "maturing_7d") == 1
    assert bank.tell(ON, "maturing_30d") == 2
    assert bank.tell(ON, "next_maturity_on") == day("2026-07-01")
    assert bank.tell(ON, "maturing_amount_7d") == 5_000_00
    assert bank.tell(ON, "maturing_amount_30d") == 12_000_00


def test_products_held() -> None:
    bank = (
        Bank()
        .person()
        .account(category="demand")
        .account(category="demand")
        .account(category="fund")
        .account(category="escrow")
        .account(category="mortgage", closed_on="2026-06-30")
        .account(category="term", opened_on="2026-07-01")
    )
    assert bank.tell(ON, "product_count") == 2  # demand once, the fund; escrow is not his own
    assert bank.tell(ON, "has_mortgage") is False
    assert bank.tell(ON, "has_term") is False
    assert bank.tell("2026-06-29", "has_mortgage") is True


def test_large_outflow_is_thirty_per_cent_and_fifty_thousand() -> None:
    def fell(start: float, end: float, spent: float = 0) -> object:
        bank = Bank().person().account().balance(("2026-01-01", start), ("2026-06-20", end))
        if spent:
            bank.move("2026-06-20", spent, kind="house_purchase")
        return bank.tell(ON, "large_outflow")

    assert fell(160_000, 110_000) is True  # 50,000 and 31 %
    assert fell(160_000, 110_000.01) is False  # a fen too little
    assert fell(200_000, 145_000) is False  # 55,000 but 27.5 %
    assert fell(100_000, 60_000) is False  # 40 % but 40,000
    assert fell(500_000, 100_000, spent=390_000) is False  # a house
    assert fell(500_000, 100_000, spent=300_000) is False  # 100,000 unexplained, 20 %
    assert fell(300_000, 100_000, spent=10_000) is True


def test_cards() -> None:
    bank = (
        Bank()
        .person()
        .add(
            "cards",
            kind="debit",
            issued_on="2020-01-01",
            activated_on="2020-01-02",
            last_used_on="2026-06-01",
        )
        .add("cards", kind="credit", issued_on="2026-05-01", credit_limit=10_000_00, credit_used=2_500_00)
        .add("cards", kind="social_security", issued_on="2026-01-01")
        .add("cards", kind="etc", issued_on="2022-01-01", closed_on="2025-01-01", last_used_on="2024-01-01")
    )
    told = {
        name: values[0]
        for name, values in bank.night(
            ON,
            [
                "card_new_unused",
                "credit_use_rate",
                "social_card_inactive",
                "has_etc",
                "is_car_owner",
                "cards_open",
            ],
        ).items()
    }
    assert told["card_new_unused"] is True
    assert told["credit_use_rate"] == Decimal("0.25")
    assert told["social_card_inactive"] is True
    assert told["has_etc"] is False
    assert told["is_car_owner"] is False
    assert told["cards_open"] == 3


def test_effective_contact_needs_evidence() -> None:
    def contact(**fields: object) -> object:
        return Bank().person().add("contacts", date="2026-06-10", **fields).tell(ON, "effective_contacts_90d")

    assert contact(means="call", connected=True, seconds=30, evidence=True) == 1
    assert contact(means="call", connected=True, seconds=29, evidence=True) == 0
    assert contact(means="call", connected=True, seconds=300, evidence=False) == 0
    assert contact(means="call", connected=True, seconds=300) == 0
    assert contact(means="call", connected=False, seconds=40, evidence=True) == 0
    assert contact(means="visit", evidence=True) == 1
    assert contact(means="visit") == 0
    assert contact(means="wecom", evidence=True) == 1
    assert contact(means="sms", evidence=True) == 0
    assert contact(means="ticket") == 1


def test_consent_ends_with_a_refusal_and_begins_anew() -> None:
    def agrees(*consents: tuple[str, str, str | None], on: str = ON) -> tuple[object, object]:
        bank = Bank().person()
        for means, granted, withdrawn in consents:
            bank.add("consents", purpose="marketing", means=means, granted_on=granted, withdrawn_on=withdrawn)
        return bank.tell(on, "agrees_sms"), bank.tell(on, "agrees_call")

    assert agrees() == (False, False)
    assert agrees(("sms", "2025-01-01", None)) == (True, False)
    assert agrees(("any", "2025-01-01", None)) == (True, True)
    assert agrees(("any", "2025-01-01", None), ("sms", "2025-02-01", "2025-03-01")) == (False, True)
    assert agrees(("sms", "2025-01-01", "2025-03-01"), ("sms", "2025-04-01", None)) == (True, False)
    assert agrees(("sms", "2025-01-01", "2026-07-01")) == (True, False)  # withdrawn later than tonight
    assert agrees(("sms", "2025-01-01", "2026-06-30")) == (False, False)


def test_ages_birthdays_and_documents() -> None:
    bank = Bank().person(birth_date="2008-02-29", id_expires_on="2026-03-31")
    assert bank.tell("2026-02-28", "age") == 18  # 29 February is full on the 28th of common years
    assert bank.tell("2026-02-27", "is_minor") is True
    assert bank.tell("2026-02-21", "birthday_7d") is True
    assert bank.tell("2026-02-20", "birthday_7d") is False
    assert bank.tell("2026-02-28", "birthday_7d") is True
    assert bank.tell("2026-03-01", "birthday_7d") is False
    assert bank.tell("2026-03-31", "id_expired_days") is None
    assert bank.tell("2026-04-30", "id_expired_days") == 30
    newyear = Bank().person(birth_date="1990-01-02")
    assert newyear.tell("2025-12-28", "birthday_7d") is True
    unknown = Bank().person()
    assert unknown.tell(ON, "birthday_7d") is None
    assert unknown.tell(ON, "language") is None and Bank().person(language="en").tell(ON, "language") == "en"
    assert unknown.tell(ON, "age") is None


def test_risk_assessment_holds_through_the_corresponding_day() -> None:
    bank = Bank().person(risk_class="C3", risk_assessed_on="2025-03-01")
    assert bank.tell("2026-03-01", "risk_assessment_valid") is True
    assert bank.tell("2026-03-02", "risk_assessment_valid") is False
    assert bank.tell("2026-03-02", "risk_level") == 3
    assert Bank().person().tell(ON, "risk_assessment_valid") is False


def test_effective_customer_and_dormant() -> None:
    hundred = Bank().person().account().balance(("2026-01-01", 100))
    assert hundred.tell(ON, "is_effective") is True
    less = Bank().person().account().balance(("2026-01-01", 99.99))
    assert less.tell(ON, "is_effective") is False
    less.move("2026-04-15", 1)
    assert less.tell(ON, "is_effective") is True
    still = Bank().person().account(opened_on="2020-01-01").balance(("2020-01-01", 10))
    assert still.tell(ON, "is_dormant") is True
    assert Bank().person().tell(ON, "is_dormant") is False
    still.add("cards", kind="social_security", issued_on="2020-01-01")
    assert still.tell(ON, "is_dormant") is False


def test_recency_frequency_and_amount_in_fifths() -> None:
    bank = Bank()
    for customer in range(10):
        bank.person(customer)
        for _ in range(customer + 1):
            bank.move(f"2026-06-{10 + customer}", 10 * (10 - customer), customer)
    bank.person(10)  # no movement: no place
    bank.tables["customers"].append({"customer": 11, "kind": "business"})
    bank.move("2026-06-29", 1_000_000, 11)  # an organisation takes no place among persons
    tonight = bank.night(ON, ["rfm_recency", "rfm_frequency", "rfm_monetary", "rfm_segment"])
    assert [tonight["rfm_recency"][c] for c in range(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [tonight["rfm_frequency"][c] for c in range(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    # amounts 100, 180, 240, 280, 300, 300, 280, 240, 180, 100: equal ones by customer number
    assert [tonight["rfm_monetary"][c] for c in range(10)] == [1, 2, 3, 4, 5, 5, 4, 3, 2, 1]
    assert tonight["rfm_recency"][10] is None
    assert tonight["rfm_recency"][11] is None
    assert tonight["rfm_segment"][10] is None
    assert tonight["rfm_segment"][9] == "loyal"
    assert tonight["rfm_segment"][6] == "champion"
    assert tonight["rfm_segment"][5] == "big_but_quiet"


def test_phases_of_life() -> None:
    assert (
        Bank().person(birth_date="1990-05-05").account(category="mortgage").tell(ON, "life_phase")
        == "young_family"
    )
    assert Bank().person(birth_date="2004-05-05").tell(ON, "life_phase") == "starting"
    assert Bank().person(birth_date="2012-05-05").tell(ON, "life_phase") is None
    assert Bank().person(birth_date="1950-05-05").tell(ON, "life_phase") == "retired"
    wages = Bank().person(birth_date="1968-05-05").move("2026-06-10", 1, direction="in", kind="salary")
    assert wages.tell(ON, "life_phase") == "retiring"


def test_foreign_exchange_counts_one_side_only() -> None:
    bank = (
        Bank()
        .person()
        .move("2026-02-01", 7_000, kind="fx_purchase", direction="out")
        .move("2026-02-01", 7_000, kind="fx_purchase", direction="in")
        .move("2025-12-31", 9_000, kind="fx_purchase", direction="out")
    )
    assert bank.tell(ON, "fx_purchase_ytd") == 7_000_00
    assert bank.tell(ON, "is_cross_border") is True


def test_owner_in_force() -> None:
    bank = (
        Bank()
        .person()
        .add("ownership", duty="primary", post_id="P1", from_date="2024-01-01", to_date="2026-06-30")
        .add("ownership", duty="primary", post_id="P2", from_date="2026-06-30")
        .add("ownership", duty="adviser", post_id="P3", from_date="2026-01-01")
    )
    assert bank.tell("2026-06-29", "owner_post") == "P1"
    assert bank.tell(ON, "owner_post") == "P2"
    assert bank.tell(ON, "owners") == 1
    assert bank.tell(ON, "owner_since") == day("2026-06-30")
    assert bank.tell("2023-01-01", "has_owner") is False
