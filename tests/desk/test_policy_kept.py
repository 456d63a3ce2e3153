"""Whatever the population, the journey, the clock and what is recorded meanwhile: nothing leaves outside of
the contact policy, and who is compared with or held out is never contacted.

Journeys are entered, moved, heard and sent by the code that does so in earnest; at the moment a message
leaves by its channel the slow judge of `test_policy` is asked of the records as they are then. The channel
plays what channels do: it takes its time, in which customers say no and journeys end, it falls silent, is
busy, is down; some take a key once, some can be asked, some neither. Between the gate and each try time
passes, too, in which those who were just let through withdraw what they had agreed to: by this means or
another, or that offers are made from a profile.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.effects.groups import effect_rules
from quanke_desk.campaigns import addresses, entering, hearing, journey_actions, moving, sending
from quanke_desk.campaigns.channels.channel import ChannelDown, Fate, Message, Outcome, Sure
from quanke_desk.campaigns.channels.sandbox import Sandbox
from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.known import CAPS, night_facts
from quanke_desk.campaigns.models import (
    Arm,
    Block,
    Enrolment,
    Journey,
    JourneyVersion,
    Send,
    Template,
    TemplateVersion,
)
from quanke_desk.campaigns.policy import URGENT
from quanke_desk.campaigns.sending import FRESH, send_due
from quanke_desk.customers.at_night import at_night
from quanke_desk.customers.models import Restriction
from quanke_desk.customers.queries import risk_of_product
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import Role
from quanke_desk.work.models import FollowUp
from quanke_desk.work.rules import quiet
from tests.desk.test_policy import (
    DAY,
    FRIDAY,
    NIGHT,
    PLACE,
    WORLD,
    agreed,
    answered,
    epoch,
    judged,
    lay,
    reached,
    restricted,
    undone,
)

CODES = ("one", "two", "three")
SENT_BY = ("sms", "push", "wecom", "email")
NO = ("no:sms", "no:push", "no:wecom", "no:email", "no:profiling")
HAPPENING = (
    "nothing",
    "nothing",
    "no:sms",
    *NO,
    "yes",
    "block",
    "click",
    "pause",
    "restrict",
    "withdraw",
    "end",
)
MEANWHILE = ("nothing", *NO, "block", "pause", "end", "withdraw")
PLAYS = ("sent", "unsure", "silent", "half", "later", "down", "failed")
_SMS: dict[str, Any] = {"do": "send", "template": "one", "means": ["sms", "push"]}
_SENDS = st.fixed_dictionaries({
    "do": st.just("send"), "template": st.sampled_from(CODES),
    "means": st.lists(st.sampled_from(SENT_BY), min_size=1, max_size=3, unique=True),
})  # fmt: skip
_STEPS = st.one_of(
    _SENDS, _SENDS,
    st.fixed_dictionaries({"do": st.just("wait"), "hours": st.integers(1, 30)}),
    st.fixed_dictionaries({"do": st.just("wait"), "days": st.integers(0, 2), "at": st.just("10:00")}),
    st.just({"do": "if", "when": "aum >= 50_000元"}),
    st.just({"do": "split"}),
    st.just({"do": "listen", "event": "clicked", "days": 1}),
    st.fixed_dictionaries({"do": st.just("task"), "who": st.sampled_from(["manager", "remote_team"])}),
)  # fmt: skip


def designed(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A design of steps in a row; where ways part, the second passes the next step by."""
    names = [f"n{at}" for at in range(len(steps))] + ["end", "end"]
    nodes: dict[str, Any] = {"end": {"do": "exit"}}
    for at, step in enumerate(steps):
        first, second = names[at + 1], names[at + 2]
        if step["do"] in ("if", "listen"):
            nodes[names[at]] = {**step, "then": first, "else": second}
        elif step["do"] == "split":
            nodes[names[at]] = {**step, "parts": [{"share": "50%", "next": n} for n in (first, second)]}
        else:
            nodes[names[at]] = {**step, "next": first}
    return {"start": "n0", "nodes": nodes}


JOURNEYS = st.lists(
    st.fixed_dictionaries({
        "steps": st.lists(_STEPS, min_size=1, max_size=6).map(lambda steps: [{**_SMS}, *steps]),
        "control": st.sampled_from([0, 0, 200_000, 500_000]),
        "purpose": st.sampled_from(["marketing"] * 4 + ["service"]),
        "priority": st.sampled_from([1, 5, 9]),
    }), min_size=2, max_size=4,
)  # fmt: skip
TEXTS = st.lists(
    st.fixed_dictionaries({
        "state": st.sampled_from(["approved"] * 9 + ["withdrawn", "asked", "draft"]),
        "since": st.sampled_from([0, 0, 0, 0, 1]), "lasts": st.sampled_from([0, 1, 30, 30, 30]),
        "product": st.sampled_from(["", "", "", "", "", "", "no-such", "risky"]),
        "purpose": st.sampled_from(["marketing"] * 4 + ["service"]),
    }), min_size=12, max_size=12,
)  # fmt: skip
HAPPENS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 5, 11, 24, 26]),
        st.sampled_from(HAPPENING),
        PLACE,
    ),
    min_size=3, max_size=8,
)  # fmt: skip
CHANNEL = st.fixed_dictionaries({
    "sure": st.sampled_from([Sure.KEYED, Sure.ASKED, Sure.NEITHER]),
    "at_once": st.sampled_from([1, 1, 2, 3, 500]),
    "plays": st.lists(
        # a second passes, or so long that the gate has to be asked anew
        st.tuples(
            st.sampled_from(PLAYS), st.sampled_from([0, 45, 45, 5_400]), st.sampled_from(MEANWHILE), PLACE
        ),
        min_size=5, max_size=7, unique_by=lambda play: play[0],
    ),
    # seconds from the gate to each try, on both sides of those for which it holds; what somebody says then
    "between": st.lists(
        st.tuples(st.sampled_from([0, FRESH, FRESH + 1, 45, 600]), st.sampled_from([*NO, "block"]), PLACE),
        min_size=6, max_size=12,
    ),
})  # fmt: skip


class Left:
    """What left by the channels, each judged when it did; and how the channels play."""

    def __init__(self, people: dict[str, Person]) -> None:
        self.by = people
        self.pool: list[int] = []
        self.seen: Counter[str] = Counter()
        self.people: list[int] = []
        self.rules: Counter[str] = Counter()
        self.begin({"sure": Sure.KEYED, "at_once": 500, "plays": [], "between": []}, DAY)

    def begin(self, channel: dict[str, Any], now: dt.datetime) -> None:
        self.channel, self.now = {**channel, "plays": list(channel["plays"])}, now
        self.between = list(channel["between"])
        self.told: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()

    def send(self, channel: Sandbox, batch: Sequence[Message]) -> list[Outcome]:
        for message in batch:
            self.judge(message)
            self.told[message.key] += 1
            self.seen["again"] += self.told[message.key] > 1
        play, seconds, what, place = (self.channel["plays"] or [("sent", 0, "nothing", 0)]).pop(0)
        self.seen[play] += 1
        if play == "down":
            raise ChannelDown("not now", 30)
        if play not in ("silent", "later", "failed"):
            for message in batch:
                once = self.channel["sure"] is Sure.KEYED
                self.keys[message.key] = 1 if once else self.keys[message.key] + 1
        # of what happens within seconds only a journey that stops is heard at once
        if seconds or what in ("pause", "end"):
            self.now += dt.timedelta(seconds=seconds)
            happens(what, self.pool[place], self.by, self)
        fates = {"later": Fate.LATER, "failed": Fate.FAILED, "sent": Fate.SENT, "half": Fate.SENT}
        known = batch[: len(batch) // 2] if play == "half" else batch
        return [Outcome(m.key, fates.get(play, Fate.UNSURE)) for m in known]

    def before_a_try(self, customers: Sequence[int]) -> None:
        """The gate has let these through, and none is handed over yet: of what is said within the seconds
        for which its word holds nothing is asked, of what is said later everything."""
        if not self.between or not customers:
            return
        seconds, what, place = self.between.pop(0)
        self.now += dt.timedelta(seconds=seconds)
        if seconds > FRESH:
            happens(what, customers[place % len(customers)], self.by, self)
            self.seen["between"] += 1

    def asked(self, channel: Sandbox, keys: Sequence[str]) -> list[Outcome]:
        self.seen["asked"] += len(keys)
        return [Outcome(key, Fate.SENT if key in self.keys else Fate.UNSEEN) for key in keys]

    def judge(self, message: Message) -> None:
        row = Send.objects.select_related("version__template", "journey").get(key=message.key)
        text, now = row.version, self.now
        assert text is not None and row.means == message.means
        assert text.state == "approved" and text.valid_from is not None and text.valid_until is not None
        assert text.valid_from <= now.date() <= text.valid_until, "a text that is not in force"
        assert (text.template.means, text.template.purpose) == (row.means, row.purpose)
        known = risk_of_product(text.template.product) if text.template.product else 0
        asked = {
            "customer": row.customer, "means": row.means, "purpose": row.purpose, "journey": row.journey_id,
            "risk": -1 if known is None else known,
        }  # fmt: skip
        assert not judged(asked, now), (row.means, row.purpose)
        sells = row.purpose == "marketing"
        assert not quiet(now) or (not sells and row.priority >= URGENT), "in quiet hours"
        if sells:
            assert reached(row.customer, row.means, now) <= value(CAPS[row.means]), "too often"
        assert row.journey is None or row.journey.state not in ("paused", "ended")
        self.people.append(row.customer)


def texts(by: Person, told: list[dict[str, Any]], start: dt.date, risky: str) -> None:
    """Twelve texts: three codes by four means."""
    names = [(f"{code}.{means}", means) for code in CODES for means in SENT_BY]
    for (code, means), each in zip(names, told, strict=True):
        product = risky if each["product"] == "risky" else each["product"]
        of = Template.objects.create(
            code=code, title=code, means=means, purpose=each["purpose"], product=product, made_by=by
        )
        since = start + dt.timedelta(days=each["since"])
        TemplateVersion.objects.create(
            template=of, number=1, subject_zh="您好", body_zh="您好", state=each["state"], by=by,
            valid_from=since, valid_until=since + dt.timedelta(days=each["lasts"]),
        )  # fmt: skip


def run(by: Person, number: int, told: dict[str, Any], now: dt.datetime) -> JourneyVersion:
    graph = designed(told["steps"])
    read_graph(graph)
    journey = Journey.objects.create(name=f"kept{number}", title_zh="x", state="running", made_by=by)
    version = JourneyVersion.objects.create(
        journey=journey, number=1, graph=graph, control_ppm=told["control"], purpose=told["purpose"],
        priority=told["priority"], until=now.date() + dt.timedelta(days=60), by=by, started_at=now,
    )  # fmt: skip
    Journey.objects.filter(pk=journey.pk).update(current=version)
    return version


def happens(what: str, customer: int, people: dict[str, Person], left: Left) -> None:
    today, by = left.now.date(), people[Role.COMPLIANCE]
    if what == "yes":
        answered(customer, by, True, on=today)
    elif what == "no:profiling":
        answered(customer, by, False, "any", "profiling", on=today)
    elif what.startswith("no:"):
        answered(customer, by, False, what.partition(":")[2], on=today)
    elif what == "block":
        Block.objects.create(customer=customer, means="any", since=today, reason="court")
    elif what == "click":
        hearing.heard("clicked", customers=[customer], now=epoch(left.now))
    elif what == "pause":
        first = Journey.objects.filter(name="kept0")
        paused = first.filter(state="paused").exists()
        first.exclude(state="ended").update(state="running" if paused else "paused")
    elif what == "end":
        for journey in Journey.objects.filter(name="kept1").exclude(state="ended"):
            journey_actions.end(journey, by=people[Role.ANALYST], reason="x")
    elif what == "restrict" and not Restriction.objects.filter(customer=customer).exists():
        restricted(customer, by)
    elif what == "withdraw":
        TemplateVersion.objects.filter(template__code="one.sms").update(state="withdrawn")


@given(
    world=WORLD,
    journeys=JOURNEYS,
    told=TEXTS,
    start=st.sampled_from([DAY, DAY, DAY, NIGHT, FRIDAY]),
    story=HAPPENS,
    channel=CHANNEL,
)
@settings(max_examples=30)
def check_kept(
    world: dict[str, Any], journeys: list[dict[str, Any]], told: list[dict[str, Any]], start: dt.datetime,
    story: list[tuple[int, str, int]], channel: dict[str, Any], people: dict[str, Person], risky: str,
    left: Left, play: Callable[[dict[str, Any]], None],
) -> None:  # fmt: skip
    by, pool = people[Role.COMPLIANCE], left.pool
    left.begin(channel, start)
    play(channel)
    with undone():
        lay(world, pool, people, start)
        texts(by, told, start.date(), risky)
        versions = [run(by, number, each, start) for number, each in enumerate(journeys)]
        for version in versions:
            entering.enter(version, np.array(pool), epoch(start))
            # past the door as well, as by arms that were dealt before the bank held somebody out
            entering.put_in(version, read_graph(version.graph), np.array(pool), Arm.TREATED, epoch(start))
        for hours, what, place in story:
            left.now += dt.timedelta(hours=hours)
            happens(what, pool[place], people, left)
            moving.move_due(epoch(left.now))
            send_due()
        for _ in range(3):  # what nobody knew of is asked, or told again
            left.now += dt.timedelta(minutes=20)
            send_due()
        _never_contacted(versions, start)
        assert all(count == 1 for count in left.keys.values()), "a message left twice"
        left.rules.update(Send.objects.values_list("rule", flat=True))


def _never_contacted(versions: Sequence[JourneyVersion], start: dt.datetime) -> None:
    """Who is compared with, and (of offers) who is held out by the bank or compared with by any journey that
    sells: neither a message nor a task."""
    sells = [version for version in versions if version.purpose == "marketing"]
    alone = set(Enrolment.objects.filter(version__in=sells, state="c").values_list("customer", flat=True))
    for version in versions:
        controls = set(
            Enrolment.objects.filter(version=version, state="c").values_list("customer", flat=True)
        )
        sent = Send.objects.filter(journey=version.journey_id)
        tasks = FollowUp.objects.filter(journey=version.journey.name)
        reached_ = {*sent.filter(state__in="ts").values_list("customer", flat=True)}
        given_ = {*tasks.values_list("customer", flat=True)}
        assert not controls & (reached_ | given_)
        assert not controls & set(sent.values_list("customer", flat=True)), "not even queued"
        if version.purpose == "marketing":
            assert not alone & (reached_ | given_), "control of another journey"
            everybody = np.array(sorted(reached_ | given_), np.int64)
            out = effect_rules(base().bank.home.path).hold_out.holds(everybody, start.date())
            assert not out.any(), "held out by the bank"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_leaves_outside_of_the_policy(
    desk: dict[str, Person], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.QUANKE_CHANNELS, settings.QUANKE_DEMO = {}, True
    left = Left(desk)

    def play(channel: dict[str, Any]) -> None:
        monkeypatch.setattr(Sandbox, "sure", channel["sure"])
        monkeypatch.setattr(Sandbox, "at_once", channel["at_once"])

    monkeypatch.setattr(Sandbox, "send", lambda *given: left.send(*given))
    monkeypatch.setattr(Sandbox, "asked", lambda *given: left.asked(*given))
    monkeypatch.setattr(timezone, "now", lambda: left.now)

    def looked_up(customers: Sequence[int], means: str) -> dict[int, str]:
        left.before_a_try(customers)
        return addresses.addresses(customers, means)

    monkeypatch.setattr(sending, "addresses", looked_up)
    facts = night_facts()
    out = effect_rules(base().bank.home.path).hold_out.holds(np.arange(facts.size), DAY.date())
    held_out = np.flatnonzero(out & facts.there & ~facts.ended & facts.of_age & (facts.agrees & 2 > 0))
    by_sms = agreed(count=400)
    assessed = [c for c in by_sms if facts.assessed[c] and facts.risk[c] >= 3]
    left.pool = [
        *by_sms[:5], *agreed("push", 2), *assessed[:1], *(int(c) for c in held_out[:2]),
        int(np.flatnonzero(facts.profiling_refused & facts.there)[0]),
        int(np.flatnonzero(facts.there & ~facts.ended & ~facts.of_age)[0]),
    ]  # fmt: skip
    risky = next(code for code in at_night().products if (risk_of_product(code) or 0) >= 4)
    check_kept(people=desk, risky=risky, left=left, play=play)
    assert len(left.people) > 40 and len(set(left.people)) > 4, "much left"
    asked = {"hold_out", "control", "consent", "template", "often", "quiet", "blocked"}
    assert asked <= set(left.rules), left.rules
    assert left.seen["between"] > 20, "many were let through and said no before they were written to"
    assert left.seen["again"] > 3 and len(set(PLAYS) & set(+left.seen)) > 4, left.seen
