"""The gate of all pushes: a slow judge that asks row by row says what the fast one may allow."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.effects.groups import effect_rules
from quanke_desk.campaigns.known import CAPS, MEANS, night_facts, recorded
from quanke_desk.campaigns.models import (
    Arm,
    Block,
    Enrolment,
    EnrolmentState,
    Journey,
    JourneyVersion,
    Send,
    SendState,
)
from quanke_desk.campaigns.policy import (
    RULES,
    UNKNOWN_RISK,
    URGENT,
    Candidates,
    Decisions,
    decide,
)
from quanke_desk.customers.consenting import consents_of, may_contact, profiling_refused, said_since
from quanke_desk.customers.models import ConsentAnswer, DataRequest, Restriction
from quanke_desk.foundation import outbox
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import Role
from quanke_desk.work.models import Contact
from quanke_desk.work.rules import peace_ends, quiet

ZONE = ZoneInfo("Asia/Shanghai")
DAY = dt.datetime(2026, 7, 1, 10, 0, tzinfo=ZONE)  # a Wednesday, the day after the night
TODAY = DAY.date()
NIGHT = dt.datetime(2026, 7, 1, 22, 15, tzinfo=ZONE)
FRIDAY = dt.datetime(2026, 7, 3, 20, 30, tzinfo=ZONE)


def row_of(
    number: int, customer: int, means: str = "sms", purpose: str = "marketing", **more: Any
) -> dict[str, Any]:
    return {"id": number, "customer": customer, "means": means, "purpose": purpose, **more}


def agreed(means: str = "sms", count: int = 1) -> list[int]:
    """Customers of whom nothing speaks against an offer on the day."""
    facts, held = night_facts(), effect_rules(base().bank.home.path).hold_out
    ok = facts.there & ~facts.ended & facts.of_age & ~facts.profiling_refused
    ok &= (facts.agrees >> MEANS.index(means)) & 1 == 1
    ok &= facts.declined < 0
    ok &= ~held.holds(np.arange(facts.size), DAY.date())
    ok &= np.all([counts == 0 for counts in facts.counts.values()], axis=0)
    found = np.flatnonzero(ok)[:count]
    assert len(found) == count
    return [int(n) for n in found]


def one(customer: int, now: dt.datetime = DAY, **more: Any) -> str:
    decided = decide(Candidates.of([row_of(1, customer, **more)]), now)
    return decided.rule_of(0)


def epoch(at: dt.datetime) -> int:
    return int(at.timestamp())


def sent(customer: int, means: str = "sms", at: dt.datetime = DAY, purpose: str = "marketing") -> Send:
    return Send.objects.create(
        key=f"k{Send.objects.count()}", customer=customer, template="t", means=means, purpose=purpose,
        state=SendState.SENT, made=epoch(at), decided=epoch(at),
    )  # fmt: skip


def answered(
    customer: int, by: Person, given: bool, means: str = "sms", purpose: str = "marketing",
    on: dt.date = TODAY,
) -> ConsentAnswer:  # fmt: skip
    made = ConsentAnswer.objects.create(
        customer=customer, purpose=purpose, means=means, given=given, text_version="1", text_hash="x",
        channel="counter", proof="F-1234", on=on, by=by,
    )  # fmt: skip
    row = {"purpose": purpose, "means": means, "granted_on": on.isoformat()}
    outbox.put("consents", f"DESK-{made.pk}", row, customer=customer)
    return made


def restricted(customer: int, by: Person) -> None:
    asked = DataRequest.objects.create(
        customer=customer, kind="deletion", proof="F-1", about="x", received_on=DAY.date(),
        due_on=DAY.date(), recorded_by=by,
    )  # fmt: skip
    Restriction.objects.create(customer=customer, kind="deleted", since=DAY.date(), request=asked)


def journey_with_control(by: Person, controls: list[int], entered: int = 0) -> Journey:
    made = Journey.objects.create(name=f"j{Journey.objects.count()}", title_zh="旅程", made_by=by)
    version = JourneyVersion.objects.create(
        journey=made, number=1, graph={}, control_ppm=100_000, until=DAY.date(), by=by
    )
    Enrolment.objects.bulk_create(
        Enrolment(
            version=version, customer=c, arm=Arm.CONTROL, node=0, state=EnrolmentState.CONTROL,
            entered=entered,
        )
        for c in controls
    )  # fmt: skip
    return made


def test_each_rule_hits_whom_it_should(desk: dict[str, Person]) -> None:
    facts, by = night_facts(), desk[Role.COMPLIANCE]
    [me] = agreed()
    assert one(me) == ""
    assert one(facts.size + 7) == "unknown" and one(int(np.flatnonzero(~facts.there)[0])) == "unknown"
    assert one(int(np.flatnonzero(facts.ended & facts.there)[0]), purpose="service") == "ended"
    assert one(me, usable=False) == "template" and one(me, usable=False, purpose="service") == "template"
    minor = facts.there & ~facts.ended & ~facts.of_age
    held = effect_rules(base().bank.home.path).hold_out
    out = held.holds(np.arange(facts.size), DAY.date())
    assert one(int(np.flatnonzero(minor & ~out)[0])) == "minor"
    in_hold_out = int(np.flatnonzero(facts.there & ~facts.ended & out)[0])
    assert one(in_hold_out) == "hold_out" and one(in_hold_out, purpose="service") == ""
    journey = journey_with_control(by, [me])
    assert one(me, journey=journey.pk) == "control" and one(me) == ""
    Block.objects.create(customer=me, means="sms", since=DAY.date(), reason="complaint")
    assert one(me) == "blocked" and one(me, purpose="service") == ""
    Block.objects.update(reason="bounced")
    assert one(me, purpose="service") == "blocked", "nothing arrives there"
    assert one(me, means="push", purpose="service") == ""
    Block.objects.update(until=DAY.date())
    assert one(me) == "", "the last day is not counted"
    Block.objects.create(customer=me, means="any", since=DAY.date(), reason="court")
    assert one(me) == one(me, purpose="service") == "blocked"
    restricted(me, by)
    assert one(me) == one(me, purpose="service") == "restricted"


def test_what_was_said_at_the_desk_holds_at_once(desk: dict[str, Person]) -> None:
    by = desk[Role.COMPLIANCE]
    [me] = agreed()
    answered(me, by, False)
    assert one(me) == "consent" and one(me, purpose="service") == ""
    answered(me, by, True)
    assert one(me) == ""
    answered(me, by, False, means="any", purpose="profiling")
    assert one(me) == "profiling"


def test_a_no_cools_for_a_while(desk: dict[str, Person]) -> None:
    [me] = agreed()
    Contact.objects.create(
        customer=me,
        person=desk[Role.CUSTOMER_MANAGER],
        at=DAY,
        day=DAY.date(),
        means="call",
        outcome="declined",
    )
    assert one(me) == "cool_down" and one(me, purpose="service") == ""
    rest = value("contact.cool_down")
    assert one(me, DAY + dt.timedelta(days=rest)) == ""
    # fourteen days are counted from the day of the no
    assert one(me, DAY + dt.timedelta(days=rest - 1)) == "cool_down"


def test_products_suit_or_are_not_offered(desk: dict[str, Person]) -> None:
    facts = night_facts()
    ok = np.zeros(facts.size, np.bool_)
    ok[agreed(count=300)] = True
    able = np.flatnonzero(ok & facts.assessed & (facts.risk == 3) & ~facts.elder)
    never = np.flatnonzero(ok & ~facts.assessed)
    me = int(able[0])
    assert one(me, risk=3) == "" and one(me, risk=4) == "suitability" and one(me, risk=UNKNOWN_RISK) != ""
    assert one(int(never[0]), risk=1) == "suitability" and one(int(never[0])) == ""
    assert one(me, risk=4, purpose="service") == ""


def test_how_often_is_counted_over_campaigns_and_within_the_set(desk: dict[str, Person]) -> None:
    [me] = agreed()
    most = value("contact.texts")
    for _ in range(most - 1):
        sent(me)
    sent(me, purpose="service")
    sent(me, at=DAY - dt.timedelta(days=5))  # in June
    rows = [row_of(1, me, priority=5), row_of(2, me, priority=7), row_of(3, me, priority=7)]
    decided = decide(Candidates.of(rows), DAY)
    assert [decided.rule_of(n) for n in range(3)] == ["often", "", "often"], "the highest, then the lower id"
    sent(me)
    assert one(me) == "often" and one(me, purpose="service") == ""
    [other] = agreed("push")
    assert one(other, means="push") == ""
    sent(other, "push", DAY - dt.timedelta(hours=11))
    assert one(other, means="push") == "", "yesterday's push is yesterday's"
    sent(other, "push", DAY - dt.timedelta(hours=1))
    assert one(other, means="push") == "often" and one(other, means="app") == ""


def test_the_nights_counts_hold_as_long_as_their_window(desk: dict[str, Person]) -> None:
    facts = night_facts()
    texted = np.flatnonzero(facts.counts["sms"] > 0)
    june = base().day
    held = recorded(texted, np.zeros(0, np.int64), dt.datetime.combine(june, dt.time(10), ZONE))
    from quanke_desk.campaigns.known import counts_of_night

    assert held.caps["sms"] == 4 and counts_of_night(facts, "sms", june) is not None
    assert counts_of_night(facts, "sms", june + dt.timedelta(days=1)) is None, "another month"
    assert counts_of_night(facts, "call", june + dt.timedelta(days=6)) is not None
    assert counts_of_night(facts, "call", june + dt.timedelta(days=7)) is None


@pytest.mark.parametrize(("at", "until"), [
    (NIGHT, dt.datetime(2026, 7, 2, 9, 0, tzinfo=ZONE)),
    (FRIDAY, dt.datetime(2026, 7, 6, 9, 0, tzinfo=ZONE)),
    (dt.datetime(2026, 7, 2, 3, 0, tzinfo=ZONE), dt.datetime(2026, 7, 2, 9, 0, tzinfo=ZONE)),
    (dt.datetime(2026, 9, 30, 21, 0, tzinfo=ZONE), dt.datetime(2026, 10, 8, 9, 0, tzinfo=ZONE)),
])  # fmt: skip
def test_at_night_and_on_days_off_it_waits(
    desk: dict[str, Person], at: dt.datetime, until: dt.datetime
) -> None:
    [me] = agreed()
    serves = {"purpose": "service"}
    rows = [row_of(1, me), row_of(2, me, **serves), row_of(3, me, **serves, priority=URGENT)]
    decided = decide(Candidates.of(rows), at)
    assert [decided.rule_of(n) for n in range(3)] == ["quiet", "quiet", ""]
    assert list(decided.until) == [epoch(until), epoch(until), 0]
    assert list(decided.held) == [True, True, False] and not decided.refused.any()
    assert peace_ends(at) == until and not quiet(until)


def test_every_rule_says_what_it_is() -> None:
    assert all(len(code) <= 16 and str(rule.title) for code, rule in RULES.items())
    assert [code for code, rule in RULES.items() if rule.holds] == ["quiet"]


def test_what_no_set_can_be(desk: dict[str, Person]) -> None:
    whole = Candidates.of([row_of(1, 1)])
    with pytest.raises(ValueError, match="one length"):
        Candidates(**{**whole.__dict__, "customer": np.zeros(2, np.int64)})
    with pytest.raises(ValueError, match="means: 0 to 5"):
        Candidates(**{**whole.__dict__, "means": np.array([6], np.int8)})
    assert len(decide(Candidates.of([]), DAY).code) == 0


# ---- the slow judge


def judged(row: dict[str, Any], now: dt.datetime) -> set[str]:
    """The rules a row breaks, each asked by itself of the records; how often is counted elsewhere."""
    customer, today, broken = row["customer"], now.date(), set()
    of = base()
    if not 0 <= customer < of.night.rows or customer in of.night.absorbed:
        return {"unknown"}
    night, sells = of.row(customer), row["purpose"] == "marketing"
    means = "push" if row["means"] == "app" else row["means"]
    if Restriction.objects.filter(customer=customer).exists():
        broken.add("restricted")
    if night["deceased"] or night["relationship_closed"]:
        broken.add("ended")
    for block in Block.objects.filter(customer=customer):
        lives = block.since <= today and (block.until is None or today < block.until)
        offers = sells and block.means == means
        dead = block.reason == "bounced" and block.means == row["means"]
        if lives and (block.means == "any" or offers or dead):
            broken.add("blocked")
    if (
        row.get("journey")
        and Enrolment.objects.filter(customer=customer, state="c", version__journey=row["journey"]).exists()
    ):
        broken.add("control")
    if sells:
        window = dt.timedelta(days=effect_rules(of.bank.home.path).window_days.on(today))
        kept = Enrolment.objects.filter(customer=customer, state="c", entered__gt=epoch(now - window))
        if kept.exclude(version__purpose="service").exists():
            broken.add("control")
    if not row.get("usable", True):
        broken.add("template")
    if not sells:
        return broken
    if effect_rules(of.bank.home.path).hold_out.holds([customer], today)[0]:
        broken.add("hold_out")
    if night["is_minor"] is not False:
        broken.add("minor")
    given = next(s for s in consents_of(customer) if (s.purpose, s.means) == ("marketing", means)).given
    if given is not True:
        broken.add("consent")
    else:
        assert may_contact(customer, means) == (not broken & {"restricted", "ended", "minor"})
    if profiling_refused(customer):
        broken.add("profiling")
    risk = row.get("risk", 0)
    if risk and not (
        risk > 0
        and night["risk_assessment_valid"]
        and (night["risk_level"] or 0) >= risk
        and (risk < 4 or night["is_elder"] is False)
    ):
        broken.add("suitability")
    noes = list(Contact.objects.filter(customer=customer, outcome="declined").values_list("day", flat=True))
    noes += [night["last_declined_on"]] if night["last_declined_on"] else []
    if any((today - day).days < value("contact.cool_down") for day in noes):
        broken.add("cool_down")
    return broken


def reached(customer: int, means: str, now: dt.datetime) -> int:
    """How often a customer was reached in the window of a means."""
    night, of_night = base().row(customer), base().day
    today = now.date()
    first = {"call": today - dt.timedelta(days=6), "push": today}.get(means, today.replace(day=1))
    column = {"call": "calls_7d", "sms": "messages_mtd", "push": "pushes_1d"}.get(means)
    count = int((night[column] if column else 0) or 0) if of_night >= first else 0
    spoken = Contact.objects.filter(customer=customer, means=means, day__gte=first)
    # what the night counts is counted there up to its day; what it does not, the desk's records alone tell
    count += (spoken.filter(day__gt=of_night) if column else spoken).count()
    pushes = Send.objects.filter(customer=customer, means=means, purpose="marketing")
    for push in pushes.filter(state__in=["t", "s"]):
        count += dt.datetime.fromtimestamp(push.decided or 0, ZONE).date() >= first
    return count


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


MOMENTS = [DAY, DAY + dt.timedelta(days=3, hours=2), NIGHT, dt.datetime(2026, 7, 20, 11, tzinfo=ZONE)]
PLACE = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11])
MEANING = st.sampled_from(MEANS)
ROWS = st.lists(
    st.fixed_dictionaries({
        "customer": PLACE, "means": st.sampled_from([*MEANS, "sms", "sms", "sms", "push", "push"]),
        "purpose": st.sampled_from(["marketing"] * 4 + ["service"]), "priority": st.integers(1, 9),
        "risk": st.sampled_from([0] * 12 + [1, 3, 5, -1]), "usable": st.sampled_from([True] * 15 + [False]),
        "in_journey": st.booleans(),
    }), min_size=8, max_size=24,
)  # fmt: skip
WORLD = st.fixed_dictionaries({
    "blocks": st.lists(
        st.tuples(PLACE, st.sampled_from([*MEANS[:5], "any"]), st.integers(-1, 3),
                  st.sampled_from(["x", "bounced"])), min_size=2, max_size=4,
    ),
    "answers": st.lists(
        st.tuples(
            PLACE,
            st.sampled_from([*MEANS[:5], "any", "profiling"]),
            st.sampled_from([True, True, False]),
            st.integers(-4, 2),
        ),
        max_size=5,
    ),
    "noes": st.lists(st.tuples(PLACE, st.integers(0, 16)), min_size=1, max_size=3),
    "sent": st.lists(
        st.tuples(st.sampled_from([0, 0, 1, 4, 5]),
                  st.sampled_from(["sms", "sms", "sms", "push", "call", "email"]),
                  st.sampled_from([0, 0, 0, 1, 4, 9]), st.sampled_from([False, False, True])),
        min_size=6, max_size=16,
    ),
    "contacts": st.lists(st.tuples(PLACE, st.sampled_from(MEANS[:3]), st.integers(0, 6)), max_size=6),
    "full": st.lists(
        st.tuples(st.sampled_from([0, 1, 2, 4, 5]), st.sampled_from(["sms", "push", "email"])),
        min_size=1, max_size=3, unique=True,
    ),
    "restricted": st.lists(PLACE, max_size=1), "controls": st.lists(PLACE, max_size=3, unique=True),
})  # fmt: skip


def lay(world: dict[str, Any], pool: list[int], people: dict[str, Person], now: dt.datetime) -> Journey:
    """Records as an example says; days are counted back from the moment."""
    by = people[Role.COMPLIANCE]
    for place, means, days, why in world["blocks"]:
        until = now.date() + dt.timedelta(days=days)
        Block.objects.create(customer=pool[place], means=means, since=DAY.date(), until=until, reason=why)
    for place, means, given_, days in sorted(world["answers"], key=lambda said: said[3]):
        purpose = "profiling" if means == "profiling" else "marketing"
        on = DAY.date() + dt.timedelta(days=days)
        answered(pool[place], by, given_, "any" if purpose == "profiling" else means, purpose, on)
    for place, days in world["noes"]:
        at = now - dt.timedelta(days=days)
        if at.date() > base().day:
            Contact.objects.create(
                customer=pool[place], person=by, at=at, day=at.date(), means="wecom", outcome="declined"
            )
    for place, means, days in world["contacts"]:
        at = now - dt.timedelta(days=days)
        if at.date() > base().day:
            Contact.objects.create(
                customer=pool[place], person=by, at=at, day=at.date(), means=means, outcome="served"
            )
    for place, means, days, serves in world["sent"]:
        sent(pool[place], means, now - dt.timedelta(days=days), "service" if serves else "marketing")
    for place, means in world["full"]:
        for _ in range(value(CAPS[means])):
            sent(pool[place], means, now)
    for place in world["restricted"]:
        restricted(pool[place], by)
    return journey_with_control(by, [pool[place] for place in world["controls"]], epoch(now))


@given(rows=ROWS, world=WORLD, now=st.sampled_from(MOMENTS), shuffled=st.randoms(use_true_random=False))
@settings(max_examples=60)
def check_against_judge(
    people: dict[str, Person], pool: list[int], rows: list[dict[str, Any]], world: dict[str, Any],
    now: dt.datetime, shuffled: Any, seen: Counter[str],
) -> None:  # fmt: skip
    with undone():
        journey = lay(world, pool, people, now)
        asked = [
            {
                **row,
                "id": n,
                "customer": pool[row["customer"]],
                "journey": journey.pk if row["in_journey"] else 0,
            }
            for n, row in enumerate(rows, 1)
        ]
        decided = decide(Candidates.of(asked), now)
        _judge(asked, decided, now)
        seen.update(decided.rule_of(n) for n in range(len(asked)))
        order = list(range(len(asked)))
        shuffled.shuffle(order)
        again = decide(Candidates.of([asked[n] for n in order]), now)
        assert [decided.rule_of(n) for n in order] == [again.rule_of(n) for n in range(len(order))]


def _judge(asked: list[dict[str, Any]], decided: Decisions, now: dt.datetime) -> None:
    order = list(RULES)
    accepted: Counter[tuple[int, str]] = Counter()
    is_quiet = quiet(now)
    by_rank = sorted(range(len(asked)), key=lambda n: (-asked[n]["priority"], asked[n]["id"]))
    for n in by_rank:
        row, said = asked[n], decided.rule_of(n)
        broken = judged(row, now)
        sells = row["purpose"] == "marketing"
        who = (row["customer"], row["means"])
        if sells and row["means"] in CAPS and not broken:
            if reached(*who, now) + accepted[who] >= value(CAPS[row["means"]]):
                broken.add("often")
            else:
                accepted[who] += 1
        if is_quiet and row["means"] != "app" and (sells or row["priority"] < URGENT):
            broken.add("quiet")
        assert said == min(broken, key=order.index, default=""), (row["means"], row["purpose"])


@pytest.mark.timeout(300)
def test_no_row_is_allowed_that_breaks_a_rule(desk: dict[str, Person]) -> None:
    facts = night_facts()
    out = effect_rules(base().bank.home.path).hold_out.holds(np.arange(facts.size), DAY.date())
    by_sms = agreed(count=400)
    held_out = np.flatnonzero(out & facts.there & facts.of_age & (facts.agrees & 2 > 0))
    assessed = [c for c in by_sms if facts.assessed[c] and facts.risk[c] >= 3]
    said_no = np.flatnonzero(facts.declined > facts.declined.max() - 25)
    pool = [
        *by_sms[:4], *agreed("push", 2), *assessed[:2], int(held_out[0]), int(said_no[0]),
        int(np.flatnonzero(facts.profiling_refused)[0]), int(np.flatnonzero(~facts.there)[0]),
    ]  # fmt: skip
    seen: Counter[str] = Counter()
    check_against_judge(people=desk, pool=pool, seen=seen)
    asked = set(list(RULES)[: list(RULES).index("quiet") + 1])
    assert seen[""] > 20 and asked - set(seen) <= {"minor", "ended"}, seen


def test_words_at_the_desk_asked_of_everybody_and_of_one(desk: dict[str, Person]) -> None:
    by, of = desk[Role.COMPLIANCE], base()
    moments = np.random.default_rng(7)
    pool = [int(c) for c in np.flatnonzero(of.there)[:40]]
    for days in sorted(int(d) for d in moments.integers(-400, 5, 120)):  # as it is recorded: day after day
        customer = pool[moments.integers(len(pool))]
        means = ["any", "sms", "push", "call"][moments.integers(4)]
        answered(customer, by, bool(moments.random() < 0.5), means, on=of.day + dt.timedelta(days=days))
    said, facts = said_since(of), night_facts()
    for customer in pool:
        for each in consents_of(customer):
            if each.purpose == "marketing":
                night = bool(facts.agrees[customer] >> MEANS.index(each.means) & 1)
                assert said[each.means].get(customer, night) == bool(each.given), each
