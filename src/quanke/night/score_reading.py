"""Reading scores: why a customer has his, how the base has drifted, and what came of what was said."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.effects.uplift.published import UPLIFT
from quanke.engines.store import Night
from quanke.kernel.errors import ScoreError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.night.catalogue import catalogue_of
from quanke.night.scores import scores_of
from quanke.night.sheets import Sheets, scratch_in
from quanke.night.training import SAMPLE, SEED
from quanke.plans.scores.features import matrix
from quanke.plans.scores.measures import measured
from quanke.plans.scores.payments import EXPECTED, PAYMENTS
from quanke.plans.scores.reasons import SHOWN, Reason, payment_reasons, reasons
from quanke.plans.scores.rules import DEFAULT_RULES, ScoreRules
from quanke.plans.scores.store import ModelStore, Version
from quanke.plans.scores.targets import HELD, SHEET, VALUE, targets

NO_SCORE = (
    ("profiling_refused", True, "拒绝画像，不作评分", "refused profiling: no score is made"),
    ("is_person", False, "非个人客户，不作评分", "no person: no score is made"),
    ("is_under_14", True, "不满14周岁，不作评分", "under 14: no score is made"),
    ("deceased", True, "已身故，不作评分", "has died: no score is made"),
    ("relationship_closed", True, "关系已终止，不作评分", "the relationship has ended: no score is made"),
)
"""Tag, its value, and why there is no score then."""


@dataclass(frozen=True)
class ScoreExplanation:
    """One score of one customer: probability, share of scored customers that have less, and the strongest
    reasons. `expected` is the probability of somebody of whom nothing is known. Where `unit` is "days", both
    are days with a payment (of payment activity), and `expected` is that of who was first seen today."""

    score: str
    title_zh: str
    title_en: str
    version: str
    value: float
    share_below: float
    expected: float
    reasons: tuple[Reason, ...]
    unit: str = "probability"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        names = ("score", "title_zh", "title_en", "version", "value", "share_below", "expected", "unit")
        return {**{n: getattr(self, n) for n in names}, "reasons": [r.to_json() for r in self.reasons]}


def why_none(night: Night, customer: int) -> tuple[str, str]:
    """Why a customer has no score in a night, zh and en; both empty where he may have one."""
    row = night.row(customer, [n for n, *_ in NO_SCORE if n in night.columns] + ["may_be_profiled"])
    for name, value, zh, en in NO_SCORE:
        if row.get(name) is value:
            return zh, en
    if row["may_be_profiled"] is not True:
        return "无在用账户或年龄不详，不作评分", "no open account, or unknown age: no score is made"
    return "", ""


def explain_scores(
    home: Home, night: Night, customer: int, score: str = "", most: int = SHOWN
) -> list[ScoreExplanation]:
    """Scores a night gave a customer, each with its reasons, by the versions that night applied; none where
    no score may be made of him. Raises ScoreError where the night applied no model, or not that one."""
    told = scores_of(night.path)
    applied = {
        s: v
        for s, v in told["versions"].items()
        if (_foretells(s) or s == PAYMENTS) and s not in told["not_applied"]
    }
    if score and score not in applied:
        raise ScoreError(
            f"the night of {night.day} applied no model of {score!r}; {', '.join(applied) or 'none'}"
        )
    if why_none(night, customer)[0]:
        return []
    store = ModelStore(home.path)
    found = []
    if PAYMENTS in applied and score in ("", PAYMENTS):
        found = _payments(night, customer, store.version(PAYMENTS, applied[PAYMENTS]))
    for name, held in applied.items():
        if score in ("", name) and name != PAYMENTS:
            model = store.version(name, held).model
            row = night.row(customer, list(model.names))
            table = pa.table(
                {f.name: pa.array([row[f.name]], _carrier(night, f.name)) for f in model.features}
            )
            numbers = matrix(table, model.names, [f.kind for f in model.features], night.day)
            value = float(model.predict(numbers)[0])
            _, before = model.trees.contributions(numbers[0])
            card = store.version(name, held).card
            found.append(
                ScoreExplanation(
                    name,
                    card["title_zh"],
                    card["title_en"],
                    held,
                    value,
                    _below(night, name, value),
                    round(float(model.calibration(np.array([before]))[0]), 6),
                    tuple(reasons(model, numbers[0], night.day, home.currency, most)),
                )
            )
    return sorted(found, key=lambda e: -e.share_below)


def _payments(night: Night, customer: int, version: Version) -> list[ScoreExplanation]:
    """What payment activity says of a customer, and why; nothing where he did not pay within the window."""
    model = version.payments
    row = night.row(customer, list(model.names))
    table = pa.table({f.name: pa.array([row[f.name]], _carrier(night, f.name)) for f in model.features})
    numbers = matrix(table, model.names, [f.kind for f in model.features], night.day)
    value = float(model.predict(numbers)[0][0])
    if np.isnan(value):
        return []
    return [
        ScoreExplanation(
            PAYMENTS,
            version.card["title_zh"],
            version.card["title_en"],
            version.name,
            value,
            _below(night, EXPECTED, value),
            round(model.of_new, 6),
            tuple(payment_reasons(model, numbers[0], night.day)),
            "days",
        )
    ]


def _foretells(score: str) -> bool:
    """Whether a score says how likely something is: not what a customer is worth, or contacting adds."""
    return score not in (VALUE, PAYMENTS) and not score.startswith(UPLIFT)


def _carrier(night: Night, name: str) -> pa.DataType:
    import pyarrow.parquet as pq

    group = next(g for g, names in night.groups.items() if name in names)
    return pq.read_schema(night.parts(group)[0]).field(name).type


def _below(night: Night, name: str, value: float) -> float:
    """Share of the scored customers that have less."""
    held = pc.drop_null(night.read([name])[name])
    return float(pc.sum(pc.less(pc.cast(held, pa.float64()), value - 5e-7)).as_py() or 0) / max(1, len(held))


@dataclass(frozen=True)
class CameTrue:
    """What came of a night's scores once the horizon was over: `said` and `seen` are counts of customers,
    `apart` how many standard deviations of chance lie between them."""

    score: str
    version: str
    said: float
    seen: int
    apart: float
    state: str
    metrics: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        names = ("score", "version", "said", "seen", "apart", "state", "metrics")
        return {n: getattr(self, n) for n in names}


def came_true(
    home: Home,
    night: Night,
    rules: ScoreRules = DEFAULT_RULES,
    sample: int = SAMPLE,
    progress: Progress | None = None,
) -> list[CameTrue]:
    """Of each score a night gave, what was said beside what happened within its horizon, on a sample. Scores
    whose horizon is not over in the data are left out, and payment activity, which is no probability (its
    card holds it against days it had not seen). Raises ScoreError where the night applied no model."""
    told = scores_of(night.path)
    store = ModelStore(home.path)
    with scratch_in(store.folder) as scratch:
        wanted = {t.name: t for t in targets(night.day, rules)}
        whole = catalogue_of(home).with_more([*HELD.values(), *(t.label for t in wanted.values())])
        sheets = Sheets(home, whole, scratch, progress or SilentProgress(), sample, SEED)
        # as far as every table that outcomes are read from
        told_by = [sheets.reach[t][1] for t in ("transactions", "balances") if t in sheets.reach]
        until = min(told_by, default=dt.date.min)
        beside = [tag.name for tag in SHEET]
        sheets.keep(night.day, sheets.of(night.day, beside), beside)
        found = []
        for score, held in told["versions"].items():
            if not _foretells(score) or score in told["not_applied"]:
                continue
            horizon = store.version(score, held).model.horizon
            day = night.day + dt.timedelta(days=horizon)
            if day <= until and score in wanted:
                came = sheets.of(day, [wanted[score].label.name], before=night.day)
                found.append(_compared(night, score, held, came, wanted[score].label.name, rules))
        return found


def _compared(
    night: Night, score: str, version: str, came: pa.Table, label: str, rules: ScoreRules
) -> CameTrue:
    numbers = came["customer"].to_numpy()
    numbers = numbers[numbers < night.rows]
    held = night.read([score])[score].take(pa.array(numbers))
    known = pc.is_valid(held)
    said: NDArray[np.float64] = pc.cast(held.filter(known), pa.float64()).to_numpy()
    happened = pc.fill_null(came[label].slice(0, len(numbers)).filter(known), False)
    seen = np.asarray(happened.to_numpy(zero_copy_only=False), np.bool_)
    apart = float((seen.sum() - said.sum()) / np.sqrt(max((said * (1 - said)).sum(), 1e-9)))
    warn, alarm = rules.apart_warn.on(night.day), rules.apart_alarm.on(night.day)
    state = "alarm" if abs(apart) * 10 >= alarm else "warn" if abs(apart) * 10 >= warn else "steady"
    return CameTrue(score, version, float(said.sum()), int(seen.sum()), apart, state, measured(said, seen))
