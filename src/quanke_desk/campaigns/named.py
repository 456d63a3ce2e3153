"""Which campaign of the library's tables a version of a journey is, and back.

The first version bears the journey's name, later ones their number behind it (`name_v2`); one that goes on
with the arms of an earlier version is part of that one's campaign. Where customers
enter one by one, who entered in a month is a campaign of its own, with the month behind that. No
journey may be named like another's version or month: it would take the other's arms.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns.models import Enrolment, Journey, JourneyVersion

_MONTH = re.compile(r"(.+)_(20\d\d)(0[1-9]|1[0-2])\Z")
_NUMBER = re.compile(r"(.+)_v(\d{1,4})\Z")
_MANY = 5_000
"""Customers of one statement."""


def campaign_of(version: JourneyVersion, entered: int | None = None) -> str:
    """The campaign a customer of a version is in who entered at a moment (seconds since 1970)."""
    name = version.journey.name
    if version.continues_id is not None:
        version = JourneyVersion.objects.select_related("journey").get(pk=version.continues_id)
    whole = name if version.number == 1 else f"{name}_v{version.number}"
    if not version.graph.get("entry") or entered is None:
        return whole
    return f"{whole}_{dt.datetime.fromtimestamp(entered, SHANGHAI):%Y%m}"


def campaigns_of(version: JourneyVersion, customers: Sequence[int]) -> dict[int, str]:
    """The campaign each customer of a version is in."""
    if not version.graph.get("entry"):
        return dict.fromkeys(customers, campaign_of(version))
    found: dict[int, str] = {}
    for begin in range(0, len(customers), _MANY):
        held = Enrolment.objects.filter(version=version, customer__in=customers[begin : begin + _MANY])
        for customer, entered in held.values_list("customer", "entered"):
            found[customer] = campaign_of(version, entered)
    return found


def is_taken(name: str) -> bool:
    """Whether a journey's name is kept for versions and months of others."""
    return bool(_NUMBER.match(name) or _MONTH.match(name))


def version_of(campaign: str) -> JourneyVersion | None:
    """The version of a journey that a campaign is. Null for a campaign the desk did not run."""
    whole = _without_month(campaign)
    found = JourneyVersion.objects.select_related("audience__audience", "approval", "by", "journey")
    journey, number = Journey.objects.filter(name=whole).first(), 1
    if journey is None and (parts := _NUMBER.match(whole)):
        journey, number = Journey.objects.filter(name=parts[1]).first(), int(parts[2])
    return None if journey is None else found.filter(journey=journey, number=number).first()


def enrolled(campaign: str, version: JourneyVersion) -> dict[str, Any]:
    """Conditions on the enrolment of a push by which it belongs to a campaign of a version."""
    versions = [version.pk, *version.continued_by.values_list("pk", flat=True)]
    asked: dict[str, Any] = {"enrolment__version__in": versions}
    parts = _MONTH.match(campaign)
    if parts and version.graph.get("entry"):
        first = dt.datetime(int(parts[2]), int(parts[3]), 1, tzinfo=SHANGHAI)
        after = (first + dt.timedelta(days=32)).replace(day=1)
        asked["enrolment__entered__gte"] = int(first.timestamp())
        asked["enrolment__entered__lt"] = int(after.timestamp())
    return asked


def _without_month(campaign: str) -> str:
    """The campaign without the month of who entered, where it is one of such."""
    parts = _MONTH.match(campaign)
    return parts[1] if parts else campaign


class NamesOfPushes:
    """Campaigns by version and moment of entering; each version is read once."""

    def __init__(self) -> None:
        self._versions: dict[int, JourneyVersion] = {}

    def of(self, template: str, journey: str | None, version: int | None, entered: int | None) -> str:
        """The campaign of a push; one of no journey goes by its template."""
        if version is None:
            return journey or template
        if version not in self._versions:
            self._versions[version] = JourneyVersion.objects.select_related("journey").get(pk=version)
        return campaign_of(self._versions[version], entered)
