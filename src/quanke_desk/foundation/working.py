"""The worker: takes jobs one after the other under a lease, and makes its rounds beside them.

A lease is a row's `worker` (one name an attempt) and `leased_until`, kept alive by a thread while the handler
runs. Who was killed stops doing so, and the job is taken by another; whatever the first still writes then
finds that the job is not his and is rolled back.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_noop as _

from quanke.kernel.errors import QuankeError
from quanke_desk.foundation import notices
from quanke_desk.foundation.asked_once import asking_once
from quanke_desk.foundation.jobs import KINDS, Cancelled, Interrupted, JobKind, Running
from quanke_desk.foundation.models import Job, JobState
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed

LEASE = float(os.environ.get("QUANKE_DESK_LEASE", "60"))
"""Seconds after which a job is taken from a worker that gives no sign; a test makes it shorter."""
TRIES = 5
FIRST_WAIT = float(os.environ.get("QUANKE_DESK_BACK_OFF", "10"))
"""Seconds before the second try; each later one waits three times as long."""
SPANS_HOLD = 5.0
"""Seconds for which a worker takes it that rounds come as often as it last read: an idle one asks the
database little."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """Something every worker does each so many minutes (a parameter). Several may do it at once. What must
    not wait for the others goes `apart`, in a thread of its own."""

    name: str
    minutes: str
    do: Callable[[], object]
    apart: bool = False


ROUNDS: dict[str, Round] = {}


def each(
    minutes: str, name: str, apart: bool = False
) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Declares a round: `minutes` names the parameter that says how often."""

    def declare(do: Callable[[], object]) -> Callable[[], object]:
        ROUNDS[name] = Round(name, minutes, do, apart)
        return do

    return declare


def _due() -> QuerySet[Job]:
    now = timezone.now()
    waiting = Q(state=JobState.WAITING) & (Q(wake_at=None) | Q(wake_at__lte=now))
    return Job.objects.filter(waiting | Q(state=JobState.RUNNING, leased_until__lt=now)).order_by("id")


def take() -> Job | None:
    """Takes the next job that is due, null where there is none. What was cancelled while its worker was dead,
    or was tried too often, ends here."""
    if not _due().exists():  # on SQLite a transaction is a writer: an idle worker must not be one each second
        return None
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        for held in _due().select_for_update(skip_locked=skip)[:20]:
            if held.cancel:
                _end(held, JobState.CANCELLED)
            elif held.attempts >= TRIES:
                _end(held, JobState.FAILED, _("given up: its worker died each time"))
            else:
                held.state, held.attempts = JobState.RUNNING, held.attempts + 1
                held.worker = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(6)}"
                held.leased_until = timezone.now() + dt.timedelta(seconds=LEASE)
                held.started_at = held.started_at or timezone.now()
                held.save()
                return held
    return None


def run(held: Job, stopping: threading.Event | None = None) -> JobState:
    """Runs a job that was taken, to its end or to where another has to go on; its handler is run in the
    language of who began it."""
    kind = KINDS.get(held.kind)
    if kind is None:
        return _close(held, JobState.FAILED, error=_("nobody knows this kind of job any more"))
    if held.by is not None and not held.by.may(kind.may):  # he left, or has another role by now
        return _close(held, JobState.FAILED, error="your role may not begin this")
    running = Running(held, atomic=kind.atomic, stopping=stopping)
    ended = threading.Event()
    sign = threading.Thread(target=_give_signs, args=(held, running, ended), daemon=True)
    sign.start()
    try:
        with translation.override(held.by.language if held.by else settings.LANGUAGE_CODE):
            return _run(held, kind, running)
    finally:
        ended.set()
        sign.join(5)


def _run(held: Job, kind: JobKind, running: Running) -> JobState:
    try:
        if kind.atomic:
            with transaction.atomic():
                result = kind.handler(running, **held.arguments)
                return _close(held, JobState.DONE, result=result)
        result = kind.handler(running, **held.arguments)
        running.save_step()
        return _close(held, JobState.DONE, result=result)
    except Cancelled:
        return _close(held, JobState.CANCELLED)
    except Interrupted:
        if not _ours(held).update(
            state=JobState.WAITING, attempts=held.attempts - 1, leased_until=None, worker=""
        ):
            raise
        return JobState.WAITING
    except NotAllowed as rule:
        return _close(held, JobState.FAILED, error=str(rule))
    except Exception as error:
        return _try_again(held, error)


def _try_again(held: Job, error: Exception) -> JobState:
    """Later, or never again. What is kept and logged of an error is where it arose, no value."""
    told = _told(error)
    _log.error("job %s (%s), try %s: %s", held.pk, held.kind, held.attempts, told)
    if held.attempts >= TRIES:
        return _close(held, JobState.FAILED, error=told)
    wait = dt.timedelta(seconds=FIRST_WAIT * 3 ** (held.attempts - 1))
    _ours(held).update(
        state=JobState.WAITING, error=told, wake_at=timezone.now() + wait, leased_until=None, worker=""
    )
    return JobState.WAITING


def _told(error: Exception) -> str:
    if isinstance(error, QuankeError):
        return error.message[:300]
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = f" at {os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}" if at else ""
    return f"{type(error).__name__}{place}"


def _close(
    held: Job, state: JobState, *, result: dict[str, object] | None = None, error: str = ""
) -> JobState:
    """Ends a job; raises Interrupted where it is not ours any more (and what is around it is rolled back)."""
    ours = _ours(held)
    ended = timezone.now()
    if not ours.update(
        state=state,
        result=result or {},
        error=error[:300],
        ended_at=ended,
        leased_until=None,
        left_seconds=None,
    ):
        raise Interrupted
    if held.by and held.started_at and ended - held.started_at > dt.timedelta(seconds=5):
        text = (
            _("Job %(number)s is done.") if state == JobState.DONE else _("Job %(number)s did not end well.")
        )
        notices.tell([held.by], text, reverse("job", args=[held.pk]), number=held.pk)
    return state


def _end(held: Job, state: JobState, error: str = "") -> None:
    held.state, held.error, held.ended_at, held.leased_until = (
        state,
        error or held.error,
        timezone.now(),
        None,
    )
    held.save(update_fields=["state", "error", "ended_at", "leased_until"])


def _ours(held: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=held.pk, worker=held.worker, state=JobState.RUNNING)


def _give_signs(held: Job, running: Running, ended: threading.Event) -> None:
    """Keeps the lease alive, and saves the steps of an atomic handler, whose transaction nobody sees into."""
    told = time.monotonic()
    telling = running.atomic and connection.vendor == "postgresql"
    try:
        while not ended.wait(min(1.0, LEASE / 3)):
            try:
                if telling:
                    running.save_step()
                if time.monotonic() - told >= LEASE / 3:
                    until = timezone.now() + dt.timedelta(seconds=LEASE)
                    running.lost = not _ours(held).update(leased_until=until)
                    told = time.monotonic()
            except DatabaseError:  # SQLite: somebody writes for long (perhaps this very job); nobody else can
                continue
    finally:
        connection.close()


class Worker:
    """Works until it is stopped, or `once`: until nothing is due, and one round of each."""

    def __init__(self, *, pause: float = 1.0, parent: int = 0) -> None:
        self.stopping = threading.Event()
        self.pause = pause
        self.parent = parent

    def stop(self, *_: object) -> None:
        """Ends after the next step of the job at hand; fit for a signal."""
        self.stopping.set()

    def once(self) -> int:
        """Carries out what is due and every round; how many jobs."""
        done = 0
        while not self.stopping.is_set() and (held := take()) is not None:
            self._run(held)
            done += 1
        for each_round in ROUNDS.values():
            _go_round(each_round)
        return done

    def forever(self) -> None:
        """Works until it is stopped, or the process that began it is gone."""
        common = [r for r in ROUNDS.values() if not r.apart]
        threads = [
            threading.Thread(target=self._rounds, args=(rounds,), daemon=True)
            for rounds in (common, *([r] for r in ROUNDS.values() if r.apart))
        ]
        for thread in threads:
            thread.start()
        while not self._stopped():
            try:
                close_old_connections()
                held = take()
                if held is not None:
                    self._run(held)
                    continue
            except DatabaseError as error:
                _log.error("worker: %s", type(error).__name__)
                connection.close()
            self.stopping.wait(self.pause)
        for thread in threads:
            thread.join(20)  # a delivery that is cut off is taken up again, but why cut it off

    def _run(self, held: Job) -> None:
        try:
            run(held, self.stopping)
        except Interrupted:
            _log.warning("job %s was taken over by another worker", held.pk)

    def _stopped(self) -> bool:
        if self.parent and os.getppid() != self.parent:
            self.stopping.set()
        return self.stopping.is_set()

    def _rounds(self, rounds: list[Round]) -> None:
        pause = self.pause / 4 if rounds[0].apart else self.pause
        last: dict[str, float] = {}
        spans: dict[str, int] = {}
        read = -1e9
        try:
            while not self._stopped():
                try:
                    close_old_connections()
                    if time.monotonic() - read >= SPANS_HOLD:
                        spans, read = _spans(rounds), time.monotonic()
                except DatabaseError:  # as often as before; at first, not yet
                    pass
                for each_round in rounds:
                    name = each_round.name
                    if name in spans and time.monotonic() - last.get(name, -1e9) >= spans[name]:
                        last[name] = time.monotonic()
                        _go_round(each_round)
                self.stopping.wait(pause)
        finally:
            connection.close()


def _spans(rounds: list[Round]) -> dict[str, int]:
    """Seconds between two of each round, by name: one question to the database."""
    with asking_once():
        return {each_round.name: value(each_round.minutes) * 60 for each_round in rounds}


def _go_round(each_round: Round) -> None:
    try:
        each_round.do()
    except Exception as error:
        _log.error("round %s: %s", each_round.name, _told(error))
