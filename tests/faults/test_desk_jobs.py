"""kill -9 of workers in the middle of long jobs: each is resumed, and its effects are there once."""

from __future__ import annotations

from pathlib import Path

from tests.faults.desk_at import in_desk

HANDLERS = """
from quanke_desk.foundation.jobs import begin, job
from quanke_desk.foundation.models import Job, Notice, Person
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.working import ROUNDS, Worker
ROUNDS.clear()

@job("chunks", title="chunks", may=May.OWN)
def chunks(running, count):
    for at in range(running.place.get("after", 0), count):
        running.step("at", at, count)
        with transaction.atomic():
            Notice.objects.create(person=Person.objects.get(), text=f"{running.number}:{at}")
            running.keep({"after": at + 1})
        time.sleep(0.02)
    return {"count": count}

@job("atomic", title="atomic", may=May.OWN, atomic=True)
def atomic(running, count):
    for at in range(count):
        running.step("at", at, count)
        Notice.objects.create(person=Person.objects.get(), text=f"{running.number}:{at}")
        time.sleep(0.01)
    return {"count": count}

person = Person.objects.create(username="p", name="p", role="staff")

def work():
    worker = Worker(pause=0.05)
    signal.signal(signal.SIGTERM, worker.stop)
    worker.forever()
"""
CHUNKS, ATOMIC, COUNT, KILLS = 3, 2, 25, 4

KILLED = """
for _ in range(%(chunks)s):
    begin("chunks", {"count": %(count)s}, by=person)
for _ in range(%(atomic)s):
    begin("atomic", {"count": %(count)s}, by=person)
moments = random.Random(20_260_630)
workers = [fork(work) for _ in range(2)]
for _ in range(%(kills)s):
    time.sleep(moments.uniform(0.15, 0.5))
    for worker in workers:
        kill(worker)
    workers = [fork(work) for _ in range(2)]
until = time.monotonic() + 30
while time.monotonic() < until and Job.objects.filter(state__in=["waiting", "running"]).exists():
    time.sleep(0.1)
for worker in workers:
    kill(worker)
tell([list(Job.objects.order_by("id").values_list("state", "attempts")),
      list(Notice.objects.values_list("text", flat=True))])
"""

ASKED = """
begin("chunks", {"count": 5_000}, by=person)
worker = fork(work)
while not Job.objects.get().place:
    time.sleep(0.05)
os.kill(worker, signal.SIGTERM)
status = os.waitpid(worker, 0)[1]
held = Job.objects.get()
tell([status, held.state, held.attempts, held.place["after"] > 0])
"""


def test_workers_killed_in_the_middle(tmp_path: Path) -> None:
    asked = {"chunks": CHUNKS, "atomic": ATOMIC, "count": COUNT, "kills": KILLS}
    jobs, notices = in_desk(tmp_path / "home", HANDLERS + KILLED % asked)
    assert {state for state, _ in jobs} == {"done"}, jobs
    assert max(attempts for _, attempts in jobs) > 1, "nobody was killed in the middle"
    effects = [t for t in notices if ":" in t]
    assert sorted(effects) == sorted(f"{n}:{k}" for n in range(1, CHUNKS + ATOMIC + 1) for k in range(COUNT))


def test_a_worker_that_is_asked_to_end_gives_its_job_back(tmp_path: Path) -> None:
    assert in_desk(tmp_path / "home", HANDLERS + ASKED) == [0, "waiting", 0, True]
