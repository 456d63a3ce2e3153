"""Laying a change of who looks after whom: relations, the way home, and what follows a customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import duckdb
import numpy as np
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext_noop as _

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import TEAM_ROLES
from quanke.customers.register.asking import party_names
from quanke_desk.books.intervals import DESK, intervals
from quanke_desk.foundation import outbox
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import Branch, Person, Post, Relation
from quanke_desk.foundation.notices import on_post, tell
from quanke_desk.foundation.roles import Role

CHUNK = 2_000


class Moved(NamedTuple):
    """A customer who goes from one post to another (null: nobody) from a day on."""

    customer: int
    from_post: str | None
    to_post: str | None
    since: dt.date


on_transfer: list[Callable[[Sequence[Moved], Person | None], None]] = []
"""What other rooms do when customers move (open tasks, consents to be told): called with the moves and by
whom, in the transaction that lays them."""


def lay(
    moves: Sequence[Moved],
    *,
    reason: str,
    by: Person | None,
    proposal: str = "",
    delivered_on: dt.date | None = None,
) -> list[Relation]:
    """Lays moves as relations, in the transaction around it: what was open ends on the day. With
    `delivered_on` the bank's table has them already. Answers the new relations in order."""
    posts = {p.post_id: p for p in Post.objects.filter(post_id__in={m.to_post for m in moves if m.to_post})}
    laid: list[Relation] = []
    for start in range(0, len(moves), CHUNK):
        some = moves[start : start + CHUNK]
        for day in {m.since for m in some}:
            numbers = [m.customer for m in some if m.since == day]
            for at in range(0, len(numbers), 500):
                Relation.objects.filter(
                    Q(until=None) | Q(until__gt=day), customer__in=numbers[at : at + 500], duty="primary"
                ).update(until=Greatest(F("since"), day))
        laid += Relation.objects.bulk_create(
            Relation(
                customer=m.customer,
                post=posts[m.to_post] if m.to_post else None,
                since=m.since,
                reason=reason,
                proposal=proposal,
                by=by,
                delivered_on=delivered_on,
            )
            for m in some
        )
        for follow in on_transfer:
            follow(some, by)
    return laid


def send(moves: Sequence[Moved], laid: Sequence[Relation]) -> None:
    """Puts the intervals that begin on their way into the bank's table, in the transaction that laid them."""
    for move, relation in zip(moves, laid, strict=True):
        if relation.post is None:
            continue
        care = "team" if relation.post.role in TEAM_ROLES else "post"
        row = {
            "post_id": relation.post.post_id, "duty": "primary", "from_date": move.since.isoformat(),
            "care": care, "reason": relation.reason,
        }  # fmt: skip
        outbox.put("ownership", f"{DESK}{relation.pk}", row, customer=move.customer)


def close_before(moves: Sequence[Moved], day: dt.date) -> None:
    """Puts the ends of the intervals customers have until a day on their way. To be called before new ones
    are laid."""
    mark = _next()
    held = base()
    told = intervals(held)
    ending = []
    number = (day - dt.date(1970, 1, 1)).days
    for move in moves:
        ending += [told.name[at].as_py() for at in told.of(move.customer) if told.end[at] > number]
    for name, row, customer in _rows_of(held, ending):
        until = max(day.isoformat(), str(row["from_date"]))
        outbox.put("ownership", f"{name}:{mark}", {**row, "to_date": until}, customer=customer)


def _rows_of(held: Base, names: list[str]) -> Iterable[tuple[str, dict[str, Any], int | None]]:
    """Rows of the table `ownership`, which name their record, and of the desk's relations the table does not
    have yet, which name their customer."""
    home = held.bank.home
    if not names:
        return
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW owned AS {facts_sql(home, 'ownership')}")
        rows = connection.sql(
            "SELECT * EXCLUDE (customer, unit) FROM owned WHERE list_contains($names, ownership_id)",
            params={"names": names},
        ).to_arrow_table().to_pylist()  # fmt: skip
    parties = party_names(home, np.array([r["party"] for r in rows], np.int32)) if rows else {}
    there = set()
    for row in rows:
        name, (source, party) = row.pop("ownership_id"), parties[row.pop("party")]
        there.add(name)
        told = {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in row.items() if v is not None}
        yield name, {"source": source, "party_id": party, **told}, None
    for name in set(names) - there:
        relation = Relation.objects.select_related("post").get(pk=int(name.removeprefix(DESK)))
        if relation.post is not None:
            care = "team" if relation.post.role in TEAM_ROLES else "post"
            row = {
                "post_id": relation.post.post_id, "duty": "primary", "care": care,
                "from_date": relation.since.isoformat(), "reason": relation.reason,
            }  # fmt: skip
            yield name, row, relation.customer


def heads_of(posts: Iterable[Post | None]) -> list[Person]:
    """Heads of the branches posts stand in, and of those above."""
    return heads_above(p.branch for p in posts if p is not None)


def heads_above(branches: Iterable[Branch]) -> list[Person]:
    """Heads of branches, and of those above."""
    around = Q(pk=None)
    for branch in set(branches):
        around |= Q(branch__left__lte=branch.left, branch__right__gte=branch.right)
    return list(
        Person.objects.filter(around, is_active=True, role__in=(Role.TEAM_HEAD, Role.BRANCH_HEAD)).distinct()
    )


def tell_of(moves: Sequence[Moved], link: str) -> None:
    """Tells both managers and the heads of moves, one line for each pair of posts."""
    posts = {p.post_id: p for p in Post.objects.select_related("branch").all()} if moves else {}
    pairs: dict[tuple[str | None, str | None, dt.date], int] = {}
    for m in moves:
        key = (m.from_post, m.to_post, m.since)
        pairs[key] = pairs.get(key, 0) + 1
    gone: dict[tuple[str, dt.date], int] = {}
    come: dict[tuple[str, dt.date], int] = {}
    for (old, new, day), count in pairs.items():
        if old:
            gone[old, day] = gone.get((old, day), 0) + count
        if new:
            come[new, day] = come.get((new, day), 0) + count
    left = _("%(count)s customers leave book %(post)s from %(day)s")
    comes = _("%(count)s customers come to book %(post)s from %(day)s")
    for text, counted in ((left, gone), (comes, come)):
        for (name, day), count in counted.items():
            tell(on_post(name), text, link, count=count, post=name, day=day.isoformat())
    heads = heads_of([posts.get(n) for pair in pairs for n in pair[:2] if n])
    whole = _("%(count)s customers have another manager from %(day)s")
    for day in {m.since for m in moves}:
        tell(heads, whole, link, count=sum(m.since == day for m in moves), day=day.isoformat())


@transaction.atomic
def moved_by_hand(moves: Sequence[Moved], *, reason: str, by: Person | None, link: str) -> list[Relation]:
    """Lays moves of single customers, sends them home and tells who has to know."""
    for day in {m.since for m in moves}:
        close_before([m for m in moves if m.since == day], day)
    laid = lay(moves, reason=reason, by=by)
    send(moves, laid)
    tell_of(moves, link)
    return laid


def _next() -> int:
    """A number no relation has yet: tells this state of an interval from others of it."""
    return (Relation.objects.order_by("-id").values_list("id", flat=True).first() or 0) + 1
