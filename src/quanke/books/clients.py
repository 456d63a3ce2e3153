"""Whom books are made of: what the assignment knows about each customer, as columns."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES
from quanke.books.posts import NOBODY, Ints, Posts
from quanke.books.rules import BookRules
from quanke.kernel.errors import AssignmentError
from quanke.segments import DEFAULT_SCHEME

Bools = NDArray[np.bool_]
TIERS = DEFAULT_SCHEME.names
LONG_AGO = -(10**6)
"""A day before every other, where something never was."""
SKILLS = ("cross_border", "lending")
"""Skills a customer may need: `needs` has a column for each."""
COLUMNS = (
    "customer", "in_scope", "role", "grade", "tier", "branch", "present", "since", "owners", "contact",
    "household", "aum", "potential", "language", "needs_cross_border", "needs_lending", "chosen",
)  # fmt: skip


@dataclass(frozen=True)
class Clients:
    """Customers who are, or are to be, at a post; one element each, by rising `customer`.

    `wanted`: place in `ROLES` of the role the service matrix asks for (NOBODY: digital care); `grade`: place
    in the grades of the rules it asks for; `tier`: place in `TIERS`; `load`: units; `branch`, `present`,
    `chosen`: places in the posts' branches and posts (NOBODY: none); `owners`: open primary intervals;
    `since`, `contact`: day numbers of the present relation and of the last effective contact; `household`:
    its number; `aum`, `potential`: fen; `language`: place in `languages`; `needs`: shape (n, skills);
    `present_id`: number of the post of the present relation, also where that post is no more (None: none).
    """

    customer: Ints
    in_scope: Bools
    wanted: Ints
    grade: Ints
    tier: Ints
    load: Ints
    branch: Ints
    present: Ints
    since: Ints
    owners: Ints
    contact: Ints
    household: Ints
    aum: Ints
    potential: Ints
    language: Ints
    needs: Bools
    chosen: Ints
    present_id: NDArray[np.object_]
    languages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.customer)

    def some(self, rows: Ints | Bools) -> Clients:
        """Those at some places."""
        cut = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "languages"}
        return replace(self, **cut)


def clients_of(table: pa.Table, posts: Posts, rules: BookRules) -> Clients:
    """The columns COLUMNS of a table, one row a customer, as the assignment takes them.

    `role`, `grade`, `tier`, `branch`, `language` are codes, `present` and `chosen` numbers of posts, `since`
    and `contact` days, `aum` and `potential` fen, `household` a number; all may be null but `customer`.
    Raises AssignmentError for a missing column or customers that do not rise.
    """
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise AssignmentError(f"the customers of books have no column {missing[0]!r}")
    customer = table["customer"].to_numpy().astype(np.int64)
    if (np.diff(customer) <= 0).any():
        raise AssignmentError("the customers of books do not rise")
    spoken = sorted({word for word in pc.unique(table["language"]).to_pylist() if word})
    tier = _places(table["tier"], TIERS)
    loads = np.array([*(rules.load(name, posts.day) for name in TIERS), rules.load("", posts.day)], np.int64)
    chosen = posts.places(table["chosen"])
    in_scope = _flags(table["in_scope"])
    wanted = _places(table["role"], ROLES)
    # who chose a post himself is looked after there, whatever the matrix says
    wanted = np.where(
        (wanted == NOBODY) & (chosen != NOBODY) & in_scope, np.append(posts.role, NOBODY)[chosen], wanted
    )
    return Clients(
        customer=customer,
        in_scope=in_scope,
        wanted=np.where(in_scope, wanted, NOBODY),
        grade=_places(table["grade"], rules.grades),
        tier=tier,
        load=loads[tier],
        branch=_places(table["branch"], posts.branches),
        present=posts.places(table["present"]),
        since=_days(table["since"]),
        owners=_whole(table["owners"], 0),
        contact=_days(table["contact"]),
        household=_whole(table["household"], NOBODY),
        aum=_whole(table["aum"], 0),
        potential=np.maximum(_whole(table["potential"], 0), 0),
        language=_places(table["language"], tuple(spoken)),
        needs=np.stack([_flags(table[f"needs_{name}"]) for name in SKILLS], axis=1),
        chosen=np.where(in_scope, chosen, NOBODY),
        present_id=np.asarray(table["present"].to_numpy(zero_copy_only=False), np.object_),
        languages=tuple(spoken),
    )


def day_number(day: dt.date) -> int:
    """Days since 1970."""
    return (day - dt.date(1970, 1, 1)).days


def _places(values: pa.ChunkedArray, among: tuple[str, ...]) -> Ints:
    found = pc.index_in(values.cast(pa.string()), value_set=pa.array(among, pa.string()))
    return np.asarray(pc.fill_null(found, NOBODY).to_numpy(), np.int64)


def _whole(values: pa.ChunkedArray, instead: int) -> Ints:
    return np.asarray(pc.fill_null(values.cast(pa.int64()), instead).to_numpy(), np.int64)


def _days(values: pa.ChunkedArray) -> Ints:
    return _whole(values.cast(pa.date32()).cast(pa.int32()), LONG_AGO)


def _flags(values: pa.ChunkedArray) -> Bools:
    found: Bools = pc.fill_null(values.cast(pa.bool_()), False).to_numpy()
    return found
