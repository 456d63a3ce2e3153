"""What cannot be met together."""

from __future__ import annotations
from quanke.kernel.errors import AllocationError
from quanke.plans.limits import Amounts
from quanke.plans.problem import Problem


def contradicted(problem: Problem, price: Amounts) -> AllocationError:
    return AllocationError("limits contradict each other")
