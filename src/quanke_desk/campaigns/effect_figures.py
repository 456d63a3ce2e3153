"""All that is told of one campaign's effect, as its page and its report show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.urls import reverse
from django.utils.translation import gettext as _

from quanke.effects.returns import Gain, Return, return_on
from quanke.effects.uplift.published import UPLIFT
from quanke.plans.scores.store import ModelStore
from quanke_desk.campaigns.costs import ChannelLine, CostLine, channel_lines, cost_lines
from quanke_desk.campaigns.effect_queries import Campaign, bar, shown_outcomes
from quanke_desk.campaigns.effect_words import english, groups_in_words, offers
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.named import version_of
from quanke_desk.campaigns.plays import Play, play_of
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.work.queries import tasks_of_campaign


@dataclass(frozen=True)
class Learning:
    """What the plan learns of a campaign, in words, with the page that goes with it ("": none)."""

    ready: bool
    words: str
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True)
class Figures:
    """A campaign's effect. `told` is what was published; `cost` fen; `gain` and `left` null where nothing
    tells the margin; `advice` "" where it was published before advice was given; `tasks`: given and done,
    null for a campaign the desk did not run. `play`: what a journey was started from; its metric is told
    first, and `measured_by` names the one that advice and groups were measured by where that is another."""

    campaign: Campaign
    told: dict[str, Any]
    outcomes: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    costs: list[CostLine]
    cost: int
    gain: Gain | None
    left: Return | None
    advice: str
    verdict: str
    learning: Learning | None
    version: JourneyVersion | None
    channels: list[ChannelLine] = field(default_factory=list)
    tasks: tuple[int, int] | None = None
    play: Play | None = None
    measured_by: str = ""
    warnings: Sequence[str] = ()
    method: str = ""
    language: str = ""
    """Of warnings and method: those that were published before they were told in Chinese are English."""

    @property
    def headline(self) -> dict[str, Any]:
        """The metric that is told first."""
        return self.outcomes[0]

    @property
    def sentence(self) -> str:
        """The answer: what is told of the first metric."""
        return str(self.headline["sentence" if english() else "sentence_zh"])


def figures(campaign: Campaign, person: Person) -> Figures | None:
    """What a person may see of a campaign's last published effect; null where none is published."""
    told = campaign.told
    if told is None:
        return None
    version, costs = version_of(campaign.name), cost_lines(campaign.name)
    cost, gain = sum(line.fen for line in costs), _gain(told)
    advice = told.get("advice") or {}
    tasks = tasks_of_campaign(campaign.name) if version else None
    told_zh = not english() and "warnings_zh" in told
    play = play_of(version.journey) if version else None
    outcomes = shown_outcomes(told)
    first = outcomes[0]
    if play and any(row["name"] == play.metric for row in outcomes):
        outcomes.sort(key=lambda row: row["name"] != play.metric)
    return Figures(
        campaign=campaign,
        told=told,
        outcomes=outcomes,
        groups=_with_bars(groups_in_words(told, person)),
        costs=costs,
        cost=cost,
        gain=gain,
        left=return_on(gain, cost) if gain else None,
        advice=advice.get("sentence" if english() else "sentence_zh", ""),
        verdict=advice.get("verdict", ""),
        learning=_learning(campaign.name, told.get("learning"), version),
        version=version,
        channels=channel_lines(campaign.name, version) if version else [],
        tasks=(tasks[0], sum(task.count for task in tasks[1])) if tasks else None,
        play=play,
        measured_by="" if outcomes[0] is first else first["title"],
        warnings=told["warnings_zh" if told_zh else "warnings"],
        method=told["method_zh" if told_zh else "method"],
        language="zh-Hans" if told_zh else "en",
    )


def _gain(told: dict[str, Any]) -> Gain | None:
    held = told.get("gain")
    return Gain(**held) if held else None


def _with_bars(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**group, "rows": [bar(row) for row in group["rows"]]} for group in groups]


def _learning(campaign: str, told: dict[str, Any] | None, version: JourneyVersion | None) -> Learning | None:
    """Whether the plan learns of it. What was learned already says the model that is in use."""
    if not told:
        return None
    titles = dict(offers())
    learned = _learned_for(campaign)
    if learned:
        return Learning(
            True,
            _("The plan counts with it already: offer %(offer)s.") % {"offer": titles[learned]},
            f"{reverse('audience_new')}?text={quote(f'uplift_{learned} > 0')}",
            _("Customers whose chance a contact raises"),
        )
    offer = titles.get(told["offer"], "")
    if not told["lack"]:
        words = _(
            "It is in: the next training of the offer %(offer)s takes it, and the night after plans by it."
        )
        return Learning(True, words % {"offer": offer})
    link, link_words = "", ""
    if told["lack"] == "no_offer" and version is not None:
        link, link_words = reverse("journey_design", args=[version.journey_id]), _("Designer")
    return Learning(False, _missing(told) % (told | {"offer": offer}), link, link_words)


def _missing(told: dict[str, Any]) -> str:
    return {
        "no_offer": _("The plan does not learn from it: nobody said for which of its offers it was. Name one"
                      " before the next version starts, or name it to whoever trains the plan."),
        "no_pushes": _("Offer %(offer)s: nothing of it was pushed yet, or the pushes have not come home."),
        "other_means": _("Offer %(offer)s is learned of another kind of contact: what a call changes, a"
                         " message does not."),
        "too_early": _("Offer %(offer)s: it is in from %(ready_on)s on, when its last contact is 30 days"
                       " past."),
        "few_customers": _("Offer %(offer)s: its smaller arm has %(smaller_arm)s customers, and"
                           " %(least_arm)s are needed."),
        "untold": _("Offer %(offer)s: nothing tells who of the control converted. Name a product by whose"
                    " accounts it is seen."),
        "few_converted": _("Offer %(offer)s: %(converted)s converted, and %(least_converted)s are needed."),
    }[told["lack"]]  # fmt: skip


def _learned_for(campaign: str) -> str:
    """The offer whose model in use was learned from a campaign, "" for none."""
    store = ModelStore(base().bank.home.path)
    for score, version in store.in_use().items():
        if score.startswith(UPLIFT) and campaign in version.card.get("campaigns", ()):
            return score.removeprefix(UPLIFT)
    return ""
