"""What a run of sending did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Done:
    """What a run did, in rows."""

    sent: int = 0
    given: int = 0
    held: int = 0
    refused: int = 0
    other_means: int = 0
    later: int = 0
    failed: int = 0
    asked: int = 0

    @property
    def left(self) -> int:
        """How many rows it is done with, or handed over."""
        return self.sent + self.given + self.refused + self.other_means + self.failed + self.asked

    @property
    def moved(self) -> int:
        """How many rows it touched."""
        return self.left + self.held + self.later
