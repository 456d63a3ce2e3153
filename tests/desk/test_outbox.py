"""Rows on their way home: once in effect, whatever is killed; refused rows wait and are mended."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, TestCase
from django.utils import timezone

from quanke.bank.home import Home
from quanke.customers.register import register_of
from quanke_desk.foundation import approvals, delivery, mending, outbox
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.delivery import deliver, replay
from quanke_desk.foundation.models import Approval, AuditEntry, Batch, Job, Outgoing, Person, Post, Relation
from quanke_desk.foundation.outbox import OutboxError, amend, mend, pending, put
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import Worker
from tests.desk.desk_home import home_to_load, rows_of

DAY = "2026-07-01"


@pytest.fixture
def home(desk: dict[str, Person], after_june: Path, tmp_path: Path, settings: Any) -> Path:
    path = home_to_load(after_june, tmp_path / "home")
    settings.QUANKE_HOME = str(path)
    return path


def contact(key: str, customer: int = 7, **more: Any) -> Outgoing:
    return put("contacts", key, {"date": DAY, "means": "call", "connected": True, **more}, customer=customer)


def ours(home: Path, table: str, key: str) -> list[dict[str, Any]]:
    name = {"contacts": "contact_id", "ownership": "ownership_id", "sales": "sale_id"}[table]
    return [row for row in rows_of(home, table) if row[name].startswith(key)]


def owned(post: str, key: str = "desk-1", customer: int = 7, **more: Any) -> Outgoing:
    row = {"post_id": post, "duty": "primary", "from_date": DAY, **more}
    return put("ownership", key, row, customer=customer)


@pytest.fixture
def post(desk: dict[str, Person]) -> str:
    return str(Post.objects.order_by("post_id").values_list("post_id", flat=True)[0])


def test_what_a_contract_does_not_have_is_refused_at_once(desk: dict[str, Person]) -> None:
    for table, row, customer, told in (
        ("nothing", {}, 7, "no table nothing"),
        ("contacts", {"phone": "1"}, 7, "contacts has no field phone"),
        ("contacts", {"date": DAY}, 7, "contacts: means is required"),
        ("contacts", {"date": DAY, "means": None}, 7, "contacts: means is required"),
        ("contacts", {"date": DAY, "means": "call"}, None, "contacts: source is required"),
        ("contacts", {"date": DAY, "means": "call", "source": "x"}, 7, "contacts: customer, not source"),
        ("posts", {"branch_id": "B", "role": "lobby"}, 7, "posts: customer, not source"),
        ("product_values", {"value": "1"}, None, "product_values has no single number"),
    ):
        with pytest.raises(OutboxError, match=told):
            put(table, "k", row, customer=customer)
    assert not Outgoing.objects.exists()


def test_rows_arrive_once_as_the_customer_they_are_about(home: Path) -> None:
    contact("desk-c1", note_hash='a,"b"\n第二行')
    contact("desk-c2", 8, connected=None, seconds=61)
    done = deliver()
    assert (done.taken, done.refused, done.waits, done.batches) == (2, 0, "", [Batch.objects.get().pk])
    first, second = sorted(ours(home, "contacts", "desk-c"), key=lambda r: str(r["contact_id"]))
    assert (first["customer"], second["customer"]) == (7, 8)
    assert first["connected"] is True and first["note_hash"] == 'a,"b"\n第二行'
    assert second["connected"] is None and second["seconds"] == 61
    assert not Outgoing.objects.filter(delivered_at=None).exists()
    assert not list((home / "desk" / "outgoing").iterdir()), "no file with records is left"
    assert deliver().batches == []
    contact("desk-c3")
    deliver()
    assert len(ours(home, "contacts", "desk-c")) == 3 and Batch.objects.count() == 2


def test_an_amount_is_fen(home: Path, after_june: Path) -> None:
    product = next(r["product_id"] for r in rows_of(home, "products"))
    row = {"product_id": product, "date": DAY, "amount": 123_456, "channel": "mobile"}
    put("sales", "desk-s1", row, customer=7)
    assert deliver().refused == 0
    assert ours(home, "sales", "desk-s1")[0]["amount"] == 123_456


def test_a_number_that_was_taken_into_another_leads_to_that_one(home: Path) -> None:
    register = register_of(Home.open(home))
    pair = next(p for p in register.absorbed.to_pylist() if p["into"] is not None)
    contact("desk-c1", pair["customer"])
    assert deliver().taken == 1
    loaded = ours(home, "contacts", "desk-c1")[0]["customer"]
    assert int(register_of(Home.open(home)).goes_by[loaded]) == pair["into"]


def test_a_customer_nobody_knows_waits_and_the_others_go(home: Path) -> None:
    contact("desk-c1", 99_999_999)
    contact("desk-c2", 7)
    done = deliver()
    assert (done.taken, done.refused) == (1, 1)
    held = Outgoing.objects.get(key="desk-c1")
    assert held.rule == "customer:unknown" and held.delivered_at is None
    assert replay().taken == 0
    Outgoing.objects.filter(pk=held.pk).update(customer=9)
    replay()
    assert deliver().taken == 1 and len(ours(home, "contacts", "desk-c")) == 2


def test_refused_rows_wait_are_mended_and_sent_again(home: Path, desk: dict[str, Person], post: str) -> None:
    contact("desk-c1")
    bad = contact("desk-c2", 8, post_id="nowhere")
    contact("desk-c3", 9)
    done = deliver()
    bad.refresh_from_db()
    assert (done.taken, done.refused) == (2, 1)
    assert bad.rule.startswith("post_id:") and bad.delivered_at is None
    assert delivery.refused_counts() == {f"contacts {bad.rule}": 1}
    assert (replay().taken, len(ours(home, "contacts", "desk-c"))) == (0, 2)
    good = {"date": DAY, "means": "call", "post_id": post}
    mend(bad.pk, good, by=desk[Role.ADMINISTRATOR], reason="the post was renamed")
    assert AuditEntry.objects.filter(action="outbox.mend").exists()
    again = replay()
    bad.refresh_from_db()
    assert (again.taken, again.refused, bad.rule) == (1, 0, "") and bad.delivered_at
    [row] = ours(home, "contacts", "desk-c2")
    assert row["post_id"] == post and row["customer"] == 8
    assert not Home.open(home).quarantine("contacts") or not any(
        "desk-" in p.name for p in Home.open(home).quarantine("contacts")
    )
    assert replay().taken == 0 and len(ours(home, "contacts", "desk-c")) == 3


def test_later_states_replace_earlier_ones_in_order(home: Path, post: str) -> None:
    owned(post, "desk-1")
    owned(post, "desk-1:1", to_date="2026-07-05")
    deliver()
    assert [r["to_date"] for r in ours(home, "ownership", "desk-1")] == [dt.date(2026, 7, 5)]
    owned(post, "desk-1:2", to_date="2026-07-09")
    deliver()
    assert [r["to_date"] for r in ours(home, "ownership", "desk-1")] == [dt.date(2026, 7, 9)]
    assert not Outgoing.objects.filter(delivered_at=None).exists()


def test_a_refused_state_is_not_sent_over_a_later_one(home: Path, post: str) -> None:
    bad = owned("nowhere", "desk-1")
    deliver()
    owned(post, "desk-1:1", to_date="2026-07-05")
    deliver()
    Outgoing.objects.filter(pk=bad.pk).update(row={**bad.row, "post_id": post})
    replay()
    assert [r["to_date"] for r in ours(home, "ownership", "desk-1")] == [dt.date(2026, 7, 5)]
    bad.refresh_from_db()
    assert bad.rule == delivery.SUPERSEDED and bad.delivered_at


def test_a_state_of_a_row_the_bank_handed_over_replaces_it(home: Path) -> None:
    given = next(r for r in rows_of(home, "ownership") if r["to_date"] is None)
    row = {"post_id": given["post_id"], "duty": given["duty"], "from_date": given["from_date"].isoformat()}
    put("ownership", f"{given['ownership_id']}:1", {**row, "to_date": DAY}, customer=given["customer"])
    assert deliver().taken == 1
    [held] = [r for r in rows_of(home, "ownership") if r["ownership_id"] == given["ownership_id"]]
    assert held["to_date"] == dt.date(2026, 7, 1)


def test_relations_whose_row_went_out_are_told_to_the_scope(home: Path, post: str) -> None:
    at = Post.objects.get(post_id=post)
    first, second, third = (
        Relation.objects.create(customer=n, post=at, since=dt.date(2026, 7, 1), reason="r") for n in (7, 8, 9)
    )
    owned(post, f"desk-{first.pk}")
    owned(post, f"desk-{second.pk}:2", 8)
    owned("nowhere", f"desk-{third.pk}", 9)
    deliver()
    told = dict(Relation.objects.values_list("pk", "delivered_on"))
    today = timezone.localdate()
    assert told == {first.pk: today, second.pk: today, third.pk: None}


def test_a_home_that_a_night_writes_is_left_and_tried_again(home: Path) -> None:
    contact("desk-c1")
    with Home.open(home).writing():
        done = deliver()
        assert "being written" in done.waits and done.taken == 0
        assert "being written" in Batch.objects.get().error
    contact("desk-c2")
    done = deliver()
    assert done.taken == 2 and len(done.batches) == 2, "the older batch first"
    assert len(ours(home, "contacts", "desk-c")) == 2


class Killed(BaseException):
    """What a kill -9 is to the code that runs."""


def _places() -> list[tuple[Any, str, bool]]:
    steps = [
        (delivery, n) for n in ("_next", "_write", "load", "_missing", "_quarantined", "_mark", "_remove")
    ]
    steps += [(delivery.Path, "rename"), (delivery.pq, "write_table")]
    return [(module, name, after) for module, name in steps for after in (False, True)]


@pytest.mark.parametrize("place", _places(), ids=lambda p: f"{'after' if p[2] else 'before'}-{p[1]}")
def test_killed_at_each_step(home: Path, post: str, monkeypatch: pytest.MonkeyPatch, place: Any) -> None:
    module, name, after = place
    contact("desk-c1")
    contact("desk-c2", 8, post_id="nowhere")
    owned(post)
    usual: Callable[..., Any] = getattr(module, name)

    def dies(*args: Any, **more: Any) -> Any:
        if after:
            usual(*args, **more)
        raise Killed

    monkeypatch.setattr(module, name, dies)
    with pytest.raises(Killed):
        deliver()
    monkeypatch.setattr(module, name, usual)
    deliver()
    assert len(ours(home, "contacts", "desk-c1")) == len(ours(home, "ownership", "desk-1")) == 1
    rules = dict(Outgoing.objects.values_list("key", "rule"))
    assert rules["desk-c2"].startswith("post_id:") and not rules["desk-c1"] and not rules["desk-1"]
    assert Batch.objects.count() == 1 and not list((home / "desk" / "outgoing").iterdir())
    units = [u.unit for u in Home.open(home).book("contacts").standing if u.unit.startswith("desk-")]
    assert len(units) == 1


def proven(key: str, **more: Any) -> bool:
    """The proof of a contact, which comes after its row has left."""
    return amend("contacts", key, {"date": DAY, "means": "call", "evidence": True, "seconds": 40, **more})


def test_a_row_amended_after_it_left_stands_there_once(home: Path) -> None:
    contact("desk-c1")
    contact("desk-c2", 8)
    contact("desk-c3", 9, post_id="nowhere")
    deliver()
    assert proven("desk-c1") and delivery.something_waits()
    done = deliver()
    assert done.again == [Batch.objects.get().pk] and not done.waits and not delivery.something_waits()
    rows = {r["contact_id"]: (r["evidence"], r["seconds"]) for r in ours(home, "contacts", "desk-")}
    assert rows == {"desk-c1": (True, 40), "desk-c2": (None, None)}, "nobody twice, and nobody lost"
    assert len(ours(home, "contacts", "desk-")) == 2
    refused = Outgoing.objects.get(key="desk-c3")
    assert refused.rule.startswith("post_id:") and refused.delivered_at is None
    refused.row = {"date": DAY, "means": "call"}
    refused.save()
    assert replay().taken == 1 and proven("desk-c2", seconds=50)
    assert deliver().again and not deliver().again
    lasted = {r["contact_id"]: r["seconds"] for r in ours(home, "contacts", "desk-")}
    assert lasted == {"desk-c1": 40, "desk-c2": 50, "desk-c3": None}
    assert len(ours(home, "contacts", "desk-")) == 3


def test_a_row_amended_while_it_is_given_again_is_given_once_more(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact("desk-c1")
    deliver()
    proven("desk-c1")
    usual = delivery.load

    def meanwhile(*given: Any, **more: Any) -> Any:
        report = usual(*given, **more)
        proven("desk-c1", seconds=90)  # its file was written with 40
        return report

    monkeypatch.setattr(delivery, "load", meanwhile)
    deliver()
    monkeypatch.setattr(delivery, "load", usual)
    assert delivery.something_waits()
    deliver()
    assert [r["seconds"] for r in ours(home, "contacts", "desk-")] == [90]
    assert not delivery.something_waits()


def test_a_row_amended_before_it_leaves_leaves_once(home: Path) -> None:
    contact("desk-c1")
    assert proven("desk-c1")
    done = deliver()
    assert done.taken == 1 and not done.again
    assert [r["seconds"] for r in ours(home, "contacts", "desk-")] == [40]


def test_a_file_whose_rows_were_cleared_away_stays(home: Path) -> None:
    contact("desk-c1")
    contact("desk-c2", 8)
    deliver()
    Outgoing.objects.filter(key="desk-c1").delete()
    assert not proven("desk-c1") and proven("desk-c2")
    deliver()
    rows = {r["contact_id"]: r["seconds"] for r in ours(home, "contacts", "desk-")}
    assert rows == {"desk-c1": None, "desk-c2": None}, "better no proof than a row lost"
    assert not delivery.something_waits()


def test_only_events_are_amended(home: Path, post: str) -> None:
    owned(post)
    with pytest.raises(OutboxError, match="later state"):
        amend("ownership", "desk-1", {})
    contact("desk-c1")
    with pytest.raises(OutboxError, match="required"):
        amend("contacts", "desk-c1", {"date": DAY})


def test_an_amended_row_survives_a_kill(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contact("desk-c1")
    deliver()
    proven("desk-c1")
    for name in ("load", "_quarantined"):
        usual = getattr(delivery, name)

        def dies(*_args: Any, **_more: Any) -> Any:
            raise Killed

        monkeypatch.setattr(delivery, name, dies)
        with pytest.raises(Killed):
            deliver()
        monkeypatch.setattr(delivery, name, usual)
    deliver()
    assert [r["seconds"] for r in ours(home, "contacts", "desk-")] == [40]
    assert not delivery.something_waits() and not list((home / "desk" / "outgoing").iterdir())


def test_a_refused_row_is_corrected_by_two_people(
    home: Path, desk: dict[str, Person], entered: dict[str, Client], post: str
) -> None:
    contact("desk-c1", post_id="nowhere", note_hash="secret-digest")
    contact("desk-c2", 8)
    deliver()
    row = Outgoing.objects.get(key="desk-c1")
    keeper, at = entered[Role.ADMINISTRATOR], f"/outbox/{row.pk}/"
    assert keeper.get("/outbox/").context["listed"].rows[0]["number"] == (row.pk, at)
    assert entered[Role.COMPLIANCE].get(at).status_code == 403
    assert keeper.get(f"/outbox/{Outgoing.objects.get(key='desk-c2').pk}/").status_code == 404
    page = keeper.get(at)
    names = {field.name for field, _title, _value in page.context["fields"]}
    assert "post_id" in names and not {"party_id", "source", "contact_id"} & names
    shown = {f"f.{field.name}": value for field, _title, value in page.context["fields"]}
    assert "nowhere" in page.content.decode()
    for wrong in ({}, {"f.date": "yesterday"}, {"f.date": ""}, {"f.connected": "maybe"}, {"f.seconds": "x"}):
        keeper.post(at, {**shown, **wrong, "do": "mend", "reason": "post was renamed"})
        assert not Approval.objects.exists(), wrong
    keeper.post(at, {**shown, "f.post_id": post, "f.party_id": "W1", "do": "mend", "reason": "post renamed"})
    asked = Approval.objects.get()
    assert asked.arguments == {"row": row.pk, "changes": {"post_id": post}}
    keeper.post(at, {"do": "drop", "reason": "twice"})
    assert Approval.objects.count() == 1, "one at a time"
    assert approvals.why_not(asked, desk[Role.ADMINISTRATOR]) == "who asked does not decide"
    told = entered[Role.RISK].get(f"/approvals/{asked.pk}/").content.decode()
    assert "nowhere" in told and post in told and "secret-digest" not in told
    with TestCase.captureOnCommitCallbacks(execute=True):
        approvals.decide(asked.pk, True, by=desk[Role.RISK])
    Worker().once()
    row.refresh_from_db()
    assert (row.row["post_id"], row.rule, row.row["note_hash"]) == (post, "", "secret-digest")
    assert [r["post_id"] for r in ours(home, "contacts", "desk-c1")] == [post]
    entry = AuditEntry.objects.get(action="outbox.mend")
    assert entry.person == desk[Role.ADMINISTRATOR] and entry.reason == "post renamed"
    assert entry.detail == {"table": "contacts", "fields": ["post_id"], "agreed": "demo-risk"}


def test_a_refused_row_is_dropped_by_two_people(home: Path, desk: dict[str, Person]) -> None:
    contact("desk-c1", post_id="nowhere")
    contact("desk-c2", 8)
    deliver()
    row = Outgoing.objects.get(key="desk-c1")
    with pytest.raises(NotAllowed, match="reason"):
        mending.ask_drop(row.pk, by=desk[Role.ADMINISTRATOR], reason=" ")
    with pytest.raises(NotAllowed, match="may not ask"):
        mending.ask_drop(row.pk, by=desk[Role.RISK], reason="recorded twice")
    asked = mending.ask_drop(row.pk, by=desk[Role.ADMINISTRATOR], reason="recorded twice")
    approvals.decide(asked.pk, True, by=desk[Role.COMPLIANCE])
    assert mending.refused(row.pk) is None and not delivery.refused_counts()
    assert replay().taken == 0 and not ours(home, "contacts", "desk-c1")
    proven("desk-c2")
    proven("desk-c1")
    for _again in range(2):
        deliver()
        assert [r["contact_id"] for r in ours(home, "contacts", "desk-")] == ["desk-c2"]
        proven("desk-c2", seconds=50)
    entry = AuditEntry.objects.get(action="outbox.drop")
    assert entry.reason == "recorded twice" and entry.detail["agreed"] == "demo-compliance"
    with pytest.raises(NotAllowed, match="does not wait"):
        mending.ask_mend(row.pk, {"post_id": "x"}, by=desk[Role.ADMINISTRATOR], reason="x")


def test_the_same_batch_is_the_same_file(home: Path, post: str, tmp_path: Path) -> None:
    contact("desk-c1")
    owned(post)
    batch = delivery._next()
    assert batch
    held = []
    for name in ("one", "two"):
        delivery._write(Home.open(home), batch, delivery.sent(batch), tmp_path / name)
        held.append(
            {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*.parquet")}
        )
    assert len(held[0]) == 2 and held[0] == held[1]


def test_what_no_night_knows_yet(home: Path, after_june: Path, settings: Any, post: str) -> None:
    settings.QUANKE_HOME = str(after_june)
    night = base()
    settings.QUANKE_HOME = str(home)
    contact("desk-c1")
    owned(post, "desk-1")
    owned(post, "desk-1:1", to_date="2026-07-05")
    contact("desk-c0", 8)
    assert [(p.number, p.delivered) for p in pending(7, "contacts", night)] == [("desk-c1", False)]
    [state] = pending(7, "ownership", night)
    assert state.number == "desk-1" and state.row["to_date"] == "2026-07-05"
    deliver()
    assert [(p.number, p.delivered) for p in pending(7, "contacts", night)] == [("desk-c1", True)]
    Outgoing.objects.update(delivered_at=dt.datetime(2026, 6, 29, 12, tzinfo=dt.UTC))
    assert pending(7, "contacts", night) == []
    into = next((n, i) for n, i in night.night.absorbed.items() if i is not None)
    contact("desk-c9", into[0])
    assert [p.number for p in pending(into[1], "contacts", night)] == ["desk-c9"]


def test_rows_delivered_long_ago_go(home: Path) -> None:
    contact("desk-c1")
    deliver()
    Outgoing.objects.update(delivered_at=timezone.now() - dt.timedelta(days=61))
    contact("desk-c2")
    deliver()
    assert list(Outgoing.objects.values_list("key", flat=True)) == ["desk-c2"]


def test_the_command(home: Path) -> None:
    contact("desk-c1")
    contact("desk-c2", 8, post_id="nowhere")
    out = StringIO()
    call_command("deliver", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["taken"] == 1 and sum(told["waiting_to_be_mended"].values()) == 1
    out = StringIO()
    call_command("deliver", "--replay", stdout=out)
    assert "0 rows taken, 1 refused" in out.getvalue() and "post_id" in out.getvalue()
    contact("desk-c3")
    with Home.open(home).writing(), pytest.raises(CommandError, match="being written"):
        call_command("deliver", stdout=StringIO())


def test_a_number_that_looks_like_a_state_is_none_in_a_table_of_events(desk: dict[str, Person]) -> None:
    assert outbox.number_of("contacts", "desk:1") == "desk:1"
    assert outbox.number_of("ownership", "desk:1") == "desk"


def test_the_page_of_deliveries(
    home: Path, entered: dict[str, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    contact("desk-c1")
    contact("desk-c2", 8, post_id="nowhere")
    client = entered[Role.ADMINISTRATOR]
    assert "2 条" in client.get("/outbox/").content.decode()
    monkeypatch.setattr("quanke_desk.foundation.working.ROUNDS", {})
    answer = client.post("/outbox/", {"do": "deliver"})
    Worker().once()
    assert "已完成" in client.get(answer["Location"]).content.decode()
    text = client.get("/outbox/").content.decode()
    assert "desk-c2" in text and "post_id:" in text and "nowhere" not in text and "客户接触" in text
    client.post("/outbox/", {"do": "replay"})
    Worker().once()
    assert Job.objects.get(kind="outbox.replay").result == {"taken": 0, "refused": 1}
