"""Triggers on what does not come, on a day, and the standard ones, one by one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from quanke.engines.live.engine import LiveEngine
from quanke.engines.live.tables import TableOpenings
from quanke.kernel.errors import CalendarError, DefinitionError, QuankeError
from quanke.language import (
    Catalogue,
    Occasion,
    Tag,
    Trigger,
    as_of,
    customers,
    days,
    facts,
    graph,
    level,
    rank,
    working_day,
)
from quanke.language.facts import customers as golden
from quanke.night.catalogue import standard_catalogue
from tests.generative.random_facts import as_arrow

DAY = dt.date(2026, 6, 29)
PEOPLE = 4
tx, contact, card = facts.transactions, facts.contacts, facts.cards

unused = Trigger(
    name="unused",
    title_zh="新卡未用",
    title_en="Unused",
    value=card.kind == "debit",
    unless=tx.kind == "card_payment",
    within=days(7),
)
unanswered = Trigger(
    name="unanswered",
    title_zh="未回应",
    title_en="No answer",
    value=contact.means == "sms",
    unless=tx.amount >= 100,
    hours=48,
)
birthday = Trigger(
    name="birthday_today", title_zh="生日", title_en="Birthday", value=customers.birth_date == as_of()
)


def bank(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    """Arranged tables of the rows given; fields left out are unknown."""
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in facts.tables}
    made["customers"] = [{"customer": n} for n in range(PEOPLE)]
    for name, held in rows.items():
        made[name] = held
    for name, table in {**facts.tables, "customers": golden, "graph": graph}.items():
        fields = [*table.fields, *(["delta"] if name == "balances" else [])]
        made[name] = [dict.fromkeys(fields) | {"customer": 0} | row for row in made.get(name, [])]
    tables = as_arrow(made)
    for name, key in (("cards", "card_id"), ("transactions", "transaction_id"), ("contacts", "contact_id")):
        if "event_id" not in tables[name].column_names:
            tables[name] = tables[name].append_column("event_id", tables[name][key])
    return tables


def row(table: str, number: str, customer: int, day: dt.date, **fields: Any) -> dict[str, Any]:
    known = {"cards": "card_id", "transactions": "transaction_id", "contacts": "contact_id"}
    date = {"cards": "issued_on", "accounts": "opened_on"}.get(table, "date")
    return {known.get(table, "event_id"): number, "customer": customer, date: day, **fields}


def live(
    triggers: list[Trigger], day: dt.date = DAY, also: Sequence[Tag] = (), **rows: list[dict[str, Any]]
) -> LiveEngine:
    tables = bank(**rows)
    profile = pa.table({"customer": pa.array(range(PEOPLE), pa.int32())})
    openings = TableOpenings(tables, PEOPLE)
    return LiveEngine(Catalogue([*also, *triggers]), triggers, profile, openings, day)


def given(table: str, *rows: dict[str, Any]) -> pa.Table:
    return bank(**{table: list(rows)})[table]


def told(made: pa.Table) -> list[tuple[str, int, str]]:
    return [(d["trigger"], d["customer"], d["event_id"]) for d in made.to_pylist()]


def after(count: int) -> dt.date:
    return DAY + dt.timedelta(days=count)


@pytest.mark.parametrize(
    "used_on, fires", [(0, False), (1, False), (7, False), (8, True), (None, True), (-1, True)]
)
@pytest.mark.parametrize("first", ["card", "use"])
def test_a_card_not_used_within_seven_days(used_on: int | None, fires: bool, first: str) -> None:
    engine = live([unused])
    cards = given(
        "cards", row("cards", "K1", 1, DAY, kind="debit"), row("cards", "K2", 2, DAY, kind="credit")
    )
    use = None
    if used_on is not None:
        use = given("transactions", row("transactions", "T1", 1, after(used_on), kind="card_payment"))
    if first == "card":
        assert engine.take("cards", cards).num_rows == 0
    for n in range(1, 8):
        if use is not None and n == max(1, used_on or 0):
            engine.take("transactions", use)
        assert engine.turn_day(after(n)).num_rows == 0
        if first == "use" and n == 2:
            engine.take("cards", cards)
    assert told(engine.turn_day(after(8))) == ([("unused", 1, "K1")] if fires else [])
    assert engine.turn_day(after(9)).num_rows == 0


def test_what_a_missed_wait_says() -> None:
    engine = live([unused])
    engine.take("cards", given("cards", row("cards", "K1", 1, DAY, kind="debit")))
    engine.turn_day(after(3))
    (made,) = engine.turn_day(after(8)).to_pylist()
    assert made["at"] == dt.datetime.combine(after(8), dt.time())
    assert (made["decided_for"], json.loads(made["values"])) == (after(8), {"kind": "debit"})


@pytest.mark.parametrize("singly", [0, 8])
def test_hours_by_the_clock(singly: int) -> None:
    engine = live([unanswered])
    engine.singly = singly
    at = dt.datetime.combine(DAY, dt.time(9, 30))

    def sms(number: str, customer: int) -> dict[str, Any]:
        return row("contacts", number, customer, DAY, at=at, means="sms")

    engine.take("contacts", given("contacts", sms("S1", 1), sms("S2", 2), sms("S3", 3)))
    engine.turn_day(after(1))
    engine.turn_day(after(2))
    last, late = at + dt.timedelta(hours=48), at + dt.timedelta(hours=48, seconds=1)
    engine.take(
        "transactions",
        given(
            "transactions",
            row("transactions", "T1", 1, after(2), at=last, amount=100_00),
            row("transactions", "T2", 2, after(2), at=late, amount=100_00),
            row("transactions", "T3", 3, after(2), at=last, amount=99_00),
        ),
    )
    assert engine.due(last - dt.timedelta(seconds=1)).num_rows == 0
    assert told(engine.due(late)) == [("unanswered", 2, "S2"), ("unanswered", 3, "S3")]
    assert engine.due(late).num_rows == 0


def test_waits_that_began_before_the_engine() -> None:
    """Cards issued in the days before the night, one of them used since, one long ago, one due today."""
    issued = {"due": -8, "pending": -7, "used": -7, "gone": -9}
    cards = [
        row("cards", name, place, after(ago), kind="debit")
        for place, (name, ago) in enumerate(issued.items())
    ]
    used = [row("transactions", "T", 2, after(-3), kind="card_payment")]
    engine = live([unused], cards=cards, transactions=used)
    assert told(engine.open_day()) == [("unused", 0, "due")]
    assert told(engine.turn_day(after(1))) == [("unused", 1, "pending")]


def test_a_snapshot_holds_waits_and_rows_of_tomorrow(tmp_path: Path) -> None:
    engine = live([unused])
    engine.take(
        "cards",
        given("cards", row("cards", "K1", 1, DAY, kind="debit"), row("cards", "K3", 3, DAY, kind="debit")),
    )
    engine.turn_day(after(1))
    engine.take(
        "transactions", given("transactions", row("transactions", "T1", 3, after(1), kind="card_payment"))
    )
    engine.take("cards", given("cards", row("cards", "K2", 2, after(2), kind="debit")))
    engine.save(tmp_path / "snapshot")
    again = live([unused])
    again.load(tmp_path / "snapshot")
    assert again.day == after(1)
    assert told(again.turn_day(after(8))) == told(engine.turn_day(after(8))) == [("unused", 1, "K1")]
    assert told(again.turn_day(after(10))) == told(engine.turn_day(after(10))) == [("unused", 2, "K2")]


def test_triggers_on_a_day_are_looked_at_once() -> None:
    born = [{"customer": n, "birth_date": after(n)} for n in range(PEOPLE)]
    engine = live([birthday], customers=born)
    assert told(engine.open_day()) == [("birthday_today", 0, str(DAY))]
    assert told(engine.turn_day(after(1))) == [("birthday_today", 1, str(after(1)))]
    assert engine.turn_day(after(1)).num_rows == 0
    assert told(engine.turn_day(after(3))) == [("birthday_today", 3, str(after(3)))]


def test_no_holiday_table_stops_before_anything_changes() -> None:
    soon = Trigger(
        name="soon", title_zh="临近", title_en="Soon", value=customers.birth_date == working_day(3)
    )
    engine = live([soon], dt.date(2026, 12, 1))
    with pytest.raises(CalendarError, match="2027"):
        engine.turn_day(dt.date(2026, 12, 30))
    assert engine.day == dt.date(2026, 12, 1)


def test_what_cannot_be_a_trigger() -> None:
    for wrong in (
        {"within": days(7)},
        {"unless": tx.amount > 5},
        {"unless": tx.amount > 5, "within": days(7, ago=1)},
        {"unless": tx.amount > 5, "within": days(7), "hours": 4},
        {"unless": tx.amount > 5, "hours": 4},
        {"unless": customers.city == "x", "within": days(7)},
    ):
        with pytest.raises(DefinitionError):
            Trigger(name="x", title_zh="x", title_en="x", value=card.kind == "debit", **wrong)
    with pytest.raises(DefinitionError, match="holds a change"):
        Trigger(name="x", title_zh="x", title_en="x", value=facts.balances.balance > 5)
    low = (facts.balances.category == "demand") & (level(facts.balances.balance) < 0)
    changed = live([Trigger(name="low", title_zh="透支", title_en="Low", value=low)])
    change = {"customer": 1, "date": DAY, "delta": -1, "account": 1, "category": "demand", "currency": "CNY"}
    rows = given("balances", change, {**change, "currency": "USD", "customer": 2})
    rows = rows.append_column("event_id", pa.array(["b", "c"]))
    assert told(changed.take("balances", rows)) == [("low", 1, "b")]
    t = Tag(name="t", title_zh="t", title_en="t", value=customers.sources)
    placed = (tx.amount > 5) & (rank(t) == 1)
    place = Trigger(name="x", title_zh="x", title_en="x", value=placed)
    with pytest.raises(QuankeError, match="by a tag that holds it"):
        live([place], also=[t])


# --- the standard triggers

STANDARD = standard_catalogue()
MONDAY = dt.date(2026, 6, 29)


def standard(day: dt.date = MONDAY, profile: dict[str, list[Any]] | None = None, **rows: Any) -> LiveEngine:
    columns = {"customer": pa.array(range(PEOPLE), pa.int32())}
    columns |= {n: pa.array(v, pa.int64()) for n, v in (profile or {}).items()}
    return LiveEngine(
        STANDARD, STANDARD.triggers, pa.table(columns), TableOpenings(bank(**rows), PEOPLE), day
    )


def moved(number: str, customer: int, amount: int, direction: str, kind: str, **more: Any) -> dict[str, Any]:
    fields = {"amount": amount * 100, "direction": direction, "kind": kind, "category": "demand", **more}
    return row("transactions", number, customer, MONDAY, **fields)


def on_rows(engine: LiveEngine, table: str, *rows: dict[str, Any]) -> list[tuple[str, int, str]]:
    return told(engine.take(table, given(table, *rows)))


def test_standard_triggers_are_those_of_the_issue() -> None:
    names = {t.name: t.occasion for t in STANDARD.triggers}
    assert names == {
        "inflow_near_next_tier": Occasion.ROW,
        "salary_arrived": Occasion.ROW,
        "escrow_released": Occasion.ROW,
        "large_outflow_to_bank": Occasion.ROW,
        "fx_purchase_near_quota": Occasion.ROW,
        "branch_arrival": Occasion.ROW,
        "login_after_silence": Occasion.ROW,
        "etc_bound": Occasion.ROW,
        "new_card_unused": Occasion.ABSENCE,
        "term_deposit_maturing": Occasion.DAY,
        "birthday": Occasion.DAY,
        "holiday_ahead": Occasion.DAY,
    }


def test_inflow_near_the_next_tier() -> None:
    """45,000 yuan all month stand 5,000 below the core tier, and are an edge; 20,000 are not."""
    held = [
        {
            "customer": c,
            "date": dt.date(2026, 6, 1),
            "delta": a * 100,
            "account": c,
            "category": "demand",
            "currency": "CNY",
        }
        for c, a in ((0, 45_000), (1, 20_000))
    ]
    people = [{"customer": n, "kind": "person"} for n in range(PEOPLE)]
    engine = standard(balances=held, customers=people)
    assert on_rows(
        engine,
        "transactions",
        moved("T1", 0, 12_000, "in", "transfer"),
        moved("T2", 0, 9_000, "in", "transfer"),
        moved("T3", 1, 50_000, "in", "transfer"),
        moved("T4", 0, 12_000, "in", "wealth_redemption"),
    ) == [("inflow_near_next_tier", 0, "T1")]


def test_money_triggers() -> None:
    engine = standard(profile={"deposits": [100_000_00, 1_000_000_00, 0, 0]})
    bank_ = {"counterparty_bank": "other"}
    assert on_rows(
        engine,
        "transactions",
        moved("T1", 0, 8_000, "in", "salary"),
        moved("T2", 0, 999, "in", "salary"),
        moved("T3", 0, 60_000, "out", "transfer", **bank_),
        moved("T4", 1, 60_000, "out", "transfer", **bank_),
        moved("T5", 0, 60_000, "out", "transfer", counterparty_bank="own"),
        moved("T6", 2, 500, "in", "escrow"),
    ) == [("salary_arrived", 0, "T1"), ("large_outflow_to_bank", 0, "T3"), ("escrow_released", 2, "T6")]


def test_fx_purchase_near_the_quota_is_told_once() -> None:
    """Four fifths of 50,000 dollars at 7.10 are 284,000 yuan."""
    engine = standard(
        transactions=[
            row(
                "transactions",
                "T0",
                1,
                dt.date(2026, 3, 2),
                amount=200_000_00,
                direction="out",
                kind="fx_purchase",
            )
        ]
    )
    assert on_rows(
        engine,
        "transactions",
        moved("T1", 1, 83_000, "out", "fx_purchase"),
        moved("T2", 1, 1_000, "out", "fx_purchase"),
        moved("T3", 1, 90_000, "out", "fx_purchase"),
        moved("T4", 2, 284_000, "out", "fx_purchase"),
    ) == [("fx_purchase_near_quota", 1, "T2"), ("fx_purchase_near_quota", 2, "T4")]


def test_what_happens_in_channels() -> None:
    def event(number: str, customer: int, kind: str) -> dict[str, Any]:
        return row("channel_events", number, customer, MONDAY, kind=kind, channel="mobile")

    before = [
        row("channel_events", f"E{c}", c, MONDAY - dt.timedelta(days=ago), kind="login")
        for c, ago in ((0, 90), (1, 89))
    ]
    engine = standard(channel_events=before)
    assert on_rows(
        engine,
        "channel_events",
        event("V1", 0, "login"),
        event("V2", 0, "login"),
        event("V3", 1, "login"),
        event("V4", 2, "login"),
        event("V5", 2, "ticket"),
        event("V6", 3, "bind_etc"),
    ) == [("login_after_silence", 0, "V1"), ("branch_arrival", 2, "V5"), ("etc_bound", 3, "V6")]


def test_a_term_deposit_is_told_three_working_days_before_and_once() -> None:
    """Over the holiday of 19 to 21 June 2026: Monday the 22nd is three working days after the 16th."""
    account = row("accounts", "", 1, dt.date(2025, 6, 22), category="term", matures_on=dt.date(2026, 6, 22))
    engine = standard(dt.date(2026, 6, 15), accounts=[account])
    found = []
    for n in range(12):
        day = dt.date(2026, 6, 15) + dt.timedelta(days=n)
        made = engine.open_day() if n == 0 else engine.turn_day(day)
        found += told(made)
    assert found == [("term_deposit_maturing", 1, "2026-06-16")]


def test_birthdays_of_leap_days() -> None:
    people = [
        {"customer": 0, "kind": "person", "birth_date": dt.date(2000, 2, 29)},
        {"customer": 1, "kind": "person", "birth_date": dt.date(1990, 2, 28)},
        {"customer": 2, "kind": "person", "birth_date": dt.date(1990, 3, 1)},
        {"customer": 3, "kind": "employer", "birth_date": dt.date(1990, 2, 28)},
    ]
    engine = standard(dt.date(2026, 2, 27), customers=people)
    assert told(engine.open_day()) == []
    assert told(engine.turn_day(dt.date(2026, 2, 28))) == [
        ("birthday", 0, "2026-02-28"),
        ("birthday", 1, "2026-02-28"),
    ]
    assert told(engine.turn_day(dt.date(2026, 3, 1))) == [("birthday", 2, "2026-03-01")]


def test_the_last_working_day_before_a_holiday() -> None:
    """30 September 2026 before the seven days off; 18 June before three; no ordinary Friday."""
    owned = [{"customer": 0, "from_date": dt.date(2026, 1, 1), "duty": "primary"}]
    held = [row("accounts", "", c, dt.date(2020, 1, 1), category="demand") for c in (0, 1)]
    people = [{"customer": n, "kind": "person"} for n in range(PEOPLE)]
    engine = standard(dt.date(2026, 6, 18), accounts=held, ownership=owned, customers=people)
    assert told(engine.open_day()) == [("holiday_ahead", 0, "2026-06-18")]
    assert told(engine.turn_day(dt.date(2026, 6, 19))) == []
    assert told(engine.turn_day(dt.date(2026, 6, 26))) == []
    assert told(engine.turn_day(dt.date(2026, 9, 30))) == [("holiday_ahead", 0, "2026-09-30")]


def test_a_seed_gives_the_same_triggers_whatever_the_batches() -> None:
    r = Random(5)
    rows = [
        moved(
            f"T{n}",
            r.randrange(PEOPLE),
            r.randrange(1, 90_000),
            r.choice(("in", "out")),
            r.choice(("salary", "fx_purchase", "transfer")),
        )
        for n in range(400)
    ]
    whole = given("transactions", *rows)
    wanted = None
    for size in (1, 7, 9, 400):
        engine = standard()
        found: list[tuple[str, int, str]] = []
        for low in range(0, 400, size):
            found += told(engine.take("transactions", whole.slice(low, size)))
        wanted = wanted or found
        assert found == wanted and len(found) > 50
