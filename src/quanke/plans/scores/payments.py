"""Whether a customer still pays with this bank, and how often he will: BG/NBD over days with a payment.

An optional score, `payment_activity`: its three features are definitions of a night only while a version of
it is in use, for they cost a second look at a year of movements. A purchase of the model is a day with a
payment by card or third party; the first one is the first of the last `WINDOW` days, so that no night reads
older movements.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import ScoreError
from quanke.language import Catalogue, Expression, Purpose, Tag, days, distinct_days, facts, largest, smallest
from quanke.language.types import RATE_PLACES
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.features import Feature
from quanke.plans.scores.model import FORMAT, fingerprint, no_number, stale_among

if TYPE_CHECKING:
    from quanke.plans.scores.purchases import BetaGeometricNBD

PAYMENTS = "payment_activity"
EXPECTED, ALIVE = "payments_expected_90d", "payer_alive"
"""The columns of the table `scores` a version fills."""
WINDOW, HORIZON = 365, 90
Floats = NDArray[np.float64]

_move = facts.transactions
_paid: Expression = (_move.direction == "out") & _move.kind.one_of("card_payment", "third_party_payment")

payment_days_365d = Tag(
    name="payment_days_365d",
    title_zh="近365日支付天数",
    title_en="Days with a payment, 365 days",
    value=distinct_days(_move).where(_paid).within(days(WINDOW)),
    purpose=Purpose.MARKETING,
)
first_payment_on = Tag(
    name="first_payment_on",
    title_zh="近365日首次支付日",
    title_en="First payment in 365 days",
    value=smallest(_move.day).where(_paid).within(days(WINDOW)),
    purpose=Purpose.MARKETING,
    unit="date",
)
last_payment_on = Tag(
    name="last_payment_on",
    title_zh="最近支付日",
    title_en="Last payment",
    value=largest(_move.day).where(_paid).within(days(WINDOW)),
    purpose=Purpose.MARKETING,
    unit="date",
)
payment_days_90d = Tag(
    name="payment_days_90d",
    title_zh="近90日支付天数",
    title_en="Days with a payment, 90 days",
    value=distinct_days(_move).where(_paid).within(days(HORIZON)),
    purpose=Purpose.MARKETING,
)
"""What is foretold, on the later day. It is no definition of a night."""

PAYMENT_TAGS = (payment_days_365d, first_payment_on, last_payment_on)
"""Features, in the order of a row: days with a payment, days since the first, days since the last."""


@dataclass(frozen=True)
class PaymentModel:
    """A version of `payment_activity`. `parameters`: r, alpha (in days), a, b; `until` is the last day of its
    data; `features` are those of its training rows, `said` the steps of what it says of them."""

    until: str
    parameters: tuple[float, float, float, float]
    features: tuple[Feature, ...]
    said: Steps
    score: str = PAYMENTS
    horizon: int = HORIZON

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tags it reads."""
        return tuple(feature.name for feature in self.features)

    def stale(self, catalogue: Catalogue) -> tuple[str, ...]:
        """Features that mean something else in a catalogue than what was learned from, or are not there."""
        return stale_among(self.features, catalogue)

    @cached_property
    def purchases(self) -> BetaGeometricNBD:
        """The process the parameters describe."""
        from quanke.plans.scores.purchases import BetaGeometricNBD

        return BetaGeometricNBD.of(*self.parameters)

    def predict(self, rows: Floats) -> tuple[Floats, Floats]:
        """Of rows x features: expected days with a payment in the next HORIZON days, and the probability to
        still be a payer, to the six places of a rate; nan where there was no payment in the window."""
        known = paid(rows)
        frequency, recency, seen = history(rows[known])
        alive = self.purchases.probability_alive(frequency, recency, seen)
        # nobody pays on more days than there are
        more = np.minimum(alive * self.if_alive(frequency, seen), HORIZON)
        expected, still = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        expected[known], still[known] = np.round(more, RATE_PLACES), np.round(alive, RATE_PLACES)
        return expected, still

    def if_alive(self, frequency: Floats, seen: Floats) -> Floats:
        """Expected days with a payment of who is still a payer."""
        return self.table[seen.astype(np.int64), frequency.astype(np.int64)]

    @property
    def of_new(self) -> float:
        """Expected days with a payment of who was first seen today."""
        return float(self.table[0, 0])

    def ready(self) -> PaymentModel:
        """Itself, with its table made: once, and not by every part of a night."""
        assert self.table.size
        return self

    @cached_property
    def table(self) -> Floats:
        """That, by days since the first payment and by repeats: few pairs, asked for everybody."""
        seen, frequency = np.tril_indices(WINDOW + 1)
        made = np.full((WINDOW + 1, WINDOW + 1), np.nan)
        made[seen, frequency] = self.purchases.expected_if_alive(frequency, seen, HORIZON)
        return made

    @cached_property
    def text(self) -> str:
        """The model as it is kept; equal models give equal texts."""
        told = {
            "format": FORMAT,
            "score": self.score,
            "until": self.until,
            "horizon": self.horizon,
            "parameters": dict(zip(("r", "alpha", "a", "b"), self.parameters, strict=True)),
            "features": [feature.to_json() for feature in self.features],
            "said": self.said.to_json(),
        }
        return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"

    @property
    def fingerprint(self) -> str:
        """Digest of the text."""
        return fingerprint(self.text)

    @classmethod
    def from_text(cls, text: str) -> PaymentModel:
        """A model as it was kept. Raises ScoreError for what is none, before anything of it is used."""
        try:
            told: dict[str, Any] = json.loads(text, parse_constant=no_number)
            r, alpha, a, b = (float(told["parameters"][n]) for n in ("r", "alpha", "a", "b"))
            model = cls(
                str(told["until"]),
                (r, alpha, a, b),
                tuple(Feature.from_json(f) for f in told["features"]),
                Steps.from_json(told["said"]),
            )
            right = (told["format"], told["score"], told["horizon"]) == (FORMAT, PAYMENTS, HORIZON)
            if not right or model.names != tuple(tag.name for tag in PAYMENT_TAGS):
                raise ValueError
            if not all(1e-9 <= p <= 1e12 for p in model.parameters):
                raise ValueError
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
            raise ScoreError(f"this is no model of {PAYMENTS}") from None
        return model


def paid(rows: Floats) -> NDArray[np.bool_]:
    """Of rows x features, those with a payment in the window."""
    return ~np.isnan(rows[:, 1]) & ~np.isnan(rows[:, 2]) & (rows[:, 0] > 0)


def history(rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Frequency, recency and T of rows with a payment, in days: days with a payment after the first, days
    from the first to the last, days from the first to now."""
    return rows[:, 0] - 1, rows[:, 1] - rows[:, 2], rows[:, 1]


def alike(rows: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Frequency, recency, T and number of customers of those who are alike: a base of millions has few
    different ones."""
    # one number for the three, which are days of the window: sorted many times as fast as rows
    base = WINDOW + 1
    frequency, recency, seen = (part.astype(np.int64) for part in history(rows))
    one, counts = np.unique((frequency * base + recency) * base + seen, return_counts=True)
    frequency, recency, seen = one // base**2, one // base % base, one % base
    return frequency.astype(float), recency.astype(float), seen.astype(float), counts.astype(float)


def held_out(
    model: BetaGeometricNBD, frequency: Floats, recency: Floats, seen: Floats, actual: Floats
) -> dict[str, Any]:
    """How a model did on days it had not seen: days with a payment that were expected and that came, by how
    often a customer had paid, beside the naive guess that he goes on at his own rate until now.

    `actual`: days with a payment in the HORIZON days after. Groups of fewer than SMALLEST_GROUP customers are
    joined to the next, so that a card tells of nobody."""
    said = np.minimum(model.predict(frequency, recency, seen, HORIZON), HORIZON)
    # the first payment only starts the clock: with it the guess would be worse
    naive = np.minimum(frequency / np.maximum(seen, 1) * HORIZON, HORIZON)
    apart = {"ours": said - actual, "naive": naive - actual}
    return {
        "customers": len(actual),
        "expected": float(said.mean()),
        "naive": float(naive.mean()),
        "actual": float(actual.mean()),
        "absolute_error": {name: float(np.abs(of).mean()) for name, of in apart.items()},
        "root_mean_square_error": {name: float(np.sqrt((of**2).mean())) for name, of in apart.items()},
        "groups": [
            {
                "from": int(frequency[own].min()),
                "to": int(frequency[own].max()),
                "customers": int(own.sum()),
                "expected": float(said[own].mean()),
                "naive": float(naive[own].mean()),
                "actual": float(actual[own].mean()),
                "alive": float(model.probability_alive(frequency, recency, seen)[own].mean()),
            }
            for own in _groups(frequency)
        ],
    }


SMALLEST_GROUP = 50
EDGES = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233)


def _groups(frequency: Floats) -> Sequence[NDArray[np.bool_]]:
    """Customers by frequency in growing steps; a step of few is joined to the one before it."""
    place = np.searchsorted(EDGES, frequency, side="right") - 1
    counts = np.bincount(place, minlength=len(EDGES))
    found: list[list[int]] = []
    for step in map(int, np.flatnonzero(counts)):
        if found and (counts[step] < SMALLEST_GROUP or counts[found[-1]].sum() < SMALLEST_GROUP):
            found[-1].append(step)
        else:
            found.append([step])
    if len(found) > 1 and counts[found[-1]].sum() < SMALLEST_GROUP:
        found[-2] += found.pop()
    return [np.isin(place, steps) for steps in found if counts[steps].sum() >= SMALLEST_GROUP]
