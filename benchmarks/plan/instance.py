"""A bank to be planned: customers x 20 actions, 900 managers' minutes, 90 branches' minima."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ACTIONS, MANAGERS, BRANCHES, K = 20, 900, 90, 2
CHUNK = 500_000
MINUTES = np.array([0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 10, 10, 10, 15, 15, 20, 20, 30, 30, 45], float)
"""Minutes of a manager: actions 0 to 7 are messages and calls of the remote team."""
TEXT = np.isin(np.arange(ACTIONS), [0, 1, 2, 3]).astype(float)
CALL = np.isin(np.arange(ACTIONS), [4, 5, 6, 7, 8, 9]).astype(float)
PRODUCT = np.arange(ACTIONS) % 5
"""What an action offers: products 0, 1 and 2 have a quota."""
MINIMUM = 3
"""The product that each branch has to offer so often at least."""


@dataclass(frozen=True)
class Instance:
    """Values customers x actions (float32, 0 where not eligible), and limits as plain arrays:
    name -> (use by action, group or None, capacity or None, at_least or None)."""

    values: np.ndarray
    limits: dict[str, tuple[np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None]]


def made(customers: int) -> Instance:
    """The instance of a size. Room is a share of what everybody would use without limits, so that limits bind
    alike at every size."""
    draw = np.random.default_rng(5)
    manager = draw.integers(0, MANAGERS, customers, dtype=np.int32)
    branch = manager // (MANAGERS // BRANCHES)
    values = np.empty((customers, ACTIONS), np.float32)
    base = 2.0 + 6.0 * draw.random(ACTIONS) + 0.12 * MINUTES
    wanted = np.zeros((MANAGERS, ACTIONS))
    able = np.zeros(BRANCHES)
    for first in range(0, customers, CHUNK):
        part = slice(first, min(first + CHUNK, customers))
        count = part.stop - part.start
        wealth = np.exp(0.8 * draw.standard_normal((count, 1), dtype=np.float32))
        like = draw.random((count, ACTIONS), dtype=np.float32) ** 2
        eligible = draw.random((count, ACTIONS), dtype=np.float32) < 0.7
        some = (base.astype(np.float32) * wealth * like * eligible).astype(np.float32)
        values[part] = some
        best = np.argpartition(-some, K, axis=1)[:, :K]
        taken = np.take_along_axis(some, best, 1) > 0
        np.add.at(wanted, (np.repeat(manager[part], K), best.ravel()), taken.ravel())
        np.add.at(able, branch[part], (some[:, PRODUCT == MINIMUM] > 0).any(axis=1))
    total = wanted.sum(axis=0)
    share = 0.35 + 0.3 * draw.random(MANAGERS)
    limits = {
        "minutes": (MINUTES, manager, np.floor(wanted @ MINUTES * share), None),
        "branch": ((PRODUCT == MINIMUM).astype(float), branch, None, np.floor(0.45 * able)),
        "text": (TEXT, None, np.floor(0.5 * total @ TEXT)[None], None),
        "calls": (CALL, None, np.floor(0.4 * total @ CALL)[None], None),
    }
    for product in range(3):
        use = (product == PRODUCT).astype(float)
        limits[f"product {product}"] = (use, None, np.floor(0.6 * total @ use)[None], None)
    return Instance(values, limits)
