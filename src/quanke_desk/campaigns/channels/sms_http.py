"""Text messages over a gateway that speaks JSON (docs/how-to/connect-channels.md): each has our key, which it
takes once, and by which it can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quanke_desk.campaigns.channels.calling import Gateway, Refused, Unsure
from quanke_desk.campaigns.channels.channel import ChannelDown, Fate, Message, Outcome, Sure

_FATES = {"accepted": Fate.SENT, "refused": Fate.FAILED, "busy": Fate.LATER}
_WHEN_ASKED = {**_FATES, "unknown": Fate.UNSEEN}
BUSY = 30


class KeyedGateway:
    """A gateway with two calls: `POST /messages` {"messages": [{"key", "to", ...}]} and `POST /asked`
    {"keys": [...]}; both answer {"results": [{"key", "state", "number"}]} with the states accepted, refused
    and busy, the second `unknown` for a key it never saw. A key it leaves out is asked for again, never sent
    again: an answer that is cut off would otherwise tell a customer twice."""

    sure = Sure.ASKED
    at_once = 100

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def told(self, message: Message) -> dict[str, str]:
        """A message as the gateway gets it."""
        return {"key": message.key, "to": message.address, "text": message.body}

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """See Channel."""
        try:
            answer = self.gateway.post("/messages", {"messages": [self.told(m) for m in batch]})
        except Unsure:
            return [Outcome(m.key, Fate.UNSURE) for m in batch]
        except Refused:
            return [Outcome(m.key, Fate.FAILED) for m in batch]
        known = {m.key for m in batch}
        found = {o.key: o for o in outcomes_of(answer) if o.key in known}
        return [found.get(m.key, Outcome(m.key, Fate.UNSURE)) for m in batch]

    def asked(self, keys: Sequence[str]) -> list[Outcome]:
        """See Channel."""
        try:
            answer = self.gateway.post("/asked", {"keys": list(keys)})
        except (Unsure, Refused):
            raise ChannelDown("the gateway cannot be asked", BUSY) from None
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise ChannelDown("the gateway answers what nobody understands", BUSY)
        return [o for o in outcomes_of(answer, _WHEN_ASKED) if o.key in set(keys)]


def outcomes_of(answer: Any, fates: Mapping[str, Fate] = _FATES) -> list[Outcome]:
    """Outcomes an answer tells, by the states it may say; what cannot be read is left out."""
    rows = answer.get("results") if isinstance(answer, dict) else None
    found = []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("key"), str) and row.get("state") in fates:
            fate = fates[row["state"]]
            number = str(row.get("number", ""))[:80]
            found.append(Outcome(row["key"], fate, number, BUSY if fate is Fate.LATER else 0))
    return found


class SmsGateway(KeyedGateway):
    """Text messages."""
