"""What campaigns teach about an offer: effects of single customers where they are borne out on customers
nobody had seen, else the average; and never a gain from a campaign that did harm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.effects.estimates import Estimate, estimate
from quanke.effects.uplift.arms import Bools, Floats
from quanke.effects.uplift.curves import Qini, qini
from quanke.effects.uplift.folds import folds_of, groups_of
from quanke.effects.uplift.model import UpliftModel
from quanke.effects.uplift.policy import PolicyValue, policy_value
from quanke.kernel.errors import ScoreError

LEARNED, AVERAGE, HARMFUL = "learned", "average", "harmful"
POLICY_SHARE = 0.3


@dataclass(frozen=True)
class Participants:
    """Customers of one or more campaigns for an offer: features (n, k), arms, whether each converted in the
    window, the share treated in his campaign, the campaign's number, AUM before and after the window (fen;
    nan unknown), and the customer's number: who took part in several campaigns has a row of each, and rows of
    one customer are no evidence of each other (None: every row is another customer)."""

    rows: Floats
    treated: Bools
    converted: Bools
    chance: Floats
    campaign: NDArray[np.int64]
    before: Floats
    after: Floats
    customer: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Lesson:
    """What was learned. `kind`: "learned" (customers differ, and `model` says how), "average" (they are not
    known to), "harmful" (the treated ended with less money, beyond chance). `effect`: on converting; `money`:
    on AUM at the end of the window (None where it is not known); `average`: what is said of everybody;
    `held_out`, `policy`: how customers were ranked by models that had not seen them (None where too few
    converted)."""

    kind: str
    effect: Estimate
    money: Estimate | None
    average: float
    held_out: Qini | None = None
    policy: PolicyValue | None = None
    model: UpliftModel | None = field(default=None, repr=False)


def lesson(of: Participants, *, folds: int, level: float, learned_from: int, seed: int) -> Lesson:
    """Learn from the participants. The average is drawn towards none by the share of its square that is
    chance (one standard error squared over it), so what could well be nothing is said to be nothing.

    Raises ScoreError where an arm is empty.
    """
    if of.treated.all() or not of.treated.any():
        raise ScoreError("these campaigns kept no control group: nothing tells what contacting changes")
    strata = of.campaign if len(np.unique(of.campaign)) > 1 else None
    own = groups_of(of.customer, len(of.treated))
    y = of.converted.astype(np.float64)
    effect = estimate(y, of.treated, strata=strata, cluster=own, level=level)
    money = _money(of, strata, own, level)
    average = shrunk(effect.effect, effect.se)
    if money is not None and money.high < 0:
        return Lesson(HARMFUL, effect, money, min(average, 0.0))
    if of.rows.shape[1] == 0 or int(of.converted.sum()) < learned_from:
        return Lesson(AVERAGE, effect, money, average)
    settings: dict[str, Any] = {"folds": folds, "random_state": seed}
    held = held_out_effects(of, y, settings, seed)
    found = qini(y, of.treated, held, level=level, groups=own)
    policy = policy_value(
        y, of.treated, held, share=POLICY_SHARE, propensity=of.chance, level=level, groups=own
    )
    if found.low <= 0:
        return Lesson(AVERAGE, effect, money, average, found, policy)
    model = UpliftModel(**settings).fit(of.rows, of.treated, y, propensity=of.chance, groups=own)
    kind = LEARNED if model.parts_ else AVERAGE
    return Lesson(kind, effect, money, average, found, policy, model if model.parts_ else None)


def held_out_effects(of: Participants, y: Floats, settings: dict[str, Any], seed: int) -> Floats:
    """Effect on each participant by a model that was fitted, and chosen in all it chooses, on other
    customers (n,)."""
    said = np.empty(len(y))
    own = groups_of(of.customer, len(y))
    for rest, held in folds_of(y, of.treated, settings["folds"], seed, own):
        model = UpliftModel(**settings)
        theirs = None if own is None else own[rest]
        model.fit(of.rows[rest], of.treated[rest], y[rest], propensity=of.chance[rest], groups=theirs)
        said[held] = model.predict(of.rows[held])
    return said


def shrunk(effect: float, se: float) -> float:
    """An effect drawn towards none: times 1 - (se / effect)^2, or 0 (the positive part of James and Stein,
    1961, with the spread of true effects taken from this one)."""
    return effect * max(0.0, 1 - (se / effect) ** 2) if effect else 0.0


def _money(of: Participants, strata: Any, own: Any, level: float) -> Estimate | None:
    known = ~np.isnan(of.before) & ~np.isnan(of.after)
    arms = of.treated[known]
    if arms.all() or not arms.any():
        return None
    cut, whose = (None if codes is None else codes[known] for codes in (strata, own))
    # a customer counts with the logarithm of his change, or one fortune would hide what happened to all; and
    # from 1,000 yuan on, or a few yuan more of nothing would be the greatest change
    before, after = (np.log(np.maximum(x[known], 0) / 100 + 1_000) for x in (of.before, of.after))
    return estimate(after - before, arms, covariates=before, strata=cut, cluster=whose, level=level)
