"""A plan over portions of the base that one machine does not hold: what each does alone, and what is summed.

A portion is a table of some customers. At given prices it answers with sums by row (`partial_pass`,
`partial_choice`), pure functions of arrays; the driver only moves the prices. They are found on a sample of
customers brought to the driver and finished by passes over all portions. Who is put right in the end is a
sample as well; everybody else takes his best choice at the prices, wherever he is (`partial_plan`). Sums are
made portion by portion, in their order: where the portions are worked on decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.kernel.errors import AllocationError
from quanke.plans import dual, passes
from quanke.plans.contradiction import contradicted, crossed
from quanke.plans.dual import Pass, smoothed_pass
from quanke.plans.limits import Amounts, Limit
from quanke.plans.mending import Mended, mended_beside, mended_by, stride_of
from quanke.plans.problem import Numbers, Problem, problem_of


@dataclass(frozen=True, eq=False)
class Frame:
    """What is common to all portions.

    `limits`: `group` is the name of a column (None: everybody), `use` by action or the name of a column of
    lists; `capacity` and `at_least` by row. `own`: limits of each customer alone; `capacity` and `at_least`
    are names of columns (null: none). `k`: actions for a customer at most.
    """

    limits: tuple[Limit, ...]
    own: tuple[Limit, ...] = ()
    k: int = 1

    @property
    def rows(self) -> int:
        """Rows of all limits that have prices."""
        return sum(_rows(limit) for limit in self.limits)


def _rows(limit: Limit) -> int:
    given = [np.atleast_1d(b) for b in (limit.capacity, limit.at_least) if b is not None]
    if not given or len({len(b) for b in given}) > 1:
        raise AllocationError(f"limit {limit.name!r}: over portions, a bound is given for each row")
    return len(given[0])


@dataclass(frozen=True, eq=False)
class Sums:
    """What everybody's best choices at some prices are worth (`value`, after prices `net`) and use by row;
    `impossible`: whether somebody's own limits cannot be kept."""

    value: float
    net: float
    usage: Amounts
    impossible: bool


class Portions(Protocol):
    """Portions of a base, wherever they are; answers come in the order of portions."""

    @property
    def customers(self) -> int:
        """How many there are."""

    def passes(self, price: Amounts, delta: float) -> list[Pass]:
        """`partial_pass` of each portion."""

    def choices(self, price: Amounts) -> list[Sums]:
        """`partial_choice` of each portion."""

    def sample(self, stride: int) -> pa.Table:
        """`partial_sample` of each portion, one after the other."""


@dataclass(frozen=True, eq=False)
class PortionPlan:
    """A plan over portions: the prices everybody chooses at, and who was `moved` from that choice to what.

    `moved` are numbers of customers, ascending, `chosen` their actions. `value`, `bound` and `gap` as in
    `Plan`; `use` by row.
    """

    price: Amounts
    moved: Numbers
    chosen: NDArray[np.int16]
    value: float
    bound: float
    gap: float
    use: Amounts


def portion_of(table: pa.Table, frame: Frame) -> Problem:
    """The problem of a portion: a table with `customer`, `values` (lists, null: not eligible) and the columns
    that the frame names."""
    values = _lists(table, "values")
    limits = []
    for limit in frame.limits:
        group = None if limit.group is None else table[limit.group].to_numpy()
        use = _lists(table, limit.use) if isinstance(limit.use, str) else limit.use
        limits.append(replace(limit, group=group, use=use))
    n = table.num_rows
    for limit in frame.own:
        capacity = _filled(table, limit.capacity, np.inf)
        at_least = _filled(table, limit.at_least, -np.inf)
        use = _lists(table, limit.use) if isinstance(limit.use, str) else limit.use
        limits.append(Limit(limit.name, capacity, use, np.arange(n), at_least))
    allowed = ~np.isnan(values)
    names = [limit.name for limit in frame.own]
    return problem_of(np.where(allowed, values, 0), limits, allowed, frame.k, names)


def _lists(table: pa.Table, name: str) -> NDArray[np.float32]:
    column = table[name].combine_chunks()
    flat = column.flatten() if len(column) else pa.array([], pa.float32())
    found: NDArray[np.float32] = flat.to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)
    return found


def _filled(table: pa.Table, name: str | None, none: float) -> Amounts:
    if name is None:
        return np.full(table.num_rows, none)
    found = table[name].to_numpy().astype(np.float64)
    return np.where(np.isnan(found), none, found)


def partial_pass(portion: Problem, price: Amounts, delta: float) -> Pass:
    """What a portion adds to the smoothed dual at some prices: value, use by row, curvature."""
    return smoothed_pass(portion, price, delta)


def partial_choice(portion: Problem, price: Amounts) -> Sums:
    """What a portion's best choices at some prices add up to."""
    best = dual.chosen_at(portion, price)
    return Sums(best.value, best.net, best.usage, best.impossible >= 0)


def partial_sample(table: pa.Table, portion: Problem, stride: int) -> pa.Table:
    """Rows of every `stride`-th customer of a portion."""
    return table.take(pa.array(portion.order[::stride]))


def partial_plan(
    table: pa.Table, portion: Problem, price: Amounts, moved: Numbers, to: NDArray[np.int16]
) -> NDArray[np.int16]:
    """What each customer of a portion is given: his best choice at the prices, or what he was moved to."""
    best = dual.chosen_at(portion, price)
    chosen = np.empty_like(best.places)
    passes.offered(portion.parts(), best.places, portion.order, chosen)
    customer = table["customer"].to_numpy()
    if len(moved):
        at = np.minimum(np.searchsorted(moved, customer), len(moved) - 1)
        some = moved[at] == customer
        chosen[some] = to[at[some]]
    return chosen


def planned_over(portions: Portions, frame: Frame) -> PortionPlan:
    """The plan of a base in portions. Raises AllocationError as `allocate` does."""
    sample = portion_of(portions.sample(dual.stride_for(portions.customers, frame.rows)), frame)
    if (sample.room.floor > sample.room.capacity).any():
        raise crossed(portion_of(portions.sample(1), frame), _attempted) or AssertionError()
    room, share = sample.room, sample.customers / max(portions.customers, 1)
    some = replace(sample, room=replace(room, capacity=room.capacity * share, floor=room.floor * share))
    price = dual.priced(some)
    price = dual.finished(
        price, room, dual.scale_of(sample), dual.unit_of(sample),
        lambda y, delta: dual.joined(portions.passes(y, delta), len(y)),
    )  # fmt: skip
    sums = portions.choices(price)
    value, net = sum(s.value for s in sums), sum(s.net for s in sums)
    usage = dual.summed([s.usage for s in sums], len(price))
    if any(s.impossible for s in sums):
        raise contradicted(portion_of(portions.sample(1), frame), None, _attempted)
    bound = dual.bound_of(room, price, usage, value, net)
    stride = stride_of(portions.customers, len(price))
    while True:
        table = portions.sample(stride)
        part = portion_of(table, frame)
        best = dual.chosen_at(part, price)
        rest, beside = usage - best.usage, value - best.value
        found = mended_beside(part, price, best, rest, bound - beside)
        if not len(found.wrong):
            break
        if stride == 1:
            raise contradicted(part, found, _attempted)
        stride = max(1, stride // 4)
    used, worth = dual.used_by(part, found.places)
    chosen = np.empty_like(found.places)
    passes.offered(part.parts(), found.places, part.order, chosen)
    customer = table["customer"].to_numpy().astype(np.int64)
    order = np.argsort(customer)
    total = beside + worth
    if stride == 1:
        bound -= found.fallen
    bound = max(bound, total)
    gap = 0.0 if total == bound else (bound - total) / max(abs(bound), 1e-300)
    return PortionPlan(price, customer[order], chosen[order], total, bound, gap, rest + used)


def _attempted(problem: Problem) -> Mended:
    price = dual.priced(problem)
    return mended_by(problem, price, dual.chosen_at(problem, price), np.inf, 1)


class TablePortions:
    """Portions that are tables in this process."""

    def __init__(self, tables: Sequence[pa.Table], frame: Frame) -> None:
        self._tables = tables
        self._problems = [portion_of(table, frame) for table in tables]

    @property
    def customers(self) -> int:
        """How many there are."""
        return sum(table.num_rows for table in self._tables)

    def passes(self, price: Amounts, delta: float) -> list[Pass]:
        """`partial_pass` of each portion."""
        return [partial_pass(problem, price, delta) for problem in self._problems]

    def choices(self, price: Amounts) -> list[Sums]:
        """`partial_choice` of each portion."""
        return [partial_choice(problem, price) for problem in self._problems]

    def sample(self, stride: int) -> pa.Table:
        """`partial_sample` of each portion, one after the other."""
        pairs = zip(self._tables, self._problems, strict=True)
        return pa.concat_tables([partial_sample(t, p, stride) for t, p in pairs])

    def plan(self, found: PortionPlan) -> list[NDArray[np.int16]]:
        """`partial_plan` of each portion."""
        pairs = zip(self._tables, self._problems, strict=True)
        return [partial_plan(t, p, found.price, found.moved, found.chosen) for t, p in pairs]
