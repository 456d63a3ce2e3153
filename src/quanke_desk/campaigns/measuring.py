"""Measuring what a campaign changed: a long job that publishes the answer in the home."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from quanke.effects.store import EffectStore
from quanke.kernel.errors import EffectError
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.jobs import Running, job
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May


@job("journeys.measure", title=_("Measuring what a campaign changed"), may=May.AUDIENCE)
def measure(running: Running, campaign: str) -> dict[str, Any]:
    """Measures and publishes. Run again it is the same: an effect of a day stands once it is published."""
    running.step(_("Measuring"))
    bank = base().bank
    try:
        EffectStore(bank.home.path).keep(bank.effects(campaign))
    except EffectError as error:
        raise NotAllowed(str(error)) from None
    return {"link": reverse("effect", args=[campaign])}
