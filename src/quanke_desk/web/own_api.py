"""Operations of the API about who asks: who one is and may what, one's notices."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from quanke_desk.foundation.interface import may
from quanke_desk.foundation.models import Notice, Person
from quanke_desk.foundation.notices import read, said
from quanke_desk.foundation.pages import person_of
from quanke_desk.foundation.roles import May
from quanke_desk.web.shell import unread_of

router = Router(tags=["own"])
MOST = 100


class Me(Schema):
    """Who asks. `may` is what the role allows, `unread` how many notices wait."""

    username: str
    name: str
    role: str
    role_title: str
    branch: str | None
    language: str
    may: list[str]
    unread: int


class NoticeOut(Schema):
    """One notice in the language of who asks; `link` is an address of the desk, or empty."""

    number: int
    text: str
    link: str
    at: dt.datetime
    read_at: dt.datetime | None


class ReadOut(Schema):
    """How many notices were marked as read."""

    read: int


@router.get("/me", response=Me, auth=may(May.OWN))
def me(request: HttpRequest) -> Me:
    """Who one is, and what one's role allows."""
    person: Person = person_of(request)
    return Me(
        username=person.username, name=person.name, role=person.role,
        role_title=str(person.get_role_display()),
        branch=person.branch.branch_id if person.branch else None,
        language=person.language, may=sorted(m for m in May if person.may(m)), unread=unread_of(person),
    )  # fmt: skip


@router.get("/notices", response=list[NoticeOut], auth=may(May.OWN))
def notices(
    request: HttpRequest, unread: bool = False, limit: Annotated[int, Field(ge=1, le=MOST)] = 50
) -> list[NoticeOut]:
    """One's notices, newest first."""
    found = Notice.objects.filter(person=person_of(request))
    if unread:
        found = found.filter(read_at=None)
    return [
        NoticeOut(number=n.pk, text=said(n), link=n.link, at=n.at, read_at=n.read_at) for n in found[:limit]
    ]


@router.post("/notices/{number}/read", response=ReadOut, auth=may(May.OWN))
def notice_read(request: HttpRequest, number: int) -> ReadOut:
    """Marks one of one's own notices as read; 404 for no such notice, 0 where it was read before."""
    person = person_of(request)
    if not 0 < number < 2**63 or not Notice.objects.filter(person=person, pk=number).exists():
        raise Http404
    return ReadOut(read=read(person, number))


@router.post("/notices/read", response=ReadOut, auth=may(May.OWN))
def notices_read(request: HttpRequest) -> ReadOut:
    """Marks all of one's notices as read."""
    return ReadOut(read=read(person_of(request)))
