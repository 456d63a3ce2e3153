"""Channels: what hands a push to a gateway, and can say afterwards whether it did."""

from __future__ import annotations

from quanke_desk.campaigns.channels.channel import (
    ByStaff,
    Channel,
    ChannelDown,
    Fate,
    HoldsOpen,
    Message,
    Outcome,
    Sure,
)
from quanke_desk.campaigns.channels.configured import channel_of

__all__ = [
    "ByStaff",
    "Channel",
    "ChannelDown",
    "Fate",
    "HoldsOpen",
    "Message",
    "Outcome",
    "Sure",
    "channel_of",
]
