"""Long jobs: declared by a room, begun by a person, carried out by a worker, resumed after a kill.

@job("books.export", title=gettext_lazy("Export of a book"), may=May.EXPORT)
def export(running: Running, post: str) -> dict[str, Any]:
    for at, part in enumerate(parts):
        running.step(gettext_lazy("Writing rows"), at, len(parts))
        ...
    return {"link": reverse("export", args=[number])}

begin("books.export", {"post": "P1"}, by=person)

Handlers stand in a room's `jobs.py`, which every process imports. A worker that dies leaves its job to
another, so a handler may be run again. Three ways to be right all the same:

* `atomic=True`: its changes of the database and "done" are one transaction. For seconds, not minutes: SQLite
  has one writer, and everybody else waits.
* chunks: `with transaction.atomic(): ...; running.keep({"after": last})` – the chunk and where it ended are
  one transaction; `running.place` has it when the job is run again.
* otherwise at least once: the handler's docstring says why running it twice is the same as once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.functional import Promise

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Job, JobState, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

SAVED_EACH = 0.5
"""Seconds between two savings of how far a job is."""
_clock = time.monotonic


class Cancelled(Exception):
    """The person cancelled the job. A handler lets it through; what it committed before stays."""


class Interrupted(Exception):
    """The worker is being stopped, or lost its lease: another goes on. A handler lets it through."""


class Running:
    """A job as its handler sees it: `place` is what an earlier attempt kept, `by` who began it."""

    def __init__(self, job: Job, *, atomic: bool = False, stopping: threading.Event | None = None) -> None:
        self.number = job.pk
        self.by = job.by
        self.place: dict[str, Any] = dict(job.place)
        self.atomic = atomic
        self.untold: dict[str, Any] = {}
        self.lost = False
        self._worker = job.worker
        self._stopping = stopping or threading.Event()
        self._saved = 0.0
        self._first: tuple[float, int] | None = None

    def step(self, text: Promise | str, done: int = 0, total: int | None = None) -> None:
        """Says how far the job is: call it often, and outside the handler's own transactions. `text` is
        marked lazily and shown in the language of who looks. Raises Cancelled, Interrupted."""
        now = _clock()
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        with translation.override(None):
            marked = str(text)
        self.untold = {
            "step": marked[:120], "done": done, "total": total, "left_seconds": self._left(now, done, total)
        }  # fmt: skip
        if self._stopping.is_set() or self.lost:
            raise Interrupted
        if now - self._saved >= SAVED_EACH:
            self._saved = now
            if (
                not self.atomic
            ):  # else its row would be locked until the end: the worker's other thread saves it
                self.save_step()
            cancel = self._ours().values_list("cancel", flat=True).first()
            if cancel is None:
                raise Interrupted
            if cancel:
                raise Cancelled

    def keep(self, place: dict[str, Any]) -> None:
        """Keeps where the job is, inside the transaction of what was done up to there. Raises Interrupted
        where another worker has the job by now: the transaction is rolled back and nothing was done twice."""
        if not self._ours().update(place=place):
            raise Interrupted
        self.place = dict(place)

    def save_step(self) -> None:
        """Saves what `step` said last, if it is not saved."""
        told, self.untold = self.untold, {}
        if told:
            self._ours().update(**told)

    def _left(self, now: float, done: int, total: int | None) -> int | None:
        if self._first is None or total is None or done <= self._first[1]:
            return None
        pace = (now - self._first[0]) / (done - self._first[1])
        return min(int(pace * max(0, total - done)) + 1, 2_000_000_000)

    def _ours(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self.number, worker=self._worker, state=JobState.RUNNING)


Handler = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class JobKind:
    """A kind of long job: what it is called, who may begin it, what carries it out."""

    name: str
    title: Promise | str
    may: May
    handler: Handler
    atomic: bool = False


KINDS: dict[str, JobKind] = {}


def job(kind: str, *, title: Promise | str, may: May, atomic: bool = False) -> Callable[[Handler], Handler]:
    """Declares the handler of a kind of job, `(running, **arguments) -> result`. The result is JSON values;
    its `link`, an address of the desk, is the way to what came of it; so is `told`, a marked text."""

    def declare(handler: Handler) -> Handler:
        KINDS[kind] = JobKind(kind, title, may, handler, atomic)
        return handler

    return declare


def begin(kind: str, arguments: dict[str, Any] | None = None, *, by: Person | None) -> Job:
    """Puts a job to work, in the transaction around it; by nobody: by the desk itself. `arguments` are JSON
    values and no customer's values (numbers of customers are fine). Raises NotAllowed."""
    declared = KINDS[kind]
    if by is not None and not by.may(declared.may):
        raise NotAllowed("your role may not begin this")
    with transaction.atomic():
        begun = Job.objects.create(kind=kind, arguments=arguments or {}, by=by)
        audit.record(by, "jobs.begin", f"job:{begun.pk}", detail={"kind": kind})
        return begun


def jobs_of(person: Person) -> QuerySet[Job]:
    """Jobs a person may see, newest first: his own; who keeps the settings sees the desk's own, too."""
    seen = Q(by=person)
    if person.may(May.SETTINGS):
        seen |= Q(by=None)
    return Job.objects.filter(seen).select_related("by").order_by("-id")


def cancel(number: int, *, by: Person) -> Job:
    """Cancels a job one sees: at once where it waits, else at its next step. Raises NotAllowed where it has
    ended, Job.DoesNotExist for a job of somebody else."""
    with transaction.atomic():
        held = jobs_of(by).select_related(None).select_for_update().get(pk=number)
        if held.state not in (JobState.WAITING, JobState.RUNNING):
            raise NotAllowed("it has ended already")
        held.cancel = True
        if held.state == JobState.WAITING:
            held.state, held.ended_at = JobState.CANCELLED, timezone.now()
        held.save(update_fields=["cancel", "state", "ended_at"])
        audit.record(by, "jobs.cancel", f"job:{held.pk}", detail={"kind": held.kind})
        return held


def title_of(held: Job) -> str:
    """What a job is called, in the language of who looks."""
    declared = KINDS.get(held.kind)
    return str(declared.title) if declared else held.kind
