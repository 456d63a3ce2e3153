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
from scipy.stats import t as student

from benchmarks.effects.customers import POST, Customers
from quanke.bank.sample.campaigns import CAMPAIGNS, Campaign
from quanke.effects import Estimate, estimate, estimate_many

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
    sign = np.where(
        luck < campaign.persuaded, 1, np.where(luck < campaign.persuaded + campaign.annoyed, -1, 0)
    )
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
    """Share of intervals that hold the truth, by method and kind of campaign; what CUPED takes away of the
    variance."""
    held: dict[str, list[bool]] = {method: [] for method in METHODS}
    kinds: dict[tuple[str, str], list[bool]] = {}
    less: list[float] = []
    pre = found.pre
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
        made = {
            "cluster": (
                estimate(one.outcome, one.treated, pre[one.who], cluster=found.branch[one.who]),
                one.effect,
            )
        }
        _note(held, kinds, one, made)
    return {
        "coverage": {method: round(float(np.mean(hits)), 4) for method, hits in held.items()},
        "by_kind": {
            f"{kind}.{method}": round(float(np.mean(hits)), 4) for (kind, method), hits in kinds.items()
        },
        "variance_reduction": round(float(np.median(less)), 4),
    }


def _note(held: Any, kinds: Any, one: Drawn, made: Any) -> None:
    for method, (answer, truth) in made.items():
        hit = answer.low <= truth <= answer.high
        held[method].append(hit)
        kinds.setdefault((one.campaign.code, method), []).append(hit)


def peeking(found: Customers, count: int, seed: int = 2) -> dict[str, Any]:
    """False alarms of campaigns without effect that are looked at every day: the share that ever alarm.

    `arriving`: a hundred customers a day are added for 60 days, outcome the daily mean of 30 days after.
    `maturing`: the same customers for 90 days, outcome the daily mean so far. Both with CUPED from the days
    before; by the always-valid interval, by the plain one, and by the plain one looked at only once.
    """
    rates = {f"{kind}.{way}": [] for kind in ("arriving", "maturing") for way in ("always", "naive", "once")}  # type: dict[str, list[bool]]
    fits = [
        np.flatnonzero((found.pre >= low * YUAN) & (found.pre < high * YUAN)) for low, high in FITS.values()
    ]
    for number in range(count):
        draws = np.random.default_rng([seed, number])
        who = draws.choice(fits[number % len(fits)], 6_000)
        treated = draws.random(6_000) < (0.5, 0.8)[number % 2]
        looks = [_look(found.post[who[:n]], treated[:n], found.pre[who[:n]]) for n in range(300, 6_001, 100)]
        _alarms(rates, "arriving", looks)
        some, arm = who[:1_500], treated[:1_500]
        sums = np.cumsum(found.daily[some, found.anchor :], axis=1) / np.arange(1, POST + 1)
        made = estimate_many(sums, arm, found.pre[some], sequential=True, correction=None)
        _alarms(rates, "maturing", [_outside(one) for one in made.values()])
    return {key: round(float(np.mean(hits)), 4) for key, hits in rates.items()}


def _look(y: Floats, treated: Any, x: Floats) -> tuple[bool, bool]:
    return _outside(estimate(y, treated, x, sequential=True))


def _outside(one: Estimate) -> tuple[bool, bool]:
    """Whether the always-valid interval, and the one for a single look, leave out zero."""
    return one.significant, abs(one.effect) > one.se * student.ppf(0.975, one.degrees_of_freedom)


def _alarms(rates: dict[str, list[bool]], kind: str, looks: list[tuple[bool, bool]]) -> None:
    rates[f"{kind}.always"].append(any(always for always, _ in looks))
    rates[f"{kind}.naive"].append(any(naive for _, naive in looks))
    rates[f"{kind}.once"].append(looks[-1][1])
