"""`estimate` and `estimate_many`: from a campaign's outcomes to what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np

from quanke.effects.estimates import cautions, redrawn, sequences
from quanke.effects.estimates.adjusted import Adjusted, adjusted
from quanke.effects.estimates.answer import Estimate
from quanke.effects.estimates.correcting import multiply_tested
from quanke.effects.estimates.inputs import Arms, Covariates, Floats, arms, covariates, flags, numbers
from quanke.effects.estimates.said import Said, chinese_of
from quanke.effects.estimates.sentences import UNITS
from quanke.effects.estimates.sequences import Bounds
from quanke.kernel.errors import EffectError

CORRECTIONS = ("holm", "fdr_bh")
PROBABLY = 0.8416212335729143
"""Standard errors beyond the interval at which an effect is seen four times out of five."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds for every metric of a call."""

    level: float
    sequential: bool | int
    seed: int
    ratio_told: tuple[str, ...]


def estimate(
    outcome: Any,
    treated: Any,
    covariates: Any = None,
    strata: Any = None,
    cluster: Any = None,
    level: float = 0.95,
    *,
    denominator: Any = None,
    sequential: bool | int = False,
    expected: float | None = None,
    unit: str = "",
    reached: Any = None,
    seed: int = 0,
) -> Estimate:
    """What the treated have more than they would have had without: the difference of two randomised arms.

    `outcome`: (n,) numbers or bools; NaN is not known: left out, and told. `treated`: (n,) bool or 0/1.
    `covariates`: (n,) or (n, k) numbers from before the first contact (CUPED, Deng et al. 2013): one slope
    pooled within arms and strata; it makes the interval shorter and cannot bias, for randomisation alone
    makes it right; gaps are filled with the mean and marked. `strata`: (n,) codes; strata are weighed by
    their customers in both arms; those with fewer than two customers in an arm count as one stratum, told.
    `cluster`: (n,) codes of what was assigned as a whole (post, branch): CR1 variance, t with G - 1 degrees
    of freedom. `denominator`: (n,) makes it the ratio of sums outcome / denominator, by the delta method.

    Without clusters the variance is HC2 (Welch's), with covariates HC3, and t by Welch-Satterthwaite;
    where a few customers make up most of the variance, quantiles come from drawing the arms again with `seed`
    (see `redrawn`).
    `sequential`: an always-valid interval, good however often one looks (see `sequences`); a whole number
    above 1 names the customers (or clusters) at which it shall be tightest, before the first look.
    `expected`: planned share of treated (of clusters, where they were assigned as a whole; not checked where
    they have customers of both arms); an alarm of the sample-ratio check becomes a warning. `unit`: "fen",
    "people", "rate" or "": how sentences speak; amounts stay in the outcome's own unit. `reached`: (n,) bool,
    treated who were reached: gives the effect per reached as well (Wald; Angrist, Imbens and Rubin 1996).

    Raises EffectError for empty arms, other lengths, infinite values and unknown arguments.
    """
    found = estimate_many(
        {"outcome": outcome}, treated, covariates, strata, cluster, level, denominator=denominator,
        sequential=sequential, expected=expected, unit=unit, reached=reached, correction=None, seed=seed,
    )  # fmt: skip
    return found["outcome"]


def estimate_many(
    outcomes: Any,
    treated: Any,
    covariates: Any = None,
    strata: Any = None,
    cluster: Any = None,
    level: float = 0.95,
    *,
    denominator: Any = None,
    sequential: bool | int = False,
    expected: float | None = None,
    unit: str | Mapping[str, str] = "",
    reached: Any = None,
    correction: str | None = "holm",
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Estimate]:
    """`estimate` for many metrics of the same customers, with p values corrected for their number.

    `outcomes`: name -> (n,), or an (n, m) matrix with `names` (else "0", "1", ...). `covariates`: name ->
    (n,) or (n, k), a metric's own; or, beside a matrix, an (n, m) matrix whose column is that metric's own;
    or (n,) or (n, k) for every metric. `denominator` and `unit`: by name, or one for all. `correction`:
    "holm" (the chance of any false alarm), "fdr_bh" (the share of false ones among those shown) or None; by
    `statsmodels.stats.multitest`. Intervals are each metric's own at `level`; `significant` goes by the
    correction.

    Two passes over each metric's columns and no copy of more than one metric at a time.

    Raises EffectError as `estimate` does.
    """
    if correction not in (*CORRECTIONS, None):
        raise EffectError(f"correction: must be one of {', '.join(CORRECTIONS)} or None")
    if not _is_number(level) or not 0 < level < 1:
        raise EffectError("level: must lie between 0 and 1, as 0.95")
    if not isinstance(sequential, bool) and (not _is_number(sequential) or not sequential >= 2):
        raise EffectError("sequential: true, false, or the customers at which it shall be tightest")
    who = arms(treated, strata, cluster)
    told = flags("reached", reached) if reached is not None else None
    if told is not None and len(told) != len(who.arm):
        raise EffectError(f"reached: {len(told):,} rows, but {len(who.arm):,} customers are in the arms")
    terms = _Terms(level, sequential, seed, cautions.ratio(who, expected))
    found: dict[str, Estimate] = {}
    for metric in _metrics(outcomes, covariates, denominator, unit, names, who):
        found[metric.name] = _one(metric, who, terms, told)
    return corrected(found, correction)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True, eq=False)
class _Metric:
    name: str
    y: Floats
    d: Floats
    x: Covariates
    unit: str


def _metrics(outcomes: Any, own: Any, bottom: Any, unit: Any, names: Any, who: Arms) -> Iterator[_Metric]:
    """The metrics one after the other: arrays of one are made when its turn comes."""
    rows = len(who.arm)
    columns = _columns(outcomes, names)
    own = _own(own, columns, outcomes)
    shared = None if isinstance(own, Mapping) else covariates("covariates", own, rows)
    for what, given in (("covariates", own), ("denominator", bottom), ("unit", unit)):
        strange = [name for name in given if name not in columns] if isinstance(given, Mapping) else []
        if strange:
            raise EffectError(f"{what}: {strange[0]} is none of the outcomes")
    for name, column in columns.items():
        told = "outcome" if len(columns) == 1 else f"outcome {name}"
        y = numbers(told, column, rows)
        under = bottom.get(name) if isinstance(bottom, Mapping) else bottom
        d = np.zeros(0) if under is None else numbers("denominator", under, rows)
        x = shared or covariates(f"covariates of {name}", own.get(name), rows)
        speaks = unit.get(name, "") if isinstance(unit, Mapping) else unit
        if speaks not in UNITS:
            raise EffectError(f"unit: must be one of {', '.join(repr(u) for u in UNITS)}")
        yield _Metric(name, y, d, x, speaks)


def _columns(outcomes: Any, names: Sequence[str] | None) -> dict[str, Any]:
    if isinstance(outcomes, Mapping):
        if not outcomes:
            raise EffectError("outcomes: there are none")
        return dict(outcomes)
    matrix = np.asarray(outcomes)
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise EffectError("outcomes: name -> (n,) or an (n, m) matrix is needed")
    names = [str(j) for j in range(matrix.shape[1])] if names is None else names
    if len(names) != matrix.shape[1]:
        raise EffectError(f"names: {len(names)} names for {matrix.shape[1]} outcomes")
    return {name: matrix[:, j] for j, name in enumerate(names)}


def _own(own: Any, columns: dict[str, Any], outcomes: Any) -> Any:
    """A matrix of the outcomes' shape, beside a matrix of outcomes, holds each metric's own covariate."""
    if isinstance(own, Mapping) or isinstance(outcomes, Mapping) or own is None:
        return own
    matrix = np.asarray(own)
    if matrix.shape != np.shape(outcomes):
        return own
    return {name: matrix[:, j] for j, name in enumerate(columns)}


def _one(metric: _Metric, who: Arms, terms: _Terms, told: Any) -> Estimate:
    found = adjusted(metric.y, metric.d, metric.x.values, who)
    se = _se(found.effect, found.variance, found)
    z = found.effect / se if se else (0.0 if found.effect == 0 else np.inf)
    bounds, redraws = _bounds(float(z), metric, found, who, terms)
    ratio = len(metric.d) > 0
    n_control, n_treated = (int(n) for n in found.n)
    times = float(n_treated)
    if ratio:
        times = float((found.cells.n[:, 1] * found.cells.mean[:, 1, 1]).sum())
    control = float(found.means[0])
    effect = 0.0 if se == 0 and abs(found.effect) <= 1e-12 * abs(control) else found.effect
    low, high = effect - bounds.down * se, effect + bounds.up * se
    said = cautions.of(metric.x, metric.unit, ratio, found, se, who, terms.sequential)
    made = Estimate(
        effect=effect, low=low, high=high, se=se, n_treated=n_treated, n_control=n_control,
        warnings=(*terms.ratio_told, *said),
        unit=metric.unit, level=terms.level, p_value=1.0 if se == 0 else bounds.p_value,
        total=effect * times, total_low=low * times, total_high=high * times,
        mean_treated=float(found.means[1]), mean_control=control,
        relative=effect / abs(control) if control else None,
        variance_reduction=1 - found.variance / found.variance_raw if found.variance_raw > 0 else 0.0,
        degrees_of_freedom=found.freedom, method=_method(metric, found, who, terms, redraws),
        always_valid=terms.sequential is not False, ratio=ratio,
        detectable=(max(bounds.down, bounds.up) + PROBABLY) * se,
    )  # fmt: skip
    return made if told is None else _per_reached(made, metric, found, who, told, bounds)


def _se(effect: float, variance: float, found: Adjusted) -> float:
    """The standard error; zero where what varies is no more than rounding."""
    se = sqrt(max(variance, 0.0))
    size = float(np.abs(found.means).max())
    return 0.0 if se <= 1e-13 * size else se


def _bounds(z: float, metric: _Metric, found: Adjusted, who: Arms, terms: _Terms) -> tuple[Bounds, bool]:
    """And whether arms were drawn again for them."""
    if terms.sequential is False:
        if not redrawn.is_called_for(found, who):
            return sequences.once(z, found.freedom, terms.level), False
        data = metric.y, metric.d, metric.x.values, who
        return redrawn.bounds(*data, found, z, terms.level, terms.seed), True
    size = found.clusters if who.clusters else int(found.n.sum())
    usual = sequences.TIGHTEST_CLUSTERS if who.clusters else sequences.TIGHTEST
    named = usual if terms.sequential is True else terms.sequential
    return sequences.always(z, size, terms.level, named), False


def _per_reached(
    made: Estimate, metric: _Metric, found: Adjusted, who: Arms, told: Any, bounds: Bounds
) -> Estimate:
    """The same with the effect per reached customer: the effect over the difference in shares reached, with
    the variance of outcome - effect per reached * reached."""
    arm = who.arm
    z = metric.y
    if len(metric.d):
        z = (metric.y - found.ratio_of[arm] * metric.d) / found.size_of[arm] + found.ratio_of[arm]
    seen = np.where(np.isnan(z), np.nan, told.astype(float))
    share = adjusted(seen, np.zeros(0), metric.x.values, who)
    count = int(np.nansum(seen[arm == 1]))
    warnings = made.warnings
    if stray := int(np.nansum(seen[arm == 0])):
        words = f"{stray:,} customers in control were reached: the arms are not clean."
        warnings = (*warnings, Said(words, f"对照组有 {stray:,} 户被触达：分组不纯。"))
    if share.effect <= 0:
        nobody = Said("Nobody more was reached than in control.", "触达的比例不高于对照组。")
        return replace(made, reached=count, warnings=(*warnings, nobody))
    per = made.effect / share.effect
    left = adjusted(z - per * told, np.zeros(0), metric.x.values, who)
    se = sqrt(max(left.variance, 0.0)) / share.effect
    return replace(
        made, reached=count, warnings=warnings, effect_reached=per, se_reached=se,
        low_reached=per - bounds.down * se, high_reached=per + bounds.up * se,
    )  # fmt: skip


def corrected(found: dict[str, Estimate], correction: str | None) -> dict[str, Estimate]:
    """The same with p values corrected for their number."""
    if correction is None or not found:
        return found
    level = next(iter(found.values())).level
    _fallen, p = multiply_tested([one.p_value for one in found.values()], 1 - level, correction)
    return {
        name: replace(one, p_adjusted=float(p[i]), metrics=len(found))
        for i, (name, one) in enumerate(found.items())
    }


def _method(metric: _Metric, found: Adjusted, who: Arms, terms: _Terms, redraws: bool) -> Said:
    """How it was measured, in a line."""
    of_sums = Said("ratio of sums (delta method)", "总和之比（delta 法）")
    parts: list[str] = [of_sums if len(metric.d) else Said("difference of means", "均值之差")]
    slopes, strata = found.slopes, len(found.cells.n)
    if slopes:
        words = f"CUPED, {slopes} covariate{'s' * (slopes > 1)} pooled slopes"
        parts.append(Said(words, f"CUPED，{slopes} 个协变量，两组共用斜率"))
    if strata > 1:
        parts.append(Said(f"post-stratified over {strata:,} strata", f"按 {strata:,} 层作事后分层"))
    if who.clusters:
        parts.append(Said(f"CR1 over {found.clusters:,} clusters", f"CR1，{found.clusters:,} 个整体"))
    else:
        parts.append("HC3" if slopes else "HC2" if strata > 1 else "Welch")
    if redraws:
        drawn = redrawn.DRAWS
        parts.append(Said(f"arms drawn again {drawn:,} times", f"两组重抽 {drawn:,} 次"))
    elif terms.sequential is False:
        free = f"{found.freedom:,.0f}"
        parts.append(Said(f"t with {free} degrees of freedom", f"t 分布，自由度 {free}"))
    else:
        parts.append(Said("always-valid (asymptotic confidence sequence)", "始终有效（渐近置信序列）"))
    return Said("; ".join(parts), "；".join(map(chinese_of, parts)))
