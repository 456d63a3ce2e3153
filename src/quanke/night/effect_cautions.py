"""What may have spoiled a comparison of arms, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from quanke.effects.estimates import BalanceRow
from quanke.effects.outcomes import contacted
from quanke.effects.report import MeasuredOutcome
from quanke.night.effect_facts import Floats, Participants


def spoiled(campaign: str, who: Participants, window: int, after: Mapping[str, Floats]) -> Iterator[str]:
    """Customers in both arms, controls that were contacted, treated who never were."""
    control, treated = who.control, ~who.control
    if who.conflicts:
        yield f"{who.conflicts:,} customers were in both arms and are left out."
    crossed = int((control & who.pushed).sum())
    if crossed:
        yield f"{crossed:,} controls were pushed as if they were treated: the effect is diluted."
    left = int((treated & ~who.pushed).sum())
    if left:
        yield f"{left:,} treated customers were never pushed; they count as treated all the same."
    contacts, pushes = (tag.name for tag in contacted(campaign, window, who.means))
    means = " or ".join(who.means) or "a means of campaigns"
    for name, what in ((contacts, f"contacted by {means}"), (pushes, "pushed by another campaign")):
        seen = np.nan_to_num(after[name]) > 0
        reached = int((control & seen).sum())
        if reached:
            yield (
                f"{reached:,} of {control.sum():,} controls ({reached / control.sum():.1%}) were {what} in "
                f"the window, and {(treated & seen).sum() / treated.sum():.1%} of the treated."
            )


def unlike(rows: Sequence[BalanceRow]) -> Iterator[str]:
    """Where the arms lay apart before the first contact."""
    for row in rows:
        if row.alarm:
            apart = "" if row.smd is None else f" by {row.smd:+.2f} standard deviations"
            yield f"The arms were not alike before: {row.name} differs{apart}."


def of_kernel(measured: Sequence[MeasuredOutcome]) -> Iterator[str]:
    """What the kernel has to say, each sentence once, with the metrics it is about."""
    about: dict[str, list[str]] = {}
    for each in measured:
        for warning in each.estimate.warnings:
            about.setdefault(warning, []).append(each.name)
    for warning, names in about.items():
        yield warning if len(names) == len(measured) else f"{', '.join(names)}: {warning}"
