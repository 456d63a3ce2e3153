"""The numbers of suitability, each dated. Marks as in domain.md: a bank's compliance desk confirms them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, fields

from quanke.customers.tags.person import ASSESSMENT_MONTHS, ELDER_AGE
from quanke.segments.dated import Dated

MEASURES_IN_FORCE = dt.date(2026, 2, 1)
"""From this day on: 金融机构产品适当性管理办法 (总局令2025年第7号). Before it: R > C and older rules."""


def _since(value: int, before: int = 0) -> Dated:
    return Dated.of(before).then(MEASURES_IN_FORCE, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitabilityParameters:
    """Every number of SUI-1..4 with the days from which it holds. Switches are 0 or 1; shares are ppm, money
    is fen, ages are whole years. A bank replaces what its compliance desk decides otherwise."""

    whole: Dated = field(default=_since(1))
    """Whether capacity, means and the issuer's rating are looked at (SUI-1; Art. 12, 19)."""
    capacity_from: Dated = field(default=Dated.of(8))
    """Below this age nobody has capacity (民法典 20)."""
    own_wages_from: Dated = field(default=Dated.of(16))
    """From this age on, living on one's own wages gives full capacity (民法典 18)."""
    full_capacity_from: Dated = field(default=Dated.of(18))
    limited_capacity_risk: Dated = field(default=Dated.of(1))
    """Highest product risk class for limited capacity with the guardian's consent [assume: R1]."""
    cost_from_risk: Dated = field(default=Dated.of(2))
    """Product risk class from which a purchase is held against the customer's means [assume]."""
    cost_of_assets: Dated = field(default=Dated.of(800_000))
    """Largest share of investable assets, ppm, that one such purchase may take [assume]."""
    cost_of_income: Dated = field(default=Dated.of(200_000))
    """Largest share of yearly income, ppm, that yearly instalments may take [assume]."""
    least_income: Dated = field(default=Dated.of(2_400_000))
    """Least yearly income in fen of who commits himself to instalments [assume]."""
    valid_months: Dated = field(default=Dated.of(ASSESSMENT_MONTHS))
    """Months an assessment holds, the corresponding day included (SUI-2; Art. 29)."""
    assessments_a_day: Dated = field(default=_since(2, before=1))
    """Assessments of a customer in one day, in the whole institution [before: recalled]."""
    assessments_a_year: Dated = field(default=_since(8, before=365))
    """Assessments of a customer within 12 months, in the whole institution."""
    changed_confirmed: Dated = field(default=_since(1))
    """Whether a result that differs from the one before must be confirmed by the customer."""
    elder_from: Dated = field(default=Dated.of(ELDER_AGE))
    """Special care from this age on (SUI-3)."""
    elder_risk: Dated = field(default=Dated.of(4))
    """... with products of this risk class or above [assume: R4]."""
    thinking_hours: Dated = field(default=Dated.of(24))
    """Hours an elder has to think before such a purchase holds [assume]."""
    branch_risk: Dated = field(default=Dated.of(4))
    """Risk class from which a product is sold at a branch unless otherwise agreed in writing [recalled]."""
    recording_months: Dated = field(default=Dated.of(6))
    """Months a recording is kept after the product ends (SUI-4; 银监办发〔2017〕110号)."""

    def on(self, day: dt.date) -> dict[str, int]:
        """Every number as it is in force on a day, by name."""
        return {f.name: getattr(self, f.name).on(day) for f in fields(self)}

    def version(self, day: dt.date) -> dt.date:
        """The day since which the numbers in force on a day have held: the version to record."""
        every: list[dt.date] = [since for f in fields(self) for since, _ in getattr(self, f.name).values]
        return max((since for since in every if since <= day), default=min(every))


STANDARD_PARAMETERS = SuitabilityParameters()
"""The numbers of domain.md."""
