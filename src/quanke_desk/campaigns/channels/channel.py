"""What every channel is: it sends a batch, and answers of each message what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable


class Sure(Enum):
    """How it is found out whether a message went out whose process died while it was handed over."""

    ASKED = "asked"  # the gateway can be asked by key
    KEYED = "keyed"  # the gateway takes a key once: it may be handed over again
    NEITHER = "neither"  # nobody knows: it is not sent again


class Fate(Enum):
    """What became of a message."""

    SENT = "sent"
    GIVEN = "given"  # to a member of staff, who has to send it
    FAILED = "failed"  # never: the number does not exist, the text is refused
    LATER = "later"  # this one not now
    UNSURE = "unsure"  # nobody knows yet: the gateway is asked
    UNSEEN = "unseen"  # asked, the gateway says that it never saw it: it may be sent


@dataclass(frozen=True)
class Message:
    """One push as a gateway gets it. `refuse`: where the customer says no more, if the desk has such a page.
    Its text and address are the customer's: they are never shown in a log or an error."""

    key: str
    means: str
    address: str = field(repr=False)
    body: str = field(repr=False)
    subject: str = field(default="", repr=False)
    link: str = field(default="", repr=False)
    refuse: str = field(default="", repr=False)


@dataclass(frozen=True)
class Outcome:
    """What became of the message of a key: the gateway's number of it, and how many seconds to wait."""

    key: str
    fate: Fate
    gateway: str = ""
    wait: int = 0


class ChannelDown(Exception):
    """The gateway took none of the batch, for so many seconds. Names no value."""

    def __init__(self, why: str, wait: int) -> None:
        super().__init__(why)
        self.wait = wait


class Channel(Protocol):
    """A gateway. `at_once`: how many messages are handed over together; what a kill leaves unknown is at
    most that many."""

    sure: Sure
    at_once: int

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """Hands messages over; who is not in the answer is unsure. Raises ChannelDown where it took none."""

    def asked(self, keys: Sequence[str]) -> list[Outcome]:
        """What became of messages handed over before. Of a key that is not in the answer nothing is known:
        only one of which the gateway says that it never saw it (unseen) is sent again. Raises ChannelDown
        where it cannot say."""


@runtime_checkable
class HoldsOpen(Protocol):
    """A gateway to which a connection stays open while a batch goes over."""

    def close(self) -> None:
        """The batch is over: lets go of what is held open for this thread."""


@runtime_checkable
class ByStaff(Protocol):
    """A gateway that gives messages to staff to send, and can be asked by its own number of each."""

    def result(self, number: str) -> Fate:
        """What became of one: given still, sent, or failed; unsure where it does not say. Raises
        ChannelDown."""

    def take_back(self, number: str) -> None:
        """Takes one back that was not sent yet; `result` tells whether in time. Raises ChannelDown."""
