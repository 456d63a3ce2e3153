"""One plan in a process of its own: python -m benchmarks.plan.job CUSTOMERS ours|pdlp|highs SECONDS."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks.plan.instance import ACTIONS, Instance, K, made

WARM = 5_000
"""Customers of the plan by which machine code is made ready."""


def ours(instance: Instance, seconds: float) -> dict[str, Any]:
    """`quanke.plans.allocate`, its machine code ready; the plan is checked beside it."""
    from quanke.plans import Limit, allocate

    def limits_of(some: Instance) -> list[Limit]:
        return [Limit(name, cap, use, group, least) for name, (use, group, cap, least) in some.limits.items()]

    limits, small = limits_of(instance), made(WARM)
    allocate(small.values, limits_of(small), small.values > 0, K)
    eligible = instance.values > 0
    begin = time.perf_counter()
    plan = allocate(instance.values, limits, eligible, K)
    took = time.perf_counter() - begin
    value = checked(instance, plan.chosen)
    if abs(value - plan.value) > 1e-6 * abs(value):
        sys.exit("the plan is not worth what it says")
    begin = time.perf_counter()
    asked = plan.whatif("text", capacity=instance.limits["text"][2] * 1.1)
    return {
        "seconds": took, "value": value, "bound": plan.bound, "gap": plan.gap,
        "whatif_seconds": time.perf_counter() - begin, "whatif_gap": asked.gap,
    }  # fmt: skip


def checked(instance: Instance, chosen: np.ndarray) -> float:
    """The value of a plan that keeps every limit to the unit; ends the benchmark if it does not."""
    value = 0.0
    counts = {name: np.zeros((_rows(group), ACTIONS)) for name, (_, group, _, _) in instance.limits.items()}
    for slot in chosen.T:
        some = np.flatnonzero(slot >= 0)
        action = slot[some].astype(np.int64)
        worth = instance.values[some, action]
        if not (worth > 0).all():
            sys.exit("somebody was given what he may not have")
        value += float(worth.sum(dtype=np.float64))
        for name, (_, group, _, _) in instance.limits.items():
            row = np.zeros(len(some), np.int64) if group is None else group[some]
            counted = np.bincount(row * ACTIONS + action, minlength=counts[name].size)
            counts[name] += counted.reshape(counts[name].shape)
    if ((chosen[:, 0] == chosen[:, 1]) & (chosen[:, 0] >= 0)).any():
        sys.exit("an action stands twice")
    for name, (use, _, capacity, least) in instance.limits.items():
        used = counts[name] @ use
        if (capacity is not None and (used > capacity).any()) or (least is not None and (used < least).any()):
            sys.exit(f"{name} is broken")
    return value


def _rows(group: np.ndarray | None) -> int:
    return 1 if group is None else int(group.max()) + 1


def program(instance: Instance) -> tuple[Any, ...]:
    """Cost, matrix and bounds of its lines: customers' k, then limits."""
    from scipy import sparse

    customer, action = np.nonzero(instance.values > 0)
    columns = np.arange(len(customer))
    n = len(instance.values)
    parts = [sparse.csr_matrix((np.ones(len(columns)), (customer, columns)), (n, len(columns)))]
    low, high = [np.full(n, -np.inf)], [np.full(n, float(K))]
    for use, group, capacity, least in instance.limits.values():
        row = np.zeros(len(customer), int) if group is None else group[customer]
        some = use[action] > 0
        rows = _rows(group)
        parts.append(sparse.csr_matrix((use[action[some]], (row[some], columns[some])), (rows, len(columns))))
        low.append(np.full(rows, -np.inf) if least is None else least)
        high.append(np.full(rows, np.inf) if capacity is None else capacity)
    matrix = sparse.vstack(parts).tocsr()
    return -instance.values[customer, action].astype(float), matrix, np.concatenate(low), np.concatenate(high)


def highs(instance: Instance, seconds: float) -> dict[str, Any]:
    """HiGHS' integer program, as far as it comes in the time."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    cost, matrix, low, high = program(instance)
    begin = time.perf_counter()
    found = milp(
        cost, integrality=np.ones(len(cost)), bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, low, high), options={"time_limit": seconds, "mip_rel_gap": 1e-5},
    )  # fmt: skip
    value = None if found.x is None else -float(found.fun)
    bound = None if found.mip_dual_bound is None else -float(found.mip_dual_bound)
    return {"seconds": time.perf_counter() - begin, "value": value, "bound": bound}


def pdlp(instance: Instance, seconds: float) -> dict[str, Any]:
    """OR-Tools PDLP on the linear relaxation, to a relative 1e-4."""
    from ortools.pdlp import solve_log_pb2, solvers_pb2
    from ortools.pdlp.python import pdlp as solver

    cost, matrix, low, high = program(instance)
    begin = time.perf_counter()
    linear = solver.QuadraticProgram()
    linear.objective_vector = cost
    linear.constraint_matrix = matrix.tocsc()
    linear.constraint_lower_bounds, linear.constraint_upper_bounds = low, high
    linear.variable_lower_bounds, linear.variable_upper_bounds = np.zeros(len(cost)), np.ones(len(cost))
    given = solvers_pb2.PrimalDualHybridGradientParams()
    given.num_threads = 2
    limits = given.termination_criteria
    limits.time_sec_limit = seconds
    limits.simple_optimality_criteria.eps_optimal_relative = 1e-4
    limits.simple_optimality_criteria.eps_optimal_absolute = 1e-4
    found = solver.primal_dual_hybrid_gradient(linear, given)
    reason = solve_log_pb2.TerminationReason.Name(found.solve_log.termination_reason)
    took = time.perf_counter() - begin
    return {"seconds": took, "value": -float(cost @ found.primal_solution), "ended": reason}


def main() -> None:
    """Print one JSON object."""
    size, whom, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    print(json.dumps({"ours": ours, "pdlp": pdlp, "highs": highs}[whom](made(size), seconds)))


if __name__ == "__main__":
    main()
