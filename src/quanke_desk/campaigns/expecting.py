"""How much a play is expected to change, and where that is from: the bank's own measured campaigns where
there are any, else the play's assumption, said as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from quanke.effects.outcomes import standard_outcomes
from quanke.kernel.errors import EffectError, NightError
from quanke_desk.campaigns.effect_queries import Campaign, campaigns
from quanke_desk.campaigns.effect_words import english
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.named import version_of
from quanke_desk.campaigns.plays import Play
from quanke_desk.campaigns.templatetags.effects import of_unit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.local_form import day


@dataclass(frozen=True)
class Expected:
    """An expected effect a customer in words, and the words of its source; `link` names the campaign it was
    measured of, "" where it is an assumption."""

    amount: str
    source: str
    link: str = ""


def measured() -> list[tuple[Campaign, JourneyVersion | None]]:
    """Campaigns of the bank with a published effect, the newest first, each with the version it was of."""
    try:
        found = [each for each in campaigns() if each.told is not None and each.can_be_kept]
    except (EffectError, NightError):
        return []
    return [(each, version_of(each.name)) for each in found]


def expected(play: Play, of: list[tuple[Campaign, JourneyVersion | None]]) -> Expected | None:
    """What a play is expected to change: as measured when it last ran here, else of the last campaign for the
    same offer, else as assumed. Null where nothing is promised: a service without a control."""
    own = [each for each, version in of if version is not None and version.journey.play == play.name]
    same = [each for each, version in of if play.offer and _offer(each, version) == play.offer]
    for campaign in (*own, *same):
        outcome = _outcome(campaign, play.metric)
        if outcome is not None:
            return _as_measured(campaign, outcome)
    if play.assumed is None:
        return None
    outcome = _standard(play.metric)
    return Expected(
        f"{outcome['title']} {of_unit(play.assumed, outcome['unit'])}",
        _("an assumption of this play: no campaign of this bank has been measured for it yet"),
    )


def _offer(campaign: Campaign, version: JourneyVersion | None) -> str:
    learning = (campaign.told or {}).get("learning") or {}
    return version.offer if version is not None else str(learning.get("offer") or "")


def _outcome(campaign: Campaign, metric: str) -> dict[str, Any] | None:
    rows = (campaign.told or {}).get("outcomes", ())
    return next((row for row in rows if row["name"] == metric and row.get("effect") is not None), None)


def _as_measured(campaign: Campaign, row: dict[str, Any]) -> Expected:
    title = row["title_en" if english() else "title_zh"]
    unit = row["unit"]
    interval = f"{of_unit(row['low'], unit)} – {of_unit(row['high'], unit)}"
    words = _("measured of “%(campaign)s” on %(day)s, interval %(interval)s")
    told = {"campaign": campaign.title, "day": day(campaign.kept[-1]), "interval": interval}
    return Expected(f"{title} {of_unit(row['effect'], unit)}", words % told, campaign.name)


def _standard(metric: str) -> dict[str, str]:
    outcome = standard_outcomes("x", 30, base().day)[metric]
    return {"title": outcome.title_en if english() else outcome.title_zh, "unit": outcome.unit}
