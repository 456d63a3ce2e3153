"""Who may go where: the edges of an assignment, checked and laid out customer by customer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from quanke.books.passes import rising
from quanke.kernel.errors import AssignmentError

Numbers = NDArray[np.int64]
Amounts = NDArray[np.float64]
COLUMNS = ("customer", "post", "cost")
LARGEST = 1e15
"""Costs and loads stay below this in absolute value: sums of millions of them are still told apart."""


@dataclass(frozen=True)
class Edges:
    """Edges in the order of customer and post. `start[i]` to `start[i + 1]` are those of customer i; `load`
    None: everybody weighs 1. `capacity` by post, in units of load."""

    start: Numbers
    post: NDArray[np.int32]
    cost: Amounts
    load: Amounts | None
    capacity: Amounts

    @property
    def customers(self) -> int:
        """How many customers."""
        return len(self.start) - 1

    @property
    def posts(self) -> int:
        """How many posts."""
        return len(self.capacity)

    @cached_property
    def weights(self) -> Amounts:
        """The load of each edge; of one element where everybody weighs 1."""
        return np.ones(1) if self.load is None else self.load

    @cached_property
    def most(self) -> int:
        """Edges of the customer who has most."""
        return int(np.diff(self.start).max(initial=1))

    def load_of(self, edges: Numbers) -> Amounts:
        """Loads of some edges."""
        return np.ones(len(edges)) if self.load is None else self.load[edges]


def edges_of(table: pa.Table, capacity: ArrayLike) -> Edges:
    """The edges of a table `customer, post, cost` and perhaps `load`, in any order.

    Raises AssignmentError, naming the column and the row, for a null, a number outside its range, a customer
    without an edge, the same customer and post twice.
    """
    given = {name: _column(table, name) for name in COLUMNS}
    if "load" in table.column_names:
        given["load"] = _column(table, "load")
    room = np.ascontiguousarray(np.asarray(capacity, np.float64))
    if room.ndim != 1 or not np.isfinite(room).all() or (room < 0).any() or (room > LARGEST).any():
        raise AssignmentError("capacity is one number by post, not below zero and not above 10^15")
    customer, post = _whole(given["customer"], "customer"), _whole(given["post"], "post")
    cost = _finite(given["cost"], "cost")
    _refuse((customer < 0), "customer", "is below zero")
    _refuse((post < 0) | (post >= len(room)), "post", f"is not among the {len(room)} posts of capacity")
    _refuse(np.abs(cost) > LARGEST, "cost", "is above 10^15")
    load = None
    if "load" in given:
        load = _finite(given["load"], "load")
        _refuse((load < 0) | (load > LARGEST), "load", "is below zero or above 10^15")
        if (load == 1).all():
            load = None
    post = post.astype(np.int32)
    if not rising(customer, post):
        order = np.lexsort((post, customer))
        customer, post, cost = customer[order], post[order], cost[order]
        load = None if load is None else load[order]
        twice = (customer[1:] == customer[:-1]) & (post[1:] == post[:-1])
        if twice.any():
            place = int(order[int(np.argmax(twice)) + 1])
            raise AssignmentError(f"edges row {place}: the same customer and post stand twice")
    return Edges(_starts(customer), post, cost, load, room)


def _starts(customer: NDArray[Any]) -> Numbers:
    count = int(customer[-1]) + 1 if len(customer) else 0
    degrees = np.bincount(customer, minlength=count)
    alone = np.flatnonzero(degrees == 0)
    if len(alone):
        raise AssignmentError(
            f"customer {int(alone[0])} has no edge ({len(alone)} have none): everybody needs a post"
        )
    return np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    if name not in table.column_names:
        raise AssignmentError(f"edges have no column {name!r}")
    column = table[name]
    if column.null_count:
        place = column.is_null().to_numpy().argmax()
        raise AssignmentError(f"edges row {int(place)}: {name} is null")
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise AssignmentError(f"edges: {name} is no number")
    found: NDArray[Any] = column.to_numpy()
    return found


def _whole(values: NDArray[Any], name: str) -> NDArray[Any]:
    if values.dtype.kind == "f":
        raise AssignmentError(f"edges: {name} is a whole number")
    return values


def _finite(values: NDArray[Any], name: str) -> Amounts:
    found = np.ascontiguousarray(values, np.float64)
    _refuse(~np.isfinite(found), name, "is not finite")
    return found


def _refuse(wrong: NDArray[np.bool_], name: str, why: str) -> None:
    if wrong.any():
        raise AssignmentError(f"edges row {int(np.argmax(wrong))}: {name} {why}")
