"""What of this room is found from everywhere: audiences, journeys, plays, campaigns, texts, contracts."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from quanke_desk.campaigns import audiences as held_audiences
from quanke_desk.campaigns import effect_queries, template_queries
from quanke_desk.campaigns.models import JointContract, Journey
from quanke_desk.campaigns.plays import PLAYS
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.finders import Hit, finds, matches
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May

_pushed: dict[str, tuple[Base, frozenset[str]]] = {}


def _english() -> bool:
    return (get_language() or "").startswith("en")


@finds("audiences", _("Audiences"), May.AUDIENCE, place=50, icon="campaigns")
def audiences(person: Person, asked: str) -> Iterator[Hit]:
    """Audiences that are kept, by title."""
    for number, title in held_audiences.everything().values_list("pk", "title"):
        if matches(asked, title):
            yield Hit(title, reverse("audience", args=[number]))


@finds("journeys", _("Journeys"), May.AUDIENCE, place=55, icon="campaigns")
def journeys(person: Person, asked: str) -> Iterator[Hit]:
    """Journeys by name or title."""
    for each in Journey.objects.only("pk", "name", "title_zh", "title_en", "state"):
        if matches(asked, each.name, each.title_zh, each.title_en):
            title = each.title_en if _english() and each.title_en else each.title_zh
            state = str(each.get_state_display())
            yield Hit(title, reverse("journey", args=[each.pk]), f"{each.name} · {state}")


@finds("plays", _("Plays"), May.AUDIENCE, place=60, icon="campaigns")
def plays(person: Person, asked: str) -> Iterator[Hit]:
    """Plays by name or title: each stands on the page of plays."""
    for play in PLAYS:
        if matches(asked, play.name, play.title_zh, play.title_en):
            title = play.title_en if _english() else play.title_zh
            yield Hit(title, f"{reverse('plays')}#play-{play.name}", play.name)


@finds("campaigns", _("Effects of campaigns"), May.AUDIENCE, place=65, icon="campaigns")
def campaigns(person: Person, asked: str) -> Iterator[Hit]:
    """Campaigns that are registered, or known by their pushes, by name or title."""
    of = base()
    designs = {each.path.name: each.design for each in of.bank.campaigns.all()}
    for name in sorted({*designs, *_known(of)}, reverse=True):
        design = designs.get(name)
        titles = (design.title_zh, design.title_en) if design else (name,)
        if matches(asked, name, *titles):
            yield Hit(titles[-1 if _english() else 0], reverse("effect", args=[name]), name)


def _known(of: Base) -> frozenset[str]:
    """Names of campaigns by their pushes, read once a night: not at every letter that is typed."""
    kept = _pushed.get("names")
    if kept is None or kept[0] is not of:
        names = effect_queries.pushed_names()
        kept = _pushed["names"] = (of, names)
    return kept[1]


@finds("templates", _("Templates"), May.CAMPAIGN, place=70, icon="campaigns")
def templates(person: Person, asked: str) -> Iterator[Hit]:
    """Templates by code or title."""
    for number, code, title in template_queries.templates().values_list("pk", "code", "title"):
        if matches(asked, code, title):
            yield Hit(title, reverse("template", args=[number]), code)


@finds("contracts", _("Contracts with partners"), May.AUDIENCE, place=75, icon="campaigns")
def contracts(person: Person, asked: str) -> Iterator[Hit]:
    """Contracts with partners by number or partner."""
    for number, code, partner in JointContract.objects.values_list("pk", "code", "partner"):
        if matches(asked, code, partner):
            yield Hit(partner, reverse("joint_contract", args=[number]), code)
