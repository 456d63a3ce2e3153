"""Long jobs: begun, run, resumed, cancelled, and shown to whom they belong."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django.utils.translation import gettext_lazy

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation import jobs, working
from quanke_desk.foundation.jobs import Interrupted, Running, begin, cancel, job
from quanke_desk.foundation.models import AuditEntry, Job, JobState, Notice, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May, Role
from quanke_desk.foundation.working import Worker, run, take

Handler = Any


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kinds a test declares are gone after it; rounds do nothing here."""
    monkeypatch.setattr(jobs, "KINDS", dict(jobs.KINDS))
    monkeypatch.setattr(working, "KINDS", jobs.KINDS)
    monkeypatch.setattr(working, "ROUNDS", {})
    monkeypatch.setattr(jobs, "SAVED_EACH", 0.0)
    yield


def declared(handler: Handler, *, atomic: bool = False) -> None:
    job("test", title=gettext_lazy("Audit"), may=May.AUDIT, atomic=atomic)(handler)


def again(number: int) -> None:
    """Waiting is over."""
    Job.objects.filter(pk=number).update(wake_at=None)


@pytest.fixture
def risk(desk: dict[str, Person]) -> Person:
    return desk[Role.RISK]


def test_a_job_is_begun_and_done(risk: Person) -> None:
    def handler(running: Running, count: int) -> dict[str, Any]:
        for at in range(count):
            running.step(gettext_lazy("Audit"), at, count)
            held = Job.objects.get(pk=running.number)
            assert (held.done, held.total, held.step) == (at, count, "Audit")
        return {"link": "/audit/", "counted": count}

    declared(handler)
    begun = begin("test", {"count": 3}, by=risk)
    assert Worker().once() == 1
    begun.refresh_from_db()
    assert begun.state == JobState.DONE and begun.result == {"link": "/audit/", "counted": 3}
    assert begun.attempts == 1 and begun.ended_at and begun.leased_until is None
    assert AuditEntry.objects.filter(action="jobs.begin", subject=f"job:{begun.pk}", person=risk).exists()
    assert Worker().once() == 0


def test_who_may_not_does_not_begin_one(desk: dict[str, Person]) -> None:
    declared(lambda running: {})
    with pytest.raises(NotAllowed):
        begin("test", by=desk[Role.LOBBY])
    assert not Job.objects.exists()


def test_begun_in_a_transaction_that_fails_it_never_was(risk: Person) -> None:
    declared(lambda running: {})
    with pytest.raises(RuntimeError), transaction.atomic():
        begin("test", by=risk)
        raise RuntimeError
    assert take() is None


def test_remaining_time_is_told(risk: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr(jobs, "_clock", lambda: next(clock))
    begun = begin_quietly(risk)
    running = Running(begun)
    for done, left in ((0, None), (10, 91), (20, 81)):
        running.step("x", done, 100)
        begun.refresh_from_db()
        assert begun.left_seconds == left


def begin_quietly(person: Person) -> Job:
    declared(lambda running: {})
    begin("test", by=person)
    taken = take()
    assert taken
    return taken


def test_progress_is_saved_at_most_twice_a_second(risk: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SAVED_EACH", 0.5)
    clock = [100.0]
    monkeypatch.setattr(jobs, "_clock", lambda: clock[0])
    begun = begin_quietly(risk)
    running = Running(begun)
    seen = []
    for at in range(10):
        clock[0] = 100 + at / 10
        running.step("x", at, 10)
        begun.refresh_from_db()
        seen.append(begun.done)
    assert seen == [0] * 5 + [5] * 5


def test_cancelled_while_it_waits_and_while_it_runs(risk: Person) -> None:
    reached = []

    def handler(running: Running) -> dict[str, Any]:
        running.step("one")
        cancel(running.number, by=risk)
        running.step("two")
        reached.append(True)
        return {}

    declared(handler)
    first = begin("test", by=risk)
    assert cancel(first.pk, by=risk).state == JobState.CANCELLED
    second = begin("test", by=risk)
    Worker().once()
    second.refresh_from_db()
    assert second.state == JobState.CANCELLED and not reached
    with pytest.raises(NotAllowed):
        cancel(second.pk, by=risk)


def test_a_failure_is_tried_again_later_each_time_and_then_given_up(risk: Person) -> None:
    tries = []

    def handler(running: Running) -> dict[str, Any]:
        tries.append(1)
        raise ValueError("13900001111 must not be told")

    declared(handler)
    begun = begin("test", by=risk)
    waits = []
    for _ in range(working.TRIES):
        before = timezone.now()
        Worker().once()
        begun.refresh_from_db()
        if begun.wake_at and begun.state == JobState.WAITING:
            waits.append((begun.wake_at - before).total_seconds())
            assert take() is None, "not before its time"
        again(begun.pk)
    assert [round(w, -1) for w in waits] == [10, 30, 90, 270] and len(tries) == 5
    assert begun.state == JobState.FAILED
    assert begun.error.startswith("ValueError at test_jobs.py:") and "139" not in begun.error


def test_a_rule_that_forbids_is_not_tried_again(risk: Person) -> None:
    def handler(running: Running) -> dict[str, Any]:
        raise NotAllowed("it has ended already")

    declared(handler)
    begun = begin("test", by=risk)
    Worker().once()
    begun.refresh_from_db()
    assert (begun.state, begun.attempts, begun.error) == (JobState.FAILED, 1, "it has ended already")


def test_what_the_library_says_is_kept(risk: Person) -> None:
    def handler(running: Running) -> dict[str, Any]:
        raise QuankeError("the home is being written")

    declared(handler)
    begun = begin("test", by=risk)
    Worker().once()
    begun.refresh_from_db()
    assert begun.state == JobState.WAITING and begun.error == "the home is being written"


def test_atomic_effects_and_done_are_one(risk: Person) -> None:
    """Another worker took the job meanwhile: what the first did is rolled back."""

    def handler(running: Running) -> dict[str, Any]:
        Notice.objects.create(person=risk, text="effect")
        return {}

    declared(handler, atomic=True)
    begun = begin("test", by=risk)
    first = take()
    Job.objects.filter(pk=begun.pk).update(worker="another")
    with pytest.raises(Interrupted):
        run(first)  # type: ignore[arg-type]
    assert not Notice.objects.filter(text="effect").exists()
    Job.objects.filter(pk=begun.pk).update(leased_until=timezone.now() - dt.timedelta(seconds=1))
    Worker().once()
    assert Notice.objects.filter(text="effect").count() == 1
    begun.refresh_from_db()
    assert begun.state == JobState.DONE and begun.attempts == 2


def test_chunks_go_on_where_they_were_kept(risk: Person) -> None:
    def handler(running: Running) -> dict[str, Any]:
        for at in range(running.place.get("after", 0), 5):
            if at == 3 and not running.place.get("died"):
                running.keep({**running.place, "died": True})
                raise OSError
            with transaction.atomic():
                Notice.objects.create(person=risk, text=f"chunk {at}")
                running.keep({**running.place, "after": at + 1})
        return {}

    declared(handler)
    begun = begin("test", by=risk)
    Worker().once()
    again(begun.pk)
    Worker().once()
    begun.refresh_from_db()
    assert begun.state == JobState.DONE
    assert sorted(Notice.objects.values_list("text", flat=True)) == [f"chunk {at}" for at in range(5)]


def test_a_lease_that_ran_out_lets_another_take_it_and_the_first_writes_nothing(risk: Person) -> None:
    first = begin_quietly(risk)
    assert take() is None
    Job.objects.filter(pk=first.pk).update(leased_until=timezone.now() - dt.timedelta(seconds=1))
    second = take()
    assert second and second.pk == first.pk and second.worker != first.worker
    running = Running(first)
    with pytest.raises(Interrupted):
        running.keep({"after": 1})
    with pytest.raises(Interrupted):
        running.step("x")
    with pytest.raises(Interrupted):
        run(first)
    second.refresh_from_db()
    assert second.state == JobState.RUNNING and second.place == {}
    assert run(second) == JobState.DONE


def test_a_job_whose_worker_dies_each_time_is_given_up(risk: Person) -> None:
    begun = begin_quietly(risk)
    for _ in range(working.TRIES):
        Job.objects.filter(pk=begun.pk).update(leased_until=timezone.now() - dt.timedelta(seconds=1))
        take()
    begun.refresh_from_db()
    assert begun.state == JobState.FAILED and begun.error == "given up: its worker died each time"


def test_a_worker_that_is_stopped_gives_the_job_back(risk: Person) -> None:
    stopping = threading.Event()

    def handler(running: Running) -> dict[str, Any]:
        running.step("one")
        stopping.set()
        running.step("two")
        return {}

    declared(handler)
    begin("test", by=risk)
    taken = take()
    assert taken and run(taken, stopping) == JobState.WAITING
    taken.refresh_from_db()
    assert (taken.state, taken.attempts) == (JobState.WAITING, 0)


def test_a_kind_nobody_knows_ends(risk: Person) -> None:
    Job.objects.create(kind="gone", by=risk)
    Worker().once()
    assert Job.objects.get(kind="gone").state == JobState.FAILED


def test_the_pages_of_ones_own(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    declared(lambda running: {"link": "/audit/"})
    other = begin("test", by=desk[Role.RISK])
    mine = begin("test", by=desk[Role.COMPLIANCE])
    client = entered[Role.COMPLIANCE]
    text = client.get("/jobs/").content.decode()
    assert f"/jobs/{mine.pk}/" in text and f"/jobs/{other.pk}/" not in text
    assert 'hx-trigger="every 2s"' in text and "等待" in text
    for path in (f"/jobs/{other.pk}/", f"/api/jobs/{other.pk}"):
        assert client.get(path).status_code == 404
    assert client.post(f"/jobs/{other.pk}/cancel/").status_code == 404
    Worker().once()
    text = client.get("/jobs/").content.decode()
    assert "every 2s" not in text and 'href="/audit/"' in text
    partial = client.get("/jobs/", headers={"HX-Request": "true"}).content.decode()
    assert partial.startswith('<div id="jobs"') and "<html" not in partial


def test_a_page_of_a_running_job(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    begun = begin_quietly(desk[Role.RISK])
    Job.objects.filter(pk=begun.pk).update(done=1_250, total=5_000, left_seconds=75, step="Audit")
    text = entered[Role.RISK].get(f"/jobs/{begun.pk}/").content.decode()
    assert '<progress max="5000" value="1250"' in text and "1,250 / 5,000" in text
    assert "预计剩余2分钟" in text and "审计" in text
    assert entered[Role.RISK].post(f"/jobs/{begun.pk}/cancel/").status_code == 302
    assert "取消中" in entered[Role.RISK].get(f"/jobs/{begun.pk}/").content.decode()


def test_a_link_out_of_the_desk_is_not_shown(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    for link in ("//elsewhere", "javascript:x", "https://elsewhere"):
        held = Job.objects.create(kind="x", by=desk[Role.RISK], state=JobState.DONE, result={"link": link})
        assert "elsewhere" not in entered[Role.RISK].get(f"/jobs/{held.pk}/").content.decode()


def test_the_interface(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    declared(lambda running: {})
    begun = begin("test", by=desk[Role.RISK])
    client = entered[Role.RISK]
    assert client.get("/api/jobs/").json()[0]["number"] == begun.pk
    assert client.get(f"/api/jobs/{begun.pk}").json()["state"] == "waiting"
    assert client.post(f"/api/jobs/{begun.pk}/cancel").json()["state"] == "cancelled"
    assert client.post(f"/api/jobs/{begun.pk}/cancel").status_code == 409
