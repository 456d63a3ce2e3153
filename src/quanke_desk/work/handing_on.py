"""What a person had to do himself goes on the day he leaves to who does it now, with a note whose it was.

A book that is left has its stand-in; what was given to a person by name belongs to no book and would stay
with somebody who does not come any more (domain.md BK-5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_noop as _noop

from quanke.kernel.errors import NightError
from quanke_desk.books.laying import heads_above, heads_of
from quanke_desk.foundation import audit, notices
from quanke_desk.foundation.models import Person, Post
from quanke_desk.foundation.scope import posts_now
from quanke_desk.foundation.working import each
from quanke_desk.work.models import FollowUp, FollowUpKind

YOURS = _noop("%(count)s things %(name)s had to do are yours now: he has left")
NOBODYS = _noop("%(count)s things %(name)s had to do went to a post nobody sits on: he has left")
WENT = _noop("%(count)s things %(name)s had to do went on, of them %(team)s to the remote team: he has left")
MORNING, CALLED, TEAM_PAGE = "/work/", "/work/callbacks/", "/work/team/"
_TEAMS = (FollowUpKind.CALL_BACK, FollowUpKind.JOURNEY)
"""What a person of the remote team took from all: it goes back to the team, whoever takes it next."""


def on_left(
    sender: Any, *, person: Person, posts: Sequence[tuple[Post, bool]], by: Person | None, **_more: Any
) -> None:
    """Somebody leaves: what he had to do himself goes on, in the transaction in which he leaves. `posts`:
    those he held or stood in on, as (post, stands_in)."""
    own = [post for post, stands_in in posts if not stands_in] or [post for post, _stands_in in posts]
    hand_on(person, own[0] if own else None, by=by)


@transaction.atomic
def hand_on(person: Person, own: Post | None = None, *, by: Person | None = None) -> int:
    """Gives what a person who left had to do to the post that looks after the customer now, else to the post
    he sat on (`own`), else to the remote team; tells who has it now, and the heads. Answers how many."""
    # who records a contact this moment holds its follow-up and waits for the audit, which is held here: what
    # is held is left out, and `catch_up` has it if it stays open
    skip = connection.features.has_select_for_update_skip_locked
    found = FollowUp.objects.filter(person=person, done_at=None)
    tasks = list(found.select_for_update(skip_locked=skip, of=("self",) if skip else ()).order_by("id"))
    if not tasks:
        return 0
    owners, known = _owners(tasks), {post.post_id: post for post in Post.objects.select_related("branch")}
    went: Counter[int | None] = Counter()
    for task in tasks:
        to = None if task.kind in _TEAMS else known.get(owners.get(task.customer) or "", own)
        task.post, task.person, task.of_left = to, None, person
        went[to.pk if to else None] += 1
    FollowUp.objects.bulk_update(tasks, ["post", "person", "of_left"], batch_size=500)
    by_number = {post.pk: post for post in known.values()}
    _tell(person, {by_number[number]: n for number, n in went.items() if number is not None}, went[None])
    detail = {
        "count": len(tasks), "team": went[None],
        "posts": {by_number[number].post_id: n for number, n in sorted(went.items(), key=str) if number},
    }  # fmt: skip
    audit.record(by, "work.handed_on", f"person:{person.pk}", detail=detail)
    return len(tasks)


@each("work.escalation_minutes", "things to do of people who left")
def catch_up() -> None:
    """Hands on what is still with somebody who left: it was held while he did, or given to him since."""
    left = FollowUp.objects.filter(done_at=None, person__is_active=False).values("person")
    for person in Person.objects.filter(pk__in=left):
        hand_on(person)


def _owners(tasks: Sequence[FollowUp]) -> dict[int, str | None]:
    try:
        return posts_now(sorted({task.customer for task in tasks}))
    except NightError:
        return {}


def _tell(person: Person, posts: dict[Post, int], team: int) -> None:
    for post, count in posts.items():
        here = notices.on_post(post)
        if here:
            notices.tell(here, YOURS, MORNING, count=count, name=person.name)
        else:
            notices.tell(heads_of([post]), NOBODYS, TEAM_PAGE, count=count, name=person.name)
    if person.branch is not None:
        total = sum(posts.values()) + team
        notices.tell(heads_above([person.branch]), WENT, TEAM_PAGE, count=total, team=team, name=person.name)
