"""Campaigns drawn again and again over the customers of a sample bank, with effects as its truth has them.

Each campaign draws participants, arms and potential effects by the rules of `quanke.bank.sample.campaigns`
over what these customers really held before and after; only assignment and effects are made. An interval
covers if it holds the mean effect on that campaign's participants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.effects.customers import Customers
from quanke.bank.sample.campaigns import CAMPAIGNS, Campaign
from quanke.effects import estimate

YUAN = 100
WINDOW = 30
METHODS = ("plain", "cuped", "strata", "cluster", "ratio")
FITS = {
    "tier_edge_autumn": (36_000, 50_000),
    "new_year_deposits": (50_000, 1e12),
    "win_back_calls": (200_000, 1e12),
}
"""Daily mean in yuan between which a campaign's customers lie: those that move money."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One campaign: row numbers of its participants, their arms, and outcomes without and with treatment."""

    campaign: Campaign
    who: NDArray[np.int64]
    treated: NDArray[np.bool_]
    without: Floats
    with_: Floats
    reached: NDArray[np.bool_]

    @property
    def outcome(self) -> Floats:
        """What was seen."""
        return np.where(self.treated, self.with_, self.without)

    @property
    def effect(self) -> float:
        """The mean effect on its participants."""
        return float((self.with_ - self.without).mean())


def drawn(found: Customers, campaign: Campaign, draws: np.random.Generator, by_branch: bool) -> Drawn:
    """Participants, arms (by customer in exact shares, or whole branches) and effects of one campaign."""
    low, high = FITS[campaign.code]
    pre = found.pre
    fits = np.flatnonzero((pre >= low * YUAN) & (pre < high * YUAN))
    who = fits if by_branch else draws.permutation(fits)[: max(200, round(len(fits) * campaign.share))]
    share = campaign.treated / 100
    if by_branch:
        branches = draws.permutation(np.unique(found.branch[who]))
        treated = np.isin(found.branch[who], branches[: round(len(branches) / 2)])
    else:
        treated = np.zeros(len(who), np.bool_)
        treated[draws.permutation(len(who))[: round(len(who) * share)]] = True
    reached = draws.random(len(who)) < campaign.reach / 100
    gain = np.full(len(who), campaign.gain * YUAN, float)
    if campaign.gain < 100:
        gain = np.minimum(pre[who], 400_000 * YUAN) * campaign.gain / 100
    gain *= draws.uniform(0.6, 1.4, len(who))
    luck = draws.integers(0, 1_000, len(who))
    sign = np.where(luck < campaign.persuaded, 1, np.where(luck < campaign.persuaded + campaign.annoyed, -1, 0))
    days_there = (WINDOW - draws.integers(1, 13, len(who))) / WINDOW
    without = found.post[who]
    return Drawn(campaign, who, treated, without, without + gain * sign * days_there * reached, reached)


def campaigns(found: Customers, count: int, seed: int, by_branch: bool = False) -> Iterator[Drawn]:
    """So many campaigns, of each kind that moves money in turn."""
    kinds = [campaign for campaign in CAMPAIGNS if campaign.code in FITS]
    for number in range(count):
        draws = np.random.default_rng([seed, number, by_branch])
        yield drawn(found, kinds[number % len(kinds)], draws, by_branch)


def coverage(found: Customers, count: int, seed: int = 1) -> dict[str, Any]:
    """Share of intervals that hold the truth, by method; the variance that CUPED takes away; by kind of campaign."""
    held: dict[str, list[bool]] = {method: [] for method in METHODS}
    kinds: dict[tuple[str, str], list[bool]] = {}
    less: list[float] = []
    pre, steps = found.pre, None
    steps = np.searchsorted(np.quantile(pre[pre > 0], np.linspace(0, 1, 41)[1:-1]), pre)
    for one in campaigns(found, count, seed):
        y, t, x = one.outcome, one.treated, pre[one.who]
        d = found.accounts[one.who]
        made = {
            "plain": (estimate(y, t), one.effect),
            "cuped": (estimate(y, t, x), one.effect),
            "strata": (estimate(y, t, strata=steps[one.who]), one.effect),
            "ratio": (estimate(y, t, denominator=d), (one.with_ - one.without).sum() / d.sum()),
        }
        less.append(made["cuped"][0].variance_reduction)
        _note(held, kinds, one, made)
    for one in campaigns(found, count, seed, by_branch=True):
        made = {"cluster": (estimate(one.outcome, one.treated, pre[one.who], cluster=found.branch[one.who]), one.effect)}
        _note(held, kinds, one, made)
    return {
        "coverage": {method: round(float(np.mean(hits)), 4) for method, hits in held.items()},
        "by_kind": {f"{kind}.{method}": round(float(np.mean(hits)), 4) for (kind, method), hits in kinds.items()},
        "variance_reduction": round(float(np.median(less)), 4),
    }


def _note(held: Any, kinds: Any, one: Drawn, made: Any) -> None:
    for method, (answer, truth) in made.items():
        hit = answer.low <= truth <= answer.high
        held[method].append(hit)
        kinds.setdefault((one.campaign.code, method), []).append(hit)
