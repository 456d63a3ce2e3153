"""Expected value of a customer in fen: a year's margin on what he has, may open and may take away.

    value = year x (aum x margin x (1 - churn x share lost) + loans x margin of loans
            + sum over products of probability to open x usual amount x margin)

Margins are the bank's own (`products.margin`), weighted with what is held. The usual amount of a product is
what openings brought that was not with the bank before, by how much the customer has: means of few are drawn
towards the mean of all. What only goes from one product to another earns nothing here. It ranks
customers; it is no accounting figure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import ScoreError

BANDS = (1_000_000, 5_000_000, 20_000_000, 100_000_000)
"""Fen of AUM at which customers are told apart when the usual amount of a product is looked up."""
DRAWN = 30
"""A band's mean counts as so many openings of the mean of all."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Worth:
    """`aum_margin`, `loan_margin`: per year; `lost`: share of AUM that leaves with who leaves; `days`
    counted; `margin`, `amounts`: by category, annual and fen by band (one more than there are BANDS)."""

    until: str
    days: int
    aum_margin: float
    loan_margin: float
    lost: float
    margin: Mapping[str, float]
    amounts: Mapping[str, tuple[float, ...]]

    def value(
        self, aum: Floats, loans: Floats, churn: Floats | None, propensity: Mapping[str, Floats]
    ) -> NDArray[np.int64]:
        """Fen for each customer. `aum`, `loans` in fen; `churn` and `propensity` by category as far as there
        are models. Rounded half up."""
        risk = np.zeros(len(aum)) if churn is None else churn
        made = np.maximum(aum, 0) * self.aum_margin * (1 - risk * self.lost)
        made = made + np.abs(loans) * self.loan_margin
        band = np.searchsorted(BANDS, np.maximum(aum, 0), side="right")
        for category in sorted(propensity):
            if category in self.margin:
                usual = np.array(self.amounts[category])[band]
                made = made + propensity[category] * usual * self.margin[category]
        return np.floor(made * self.days / 365 + 0.5).astype(np.int64)

    @property
    def text(self) -> str:
        """As it is kept; equal ones give equal texts."""
        told = {
            "format": 1,
            "score": "expected_value",
            "until": self.until,
            "days": self.days,
            "aum_margin": self.aum_margin,
            "loan_margin": self.loan_margin,
            "lost": self.lost,
            "margin": dict(sorted(self.margin.items())),
            "amounts": {c: list(a) for c, a in sorted(self.amounts.items())},
        }
        return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Worth:
        """What `text` gave. Raises ScoreError for anything else."""
        try:
            told = json.loads(text, parse_constant=lambda word: float("nan"))
            if told["format"] != 1 or told["score"] != "expected_value":
                raise ValueError
            margin = {str(c): float(m) for c, m in told["margin"].items()}
            amounts = {str(c): tuple(map(float, a)) for c, a in told["amounts"].items()}
            if margin.keys() != amounts.keys() or any(len(a) != len(BANDS) + 1 for a in amounts.values()):
                raise ValueError
            aum, loan, lost = (float(told[k]) for k in ("aum_margin", "loan_margin", "lost"))
            rates = np.array([aum, loan, lost, *margin.values()])
            sums = np.array([a for each in amounts.values() for a in each])
            # comparisons are false for what is no number
            if not ((np.abs(rates) <= 1e3).all() and (np.abs(sums) <= 1e15).all()):
                raise ValueError
            return cls(str(told["until"]), int(told["days"]), aum, loan, lost, margin, amounts)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
            raise ScoreError("these are no margins of expected value") from None


def usual_amounts(aum: Floats, brought: Floats) -> tuple[float, ...]:
    """Mean of what openings brought (fen, one per opening), by band of the opener's AUM before."""
    band = np.searchsorted(BANDS, np.maximum(aum, 0), side="right")
    count = np.bincount(band, minlength=len(BANDS) + 1)
    added = np.bincount(band, brought, minlength=len(BANDS) + 1)
    mean = float(brought.mean()) if len(brought) else 0.0
    return tuple(((added + DRAWN * mean) / (count + DRAWN)).tolist())
