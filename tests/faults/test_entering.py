"""kill -9 of who lets customers in: of the job of an audience, and of some who follow one share's triggers.

The arms stay as they were dealt, everybody is enrolled once by the arm the register has, and each moment that
was decided is heard once, whoever reads it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.desk_at import in_desk
from tests.faults.test_desk_on_postgresql import database as database

KILLS = 8
MADE = """
import datetime as dt
import numpy as np
from django.utils import timezone
from quanke_desk.campaigns.models import Enrolment, Journey, JourneyVersion, Told
from quanke_desk.foundation.models import Person
moments = random.Random(20_260_708)
by = Person.objects.create(username="p", name="p", role="analyst")
note = os.environ["QUANKE_HOME"] + "/step"

def dies(owner, name, nth, before=False):
    # this process kills itself when it comes by a function the nth time
    real, left = getattr(owner, name), [nth]
    def watched(*words, **more):
        done = None if before else real(*words, **more)
        left[0] -= 1
        if left[0] <= 0:
            open(note, "a").write(name + "\\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*words, **more) if before else done
    setattr(owner, name, watched)

def running(name, graph, **more):
    journey = Journey.objects.create(name=name, title_zh=name, state="running", made_by=by)
    version = JourneyVersion.objects.create(journey=journey, number=1, graph=graph, by=by,
        until=timezone.localdate() + dt.timedelta(days=60), started_at=timezone.now(), **more)
    Journey.objects.filter(pk=journey.pk).update(current=version)
    return version
"""
AUDIENCE = """
from quanke.effects.groups import CampaignRegister
from quanke_desk.campaigns import audience_actions, entering, journey_actions
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.jobs import Running, begin
from quanke_desk.foundation.models import Job
from quanke_desk.foundation.working import ROUNDS, Worker
from quanke_desk.foundation import working
import quanke_desk.campaigns.jobs
ROUNDS.clear()
working.TRIES = 100  # more deaths than a job is given in earnest
entering.PART = 200
audience = audience_actions.save("all of them", "aum >= 0元", "live", by=by).versions.get()
graph = {"start": "rest", "nodes": {"rest": {"do": "wait", "days": 9, "next": "end"}, "end": {"do": "exit"}},
         "goals": [{"name": "grown", "when": "aum >= 500_000元"}]}
version = running("summer", graph, audience=audience, control_ppm=200_000)
begin("journeys.enter", {"version": version.pk}, by=by)
register = CampaignRegister(base().bank.home.path)
steps = [(journey_actions, "register_campaign", 1, True), (journey_actions, "register_campaign", 1, False),
         (journey_actions, "short_of_goals", 1, True), (entering, "_insert", 1, False),
         (entering, "_insert", 2, False), (entering, "takes_in", 3, True),
         (journey_actions, "put_in", 1, False),
         (journey_actions, "_ask_goals_again", 1, True)]
dealt, seen = None, 0

def work(step):
    def do():
        if step:
            dies(*step)
        Worker(pause=0.05).forever()
    return do

for step in [*steps, None]:
    here = len(open(note).readlines()) if os.path.exists(note) else 0
    pair = [fork(work(step)), fork(work(step))]
    until = time.monotonic() + 60
    while time.monotonic() < until and Job.objects.get().state in ("waiting", "running"):
        if step and os.path.exists(note) and len(open(note).readlines()) > here:
            break
        time.sleep(0.05)
    for child in pair:
        kill(child)
    found = register.get("summer")
    if found is not None:
        now = (sorted(found.customers.tolist()), sorted(found.controls.tolist()))
        assert dealt in (None, now), "the arms were dealt anew"
        dealt = now
job = Job.objects.get()
rows = list(Enrolment.objects.values_list("customer", "arm", "turn"))
tell([job.state, job.attempts, sorted(set(open(note).read().split())),
      sorted(c for c, arm, _t in rows if arm == 1) == sorted(set(dealt[0]) - set(dealt[1])),
      sorted(c for c, arm, _t in rows if arm == 0) == dealt[1], len(rows), len({r[0] for r in rows})])
"""
FOLLOWED = """
from quanke_desk.campaigns import triggering
from quanke_desk.foundation.analytic import base
NOW = int(time.time())
graph = {"entry": "trigger:salary_arrived", "again": 1, "start": "rest", "nodes": {
    "rest": {"do": "listen", "event": "trigger:card_opened", "days": 5, "then": "then", "else": "end"},
    "then": {"do": "send", "template": "hello", "means": ["sms"], "next": "end"}, "end": {"do": "exit"}}}
version = running("salary", graph, control_ppm=0, purpose="service")
other = running("cards", {**graph, "entry": "trigger:card_opened"}, control_ppm=300_000,
                purpose="service")
held = base()
people = np.flatnonzero(held.there)[:240].tolist()
folder = os.environ["QUANKE_HOME"] + "/live/decisions/1-of-1"
os.makedirs(folder)
triggering.follow(NOW)
triggering.PART = 17
file, told = open(folder + "/000000000000.jsonl", "a"), 0

def decide(trigger, some):
    for c in some:
        told = {"id": f"{trigger}:{c}:x", "trigger": trigger, "customer": c}
        file.write(json.dumps(told) + "\\n")
    file.flush()

def follower(step):
    def do():
        if step:
            dies(triggering, *step)
        triggering.follow(NOW)
    return do

steps = [("note", 1), ("_read", 1), ("heard", 2), ("enter", 2), ("_tell", 1), ("_tell", 3), ("enter", 1),
         ("held_state", 2)]
killed, before = 0, []
for at, step in enumerate(steps * 2):
    part = people[at * 15 : at * 15 + 15]
    decide("salary_arrived", part)
    if at % 2:
        decide("card_opened", before)
    before = part
    some = [fork(follower(step)), fork(follower(None)), fork(follower(None))]
    if at % 3 == 0:
        time.sleep(moments.uniform(0, 0.3))
        killed += sum([kill(child) for child in some])
    else:
        killed += sum([os.WIFSIGNALED(os.waitpid(child, 0)[1]) for child in some])
triggering.follow(NOW)
triggering.follow(NOW)

def of(found):
    return sorted(found.values_list("customer", flat=True))

entered = {name: of(Enrolment.objects.filter(version__journey__name=name)) for name in ("salary", "cards")}
some = sorted(c for at in range(0, 16, 2) for c in people[at * 15 : at * 15 + 15])
heard = of(Enrolment.objects.filter(version=version).exclude(awaits="trigger:card_opened"))
tell([killed, entered["salary"] == sorted(people), entered["cards"] == some, len(some), len(heard),
      set(heard) <= set(some), Told.objects.exclude(state="d").count(),
      Told.objects.count() == len(people) + 2 * len(some), sorted(set(open(note).read().split()))])
"""


def audience_enters(home: Path, tmp_path: Path, database: str) -> None:
    shutil.copytree(home, tmp_path / "home")
    text = MADE + AUDIENCE
    state, attempts, steps, treated, controls, rows, people = in_desk(
        tmp_path / "home", text, database, seconds=1_000
    )
    assert state == "done" and attempts > 5 and len(steps) >= 5, f"nobody died in the middle: {steps}"
    assert treated and controls and rows == people > 1_000


def two_follow(home: Path, tmp_path: Path, database: str) -> None:
    shutil.copytree(home, tmp_path / "home")
    text = MADE + FOLLOWED
    killed, entered, cards, some, heard, inside, waiting, told, steps = in_desk(
        tmp_path / "home", text, database, seconds=1_000
    )
    assert killed >= KILLS and len(steps) >= 4, f"nobody died in the middle: {killed}, {steps}"
    assert entered and cards, "each moment lets its customer in once"
    assert some > 100 and waiting == 0 and told, "each moment is written down once, and heard"
    assert inside and heard > 0


@pytest.mark.slow
@pytest.mark.timeout(1_000)
def test_the_job_of_an_audience(after_june: Path, tmp_path: Path) -> None:
    audience_enters(after_june, tmp_path, "")


@pytest.mark.slow
@pytest.mark.timeout(1_000)
@pytest.mark.service
def test_the_job_of_an_audience_on_postgresql(after_june: Path, tmp_path: Path, database: str) -> None:
    audience_enters(after_june, tmp_path, database)


@pytest.mark.slow
@pytest.mark.timeout(1_000)
def test_three_follow_one_share(after_june: Path, tmp_path: Path) -> None:
    two_follow(after_june, tmp_path, "")


@pytest.mark.slow
@pytest.mark.timeout(1_000)
@pytest.mark.service
def test_three_follow_one_share_on_postgresql(after_june: Path, tmp_path: Path, database: str) -> None:
    two_follow(after_june, tmp_path, database)
