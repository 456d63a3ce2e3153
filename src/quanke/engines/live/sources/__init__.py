"""Where events come from. A source remembers nothing itself: it is told where to begin.

* `files`: a file or a folder that is watched. `http`: a small door to post events to.
* `nats`, `kafka`, `rabbitmq`: brokers, through their own clients (docs/decisions/0009-brokers.md).

At least once: what was read and not acknowledged comes again after a restart. An event that comes twice is
seen by its number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from quanke.engines.live.intake.arrivals import Arrivals
from quanke.engines.live.intake.reading import Judged


@dataclass(slots=True)
class Reading:
    """What a source gave at once. `position` is where it stands afterwards, as JSON; `receipt` is the
    source's own. `published`: when each message was published, in seconds since 1970, where that is known."""

    arrivals: Arrivals
    position: Any
    receipt: Any = None
    published: list[float] = field(default_factory=list)


class Source(Protocol):
    """Gives readings, and is told when one has had its effect."""

    name: str

    def open(self, position: Any) -> None:
        """Begin after `position`; None at the very beginning."""
        ...

    def read(self, limit: int, wait: float) -> Reading | None:
        """At most about `limit` records; waits at most `wait` seconds for the first."""
        ...

    def acknowledge(self, reading: Reading, judged: Judged) -> None:
        """The reading has had its effect and is written down."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether all that was there has been read."""
        ...

    @property
    def lag(self) -> int | None:
        """How many records wait, where that is known."""
        ...

    def close(self) -> None:
        """No more is read."""
        ...
