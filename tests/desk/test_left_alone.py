"""Who must be left alone is on no manager's list, in no suggestion of the lobby, in no task; and a task says
what it is about, is closed by what the plan still has, and is dropped where its journey ends."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke.effects.groups import effect_rules
from quanke.night.left_alone import keep_left_alone, left_alone_on
from quanke_desk.campaigns import journey_actions, known, leaving_alone
from quanke_desk.campaigns.branching import check_actions
from quanke_desk.campaigns.design_forms import fields_of
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.graph import GraphError, read_graph
from quanke_desk.campaigns.known import night_facts, registered_controls
from quanke_desk.campaigns.models import Block, Enrolment, Journey, JourneyVersion, Refusal, Send
from quanke_desk.campaigns.moving import move_due
from quanke_desk.campaigns.offering import risk_of
from quanke_desk.campaigns.policy import UNKNOWN_RISK, Candidates, decide
from quanke_desk.campaigns.sending import send_due
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.left_alone import Alone
from quanke_desk.foundation.models import Person, Post, Seat
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.work import queries, rules
from quanke_desk.work.actions import give_follow_ups, record_contact
from quanke_desk.work.dropping import drop_left_alone
from quanke_desk.work.held import held
from quanke_desk.work.models import Contact, FollowUp
from quanke_desk.work.suggesting import suggest
from tests.desk.registered import campaign
from tests.desk.test_journeys import NOW, SIX, running
from tests.desk.test_policy import agreed, journey_with_control, row_of
from tests.desk.test_policy import sent as pushed
from tests.desk.test_work import manager, say

__all__ = ["manager"]
TODAY = timezone.localdate
CALL: dict[str, Any] = {"do": "task", "who": "remote_team", "working_days": 2, "next": "end"}


def task_of(**more: Any) -> dict[str, Any]:
    return {"start": "call", "nodes": {"call": {**CALL, **more}, "end": {"do": "exit"}}}


def block(customer: int, means: str = "any") -> Block:
    return Block.objects.create(customer=customer, means=means, since=TODAY(), reason="court")


def moment() -> int:
    return int(timezone.now().timestamp())


def offer(lines: list[queries.Line]) -> queries.Line:
    """The first line that sells."""
    return next(line for line in lines if line.purpose == "marketing")


@pytest.fixture
def seller(desk: dict[str, Person]) -> Person:
    """A manager who stands in on the post with the most offers to make."""
    person, of = desk[Role.CUSTOMER_MANAGER], held()

    def sells(post: str) -> int:
        return sum(of.action(row["action"])["purpose"] == "marketing" for row in of.lines(post))

    post = max(Post.objects.all(), key=lambda each: sells(each.post_id))
    Seat.objects.create(person=person, post=post, since=TODAY(), stands_in=True)
    return person


def test_who_is_left_alone_is_on_no_list(seller: Person, desk: dict[str, Person]) -> None:
    manager = seller
    lines = queries.morning(manager).to_do
    line = offer(lines)
    others = [each.customer for each in lines if each.customer != line.customer]
    journey = journey_with_control(desk[Role.ANALYST], [line.customer], entered=moment())
    mine = [each for each in queries.morning(manager).lines if each.customer == line.customer]
    assert not any(each.purpose == "marketing" for each in mine), "a control of who entered alone this month"
    again = queries.line(manager, line.customer, line.action)
    assert again is not None and again.blocked and "control" in {c.code for c in again.cautions}
    for said in (say(action=line.action), say(action=line.action, outcome="interested")):
        with pytest.raises(NotAllowed, match="left alone"):
            record_contact(line.customer, said, by=manager)
    assert record_contact(line.customer, say(action=line.action, outcome="declined"), by=manager).pk
    Enrolment.objects.filter(version__journey=journey).update(entered=0)
    Contact.objects.all().delete()
    assert offer(queries.morning(manager).to_do).key == line.key, "its effect is looked for no more"
    block(others[0])
    assert others[0] not in {each.customer for each in queries.morning(manager).lines}
    block(line.customer, "call" if line.means in ("call", "visit") else line.means)
    assert line.key not in {each.key for each in queries.morning(manager).lines}


def test_who_is_sent_nothing_is_not_due_either(manager: Person) -> None:
    seen = queries.morning(manager)
    [due, *_] = [*seen.due, *seen.occasions]
    block(due["customer"])
    after = queries.morning(manager)
    assert due["customer"] not in {row["customer"] for row in [*after.due, *after.occasions]}


def test_a_control_of_a_campaign_that_runs_is_suggested_no_offer(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of = held()

    def offers(customer: int) -> list[str]:
        chosen = [idea.action for idea in suggest(customer, of).chosen]
        return [name for name in chosen if of.actions.get(name, {}).get("purpose") == "marketing"]

    me = next(int(c) for c in np.flatnonzero(of.base.there) if offers(int(c)))
    campaign(tmp_path, [me], ["control"])
    day = dt.date(2026, 7, 20)
    monkeypatch.setattr(known, "registered_controls", lambda home, _day: registered_controls(tmp_path, day))
    assert offers(me) == []
    monkeypatch.undo()
    assert offers(me)
    block(me)
    assert offers(me) == []
    Block.objects.update(means="sms")
    assert offers(me), "who is here hears what is kept from his telephone"


def test_the_banks_hold_out_hears_no_offer(manager: Person) -> None:
    of = held()
    out = effect_rules(of.base.bank.home.path).hold_out.holds(np.arange(of.base.night.rows), TODAY())
    me = int(np.flatnonzero(out & of.base.there)[0])
    row = dict(of.row(me), agrees_call=True, is_minor=False, profiling_refused=False)
    since = rules.since([me], of.base.day)
    assert "hold_out" in {c.code for c in rules.cautions(me, row, since, "call", "marketing")}
    assert "hold_out" not in {c.code for c in rules.cautions(me, row, since, "call", "service")}
    far = Alone("blocked", "", "call")  # type: ignore[arg-type]
    known_ = rules.Since(alone={me: (far,)})
    assert rules.kept_from(me, known_, "visit", True) and not rules.kept_from(me, known_, "ticket", True)


def test_nights_are_told_whom_to_leave_alone(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(leaving_alone, "keep_left_alone", lambda _home, rows: keep_left_alone(tmp_path, rows))
    assert not leaving_alone.tell_nights() and not (tmp_path / "left_alone.parquet").exists()
    blocked, by_text, control, served = agreed(count=4)
    block(blocked)
    block(by_text, "sms")
    journey_with_control(desk[Role.ANALYST], [control], entered=moment())
    other = journey_with_control(desk[Role.ANALYST], [served], entered=moment())
    JourneyVersion.objects.filter(journey=other).update(purpose="service")
    assert leaving_alone.tell_nights() and not leaving_alone.tell_nights()
    assert left_alone_on(tmp_path, TODAY()).tolist() == sorted([blocked, control])
    days = effect_rules(base().bank.home.path).window_days.on(TODAY())
    assert left_alone_on(tmp_path, TODAY() + dt.timedelta(days=days + 1)).tolist() == [blocked]
    Block.objects.filter(means="any").update(until=TODAY() + dt.timedelta(days=1))
    assert leaving_alone.tell_nights()
    assert blocked not in left_alone_on(tmp_path, TODAY() + dt.timedelta(days=1))


def test_a_task_about_a_risky_product_suits_or_is_not_given(desk: dict[str, Person]) -> None:
    facts = night_facts()
    unfit = facts.there & ~(facts.assessed & (facts.risk >= 3))
    ok = np.zeros(facts.size, np.bool_)
    ok[agreed(count=400)] = True
    fit = np.flatnonzero(ok & ~unfit & ~facts.elder)[:20]
    unfit_ = np.flatnonzero(ok & unfit)[:50]
    assert len(fit) and len(unfit_)
    named = running(desk, task_of(action="fund_call"), name="named")
    for version in (named, running(desk, task_of(), name="offered", offer="fund_call")):
        enter(version, np.concatenate([fit, unfit_]), NOW)
        move_due(NOW)
        given = set(FollowUp.objects.filter(journey=version.journey.name).values_list("customer", flat=True))
        assert given == set(fit.tolist()), version.journey.name
        refused = Refusal.objects.filter(journey=version.journey_id).values_list("rule", flat=True)
        assert list(refused) == ["suitability"] * len(unfit_)
    assert risk_of("", "fund") == risk_of("", "fund_call") == risk_of("fund_call", "") == 3
    assert risk_of("", "win_back") == risk_of("", "") == risk_of("maturity_call", "fund") == 0
    assert risk_of("", "metal") == UNKNOWN_RISK, "the plan has no action for it, so nobody knows its class"


def test_a_service_task_is_kept_from_who_is_gone_or_blocked(desk: dict[str, Person]) -> None:
    facts = night_facts()
    gone = np.flatnonzero(facts.there & facts.ended)[:20]
    me, other = np.flatnonzero(facts.there & ~facts.ended)[:2].tolist()
    block(me)
    Block.objects.update(since=dt.date(2026, 7, 1))
    version = running(desk, task_of(), purpose="service")
    enter(version, np.array([*gone.tolist(), me, other]), NOW)
    assert move_due(NOW).tasks == 1
    task = FollowUp.objects.get()
    assert (task.customer, task.purpose, task.step) == (other, "service", "call")
    rules_ = set(Refusal.objects.filter(journey=version.journey_id).values_list("rule", flat=True))
    assert rules_ == {"ended", "blocked"}


@pytest.mark.parametrize("means", ["wecom", "email"])
def test_what_people_wrote_and_what_the_desk_sent_are_counted_together(
    desk: dict[str, Person], means: str
) -> None:
    now = timezone.now()
    [me] = agreed()
    row = dict(held().row(me), **{f"agrees_{means}": True})
    facts = night_facts()

    def by_gate() -> bool:
        may = replace(facts, agrees=np.full(facts.size, 0xFF, np.uint8))
        return decide(Candidates.of([row_of(1, me, means)]), now, may).rule_of(0) == "often"

    def by_hand_says() -> bool:
        found = rules.cautions(me, row, rules.since([me], held().base.day), means, "marketing")
        return "often" in {c.code for c in found}

    most = rules.Since().limit(f"contact.{means}s")
    for _n in range(most - 1):
        Contact.objects.create(
            customer=me, person=desk[Role.CUSTOMER_MANAGER], at=now, day=TODAY(), means=means,
            outcome="served",
        )  # fmt: skip
    assert not by_gate() and not by_hand_says()
    pushed(me, means, now)
    assert by_gate() and by_hand_says()


def test_texts_of_journeys_count_for_who_writes_by_hand(desk: dict[str, Person]) -> None:
    [me] = agreed()
    row = held().row(me)
    now = timezone.now()
    for _n in range(rules.Since().limit("contact.texts")):
        assert "texts" not in {
            c.code for c in rules.cautions(me, row, rules.since([me], held().base.day), "sms", "marketing")
        }
        pushed(me, "sms", now)
    found = rules.cautions(me, row, rules.since([me], held().base.day), "sms", "marketing")
    assert "texts" in {c.code for c in found}
    pushed(me, "sms", now, purpose="service")


def test_tasks_end_with_their_journey(desk: dict[str, Person]) -> None:
    version = running(desk, task_of(), purpose="service")
    people = agreed(count=5)
    enter(version, np.array(people), NOW)
    move_due(NOW)
    other = running(desk, task_of(), name="winter", purpose="service")
    enter(other, np.array(people[:2]), NOW)
    move_due(NOW)
    done = FollowUp.objects.filter(journey="summer").order_by("id")[0]
    FollowUp.objects.filter(pk=done.pk).update(done_at=timezone.now())
    journey_actions.end(version.journey, by=desk[Role.ANALYST], reason="x")
    left = FollowUp.objects.filter(journey="summer")
    assert left.filter(dropped=True).count() == 4 and not left.filter(done_at=None).exists()
    assert not FollowUp.objects.get(pk=done.pk).dropped
    assert FollowUp.objects.filter(journey="winter", done_at=None).count() == 2


def test_who_reached_the_goal_is_called_no_more(desk: dict[str, Person]) -> None:
    version = running(desk, task_of(), purpose="service")
    everybody = np.flatnonzero(base().there)[:200]
    enter(version, everybody, NOW)
    move_due(NOW)
    given = set(FollowUp.objects.values_list("customer", flat=True))
    rich = {c for c in given if (base().row(c, ["aum"])["aum"] or 0) >= 5_000_000}
    version.graph = {**version.graph, "goals": [{"name": "rich", "when": "aum >= 50_000元"}]}
    version.save(update_fields=["graph"])
    assert rich and rich != given
    move_due(NOW + 60)  # they are through: nobody is under way, and still their tasks are open
    dropped = set(FollowUp.objects.filter(dropped=True).values_list("customer", flat=True))
    assert dropped == rich
    assert set(FollowUp.objects.filter(done_at=None).values_list("customer", flat=True)) == given - rich


def test_a_goal_on_the_way_drops_what_is_open(desk: dict[str, Person]) -> None:
    nodes = {
        "call": {**CALL, "next": "rest"}, "rest": {"do": "wait", "minutes": 5, "next": "last"},
        "last": {**CALL, "working_days": 3, "next": "done"}, "done": {"do": "goal"},
    }  # fmt: skip
    version = running(desk, {"start": "call", "nodes": nodes}, purpose="service")
    enter(version, np.array(agreed(count=3)), NOW)
    move_due(NOW)
    assert FollowUp.objects.filter(step="call", done_at=None).count() == 3
    move_due(NOW + 301)
    assert FollowUp.objects.filter(step="call", dropped=True).count() == 3
    assert FollowUp.objects.filter(step="last", done_at=None).count() == 3, "the last step stays to be done"


def test_who_is_left_alone_since_has_his_tasks_dropped(manager: Person, desk: dict[str, Person]) -> None:
    people = [line.customer for line in queries.morning(manager).lines][:2]
    asked: dict[str, Any] = {"who": "manager", "by": desk[Role.ANALYST], "journey": "summer"}
    for purpose in ("marketing", "service"):
        assert give_follow_ups(people, TODAY(), purpose=purpose, **asked) == 2

    def mine() -> set[tuple[int, str]]:
        return {(r["customer"], r["follow_up"].purpose) for r in queries.waiting(manager, TODAY())}

    before = mine()
    journey_with_control(desk[Role.ANALYST], people[:1], entered=moment())
    assert mine() == before - {(people[0], "marketing")}, "not shown from this moment on"
    assert drop_left_alone() == 1
    [dropped] = FollowUp.objects.filter(dropped=True)
    assert (dropped.customer, dropped.purpose) == (people[0], "marketing")
    task = FollowUp.objects.get(customer=people[1], purpose="marketing")
    block(people[1])
    with pytest.raises(NotAllowed, match="left alone"):
        record_contact(people[1], say(), by=manager, follow_up=task.pk)
    assert drop_left_alone() == 2, "nothing at all, whatever it is for"
    assert FollowUp.objects.filter(done_at=None).values_list("customer", "purpose").get() == (
        people[0],
        "service",
    )


def test_a_task_says_what_it_is_about(
    manager: Person, entered: dict[str, Client], desk: dict[str, Person]
) -> None:
    me = queries.morning(manager).lines[0].customer
    version = running(
        desk, task_of(who="manager", say="请问您的卡用得习惯吗？", say_en="Do you use your card?")
    )
    Journey.objects.update(play="outflow_win_back", title_en="Summer")
    version.journey.refresh_from_db()
    give_follow_ups(
        [me], TODAY(), who="manager", by=desk[Role.ANALYST], journey="summer", step="call",
        purpose="marketing", campaigns={me: "summer"},
    )  # fmt: skip
    client, task = entered[Role.CUSTOMER_MANAGER], FollowUp.objects.get()
    for path in ("/work/", f"/work/customers/{me}/?do={task.pk}"):
        page = client.get(path).content.decode()
        assert "夏季" in page and "请问您的卡用得习惯吗？" in page and "营销</span>" in page, path
        assert "若能挽回也就在几周之内" in page, "why the play is run"
    client.post("/language/", {"language": "en", "next": "/work/"})
    page = client.get("/work/").content.decode()
    assert "Summer" in page and "Do you use your card?" in page and "comes back, if at all" in page
    remote = entered[Role.REMOTE]
    FollowUp.objects.update(post=None)
    page = remote.get("/work/callbacks/").content.decode()
    assert "夏季" in page


def test_what_a_task_says_is_read_and_agreed_to(desk: dict[str, Person]) -> None:
    node = read_graph(task_of(say=" 您好 ")).nodes[0]
    assert node.say == "您好" and "您好" in journey_actions._task_in_words(node)
    for wrong in ("x" * 201, 7):
        with pytest.raises(GraphError, match=r"call\.say"):
            read_graph(task_of(say=wrong))
    form = {"who": "lobby", "working_days": "1", "action": ""}
    assert fields_of(task_of(say="您好")["nodes"]["call"], form)["say"] == "您好", (
        "a form without it leaves it"
    )
    assert "say" not in fields_of(task_of(say="您好")["nodes"]["call"], {**form, "say": " "})


def test_an_action_nobody_knows_is_refused_and_one_that_is_lost_is_left_out(
    manager: Person, desk: dict[str, Person]
) -> None:
    check_actions(read_graph(task_of(action="fund_call")))
    with pytest.raises(GraphError, match=r"call\.action"):
        check_actions(read_graph(task_of(action="found_call")))
    journey = Journey.objects.create(name="j", title_zh="旅程", made_by=desk[Role.ANALYST])
    with pytest.raises(GraphError, match=r"call\.action"):
        journey_actions.save_design(
            journey, task_of(action="found_call"), by=desk[Role.ANALYST], audience=None,
            control_ppm=100_000, until=TODAY(),
        )  # fmt: skip
    me = queries.morning(manager).lines[0].customer
    asked: dict[str, Any] = {"who": "manager", "by": desk[Role.ANALYST], "journey": "summer"}
    give_follow_ups([me], TODAY(), action="lost_call", purpose="service", **asked)
    assert FollowUp.objects.get().action == "", "of a design that was saved before"
    FollowUp.objects.update(action="lost_call")  # the night lost it after the task was given
    task = FollowUp.objects.get()
    with pytest.raises(NotAllowed, match="no such action"):
        record_contact(me, say(action="lost_call"), by=manager)
    made = record_contact(me, say(action="lost_call"), by=manager, follow_up=task.pk)
    task.refresh_from_db()
    assert made.action == "" and task.done_by == made


def test_the_journeys_page_says_what_was_refused_and_given(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    graph = {
        "start": "hello",
        "nodes": {**task_of()["nodes"], "hello": {**SIX["nodes"]["hello"], "next": "call"}},
    }
    version = running(desk, graph, purpose="service")
    facts = night_facts()
    gone = np.flatnonzero(facts.there & facts.ended)[:3]
    enter(version, np.array([*agreed(count=4), *gone.tolist()]), NOW)
    move_due(NOW)
    send_due()
    done, dropped = FollowUp.objects.order_by("id")[:2]
    contact = Contact.objects.create(
        customer=done.customer, person=desk[Role.REMOTE], at=timezone.now(), day=TODAY(), means="call",
        outcome="accepted",
    )  # fmt: skip
    FollowUp.objects.filter(pk=done.pk).update(done_at=timezone.now(), done_by=contact)
    FollowUp.objects.filter(pk=dropped.pk).update(done_at=timezone.now(), dropped=True)
    [row] = queries.tasks_of_journey("summer")
    assert (row.given, row.open, row.overdue, row.done, row.dropped, row.accepted) == (4, 2, 2, 1, 1, 1)
    page = entered[Role.ANALYST].get(f"/journeys/{version.journey_id}/").content.decode()
    assert "已身故或关系已终止" in page, "the rule in words, of tasks"
    tried = Refusal.objects.filter(journey=version.journey_id).exclude(key__startswith="task-")
    assert tried.exists() and Send.objects.filter(state="r").exists()
    assert "已改用其他方式" in page and "不再触达" in page
    part = page[page.index('id="tasks"') :]
    assert "<td>4</td><td>2</td><td>2</td><td>1</td><td>1</td><td>1</td>" in part
