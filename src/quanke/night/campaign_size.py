"""How many customers a campaign needs and what its audience could show, from the window that lies behind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quanke.bank.contracts import Purpose
from quanke.bank.home import Home
from quanke.customers.tags.assets import aum
from quanke.effects.estimates import detectable, sample_size
from quanke.effects.groups import effect_rules
from quanke.effects.outcomes import CONVERTED, Outcome, catalogue_outcome, standard_outcomes
from quanke.engines.store import Night
from quanke.kernel.errors import EffectError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.language import Catalogue, Definition
from quanke.night.audience import compile_audience, members_of
from quanke.night.effect_facts import Floats, facts_of, known_until

_SAID = {"fen": 100.0, "people": 0.01, "rate": 0.01}
"""From what people say to the unit of an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSize:
    """One metric of an audience over the window that ended last.

    `mean`, `sd` in the metric's unit (fen for money, shares of one for people). `correlation` with the value
    before, which CUPED takes out. `detectable`: the smallest effect per customer the audience shows four
    times of five, None where nothing varies. `needed`: customers for the effect that was asked for, None
    where none was.
    """

    name: str
    title_zh: str
    title_en: str
    unit: str
    customers: int
    mean: float
    sd: float
    correlation: float
    detectable: float | None
    needed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeQuestion:
    """`share`: of treated, between 0 and 1. `effect`: per customer as people say it (yuan, people or points
    in 100, else as it is), None for none."""

    audience: str
    metrics: tuple[str, ...] = ()
    window: int | None = None
    share: float = 0.8
    effect: float | None = None
    product: str = ""
    level: float = 0.95
    power: float = 0.8


def campaign_sizes(
    home: Home, catalogue: Catalogue, night: Night, asked: SizeQuestion, progress: Progress | None = None
) -> list[CampaignSize]:
    """What an audience could show, by metric. Raises EffectError for an audience of fewer than ten
    customers."""
    condition = compile_audience(asked.audience, catalogue, night, home, Purpose.MARKETING)
    customers = members_of(night, condition)[0].numbers()
    if len(customers) < 10:
        raise EffectError("an audience of fewer than ten customers shows nothing")
    with facts_of(home, catalogue, progress or SilentProgress()) as sheets:
        last = known_until(sheets, night.day)
        window = asked.window or effect_rules(home.path).window_days.on(last)
        before = last - dt.timedelta(days=window)
        standard = standard_outcomes("", window, last, asked.product)
        standard.pop(CONVERTED)
        names: Sequence[str] = asked.metrics or tuple(standard)
        outcomes = [standard[n] if n in standard else catalogue_outcome(catalogue, n) for n in names]
        outcomes = [each for each in outcomes if each.below is None]
        if not outcomes:
            raise EffectError("sizes are told for means, not for ratios")
        first: list[Definition] = [aum, *(o.before for o in outcomes if o.before is not None)]
        then: list[Definition] = [o.value for o in outcomes]
        more = {each.name: each for each in (*first, *then) if each.name not in catalogue}
        sheets.catalogue = catalogue.with_more(more.values())
        sheets.customers = customers
        earlier = sheets.rows(before, first, keep=[aum.name])
        later = sheets.rows(last, then, before=before)
    return [
        _sized(o, later[o.value.name], earlier[o.before.name] if o.before is not None else None, asked)
        for o in outcomes
    ]


def _sized(each: Outcome, values: Floats, before: Floats | None, asked: SizeQuestion) -> CampaignSize:
    mean, sd, correlation = _told(values, before)
    seen = needed = None
    if sd > 0:
        terms = sd, asked.share, asked.level, asked.power
        seen = detectable(len(values), *terms, correlation=correlation)
        if asked.effect is not None:
            needed = sample_size(_SAID.get(each.unit, 1.0) * asked.effect, *terms, correlation=correlation)
    return CampaignSize(
        name=each.name,
        title_zh=each.title_zh,
        title_en=each.title_en,
        unit=each.unit,
        customers=len(values),
        mean=mean,
        sd=sd,
        correlation=correlation,
        detectable=seen,
        needed=needed,
    )


def _told(values: Floats, before: Floats | None) -> tuple[float, float, float]:
    """Mean, standard deviation, correlation with the value before."""
    known = ~np.isnan(values) if before is None else ~np.isnan(values) & ~np.isnan(before)
    now = values[known]
    if len(now) < 2:
        return 0.0, 0.0, 0.0
    sd = float(now.std(ddof=1))
    if before is None or sd == 0 or before[known].std() == 0:
        return float(now.mean()), sd, 0.0
    together = float(np.corrcoef(now, before[known])[0, 1])
    return float(now.mean()), sd, float(np.clip(together, -0.999, 0.999))
