"""Reads of the books: who is at which post, how full books are, where the laws of ownership are broken."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import ROLES
from quanke.books.ownership import FOREVER, KINDS, interval_findings
from quanke.books.posts import NOBODY, Ints
from quanke.books.rules import BookRules
from quanke.customers.register import register_of
from quanke.night.books import rules_of
from quanke_desk.books.intervals import Intervals, intervals
from quanke_desk.books.models import Choice
from quanke_desk.customers.queries import hidden, masked_name, names_of
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import Branch, Person, Post, Seat
from quanke_desk.foundation.opening import require_sight
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import Extent, OutOfScope, Scope, covers, rows, scope_of

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Book:
    """What a post holds on a day: customers, and load beside capacity in units of the matrix (a customer of a
    higher tier weighs more)."""

    post: Post
    customers: int
    load: int
    capacity: int
    warn: int
    """Per cent of its capacity from which on it is nearly full."""

    @property
    def low(self) -> int:
        """Load from which on it is nearly full."""
        return -(-self.capacity * self.warn // 100)

    @property
    def share(self) -> float | None:
        """Load over capacity; null where it has none."""
        return self.load / self.capacity if self.capacity else None

    @property
    def state(self) -> str:
        """`block` above its capacity, `warn` from the bank's share of it on (BK-2), else `fine`."""
        if self.load > self.capacity:
            return "block"
        return "warn" if self.load and self.load * 100 >= self.capacity * self.warn else "fine"


def posts_seen(scope: Scope) -> QuerySet[Post]:
    """Posts of a scope whose role can look after customers."""
    able = Post.objects.filter(role__in=[r for r in ROLES if r in BookRules().role_tier])
    able = able.select_related("branch")
    if scope.extent is Extent.BANK:
        return able
    return able.filter(post_id__in=scope.posts)


def books_on(posts: Iterable[Post], day: dt.date) -> list[Book]:
    """What posts hold on a day, by tiers of the last night."""
    held = base()
    told, rules = intervals(held), _rules(held.bank.home)
    owner = told.owners(day, held.night.rows)
    there = (owner != NOBODY) & held.there
    weight = _loads(held, rules)[there]
    count = np.bincount(owner[there], minlength=len(told.posts))
    load = np.bincount(owner[there], weight.astype(np.float64), minlength=len(told.posts))
    place = {name: at for at, name in enumerate(told.posts)}
    found, warn = [], value("books.warn_share", day)
    by_role: dict[str, tuple[int, int]] = {}
    for post in posts:
        at = place.get(post.post_id)
        if post.role not in by_role:
            usual = rules.capacity[post.role].on(day) if post.role in rules.capacity else 0
            by_role[post.role] = (rules.role_unit(post.role, day), usual)
        units, usual = by_role[post.role]
        most = (usual if post.capacity is None else post.capacity) * units
        holds = (0, 0) if at is None else (int(count[at]), int(load[at]))
        found.append(Book(post, *holds, most, warn))
    return found


def _rules(home: Any) -> BookRules:
    path = home.path / "book-rules.yaml"
    return _rules_at(str(home.path), path.stat().st_mtime_ns if path.exists() else 0, home)


@lru_cache(maxsize=4)
def _rules_at(path: str, changed: int, home: Any) -> BookRules:
    return rules_of(home)


def _loads(held: Base, rules: BookRules) -> Ints:
    """Units by customer number."""
    if "tier" not in held.known:
        return np.ones(held.night.rows, np.int64)
    codes, numbers = held.codes("tier")
    by_code = np.zeros(len(numbers) + 1, np.int64)
    for name, code in numbers.items():
        by_code[code] = rules.load(name, held.day)
    by_code[-1] = rules.load("", held.day)
    return by_code[codes]


@dataclass(frozen=True)
class Seated:
    """Who holds a post, and who stands in on it."""

    holders: tuple[Person, ...] = ()
    stand_ins: tuple[Person, ...] = ()


def seated(posts: Sequence[Post], day: dt.date) -> dict[int, Seated]:
    """Who sits on posts on a day, by key of the post."""
    found: dict[int, tuple[list[Person], list[Person]]] = defaultdict(lambda: ([], []))
    for start in range(0, len(posts), 500):  # a list of a query has its limits
        some = posts[start : start + 500]
        for seat in Seat.objects.filter(Seat.on(day), post__in=some).select_related("person"):
            found[seat.post_id][seat.stands_in].append(seat.person)
    return {p.pk: Seated(tuple(found[p.pk][0]), tuple(found[p.pk][1])) for p in posts}


def branches_under(scope: Scope, branch: Branch | None) -> list[Branch]:
    """Branches one step below (of a whole bank: the top ones), of those of a scope that have posts."""
    if scope.extent is Extent.BOOK:
        return []
    if branch is None:
        return list(Branch.objects.filter(parent=None))
    found = Branch.objects.filter(parent=branch)
    return [b for b in found if scope.extent is Extent.BANK or b.branch_id in scope.branches]


def branch_of(person: Person, scope: Scope, number: int | None) -> Branch | None:
    """The branch a person looks at: the one asked for where in his scope, else his own, else the top."""
    if scope.extent is Extent.BOOK:
        return None
    asked = Branch.objects.filter(pk=number).first() if number else None
    if asked and (scope.extent is Extent.BANK or asked.branch_id in scope.branches):
        return asked
    if scope.extent is Extent.BRANCH:
        return person.branch
    return Branch.objects.order_by("left").first()


def post_seen(person: Person, number: int) -> Post | None:
    """A post of one's scope by its key."""
    return posts_seen(scope_of(person)).filter(pk=number).first()


def customers_of(post: Post, day: dt.date) -> Ints:
    """Numbers of the customers of a post on a day; the caller has seen that the post is in scope."""
    held = base()
    told = intervals(held)
    if post.post_id not in told.posts:
        return np.empty(0, np.int64)
    owner = told.owners(day, held.night.rows)
    return np.flatnonzero((owner == told.posts.index(post.post_id)) & held.there)


def numbers_of(column: str, held: Base) -> NDArray[np.float64] | Ints:
    """A column of whole numbers by customer number, kept as long as the night; null is the least number."""
    return _numbers(held.night.path, column, held.night)


LEAST = np.iinfo(np.int64).min
"""In a column of whole numbers: null."""


@lru_cache(maxsize=6)
def _numbers(path: Any, column: str, night: Any) -> Ints:
    values = night.read([column])[column]
    return np.asarray(pc.fill_null(values.cast(pa.int64()), LEAST).to_numpy(), np.int64)


def owner_on(customer: int, day: dt.date) -> str | None:
    """The post a customer is at on a day."""
    held = base()
    if not 0 <= customer < held.night.rows:
        return None
    return _owner(intervals(held), customer, day)


def owners_of(customers: Iterable[int], day: dt.date) -> list[str | None]:
    """The post each of some customers is at on a day."""
    told = intervals()
    return [_owner(told, customer, day) for customer in customers]


def _owner(told: Intervals, customer: int, day: dt.date) -> str | None:
    for at in reversed(told.of(customer)):
        if told.start[at] <= _day(day) < told.end[at]:
            return told.posts[int(told.post[at])]
    return None


def history(person: Person, customer: int) -> list[dict[str, Any]]:
    """All primary intervals of a customer one may see, the latest first: `post`, `since`, `until` (null: it
    lasts), `reason`, `proposal`, `name`. Raises OutOfScope."""
    held = base()
    require_sight(person, customer, held)
    if customer in hidden() and not person.may(May.DATA_DECIDE):
        raise OutOfScope
    told = intervals(held)
    found = []
    for at in reversed(told.of(customer)):
        found.append(
            {
                "post": told.posts[told.post[at]],
                "since": _date(told.start[at]),
                "until": None if told.end[at] >= FOREVER else _date(told.end[at]),
                "reason": told.reason[at].as_py(),
                "proposal": told.proposal[at].as_py(),
                "name": told.name[at].as_py(),
            }
        )
    return found


def _day(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _date(number: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(number))


def findings(person: Person, day: dt.date, kind: str = "") -> tuple[pa.Table, dict[str, int]]:
    """What breaks the laws of ownership among customers of one's scope as of a day (BK-1): rows as
    `quanke.books.ownership.FINDINGS`, of one kind or all, and how many there are of each."""
    held = base()
    found = _findings(intervals(held), held, day)
    seen = rows(scope_of(person), held)
    found = found.filter(pa.array(seen[found["customer"].to_numpy()]))
    counted = pc.value_counts(found["kind"].combine_chunks()).to_pylist()
    counts = {
        **dict.fromkeys(("open_gap", "gap", "overlap"), 0),
        **{c["values"]: c["counts"] for c in counted},
    }
    if kind in KINDS:
        found = found.filter(pc.equal(found["kind"], kind))
    return found, counts


_found: dict[tuple[int, dt.date], tuple[Intervals, pa.Table]] = {}


def _findings(told: Intervals, held: Base, day: dt.date) -> pa.Table:
    key = (id(told), day)
    kept = _found.get(key)
    if kept is None or kept[0] is not told:
        needs = np.zeros(held.night.rows, bool)
        if "service_care" in held.known:
            codes, numbers = held.codes("service_care")
            needs = np.isin(codes, [numbers[n] for n in ("post", "team") if n in numbers])
        needs &= held.there
        table = told.table()
        table = table.filter(pa.array(told.customer < held.night.rows))
        longest = _rules(held.bank.home).gap_workdays.on(day)
        found = interval_findings(table, day, np.flatnonzero(needs), longest)
        found = found.filter(pc.not_equal(found["kind"], "reversed"))
        _found.clear()
        kept = _found[key] = (told, found)
    return kept[1]


def today() -> dt.date:
    """The desk's day."""
    return timezone.localdate()


def day_number(day: dt.date) -> int:
    """Days since 1970."""
    return _day(day)


def load_of(customers: Ints, day: dt.date) -> int:
    """Units some customers weigh together."""
    held = base()
    return int(_loads(held, _rules(held.bank.home))[customers].sum())


def chosen(customers: Ints, day: dt.date, post: Post | None = None) -> Bools:
    """Whether each customer chose his manager himself and holds to it on a day (of a post: that one): as the
    bank's table says, and the desk since."""
    held = base()
    home = held.bank.home
    who = register_of(home)
    parties = np.flatnonzero(np.isin(who.customer, customers))
    with duckdb.connect() as connection:
        connection.register("wanted", pa.table({"party": pa.array(parties, pa.int32())}))
        told = connection.execute(
            "SELECT party, arg_max(post_id, (chosen_on, choice_id)) FROM "
            f"({facts_sql(home, 'owner_choices')}) SEMI JOIN wanted USING (party) WHERE chosen_on <= $day "
            "AND (withdrawn_on IS NULL OR withdrawn_on > $day) GROUP BY party", {"day": day},
        ).fetchall()  # fmt: skip
    found = {int(who.customer[party]): name for party, name in told}
    for start in range(0, len(customers), 500):
        said = Choice.objects.filter(customer__in=customers[start : start + 500].tolist())
        for each in said.select_related("post").order_by("id"):
            if each.withdrawn_on is None:
                found[each.customer] = each.post.post_id
            elif found.get(each.customer) == each.post.post_id:  # withdrawn, and the table may not know yet
                del found[each.customer]
    wanted = None if post is None else post.post_id
    return np.array([c in found and wanted in (None, found[c]) for c in customers.tolist()], bool)


def in_conflict(customers: Ints, post: Post, day: dt.date) -> bool:
    """Whether who sits on a post is one of some customers, or a declared relative of one (BK-6)."""
    staff = [
        s.person.staff_id
        for s in Seat.objects.filter(Seat.on(day), post=post).select_related("person")
        if s.person.staff_id
    ]
    if not staff:
        return False
    home = base().bank.home
    who = register_of(home)
    with duckdb.connect() as connection:
        numbers = {"party": np.arange(len(who.customer), dtype=np.int32), "customer": who.customer}
        connection.register("numbers", pa.table(numbers))
        found = connection.execute(
            f"""
            WITH own AS (
                SELECT DISTINCT n.customer FROM ({facts_sql(home, "staff")}) AS s
                JOIN ({facts_sql(home, "parties")}) AS p ON upper(p.id_number) = upper(s.id_number)
                JOIN numbers AS n USING (party) WHERE list_contains($staff, s.staff_id)
            ), family AS (
                SELECT a.customer AS one, b.customer AS other FROM ({facts_sql(home, "relations")}) AS r
                JOIN numbers AS a ON a.party = r.from_party JOIN numbers AS b ON b.party = r.to_party
                WHERE r.kind = 'family'
            )
            SELECT count(*) FROM (
                SELECT customer FROM own
                UNION SELECT other FROM own JOIN family ON one = customer
                UNION SELECT one FROM own JOIN family ON other = customer
            ) WHERE list_contains($customers, customer)
            """,
            {"staff": staff, "customers": customers.tolist()},
        ).fetchall()[0][0]
    return bool(found)


def seen_among(person: Person, customers: Sequence[int]) -> list[bool]:
    """Whether each of some customers is in one's scope, and his data may still be used."""
    held = base()
    if not customers:
        return []
    seen, gone = rows(scope_of(person), held), hidden()
    return [0 <= c < len(seen) and bool(seen[c]) and c not in gone for c in customers]


def name_of(person: Person, customer: int) -> str:
    """The name of a customer one may see, as one may see it: masked of whom one opened only."""
    if not covers(scope_of(person), customer):
        return masked_name(customer)
    return names_of(person, [customer])[customer]
