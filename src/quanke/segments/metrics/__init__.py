"""Figures of the whole bank, or of any group of customers: the KPI table of the domain rule book.

One value per population; the night computes each for everybody and for every branch, tier and stage.
`earlier(...)` is the comparison night (the end of the month before, unless the run says otherwise);
a figure that compares is null where there is none. Zero denominators give null, never 0. Organisations
are no retail customers and count nowhere here. Every rate drills down to the customers for whom its
condition is true, so figures and lists cannot disagree (KPI-1).
"""

from __future__ import annotations

from quanke.language import Metric
from quanke.segments.metrics.care import CARE
from quanke.segments.metrics.linked import LINKED
from quanke.segments.metrics.money import MONEY
from quanke.segments.metrics.size import SIZE, STAGE_FIGURES
from quanke.segments.metrics.tiers import tier_figures
from quanke.segments.scheme import DEFAULT_SCHEME, TierScheme


def metric_definitions(scheme: TierScheme = DEFAULT_SCHEME) -> tuple[Metric, ...]:
    """All figures; those of tiers by the names of the scheme."""
    return (*SIZE, *MONEY, *CARE, *LINKED, *STAGE_FIGURES, *tier_figures(scheme))


METRICS: tuple[Metric, ...] = metric_definitions()
"""The figures of the default scheme."""
