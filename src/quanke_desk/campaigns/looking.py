"""Panels about an audience as it stands in the builder: by a tag, ten rows, who can be reached, overlaps."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quanke.kernel.errors import AudienceError, NightError
from quanke.language.types import Kind
from quanke_desk.campaigns import audiences
from quanke_desk.campaigns.audience_tags import broken_down, tags
from quanke_desk.campaigns.models import AudienceKind, AudienceVersion
from quanke_desk.campaigns.overlaps import overlaps
from quanke_desk.campaigns.reach import MEANS, reach
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person

PANELS: dict[str, Promise] = {
    "reach": _("Who can be reached"), "breakdown": _("By a tag"), "sample": _("Ten rows"),
    "overlap": _("Overlaps"),
}  # fmt: skip
_FEW = (Kind.TEXT, Kind.BOOLEAN, Kind.INTEGER)
MOST_DRAWS = 100


def looked(asked: QueryDict, person: Person) -> dict[str, Any]:
    """What a panel shows of the audience a form names. Raises NightError where there is no night."""
    held = base()
    panel = asked.get("what", "reach")
    panel = panel if panel in PANELS else "reach"
    shown: dict[str, Any] = {"panel": panel, "panels": PANELS, "bound": audiences.bound()}
    text, version = asked.get("text", "")[: audiences.LONGEST], _version(asked)
    if version is None and not text.strip():
        return {**shown, "nothing": True}
    try:
        found = audiences.set_of(text, version, held)
    except AudienceError as error:
        return {**shown, "fault": audiences.Fault(error.reason, error.column, error.pointer())}
    except NightError as error:
        return {**shown, "fault": audiences.Fault(error.message)}
    size = len(found)
    shown["size"] = size if size >= audiences.bound() else None
    if panel == "reach":
        means = [m for m in asked.getlist("means") if m in MEANS] or ["sms"]
        shown |= {"means": means, "all_means": MEANS.items(), "funnels": reach(found, means, held)}
    elif panel == "breakdown":
        known = {n: t for n, t in tags(held).items() if t.kind in _FEW}
        tag = asked.get("by_tag", "") if asked.get("by_tag", "") in known else "tier"
        shown |= {"by_tag": tag, "tags": known.values(), "cells": broken_down(found, tag, held)}
    elif panel == "sample":
        given = asked.get("draw", "0")
        draw = int(given) % MOST_DRAWS if given.isascii() and given.isdecimal() and len(given) < 6 else 0
        shown |= {
            "draw": draw,
            "rows": audiences.sampled(person, found, draw),
            "next": (draw + 1) % MOST_DRAWS,
        }
    else:
        shown["overlaps"] = overlaps(found, held) if size >= audiences.bound() else None
    return shown


def _version(asked: QueryDict) -> AudienceVersion | None:
    """The version that keeps its customers, where the form still stands as it was opened."""
    given = asked.get("version", "")
    if not (given.isascii() and given.isdecimal() and len(given) < 16):
        return None
    kept = AudienceVersion.objects.filter(pk=given).exclude(kind=AudienceKind.LIVE).first()
    return kept if kept is not None and asked.get("text", "").strip() in ("", kept.text) else None
