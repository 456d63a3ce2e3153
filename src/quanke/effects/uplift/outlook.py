"""What the plan will learn from a campaign: for which offer, and what is still missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Lack(StrEnum):
    """Why nothing is learned from a campaign yet, or ever."""

    NOTHING = ""
    NO_OFFER = "no_offer"
    NO_PUSHES = "no_pushes"
    OTHER_MEANS = "other_means"
    TOO_EARLY = "too_early"
    FEW_CUSTOMERS = "few_customers"
    UNTOLD = "untold"
    FEW_CONVERTED = "few_converted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Whether a campaign can be learned from. `offer`: what of ("" where nobody said); `lack`: what is
    missing, "" for nothing; `ready_on`: ISO day from which on its window is whole, "" where not known;
    `smaller_arm`, `least_arm`: customers there are, and are needed; `converted`: None where only accounts
    opened tell, which are counted when it is learned from."""

    offer: str
    lack: Lack
    ready_on: str
    smaller_arm: int
    least_arm: int
    converted: int | None
    least_converted: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "lack": str(self.lack)}
