"""Why one customer has the score he has, in plain words: the features that moved it most."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.money import format_amount, half_up
from quanke.language.types import Kind
from quanke.plans.scores.features import Feature
from quanke.plans.scores.model import Model
from quanke.plans.scores.payments import WINDOW, PaymentModel, history

SHOWN = 5


@dataclass(frozen=True)
class Reason:
    """One feature's part: `weight` in log-odds, above zero where it makes the score higher; `zh` and `en` are
    sentences with the customer's value."""

    name: str
    weight: float
    zh: str
    en: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"name": self.name, "weight": round(self.weight, 6), "zh": self.zh, "en": self.en}


def reasons(
    model: Model, row: NDArray[np.float64], day: dt.date, currency: str = "CNY", most: int = SHOWN
) -> list[Reason]:
    """The features that moved the score of a row most, the strongest first. `row`: one number per feature,
    nan for unknown; `day`: the as-of day. Parts of all features and what is there before add up to the
    score."""
    parts, _ = model.trees.contributions(row)
    order = sorted(range(len(parts)), key=lambda i: (-abs(parts[i]), model.features[i].name))
    return [
        Reason(model.features[i].name, float(parts[i]), *_said(model.features[i], float(row[i]),
        float(parts[i]), day, currency)) for i in order[:most]
        if parts[i] != 0
    ]  # fmt: skip


def payment_reasons(model: PaymentModel, row: NDArray[np.float64], day: dt.date) -> list[Reason]:
    """Why payment activity says what it says of a row with a payment: how often he paid, and when last.

    `weight` is in logarithms of days: the parts and the logarithm of what is expected of a payer first seen
    today add up to that of the days expected (as long as those are fewer than the days there are)."""
    frequency, recency, seen = history(row[None, :])
    alive = float(model.purchases.probability_alive(frequency, recency, seen)[0])
    often = float(model.if_alive(frequency, seen)[0]) / model.of_new
    first, last = ((day - dt.timedelta(days=int(row[at]))).isoformat() for at in (1, 2))
    number = f"{row[0]:,.0f}"
    zh_often, en_often = ("推高", "raises") if often > 1 else ("拉低", "lowers")
    zh_last, en_last = ("不影响", "no part") if alive == 1 else ("拉低", "lowers it")
    by_often = Reason(
        "payment_days_365d",
        float(np.log(often)),
        f"近{WINDOW}日有 {number} 个支付日，首次在 {first}（{zh_often}）",
        f"Days with a payment in {WINDOW}: {number}, the first on {first} ({en_often} it)",
    )
    by_last = Reason(
        "last_payment_on",
        float(np.log(max(alive, 1e-12))),
        f"最近支付日 {last}，仍在支付的概率 {alive:.1%}（{zh_last}）",
        f"Last payment on {last}: a payer still with {alive:.1%} ({en_last})",
    )
    return sorted((by_often, by_last), key=lambda r: -abs(r.weight))


def _said(feature: Feature, value: float, weight: float, day: dt.date, currency: str) -> tuple[str, str]:
    zh, en = shown(feature, value, day, currency)
    zh_moves, en_moves = ("推高", "raises") if weight > 0 else ("拉低", "lowers")
    zh_place, en_place = place(feature, value)
    return (
        f"{feature.title_zh} {zh}{zh_place}（{zh_moves}）",
        f"{feature.title_en}: {en}{en_place} ({en_moves} it)",
    )


def shown(feature: Feature, value: float, day: dt.date, currency: str) -> tuple[str, str]:
    """A value as people read it, zh and en."""
    if np.isnan(value):
        return "不详", "unknown"
    if feature.kind is Kind.BOOLEAN:
        return ("是", "yes") if value else ("否", "no")
    if feature.kind is Kind.MONEY:
        amount = format_amount(int(value)).removesuffix(".00")
        return (f"{amount} 元", f"{amount} yuan") if currency == "CNY" else (f"{amount} {currency}",) * 2
    if feature.kind is Kind.DATE:
        on = (day - dt.timedelta(days=int(value))).isoformat()
        return on, on
    if feature.kind is Kind.RATE:
        hundredths = half_up(round(value * 1_000_000), 100)
        text = f"{hundredths / 100:.2f}%"
        return text, text
    number = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return number, f"{number} {feature.unit}".strip()


def place(feature: Feature, value: float) -> tuple[str, str]:
    """Where a value stands among the customers learned from; empty for yes and no, for unknown values, and
    in the middle of many that have the same."""
    if feature.kind in (Kind.BOOLEAN, Kind.DATE) or np.isnan(value) or not feature.percentiles:
        return "", ""
    cuts = np.array(feature.percentiles)
    below, above = int((cuts < value).sum()), int((cuts > value).sum())
    last = len(cuts) - 1
    if below > above and below * 2 > last:
        share = min(99, round(100 * below / len(cuts)))
        return f"，高于 {share}% 客户", f", above {share}% of customers"
    if above > below and above * 2 > last:
        share = min(99, round(100 * above / len(cuts)))
        return f"，低于 {share}% 客户", f", below {share}% of customers"
    return "", ""
