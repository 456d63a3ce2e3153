"""The model card: what a score is for, what it was made of, how it did on the last month, where it must not
go.

One card as plain data (`card.json`) and as two pages, `card.md` and `card.zh-CN.md`. A card holds no
customer's value: figures of groups below fifty customers are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.plans.scores.card_pages import page
from quanke.plans.scores.fitting import Learned
from quanke.plans.scores.measures import area
from quanke.plans.scores.model import Model
from quanke.plans.scores.rules import ScoreRules, Split
from quanke.plans.scores.targets import Target
from quanke.plans.scores.worth import Worth

Papers = dict[str, str]
SMALLEST_GROUP = 50
MOST_BRANCHES = 30
AGES = (18, 25, 35, 45, 55, 65)


def groups_of(
    table: pa.Table, said: NDArray[np.float64], happened: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """How a score does in groups of the report's customers: how many, what was said and seen, area under the
    curve, share among the best tenth. By each column of `table`; ages in bands, the largest branches."""
    best = said >= np.quantile(said, 0.9)
    found = []
    for dimension in table.column_names:
        members = table[dimension].to_pylist()
        if dimension == "age":
            members = [None if a is None else _age(a) for a in members]
        values = np.array(["" if m is None else str(m) for m in members], dtype=object)
        names, counts = np.unique(values, return_counts=True)
        largest = sorted(zip(names, counts, strict=True), key=lambda p: (-p[1], p[0]))[:MOST_BRANCHES]
        for name, count in sorted(largest):
            own = values == name
            if name and count >= SMALLEST_GROUP:
                found.append(
                    {
                        "by": dimension,
                        "group": str(name),
                        "rows": int(count),
                        "happened": int(happened[own].sum()),
                        "said": float(said[own].mean()),
                        "seen": float(happened[own].mean()),
                        "auc": area(said[own], happened[own]),
                        "among_best": float(best[own].mean()),
                    }
                )
    return found


def _age(age: int) -> str:
    at = int(np.searchsorted(AGES, age, side="right"))
    low = AGES[at - 1] if at else 0
    return f"{low:02d}-{AGES[at] - 1}" if at < len(AGES) else f"{low}+"


def model_card(
    target: Target,
    model: Model,
    learned: Learned,
    split: Split,
    counts: Mapping[str, Mapping[str, int]],
    groups: Sequence[Mapping[str, Any]],
    left_out: Mapping[str, str],
    catalogue: str,
    rules: ScoreRules,
    seed: int,
) -> dict[str, Any]:
    """The card of a trained score."""
    gain = model.trees.importance(len(model.features))
    order = np.argsort(-gain, kind="stable")
    return {
        "score": model.score,
        "version": f"{model.until}-{model.fingerprint}",
        "title_zh": target.title_zh,
        "title_en": target.title_en,
        "purpose": "marketing",
        "class": "C2",
        "foretells": target.label.words,
        "label": model.label,
        "catalogue": catalogue,
        "days": _days(split, model.until),
        "rows": counts,
        "features": [
            {
                "name": model.features[i].name,
                "title_zh": model.features[i].title_zh,
                "title_en": model.features[i].title_en,
                "importance": float(gain[i]),
                "definition": model.features[i].digest,
            }
            for i in map(int, order)
        ],
        "left_out": dict(sorted(left_out.items())),
        "metrics": {"ours": learned.ours, "logistic_regression": learned.line},
        "reliability": learned.table,
        "reliability_in_calibration": learned.calibrated,
        "calibration": model.calibration.kind,
        "trees": len(model.trees),
        "groups": list(groups),
        "rules": {f.name: getattr(rules, f.name).on(split.report) for f in fields(rules)},
        "seed": seed,
    }


def worth_card(worth: Worth, split: Split, opened: Mapping[str, int], catalogue: str) -> dict[str, Any]:
    """The card of the expected value."""
    from quanke.plans.scores.model import fingerprint

    return {
        "score": "expected_value",
        "version": f"{worth.until}-{fingerprint(worth.text)}",
        "title_zh": "预期贡献（一年）",
        "title_en": "Expected margin over a year",
        "purpose": "marketing",
        "class": "C2",
        "catalogue": catalogue,
        "days": _days(split, worth.until),
        "value_days": worth.days,
        "aum_margin": worth.aum_margin,
        "loan_margin": worth.loan_margin,
        "share_lost_by_leavers": worth.lost,
        "products": [
            {
                "category": c,
                "margin": worth.margin[c],
                "openings": opened[c],
                "usual_amount_fen": list(worth.amounts[c]),
            }
            for c in sorted(worth.margin)
        ],
    }


def _days(split: Split, until: str) -> dict[str, Any]:
    return {
        "train": [d.isoformat() for d in split.train],
        "calibrate": [d.isoformat() for d in split.calibrate],
        "report": split.report.isoformat(),
        "horizon": split.horizon,
        "until": until,
    }


def papers(card: Mapping[str, Any]) -> Papers:
    """The files of a card by name."""
    text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return {"card.json": text, "card.md": page(card, "en"), "card.zh-CN.md": page(card, "zh")}
