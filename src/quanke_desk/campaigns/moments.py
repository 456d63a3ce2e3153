"""How long a moment lasts: who is told of a trigger too late lets nobody enter a journey by it.

An offer for money that arrived two days ago reads as if somebody had slept. How old a trigger may be is said
by the design of a journey (`"fresh"`, hours), else by the bank's dated setting for the trigger. What waited
for a journey that was paused is as old as it is then. Whoever waits in a journey for a trigger goes on by it
at whatever age: his step says how long he waits.
"""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from quanke_desk.campaigns.graph import Graph, trigger_of
from quanke_desk.foundation.parameters import MOMENTS, value

HOUR = 3_600


def hours_of(entry: str, own: int) -> int:
    """Hours for which a trigger (`trigger:name`) lets somebody in: a design's own, else the bank's today."""
    name = trigger_of(entry)
    return own or value(f"moment.{name if name in MOMENTS else 'other'}")


def is_past(graph: Graph, moment: int, now: int) -> bool:
    """Whether what happened at a moment (seconds since 1970) is too old to enter by."""
    return now - moment > hours_of(graph.entry, graph.fresh) * HOUR


def entry_terms(entry: str, again: int, fresh: int) -> list[str]:
    """Whether one may enter anew, and how old a trigger may be, in the language of who looks."""
    said = [gettext("each customer once")] if entry else []
    if again:
        said = [ngettext("anew %(days)s day after the last time", "anew %(days)s days after the last time",
                         again) % {"days": again}]  # fmt: skip
    if trigger_of(entry):
        hours = hours_of(entry, fresh)
        words = ngettext("up to %(hours)s hour after it", "up to %(hours)s hours after it", hours)
        said.append(words % {"hours": hours})
    return said
