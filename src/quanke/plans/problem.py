"""A plan's problem in the order and form the kernels want.

Customers with the same rows under every limit that has a price stand together (one `signature`), and within
it in the order of a digest of everything the plan may know of them: whatever order the caller had, sums run
in the same one, and every n-th customer is a fair sample of each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from quanke.kernel.errors import AllocationError
from quanke.plans import passes
from quanke.plans.limits import Amounts, CheckedLimit, Limit, checked

Numbers = NDArray[np.int64]
LOOKED_UP = 4_000_000
"""Combinations of groups up to which their numbers are looked up in a table, whatever the customers."""


@dataclass(frozen=True, eq=False)
class Room:
    """What the limits leave: by row of the shared limits (`capacity`, `floor`), and by customer and own limit
    (`least`, `most`). Infinite where there is no bound."""

    capacity: Amounts
    floor: Amounts
    least: NDArray[Any]
    most: NDArray[Any]


class Parts(NamedTuple):
    """The arrays of a problem that the compiled passes read. `many`: 1 where actions differ by customer;
    `use` action x limit."""

    values: NDArray[Any]
    actions: NDArray[np.int32]
    many: int
    signature: NDArray[np.int32]
    rows: NDArray[np.int32]
    use: Amounts
    matrix_at: Numbers
    matrices: NDArray[Any]
    least: NDArray[Any]
    most: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Problem:
    """Values and limits of a plan, laid out.

    `order`: the caller's place of each customer. `values` customers x width, -inf where an action may not be
    chosen; `actions` the action of each of them (one row for everybody where all have the same). At most
    `k` of them are chosen; `slots` is what the caller asked for, where there are fewer actions. `limits`:
    first the `shared` ones, whose rows have prices, then those of which each row is one customer's own.
    `signature` by customer; `rows` signature x shared limit: the number of the row, -1 none. `use` limit x
    action, and for limits whose use differs by customer a place in `matrices` (`matrix_at`, -1 none).
    """

    order: Numbers
    values: NDArray[Any]
    actions: NDArray[np.int32]
    count: int
    k: int
    slots: int
    limits: tuple[CheckedLimit, ...]
    shared: int
    signature: NDArray[np.int32]
    rows: NDArray[np.int32]
    first: Numbers
    use: Amounts
    matrix_at: NDArray[np.int64]
    matrices: NDArray[Any]
    room: Room

    @property
    def customers(self) -> int:
        """How many customers."""
        return len(self.order)

    @property
    def width(self) -> int:
        """Actions a customer may have at most."""
        return int(self.values.shape[1])

    @cached_property
    def owner(self) -> Numbers:
        """The shared limit of each row."""
        return np.repeat(np.arange(self.shared), np.diff(self.first))

    def parts(self) -> Parts:
        """What the compiled passes take first."""
        return Parts(
            self.values,
            self.actions,
            int(len(self.actions) > 1),
            self.signature,
            self.rows,
            np.ascontiguousarray(self.use.T),
            self.matrix_at,
            self.matrices,
            self.room.least,
            self.room.most,
        )

    @cached_property
    def start(self) -> Numbers:
        """Where each signature's customers begin, and where the last one's end."""
        return np.searchsorted(self.signature, np.arange(len(self.rows) + 1)).astype(np.int64)

    def members(self, row: int) -> Numbers:
        """The customers under a row of a shared limit."""
        some = np.flatnonzero(self.rows[:, self.owner[row]] == row)
        if len(some) == len(self.rows):
            return np.arange(self.customers)
        parts = [np.arange(self.start[s], self.start[s + 1]) for s in some.tolist()]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def row_name(self, row: int) -> tuple[str, int]:
        """The limit and the row within it."""
        limit = int(self.owner[row])
        return self.limits[limit].name, int(row - self.first[limit])


def problem_of(
    values: Any, limits: Any, eligible: Any, k: int, own_names: Sequence[str] | None = None
) -> Problem:
    """Lay a problem out; `own_names`: the limits each row of which is one customer's, where that cannot be
    seen from these customers alone. Raises AllocationError for what is wrong with it."""
    laid, actions, count = _values(values, eligible)
    n = len(laid)
    if not isinstance(k, int | np.integer) or k < 1:
        raise AllocationError("k is a whole number, at least 1")
    known = [checked(limit, n, count) for limit in _limits(limits)]
    own = [_is_own(x) if own_names is None else x.name in own_names for x in known]
    ordered = tuple(x for which in (False, True) for x, o in zip(known, own, strict=True) if o is which)
    shared = len(known) - sum(own)
    for limit in ordered[shared:]:
        refuse_empty(limit)
    signature, rows, first = _signatures(ordered[:shared], n)
    least, most = _own_bounds(ordered[shared:], n)
    matrix_at, matrices = _matrices(ordered, actions, laid.shape)
    digest = np.empty(n, np.uint64)
    passes.digest(laid, actions, int(len(actions) > 1), matrices, least, most, digest)
    bits = np.uint64(max(int(len(rows) - 1).bit_length(), 1))
    key = (signature.astype(np.uint64) << (np.uint64(64) - bits)) | (digest >> bits)
    order = np.argsort(key, kind="stable")
    del key, digest
    use = np.zeros((len(ordered), count))
    for at, limit in enumerate(ordered):
        if not limit.by_customer:
            use[at] = limit.use
    join = np.concatenate
    return Problem(
        order=order,
        values=laid[order],
        actions=actions[order] if len(actions) > 1 else actions,
        count=count,
        k=min(int(k), max(laid.shape[1], 1)),
        slots=int(k),
        limits=ordered,
        shared=shared,
        signature=signature[order],
        rows=rows,
        first=first,
        use=use,
        matrix_at=matrix_at,
        matrices=matrices[:, order] if len(matrices) else matrices,
        room=Room(
            join([np.empty(0), *(x.capacity for x in ordered[:shared])]),
            join([np.empty(0), *(x.floor for x in ordered[:shared])]),
            least[order],
            most[order],
        ),
    )


def part_of(problem: Problem, customers: NDArray[np.bool_], rows: NDArray[np.bool_]) -> Problem:
    """The problem of some customers, in their order; other rows than `rows` have no bound."""
    room = problem.room
    return replace(
        problem,
        order=problem.order[customers],
        values=problem.values[customers],
        actions=problem.actions[customers] if len(problem.actions) > 1 else problem.actions,
        signature=problem.signature[customers],
        matrices=problem.matrices[:, customers] if len(problem.matrices) else problem.matrices,
        room=replace(
            room,
            capacity=np.where(rows, room.capacity, np.inf),
            floor=np.where(rows, room.floor, -np.inf),
            least=room.least[customers],
            most=room.most[customers],
        ),
    )


def _limits(limits: Any) -> list[Limit]:
    found = [limits] if isinstance(limits, Limit) else list(limits)
    for limit in found:
        if not isinstance(limit, Limit):
            raise AllocationError("limits are `Limit`s")
    names = [limit.name for limit in found]
    for name in names:
        if names.count(name) > 1:
            raise AllocationError(f"limit {name!r} stands twice")
    return found


def _values(values: Any, eligible: Any) -> tuple[NDArray[Any], NDArray[np.int32], int]:
    """Values customers x width with -inf where not eligible, and the action of each."""
    if sparse.issparse(values):
        return _sparse_values(sparse.csr_array(values), eligible)
    dense = np.asarray(values)
    if dense.ndim != 2 or dense.dtype.kind not in "iuf":
        raise AllocationError("values are numbers, customers x actions")
    laid = np.ascontiguousarray(dense, np.float32 if dense.dtype == np.float32 else np.float64)
    _finite(laid)
    n, count = laid.shape
    if eligible is not None:
        allowed = eligible.toarray() if sparse.issparse(eligible) else np.asarray(eligible)
        if allowed.shape != laid.shape or allowed.dtype != np.bool_:
            raise AllocationError(f"eligible is true or false, customers x actions ({n} x {count})")
        if not allowed.all():
            laid = np.where(allowed, laid, laid.dtype.type(-np.inf))
    _countable(count)
    return laid, np.arange(count, dtype=np.int32)[None, :], count


def _sparse_values(values: Any, eligible: Any) -> tuple[NDArray[Any], NDArray[np.int32], int]:
    values.sum_duplicates()
    n, count = values.shape
    _countable(count)
    if values.data.dtype.kind not in "iuf":
        raise AllocationError("values are numbers, customers x actions")
    degrees = np.diff(values.indptr)
    width = int(degrees.max(initial=0))
    kind = np.float32 if values.dtype == np.float32 else np.float64
    laid = np.full((n, width), -np.inf, kind)
    actions = np.zeros((n, width), np.int32)
    row = np.repeat(np.arange(n), degrees)
    place = np.arange(len(values.data)) - np.repeat(values.indptr[:-1], degrees)
    data = values.data.astype(kind)
    _finite(data)
    if eligible is not None:
        if eligible.shape != values.shape or eligible.dtype != np.bool_:
            raise AllocationError(f"eligible is true or false, customers x actions ({n} x {count})")
        allowed = sparse.csr_array(eligible) if sparse.issparse(eligible) else np.asarray(eligible)
        data = np.where(np.asarray(allowed[row, values.indices]).ravel(), data, -np.inf)
    laid[row, place], actions[row, place] = data, values.indices
    return laid, actions, count


def _countable(count: int) -> None:
    if count > np.iinfo(np.int16).max:
        raise AllocationError("there are more than 32,767 actions")


def _finite(values: NDArray[Any]) -> None:
    # a sum is finite where all are, and costs no second array
    if values.size and not np.isfinite(values.sum(dtype=np.float64)):
        wrong = np.argwhere(~np.isfinite(values))
        where = f"customer {int(wrong[0][0])}: " if len(wrong) and values.ndim == 2 else ""
        raise AllocationError(f"values: {where}a value is not finite")


def _is_own(limit: CheckedLimit) -> bool:
    """Whether no row has two customers."""
    if limit.group is None:
        return False
    some = limit.group[limit.group >= 0]
    return len(some) <= len(limit.capacity) and int(np.bincount(some).max(initial=0)) <= 1


def refuse_empty(limit: CheckedLimit) -> None:
    """Raise AllocationError where a row that is one customer's has a minimum, and nobody is under it."""
    assert limit.group is not None
    held = np.bincount(limit.group[limit.group >= 0], minlength=len(limit.floor)) > 0
    rows = np.flatnonzero(~held & (limit.floor > 0)).tolist()
    if rows:
        raise AllocationError(
            f"the limits contradict each other: what {limit.name!r} row {rows[0]} wants at least cannot be "
            f"had, for nobody falls under it",
            ((limit.name, rows[0], "at_least"),),
            tuple((limit.name, row, "at_least", float(limit.floor[row])) for row in rows),
        )


def _signatures(
    limits: tuple[CheckedLimit, ...], n: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], Numbers]:
    """Numbers of the different combinations of rows, by customer; their rows; where each limit's begin."""
    first = np.concatenate([[0], np.cumsum([len(x.capacity) for x in limits])]).astype(np.int64)
    key = np.zeros(n, np.int64)
    combinations = 1
    # the finest groups are the most significant: a manager's customers stand together
    for at in sorted(range(len(limits)), key=lambda at: (-len(limits[at].capacity), at)):
        limit = limits[at]
        if limit.group is None:
            continue
        # rows are numbered as the caller numbered them, so the order does not depend on that of customers
        size = len(limit.capacity) + 1
        key = key * size + (limit.group + 1)
        key, combinations = _dense(key, combinations * size)
    where = np.zeros(combinations, np.int64)
    where[key[::-1]] = np.arange(n)[::-1]
    rows = np.full((combinations, len(limits)), -1, np.int32)
    for at, limit in enumerate(limits):
        row = np.zeros(combinations, np.int64) if limit.group is None or not n else limit.group[where]
        rows[:, at] = np.where(row >= 0, row + first[at], -1)
    return key.astype(np.int32), rows, first


def _dense(key: Numbers, bound: int) -> tuple[Numbers, int]:
    """Keys numbered without gaps, in their order, and how many there are."""
    if bound > max(LOOKED_UP, len(key)):
        values, found = np.unique(key, return_inverse=True)
        return found.astype(np.int64), len(values)
    seen = np.zeros(bound, np.bool_)
    seen[key] = True
    place = np.cumsum(seen) - 1
    return place[key], int(place[-1]) + 1 if len(key) else 1


def _own_bounds(limits: tuple[CheckedLimit, ...], n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """`least` and `most` customers x own limits."""
    least, most = np.full((n, len(limits)), -np.inf), np.full((n, len(limits)), np.inf)
    for at, limit in enumerate(limits):
        assert limit.group is not None
        some = np.flatnonzero(limit.group >= 0)
        least[some, at] = limit.floor[limit.group[some]]
        most[some, at] = limit.capacity[limit.group[some]]
    return least, most


def _matrices(
    limits: tuple[CheckedLimit, ...], actions: NDArray[np.int32], shape: tuple[int, ...]
) -> tuple[Numbers, NDArray[Any]]:
    """Uses that differ by customer, laid out like the values."""
    n, width = shape
    at = np.full(len(limits), -1, np.int64)
    found: list[ArrayLike] = []
    for place, limit in enumerate(limits):
        if not limit.by_customer:
            continue
        at[place] = len(found)
        if sparse.issparse(limit.use):
            row = np.repeat(np.arange(n), width)
            column = np.broadcast_to(actions, shape).ravel()
            found.append(np.asarray(limit.use[row, column]).reshape(shape))
        elif len(actions) == 1 and limit.use.shape == shape:
            found.append(limit.use)
        else:
            found.append(np.take_along_axis(limit.use, np.broadcast_to(actions, shape).astype(np.int64), 1))
    if not found:
        return at, np.zeros((0, 1, 1))
    exact = all(np.asarray(x).dtype == np.float32 for x in found)
    return at, np.stack([np.asarray(x, np.float32 if exact else np.float64) for x in found])
