"""Parameters of the graph, each set in force from a day on: how strong evidence is, when a link fades.

Every figure here is the bank's to confirm. The night applies the set in force on its as-of day, so a
change of rules has a date and an earlier night can be explained.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from types import MappingProxyType

EVIDENCE_STRENGTH = MappingProxyType({"declared": 1.0, "register": 1.0, "payroll": 1.0, "partner": 0.8})
"""Strength of a relation handed over, by where it is known from."""


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How one conversion is shared out along its chain, in ten-thousandths that add up to 10,000.

    A chain without a government body gives that body's part to the business.
    """

    business: int = 10_000
    government: int = 0

    def __post_init__(self) -> None:
        if min(self.business, self.government) < 0 or self.business + self.government != 10_000:
            raise ValueError("the parts of a split are not negative and add up to 10,000")

    def parts(self, amount: int, has_government: bool) -> tuple[int, int]:
        """An amount shared out between business and government; the two add up to it exactly.

        The government's part is rounded towards zero, so that what cannot be divided stays with the business.
        """
        if not has_government:
            return amount, 0
        size, sign = abs(amount), -1 if amount < 0 else 1
        given = sign * (size * self.government // 10_000)
        return amount - given, given


@dataclass(frozen=True, slots=True)
class GraphRules:
    """One set of parameters, in force from `since`.

    `unstated` is the strength of a relation whose evidence is not named, or not known here. Wages: of
    `wage_months` calendar months the share with wages is the strength; without wages for
    `wage_stale_days` the link has ended on the last pay day. Transfers: at least `transfer_times` in at
    least `transfer_months` months of the last year make a link; its strength is the mean of times over
    `transfer_full_times` and amount over `transfer_full_fen`, each at most 1; it ends after
    `transfer_stale_days`. Households of more than `household_cap` persons are split.
    """

    since: dt.date
    unstated: float = 0.5
    look_back_days: int = 366
    wage_months: int = 6
    wage_stale_days: int = 62
    transfer_times: int = 3
    transfer_months: int = 2
    transfer_full_times: int = 12
    transfer_full_fen: int = 5_000_000
    transfer_stale_days: int = 184
    household_cap: int = 12
    group_days: int = 366
    group_cap: int = 50
    split: SplitRule = field(default_factory=SplitRule)


RULES: tuple[GraphRules, ...] = (GraphRules(since=dt.date(1900, 1, 1)),)
"""The sets, by the day each comes into force."""


def rules_on(day: dt.date, sets: tuple[GraphRules, ...] = RULES) -> GraphRules:
    """The set in force on a day; before the first, the first."""
    return max((s for s in sets if s.since <= day), key=lambda s: s.since, default=sets[0])
