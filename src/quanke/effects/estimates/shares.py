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

EXACT_BELOW = 5
"""Customers to be expected in an arm below which chi-square is not trusted (Cochran 1954)."""


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
    """Whether arm sizes are what the planned shares and chance make.

    `treated`: (n,) bool or 0/1, or codes of several arms. `expected`: the share of the treated; or arm ->
    share; or k shares in the order of the arms: those of the codes 0 to k - 1 where all codes are among
    these, else of the codes that occur, numbers by their value and texts by the alphabet. An arm that nobody
    is in needs the mapping or codes from 0. Shares are taken to sum to one.

    Chi-square test; exact binomial test where there are two arms and fewer than `EXACT_BELOW` customers were
    to be expected in one (both scipy). Raises EffectError for shares that do not fit the arms and for arms
    that are not known. Source: Fabijan et al., KDD 2019.
    """
    counted = _counted(treated)
    names, shares = _planned(expected, counted)
    if len(shares) != len(names):
        raise EffectError(f"expected: {len(shares)} shares for {len(names)} arms")
    if len(shares) < 2 or not all(share > 0 for share in shares) or not np.isfinite(sum(shares)):
        raise EffectError("expected: shares of two or more arms are needed, all above 0")
    seen = [counted.get(name, 0) for name in names]
    meant = [share / sum(shares) * sum(seen) for share in shares]
    p = _p(seen, meant)
    words = ["control", "treated"] if names == [False, True] else [str(name) for name in names]
    return SampleRatio(p, tuple(seen), tuple(meant), tuple(words), p < alarm_below, alarm_below)


def _p(seen: list[int], meant: list[float]) -> float:
    """p of the sizes of the arms."""
    from scipy.stats import binomtest, chi2

    if len(seen) == 2 and min(meant) < EXACT_BELOW:
        return float(binomtest(seen[1], sum(seen), meant[1] / sum(meant)).pvalue)
    apart = sum((n - m) ** 2 / m for n, m in zip(seen, meant, strict=True))
    return float(chi2.sf(apart, len(seen) - 1))


def _planned(expected: Any, counted: dict[Any, int]) -> tuple[list[Any], list[float]]:
    """The arms and the share of each."""
    if isinstance(expected, Mapping):
        if strange := [code for code in counted if code not in expected]:
            raise EffectError(f"expected: has no share for {len(strange)} of the arms")
        return list(expected), [_share(share) for share in expected.values()]
    if isinstance(expected, str | bytes) or not hasattr(expected, "__len__") or not np.ndim(expected):
        share = _share(expected)
        if not 0 < share < 1:
            raise EffectError("expected: the share of the treated must lie between 0 and 1")
        if any(code not in (0, 1) for code in counted):
            raise EffectError("expected: one share only fits arms that are true or false (1 or 0)")
        return [False, True], [1 - share, share]
    shares = [_share(share) for share in expected]
    if all(code in range(len(shares)) for code in counted):
        return list(range(len(shares))), shares
    try:
        return sorted(counted), shares
    except TypeError:
        return sorted(counted, key=str), shares


def _share(value: Any) -> float:
    """A planned share as a number."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise EffectError("expected: has shares that are not numbers") from None


def _counted(treated: Any) -> dict[Any, int]:
    """Customers by arm code."""
    try:
        column = treated
        if not isinstance(treated, pa.Array | pa.ChunkedArray):
            codes = np.asarray(treated)
            if codes.ndim != 1:
                raise EffectError(f"treated: one arm for each customer, not {codes.ndim} dimensions")
            column = pa.array(codes, from_pandas=True)
        if not len(column):
            raise EffectError("treated: there are no customers")
        if column.null_count:
            raise EffectError(f"treated: the arm is not known in {column.null_count:,} rows")
        return {row["values"]: row["counts"] for row in column.value_counts().to_pylist()}
    except (pa.ArrowException, TypeError, ValueError):
        raise EffectError("treated: arms must be true or false, numbers or texts, all of one kind") from None
