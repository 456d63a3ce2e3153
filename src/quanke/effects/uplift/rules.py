"""Rules of learning from campaigns: dated parameters a bank confirms for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from quanke.segments.dated import Dated

MESSAGES, PERSONAL = frozenset({"sms", "push", "email"}), frozenset({"call", "wecom", "visit"})
MEANS: Mapping[str, frozenset[str]] = {
    "term": MESSAGES,
    "fund": MESSAGES,
    "fund_call": PERSONAL,
    "wealth": MESSAGES,
    "wealth_call": PERSONAL,
    "insurance": MESSAGES,
    "credit_card": MESSAGES,
    "consumer_loan": PERSONAL,
    "tier_lift": PERSONAL,
    "win_back": PERSONAL,
    "card_activation": MESSAGES,
}
"""How customers are contacted about each offer: what a call changes, a message does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftRules:
    """Each with the value in force on the last day of the data.

    `window`: days after the push within which who converts counts. `least_arm`: customers each arm must have,
    `least_converted`: customers who must have converted, or nothing is learned. `learned_from`: so many must
    have converted for effects of single customers; below, the average is said of all. `folds`: parts for
    cross-fitting and for the held-out Qini. `level`: per cent of intervals. `most`: per cent beyond which no
    added chance is believed.
    """

    window: Dated = field(default=Dated.of(30))
    least_arm: Dated = field(default=Dated.of(100))
    least_converted: Dated = field(default=Dated.of(20))
    learned_from: Dated = field(default=Dated.of(100))
    folds: Dated = field(default=Dated.of(5))
    level: Dated = field(default=Dated.of(95))
    most: Dated = field(default=Dated.of(50))


DEFAULT_UPLIFT_RULES = UpliftRules()
