"""How long it takes to score customers: seven models of full size over rows with a hundred features."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from quanke.plans.scores.trees import Trees

MODELS, FEATURES, THREADS, PART = 7, 60, 2, 262_144


def grown() -> Trees:
    """Two hundred trees of six leaves, as many as training ever keeps."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw = np.random.default_rng(0)
    x = draw.lognormal(size=(20_000, FEATURES))
    y = draw.random(20_000) < 1 / (1 + np.exp(-np.sin(x[:, :8]).sum(axis=1)))
    return Trees.of(
        HistGradientBoostingClassifier(
            max_iter=200, max_leaf_nodes=6, learning_rate=0.05, early_stopping=False, random_state=0
        ).fit(x, y)
    )


def seconds(rows: int) -> dict[str, Any]:
    """Of `rows` customers and all models, on two threads, part by part as the night does it."""
    trees = grown()
    part = np.asfortranarray(np.random.default_rng(1).lognormal(size=(min(rows, PART), FEATURES)))
    trees.raw(part[:1_000])
    parts = max(1, rows // len(part))
    begin = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: trees.raw(part), range(parts * MODELS)))
    spent = time.perf_counter() - begin
    return {"rows": parts * len(part), "seconds_per_million": round(spent * 1e6 / (parts * len(part)), 2)}
