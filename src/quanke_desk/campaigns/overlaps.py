"""What an audience has in common with campaigns that run: registered ones, and journeys."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from django.db.models import Max
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from numpy.typing import NDArray

from quanke.effects.groups import CONTROL, CampaignRegister, RegisteredCampaign
from quanke.segments.index.hiding import shown, shown_part
from quanke_desk.campaigns.audiences import bound, of_numbers
from quanke_desk.campaigns.models import Arm, Enrolment, Journey, JourneyState
from quanke_desk.customers.queries import english
from quanke_desk.foundation.analytic import Base, base, home_path

if TYPE_CHECKING:
    from quanke.segments.index import Members


@dataclass(frozen=True)
class Overlap:
    """One campaign beside an audience: how many it contacts, how many both have (null: hidden), and that as a
    share of the audience."""

    name: str
    title: str
    journey: bool
    until: dt.date | None
    size: int | None
    both: int | None
    share: float | None
    link: str = ""


def overlaps(found: Members, of: Base | None = None) -> list[Overlap]:
    """Campaigns and journeys that run with what they share with an audience, the largest share first."""
    held, today = of or base(), timezone.localdate()
    made = [_registered(each, found, held) for each in running(today)]
    made += [_journey(each, found, held) for each in _journeys()]
    return sorted(made, key=lambda o: (-(o.both or 0), o.name))


def running(today: dt.date, home: Path | None = None) -> list[RegisteredCampaign]:
    """Registered campaigns that have not closed on a day."""
    return [c for c in CampaignRegister(home or home_path()).all() if c.design.closes >= today]


def _registered(campaign: RegisteredCampaign, found: Members, held: Base) -> Overlap:
    design = campaign.design
    title = design.title_en if english() else design.title_zh
    return _beside(found, _treated(campaign), design.name, title, False, design.until, held)


def _treated(campaign: RegisteredCampaign) -> NDArray[np.int64]:
    return _contacted(campaign.path, campaign.design.arms_digest)


@lru_cache(maxsize=32)
def _contacted(path: Path, digest: str) -> NDArray[np.int64]:
    """Customers of a campaign who are contacted; arms never change once they are registered."""
    arms = RegisteredCampaign(path).arms
    return arms.filter(pc.not_equal(arms["arm"], CONTROL))["customer"].to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def _journeys() -> list[Journey]:
    states = (JourneyState.RUNNING, JourneyState.PAUSED, JourneyState.DRAINING)
    return list(Journey.objects.filter(state__in=states).annotate(ends=Max("versions__until")))


def _journey(journey: Journey, found: Members, held: Base) -> Overlap:
    entered = Enrolment.objects.filter(version__journey=journey, arm=Arm.TREATED)
    numbers = np.fromiter(entered.values_list("customer", flat=True).iterator(10_000), np.int64)
    title = (journey.title_en if english() else "") or journey.title_zh
    ends = journey.ends  # type: ignore[attr-defined]
    try:
        link = reverse("journey", args=[journey.pk])
    except NoReverseMatch:
        link = ""
    return _beside(found, numbers, journey.name, title, True, ends, held, link)


def _beside(
    found: Members, numbers: NDArray[np.int64], name: str, title: str, journey: bool, until: dt.date | None,
    held: Base, link: str = "",
) -> Overlap:  # fmt: skip
    theirs = of_numbers(numbers, held)
    both, smallest = len(found & theirs), bound()
    told: int | None = 0
    if both:
        told = shown_part(both, len(found), smallest)
        told = told if shown_part(both, len(theirs), smallest) is not None else None
    share = told / len(found) if told is not None and len(found) else None
    return Overlap(name, title, journey, until, shown(len(theirs), smallest), told, share, link)
