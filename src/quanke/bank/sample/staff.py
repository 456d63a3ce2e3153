"""Staff of the sample branch and the posts they hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from quanke.bank.contracts import ROLES
from quanke.bank.sample.days import Span
from quanke.bank.sample.draws import Bools, Choice, Draws, Ints
from quanke.bank.sample.identity import STAFF_BLOCK, phones, resident_ids
from quanke.bank.sample.names import NameBook
from quanke.bank.sample.places import Branches
from quanke.bank.sample.tenures import held_since, tenures_table
from quanke.bank.sample.text import blank, coded, dates, digits, strings, tagged

CAPACITY = {
    "private_banker": 50,
    "wealth_adviser": 120,
    "wealth_manager": 250,
    "customer_manager": 500,
    "service_manager": 500,
    "remote_seat": 3_000,
    "lobby": 0,
    "teller": 0,
    "branch_head": 20,
    "flexible_team": 1_000,
}
"""Most customers of a post by role (domain.md BK-2); lobby and tellers own nobody."""

_OUTLET = (
    ("branch_head", 1), ("lobby", 1), ("teller", 2), ("customer_manager", 2), ("service_manager", 1),
    ("wealth_manager", 2),
)  # fmt: skip
_SUB_BRANCH = (("branch_head", 1), ("wealth_adviser", 3), ("private_banker", 1))
_SKILLS = ("funds", "lending", "insurance", "funds,cross_border")
_GRADES = ["见习", "初级", "中级", "高级", "资深"]


@dataclass(frozen=True, slots=True)
class Staff:
    """Members of staff by position. `person` is the person (customer) each of them also is."""

    ids: pa.StringArray
    names: pa.StringArray
    male: Bools
    birth: Ints
    id_numbers: pa.StringArray
    phones: pa.StringArray
    branch: Ints
    left: Ints
    person: Ints
    table: pa.Table


@dataclass(frozen=True, slots=True)
class Posts:
    """Posts by position; `staff` the holder's position or -1, `role` a position in `ROLES`."""

    ids: pa.StringArray
    branch: Ints
    role: Ints
    staff: Ints
    table: pa.Table
    tenures: pa.Table

    def of(self, role: str) -> Ints:
        """Positions of the posts of a role."""
        return np.flatnonzero(self.role == ROLES.index(role))


def build_staff(seed: int, span: Span, branches: Branches, customers: int, block: int) -> tuple[Staff, Posts]:
    """One post per seat of every branch; 3 % stand empty, and one in twenty had a predecessor who left."""
    draws = Draws(seed, "staff")
    branch, role = _seats(branches, customers)
    posts = len(branch)
    empty = draws.chance(0.03, posts)
    holder = np.where(empty, -1, np.cumsum(~empty) - 1)
    leavers = draws.chance(0.05, posts)
    staff_branch = np.concatenate([branch[~empty], branch[leavers]])
    count = len(staff_branch)
    left = np.full(count, -1, dtype=np.int64)
    left[int((~empty).sum()) :] = draws.below(span.days, int(leavers.sum()))
    staff = _people(draws, span, branches, staff_branch, left, _persons(count, customers, block))
    since = held_since(draws, span, posts, leavers, left[int((~empty).sum()) :])
    # flexible teams stand last and draw nothing: the other posts are what they would be without them
    teams = np.flatnonzero(branches.kind == 1)
    branch = np.concatenate([branch, teams])
    role = np.concatenate([role, np.full(len(teams), ROLES.index("flexible_team"))])
    holder = np.concatenate([holder, np.full(len(teams), -1)])
    since = np.concatenate([since, np.zeros(len(teams), np.int64)])
    ids = strings(tagged("P", digits(10_000 + np.arange(len(branch)) * 3, 6)))
    table = pa.table(
        {
            "post_id": ids,
            "branch_id": branches.ids.take(pa.array(branch)),
            "role": coded(ROLES, role),
            "staff_id": staff.ids.take(pa.array(holder, mask=holder < 0)),
            "capacity": pa.array(np.array([CAPACITY[name] for name in ROLES], dtype=np.int64)[role]),
            "held_since": blank(dates(since), holder >= 0),
        }
    )
    gone = np.flatnonzero(leavers), np.arange(int((~empty).sum()), len(staff.ids)), left[left >= 0]
    tenures = tenures_table(seed, span, ids, staff.ids, branch, holder, since, gone)
    return staff, Posts(ids, branch, role, holder, table, tenures)


def _seats(branches: Branches, customers: int) -> tuple[Ints, Ints]:
    """Branch and role of every post."""
    branch: list[int] = []
    role: list[int] = []
    for position, kind in enumerate(branches.kind):
        if kind == 0:
            seats: tuple[tuple[str, int], ...] = (
                ("remote_seat", max(2, customers // 15_000)),
                ("private_banker", 2),
            )
        else:
            seats = _SUB_BRANCH if kind == 1 else _OUTLET
        for name, number in seats:
            branch += [position] * number
            role += [ROLES.index(name)] * number
    return np.array(branch, dtype=np.int64), np.array(role, dtype=np.int64)


def _persons(count: int, customers: int, block: int) -> Ints:
    """Which person each member of staff is: spread over the blocks, at the end of each."""
    blocks = -(-customers // block)
    number = np.arange(count, dtype=np.int64)
    home = number % blocks
    size = np.where(home == blocks - 1, customers - (blocks - 1) * block, block)
    return home * block + size - 1 - number // blocks


def _people(draws: Draws, span: Span, branches: Branches, branch: Ints, left: Ints, person: Ints) -> Staff:
    count = len(branch)
    male = draws.chance(0.42, count)
    birth = span.offset - draws.between(23 * 365, 56 * 365, count)
    names = NameBook.load().chinese(draws, male, 1970 + birth // 365)
    ids = strings(tagged("S", digits(100_000 + np.arange(count) * 11, 7)))
    numbers = resident_ids(STAFF_BLOCK, birth, male)
    mobile = phones(draws, count)
    hired = np.maximum(birth + 22 * 365, span.offset - draws.between(200, 9_000, count))
    table = pa.table(
        {
            "staff_id": ids,
            "name": names,
            "id_number": numbers,
            "phone": mobile,
            "branch_id": branches.ids.take(pa.array(branch)),
            "grade": coded(_GRADES, draws.pick(Choice([8, 25, 35, 22, 10]), count)),
            "hired_on": dates(hired),
            "left_on": dates(span.offset + left, left >= 0),
            "languages": coded(("zh", "zh,en"), (np.arange(count) % 5 == 0).astype(np.int32)),
            "skills": coded(_SKILLS, (np.arange(count) % len(_SKILLS)).astype(np.int32)),
        }
    )
    return Staff(ids, names, male, birth, numbers, mobile, branch, left, person, table)
