"""Trials: who would come on which day, and what the gate would refuse of each step's pushes."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from quanke.kernel.calendars import SHANGHAI
from quanke.night.firing import Firings, lived_again, told_firings
from quanke_desk.campaigns import coming
from quanke_desk.campaigns.addresses import with_address
from quanke_desk.campaigns.graph import read_graph
from quanke_desk.campaigns.journey_actions import ask_to_start
from quanke_desk.campaigns.models import Audience, AudienceVersion, Block, Journey
from quanke_desk.campaigns.policy import RULES
from quanke_desk.campaigns.simulating import simulate
from quanke_desk.campaigns.trial_words import trial_shown
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role
from tests.desk.test_journeys import NOW, asked_of_the_gate, running
from tests.desk.test_policy import agreed, sent

SEND: dict[str, Any] = {"do": "send", "template": "hello", "means": ["sms"], "next": "end"}
ONE: dict[str, Any] = {"start": "hello", "nodes": {"hello": SEND, "end": {"do": "exit"}}}
TODAY = dt.datetime.fromtimestamp(NOW, SHANGHAI).date()


def by_trigger(name: str, **more: Any) -> dict[str, Any]:
    return {**ONE, "entry": f"trigger:{name}", **more}


def firings(*rows: tuple[int, str], **more: Any) -> Firings:
    at = np.array([moment for _c, moment in rows], "datetime64[us]")
    first, last = dt.date(2026, 6, 3), dt.date(2026, 6, 30)
    return Firings(first, last, np.array([c for c, _m in rows], np.int64), at, **more)


def told(folder: Path, rows: list[tuple[str, int, str]]) -> Path:
    share = folder / "1of1"
    share.mkdir(parents=True)
    lines = [
        json.dumps({"id": f"{n}", "trigger": t, "customer": c, "at": at}) for n, (t, c, at) in enumerate(rows)
    ]
    (share / "000000000000.jsonl").write_text("\n".join([*lines, lines[0], '{"id": "cut']), encoding="utf-8")
    return folder


def test_firings_lie_on_the_same_day_of_the_week(desk: dict[str, Person]) -> None:
    monday = ((3, "2026-06-08T09:00"), (4, "2026-06-08T11:00"))
    found = firings(*monday, (5, "2026-06-09T10:00"), (9, "2026-06-10"))
    groups = coming.spread(found, np.array([3, 4, 5, 6]), NOW)
    days = [dt.datetime.fromtimestamp(moment, SHANGHAI).date() for moment, _who in groups]
    came = {day.isoweekday(): who.tolist() for day, (_moment, who) in zip(days, groups, strict=True)}
    assert came == {1: [3, 4], 2: [5]}
    assert all(0 <= (day - TODAY).days < 28 for day in days)
    assert coming.day_of_most(groups) == (next(d for d in days if d.isoweekday() == 1), 2)
    assert groups[0][0] >= NOW, "nobody comes before it begins"


def test_each_comes_once_or_anew_after_so_many_days(desk: dict[str, Person]) -> None:
    found = firings((3, "2026-06-09T09:00"), (3, "2026-06-12T09:00"), (3, "2026-06-26T09:00"))
    assert len(coming.spread(found, np.array([3]), NOW)) == 1
    assert len(coming.spread(found, np.array([3]), NOW, again=10)) == 2
    assert len(coming.spread(found, np.array([3]), NOW, again=1)) == 3


def test_what_the_live_engine_told_goes_before(tmp_path: Path) -> None:
    last = dt.date(2026, 6, 30)
    rows = [("birthday", 1, f"2026-06-{day:02} 00:00:00") for day in range(12, 31)]
    rows += [("salary_arrived", 7, "2026-06-20 10:00:00"), ("salary_arrived", 8, "2026-05-20 10:00:00")]
    found = told_firings(told(tmp_path / "d", rows), "salary_arrived", last, 28)
    assert found is not None and found.told and found.days == 14 and found.customer.tolist() == [7]
    assert told_firings(tmp_path / "none", "salary_arrived", last, 28) is None
    short = told(tmp_path / "short", rows[:6])
    assert told_firings(short, "birthday", last, 28) is None, "less than a week tells no week"


def test_lived_again_it_fires_for_whom_the_tables_say(desk: dict[str, Person]) -> None:
    held = base()
    catalogue = held.bank.catalogue
    trigger = next(t for t in catalogue.triggers if t.name == "birthday")
    found = lived_again(held.bank.home, held.night, catalogue, trigger, 28)
    born = {c: held.row(int(c), ["age"])["age"] for c in found.customer[:5]}
    assert len(set(found.customer)) == len(found.customer) and None not in born.values()
    share = len(found.customer) / int(held.there.sum())
    assert 0.6 < share / (28 / 365) < 1.4, "as many as are born in four weeks"
    soon = [
        c
        for c in found.customer[found.at >= np.datetime64("2026-06-29")]
        if held.row(int(c), ["birthday_7d"])
    ]
    assert soon
    sampled = lived_again(held.bank.home, held.night, catalogue, trigger, 28, most=800)
    step = sampled.every
    assert step > 1 and set(sampled.customer % step) == {0}
    assert set(sampled.customer) == {c for c in found.customer.tolist() if c % step == 0}


def test_a_journey_by_a_trigger_is_tried_by_its_rate(desk: dict[str, Person]) -> None:
    held = base()
    graph = by_trigger("branch_arrival")
    everybody = np.flatnonzero(held.there)
    tried = simulate(running(desk, graph), read_graph(graph), everybody, NOW)
    assert tried.came is not None and tried.came.firings is not None
    fired = {c for c in tried.came.firings.customer.tolist() if c in set(everybody.tolist())}
    assert tried.entered == len(fired) < len(everybody) / 10
    assert len(tried.came.groups) > 10, "spread over the days"
    pushed = Counter[dt.date]()
    for (day, _node, _means), count in tried.pushes.items():
        pushed[day] += count
    assert max(pushed.values()) < sum(pushed.values()) / 2


def test_of_a_share_of_the_customers_counts_are_scaled_up(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = agreed("sms", 3)
    rows = [(c, f"2026-06-{9 + n:02}T09:00") for n, c in enumerate(people)]
    monkeypatch.setattr(coming, "past", lambda name: firings(*rows, every=5))
    graph = by_trigger("salary_arrived")
    tried = simulate(running(desk, graph), read_graph(graph), np.array(people), NOW)
    assert tried.entered == 15 and tried.visits["hello"] == 15 and sum(tried.pushes.values()) <= 15


def test_too_few_to_tell_an_effect_by_are_said_before_the_start(
    desk: dict[str, Person], entered: dict[str, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = np.flatnonzero(base().there)[:100]
    found = firings(*((int(c), f"2026-06-{3 + n % 28:02}T09:00") for n, c in enumerate(people)))
    monkeypatch.setattr(coming, "past", lambda name: found)
    graph = by_trigger("salary_arrived")
    few, some = (running(desk, graph, control=ppm, name=name) for ppm, name in ((200_000, "few"), (0, "all")))
    tried = simulate(few, read_graph(graph), people, NOW)
    said = trial_shown(tried, read_graph(graph), few)["too_few"]
    assert "107" in said and " 21 " in said and " 50 " in said, "of a hundred in four weeks"
    assert not trial_shown(tried, read_graph(graph), some)["too_few"], "it compares with nobody"
    many = running(desk, graph, control=500_000, name="many")
    assert not trial_shown(tried, read_graph(graph), many)["too_few"]
    few.started_at = many.started_at = None
    asked = ask_to_start(few, by=desk[Role.ANALYST], reason="x")
    assert asked.arguments["a_month"] == {"entries": 107, "smaller": 21, "least": 50}
    page = entered[Role.COMMITTEE].get(f"/approvals/{asked.pk}/").content.decode()
    assert "每月约 107 人进入，较小一组约 21 人" in page
    fine = ask_to_start(many, by=desk[Role.ANALYST], reason="x")
    assert (
        "任何一个月都无法测算" not in entered[Role.COMMITTEE].get(f"/approvals/{fine.pk}/").content.decode()
    )


def test_the_gate_is_asked_in_a_trial(desk: dict[str, Person]) -> None:
    everybody = np.flatnonzero(base().there)
    version = running(desk, ONE)
    Block.objects.create(
        customer=agreed("sms", 1)[0], means="sms", reason="asked", since=TODAY, by=desk[Role.ANALYST]
    )
    tried = simulate(version, read_graph(ONE), everybody, NOW)
    rules = Counter[str]()
    for (_step, _means, rule), count in tried.refused.items():
        rules[rule] += count
    decided = asked_of_the_gate(everybody, "sms")
    expected = {rule: len(rows) for rule, rows in decided.rows_by_rule().items()}
    homeless = ~np.isin(everybody[decided.allowed], with_address("sms", base()))
    assert rules == Counter(expected) + Counter(no_address=int(homeless.sum())) and set(rules) <= set(RULES)
    assert rules["consent"] > 1_000 and rules["blocked"] == 1
    out = sum(tried.pushes.values())
    assert out == len(everybody) - sum(rules.values()) == int(decided.allowed.sum() - homeless.sum())


def test_another_means_is_tried_and_a_trial_counts_what_it_sent(desk: dict[str, Person]) -> None:
    people = np.array(agreed("sms", 40))
    two = {**SEND, "means": ["email", "sms"]}
    graph = {"start": "hello", "nodes": {"hello": two, "end": {"do": "exit"}}}
    tried = simulate(running(desk, graph), read_graph(graph), people, NOW)
    mailed = sum(n for (_d, _s, means), n in tried.pushes.items() if means == "email")
    assert tried.asked["hello", "email"] == 40 and tried.asked["hello", "sms"] == 40 - mailed
    assert tried.refused["hello", "email", "consent"] > 0
    # a push a day: of two on one day the second is refused
    again = {
        "start": "one",
        "nodes": {
            "one": {**SEND, "means": ["push"], "next": "two"},
            "two": {**SEND, "means": ["push"]},
            "end": {"do": "exit"},
        },
    }
    pushed = np.array(agreed("push", 20))
    tried = simulate(running(desk, again, name="twice"), read_graph(again), pushed, NOW)
    went = tried.asked["one", "push"] - sum(n for (s, _m, _r), n in tried.refused.items() if s == "one")
    assert went > 10 and tried.refused["two", "push", "often"] == went
    sent(int(pushed[0]), "push", dt.datetime.fromtimestamp(NOW, SHANGHAI))
    tried = simulate(running(desk, again, name="thrice"), read_graph(again), pushed[:1], NOW)
    assert tried.refused["one", "push", "often"] == 1


def test_the_page_says_when_they_come_and_what_is_refused(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    by = desk[Role.ANALYST]
    held = Journey.objects.create(
        name="arrivals", title_zh="到店", draft=by_trigger("branch_arrival"), made_by=by
    )
    made = Audience.objects.create(title="在管客户", made_by=by)
    AudienceVersion.objects.create(
        audience=made, number=1, kind="live", text="in_scope", night=base().day, size=400, by=by
    )
    form = {"do": "try", "audience": made.pk, "control": "20", "purpose": "marketing", "priority": "5"}
    page = entered[Role.ANALYST].post(f"/journeys/{held.pk}/design/", form).content.decode()
    assert "天内触发" in page and "按相同星期进入" in page and "触达规则将拒绝的部分" in page
    assert str(RULES["consent"].title) in page and "尚未审批" in page
    wrong = entered[Role.ANALYST].post(f"/journeys/{held.pk}/design/", {**form, "purpose": "x"})
    assert 'id="tried"' not in wrong.content.decode()
