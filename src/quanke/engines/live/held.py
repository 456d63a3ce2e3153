"""What is held of one aggregate for the customers who were touched, and how rows are added to it.

Rows come grouped by customer (`Runs`), and for each row there is the aggregate as it stood with that row:
running sums, running extremes. Nothing here looks at one row at a time, but for texts and for sets of
different values.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from quanke.engines.live.columns import DTYPES, Array, Bools, Column
from quanke.engines.live.dense import NO_TEXT, Texts
from quanke.engines.live.lowering import LARGEST, RATE_LIMIT, exact_ratio, whole_quotient
from quanke.engines.live.opening import ADDED, SETS, UNKNOWN, Partials, is_text
from quanke.language.nodes import Aggregate, Reduce, type_of
from quanke.language.types import RATE_ONE, Kind

TOO_LARGE = "a running total does not fit 64 bits"


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


def held_of(node: Aggregate) -> Held:
    """What is held of an aggregate, empty."""
    if node.reduce in SETS:
        return Different(node)
    if node.reduce in ADDED:
        return Added(node)
    if node.reduce is Reduce.LAST:
        return LastText(node) if is_text(node) else Last(node)
    return ExtremeText(node) if is_text(node) else Extreme(node)


def carrier(node: Aggregate) -> np.dtype[np.int64] | np.dtype[np.float64]:
    """How values are held: floats as they are, everything else whole."""
    value = node.type.kind if node.value is None else type_of(node.value).kind
    return np.dtype(np.float64) if value is Kind.NUMBER else np.dtype(np.int64)


class _Arrays:
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

    def keep(self, runs: Runs, after: tuple[Array, ...], given: Given | None) -> None:
        """Keep the last of each run."""
        if given is None:
            return
        slots = runs.slots if runs.order is None else runs.slots[runs.ends]
        for own, values in zip(self.arrays, after, strict=True):
            own[slots] = values if runs.order is None else values[runs.ends]


class Added(_Arrays):
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

    def _mean(self, total: Array, count: Array) -> Column:
        given = type_of(self.node.value).kind if self.node.value is not None else Kind.INTEGER
        scale = RATE_ONE if given is Kind.INTEGER else 1
        return exact_ratio(self.node.type.kind, total, scale, count)


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


class Extreme(_Arrays):
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


class Last(_Arrays):
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


def _later(a_day: Array, a: Array, b_day: Array, b: Array) -> tuple[Array, Array]:
    second = (b_day > a_day) | ((b_day == a_day) & (b > a))
    return np.where(second, b_day, a_day), np.where(second, b, a)


class _Words(_Arrays):
    """Texts: held as codes of a vocabulary that grows, compared as they read."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.words: list[str] = []
        self.code: dict[str, int] = {}

    def open(self, partials: Partials) -> None:
        """Begin with the opening's vocabulary."""
        super().open(partials)
        self.words = list(partials.texts or ())
        self.code = {word: place for place, word in enumerate(self.words)}

    def coded(self, word: str) -> int:
        """Code of a word, which may be new."""
        found = self.code.get(word)
        if found is None:
            found = self.code[word] = len(self.words)
            self.words.append(word)
        return found

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """The texts."""
        codes = parts[-1]
        return Texts(np.where(codes == UNKNOWN, NO_TEXT, codes), self.words)


class ExtremeText(_Words):
    """The smallest or the largest text by code points."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (int(UNKNOWN),)

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """Running extremes."""
        codes = self.arrays[0].take(runs.slots if given is None else runs.slots[runs.starts]).tolist()
        if given is None:
            return (np.array(codes, np.int64),)
        largest = self.node.reduce is Reduce.MAX
        running = np.empty(len(runs.run), np.int64)
        texts = given.texts or ()
        rows = zip(
            runs.run.tolist(), runs.sorted(given.included).tolist(), runs.sorted(given.values).tolist()
        )
        for place, (run, included, value) in enumerate(rows):
            if included:
                word, old = texts[value], codes[run]
                if old == UNKNOWN or ((word > self.words[old]) if largest else (word < self.words[old])):
                    codes[run] = self.coded(word)
            running[place] = codes[run]
        return (running,)


class LastText(_Words):
    """The text of the last day, the greatest of that day."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (int(UNKNOWN), int(UNKNOWN))

    def dtypes(self) -> tuple[np.dtype[np.int64] | np.dtype[np.float64], ...]:
        """A day and a code."""
        return (np.dtype(np.int64), np.dtype(np.int64))

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """The running last."""
        if given is None:
            return self.seen(runs.slots)
        assert given.days is not None
        included = runs.sorted(given.included)
        if not bool(included.any()):
            return self.seen(runs.slots)
        at = runs.slots[runs.starts]
        days, codes = self.arrays[0].take(at).tolist(), self.arrays[1].take(at).tolist()
        all_days, all_codes = (np.empty(len(runs.run), np.int64) for _ in range(2))
        texts = given.texts or ()
        rows = zip(
            runs.run.tolist(),
            included.tolist(),
            runs.sorted(given.days).tolist(),
            runs.sorted(given.values).tolist(),
        )
        for place, (run, counts, day, value) in enumerate(rows):
            if counts and day >= days[run]:
                word = texts[value]
                if day > days[run] or word > self.words[codes[run]]:
                    days[run], codes[run] = day, self.coded(word)
            all_days[place], all_codes[place] = days[run], codes[run]
        return all_days, all_codes


class Different(_Arrays):
    """How many different values: the values themselves are kept for customers to whom a row added one."""

    def __init__(self, node: Aggregate) -> None:
        super().__init__(node)
        self.nothing = (0,)
        self.sets: dict[int, set[object]] = {}
        self.owner: Array = np.zeros(0, np.int64)
        self.partials = Partials(())
        self.text = node.value is not None and type_of(node.value).kind is Kind.TEXT

    def dtypes(self) -> tuple[np.dtype[np.int64] | np.dtype[np.float64], ...]:
        """A count."""
        return (np.dtype(np.int64),)

    def open(self, partials: Partials) -> None:
        """Counts at hand, sets when asked for."""
        starts = partials.arrays[0]
        super().open(Partials((np.diff(starts) if len(starts) else starts,)))
        self.partials, self.sets, self.owner = partials, {}, np.zeros(0, np.int64)

    def touch(self, low: int, customers: Array, known: Bools, capacity: int) -> None:
        """Fill new slots and remember whose they are."""
        super().touch(low, customers, known, capacity)
        self.owner = np.concatenate([self.owner[:low], np.where(known, customers, -1)])

    def _set(self, slot: int) -> set[object]:
        found = self.sets.get(slot)
        if found is None:
            starts, values = self.partials.arrays if len(self.partials.arrays) == 2 else ((), ())
            owner, found = int(self.owner[slot]), set()
            if owner >= 0 and len(starts):
                found = set(values[int(starts[owner]) : int(starts[owner + 1])].tolist())
                if self.text:
                    found = {(self.partials.texts or ())[code] for code in found}
            self.sets[slot] = found
        return found

    def after(self, runs: Runs, given: Given | None) -> tuple[Array, ...]:
        """Running counts."""
        counts = self.arrays[0].take(runs.slots)
        if given is None:
            return (counts,)
        fresh: dict[int, set[object]] = {}
        included = runs.sorted(given.included).tolist()
        for place, (slot, value) in enumerate(
            zip(runs.slots.tolist(), self._brought(runs, given), strict=True)
        ):
            if included[place]:
                new = fresh.setdefault(slot, set())
                if value not in self._set(slot):
                    new.add(value)
            counts[place] += len(fresh.get(slot, ()))
        return (counts,)

    def _brought(self, runs: Runs, given: Given) -> list[object]:
        values = runs.sorted(given.values).tolist()
        if self.text:
            texts = given.texts or ()
            return [texts[code] if code >= 0 else None for code in values]
        return values

    def keep(self, runs: Runs, after: tuple[Array, ...], given: Given | None) -> None:
        """Keep counts and values."""
        super().keep(runs, after, given)
        if given is not None:
            included = runs.sorted(given.included).tolist()
            for place, (slot, value) in enumerate(
                zip(runs.slots.tolist(), self._brought(runs, given), strict=True)
            ):
                if included[place]:
                    self._set(slot).add(value)

    def finish(self, parts: tuple[Array, ...], as_of: dt.date, ones: Bools) -> Column | Texts:
        """The count."""
        return Column(parts[0], ones)
