"""The lobby: somebody arrives, is recognised by what he shows and never by his face, hears three things at
most, is handed over and called back."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from quanke.plans.worklist import working_day_after
from quanke_desk.foundation.models import AuditEntry, Notice, Outgoing, Person, Post, Seat
from quanke_desk.foundation.notices import on_post
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import post_of
from quanke_desk.work import lobby_queries, queries, rules, who
from quanke_desk.work.actions import give_follow_ups
from quanke_desk.work.escalating import escalate
from quanke_desk.work.held import held
from quanke_desk.work.lobby_actions import arrive, identify, said
from quanke_desk.work.lobby_pages import LOBBY
from quanke_desk.work.machines import make_key
from quanke_desk.work.models import Arrival, Contact, FollowUp, Suggestion
from quanke_desk.work.suggesting import may_be_said, suggest
from quanke_desk.work.visitors import samples

NUMBER = "11010519491231002X"


@pytest.fixture
def outlet(desk: dict[str, Person]) -> Any:
    return desk[Role.LOBBY].branch


@pytest.fixture
def machine(desk: dict[str, Person], outlet: Any) -> tuple[Any, str]:
    return make_key("Ticket machine 1", "arrivals", outlet, by=desk[Role.ADMINISTRATOR])


@pytest.fixture
def visitor(outlet: Any) -> int:
    """A customer of the outlet for whom there is something to suggest, known by one document only."""
    for each in samples(outlet):
        kind, _, number = each.name.partition(":")
        if (
            kind == "id"
            and number.isdecimal()
            and suggest(int(number), held()).chosen
            and documents(int(number))
        ):
            return int(number)
    raise AssertionError("the sample outlet has nobody to suggest something to")


def documents(customer: int) -> str:
    """His document, where it finds him alone."""
    value = str(who.golden([customer])[customer]["id_number"].value)
    found = held().base.bank.search(value, kinds=("document",)).found
    return value if [f.customer for f in found] == [customer] else ""


def tell(key: str, **told: Any) -> Any:
    return Client(enforce_csrf_checks=True).post(
        "/api/work/arrivals", json.dumps(told), content_type="application/json", headers={"X-Quanke-Key": key}
    )


def test_a_ticket_machine_tells_and_the_card_is_there(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any, machine: tuple[Any, str], visitor: int
) -> None:
    post = Post.objects.get(post_id=post_of(visitor)) if post_of(visitor) else None
    told = {"outlet": outlet.branch_id, "ticket": "A001", "kind": "id", "value": documents(visitor)}
    answer = tell(machine[1], **told)
    assert answer.status_code == 200 and answer.json()["known"] and answer.json()["new"]
    assert set(answer.json()) == {"arrival", "ticket", "known", "new"}, "nothing of who it is goes back"
    again = tell(machine[1], **told)
    assert again.json()["arrival"] == answer.json()["arrival"] and not again.json()["new"]
    assert Arrival.objects.count() == 1
    if post is not None:
        assert Notice.objects.filter(link=f"/work/customers/{visitor}/").exists()
    client = entered[Role.LOBBY]
    page = client.get("/lobby/").content.decode()
    assert "A001" in page and who.names([visitor])[visitor][0] in page
    assert client.get(f"/lobby/cards/?after={answer.json()['arrival']}").status_code == 204
    new = client.get("/lobby/cards/?after=0").content.decode()
    assert "A001" in new and "hx-swap-oob" in new and "<html" not in new
    seen = Arrival.objects.get()
    assert seen.shown_at is not None and seen.card_ms is not None and seen.card_ms >= (seen.ready_ms or 0)
    assert AuditEntry.objects.filter(action="lobby.card", purpose="serve").count() == 1
    assert 1 <= Suggestion.objects.count() <= 3


def test_the_card_names_who_was_told(
    desk: dict[str, Person], outlet: Any, visitor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, by = Post.objects.filter(role=Role.CUSTOMER_MANAGER)[0], desk[Role.LOBBY]
    for room in ("lobby_actions", "lobby_queries"):
        monkeypatch.setattr(f"quanke_desk.work.{room}.post_of", lambda *_asked: post.post_id)
    seats = Seat.objects.filter(Seat.on(timezone.localdate()), post=post)
    seats.delete()
    visit, _ = arrive(outlet, "A001", "id", documents(visitor), machine=None, by=by)
    [card] = lobby_queries.cards([visit])
    page = render_to_string("work/card.html", {"card": card, "why": None, "takers": None, "desk": LOBBY})
    assert (
        (card.manager, visit.told) == ("", 0)
        and "已通知" not in page
        and f"无人在岗： {post.post_id}" in page
    )
    seated = desk[Role.CUSTOMER_MANAGER]
    Seat.objects.create(person=seated, post=post, since=timezone.localdate(), reason="x")
    visit, _ = arrive(outlet, "A002", "id", documents(visitor), machine=None, by=by)
    [card] = lobby_queries.cards([visit])
    page = render_to_string("work/card.html", {"card": card, "why": None, "takers": None, "desk": LOBBY})
    assert (card.manager, visit.told) == (seated.name, 1) and "已通知" in page and post.post_id not in page


def test_what_was_shown_is_kept_nowhere(
    outlet: Any, machine: tuple[Any, str], visitor: int, caplog: pytest.LogCaptureFixture
) -> None:
    value = documents(visitor)
    with caplog.at_level(logging.DEBUG):
        tell(machine[1], outlet=outlet.branch_id, ticket="A1", kind="id", value=value)
        tell(machine[1], outlet=outlet.branch_id, ticket="A2", kind="nonsense", value=value)
    tables = [Arrival, AuditEntry, Notice, Suggestion, Outgoing]
    kept = json.dumps([list(t.objects.values()) for t in tables], default=str)  # type: ignore[attr-defined]
    assert value not in kept and who.names([visitor])[visitor] not in kept
    assert value not in caplog.text


@pytest.mark.parametrize("kind", ["face", "photo", "image", "camera", "video", "biometric"])
def test_nobody_is_recognised_by_the_face(outlet: Any, machine: tuple[Any, str], kind: str) -> None:
    answer = tell(machine[1], outlet=outlet.branch_id, ticket="A1", kind=kind, value="x")
    assert answer.status_code == 422 and "PI-6" in answer.json()["detail"]
    assert not Arrival.objects.exists()


def test_a_machine_speaks_for_its_own_branch(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any, machine: tuple[Any, str]
) -> None:
    from quanke_desk.foundation.models import Branch

    other = Branch.objects.filter(kind="outlet").exclude(pk=outlet.pk).first()
    assert other is not None
    assert tell(machine[1], outlet=other.branch_id, ticket="A1", kind="ticket").status_code == 422
    assert tell(machine[1], outlet="nowhere", ticket="A1", kind="ticket").status_code == 422
    assert tell(machine[1], outlet=outlet.branch_id, ticket="A 1<", kind="ticket").status_code == 422
    assert tell("qk_wrong", outlet=outlet.branch_id, ticket="A1", kind="ticket").status_code in (401, 403)
    elsewhere = Arrival.objects.create(
        outlet=other, day=timezone.localdate(), ticket="B1", kind="ticket", called_at=timezone.now()
    )
    client = entered[Role.LOBBY]
    assert "B1" not in client.get("/lobby/").content.decode()
    assert client.get(f"/lobby/{elsewhere.pk}/").status_code == 404
    assert client.post(f"/lobby/{elsewhere.pk}/", {"do": "served"}).status_code == 404


def test_one_tap_is_a_contact_proven_by_the_ticket(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any, visitor: int
) -> None:
    person, client = desk[Role.LOBBY], entered[Role.LOBBY]
    visit, _ = arrive(outlet, "A001", "id", documents(visitor), machine=None, by=person)
    first = visit.suggestions.first()
    assert first is not None
    path = f"/lobby/{visit.pk}/"
    answer = client.post(
        path, {"do": "said", "place": "1", "outcome": "declined"}, headers={"HX-Request": "true"}
    )
    assert 'aria-pressed="true"' in answer.content.decode()
    contact = Contact.objects.get()
    assert queries.effective(contact) and contact.action == first.action
    row = Outgoing.objects.get(table="contacts")
    assert (row.row["means"], row.row["outcome"], row.row["evidence"]) == ("ticket", "declined", True)
    client.post(path, {"do": "said", "place": "1", "outcome": "interested"})
    assert [c.outcome for c in Contact.objects.filter(rules.standing())] == ["interested"], (
        "a second tap corrects"
    )
    client.post(path, {"do": "said", "place": "1", "outcome": "not_now"})
    assert not Contact.objects.filter(rules.standing()).exists() and not Outgoing.objects.exists()
    for wrong in ({"place": "9", "outcome": "declined"}, {"place": "1", "outcome": "won"}, {"place": "x"}):
        client.post(path, {"do": "said", **wrong})
    client.post(path, {"do": "dance"})
    assert not Contact.objects.filter(rules.standing()).exists()


@pytest.fixture
def open_to_offers(outlet: Any) -> int:
    """A customer of the outlet who agreed to offers, known by one document only."""
    of = held()
    codes, numbers = of.base.codes("branch")
    for each in np.flatnonzero((codes == numbers[outlet.branch_id]) & of.base.there).tolist():
        if may_be_said(each, "", of, rules.since([each], of.base.day)) and documents(each):
            return int(each)
    raise AssertionError("nobody of the sample outlet may hear an offer")


def test_what_a_campaign_asks_of_the_lobby(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any, visitor: int, open_to_offers: int
) -> None:
    visitor = open_to_offers
    person, client, today = desk[Role.LOBBY], entered[Role.LOBBY], timezone.localdate()
    asked: dict[str, Any] = {"who": "lobby", "by": desk[Role.ANALYST], "journey": "summer"}
    asked["escalate_days"] = 1
    actions = [idea.action for idea in suggest(visitor, held()).chosen if idea.action in held().actions]
    for action in ("", *actions[:1]):
        assert give_follow_ups([visitor], today, action=action, **asked) == 1
    task, *more = FollowUp.objects.order_by("id")
    assert task.kind == "lobby" and task.post is None and not queries.call_backs(desk[Role.REMOTE])
    visit, _ = arrive(outlet, "A001", "id", documents(visitor), machine=None, by=person)
    path, headers = f"/lobby/{visit.pk}/", {"HX-Request": "true"}
    page = client.get(path, headers=headers).content.decode()
    assert page.count('name="task"') == 1 + len(more)
    client.post(path, {"do": "task", "task": task.pk, "outcome": "not_now"}, headers=headers)
    task.refresh_from_db()
    assert task.done_at is None, "not now leaves it for the next visit"
    answer = client.post(path, {"do": "task", "task": task.pk, "outcome": "interested"}, headers=headers)
    task.refresh_from_db()
    assert task.done_at is not None and task.done_by is not None and task.done_by.arrival == visit
    assert answer.content.decode().count('name="task"') == len(more)
    other = FollowUp.objects.create(
        kind="lobby", customer=visitor + 1, due_on=today, made_by=desk[Role.ANALYST], journey="summer",
        escalate_on=today,
    )  # fmt: skip
    for number in (other.pk, task.pk, 0, "x"):
        told = client.post(path, {"do": "task", "task": number, "outcome": "interested"}, headers=headers)
        assert 'role="alert"' in told.content.decode()
    other.refresh_from_db()
    assert other.done_at is None
    assert escalate(today + dt.timedelta(days=20)) >= 1
    other.refresh_from_db()
    assert other.escalated_at is not None


def test_what_was_refused_is_not_suggested_again(desk: dict[str, Person], outlet: Any, visitor: int) -> None:
    person = desk[Role.LOBBY]
    before = [idea.action for idea in suggest(visitor, held()).chosen]
    visit, _ = arrive(outlet, "A001", "id", documents(visitor), machine=None, by=person)
    said(visit.pk, 1, "declined", by=person)
    assert before[0] not in [idea.action for idea in suggest(visitor, held()).chosen]
    Arrival.objects.filter(pk=visit.pk).update(day=timezone.localdate() - dt.timedelta(days=91))
    Contact.objects.update(day=timezone.localdate() - dt.timedelta(days=91))
    assert before[0] in [idea.action for idea in suggest(visitor, held()).chosen]


def test_nobody_hears_an_offer_he_did_not_agree_to_or_may_not_have(desk: dict[str, Person]) -> None:
    of = held()
    assert of.planned is not None
    chosen = pq.read_table(of.planned.path("chosen.parquet"), columns=["customer"])["customer"].to_pylist()
    offered = 0
    for customer in sorted(set(chosen))[:60]:
        row = of.row(customer)
        ideas = suggest(customer, of)
        assert len(ideas.chosen) <= 3
        explained = {c.action.name: c for c in of.planned.explain(customer).considered}
        for idea in ideas.chosen:
            if idea.action in of.actions:
                assert explained[idea.action].why_not is None, "suitability and every gate of the night"
                if of.actions[idea.action]["purpose"] == "marketing":
                    offered += 1
                    assert any(row[f"agrees_{means}"] for means in rules.ALL) and row["is_minor"] is False
        no = rules.Since(consents={customer: dict.fromkeys(rules.ALL, False)})
        without = [i.action for i in suggest(customer, of, no).chosen]
        assert all(of.actions[a]["purpose"] != "marketing" for a in without if a in of.actions)
    assert offered >= 20


def test_a_visitor_nobody_knows(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any, visitor: int
) -> None:
    person, client = desk[Role.LOBBY], entered[Role.LOBBY]
    visit, _ = arrive(outlet, "A001", "ticket", "", machine=None, by=person)
    assert visit.customer is None and "新访客" in client.get("/lobby/").content.decode()
    path = f"/lobby/{visit.pk}/"
    for wrong in (
        {"kind": "id", "value": NUMBER},
        {"kind": "face", "value": "x"},
        {"kind": "tail", "value": "1234"},
    ):
        answer = client.post(path, {"do": "identify", **wrong}, headers={"HX-Request": "true"})
        assert "alert" in answer.content.decode()
    client.post(path, {"do": "identify", "kind": "id", "value": documents(visitor)})
    visit.refresh_from_db()
    assert visit.customer == visitor and visit.suggestions.count() >= 1
    stranger, _ = arrive(outlet, "A002", "id", NUMBER, machine=None, by=person)
    client.post(f"/lobby/{stranger.pk}/", {"do": "served"})
    assert not FollowUp.objects.exists() and not Contact.objects.exists(), (
        "of nobody there is nothing to record"
    )


def test_several_records_of_one_number(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any
) -> None:
    person, client = desk[Role.LOBBY], entered[Role.LOBBY]
    of = held()
    known = [c for c in range(of.base.night.rows) if of.base.there[c]][:40]
    fields = who.golden(known)
    two = [c for c in known if "phone" in fields[c] and fields[c]["phone"].value][:2]
    tails = [str(fields[c]["phone"].value)[-4:] for c in two]
    assert tails[0] != tails[1]
    visit = Arrival.objects.create(
        outlet=outlet,
        day=timezone.localdate(),
        ticket="A1",
        kind="card",
        candidates=two,
        called_at=timezone.now(),
    )
    page = client.get("/lobby/").content.decode()
    assert who.names(two)[two[0]] not in page and who.masked_names(two)[two[0]] in page
    client.post(f"/lobby/{visit.pk}/", {"do": "identify", "kind": "tail", "value": tails[1]})
    visit.refresh_from_db()
    assert visit.customer == two[1] and visit.candidates == []
    assert AuditEntry.objects.filter(action="lobby.identify", person=person).exists()


def test_numbers_cannot_be_counted_up(desk: dict[str, Person], outlet: Any) -> None:
    person = desk[Role.LOBBY]
    waiting, _ = arrive(outlet, "A900", "ticket", "", machine=None, by=person)
    most = value("lobby.tries")
    for number in range(most):
        with pytest.raises(NotAllowed, match="nobody is found"):
            identify(waiting.pk, "app", f"no-such-{number}", by=person)
    for again in (
        lambda: identify(waiting.pk, "app", "0", by=person),
        lambda: arrive(outlet, "A901", "app", "0", machine=None, by=person),
    ):
        with pytest.raises(NotAllowed, match="within the hour"):
            again()
    assert not Arrival.objects.filter(customer__isnull=False, outlet=outlet).exists()


def test_handed_over_and_called_back(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any, visitor: int
) -> None:
    person, client = desk[Role.LOBBY], entered[Role.LOBBY]
    visit, _ = arrive(outlet, "A001", "id", documents(visitor), machine=None, by=person)
    takers = lobby_queries.takers(visit)
    assert takers and all(
        Seat.objects.filter(Seat.on(timezone.localdate()), post=post).exists() for post in takers
    )
    answer = client.get(f"/lobby/{visit.pk}/?to=1", headers={"HX-Request": "true"})
    first = takers[0]
    names = ", ".join(p.name for p in on_post(first))
    assert f">{names} · {first.get_role_display()} · {first.post_id}<" in answer.content.decode()
    client.post(f"/lobby/{visit.pk}/", {"do": "post", "post": str(takers[0].pk)})
    handed = FollowUp.objects.get(kind="hand_over")
    assert handed.post == takers[0] and handed.customer == visitor
    assert Notice.objects.filter(person__seats__post=takers[0], link="/work/").exists()
    client.post(f"/lobby/{visit.pk}/", {"do": "served"})
    client.post(f"/lobby/{visit.pk}/", {"do": "served"})
    back = FollowUp.objects.get(kind="call_back")
    assert back.due_on == working_day_after(timezone.localdate(), 1), "the next working day"
    remote = desk[Role.REMOTE]
    assert list(queries.call_backs(remote)) == [back]
    page = entered[Role.REMOTE].get("/work/callbacks/").content.decode()
    name = who.names([visitor])[visitor]
    assert name not in page and who.masked_names([visitor])[visitor] in page
    path = f"/work/customers/{visitor}/"
    assert name not in entered[Role.REMOTE].get(path).content.decode()
    assert entered[Role.CUSTOMER_MANAGER].get(path).status_code in (200, 404)
    opened = entered[Role.REMOTE].post(path, {"do": "open", "follow_up": str(back.pk)})
    assert opened.status_code == 302 and name in entered[Role.REMOTE].get(opened["Location"]).content.decode()
    assert AuditEntry.objects.filter(
        action="customer.open_outside", subject=f"customer:{visitor}", purpose="call_back", person=remote
    ).exists()
    told = {"customer": visitor, "follow_up": back.pk, "means": "call", "outcome": "served", "minutes": "1"}
    entered[Role.REMOTE].post("/work/record/", told)
    back.refresh_from_db()
    assert back.done_at is not None and not queries.call_backs(remote).exists()


def test_visits_nobody_ended_are_called_back_the_next_day(
    outlet: Any, machine: tuple[Any, str], visitor: int
) -> None:
    """Who was known, that is; today's visits go on."""
    from quanke_desk.work.closing import end_forgotten

    arrival, _ = arrive(outlet, "A70", "id", documents(visitor), machine=machine[0])
    unknown, _ = arrive(outlet, "A71", "ticket", "", machine=machine[0])
    assert end_forgotten() == 0
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    Arrival.objects.filter(pk__in=[arrival.pk, unknown.pk]).update(day=yesterday)
    assert end_forgotten() == 2 and end_forgotten() == 0
    arrival.refresh_from_db()
    assert arrival.state == "left" and arrival.ended_at is not None
    [to_call] = FollowUp.objects.filter(arrival__in=[arrival, unknown], kind="call_back")
    assert to_call.customer == visitor and to_call.made_by is None
    assert to_call.due_on == working_day_after(yesterday, value("lobby.call_back"))
    assert not Contact.objects.filter(arrival=arrival).exists(), "nobody says he was served"


def test_a_machines_key_can_be_ended(
    desk: dict[str, Person], outlet: Any, machine: tuple[Any, str], visitor: int, capsys: Any
) -> None:
    from django.core.management import CommandError, call_command

    administrator, number = desk[Role.ADMINISTRATOR].username, machine[0].pk
    call_command("machine_key", "--list", "--by", administrator)
    assert f"{number}\tarrivals\t{outlet.branch_id}\tTicket machine 1" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no key"):
        call_command("machine_key", "--end", str(number), "--by", desk[Role.ANALYST].username)
    call_command("machine_key", "--end", str(number), "--by", administrator)
    told = {"outlet": outlet.branch_id, "ticket": "A72", "kind": "id", "value": documents(visitor)}
    assert tell(machine[1], **told).status_code == 403
    with pytest.raises(CommandError, match="no key"):
        call_command("machine_key", "--end", str(number), "--by", administrator)


def test_a_tablet_that_only_asks_for_cards_rests(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    """The page asks twice a second by itself; that keeps nobody logged in."""
    from quanke_desk.foundation.models import Entered

    begun = timezone.now() - dt.timedelta(minutes=20)
    Entered.objects.filter(person=desk[Role.LOBBY]).update(seen_at=begun)
    entered[Role.LOBBY].get("/lobby/cards/?after=0")
    assert Entered.objects.get(person=desk[Role.LOBBY], ended_at=None).seen_at == begun
    entered[Role.LOBBY].get("/lobby/")
    assert Entered.objects.get(person=desk[Role.LOBBY], ended_at=None).seen_at > begun


def test_a_no_of_the_nights_own_day_holds_at_once(desk: dict[str, Person], open_to_offers: int) -> None:
    """It was said after that night's rows were written; a word the night has is the night's."""
    from quanke_desk.foundation import outbox

    night = held().base.day
    evening = timezone.make_aware(dt.datetime.combine(night, dt.time(20)))
    row = {"purpose": "marketing", "means": "any", "granted_on": "2026-01-01"}
    row |= {"withdrawn_on": night.isoformat()}
    put = outbox.put("consents", "DESK-9001", row, customer=open_to_offers)
    Outgoing.objects.filter(pk=put.pk).update(at=evening)

    def says_no() -> bool:
        said = rules.since([open_to_offers], night).consents.get(open_to_offers, {})
        return said.get("call") is False

    assert says_no()
    Outgoing.objects.filter(pk=put.pk).update(at=evening - dt.timedelta(days=3))
    assert says_no(), "said before, and not brought home yet"
    Outgoing.objects.filter(pk=put.pk).update(delivered_at=evening - dt.timedelta(days=2))
    assert not says_no(), "the night knows it"


def test_a_customer_whose_data_may_not_be_used_is_a_new_visitor(
    desk: dict[str, Person], outlet: Any, visitor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quanke_desk.work import lobby_actions

    monkeypatch.setattr(lobby_actions, "hidden", lambda: frozenset([visitor]))
    visit, _ = arrive(outlet, "A001", "id", documents(visitor), machine=None, by=desk[Role.LOBBY])
    assert visit.customer is None


def test_the_simulated_machine_is_there_in_a_demo_only(
    desk: dict[str, Person], entered: dict[str, Client], outlet: Any, settings: Any
) -> None:
    client = entered[Role.LOBBY]
    assert client.get("/lobby/machine/").status_code == 404
    settings.QUANKE_DEMO = True
    page = client.get("/lobby/machine/").content.decode()
    people = samples(outlet)
    assert len(people) >= 4
    for each in people:
        assert client.post("/lobby/machine/", {"visitor": each.name}).status_code == 302
    client.post("/lobby/machine/", {"visitor": "face:1"})
    assert Arrival.objects.count() == len(people)
    assert sum(a.customer is not None for a in Arrival.objects.all()) == len(people) - 2
    for each in people:
        number = each.name.partition(":")[2]
        if number.isdecimal():
            assert str(who.golden([int(number)])[int(number)]["id_number"].value) not in page


def test_arrivals_while_a_night_is_written(
    desk: dict[str, Person],
    entered: dict[str, Client],
    outlet: Any,
    machine: tuple[Any, str],
    visitor: int,
    settings: Any,
    tmp_path: Path,
) -> None:
    """Another process computes and publishes a night; every arrival told meanwhile is answered, and once it
    is published, cards are of that night."""
    home = tmp_path / "home"
    shutil.copytree(settings.QUANKE_HOME, home)
    settings.QUANKE_HOME = str(home)
    value = documents(visitor)
    code = f"import quanke; quanke.open({str(home)!r}).run_night('2026-07-01')"
    night = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    ended = threading.Event()
    threading.Thread(target=lambda: (night.wait(), ended.set()), daemon=True).start()
    asked = 0
    while not ended.wait(0.05) or asked < 5:
        asked += 1
        answer = tell(machine[1], outlet=outlet.branch_id, ticket=f"N{asked}", kind="id", value=value)
        assert answer.status_code == 200 and answer.json()["known"], asked
        assert entered[Role.LOBBY].get("/lobby/cards/?after=0").status_code == 200
        Arrival.objects.update(state="left")  # or the page grows with every round
    assert night.returncode == 0, night.stderr.read()[-500:] if night.stderr else ""
    assert held().base.day == dt.date(2026, 7, 1)
    assert asked >= 5
