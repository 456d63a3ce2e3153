"""What is held of one aggregate for the customers who were touched, and how rows are added to it.

Rows come grouped by customer (`Runs`), and for each row there is the aggregate as it stood with that row:
running sums, running extremes. Texts and sets of different values are in `held_words`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from quanke.engines.live.columns import DTYPES, Array, Bools, Column
from quanke.engines.live.dense import Texts
from quanke.engines.live.lowering import LARGEST, RATE_LIMIT, exact_ratio, whole_quotient
from quanke.engines.live.opening import UNKNOWN, Partials
from quanke.engines.live.scalar import Scalar, fit64, half_up, in_rates
from quanke.language.nodes import Aggregate, Reduce, type_of
from quanke.language.types import RATE_ONE, Kind

TOO_LARGE = "a running total does not fit 64 bits"
Parts = tuple[Any, ...]
"""Partials of one slot, as plain numbers."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Rows grouped by customer, in the order of coming within each.

    `order`: places of the rows in that grouping, None where every customer has one row and rows stand as
    they came. `slots`: the customer's slot for each row so ordered; `starts` and `ends`: first and last row
    of each run; `run`: the run of each row; `place`: its place within the run; `longest`: rows of the
    longest run.
    """

    order: Array | None
    slots: Array
    starts: Array
    ends: Array
    run: Array
    place: Array
    longest: int

    def sorted(self, values: Array) -> Array:
        """Values of rows as they came, grouped."""
        return values if self.order is None else values[self.order]

    def back(self, values: Array) -> Array:
        """Values of grouped rows, as the rows came."""
        if self.order is None:
            return values
        placed = np.empty_like(values)
        placed[self.order] = values
        return placed


def runs_of(slots: Array, capacity: Array) -> Runs:
    """Rows grouped by slot. `capacity`: a scratch array as long as there are slots."""
    rows = np.arange(len(slots))
    capacity[slots] = rows
    if bool((capacity[slots] == rows).all()):
        return Runs(None, slots, rows, rows, rows, np.zeros(len(slots), np.int64), 1)
    order = np.argsort(slots, kind="stable")
    grouped = slots[order]
    first = np.empty(len(grouped), np.bool_)
    first[0] = True
    np.not_equal(grouped[1:], grouped[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    run = np.cumsum(first) - 1
    ends = np.append(starts[1:], len(grouped)) - 1
    place = rows - starts[run]
    return Runs(order, grouped, starts, ends, run, place, int(place.max()) + 1)


@dataclass(frozen=True, slots=True)
class Given:
    """What rows bring to one aggregate: `included` says which count at all, `values` what they bring (codes
    of `texts` for text), `days` their days by the window's field since 1970 (where that matters)."""

    included: Bools
    values: Array
    days: Array | None = None
    texts: Sequence[str] | None = None


class Held(Protocol):
    """What is held of one aggregate."""

    node: Aggregate
    arrays: list[Array]

    def open(self, partials: Partials) -> None:
        """Begin with the partials of a new opening; no customer is touched."""

    def touch(self, low: int, customers: Array, known: Bools, capacity: int) -> None:
        """Give the slots from `low` on to customers, with what the opening holds of those `known` in it."""

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """The partials with each row counted, grouped; nothing is kept yet. Raises OverflowError."""

    def keep(self, runs: Runs, after: tuple[Array, ...], given: Given | None) -> None:
        """Keep what stood after the last row of each run."""

    def seen(self, slots: Array) -> tuple[Array, ...]:
        """The partials of some slots."""

    def opened(self, customers: Array, known: Bools) -> tuple[Array, ...]:
        """What the opening holds of customers; of those not `known` in it, nothing."""

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """Values of the aggregate out of partials."""

    def one(self, slot: int) -> Parts:
        """The partials of one slot."""

    def plus(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> Parts:
        """Partials of a slot with one more value, which is known and counts. Raises OverflowError."""

    def put(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> None:
        """Keep what `plus` gave."""

    def back(self, slot: int, before: Parts, after: Parts, value: Scalar, day: int | None) -> None:
        """Take back what `put` kept."""

    def final(self, parts: Parts, as_of: dt.date) -> Scalar:
        """The aggregate's value out of the partials of one slot, as single rows hold it."""


def carrier(node: Aggregate) -> np.dtype[np.int64] | np.dtype[np.float64]:
    """How values are held: floats as they are, everything else whole."""
    value = node.type.kind if node.value is None else type_of(node.value).kind
    return np.dtype(np.float64) if value is Kind.NUMBER else np.dtype(np.int64)


class SlotArrays:
    """Slot arrays that grow, filled from the opening when a customer is touched."""

    nothing: tuple[int | float, ...]

    def __init__(self, node: Aggregate) -> None:
        self.node = node
        self.arrays: list[Array] = []
        self.base: tuple[Array, ...] = ()

    def dtypes(self) -> tuple[np.dtype[np.int64] | np.dtype[np.float64], ...]:
        """Types of the arrays."""
        return (carrier(self.node),)

    def open(self, partials: Partials) -> None:
        """Begin anew over an opening."""
        self.base = partials.arrays
        self.arrays = [np.zeros(0, dtype) for dtype in self.dtypes()]

    def touch(self, low: int, customers: Array, known: Bools, capacity: int) -> None:
        """Fill new slots."""
        for place, (own, base, nothing) in enumerate(zip(self.arrays, self.base, self.nothing, strict=True)):
            if len(own) < capacity:
                grown = np.empty(capacity, own.dtype)
                grown[:low] = own[:low]
                self.arrays[place] = own = grown
            fresh = own[low : low + len(customers)]
            if len(base) == 0:
                fresh[:] = nothing
            elif bool(known.all()):
                base.take(customers, out=fresh, mode="clip")
            else:
                fresh[:] = np.where(known, base.take(customers, mode="clip"), nothing)

    def opened(self, customers: Array, known: Bools) -> tuple[Array, ...]:
        """Partials of customers in the opening."""
        found = []
        for base, dtype, nothing in zip(self.base, self.dtypes(), self.nothing, strict=True):
            if len(base) == 0:
                found.append(np.full(len(customers), nothing, dtype))
            else:
                taken = base.take(np.minimum(customers, len(base) - 1))
                found.append(np.where(known, taken, nothing).astype(dtype, copy=False))
        return tuple(found)

    def seen(self, slots: Array) -> tuple[Array, ...]:
        """Partials of slots."""
        return tuple(own.take(slots) for own in self.arrays)

    def one(self, slot: int) -> Parts:
        """Partials of one slot."""
        return tuple([own.item(slot) for own in self.arrays])

    def put(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> None:
        """Keep partials."""
        for own, part in zip(self.arrays, parts, strict=True):
            own[slot] = part

    def back(self, slot: int, before: Parts, after: Parts, value: Scalar, day: int | None) -> None:
        """Take back what was put."""
        for own, part in zip(self.arrays, before, strict=True):
            own[slot] = part

    def keep(self, runs: Runs, after: tuple[Array, ...], given: Given | None) -> None:
        """Keep the last of each run."""
        if given is None:
            return
        slots = runs.slots if runs.order is None else runs.slots[runs.ends]
        for own, values in zip(self.arrays, after, strict=True):
            own[slots] = values if runs.order is None else values[runs.ends]


class Added(SlotArrays):
    """Sums and counts."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (0, 0) if node.reduce is Reduce.MEAN else (0,)

    def dtypes(self) -> tuple[np.dtype[np.int64] | np.dtype[np.float64], ...]:
        """Counts are whole, sums as their values are."""
        whole = np.dtype(np.int64)
        if self.node.reduce in (Reduce.COUNT, Reduce.ANY):
            return (whole,)
        return (carrier(self.node), whole) if self.node.reduce is Reduce.MEAN else (carrier(self.node),)

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """Running sums."""
        if given is None:
            return self.seen(runs.slots)
        included = runs.sorted(given.included)
        if self.node.reduce in (Reduce.COUNT, Reduce.ANY):
            return (_running(self.arrays[0], runs, included.astype(np.int64)),)
        brought = np.where(included, runs.sorted(given.values), 0)
        total = _running(self.arrays[0], runs, brought)
        if self.node.reduce is not Reduce.MEAN:
            return (total,)
        return total, _running(self.arrays[1], runs, included.astype(np.int64))

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """The sum, rounded where it is divided."""
        node, total = self.node, parts[0]
        match node.reduce:
            case Reduce.ANY:
                return Column(total > 0, ones)
            case Reduce.DAILY_MEAN:
                first, last = node.window.days(as_of)
                return Column(whole_quotient(total, (last - first).days + 1), ones)
            case Reduce.MEAN:
                return self._mean(total, parts[1])
        if node.type.kind is Kind.RATE:
            return Column(total, (total > -RATE_LIMIT) & (total < RATE_LIMIT))
        return Column(total, np.isfinite(total) if total.dtype.kind == "f" else ones)

    @property
    def _scale(self) -> int:
        given = type_of(self.node.value).kind if self.node.value is not None else Kind.INTEGER
        return RATE_ONE if given is Kind.INTEGER else 1

    def _mean(self, total: Array, count: Array) -> Column:
        return exact_ratio(self.node.type.kind, total, self._scale, count)

    def plus(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> Parts:
        """One more."""
        if self.node.reduce in (Reduce.COUNT, Reduce.ANY):
            return (parts[0] + 1,)
        total = parts[0] + value
        if not isinstance(total, float):
            fit64(total)
        return (total,) if len(parts) == 1 else (total, parts[1] + 1)

    def final(self, parts: Parts, as_of: dt.date) -> Scalar:
        """The sum, rounded where it is divided."""
        node, total = self.node, parts[0]
        match node.reduce:
            case Reduce.ANY:
                return bool(total > 0)
            case Reduce.DAILY_MEAN:
                first, last = node.window.days(as_of)
                return half_up(int(total), (last - first).days + 1)
            case Reduce.MEAN:
                if parts[1] == 0:
                    return None
                mean = half_up(int(total) * self._scale, int(parts[1]))
                return in_rates(mean) if node.type.kind is Kind.RATE else fit64(mean)
        if node.type.kind is Kind.RATE:
            return in_rates(int(total))
        return None if isinstance(total, float) and not math.isfinite(total) else total


def _running(own: Array, runs: Runs, brought: Array) -> Array:
    """The sum with each row counted. Sums that wrap on the way come right again, so only the result has to
    fit. Raises OverflowError where it does not."""
    before = own.take(runs.slots if runs.order is None else runs.slots[runs.starts])
    if runs.order is None:
        total: Array = before + brought
    else:
        along = np.cumsum(brought)
        offset = before - (along[runs.starts] - brought[runs.starts])
        total = along + offset[runs.run]
    if total.dtype.kind != "f" and len(total):
        most = max(int(brought.max()), -int(brought.min()))
        held = max(int(before.max()), -int(before.min()))
        if most * runs.longest + held > LARGEST:
            _fits(before, runs, brought)
    return total


def _fits(before: Array, runs: Runs, brought: Array) -> None:
    """Look at every sum in Python's whole numbers."""
    sums = [int(v) for v in before]
    for run, value in zip(runs.run.tolist(), brought.tolist(), strict=True):
        sums[run] += value
        if abs(sums[run]) > LARGEST:
            raise OverflowError(TOO_LARGE)


class Extreme(SlotArrays):
    """The smallest or the largest value."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.float = carrier(node).kind == "f"
        self.nothing = (np.nan,) if self.float else (int(UNKNOWN),)
        self.better = self._better(node.reduce is Reduce.MAX)

    def _better(self, largest: bool) -> Callable[[Array, Array], Array]:
        if self.float:
            return np.fmax if largest else np.fmin  # which pass nan over
        return np.maximum if largest else _smaller

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """Running extremes."""
        if given is None:
            return self.seen(runs.slots)
        brought = np.where(runs.sorted(given.included), runs.sorted(given.values), self.nothing[0])
        for step in _steps(runs):
            reach = runs.place[step:] >= step
            brought[step:] = np.where(reach, self.better(brought[step:], brought[:-step]), brought[step:])
        return (self.better(self.arrays[0].take(runs.slots), brought),)

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """The value."""
        return _carried(self.node, parts[0])

    def plus(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> Parts:
        """The better of two."""
        old = parts[0]
        if old in (UNKNOWN, None) or old != old:
            return (value,)
        larger = value > old
        return (value if larger == (self.node.reduce is Reduce.MAX) else old,)

    def final(self, parts: Parts, as_of: dt.date) -> Scalar:
        """The value."""
        return known_scalar(self.node, parts[0])


def _smaller(a: Array, b: Array) -> Array:
    """The smaller of two, UNKNOWN passed over: seen without its sign it is larger than all others."""
    shift = np.int64(-1)
    smaller: Array = np.minimum((a + shift), (b + shift)) - shift  # UNKNOWN less one wraps to the largest
    return smaller


def _steps(runs: Runs) -> list[int]:
    """1, 2, 4 ... below the length of the longest run: so many rounds carry every row to all after it."""
    found, step = [], 1
    while step < runs.longest:
        found.append(step)
        step *= 2
    return found


def _carried(node: Aggregate, values: Array) -> Column:
    """Held values as columns of their kind."""
    if values.dtype.kind == "f":
        return Column(values, ~np.isnan(values))
    valid = values != UNKNOWN
    kind = node.type.kind
    if kind in (Kind.DATE, Kind.INSTANT):
        return Column(np.where(valid, values, 0).astype(DTYPES[kind]), valid)
    if kind is Kind.BOOLEAN:
        return Column(values == 1, valid)
    return Column(values, valid)


def known_scalar(node: Aggregate, value: Any) -> Scalar:
    """A held value, None for none."""
    if value == UNKNOWN or value != value:
        return None
    return bool(value) if node.type.kind is Kind.BOOLEAN else value


class Last(SlotArrays):
    """The value of the last day, the greatest of that day."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (int(UNKNOWN), np.nan if carrier(node).kind == "f" else int(UNKNOWN))

    def dtypes(self) -> tuple[np.dtype[np.int64] | np.dtype[np.float64], ...]:
        """A day and a value."""
        return (np.dtype(np.int64), carrier(self.node))

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """The running last."""
        if given is None:
            return self.seen(runs.slots)
        assert given.days is not None
        included = runs.sorted(given.included)
        day = np.where(included, runs.sorted(given.days), self.nothing[0])
        value = np.where(included, runs.sorted(given.values), self.nothing[1])
        for step in _steps(runs):
            reach = runs.place[step:] >= step
            earlier, its = _later(day[step:], value[step:], day[:-step], value[:-step])
            day[step:] = np.where(reach, earlier, day[step:])
            value[step:] = np.where(reach, its, value[step:])
        return _later(self.arrays[0].take(runs.slots), self.arrays[1].take(runs.slots), day, value)

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """The value."""
        return _carried(self.node, parts[1])

    def plus(self, slot: int, parts: Parts, value: Scalar, day: int | None) -> Parts:
        """The later of two."""
        assert day is not None
        later = day > parts[0] or (day == parts[0] and value > parts[1])
        return (day, value) if later else parts

    def final(self, parts: Parts, as_of: dt.date) -> Scalar:
        """The value."""
        return known_scalar(self.node, parts[1])


def _later(a_day: Array, a: Array, b_day: Array, b: Array) -> tuple[Array, Array]:
    second = (b_day > a_day) | ((b_day == a_day) & (b > a))
    return np.where(second, b_day, a_day), np.where(second, b, a)
