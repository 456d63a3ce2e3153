"""Each check finds what it is for, and lets the neighbouring case pass."""

from __future__ import annotations

import pytest

from quanke.checks import CHECKS
from tests.catalogue.bank import CATALOGUE, Bank

ON = "2026-06-30"


def rich(amount: float = 300_000) -> Bank:
    return (
        Bank()
        .person(birth_date="1980-01-01")
        .account(opened_on="2020-01-01")
        .balance(("2020-01-01", amount))
        .move("2026-06-01", 1)
    )


def owned(bank: Bank, since: str = "2024-01-01") -> Bank:
    return bank.add("ownership", duty="primary", post_id="P1", from_date=since)


def called(bank: Bank, on: str, **fields: object) -> Bank:
    given = {"means": "call", "connected": True, "seconds": 60, "evidence": True, **fields}
    return bank.add("contacts", date=on, **given)


def pushed(bank: Bank, on: str, means: str = "sms") -> Bank:
    return bank.add("pushes", date=on, arm="treated", means=means)


def refused(bank: Bank, on: str) -> Bank:
    return bank.add("consents", purpose="marketing", means="sms", granted_on="2020-01-01", withdrawn_on=on)


def person(**fields: object) -> Bank:
    return Bank().person(**fields).account(opened_on="2020-01-01").balance(("2020-01-01", 1_000))


def cash(*amounts: float) -> Bank:
    bank = person()
    for number, amount in enumerate(amounts):
        bank.move(f"2026-06-2{4 + number}", amount, kind="cash", direction="in")
    return bank


FOUND: list[tuple[str, Bank, Bank]] = [
    ("owner_missing", rich(), owned(rich())),
    (
        "outflow_to_recall",
        person().balance(("2024-01-01", 200_000), ("2026-06-20", 0), account=1),
        person().balance(("2024-01-01", 200_000), ("2026-05-20", 0), account=1),
    ),
    (
        "maturity_unattended",
        rich().account(category="term", matures_on="2026-07-04"),
        called(rich().account(category="term", matures_on="2026-07-04"), "2026-06-20"),
    ),
    (
        "newcomer_not_welcomed",
        Bank().person().account(opened_on="2026-06-10").balance(("2026-06-01", 90_000)),
        called(Bank().person().account(opened_on="2026-06-10").balance(("2026-06-01", 90_000)), "2026-06-12"),
    ),
    (
        "visit_not_followed_up",
        rich().add("channel_events", date="2026-06-20", kind="ticket"),
        called(rich().add("channel_events", date="2026-06-20", kind="ticket"), "2026-06-22"),
    ),
    (
        "complaint_unanswered",
        rich().add("channel_events", date="2026-06-20", kind="complaint"),
        rich().add("channel_events", date="2026-06-27", kind="complaint"),
    ),
    ("contact_overdue", owned(rich()), called(owned(rich()), "2026-04-01")),
    (
        "contacts_without_evidence",
        called(
            called(called(rich(), "2026-06-01", evidence=False), "2026-06-02", evidence=False),
            "2026-06-03",
            evidence=None,
        ),
        called(
            called(called(rich(), "2026-06-01", evidence=False), "2026-06-02", evidence=False), "2026-06-03"
        ),
    ),
    (
        "failed_calls_as_success",
        called(rich(), "2026-06-01", connected=False, seconds=0, outcome="interested"),
        called(rich(), "2026-06-01", connected=False, seconds=0, outcome="no_answer"),
    ),
    ("two_owners", owned(owned(rich())), owned(rich())),
    (
        "owner_ping_pong",
        owned(owned(owned(rich()), "2026-05-01"), "2026-06-01"),
        owned(owned(rich(), "2026-05-01"), "2026-06-01"),
    ),
    (
        "pushed_after_refusal",
        pushed(refused(rich(), "2026-05-01"), "2026-06-01"),
        pushed(refused(rich(), "2026-05-01"), "2026-05-01"),
    ),
    (
        "pushed_in_cool_down",
        pushed(called(rich(), "2026-06-01", outcome="declined"), "2026-06-14"),
        pushed(called(rich(), "2026-06-01", outcome="declined"), "2026-06-15"),
    ),
    (
        "minor_marketed",
        pushed(person(birth_date="2008-07-01"), "2026-06-01"),
        pushed(person(birth_date="2008-06-30"), "2026-06-01"),
    ),
    (
        "contacted_too_often",
        called(called(called(rich(), "2026-06-28"), "2026-06-29"), ON),
        called(called(called(rich(), "2026-06-23"), "2026-06-29"), ON),
    ),
    ("document_expired", person(id_expires_on="2026-06-29"), person(id_expires_on=ON)),
    ("document_long_expired", person(id_expires_on="2026-03-31"), person(id_expires_on="2026-04-01")),
    ("deceased_active", person(deceased=True).move("2026-06-20", 5), person(deceased=True)),
    (
        "too_many_accounts",
        person().account(account_class="I").account(account_class="I"),
        person().account(account_class="I").account(account_class="I", closed_on="2026-01-01"),
    ),
    (
        "unused_since_opening",
        Bank().person().account(opened_on="2025-12-30"),
        Bank().person().account(opened_on="2026-01-01"),
    ),
    (
        "unassessed_investor",
        person(risk_class="C3", risk_assessed_on="2025-06-29").account(category="fund"),
        person(risk_class="C3", risk_assessed_on="2025-06-30").account(category="fund"),
    ),
    (
        "minor_investor",
        person(birth_date="2010-01-01").account(category="fund"),
        person(birth_date="2010-01-01").account(category="term"),
    ),
    (
        "elder_mostly_funds",
        person(birth_date="1950-01-01")
        .balance(("2024-01-01", 90_000), category="fund", account=1)
        .add("holdings", date=ON, value=90_000_00, category="fund"),
        person(birth_date="1970-01-01")
        .balance(("2024-01-01", 90_000), category="fund", account=1)
        .add("holdings", date=ON, value=90_000_00, category="fund"),
    ),
    (
        "underage_wages",
        person(birth_date="2012-01-01").move("2026-06-10", 10, kind="salary", direction="in"),
        person(birth_date="2000-01-01").move("2026-06-10", 10, kind="salary", direction="in"),
    ),
    ("cash_near_limit", cash(45_000, 49_999.99, 48_000), cash(44_999.99, 49_000, 50_000, 48_000)),
    (
        "pass_through",
        person()
        .move("2026-06-10", 300_000, direction="in", counterparty_bank="X")
        .move("2026-06-10", 299_000, counterparty_bank="X"),
        person()
        .move("2026-06-10", 300_000, direction="in", counterparty_bank="X")
        .move("2026-06-10", 100_000, counterparty_bank="X"),
    ),
]


def wages(last: int) -> Bank:
    bank = person()
    for month in range(1, last + 1):
        bank.move(f"2026-0{month}-10", 5_000, kind="salary", direction="in", initiated=False)
    return bank


FOUND.append(("wages_stopped", wages(4), wages(6)))


def sharing(household: int, **sizes: int) -> Bank:
    return person().add("graph", household_size=household, **sizes)


FOUND += [
    ("device_shared", sharing(1, device_group_size=3), sharing(3, device_group_size=3)),
    ("phone_shared", sharing(1, phone_group_size=4), sharing(1, phone_group_size=3)),
    ("address_shared", sharing(4, address_group_size=6), sharing(6, address_group_size=6)),
]


def test_every_check_has_a_case() -> None:
    assert sorted(name for name, _, _ in FOUND) == sorted(check.name for check in CHECKS)


@pytest.mark.parametrize(("name", "wrong", "right"), FOUND, ids=[name for name, _, _ in FOUND])
def test_check(name: str, wrong: Bank, right: Bank) -> None:
    assert wrong.night(ON, [name])[name][0] is True
    assert right.night(ON, [name])[name][0] is not True


def test_a_clean_customer_has_no_finding() -> None:
    bank = called(owned(rich()), "2026-06-01")
    names = [check.name for check in CHECKS]
    tonight = bank.night(ON, names)
    assert [name for name in names if tonight[name][0]] == []
    assert CATALOGUE.checks
