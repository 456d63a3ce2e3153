"""Whom an effect is broken out by: groups that were fixed before the first contact, so that both arms have
the same of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np

from quanke.effects.groups import CONTROL
from quanke.language import Catalogue, Definition
from quanke.night.effect_facts import UNKNOWN, Bools, Floats, Labels, OfCampaign, Participants, owners_of
from quanke.plans.scores.honest import leaks

Dimensions = dict[str, dict[str, Bools]]


def dimensions_of(
    sheets: OfCampaign,
    who: Participants,
    tier: Labels,
    branch: Labels,
    before: Mapping[str, Floats],
    day: dt.date,
) -> Dimensions:
    """Members of each dimension as flags over the participants: arms where there are several, tiers,
    branches, posts that looked after them on `day` (the one before the first contact), channels."""
    arms = [arm for arm in who.arm.present if arm != CONTROL]
    found = {
        "arm": {arm: who.control | who.arm.are(arm) for arm in arms} if len(arms) > 1 else {},
        "tier": _members(tier),
        "branch": _members(branch),
        "manager": _members(owners_of(sheets, who.customers, day)),
        "channel": _members(channel_of(who, before)),
    }
    found["manager"].pop(UNKNOWN, None)  # nobody's customers are no manager's
    return {name: members for name, members in found.items() if members}


def channels_asked(catalogue: Catalogue, who: Participants) -> list[Definition]:
    """Tags that say by which of a campaign's means each may be written to, where it uses several."""
    names = [f"agrees_{means}" for means in who.means]
    if len(names) < 2 or any(name not in catalogue or leaks(catalogue, name) for name in names):
        return []
    return [catalogue[name] for name in names]


def channel_of(who: Participants, before: Mapping[str, Floats]) -> Labels:
    """The channel each customer would be reached by: of the campaign's means, those used most first, the
    first he had agreed to before. Which channel somebody was really sent is known of the treated only, and
    who is reached by it is no draw: effects by that would compare people who were different before."""
    codes = np.full(len(who.customers), len(who.means), np.int64)
    known = [f"agrees_{means}" in before for means in who.means]
    if len(who.means) < 2 or not all(known):
        return Labels(np.zeros(0, np.int64), ())
    for place in reversed(range(len(who.means))):
        codes[before[f"agrees_{who.means[place]}"] == 1.0] = place
    return Labels(codes, (*who.means, UNKNOWN))


def _members(labels: Labels) -> dict[str, Bools]:
    return {member: labels.are(member) for member in labels.present}


__all__: Sequence[str] = ["channel_of", "channels_asked", "dimensions_of"]
