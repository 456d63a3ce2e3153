"""A manager's work: the list of the morning, contacts and what proves them, follow-ups, what a head sees."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from quanke_desk.customers.actions import record_consent, restricted
from quanke_desk.customers.words import in_words
from quanke_desk.foundation.models import AuditEntry, Notice, Outgoing, Person, Post, Purpose, Seat
from quanke_desk.foundation.opening import open_customer
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import OutOfScope
from quanke_desk.work import actions, queries, rules, team_queries
from quanke_desk.work.actions import Said, record_contact, take_back
from quanke_desk.work.calendar import calendar as calendar_of
from quanke_desk.work.held import held
from quanke_desk.work.machines import end_key, make_key
from quanke_desk.work.models import Contact, ContactNote, Evidence, FollowUp, MorningOpened

SHANGHAI = timezone.get_default_timezone()
TUESDAY = dt.datetime(2026, 7, 7, 10, 30, tzinfo=SHANGHAI)


@pytest.fixture
def manager(desk: dict[str, Person]) -> Person:
    """A manager who stands in on the post with the longest list."""
    person = desk[Role.CUSTOMER_MANAGER]
    longest = max((p.post_id for p in Post.objects.all()), key=lambda p: len(held().lines(p)))
    Seat.objects.create(
        person=person, post=Post.objects.get(post_id=longest), since=timezone.localdate(), stands_in=True
    )
    return person


def say(**more: Any) -> Said:
    return Said(**{"means": "call", "connected": True, "outcome": "served", "seconds": 60, **more})


def test_the_morning_is_the_plan_of_ones_posts(manager: Person) -> None:
    morning = queries.morning(manager)
    posts = queries.posts_of(manager)
    assert len(posts) == 2
    planned = [row for post in posts for row in held().planned.book(post)]  # type: ignore[union-attr]
    assert [(line.customer, line.action) for line in morning.lines] == [
        (row["customer"], row["action"]) for row in planned
    ]
    first, bank = morning.lines[0], held().base.bank
    assert first.name == next(f.value for f in bank.golden(first.customer) if f.name == "name")
    words = held().planned.words(planned[0], in_words)  # type: ignore[union-attr]
    assert (first.title, first.because, first.script) == (
        words["title_zh"],
        words["because_zh"],
        words["script_zh"],
    )
    due = {d["customer"] for d in morning.due}
    assert not due & {line.customer for line in morning.lines}


def test_a_contact_is_recorded_once_and_leaves_the_list(manager: Person) -> None:
    line = queries.morning(manager).to_do[0]
    day = timezone.localdate() + dt.timedelta(days=3)
    said = say(action=line.action, outcome="interested", next_on=day, note="called about a deposit")
    contact = record_contact(line.customer, said, by=manager)
    after = queries.morning(manager)
    assert line.customer not in {each.customer for each in after.to_do if each.action == line.action}
    assert [row["contact"].pk for row in after.done] == [contact.pk]
    row = Outgoing.objects.get(table="contacts")
    assert row.customer == line.customer and row.row["outcome"] == "interested"
    assert row.row["evidence"] is False and len(row.row["note_hash"]) == 64
    assert "deposit" not in json.dumps(row.row)
    assert FollowUp.objects.get(after=contact).due_on == day
    calendar = calendar_of(manager, day, day)
    assert line.customer in {each["customer"] for each in calendar}


def test_a_note_is_read_later_by_who_may_see_the_customer(
    manager: Person, desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    line, text = queries.morning(manager).lines[0], "孩子九月上学 <b>\n下周再谈"
    contact = record_contact(line.customer, say(note=text), by=manager)
    bare = record_contact(line.customer, say(note="  "), by=manager)
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM work_contactnote")
        assert "九月" not in bytes(cursor.fetchone()[0]).decode(errors="replace"), "encrypted"
    client, path = entered[Role.CUSTOMER_MANAGER], f"/work/notes/{contact.pk}/"
    page = client.get(f"/work/customers/{line.customer}/").content.decode()
    assert "九月" not in page and page.count("/work/notes/") == 2 and path in page
    shown = client.post(path, headers={"HX-Request": "true"}).content.decode()
    assert (
        "孩子九月上学 &lt;b&gt;<br>" in shown
        and "<html" not in shown
        and "<html" in client.post(path).content.decode()
    )
    assert client.post(f"/work/notes/{bare.pk}/").status_code == 404
    assert not AuditEntry.objects.filter(action="work.note").exists(), "his own"
    assert entered[Role.PRIVATE_BANKER].post(path).status_code == 404
    other = desk[Role.PRIVATE_BANKER]
    open_customer(other, line.customer, Purpose.SERVE, "客户来电")
    assert "九月" in entered[Role.PRIVATE_BANKER].post(path).content.decode()
    entry = AuditEntry.objects.get(action="work.note")
    assert entry.person == other and entry.detail == {"contact": contact.pk}
    restricted.send(Contact, customer=line.customer, kind="storage_only")
    assert ContactNote.objects.count() == 1
    restricted.send(Contact, customer=line.customer, kind="deleted")
    assert not ContactNote.objects.exists()


def test_who_was_not_reached_stays_on_the_list(manager: Person) -> None:
    line = queries.morning(manager).to_do[0]
    record_contact(
        line.customer, say(action=line.action, outcome="no_answer", connected=False, seconds=None), by=manager
    )
    again = next(each for each in queries.morning(manager).to_do if each.key == line.key)
    assert len(again.tried) == 1 and again.done is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"means": "ticket"},
        {"means": "fax"},
        {"outcome": "won"},
        {"connected": False},
        {"seconds": -1},
        {"seconds": 99_999},
        {"outcome": "call_back"},
        {"next_on": dt.date(2026, 1, 1)},
        {"action": "nothing"},
    ],
)
def test_what_cannot_be_said_of_a_contact(manager: Person, wrong: dict[str, Any]) -> None:
    customer = queries.morning(manager).lines[0].customer
    with pytest.raises(NotAllowed):
        record_contact(customer, say(**wrong), by=manager)
    assert not Contact.objects.exists() and not Outgoing.objects.exists()


def test_another_managers_customer_is_out_of_sight(manager: Person, entered: dict[str, Client]) -> None:
    owned, _ = held().base.codes("owner_post")
    mine = {row["customer"] for post in queries.posts_of(manager) for row in held().lines(post)}
    stranger = next(
        int(c) for c in range(len(owned)) if owned[c] >= 0 and c not in mine and held().base.there[c]
    )
    if rules.standing() and stranger in queries.among(queries.scope_of(manager), [stranger]):
        pytest.skip("the next one is his, too")
    with pytest.raises(OutOfScope):
        record_contact(stranger, say(), by=manager)
    client = entered[Role.CUSTOMER_MANAGER]
    assert (
        client.post("/work/record/", {"customer": stranger, "means": "call", "outcome": "served"}).status_code
        == 404
    )
    assert client.get(f"/work/customers/{stranger}/").status_code == 404
    assert not Contact.objects.exists()


def test_a_record_is_taken_back_within_minutes(manager: Person, desk: dict[str, Person]) -> None:
    line = queries.morning(manager).to_do[0]
    contact = record_contact(line.customer, say(action=line.action, next_on=timezone.localdate()), by=manager)
    with pytest.raises(NotAllowed):
        take_back(contact.pk, by=desk[Role.WEALTH_MANAGER])
    undone = take_back(contact.pk, by=manager)
    assert undone.corrects_id == contact.pk and Contact.objects.count() == 2, "nothing is deleted"
    assert not Outgoing.objects.exists()
    assert not FollowUp.objects.filter(done_at=None).exists()
    assert line.key in {each.key for each in queries.morning(manager).to_do}
    with pytest.raises(NotAllowed):
        take_back(contact.pk, by=manager)
    late = record_contact(line.customer, say(action=line.action), by=manager)
    Contact.objects.filter(pk=late.pk).update(at=timezone.now() - dt.timedelta(minutes=11))
    with pytest.raises(NotAllowed):
        take_back(late.pk, by=manager)
    gone = record_contact(line.customer, say(action=line.action), by=manager)
    Outgoing.objects.filter(key=gone.number).update(batch=1)
    with pytest.raises(NotAllowed):
        take_back(gone.pk, by=manager)


def test_a_follow_up_is_closed_by_the_contact_it_asked_for(manager: Person, desk: dict[str, Person]) -> None:
    customer = queries.morning(manager).lines[0].customer
    today = timezone.localdate()
    made = actions.add_follow_up(customer, today, by=manager)
    assert [row["follow_up"].pk for row in queries.morning(manager).follow_ups] == [made.pk]
    record_contact(customer, say(outcome="no_answer", connected=False), by=manager, follow_up=made.pk)
    assert queries.morning(manager).follow_ups, "nobody answered: it is still to be done"
    record_contact(customer, say(), by=manager, follow_up=made.pk)
    assert not queries.morning(manager).follow_ups
    with pytest.raises(NotAllowed):
        record_contact(customer, say(), by=manager, follow_up=made.pk)
    other = desk[Role.WEALTH_MANAGER]
    actions.add_follow_up(customer, today, by=manager, who=other)
    assert Notice.objects.filter(person=other).count() == 1
    [row] = queries.waiting(other, today)
    assert not row["open"] and "*" in row["name"], "not of his book: masked until he opens it"


def test_what_somebody_typed_counts_for_nothing_until_a_system_proves_it(manager: Person) -> None:
    manager.staff_id = "S-proof"
    manager.save()
    line = queries.morning(manager).to_do[0]
    contact = record_contact(line.customer, say(action=line.action, seconds=600), by=manager)
    assert not queries.effective(contact)
    admin = Person.objects.get(username="demo-administrator")
    _, key = make_key("Telephone system", "evidence", None, by=admin)
    party = held().base.bank.records(line.customer)[0]
    told = {
        "kind": "recording",
        "reference": "rec-1",
        "staff_id": "S-proof",
        "party": f"{party.source}:{party.party_id}",
        "at": timezone.now().isoformat(),
        "seconds": 45,
    }
    ask = {"content_type": "application/json", "headers": {"X-Quanke-Key": key}}
    answer = Client(enforce_csrf_checks=True).post("/api/work/evidence", json.dumps(told), **ask)  # type: ignore[arg-type]
    assert answer.status_code == 200 and answer.json() == {"matched": True}
    contact.refresh_from_db()
    assert queries.effective(contact) and contact.seconds == 45, "as measured, not as typed"
    row = Outgoing.objects.get(table="contacts").row
    assert row["evidence"] is True and row["seconds"] == 45
    answer = Client().post("/api/work/evidence", json.dumps(told), **ask)  # type: ignore[arg-type]
    assert answer.json() == {"matched": True} and Evidence.objects.count() == 1, "told twice is told once"
    assert (
        Client().post("/api/work/evidence", json.dumps(told), content_type="application/json").status_code
        == 401
    )


def test_proof_that_comes_before_the_record_waits_for_it(manager: Person) -> None:
    admin = Person.objects.get(username="demo-administrator")
    machine, _ = make_key("Telephone system", "evidence", None, by=admin)
    one, other = (line.customer for line in queries.morning(manager).to_do[:2])
    now = timezone.now()
    _, matched = actions.prove(machine, "recording", "a", manager, one, now, 31)
    actions.prove(machine, "chat", "b", manager, other, now, None)
    actions.prove(machine, "recording", "c", manager, other, now - dt.timedelta(hours=5), 50)
    assert not matched
    assert queries.effective(record_contact(one, say(), by=manager))
    assert not record_contact(other, say(), by=manager).evidence, (
        "a chat proves no call, nor one of hours ago"
    )
    short, _ = actions.prove(machine, "recording", "d", manager, other, now, 29)
    assert short.contact is not None and not queries.effective(short.contact), "29 seconds are no contact"


def test_a_call_that_is_proven_after_its_record_left_counts_once(manager: Person) -> None:
    machine, _ = make_key("T", "evidence", None, by=Person.objects.get(username="demo-administrator"))
    customer = queries.morning(manager).to_do[0].customer
    contact = record_contact(customer, say(), by=manager)
    Outgoing.objects.update(batch=1)
    actions.prove(machine, "recording", "a", manager, customer, timezone.now(), 40)
    [row] = Outgoing.objects.filter(table="contacts")
    assert row.key == contact.number and row.again and row.row["evidence"] and row.row["seconds"] == 40
    [told] = Outgoing.objects.filter(table="contact_proofs")
    assert told.row == {"contact_id": contact.number, "evidence": True, "seconds": 40}
    assert told.delivered_at is not None, "for the broker only"


def test_a_refusal_recorded_at_the_desk_counts_at_once(manager: Person) -> None:
    of = held()
    agreed = next(
        int(c)
        for c in range(of.base.night.rows)
        if of.base.there[c] and of.row(int(c)).get("agrees_sms") and of.row(int(c)).get("is_minor") is False
    )

    def against(means: str, at: dt.datetime = TUESDAY) -> set[str]:
        known = rules.since([agreed], of.base.day)
        return {c.code for c in rules.cautions(agreed, of.row(agreed), known, means, "marketing", at)}

    assert "consent" not in against("sms")
    open_customer(manager, agreed, "serve", "asked on the phone")
    record_consent(agreed, "marketing", "sms", False, channel="call", proof="REC7", by=manager)
    assert "consent" in against("sms")
    assert "profiling" not in against("visit") or of.row(agreed).get("profiling_refused")
    record_consent(agreed, "profiling", "any", False, channel="call", proof="REC8", by=manager)
    assert "profiling" in against("visit"), "no offer from a profile from this moment on (PI-4)"


def test_quiet_hours_days_off_and_how_often(manager: Person) -> None:
    line = queries.morning(manager).lines[0]
    row = dict(held().row(line.customer), agrees_sms=True, is_minor=False, profiling_refused=False)
    none = rules.Since()

    def codes(
        means: str, at: dt.datetime, known: rules.Since = none, purpose: str = "marketing"
    ) -> list[str]:
        return [c.code for c in rules.cautions(line.customer, row, known, means, purpose, at)]

    assert codes("sms", TUESDAY) == []
    for at in (TUESDAY.replace(hour=8, minute=59), TUESDAY.replace(hour=20, minute=30)):
        assert codes("sms", at) == ["quiet"] and codes("call", at, purpose="service") == ["quiet"]
    assert codes("sms", TUESDAY.replace(hour=9, minute=0)) == []
    holiday = TUESDAY.replace(month=10, day=1)
    assert codes("sms", holiday) == ["quiet"]
    made_up_day = TUESDAY.replace(month=2, day=14)  # a Saturday the State Council made a working day
    assert codes("sms", made_up_day) == []
    contacts = [Contact(customer=line.customer, means="call", day=TUESDAY.date(), outcome="served")] * 2
    often = rules.Since(contacts={line.customer: contacts})
    assert codes("call", TUESDAY, often, "service") == ["calls"]
    no = Contact(
        customer=line.customer, means="visit", day=TUESDAY.date() - dt.timedelta(days=13), outcome="declined"
    )
    said_no = rules.Since(contacts={line.customer: [no]})
    assert (
        codes("sms", TUESDAY, said_no) == ["cool_down"] and codes("call", TUESDAY, said_no, "service") == []
    )
    no.day -= dt.timedelta(days=1)
    assert codes("sms", TUESDAY, said_no) == []


def test_an_offer_by_text_needs_consent(manager: Person) -> None:
    action = next(n for n, a in held().actions.items() if a["means"] == "sms" and a["purpose"] == "marketing")
    customer = next(
        line.customer
        for line in queries.morning(manager).lines
        if not held().row(line.customer)["agrees_sms"]
    )
    with pytest.raises(NotAllowed, match="text message"):
        record_contact(customer, say(means="sms", action=action), by=manager)


def test_the_figures_of_a_team_add_up(manager: Person, desk: dict[str, Person]) -> None:
    head = desk[Role.COMMITTEE]
    line = queries.morning(manager).to_do[0]
    contact = record_contact(line.customer, say(action=line.action), by=manager)
    Contact.objects.filter(pk=contact.pk).update(evidence=True)
    rows = team_queries.team(head)
    assert sum(row["planned"] for row in rows) > 20
    for row in rows:
        assert row["planned"] == row["done"] + row["open"]
        post = Post.objects.get(pk=row["pk"])
        for figure in team_queries.FIGURES:
            behind = team_queries.rows_behind(head, post, figure)
            assert behind is not None and len(behind) == row[figure]
            assert all("*" in each["name"] or each["name"] == "-" for each in behind)
    [mine] = [row for row in rows if row["post"] == line.post]
    assert (mine["done"], mine["effective"]) == (1, 1)
    outside = desk[Role.TEAM_HEAD]
    posts = set(team_queries.posts(outside).values_list("post_id", flat=True))
    other = Post.objects.exclude(post_id__in=posts).filter(role="customer_manager").first()
    assert other is not None and team_queries.rows_behind(outside, other, "open") is None


def test_a_head_reminds_and_it_is_on_record(
    manager: Person, desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    post = Post.objects.get(post_id=queries.posts_of(manager)[-1])
    before = Notice.objects.filter(person=manager).count()
    assert entered[Role.COMMITTEE].post(f"/work/team/{post.pk}/").status_code == 302
    assert Notice.objects.filter(person=manager).count() == before + 1
    assert AuditEntry.objects.filter(action="work.remind", subject=f"post:{post.post_id}").exists()


def test_use_of_the_tool_by_week(
    manager: Person, desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    head = desk[Role.COMMITTEE]
    before = team_queries.adoption(head)[0]
    client = entered[Role.CUSTOMER_MANAGER]
    assert client.get("/work/").status_code == 200 and client.get("/work/").status_code == 200
    record_contact(queries.morning(manager).lines[0].customer, say(), by=manager)
    after = team_queries.adoption(head)[0]
    assert MorningOpened.objects.filter(person=manager).count() == 1
    assert (after.opened, after.recorded) == (before.opened + 1, before.recorded + 1)
    found = team_queries.used(head, after.first, "recorded")
    assert found is not None and list(found) == [manager]
    assert team_queries.used(head, after.first, "everything") is None


def test_the_page_of_the_morning_and_a_row_changed_in_place(
    manager: Person, entered: dict[str, Client]
) -> None:
    client = entered[Role.CUSTOMER_MANAGER]
    line = queries.morning(manager).to_do[0]
    page = client.get("/work/").content.decode()
    assert line.name in page and line.because in page and f"line-{line.key}" in page
    asked = {
        "customer": line.customer,
        "action": line.action,
        "means": "call",
        "outcome": "served",
        "minutes": "2",
    }
    answer = client.post("/work/record/", asked, headers={"HX-Request": "true"})
    assert f"line-{line.key}" in answer.content.decode() and "<html" not in answer.content.decode()
    contact = Contact.objects.get()
    assert contact.seconds == 120
    answer = client.post(f"/work/undo/{contact.pk}/", headers={"HX-Request": "true"})
    assert line.because in answer.content.decode()
    refused = client.post("/work/record/", {**asked, "outcome": "call_back"}, headers={"HX-Request": "true"})
    assert "请填写再次联系的日期" in refused.content.decode()
    assert (
        client.post("/work/record/", {**asked, "outcome": "call_back", "next_on": "soon"}).status_code == 302
    )
    assert Contact.objects.filter(rules.standing()).count() == 0
    assert client.get("/work/calendar/?view=month&on=x").status_code == 200


def test_keys_are_made_by_who_may_and_end_at_once(desk: dict[str, Person]) -> None:
    outlet = desk[Role.LOBBY].branch
    for role in (Role.LOBBY, Role.CUSTOMER_MANAGER, Role.ANALYST):
        with pytest.raises(NotAllowed):
            make_key("x", "arrivals", outlet, by=desk[role])
    with pytest.raises(NotAllowed):
        make_key("x", "arrivals", None, by=desk[Role.ADMINISTRATOR])
    machine, key = make_key("x", "arrivals", outlet, by=desk[Role.TEAM_HEAD])
    entries = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert key not in str(machine.__dict__) and key not in entries
    end_key(machine, by=desk[Role.TEAM_HEAD])
    told = {"outlet": outlet.branch_id, "ticket": "A1", "kind": "ticket"}  # type: ignore[union-attr]
    ask = {"content_type": "application/json", "headers": {"X-Quanke-Key": key}}
    assert Client().post("/api/work/arrivals", json.dumps(told), **ask).status_code == 401  # type: ignore[arg-type]
