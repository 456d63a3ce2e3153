"""Posts as of a day: where they are, what they hold, and who sits on them.

Ownership belongs to a post; persons come and go. Who sits on a post is told by the tenures: the holder, or
while he is away or the post has none, who stands in. A bank that hands over no tenures of a post has its
holder from the table of posts. Nobody sits anywhere from the day he has left the bank.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES, TEAM_ROLES
from quanke.books.rules import BookRules

Ints = NDArray[np.int64]
HELD, STOOD_IN, AWAY, VACANT, TEAM = range(5)
SEATS = ("held", "stand_in", "away", "vacant", "team")
"""Whether somebody sits on a post: its holder, a stand-in, nobody while the holder is on leave, nobody at
all; or it is a team's seat without a person of its own."""
NOBODY = -1
_EARTH_KM = 6_371.0


@dataclass(frozen=True)
class Posts:
    """Posts of a bank on a day, in the order of their numbers; all arrays are by post.

    `branch`: place in `branches` (NOBODY where unknown); `role`: place in `ROLES`; `capacity`: units of load;
    `customers`: the most customers it may look after; `holder`, `sitter`: place in `staff` or NOBODY;
    `seat`: place in `SEATS`. `place`: degrees by branch, shape (branches, 2), nan where unknown. `grade`:
    place in the grades of the rules by member of staff (NOBODY: unknown); `languages`, `skills` by staff.
    """

    day: dt.date
    ids: tuple[str, ...]
    branch: Ints
    role: Ints
    customers: Ints
    capacity: Ints
    holder: Ints
    sitter: Ints
    seat: Ints
    branches: tuple[str, ...]
    place: NDArray[np.float64]
    staff: tuple[str, ...]
    grade: Ints
    languages: tuple[frozenset[str], ...]
    skills: tuple[frozenset[str], ...]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def number(self) -> dict[str, int]:
        """Places by post number."""
        return {name: place for place, name in enumerate(self.ids)}

    @cached_property
    def branch_number(self) -> dict[str, int]:
        """Places by branch number."""
        return {name: place for place, name in enumerate(self.branches)}

    @cached_property
    def is_team(self) -> NDArray[np.bool_]:
        """Whether a post is a seat of a team."""
        teams: NDArray[np.bool_] = np.isin(self.role, [ROLES.index(name) for name in TEAM_ROLES])
        return teams

    def places(self, ids: pa.Array | pa.ChunkedArray) -> Ints:
        """Places of post numbers, NOBODY for null and for posts that are not known."""
        found = pc.index_in(ids, value_set=pa.array(self.ids, pa.string()))
        return np.asarray(pc.fill_null(found, NOBODY).to_numpy(zero_copy_only=False), np.int64)

    def kilometres(self, branch: Ints, post: Ints, unknown: float) -> NDArray[np.float64]:
        """Distances between customers' branches and posts', `unknown` where either has no place."""
        # one row more, of nan, for branches that are not known
        place = np.radians(np.vstack([self.place, [[np.nan, np.nan]]]))
        a, b = place[branch], place[self.branch[post]]
        half = np.sin((b - a) / 2) ** 2
        chord = half[:, 1] + np.cos(a[:, 1]) * np.cos(b[:, 1]) * half[:, 0]
        far: NDArray[np.float64] = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
        far[(branch >= 0) & (branch == self.branch[post])] = 0.0
        return np.where(np.isnan(far), unknown, far)


def posts_on(
    posts: pa.Table,
    tenures: pa.Table,
    staff: pa.Table,
    branches: pa.Table,
    day: dt.date,
    rules: BookRules,
) -> Posts:
    """The posts of the bank's tables (as their contracts say) on a day, without those of closed branches and
    of roles that look after nobody."""
    closed = pc.fill_null(pc.less_equal(branches["closed_on"], pa.scalar(day)), False)
    branches = branches.filter(pc.invert(closed)).sort_by("branch_id")
    names = tuple(branches["branch_id"].to_pylist())
    able = pa.array([name for name in ROLES if name in rules.role_tier])
    there = pc.and_(
        pc.is_in(posts["role"], value_set=able), pc.is_in(posts["branch_id"], value_set=branches["branch_id"])
    )
    posts = posts.filter(there).sort_by("post_id")
    ids = tuple(posts["post_id"].to_pylist())
    role = _places(posts["role"], ROLES)
    unit = np.array([rules.role_unit(name, day) for name in ROLES], np.int64)[role]
    usual = np.array([rules.capacity[n].on(day) if n in rules.capacity else 0 for n in ROLES], np.int64)
    customers = _numbers(posts["capacity"], usual[role])
    holder, sitter, seat, persons = _seats(posts, tenures, staff, ids, day)
    team = np.isin(role, [ROLES.index(name) for name in TEAM_ROLES])
    seat = np.where(team & (sitter == NOBODY), TEAM, seat)
    return Posts(
        day=day,
        ids=ids,
        branch=_places(posts["branch_id"], names),
        role=role,
        customers=customers,
        capacity=customers * unit,
        holder=holder,
        sitter=sitter,
        seat=seat,
        branches=names,
        place=_degrees(branches),
        staff=tuple(persons["staff_id"].to_pylist()),
        grade=_places(persons["grade"], rules.grades),
        languages=_words(persons["languages"]),
        skills=_words(persons["skills"]),
    )


def _seats(
    posts: pa.Table, tenures: pa.Table, staff: pa.Table, ids: tuple[str, ...], day: dt.date
) -> tuple[Ints, Ints, Ints, pa.Table]:
    """Holder, who sits there, and which of HELD, STOOD_IN, AWAY, VACANT; the staff that is with the bank."""
    left = pc.fill_null(pc.less_equal(staff["left_on"], pa.scalar(day)), False)
    staff = staff.filter(pc.invert(left)).sort_by("staff_id")
    numbers = tuple(staff["staff_id"].to_pylist())
    ever = np.isin(np.arange(len(ids)), _places(tenures["post_id"], ids))
    now = pc.and_(
        pc.less_equal(tenures["from_date"], pa.scalar(day)),
        pc.fill_null(pc.greater(tenures["to_date"], pa.scalar(day)), True),
    )
    current = tenures.filter(now).sort_by([("from_date", "ascending"), ("tenure_id", "ascending")])
    by_kind = {
        kind: current.filter(pc.equal(current["kind"], kind)) for kind in ("holder", "stand_in", "leave")
    }
    told = _places(posts["staff_id"], numbers)
    holder = np.where(ever, _on(by_kind["holder"], ids, numbers), told)
    stand_in = _on(by_kind["stand_in"], ids, numbers)
    on_leave = _on(by_kind["leave"], ids, numbers)
    away = (holder != NOBODY) & (on_leave == holder)
    sitter = np.where((holder == NOBODY) | away, stand_in, holder)
    seat = np.select(
        [(holder != NOBODY) & ~away, sitter != NOBODY, away], [HELD, STOOD_IN, AWAY], default=VACANT
    )
    return holder, sitter, seat, staff


def _on(rows: pa.Table, ids: tuple[str, ...], staff: tuple[str, ...]) -> Ints:
    """By post the member of staff of the row that began last and is still with the bank."""
    found = np.full(len(ids), NOBODY, np.int64)
    post, who = _places(rows["post_id"], ids), _places(rows["staff_id"], staff)
    known = (post != NOBODY) & (who != NOBODY)
    found[post[known]] = who[known]  # the last of several stays
    return found


def _places(values: pa.ChunkedArray, among: tuple[str, ...]) -> Ints:
    found = pc.index_in(values.cast(pa.string()), value_set=pa.array(among, pa.string()))
    return np.asarray(pc.fill_null(found, NOBODY).to_numpy(), np.int64)


def _numbers(values: pa.ChunkedArray, instead: Ints) -> Ints:
    known = values.is_valid().to_numpy()
    given = pc.fill_null(values, 0).to_numpy()
    return np.where(known, given, instead).astype(np.int64)


def _degrees(branches: pa.Table) -> NDArray[np.float64]:
    sides = [pc.cast(branches[name], pa.float64()).to_numpy() for name in ("longitude", "latitude")]
    return np.stack([np.asarray(side, np.float64) for side in sides], axis=1).reshape(-1, 2)


def _words(values: pa.ChunkedArray) -> tuple[frozenset[str], ...]:
    return tuple(
        frozenset(word.strip() for word in (text or "").split(",") if word.strip())
        for text in values.to_pylist()
    )
