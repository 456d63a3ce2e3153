"""How much of a customer's money stays cash: months of what he usually spends, and what is known to come."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanke.kernel.errors import InputError
from quanke.segments.dated import Dated
from quanke.wealth.trades.inputs import LARGEST

YUAN = 100


@dataclass(frozen=True, slots=True)
class NeedRules:
    """Dated parameters of the cash that is kept, all the house's to set [assume]: months of usual spending by
    stage of life, ages in years, money in fen."""

    starting_months: Dated = field(default_factory=lambda: Dated.of(3))
    """Below `settled_age`: few depend on him."""
    settled_age: Dated = field(default_factory=lambda: Dated.of(30))
    settled_months: Dated = field(default_factory=lambda: Dated.of(4))
    """From then on: a household."""
    retired_age: Dated = field(default_factory=lambda: Dated.of(60))
    retired_months: Dated = field(default_factory=lambda: Dated.of(6))
    """From then on, and where the age is not known: an illness cannot be earned back."""
    no_income_months: Dated = field(default_factory=lambda: Dated.of(3))
    """More, where neither wages nor a pension come in regularly."""
    uncovered_months: Dated = field(default_factory=lambda: Dated.of(3))
    """Months of what spending exceeds income by, more."""
    instalment_months: Dated = field(default_factory=lambda: Dated.of(3))
    """Months of loan instalments beside spending."""
    least: Dated = field(default_factory=lambda: Dated.of(2_000 * YUAN))
    """Nobody keeps less."""
    rounded: Dated = field(default_factory=lambda: Dated.of(100 * YUAN))
    """Rounded up to so much."""


def cash_needs(
    age: ArrayLike,
    spending: ArrayLike,
    income: ArrayLike,
    instalments: ArrayLike,
    coming: ArrayLike,
    day: dt.date,
    rules: NeedRules | None = None,
) -> NDArray[np.int64]:
    """Cash to keep in fen (n,).

    All (n,): `age` in years, -1 unknown; fen a month: `spending` as usual without loan instalments, regular
    `income` (wages, pension; 0 none), `instalments`; `coming` fen of spending that is known (tuition, house,
    doctor). Raises InputError.
    """
    rules = rules or NeedRules()
    years = _column("age", age, -1, 200)
    n = len(years)
    spends, earns, owes, comes = (
        _column(name, given, 0, LARGEST // 100, n)
        for name, given in (
            ("spending", spending),
            ("income", income),
            ("instalments", instalments),
            ("coming", coming),
        )
    )
    months = np.full(n, rules.settled_months.on(day))
    months[years < rules.settled_age.on(day)] = rules.starting_months.on(day)
    months[(years < 0) | (years >= rules.retired_age.on(day))] = rules.retired_months.on(day)
    months += np.where(earns == 0, rules.no_income_months.on(day), 0)
    short = np.where(earns > 0, np.maximum(spends + owes - earns, 0), 0)
    kept = months * spends + rules.instalment_months.on(day) * owes + rules.uncovered_months.on(day) * short
    kept = np.maximum(kept + comes, rules.least.on(day))
    to = max(rules.rounded.on(day), 1)
    found: NDArray[np.int64] = np.minimum(-(-kept // to) * to, LARGEST)
    return found


def _column(name: str, given: ArrayLike, low: int, high: int, rows: int | None = None) -> NDArray[np.int64]:
    found = np.asarray(given)
    if found.ndim != 1 or (rows is not None and len(found) != rows) or found.dtype.kind not in "iu":
        raise InputError("one whole number per customer is expected", field=name)
    wrong = (found < low) | (found > high)
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise InputError(f"a value is below {low} or above {high}", field=name, row=row)
    return found.astype(np.int64)
