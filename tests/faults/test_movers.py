"""kill -9 of who lets customers enter, moves them and hears of them, two at once, at fifty random moments.

Afterwards everybody stands where an undisturbed run leaves him, by the same steps, with the same pushes and
the same tasks: none twice, none lost.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.faults.desk_at import in_desk
from tests.faults.test_desk_on_postgresql import database as database

KILLS, CUSTOMERS = 50, 900
MOVED = """
import datetime as dt
from collections import Counter
import numpy as np
from django.utils import timezone
from quanke_desk.campaigns import entering, moving
from quanke_desk.campaigns.hearing import heard
from quanke_desk.campaigns.models import Enrolment, Journey, JourneyVersion, Send, Step, StepCount
from quanke_desk.foundation.models import Person
from quanke_desk.work.models import FollowUp
from tests.desk.test_journeys import DAY, NOW, SIX

entering.PART, moving.RANGE = 60, 30
wrote = moving.write

def slowly(*words):
    # who is killed meanwhile has decided and not written, or written and not committed
    time.sleep(0.01)
    wrote(*words)
    time.sleep(0.01)

moving.write = slowly
event = "trigger:" + "large_inflow_of_money"
parts = [{"next": "end"}, {"least": 1_000_000, "next": "more"}]
nodes = {**SIX["nodes"], "late": {"do": "split", "by": "aum", "parts": parts},
         "rung": {"do": "listen", "event": event, "days": 1, "then": "late", "else": "late"},
         "more": {"do": "wait", "minutes": 30, "next": "end"}}
nodes["call"] = {**nodes["call"], "next": "rung"}
graph = {**SIX, "nodes": nodes}
goals = {**graph, "goals": [{"name": "grown", "when": "aum >= 300_000元"}]}
by = Person.objects.create(username="p", name="p", role="analyst")
journey = Journey.objects.create(name="j", title_zh="j", state="running", made_by=by)
version = JourneyVersion.objects.create(
    journey=journey, number=1, graph=graph, control_ppm=100_000, until=dt.date(2026, 9, 1), by=by,
    started_at=timezone.now())
people = np.arange(%(customers)s)
moments = random.Random(20_260_706)
kills = 0

def undisturbed(work):
    work()

def disturbed(work):
    # killed again and again, until it had the time to end by itself or has its share; then done to its end
    global kills
    last = kills + %(share)s
    while kills < last:
        pair = [fork(work) for _ in range(2)]
        time.sleep(moments.uniform(0.005, 0.12))
        killed = sum([kill(child) for child in pair])
        kills += killed
        if not killed:
            break
    work()

def told(name, numbers):
    held = JourneyVersion.objects.get(pk=version.pk)
    waiting = Enrolment.objects.filter(version=held, state="e", awaits=name)
    return [e.pk for e in waiting if e.customer %% 3 in numbers]

def goes(how):
    JourneyVersion.objects.filter(pk=version.pk).update(graph=graph, goals_asked=None)
    how(lambda: entering.enter(version, people, NOW))
    JourneyVersion.objects.filter(pk=version.pk).update(graph=goals)
    for days in (0, 1, 1.2, 3, 4, 5):
        now = int(NOW + days * DAY)
        how(lambda: moving.move_due(now))
        for name in ("clicked", event):
            ids = told(name, (0, 1))
            how(lambda: heard(name, enrolments=ids, now=now))
            how(lambda: moving.move_due(now))

def stands():
    # what a run left, by customer: enrolments have other numbers each time
    rows = {e.pk: e for e in Enrolment.objects.all()}
    found = {e.customer: [[e.arm, e.node, e.state, e.seq, e.wake, e.awaits, e.ended, e.why], [], [], []]
             for e in rows.values()}
    assert len(found) == len(rows)
    for s in Step.objects.order_by("enrolment", "seq"):
        found[rows[s.enrolment].customer][1].append([s.seq, s.from_node, s.to_node, s.at])
    for s in Send.objects.order_by("id"):
        assert s.customer == rows[s.enrolment_id].customer and (s.state, s.rule) in (("q", ""), ("r", "goal"))
        found[s.customer][2].append([s.key.rpartition(".")[2], s.template, s.means, s.others, s.wake, s.rule])
    for f in FollowUp.objects.order_by("due_on"):
        found[f.customer][3].append([f.due_on.isoformat(), f.action, f.journey, str(f.escalate_on)])
    for one in found.values():
        one[2].sort()
    return found

def counted():
    # what was counted on the way is what the tables hold
    found = Counter()
    for c in StepCount.objects.all():
        found[c.from_node, c.to_node] += c.count
    arms = Counter(Enrolment.objects.values_list("arm", flat=True))
    held = Counter((s.from_node, s.to_node) for s in Step.objects.all())
    return found == held + Counter({(-2, 0): arms[1], (-3, -3): arms[0]})

goes(undisturbed)
want = stands()
assert counted()
differ, round_ = set(), 0
while kills < %(kills)s and round_ < 8:
    # on a quick machine much of the work ends before anybody is killed at it: then all of it once more
    round_ += 1
    for model in (FollowUp, Send, Step, StepCount, Enrolment):
        model.objects.all().delete()
    goes(disturbed)
    got = stands()
    assert counted(), "counted twice, or not at all"
    differ |= {c for c in {**want, **got} if want.get(c) != got.get(c)}
ended = sorted({(e[0][2], e[0][7]) for e in want.values()})
tell([kills, len(want), sorted(differ)[:5], ended,
      sum(len(e[1]) for e in want.values()), sum(len(e[2]) for e in want.values()),
      sum(len(e[3]) for e in want.values()), sum(push[5] == "goal" for e in want.values() for push in e[2])])
"""


def check(home: Path, tmp_path: Path, database: str) -> None:
    shutil.copytree(home, tmp_path / "home")
    text = MOVED % {"customers": CUSTOMERS, "kills": KILLS, "share": 8}
    told: list[Any] = in_desk(tmp_path / "home", text, database)
    kills, count, differ, ended, steps, pushes, tasks, called_off = told
    assert kills >= KILLS and count > CUSTOMERS * 0.9
    assert not differ, "not as an undisturbed run leaves it"
    assert [tuple(e) for e in ended] == [("c", ""), ("d", "exit"), ("x", "done"), ("x", "grown")]
    assert steps > 4 * count and pushes > count and tasks > 50, "every kind of step was gone"
    assert called_off > 50, "pushes to who reached the goal were called off"


@pytest.mark.slow
def test_movers_killed_at_random_moments(after_june: Path, tmp_path: Path) -> None:
    check(after_june, tmp_path, "")


@pytest.mark.slow
@pytest.mark.service
def test_movers_killed_at_random_moments_on_postgresql(
    after_june: Path, tmp_path: Path, database: str
) -> None:
    check(after_june, tmp_path, database)
