"""Scores of a sample bank: what the cards say of the last month, and leavers against the truth the bank was
made with."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.bank.sample import write_sample
from quanke.kernel.progress import SilentProgress
from quanke.night import night, open_home
from quanke.night.training import train
from quanke.plans.scores.measures import area, lift

MAY, LAST = dt.date(2026, 5, 31), dt.date(2026, 6, 30)


def measured_bank(customers: int, scratch: Path) -> dict[str, Any]:
    """Train on what is known through May; the night of May scores, and June tells who left."""
    write_sample(scratch / "files", customers=customers, last_day=LAST, progress=SilentProgress())
    home = Home.create(scratch / "home")
    load(home, scratch / "files", progress=SilentProgress())
    night(home, MAY - dt.timedelta(days=1))
    begin = time.perf_counter()
    made = train(home, MAY)
    spent = time.perf_counter() - begin
    applied = night(home, MAY)
    found: dict[str, Any] = {
        "customers": customers,
        "train_seconds": round(spent, 1),
        "apply_seconds": applied.seconds["scores"],
        "models": len(made.versions),
    }
    for score, version in made.versions.items():
        if "metrics" in version.card:
            for whose, metrics in version.card["metrics"].items():
                keys = ("auc", "lift_top_decile", "calibration_error")
                found[f"{score}.{whose}"] = {k: round(metrics[k], 4) for k in keys}
    return found | against_truth(home, scratch / "files" / "truth" / "churners.parquet")


def against_truth(home: Home, truth: Path) -> dict[str, Any]:
    """Those whom the bank was made to lose in the month after the night, by what the night said of them."""
    bank = open_home(home.path)
    held = bank.night(MAY)
    said = np.array(
        [np.nan if v is None else float(v) for v in held.read(["churn_risk"])["churn_risk"].to_pylist()]
    )
    leaving = np.zeros(len(said), np.bool_)
    for row in pq.read_table(truth).to_pylist():
        if MAY < row["date"] <= MAY + dt.timedelta(days=30):
            leaving[bank.customer(f"{row['source']}:{row['party_id']}", MAY)] = True
    known = ~np.isnan(said)
    right, came = said[known], leaving[known]
    return {
        "truth": {"left": int(came.sum()), "auc": area(right, came), "lift_top_decile": lift(right, came)}
    }
