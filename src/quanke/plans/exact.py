"""Small plans as integer programs (HiGHS): exact answers, and an oracle for what cannot be met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.plans.limits import Amounts
from quanke.plans.problem import Numbers, Problem

NODES = 500
"""A search stops after so many nodes, not after a time: the same answer on every machine."""


@dataclass(frozen=True, eq=False)
class Program:
    """Columns: customer and place of each eligible action. `matrix` has a line for each bound row: first the
    shared rows, then customers x own limits; `low` and `high` are their bounds; `named` the shared row of a
    line, or rows + customer * own limits + limit. `count`: how many customers each of them stands for."""

    customer: Numbers
    place: Numbers
    value: Amounts
    matrix: Any
    low: Amounts
    high: Amounts
    named: Numbers
    most: Any
    count: Amounts
    k: int


def program_of(problem: Problem, count: Amounts | None = None) -> Program:
    """The integer program of a problem; `count` where its customers stand for so many who are alike."""
    from scipy import sparse

    room = problem.room
    count = np.ones(problem.customers) if count is None else count
    customer, place = np.nonzero(np.isfinite(problem.values))
    columns, rows = np.arange(len(customer)), len(room.capacity)
    own = room.least.shape[1]
    lines, numbers, entries = [], [], []
    for limit in range(problem.shared + own):
        use = uses_of(problem, limit, customer, place)
        if limit < problem.shared:
            line = problem.rows[problem.signature[customer], limit].astype(np.int64)
        else:
            line = rows + customer * own + (limit - problem.shared)
        some = (line >= 0) & (use > 0)
        lines.append(line[some])
        numbers.append(columns[some])
        entries.append(use[some])
    low = np.concatenate([room.floor, room.least.ravel()]).astype(np.float64)
    high = np.concatenate([room.capacity, room.most.ravel()]).astype(np.float64)
    bound = np.flatnonzero(np.isfinite(low) | np.isfinite(high))
    join = np.concatenate
    whole = sparse.csr_matrix(
        (
            join([np.empty(0), *entries]),
            (join([np.empty(0, int), *lines]), join([np.empty(0, int), *numbers])),
        ),
        shape=(len(low), len(columns)),
    )
    most = sparse.csr_matrix(
        (np.ones(len(columns)), (customer, columns)), shape=(problem.customers, len(columns))
    )
    value = problem.values[customer, place].astype(np.float64)
    return Program(
        customer, place, value, whole[bound], low[bound], high[bound], bound, most, count, problem.k
    )


def uses_of(problem: Problem, limit: int, customer: Numbers, place: Numbers) -> Amounts:
    """What places of customers use of a limit."""
    at = problem.matrix_at[limit]
    if at >= 0:
        return np.asarray(problem.matrices[at][customer, place], np.float64)
    actions = problem.actions[0][place] if len(problem.actions) == 1 else problem.actions[customer, place]
    return np.asarray(problem.use[limit][actions], np.float64)


def solved(program: Program, problem: Problem) -> tuple[NDArray[np.int16], float] | None:
    """The best plan found within NODES and what none is above; None where none was found."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    if not len(program.value):
        empty = not (program.low > 0).any()
        return (np.full((problem.customers, problem.k), -1, np.int16), 0.0) if empty else None
    limits = [LinearConstraint(program.most, -np.inf, program.k)]
    if len(program.named):
        limits.append(LinearConstraint(program.matrix, program.low, program.high))
    found = milp(
        -program.value,
        integrality=np.ones(len(program.value)),
        bounds=Bounds(0, 1),
        constraints=limits,
        options={"mip_rel_gap": 1e-9, "node_limit": NODES},
    )
    if found.x is None:
        return None
    # the solver's bound holds to its tolerance
    bound = -float(found.mip_dual_bound)
    return placed(program, problem, found.x > 0.5), bound + 1e-9 * abs(bound)


def placed(program: Program, problem: Problem, taken: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Choices by customer from the columns that are taken."""
    places = np.full((problem.customers, problem.k), -1, np.int16)
    customer, place = program.customer[taken], program.place[taken]
    first = np.searchsorted(customer, np.arange(problem.customers))
    places[customer, np.arange(len(customer)) - first[customer]] = place
    return places
