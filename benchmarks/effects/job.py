"""One measurement in a process of its own: `python -m benchmarks.effects.job CUSTOMERS WHOM`.

Prints one JSON object. Seconds are those of the call alone; the peak is the process's, with its data.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

METRICS, STRATA, SHARE = 20, 200, 0.8


def data(
    size: int, metrics: int
) -> tuple[NDArray[np.bool_], NDArray[np.int32], dict[str, Any], dict[str, Any]]:
    """Arms, strata (tier x branch), outcomes and each one's own value from before: of five metrics three are
    money in whole fen, heavy-tailed, one a rate and one a yes or no."""
    draws = np.random.default_rng(20260630)
    treated = draws.random(size) < SHARE
    strata = draws.integers(0, STRATA, size, dtype=np.int32)
    outcomes: dict[str, Any] = {}
    before: dict[str, Any] = {}
    for number in range(metrics):
        name, kind = f"metric_{number:02}", number % 5
        was = draws.standard_normal(size, dtype=np.float32)
        now = 0.9 * was + 0.44 * draws.standard_normal(size, dtype=np.float32) + 0.002 * treated
        if kind < 3:
            before[name] = np.exp(12 + 1.5 * was.astype(float)).astype(np.int64)
            outcomes[name] = np.exp(12 + 1.5 * now.astype(float)).astype(np.int64)
        elif kind == 3:
            before[name], outcomes[name] = was.astype(float), now.astype(float)
        else:
            before[name], outcomes[name] = was > 1.5, now > 1.5
    return treated, strata, outcomes, before


def ours(size: int) -> dict[str, Any]:
    """`estimate_many` over everything; a small call first, so that compiling is not measured."""
    from quanke.effects import estimate_many

    few = data(1_000, 5)
    estimate_many(few[2], few[0], few[3], few[1] % 3)
    treated, strata, outcomes, before = data(size, METRICS)
    begin, used = time.perf_counter(), time.process_time()
    found = estimate_many(outcomes, treated, before, strata, expected=SHARE)
    seconds, used = time.perf_counter() - begin, time.process_time() - used
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(used, 2),
        "effects": {name: [one.effect, one.se] for name, one in found.items()},
        "variance_reduction": round(float(np.median([one.variance_reduction for one in found.values()])), 4),
        "significant": sum(one.significant for one in found.values()),
    }


def duckdb(size: int) -> dict[str, Any]:
    """The sums by stratum and arm alone, in DuckDB: no effect, interval or leverage is worked out of them."""
    import duckdb as engine

    treated, strata, outcomes, before = data(size, METRICS)
    columns = {"treated": pa.array(treated), "stratum": pa.array(strata)}
    for name in outcomes:
        columns |= {name: pa.array(outcomes[name]), f"{name}_before": pa.array(before[name])}
    table = pa.table(columns)
    asked = ["count(*)"]
    for name in outcomes:
        y, x = f"{name}::DOUBLE", f"{name}_before::DOUBLE"
        asked += [f"sum({y})", f"sum({x})", f"sum({y}*{y})", f"sum({y}*{x})", f"sum({x}*{x})"]
    session = engine.connect()
    session.register("customers", table)
    begin = time.perf_counter()
    rows = session.execute(
        f"SELECT stratum, treated, {', '.join(asked)} FROM customers GROUP BY ALL"
    ).fetchall()
    return {"seconds": round(time.perf_counter() - begin, 2), "cells": len(rows)}


def single(size: int) -> dict[str, Any]:
    """One metric with its covariate: `estimate` beside statsmodels' OLS with HC3, on the same data."""
    import statsmodels.api as sm

    from quanke.effects import estimate

    few = data(1_000, 1)
    estimate(few[2]["metric_00"], few[0], few[3]["metric_00"])
    treated, _, outcomes, before = data(size, 1)
    y, x = outcomes["metric_00"], before["metric_00"]
    begin = time.perf_counter()
    found = estimate(y, treated, x)
    mine = time.perf_counter() - begin
    begin = time.perf_counter()
    terms = np.column_stack([np.ones(size), treated, (x - x.mean()) / x.std()])
    fitted = sm.OLS(y.astype(float), terms).fit(cov_type="HC3")
    theirs = time.perf_counter() - begin
    apart = max(abs(found.effect / fitted.params[1] - 1), abs(found.se / fitted.bse[1] - 1))
    return {"ours": round(mine, 4), "statsmodels": round(theirs, 4), "relative_difference": float(apart)}


if __name__ == "__main__":
    customers, whom = int(sys.argv[1]), sys.argv[2]
    print(json.dumps({"ours": ours, "duckdb": duckdb, "single": single}[whom](customers)))
