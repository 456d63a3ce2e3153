"""The sample-ratio check: whether arms have the sizes they were meant to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from quanke.kernel.errors import EffectError

ALARM_BELOW = 0.01
"""Default p below which arms are not what chance makes of the plan."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Customers by arm beside what was planned. True where chance explains the difference."""

    p: float
    counts: tuple[int, ...]
    expected: tuple[float, ...]
    """Customers that were to be expected in each arm."""
    arms: tuple[str, ...]
    alarm: bool
    alarm_below: float

    def __bool__(self) -> bool:
        return not self.alarm

    @property
    def sentence(self) -> str:
        """What it means, in English."""
        parts = ", ".join(
            f"{arm} {seen:,} (planned {meant:,.0f})"
            for arm, seen, meant in zip(self.arms, self.counts, self.expected, strict=True)
        )
        if not self.alarm:
            return f"The arms have the planned sizes: {parts}; p = {self.p:.2g}."
        return (
            f"The arms do not have the planned sizes: {parts}; p = {self.p:.2g}. Something decided beside "
            "the draw who is seen: no effect should be read from them before it is found."
        )

    @property
    def sentence_zh(self) -> str:
        """中文说明。"""
        parts = "，".join(
            f"{arm} {seen:,}（计划 {meant:,.0f}）"
            for arm, seen, meant in zip(self.arms, self.counts, self.expected, strict=True)
        )
        if not self.alarm:
            return f"各组人数与计划相符：{parts}；p = {self.p:.2g}。"
        return (
            f"各组人数与计划不符：{parts}；p = {self.p:.2g}。"
            "除抽签外还有别的因素决定谁被计入，查明之前不应据此读取效果。"
        )


def resembles_random(
    treated: Any,
    expected: float | Sequence[float] | Mapping[Any, float],
    *,
    alarm_below: float = ALARM_BELOW,
) -> SampleRatio:
    """Whether arm sizes are what the planned shares and chance make (chi-square test, scipy).

    `treated`: (n,) bool or 0/1, or codes of several arms. `expected`: the share of the treated; or the shares
    of the arms in the order of their codes (False before True), or by code; they are taken to sum to one.
    Raises EffectError for shares that do not fit the arms. Source: Fabijan et al., KDD 2019.
    """
    from scipy.stats import chi2

    counted = _counted(treated)
    if isinstance(expected, Mapping):
        strange = [code for code in counted if code not in expected]
        if strange:
            raise EffectError(f"expected: has no share for {len(strange)} of the arms")
        names, shares = list(expected), [float(share) for share in expected.values()]
    elif isinstance(expected, int | float | np.number):
        if not 0 < float(expected) < 1:
            raise EffectError("expected: the share of the treated must lie between 0 and 1")
        names, shares = [False, True], [1 - float(expected), float(expected)]
        if any(code not in (0, 1) for code in counted):
            raise EffectError("expected: one share only fits arms that are true or false (1 or 0)")
    else:
        names, shares = sorted(counted, key=str), [float(share) for share in expected]
        if set(counted) <= {0, 1} and len(shares) == 2:
            names = [False, True]
    if len(shares) != len(names):
        raise EffectError(f"expected: {len(shares)} shares for {len(names)} arms")
    if len(shares) < 2 or min(shares) <= 0 or not np.isfinite(sum(shares)):
        raise EffectError("expected: shares of two or more arms are needed, all above 0")
    seen = np.array([counted.get(name, 0) for name in names], float)
    meant = np.array(shares) / sum(shares) * seen.sum()
    p = float(chi2.sf(((seen - meant) ** 2 / meant).sum(), len(seen) - 1))
    words = ["control", "treated"] if names == [False, True] else [str(name) for name in names]
    return SampleRatio(
        p,
        tuple(int(n) for n in seen),
        tuple(float(m) for m in meant),
        tuple(words),
        p < alarm_below,
        alarm_below,
    )


def _counted(treated: Any) -> dict[Any, int]:
    """Customers by arm code."""
    column = treated if isinstance(treated, pa.Array | pa.ChunkedArray) else pa.array(np.asarray(treated))
    if not len(column):
        raise EffectError("treated: there are no customers")
    if column.null_count:
        raise EffectError(f"treated: the arm is not known in {column.null_count:,} rows")
    return {row["values"]: row["counts"] for row in column.value_counts().to_pylist()}
