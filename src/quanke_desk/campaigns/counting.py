"""How many customers went from step to step, counted as they go.

Each range adds its own rows, in its own transaction: several movers never wait for each other over a counter,
and who is killed has counted nothing he did not do. A round folds the rows of one way into one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from quanke_desk.campaigns.models import StepCount
from quanke_desk.campaigns.walking import OUT, Way

ENTERED, CONTROL = -2, -3
"""Where customers come from who enter, to get the journey or to be compared with."""
FEW, MANY = 1_000, 20_000
"""Rows that are not worth folding, and rows folded at once."""
Key = tuple[int, int, int, str]
"""Version, from which node, to which, why."""


def count(found: Mapping[Key, int]) -> None:
    """Adds how many went each way, in the transaction around it."""
    StepCount.objects.bulk_create(
        StepCount(version_id=version, from_node=begin, to_node=end, why=why, count=number)
        for (version, begin, end, why), number in found.items()
        if number
    )


def count_ways(version: int, ways: Sequence[Way], chosen: NDArray[np.signedinteger]) -> None:
    """Adds the steps of a range: `chosen` (n) is the place of each customer's way."""
    found: Counter[Key] = Counter()
    for way, number in zip(ways, np.bincount(chosen, minlength=len(ways)).tolist(), strict=True):
        for _step, begin, end in way.legs:
            found[version, begin, end, way.why if end == OUT else ""] += number
    count(found)


def count_entered(version: int, control: bool, number: int) -> None:
    """Adds who entered."""
    count({(version, CONTROL, CONTROL, "") if control else (version, ENTERED, 0, ""): number})


def fold() -> int:
    """Folds rows that were added into one of each way; how many went. What another worker folds is passed
    by."""
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        oldest = StepCount.objects.select_for_update(skip_locked=skip).order_by("id")
        rows = list(oldest.values_list("id", "version_id", "from_node", "to_node", "why", "count")[:MANY])
        if len(rows) < FEW:
            return 0
        found: Counter[Key] = Counter()
        for _id, version, begin, end, why, number in rows:
            found[version, begin, end, why] += number
        StepCount.objects.filter(pk__in=[row[0] for row in rows]).delete()
        count(found)
        return len(rows) - len(found)
