"""Whether customers were told that somebody else looks after them: rooms above that send messages say so.

    sources.append(mine)                                  # in the room's `ready`
    told([(17, dt.date(2026, 7, 1))])                     # {(17, dt.date(2026, 7, 1)): Told("sms", True)}

Who is in no answer has to be told by hand: no channel reaches him, or the bank has no approved text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Change = tuple[int, dt.date]
"""A customer, and the day from which somebody else looks after him."""


@dataclass(frozen=True)
class Told:
    """A message about a change: by which means, and whether it was `sent`; else it is on its way."""

    means: str
    sent: bool


Source = Callable[[Sequence[Change]], Mapping[Change, Told]]
sources: list[Source] = []


def told(changes: Sequence[Change]) -> dict[Change, Told]:
    """Of some changes those whose customer was sent a message, or will be."""
    found: dict[Change, Told] = {}
    for source in sources if changes else ():
        found.update(source(changes))
    return found
