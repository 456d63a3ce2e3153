"""The balance table: whether the arms were alike before the first contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quanke.effects.estimates.correcting import multiply_tested
from quanke.effects.estimates.inputs import Floats, flags, numbers, table
from quanke.kernel.errors import EffectError

LARGEST = 0.1
"""Default standardised difference above which a row may alarm (Austin 2009)."""

CHANCE = 0.05
"""p, corrected for the number of rows, from which on chance explains a difference."""


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One covariate. `smd`: difference of means over the root of the arms' mean variance; None where nothing
    varies. `variance_ratio`: treated over control; None where the control does not vary. `p`: Welch."""

    name: str
    mean_treated: float
    mean_control: float
    smd: float | None
    variance_ratio: float | None
    p: float | None
    missing_treated: int
    missing_control: int
    alarm: bool


def balance(
    covariates: Any, treated: Any, names: Sequence[str] | None = None, *, largest: float = LARGEST
) -> tuple[BalanceRow, ...]:
    """One row per covariate: how far the arms lay apart before the first contact.

    `covariates`: (n,) or (n, k) numbers, or name -> (n,). `treated`: (n,) bool. Alarms where the standardised
    difference is beyond `largest` and chance does not explain it: p, corrected for the number of rows (Holm
    1979), is below `CHANCE`. Neither alone alarms: in small arms chance reaches such differences, and with
    many customers a small p sees differences that matter to nobody. Where nothing varies within arms of two
    or more, any difference alarms. Raises EffectError for empty arms.
    """
    arm = flags("treated", treated).astype(bool)
    if arm.all() or not arm.any():
        raise EffectError("an arm is empty: there is nothing to compare")
    if isinstance(covariates, Mapping):
        columns = [numbers(f"covariates: {name}", values, len(arm)) for name, values in covariates.items()]
        names = list(covariates)
    else:
        columns = list(table("covariates", covariates, len(arm)).T)
        names = [f"x{j + 1}" for j in range(len(columns))] if names is None else names
    if len(names) != len(columns):
        raise EffectError(f"names: {len(names)} names for {len(columns)} covariates")
    rows = [_row(name, column, arm) for name, column in zip(names, columns, strict=True)]
    beyond_chance = _beyond_chance([row.p for row in rows])
    return tuple(
        replace(row, alarm=row.alarm if row.smd is None else beyond and abs(row.smd) > largest)
        for row, beyond in zip(rows, beyond_chance, strict=True)
    )


def _beyond_chance(p_values: Sequence[float | None]) -> list[bool]:
    """Whether a p holds among as many as there are (Holm); one that is not known never does."""
    known = [p for p in p_values if p is not None]
    if not known:
        return [False] * len(p_values)
    held = iter(multiply_tested(known, CHANCE, "holm")[0])
    return [p is not None and bool(next(held)) for p in p_values]


def _row(name: str, column: Floats, arm: np.ndarray[Any, Any]) -> BalanceRow:
    """Its `alarm` is for what does not vary: of the others it is decided over all rows."""
    from scipy.stats import t as student

    (n1, m1, v1, gone1), (n0, m0, v0, gone0) = (_told(column[arm]), _told(column[~arm]))
    apart, spread = m1 - m0, np.sqrt((v1 + v0) / 2)
    smd = float(apart / spread) if spread > 0 else None
    squares = v1 / n1 + v0 / n0 if min(n0, n1) > 1 else 0.0
    p = None
    if squares > 0:
        freedom = squares**2 / ((v1 / n1) ** 2 / (n1 - 1) + (v0 / n0) ** 2 / (n0 - 1))
        p = float(2 * student.sf(abs(apart) / np.sqrt(squares), freedom))
    ratio = float(v1 / v0) if v0 > 0 else None
    alarm = smd is None and min(n0, n1) > 1 and bool(apart != 0)
    return BalanceRow(name, m1, m0, smd, ratio, p, gone1, gone0, alarm)


def _told(values: Floats) -> tuple[int, float, float, int]:
    """Known ones, their mean, variance and how many are not known."""
    known = values[~np.isnan(values)]
    gone = len(values) - len(known)
    if not len(known):
        return 0, float("nan"), 0.0, gone
    same = bool((known == known[0]).all())
    return len(known), float(known.mean()), 0.0 if same or len(known) < 2 else float(known.var(ddof=1)), gone
