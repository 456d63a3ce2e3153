"""Uplift on Hillstrom's e-mail test: Qini on a held-out half, beside scikit-uplift's and causalml's learners.

    python -m benchmarks.effects.uplift [--quick] [--json]

Two mails against none, the customers halved several times (fixed seeds); everybody learns from one half,
chooses what he likes within it, and is judged on the other by scikit-uplift's own `qini_auc_score` (visits).
A figure is the median over the splits for each mail, `qini` the mean of the two mails. Spending, which hardly
anybody did, is judged by our `qini` in cents per customer.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.effects.hillstrom import MAILS, SOURCE, Mail, read
from benchmarks.effects.uplift_peers import BINARY_ONLY, PEERS, tuned
from quanke.effects.uplift import UpliftModel, qini

SPLITS, FEW, OF_SPENDING = 10, 2, 3
OURS = "quanke"
Judged = dict[str, dict[str, list[float]]]


def judge(y: Any, treated: Any, score: Any) -> float:
    """Qini by scikit-uplift for visits, ours for amounts."""
    if set(np.unique(y)) <= {0.0, 1.0}:
        import warnings

        from sklift.metrics import qini_auc_score

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(qini_auc_score(y, score, treated))
    return float(qini(y, treated, score)) * 100


def judged(mail: Mail, outcome: str, seed: int) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Qini of everybody on one held-out half, seconds, and the base each peer chose."""
    inside = mail.half(seed)
    X, t = mail.rows, mail.treated.astype(np.int64)
    y = getattr(mail, outcome)
    found, seconds, bases = {}, {}, {}
    begin = time.perf_counter()
    model = UpliftModel(random_state=0).fit(X[inside], t[inside], y[inside])
    found[OURS] = judge(y[~inside], t[~inside], model.predict(X[~inside]))
    seconds[OURS] = time.perf_counter() - begin
    for peer in PEERS:
        if outcome == "spend" and peer in BINARY_ONLY:
            continue
        begin = time.perf_counter()
        said, bases[peer] = tuned(
            peer, outcome == "visit", X[inside], t[inside], y[inside], X[~inside], judge
        )
        found[peer] = judge(y[~inside], t[~inside], said)
        seconds[peer] = time.perf_counter() - begin
    return found, seconds, bases


def measure(quick: bool) -> dict[str, Any]:
    """Figures and peers; `splits` with every single one. Skipped with a reason where the data or the peers
    are absent."""
    if not SOURCE.exists():
        return {"figures": {"uplift_skipped": f"{SOURCE} is absent"}, "peers": {}, "splits": {}}
    mails = {name: read(name) for name in MAILS}
    seeds = range(FEW if quick else SPLITS)
    splits: dict[str, Any] = {}
    whole: dict[str, dict[str, float]] = {}
    for outcome in ("visit",) if quick else ("visit", "spend"):
        for name, mail in mails.items():
            own = seeds if outcome == "visit" else seeds[:OF_SPENDING]
            runs = [judged(mail, outcome, seed) for seed in own]
            splits[f"{outcome}_{name}"] = [
                {"qini": {p: round(v, 5) for p, v in found.items()}, "bases": bases}
                for found, _, bases in runs
            ]
            for peer in runs[0][0]:
                whole.setdefault(peer, {})[f"{outcome}_{name}"] = float(
                    np.median([found[peer] for found, _, _ in runs])
                )
                whole[peer][f"seconds_{outcome}_{name}"] = float(np.mean([s[peer] for _, s, _ in runs]))
        for peer in splits[f"{outcome}_women"][0]["qini"]:
            whole[peer][outcome] = float(np.mean([whole[peer][f"{outcome}_{name}"] for name in mails]))
            both = np.mean([[s["qini"][peer] for s in splits[f"{outcome}_{n}"]] for n in mails], axis=0)
            whole[peer][f"{outcome}_mean"] = float(both.mean())
    figures: dict[str, Any] = {"qini": round(whole[OURS]["visit"], 4), "qini_splits": len(seeds)}
    figures |= {
        f"qini_{n}": round(v, 4)
        for n, v in whole[OURS].items()
        if n.startswith(("visit_", "spend")) and "seconds" not in n
    }
    figures["uplift_fit_seconds"] = round(whole[OURS]["seconds_visit_women"], 1)
    peers: dict[str, Any] = {f"{p}_qini": round(v["visit"], 4) for p, v in whole.items() if p != OURS}
    for kind in ("visit_women", "visit_men", "visit_mean", "spend"):
        peers |= {f"{p}_qini_{kind}": round(v[kind], 4) for p, v in whole.items() if p != OURS and kind in v}
    best = max(v for p, v in peers.items() if p.endswith("_qini"))
    figures["qini_over_best_peer"] = round(figures["qini"] / best, 3) if best > 0 else None
    return {"figures": figures, "peers": peers, "splits": splits}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two splits, visits only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    result = measure(given.quick)
    if given.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for part in ("figures", "peers"):
        for name, value in result[part].items():
            print(f"  {part:<8} {name:<52} {value}")


if __name__ == "__main__":
    main()
