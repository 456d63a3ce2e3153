"""The card of payment activity: its parameters in plain words, and how it did on days it had not seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from quanke.plans.scores.payments import HORIZON, WINDOW, PaymentModel, payment_days_90d

if TYPE_CHECKING:
    from quanke.plans.scores.purchases import BetaGeometricNBD

LIMITS = {
    "zh": (
        f"首次支付日只在近{WINDOW}日内认定，更早的支付不读；模型以连续时间描述，每天最多计一次，几乎天天支付者会被略微误估。",
        "只有一个支付日的客户，模型无从判断其是否已离开，仍在支付的概率为1。",
        "只看支付天数，不看金额；相关不等于因果，增量须看对照组。",
    ),
    "en": (
        f"The first payment is the first of {WINDOW} days; older ones are not read. The model's time is "
        "continuous and a day counts once: of who pays nearly every day it is a little wrong.",
        "Of a customer with one day of payments the model cannot tell whether he has left: his probability "
        "is 1.",
        "It looks at days, not at amounts, and says who will pay, not who pays because he is contacted.",
    ),
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "parameters": ("参数（BG/NBD，时间单位为日）", "Parameters (BG/NBD, time in days)"),
    "all": ("截至数据末日", "known through the last day"),
    "before": ("留出期之前", "before the days held out"),
    "log_likelihood": ("对数似然", "log likelihood"),
    "customers": ("可评分客户", "Customers who may be scored"),
    "payers": ("其中有支付者", "with a payment"),
    "again": ("其中支付两日以上者", "with a second one"),
    "bounds": ("走到搜索边界的参数", "Parameters at the end of what is sought"),
    "held_out": (
        f"留出的{HORIZON}日：人均支付天数",
        f"Days with a payment in the {HORIZON} held out, mean",
    ),
    "frequency": ("首日之后的支付天数", "days after the first"),
    "count": ("人数", "customers"),
    "expected": ("模型", "this model"),
    "naive": ("按自身频率外推（对照）", "his own rate (beside it)"),
    "actual": ("实际", "seen"),
    "alive": ("仍在支付的概率", "still a payer"),
    "root_mean_square_error": ("均方根误差", "Root mean square error"),
    "absolute_error": ("平均绝对误差", "Mean absolute error"),
    "everybody": ("全部", "all"),
}


def payment_card(
    model: PaymentModel,
    whole: BetaGeometricNBD,
    before: BetaGeometricNBD,
    counts: Mapping[str, int],
    held_out: Mapping[str, Any],
    cut: dt.date,
    label: str,
    catalogue: str,
    rules: Mapping[str, int],
) -> dict[str, Any]:
    """The card of a version. `whole` was fitted on all, `before` on what was known at `cut`; `held_out` is
    how `before` did on the days after."""
    return {
        "score": model.score,
        "version": f"{model.until}-{model.fingerprint}",
        "title_zh": "支付活跃度",
        "title_en": "Payment activity",
        "purpose": "marketing",
        "class": "C2",
        "foretells": payment_days_90d.words,
        "label": label,
        "catalogue": catalogue,
        "days": {
            "train": [cut.isoformat()],
            "calibrate": [],
            "report": cut.isoformat(),
            "horizon": HORIZON,
            "until": model.until,
        },
        "rows": dict(counts),
        "features": [
            {"name": f.name, "title_zh": f.title_zh, "title_en": f.title_en, "definition": f.digest}
            for f in model.features
        ],
        "parameters": _parameters(whole),
        "parameters_before": _parameters(before),
        "bounds": list(whole.bounds_),
        "held_out": dict(held_out),
        "rules": dict(rules),
    }


def _parameters(fitted: BetaGeometricNBD) -> dict[str, float]:
    names = ("r", "alpha", "a", "b", "log_likelihood")
    return {name: getattr(fitted, f"{name}_") for name in names}


def of_payments(card: Mapping[str, Any], at: int) -> Iterator[str]:
    """Lines of its page; `at`: 0 for Chinese, 1 for English."""
    word = {name: both[at] for name, both in _WORDS.items()}
    rows = card["rows"]
    yield from (f"- {word[n]}: {rows[n]:,}" for n in ("customers", "payers", "again"))
    yield from ("", f"## {word['parameters']}", "", "| | r | α | a | b | " + word["log_likelihood"] + " |")
    yield "|---|---|---|---|---|---|"
    for name, key in (("all", "parameters"), ("before", "parameters_before")):
        found = card[key]
        figures = " | ".join(f"{found[n]:.4g}" for n in ("r", "alpha", "a", "b"))
        yield f"| {word[name]} | {figures} | {found['log_likelihood']:,.1f} |"
    if card["bounds"]:
        yield from ("", f"{word['bounds']}: {', '.join(card['bounds'])}")
    held = card["held_out"]
    heads = [word[h] for h in ("frequency", "count", "alive", "expected", "naive", "actual")]
    yield from ("", f"## {word['held_out']}", "", f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|")
    for g in held["groups"]:
        span = str(g["from"]) if g["from"] == g["to"] else f"{g['from']}-{g['to']}"
        figures = " | ".join(f"{g[n]:.2f}" for n in ("expected", "naive", "actual"))
        yield f"| {span} | {g['customers']:,} | {g['alive']:.1%} | {figures} |"
    figures = " | ".join(f"{held[n]:.2f}" for n in ("expected", "naive", "actual"))
    yield f"| {word['everybody']} | {held['customers']:,} | | {figures} |"
    yield ""
    for name in ("root_mean_square_error", "absolute_error"):
        ours, naive = held[name]["ours"], held[name]["naive"]
        yield f"- {word[name]}: {word['expected']} {ours:.3f}; {word['naive']} {naive:.3f}"
