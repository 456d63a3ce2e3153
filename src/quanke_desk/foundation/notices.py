"""Telling people: a line on their desk, with the page it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from quanke_desk.foundation.local_form import as_said
from quanke_desk.foundation.models import Notice, Person, Post, Seat


def tell(people: Iterable[Person], text: str, link: str = "", **values: Any) -> int:
    """Tells people; `text` is a marked text with %(name)s for each of `values`. Answers how many. Raises
    ValueError for a text that is longer than its column, which SQLite would not say."""
    if len(text) > (most := Notice._meta.get_field("text").max_length or 0):
        raise ValueError(f"a notice has at most {most} characters")
    rows = [Notice(person=person, text=text, values=values, link=link) for person in people]
    return len(Notice.objects.bulk_create(rows))


def on_post(post: Post | str | None) -> list[Person]:
    """Who sits or stands in on a post today."""
    if post is None:
        return []
    name = post if isinstance(post, str) else post.post_id
    held = Seat.objects.filter(Seat.on(timezone.localdate()), Q(post__post_id=name), person__is_active=True)
    return [seat.person for seat in held.select_related("person")]


def said(notice: Notice) -> str:
    """A notice in the language of who reads; the marked text as it is where a value is missing."""
    try:
        return str(_(notice.text) % {name: as_said(given) for name, given in notice.values.items()})
    except (KeyError, ValueError, TypeError):
        return _(notice.text)


def read(person: Person, number: int | None = None) -> int:
    """Marks a person's own notice (null: all of them) as read. Answers how many were not."""
    unread = Notice.objects.filter(person=person, read_at=None)
    return (unread if number is None else unread.filter(pk=number)).update(read_at=timezone.now())
