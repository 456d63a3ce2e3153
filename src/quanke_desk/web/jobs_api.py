"""Operations of the API about long jobs: how far they are, and cancelling them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from ninja.errors import HttpError

from quanke_desk.foundation.interface import may
from quanke_desk.foundation.jobs import cancel, jobs_of, title_of
from quanke_desk.foundation.models import Job
from quanke_desk.foundation.pages import person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

router = Router(tags=["jobs"])
MOST = 100


class JobOut(Schema):
    """One long job. `left_seconds` is how long it will take yet, null where nobody can tell."""

    number: int
    kind: str
    title: str
    state: str
    done: int
    total: int | None
    left_seconds: int | None
    at: dt.datetime
    ended_at: dt.datetime | None
    result: dict[str, Any]
    error: str


@router.get("/", response=list[JobOut], auth=may(May.JOBS))
def job_list(request: HttpRequest) -> list[JobOut]:
    """One's own jobs, newest first, at most 100."""
    return [_out(held) for held in jobs_of(person_of(request))[:MOST]]


@router.get("/{number}", response=JobOut, auth=may(May.JOBS))
def job_read(request: HttpRequest, number: int) -> JobOut:
    """One of one's own jobs."""
    held = jobs_of(person_of(request)).filter(pk=number).first()
    if held is None:
        raise Http404
    return _out(held)


@router.post("/{number}/cancel", response=JobOut, auth=may(May.JOBS))
def job_cancel(request: HttpRequest, number: int) -> JobOut:
    """Cancels a job of one's own; 409 where it has ended."""
    try:
        return _out(cancel(number, by=person_of(request)))
    except Job.DoesNotExist:
        raise Http404 from None
    except NotAllowed as rule:
        raise HttpError(409, str(rule)) from None


def _out(held: Job) -> JobOut:
    return JobOut(
        number=held.pk, kind=held.kind, title=title_of(held), state=held.state, done=held.done,
        total=held.total, left_seconds=held.left_seconds, at=held.at, ended_at=held.ended_at,
        result=held.result, error=held.error,
    )  # fmt: skip
