"""Branches, staff, posts and who sits on them, brought from the bank's tables in the home.

Repeatable: what is there is brought level, nothing is deleted (people leave, branches close), and what the
desk itself records (roles given by hand, stand-ins given or ended) stays.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from django.db import transaction
from django.utils import timezone

from quanke.bank.home import Home
from quanke.kernel.errors import HomeError
from quanke_desk.foundation.analytic import home_path
from quanke_desk.foundation.models import Branch, Person, Post, Seat
from quanke_desk.foundation.people import gone
from quanke_desk.foundation.roles import Role

_TABLES = ("branches", "posts", "staff", "tenures")
_seen: dict[str, frozenset[tuple[str, int]]] = {}


def bring_bank() -> dict[str, int]:
    """Brings the tables; answers how many rows of each are there. Raises HomeError for what is no home."""
    home = Home.open(home_path())
    with transaction.atomic():
        _branches(_rows(home, "branches"))
        _posts(_rows(home, "posts"))
        leavers = _people(_rows(home, "staff"), _rows(home, "posts"))
        _seats(_rows(home, "tenures"))
        for person, on in leavers:
            gone(person, on, by=None, reason="")  # the bank's table says so
    return {m.__name__.lower(): m.objects.count() for m in (Branch, Post, Person, Seat)}


def bring_new() -> bool:
    """Brings the tables if their files are others than the last time this process looked; whether it did."""
    home = Home.open(home_path())
    now = frozenset(
        (str(file), file.stat().st_mtime_ns) for table in _TABLES for file in map(Path, home.facts(table))
    )
    if not now or now == _seen.get(str(home.path)):
        return False
    bring_bank()
    _seen[str(home.path)] = now
    return True


def _rows(home: Home, table: str) -> list[dict[str, Any]]:
    files = [str(f) for f in home.facts(table)]
    if not files:
        return []
    return pq.read_table(files).to_pylist()  # type: ignore[no-any-return]


def _branches(rows: list[dict[str, Any]]) -> None:
    under: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    known = {r["branch_id"] for r in rows}
    for row in sorted(rows, key=lambda r: r["branch_id"]):
        under[row["parent_id"] if row["parent_id"] in known else None].append(row)
    place, made = 0, {}

    def walk(row: dict[str, Any], parent: Branch | None) -> None:
        nonlocal place
        place += 1
        left = place
        branch, _ = Branch.objects.update_or_create(
            branch_id=row["branch_id"],
            defaults={
                "name": row["name"], "kind": row["kind"], "parent": parent, "left": left, "right": left,
                "closed_on": row["closed_on"],
            },
        )  # fmt: skip
        for child in under[row["branch_id"]]:
            walk(child, branch)
        place += 1
        Branch.objects.filter(pk=branch.pk).update(right=place)
        made[row["branch_id"]] = branch

    for top in under[None]:
        walk(top, None)
    if lost := sorted(known - set(made)):
        raise HomeError(f"branches: {', '.join(lost[:5])} stand under each other (parent_id)")


def _posts(rows: list[dict[str, Any]]) -> None:
    branches = {b.branch_id: b.pk for b in Branch.objects.all()}
    Post.objects.bulk_create(
        [
            Post(
                post_id=r["post_id"],
                branch_id=branches[r["branch_id"]],
                role=r["role"],
                capacity=r["capacity"],
            )
            for r in rows
        ],
        update_conflicts=True,
        unique_fields=["post_id"],
        update_fields=["branch", "role", "capacity"],
    )


def _people(staff: list[dict[str, Any]], posts: list[dict[str, Any]]) -> list[tuple[Person, dt.date]]:
    """Answers who has left since the last time, and when: what he had ends once all tables are brought."""
    roles = {p["staff_id"]: p["role"] for p in posts if p["staff_id"]}
    branches = {b.branch_id: b.pk for b in Branch.objects.all()}
    there = {p.staff_id: p for p in Person.objects.exclude(staff_id=None)}
    new, leavers = [], []
    for row in staff:
        has_left = row["left_on"] is not None and row["left_on"] <= timezone.localdate()
        person = there.get(row["staff_id"])
        if person is None:
            person = Person(
                username=row["staff_id"],
                staff_id=row["staff_id"],
                role=roles.get(row["staff_id"], Role.STAFF),
            )
            person.set_unusable_password()
            new.append(person)
        before = (person.name, person.branch_id, person.is_active, person.left_on)
        person.name, person.branch_id = row["name"], branches.get(row["branch_id"])
        person.left_on = row["left_on"] or person.left_on
        if person.pk and person.is_active and has_left:
            leavers.append((person, row["left_on"]))
        person.is_active = person.is_active and not has_left
        if person.pk and (person.name, person.branch_id, person.is_active, person.left_on) != before:
            person.save(update_fields=["name", "branch", "is_active", "left_on"])
    Person.objects.bulk_create(new)
    return leavers


def _seats(rows: list[dict[str, Any]]) -> None:
    people = {p.staff_id: p.pk for p in Person.objects.exclude(staff_id=None)}
    left = set(Person.objects.filter(is_active=False).values_list("pk", flat=True))  # ended at the desk
    posts = {p.post_id: p.pk for p in Post.objects.all()}
    held = {(s.person_id, s.post_id, s.since, s.stands_in): s for s in Seat.objects.all()}
    told = {
        (people[row["staff_id"]], posts[row["post_id"]], row["from_date"], row["kind"] == "stand_in"): row
        for row in sorted(rows, key=lambda row: row["to_date"] is not None)  # of two rows the one that ends
        if row["kind"] != "leave"
    }
    new = []
    for key, row in told.items():
        seat = held.get(key)
        if seat is None:
            person, post, since, stands_in = key
            made = Seat(
                person_id=person, post_id=post, since=since, stands_in=stands_in,
                until=row["to_date"], reason=row["reason"] or "",
            )  # fmt: skip
            new.append(made)
        elif key[0] not in left and _takes(seat, row["to_date"]):
            seat.until = row["to_date"]
            seat.save(update_fields=["until"])
    Seat.objects.bulk_create(new)


def _takes(seat: Seat, until: dt.date | None) -> bool:
    """Whether a seat gets another end: the bank's own any, one the desk made or ended an earlier one only."""
    if not seat.by_desk:
        return seat.until != until
    return until is not None and (seat.until is None or until < seat.until)
