"""Measuring what a campaign changed: a long job that publishes the answer in the home."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as _noop

from quanke.effects.store import EffectStore
from quanke.kernel.errors import EffectError
from quanke_desk.campaigns.effect_words import refusal
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.jobs import Running, job
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

_STANDS = _noop(
    "An effect of this day was published before and stays as it is; facts or rules have changed since."
)


@job("journeys.measure", title=_("Measuring what a campaign changed"), may=May.AUDIENCE)
def measure(running: Running, campaign: str) -> dict[str, Any]:
    """Measures and publishes. Run again it is the same: an effect of a day stands once it is published, and
    where facts or rules have changed since, that it stands is said."""
    running.step(_("Measuring"))
    bank = base().bank
    try:
        _kept, same = EffectStore(bank.home.path).keep(bank.effects(campaign))
    except EffectError as error:  # a job speaks the language of who began it
        raise NotAllowed(refusal(error)) from None
    link = {"link": reverse("effect", args=[campaign])}
    return link if same else {**link, "told": _STANDS}
