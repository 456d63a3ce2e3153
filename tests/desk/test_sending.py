"""Sending: through the gate by sets, over to gateways that play all they can; nothing twice, nothing lost."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext

from quanke_desk.campaigns import journey_actions, journey_queries, sending
from quanke_desk.campaigns.addresses import addresses, with_address
from quanke_desk.campaigns.channels import ChannelDown, Fate, Message, Outcome, Sure
from quanke_desk.campaigns.channels.calling import FAILURES
from quanke_desk.campaigns.channels.calling import Gateway as Calling
from quanke_desk.campaigns.channels.configured import channel_of
from quanke_desk.campaigns.channels.sms_http import SmsGateway
from quanke_desk.campaigns.costs import channel_lines
from quanke_desk.campaigns.due import URGENT_ROWS, waiting
from quanke_desk.campaigns.models import (
    Block,
    Enrolment,
    Journey,
    JourneyVersion,
    Refusal,
    Send,
    SendState,
    Template,
    TemplateState,
    TemplateVersion,
)
from quanke_desk.campaigns.named import version_of
from quanke_desk.campaigns.policy import RULES
from quanke_desk.campaigns.sending import LEASE, TRIES, send_due
from quanke_desk.campaigns.tally import Done
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Outgoing, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import ROUNDS
from quanke_desk.web.places import channels
from tests.desk.gateway import Gateway
from tests.desk.test_policy import DAY, agreed, epoch

BODY = "{{ name }}您好，理财产品即将到期。"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> dict[str, dt.datetime]:
    """A clock of the desk that a test moves: a working morning after the night."""
    clock = {"at": DAY}
    monkeypatch.setattr(timezone, "now", lambda: clock["at"])
    return clock


@pytest.fixture
def gateway(settings: Any) -> Iterator[Gateway]:
    served = Gateway(b"shared")
    settings.QUANKE_CHANNELS = {"sms": {"kind": "sms", "url": served.url, "sign": "shared", "patience": 0.5}}
    yield served
    served.close()


def template(
    by: Person, code: str = "mature", means: str = "sms", purpose: str = "marketing", **more: Any
) -> Template:
    made = Template.objects.create(code=code, title=code, means=means, purpose=purpose, made_by=by)
    told = {"state": TemplateState.APPROVED, "body_zh": BODY, **more}
    TemplateVersion.objects.create(
        template=made,
        number=1,
        valid_from=DAY.date(),
        valid_until=DAY.date() + dt.timedelta(days=30),
        by=by,
        **told,
    )
    return made


def queued(customer: int, key: str, **more: Any) -> Send:
    told = {"template": "mature", "means": "sms", "purpose": "marketing", **more}
    return Send.objects.create(key=key, customer=customer, wake=epoch(DAY), made=epoch(DAY), **told)


def reachable(count: int = 1) -> list[int]:
    """Customers to whom an offer by text message may go, and who have a phone."""
    people = agreed(count=count + 40)
    at = addresses(people, "sms")
    return [c for c in people if c in at][:count]


def states() -> Counter[str]:
    return Counter(Send.objects.values_list("state", flat=True))


def test_what_is_due_goes_out_once(desk: dict[str, Person], now: Any, gateway: Gateway) -> None:
    template(desk[Role.ANALYST])
    journey = Journey.objects.create(name="mature", title_zh="到期", made_by=desk[Role.ANALYST])
    people = reachable(230)
    for n, customer in enumerate(people):
        queued(customer, f"k{n}", journey=journey)
    queued(people[0], "later", journey=journey).save()
    Send.objects.filter(key="later").update(wake=epoch(DAY) + 3600)
    done = send_due()
    assert states() == {"t": 230, "q": 1} and done.sent == 230
    assert gateway.got == {f"k{n}": 1 for n in range(230)} and gateway.calls == 3
    sent = Send.objects.get(key="k7")
    assert (
        sent.gateway == "G-k7" and sent.version is not None and sent.decided == epoch(DAY) and not sent.rule
    )
    text = gateway.messages["k7"]["text"]
    assert text.endswith("，拒收请回复R") and "{{" not in text and len(gateway.messages["k7"]["to"]) >= 11
    assert send_due().moved == 0 and gateway.calls == 3
    now["at"] += dt.timedelta(hours=2)
    send_due()
    assert states() == {"t": 231}
    home = Outgoing.objects.filter(table="pushes")
    assert home.count() == 230, "once a customer and campaign"
    row = home.get(key="k7").row
    assert row == {"campaign": "mature", "date": "2026-07-01", "arm": "treated", "means": "sms"}


def test_each_version_is_a_campaign_and_each_month_of_entries(
    desk: dict[str, Person], now: Any, gateway: Gateway
) -> None:
    by = desk[Role.ANALYST]
    template(by)
    journey = Journey.objects.create(name="mature", title_zh="到期", state="running", made_by=by)
    graph = {"start": "end", "nodes": {"end": {"do": "exit"}}}
    versions = [
        JourneyVersion.objects.create(
            journey=journey, number=n, graph={**graph, **entry}, control_ppm=0, until=DAY.date(), by=by
        )
        for n, entry in ((1, {}), (2, {}), (3, {"entry": "interface"}))
    ]
    june = epoch(DAY) - 86_400
    moments = [(versions[0], june), (versions[1], june), (versions[2], june), (versions[2], epoch(DAY))]
    for n, ((version, entered), customer) in enumerate(zip(moments, reachable(4), strict=True)):
        enrolment = Enrolment.objects.create(version=version, customer=customer, node=0, entered=entered)
        queued(customer, f"k{n}", journey=journey, enrolment=enrolment)
    send_due()
    told = dict(Outgoing.objects.filter(table="pushes").values_list("key", "row__campaign"))
    assert told == {"k0": "mature", "k1": "mature_v2", "k2": "mature_v3_202606", "k3": "mature_v3_202607"}
    assert [version_of(told[f"k{n}"]) for n in range(4)] == [*versions, versions[2]]
    assert version_of("nobody_v3") is None and version_of("mature_v9") is None
    lines = {name: channel_lines(name, versions[2])[0].sent for name in ("mature_v3_202606", "mature_v3")}
    assert lines == {"mature_v3_202606": 1, "mature_v3": 2}


def test_no_journey_takes_the_arms_of_another(desk: dict[str, Person]) -> None:
    for name in ("mature_v2", "mature_202607", "mature_v3_202607"):
        with pytest.raises(NotAllowed):
            journey_actions.make_journey(name, "x", "", by=desk[Role.ANALYST])
    assert journey_actions.make_journey("mature_2", "x", "", by=desk[Role.ANALYST]).pk


def test_of_a_journey_that_was_paused_or_ended_nothing_leaves(
    desk: dict[str, Person], now: Any, gateway: Gateway
) -> None:
    by = desk[Role.ANALYST]
    template(by)
    journey = Journey.objects.create(name="mature", title_zh="到期", state="running", made_by=by)
    people = reachable(6)
    for n, customer in enumerate(people):
        queued(customer, f"k{n}", journey=journey if n < 5 else None)
    journey_actions.pause(journey, by=by, reason="wrong text")
    send_due()
    assert states() == {"q": 5, "t": 1} and set(gateway.got) == {"k5"}
    journey_actions.resume(journey, by=by, reason="mended")
    Send.objects.filter(key__in=["k1", "k2", "k3", "k4"]).update(wake=epoch(DAY) + 3600)
    send_due()
    assert states() == {"q": 4, "t": 2}
    journey_actions.end(journey, by=by, reason="over")
    now["at"] += dt.timedelta(hours=2)
    send_due()
    assert states() == {"r": 4, "t": 2} and set(gateway.got) == {"k0", "k5"}
    assert set(Send.objects.filter(state="r").values_list("rule", flat=True)) == {"stopped"}
    Send.objects.filter(key="k1").update(rule="hold_out")
    titles = {str(row["rule_title"]) for row in journey_queries.pushes(journey)}
    assert {"发送前旅程已被结束", gettext(str(RULES["hold_out"].title))} <= titles


def test_of_what_is_due_at_one_moment_the_higher_priority_goes_first(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    template(desk[Role.ANALYST])
    for n, customer in enumerate(reachable(6)):
        queued(customer, f"k{n}", priority=3 + n)
    sending._take(Done(), 2)
    assert set(Send.objects.filter(state="s").values_list("key", flat=True)) == {"k4", "k5"}


def test_what_is_urgent_waits_behind_no_backlog(desk: dict[str, Person], now: Any, gateway: Gateway) -> None:
    by = desk[Role.ANALYST]
    template(by)
    template(by, "stolen", purpose="service")
    people = reachable(12)
    earlier = [
        Send(key=f"k{n}", customer=people[n % 11], template="mature", means="sms", purpose="marketing",
             priority=9, wake=epoch(DAY) - 3600, made=epoch(DAY))
        for n in range(1_000)
    ]  # fmt: skip
    Send.objects.bulk_create(earlier)
    queued(people[11], "urgent", template="stolen", purpose="service", priority=9)
    queued(people[11], "calm", template="stolen", purpose="service")
    taken, looked_at = sending._take(Done(), 5)
    assert looked_at == 5 and next(row.key for row in taken.rows) == "urgent"
    assert Send.objects.get(key="calm").state == "q", "a service that can wait waits its turn"
    sending._hand_over(taken, Done())
    assert next(iter(gateway.got)) == "urgent"
    if connection.vendor == "sqlite":
        plan = waiting(epoch(DAY)).filter(URGENT_ROWS).explain()
        assert "send_urgent" in plan and "SCAN" not in plan, "however many wait"
        plan = waiting(epoch(DAY)).explain()
        assert "send_open" in plan and "TEMP B-TREE" not in plan, (
            "a batch is read in order, not sorted out of all"
        )
    assert ROUNDS["send"].apart, "and it waits for no journey that is being moved"


def test_the_parts_of_a_long_text_are_kept(desk: dict[str, Person], now: Any, gateway: Gateway) -> None:
    template(desk[Role.ANALYST], "long", body_zh="存" * 100)
    template(desk[Role.ANALYST])
    first, second, third = reachable(3)
    queued(first, "long", template="long")
    queued(second, "short")
    queued(third, "later", template="long")
    Send.objects.filter(key="later").update(wake=epoch(DAY) + 3600)
    send_due()
    assert dict(Send.objects.values_list("key", "parts")) == {"long": 2, "short": 1, "later": 1}


def test_refused_held_and_by_other_means(
    desk: dict[str, Person], now: Any, gateway: Gateway, settings: Any
) -> None:
    by = desk[Role.ANALYST]
    template(by)
    template(by, "mature.push", "push")
    [blocked, fine] = reachable(2)
    [by_push] = [c for c in agreed("push", 20) if c not in (blocked, fine)][:1]
    Block.objects.create(customer=blocked, means="any", since=DAY.date(), reason="court")
    Block.objects.create(customer=by_push, means="sms", since=DAY.date(), reason="asked")
    queued(blocked, "a", others="push,email")
    queued(by_push, "b", others="push,email")
    queued(fine, "c", purpose="service")
    done = send_due()
    a, b, c = (Send.objects.get(key=k) for k in "abc")
    assert (a.state, a.rule) == ("r", "blocked")
    assert (b.state, b.means, b.others, b.rule) == ("r", "email", "", "consent"), (
        "no push gateway, no consent to mails"
    )
    assert (c.state, c.rule) == ("r", "template"), "what sells is not sent as a service"
    assert done.other_means >= 2 and not gateway.got
    kept = Refusal.objects.filter(key="b").order_by("id").values_list("means", "rule")
    assert list(kept) == [("sms", "blocked"), ("push", "no_channel")], "each refusal with its rule"
    settings.QUANKE_DEMO = True
    Send.objects.filter(key="b").update(state="q", means="sms", others="push,email", rule="")
    send_due()
    b.refresh_from_db()
    assert (b.state, b.means, b.gateway) == (
        "t",
        "push",
        "sandbox:b",
    ) and b.version.template.code == "mature.push"
    now["at"] = DAY.replace(hour=22)
    queued(fine, "d")
    send_due()
    d = Send.objects.get(key="d")
    assert (d.state, d.rule, d.wake) == ("h", "quiet", epoch(DAY.replace(day=2, hour=9)))
    now["at"] = DAY.replace(day=2, hour=9)
    send_due()
    d.refresh_from_db()
    assert (d.state, d.rule) == ("t", "") and gateway.got == {"d": 1}


def test_without_a_gateway_nothing_leaves(desk: dict[str, Person], now: Any, settings: Any) -> None:
    settings.QUANKE_CHANNELS, settings.QUANKE_DEMO = {}, False
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    send_due()
    assert Send.objects.get().rule == "no_channel" and channel_of("sms") is None


@pytest.mark.parametrize("play", ["busy", "closed"])
def test_a_gateway_that_takes_none(desk: dict[str, Person], now: Any, gateway: Gateway, play: str) -> None:
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    gateway.plays = [play]
    send_due()
    row = Send.objects.get()
    assert (row.state, row.tries) == ("q", 0) and row.wake == epoch(DAY) + (7 if play == "busy" else 30)
    now["at"] += dt.timedelta(seconds=31)
    send_due()
    assert states() == {"t": 1} and gateway.got == {"a": 1}


@pytest.mark.parametrize("play", ["silent", "slow", "babbles", "half"])
def test_a_gateway_that_falls_silent_is_asked(
    desk: dict[str, Person], now: Any, gateway: Gateway, play: str
) -> None:
    """It took the message and did not say so: it is asked by the key, and not sent to again."""
    template(desk[Role.ANALYST])
    for n, customer in enumerate(reachable(4)):
        queued(customer, f"k{n}")
    gateway.plays = [play]
    send_due()
    assert states()["s"] == (2 if play == "half" else 4)
    now["at"] += dt.timedelta(seconds=20)
    send_due()
    assert states() == {"t": 4} and set(gateway.got.values()) == {1} and gateway.asked


def test_a_gateway_that_leaves_some_out_when_asked(
    desk: dict[str, Person], now: Any, gateway: Gateway
) -> None:
    """That it says nothing of a key does not say that it never saw it: nobody is told twice."""
    template(desk[Role.ANALYST])
    for n, customer in enumerate(reachable(4)):
        queued(customer, f"k{n}")
    gateway.plays = ["silent", "half"]  # it took four; asked, it tells of two
    send_due()
    now["at"] += dt.timedelta(seconds=20)
    send_due()
    assert states() == {"t": 2, "s": 2} and len(gateway.asked) == 1
    now["at"] += dt.timedelta(seconds=1_000)
    send_due()
    assert states() == {"t": 4} and set(gateway.got.values()) == {1}


def test_a_gateway_that_cannot_be_asked_for_long_costs_no_try(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quanke_desk.campaigns.channels.calling.REST", 0)
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    gateway.plays = ["silent", *["closed"] * 2 * TRIES, "half"]
    for _ in range(2 * TRIES + 3):
        send_due()
        now["at"] += dt.timedelta(seconds=1_000)
    assert states() == {"t": 1} and gateway.got == {"a": 1}


def test_a_key_that_is_left_out_for_ever_is_given_up(
    desk: dict[str, Person], now: Any, gateway: Gateway
) -> None:
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    gateway.plays = ["silent", *["half"] * 2 * TRIES]  # half of one is none
    for _ in range(2 * TRIES):
        send_due()
        now["at"] += dt.timedelta(seconds=1_000)
    row = Send.objects.get()
    assert (row.state, row.rule) == ("f", "unsure") and gateway.got == {"a": 1}
    assert 1 < len(gateway.asked) <= TRIES


def test_a_gateway_that_broke_before_it_took_anything(
    desk: dict[str, Person], now: Any, gateway: Gateway
) -> None:
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    gateway.plays = ["breaks"]
    send_due()
    assert states() == {"s": 1}
    now["at"] += dt.timedelta(seconds=20)
    send_due()
    assert gateway.asked == [["a"]] and states() == {"t": 1} and gateway.got == {"a": 1}


def test_a_gateway_that_says_everything_twice(desk: dict[str, Person], now: Any, gateway: Gateway) -> None:
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    gateway.plays = ["twice"]
    assert send_due().sent == 1 and states() == {"t": 1}


def test_a_gateway_that_is_gone_is_left_alone(settings: Any) -> None:
    served = Gateway()
    served.close()
    gone = SmsGateway(Calling(served.url, patience=0.5))
    message = Message("k", "sms", "13800000000", "x")
    for _ in range(FAILURES):
        with pytest.raises(ChannelDown, match="reached"):
            gone.send([message])
    with pytest.raises(ChannelDown, match="left alone"):
        gone.send([message])
    with pytest.raises(ValueError, match="https only"):
        Calling("http://sms.example")
    assert "13800000000" not in repr(message)


def test_a_gateway_that_refuses_is_given_up(desk: dict[str, Person], now: Any, gateway: Gateway) -> None:
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    gateway.plays = ["refuses"]
    send_due()
    row = Send.objects.get()
    assert (row.state, row.rule) == ("f", "gateway")


def test_one_that_is_always_later_is_given_up_in_the_end(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    busy: Any = lambda self, batch: [Outcome(m.key, Fate.LATER, wait=1) for m in batch]  # noqa: E731
    monkeypatch.setattr(SmsGateway, "send", busy)
    for _ in range(TRIES + 2):
        send_due()
        now["at"] += dt.timedelta(seconds=300)
    row = Send.objects.get()
    assert (row.state, row.rule, row.tries) == ("f", "gateway", TRIES)


def test_who_died_before_handing_over_lost_nothing(
    desk: dict[str, Person], now: Any, gateway: Gateway
) -> None:
    template(desk[Role.ANALYST])
    row = queued(reachable()[0], "a", state=SendState.SENDING, tries=1)
    Send.objects.update(wake=epoch(DAY) - 1)
    send_due()
    row.refresh_from_db()
    assert row.state == "t" and gateway.got == {"a": 1} and not gateway.asked


@pytest.mark.parametrize(("sure", "state"), [(Sure.NEITHER, "f"), (Sure.KEYED, "t"), (Sure.ASKED, "t")])
def test_who_died_while_handing_over(
    desk: dict[str, Person],
    now: Any,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    sure: Sure,
    state: str,
) -> None:
    monkeypatch.setattr(SmsGateway, "sure", sure)
    template(desk[Role.ANALYST])
    version = TemplateVersion.objects.get()
    queued(reachable()[0], "a", state=SendState.SENDING, tries=1, gateway="?", version=version)
    Send.objects.update(wake=epoch(DAY) - 1)
    send_due()
    row = Send.objects.get()
    assert row.state == state and (row.rule == "unsure") == (state == "f")
    assert bool(gateway.asked) == (sure is Sure.ASKED)


@pytest.mark.parametrize("play", ["busy", "silent", "refuses", "takes"])
def test_what_may_have_left_goes_by_no_other_means(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, play: str
) -> None:
    """Handed over to a gateway that takes a key once: the same is handed over again, and nothing else is
    tried."""
    monkeypatch.setattr(SmsGateway, "sure", Sure.KEYED)
    made = template(desk[Role.ANALYST])
    template(desk[Role.ANALYST], "mature.email", "email")
    [me] = reachable()
    version = made.versions.get()
    queued(me, "a", state=SendState.SENDING, tries=1, gateway="?", others="email", version=version)
    Send.objects.update(wake=epoch(DAY) - 1)
    gateway.plays = [play] if play != "takes" else []
    send_due()
    row = Send.objects.get()
    assert row.means == "sms" and row.state == {"refuses": "f", "takes": "t"}.get(play, "s")
    if play in ("busy", "silent"):
        assert row.gateway == "?"
        now["at"] += dt.timedelta(seconds=40)
        send_due()
        row.refresh_from_db()
        assert row.state == "t" and set(gateway.got) == {"a"}
    assert (row.rule == "unsure") == (play == "refuses") and not Refusal.objects.exists()


def test_what_another_took_over_is_not_written_over(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that slept longer than its lease finds that another has the row: it does not send."""
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    kept = sending.addresses

    def sleepy(*asked: Any) -> Any:
        monkeypatch.setattr(sending, "addresses", kept)
        now["at"] += dt.timedelta(seconds=LEASE + 1)
        assert send_due().sent == 1, "the other one"
        return kept(*asked)

    monkeypatch.setattr(sending, "addresses", sleepy)
    assert send_due().sent == 0 and gateway.got == {"a": 1} and states() == {"t": 1}


class Dead(BaseException):
    """A process that was killed."""


def test_what_goes_by_another_means_by_now_is_another_taking(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Takings are counted anew with each means: who slept since the first one does not send by the old."""
    other = Gateway(b"shared")
    push = {**settings.QUANKE_CHANNELS["sms"], "kind": "push", "url": other.url}
    settings.QUANKE_CHANNELS = {**settings.QUANKE_CHANNELS, "push": push}
    template(desk[Role.ANALYST], "mature", "push")
    template(desk[Role.ANALYST], "mature.sms")
    [me] = [c for c in reachable(40) if addresses([c], "push") and c in agreed("push", 40)][:1]
    queued(me, "a", means="push", others="sms")
    kept = sending.addresses

    def dies(*asked: Any) -> Any:
        raise Dead

    def sleepy(*asked: Any) -> Any:
        monkeypatch.setattr(sending, "addresses", dies)
        now["at"] += dt.timedelta(seconds=LEASE + 1)
        Block.objects.create(customer=me, means="push", since=DAY.date(), reason="asked")
        with pytest.raises(Dead):
            send_due()
        row = Send.objects.get()
        assert (row.state, row.means, row.tries) == ("s", "sms", 1), "taken by the other means"
        monkeypatch.setattr(sending, "addresses", kept)
        return kept(*asked)

    monkeypatch.setattr(sending, "addresses", sleepy)
    send_due()
    assert not other.got and not gateway.got, "it is not his any more"
    now["at"] += dt.timedelta(seconds=LEASE + 1)
    send_due()
    other.close()
    assert not other.got and gateway.got == {"a": 1} and states() == {"t": 1}


def test_who_has_no_address_or_no_value(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: Any
) -> None:
    by = desk[Role.ANALYST]
    template(by)
    template(by, "amount", body_zh="到期金额{{ amount:salary_amount }}")
    one, two = [c for c in reachable(20) if base().row(c)["salary_amount"] is None][:2]
    monkeypatch.setattr(sending, "addresses", lambda customers, means: {two: "13800001111"})
    queued(one, "a")
    queued(two, "b", template="amount")
    send_due()
    assert Send.objects.get(key="a").rule == "no_address"
    b = Send.objects.get(key="b")
    assert (b.state, b.rule) == ("r", "no_value"), "a text message without its amount is none"


@pytest.mark.parametrize("means", ["email", "wecom"])
def test_in_a_demo_mail_and_wecom_reach_customers(
    desk: dict[str, Person], now: Any, settings: Any, means: str
) -> None:
    settings.QUANKE_CHANNELS, settings.QUANKE_DEMO = {}, True
    template(desk[Role.ANALYST], means=means, subject_zh="到期提醒", subject_en="Maturity")
    at = addresses(people := agreed(means, 120), means)
    reached = [c for c in people if c in at]
    assert len(reached) >= 20 and set(reached) <= set(with_address(means, base()).tolist())
    for n, customer in enumerate(reached):
        queued(customer, f"k{n}", means=means)
    assert send_due().sent == len(reached) and states() == {"t": len(reached)}
    settings.QUANKE_DEMO = False
    assert means != "wecom" or not addresses(people, means), "a bank's gateway knows its own numbers alone"


def test_gateways_of_the_environment(tmp_path: Any) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    told = channels({
        "QUANKE_DESK_SMS_URL": "https://sms.example/", "QUANKE_DESK_SMS_SECRET_FILE": str(tmp_path / "key"),
        "QUANKE_DESK_WEBHOOK_URL": "https://hub.example", "QUANKE_DESK_WEBHOOK_MEANS": "sms,push",
        "QUANKE_DESK_SMTP": "mail.example", "QUANKE_DESK_SMTP_SENDER": "bank@example.com",
        "QUANKE_DESK_WECOM_CORP": "ww1", "QUANKE_DESK_WECOM_SENDER": "lina",
    })  # fmt: skip
    assert told["sms"] == {"kind": "sms", "url": "https://sms.example", "sign": "s3cret"}
    assert (
        told["push"]["kind"] == "webhook" and told["email"]["port"] == 587 and told["wecom"]["corp"] == "ww1"
    )
    with pytest.raises(ValueError, match="only https"):
        channels({"QUANKE_DESK_SMS_URL": "http://sms.example"})
    with pytest.raises(ValueError, match="SMTP_SENDER is needed"):
        channels({"QUANKE_DESK_SMTP": "mail.example"})
    assert channels({}) == {}
