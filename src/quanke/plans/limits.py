"""Limits of a plan: what may be used at most and what at least, over everybody or by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import AllocationError

Amounts = NDArray[np.float64]
LARGEST = 1e15
"""Uses and capacities stay below this: sums of millions of them are still told apart."""


@dataclass(frozen=True, eq=False)
class Limit:
    """One kind of room: minutes of each post, text messages of a month, sales of each branch.

    `use`: what an action uses (at least 0), an array by action or customers x actions (SciPy sparse too).
    `group`: under which of the limit's rows a customer falls, -1 under none; None: everybody under row 0.
    `capacity`: what may be used at most, one number or one by row; None or infinite: no bound.
    `at_least`: what has to be used at least, likewise; one number is meant for the rows somebody falls under.
    A group whose rows hold one customer each ("must be contacted this month") costs next to nothing: it is
    kept where the customer's actions are chosen and has no price.
    `priority`: where limits contradict each other, minima of a lower one give way first; one whole number or
    one by row. Capacities never give way.
    """

    name: str
    capacity: Any
    use: Any
    group: Any = None
    at_least: Any = None
    priority: Any = 0


@dataclass(frozen=True, eq=False)
class CheckedLimit:
    """A limit in arrays: `group` by customer or None, `capacity` (none: inf), `floor` (none: -inf) and
    `priority` by row."""

    name: str
    use: Any
    group: NDArray[np.int32] | None
    capacity: Amounts
    floor: Amounts
    priority: NDArray[np.int64]

    @property
    def by_customer(self) -> bool:
        """Whether the use differs by customer."""
        return bool(self.use.ndim == 2)


def checked(limit: Limit, customers: int, actions: int) -> CheckedLimit:
    """The limit in arrays. Raises AllocationError that names the limit and what is wrong with it."""
    name = limit.name
    if not isinstance(name, str) or not name:
        raise AllocationError("a limit needs a name")
    use = _use(limit, customers, actions)
    group, highest = _group(limit, customers)
    rows = 1 if limit.group is None else max(highest + 1, _length(limit.capacity), _length(limit.at_least))
    priority = _priority(limit, rows)
    capacity = _by_row(limit, "capacity", limit.capacity, rows, np.inf)
    floor = _by_row(limit, "at_least", limit.at_least, rows, -np.inf)
    # nothing uses less than nothing
    floor[floor <= 0] = -np.inf
    if group is not None and np.ndim(limit.at_least) == 0:
        floor[np.bincount(group[group >= 0], minlength=rows) == 0] = -np.inf
    return CheckedLimit(name, use, group, capacity, floor, priority)


def _use(limit: Limit, customers: int, actions: int) -> Any:
    if hasattr(limit.use, "indptr") or hasattr(limit.use, "tocsr"):
        from scipy import sparse

        found = sparse.csr_array(limit.use)
        numbers = found.data
    else:
        found = numbers = np.asarray(limit.use)
    if numbers.dtype.kind not in "iufb":
        raise AllocationError(f"limit {limit.name!r}: use is no number")
    if found.shape not in ((actions,), (customers, actions)):
        raise AllocationError(
            f"limit {limit.name!r}: use has shape {found.shape}; it is one number by action ({actions}), or "
            f"customers x actions ({customers} x {actions})"
        )
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() <= LARGEST):
        raise AllocationError(f"limit {limit.name!r}: a use is below zero, above 10^15 or not a number")
    return found.astype(np.float64) if found.ndim == 1 else found


def _group(limit: Limit, customers: int) -> tuple[NDArray[np.int32] | None, int]:
    if limit.group is None:
        return None, 0
    group = np.asarray(limit.group)
    if group.shape != (customers,) or group.dtype.kind not in "iu":
        raise AllocationError(
            f"limit {limit.name!r}: group is one whole number by customer ({customers}), -1 for none"
        )
    highest = int(group.max(initial=-1))
    if customers and (group.min() < -1 or highest > np.iinfo(np.int32).max - 1):
        raise AllocationError(f"limit {limit.name!r}: a group is below -1 or too large")
    return group.astype(np.int32, copy=False), highest


def _priority(limit: Limit, rows: int) -> NDArray[np.int64]:
    found = np.asarray(limit.priority)
    if found.dtype.kind not in "iu" or found.shape not in ((), (rows,)):
        raise AllocationError(
            f"limit {limit.name!r}: priority is one whole number, or one for each of {rows} rows"
        )
    return np.broadcast_to(found, (rows,)).astype(np.int64)


def _length(bound: Any) -> int:
    return 0 if bound is None or np.ndim(bound) == 0 else len(bound)


def _by_row(limit: Limit, which: str, bound: Any, rows: int, none: float) -> Amounts:
    found = np.array(none if bound is None else bound, np.float64)
    if found.ndim > 1 or (found.ndim == 1 and len(found) != rows):
        raise AllocationError(f"limit {limit.name!r}: {which} is one number, or one for each of {rows} rows")
    wrong = np.isnan(found) | (found < 0 if which == "capacity" else found == np.inf)
    if wrong.any():
        row = f" row {int(np.argmax(wrong))}" if found.ndim else ""
        raise AllocationError(f"limit {limit.name!r}{row}: {which} is not a number a plan could keep")
    return np.full(rows, found) if found.ndim == 0 else found
