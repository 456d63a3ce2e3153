"""What has to be said beside an effect: what was left out, filled, merged, or is too little."""

from __future__ import annotations

from math import sqrt

import numpy as np

from quanke.effects.estimates.adjusted import Adjusted
from quanke.effects.estimates.inputs import Arms, Covariates
from quanke.effects.estimates.said import Said
from quanke.effects.estimates.shares import resembles_random
from quanke.kernel.errors import EffectError

FEW_CLUSTERS, FEW_EVENTS, FEW_AT_A_LOOK, FEW_CUSTOMERS = 30, 10, 100, 30
LARGEST_SHARE = 0.2
"""Share of the variance of one customer above which an interval is called rough: the mean of so skewed
amounts is not yet normal."""

LOSS_DIFFERS_BELOW = 0.01
"""p of the difference in shares of unknown outcomes."""


def ratio(who: Arms, expected: float | None) -> tuple[str, ...]:
    """The sample-ratio check against the planned share of treated, over customers or over clusters."""
    if expected is None:
        return ()
    if isinstance(expected, bool) or not isinstance(expected, int | float | np.number):
        raise EffectError("expected: the planned share of the treated, between 0 and 1")
    seen = who.arm
    if who.clusters:
        if not who.nested:
            return (
                Said(
                    "The sizes of the arms are not checked against the plan: clusters are in both arms.",
                    "未按计划核对各组大小：有的整体分在两组。",
                ),
            )
        # what was drawn is the cluster: its customers are no draws of their own
        seen = who.arm[np.unique(who.cluster, return_index=True)[1]]
    found = resembles_random(seen, float(expected))
    return () if found else (Said(found.sentence, found.sentence_zh),)


def of(
    x: Covariates, unit: str, is_ratio: bool, found: Adjusted, se: float, who: Arms, sequential: bool | int
) -> tuple[str, ...]:
    """The warnings of one metric, in the order of a reader's interest."""
    said: list[str] = [*_missing(found), *_strata(found), *_amounts(unit, is_ratio, found, who, sequential)]
    if x.filled:
        said.append(
            Said(
                f"{x.filled:,} values of covariates are not known: filled with the mean and marked.",
                f"协变量有 {x.filled:,} 个值未知：以均值填补并作标记。",
            )
        )
    if x.values.shape[1] and not found.slopes:
        said.append(
            Said(
                "Covariates are not used: they do not vary, or an arm has too few customers for them.",
                "未使用协变量：没有差异，或某组客户太少。",
            )
        )
    if se > 0 and found.largest > LARGEST_SHARE and min(found.n) >= FEW_CUSTOMERS:
        one, one_zh = ("cluster", "整体") if who.clusters else ("customer", "客户")
        said.append(
            Said(
                f"One {one} makes up {found.largest:.0%} of the uncertainty: the interval is rough. Strata "
                "or covariates of what customers held before, or a capped outcome, would steady it.",
                f"单个{one_zh}占不确定性的 {found.largest:.0%}：区间较粗略。"
                "按客户原先持有的情况分层或作协变量，或对结果封顶，可使其更稳定。",
            )
        )
    if se == 0:
        said.append(
            Said(
                "The outcome does not vary within the arms: the interval says nothing.",
                "各组内结果没有差异：区间没有意义。",
            )
        )
    return tuple(said)


def _missing(found: Adjusted) -> list[str]:
    control, treated = (int(n) for n in found.cells.missing)
    if not control + treated:
        return []
    all_control, all_treated = found.n[0] + control, found.n[1] + treated
    shares = treated / all_treated, control / all_control
    said: list[str] = [
        Said(
            f"Left out, as their outcome is not known: {treated:,} treated ({shares[0]:.1%}) and {control:,} "
            f"in control ({shares[1]:.1%}).",
            f"因结果未知而剔除：实验组 {treated:,} 户（{shares[0]:.1%}），"
            f"对照组 {control:,} 户（{shares[1]:.1%}）。",
        )
    ]
    whole = (control + treated) / (all_control + all_treated)
    error = sqrt(whole * (1 - whole) * (1 / all_control + 1 / all_treated))
    if error and abs(shares[0] - shares[1]) > _beyond() * error:
        said.append(
            Said(
                "The arms lose customers at different rates: who is left may not be alike.",
                "两组剔除的比例不同：留下的客户可能不可比。",
            )
        )
    return said


def _beyond() -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - LOSS_DIFFERS_BELOW / 2)


def _strata(found: Adjusted) -> list[str]:
    said: list[str] = []
    if merged := found.cells.merged:
        said.append(
            Said(
                f"{merged:,} strata with fewer than two customers in an arm count as one stratum.",
                f"有 {merged:,} 层在某组不足两户，合并为一层。",
            )
        )
    if left_out := found.cells.left_out:
        said.append(
            Said(
                f"Left out: {left_out:,} customers of strata with fewer than two customers in an arm.",
                f"剔除 {left_out:,} 户：所在的层在某组不足两户。",
            )
        )
    return said


def _amounts(unit: str, is_ratio: bool, found: Adjusted, who: Arms, sequential: bool | int) -> list[str]:
    said: list[str] = []
    least = int(found.n.min())
    if who.clusters and found.clusters < FEW_CLUSTERS:
        said.append(
            Said(
                f"Only {found.clusters} clusters: below {FEW_CLUSTERS} the interval may be too narrow.",
                f"只有 {found.clusters} 个整体：少于 {FEW_CLUSTERS} 个时区间可能偏窄。",
            )
        )
    if sequential is not False and not who.clusters and least < FEW_AT_A_LOOK:
        said.append(
            Said(
                f"An arm has only {least} customers: always-valid intervals hold from about 100 on.",
                f"某组只有 {least} 户：始终有效的区间约从 100 户起才成立。",
            )
        )
    elif least < FEW_CUSTOMERS:
        said.append(
            Said(
                f"An arm has only {least} customers: the interval relies on outcomes that are not skewed.",
                f"某组只有 {least} 户：区间依赖于结果分布不偏斜。",
            )
        )
    if unit in ("people", "rate") and not is_ratio:
        mean = (found.cells.n * found.cells.mean[:, :, 0]).sum(axis=0) / found.n
        events = float(np.minimum(mean * found.n, (1 - mean) * found.n).min())
        if 0 <= events < FEW_EVENTS - 0.5:
            said.append(
                Said(
                    f"Only {events:,.0f} customers of an arm differ from the others: the interval is rough.",
                    f"某组只有 {events:,.0f} 户与其余客户结果不同：区间较粗略。",
                )
            )
    return said
