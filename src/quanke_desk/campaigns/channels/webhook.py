"""Any means over the bank's own hub, which sends by itself: each message is one POST, its key taken once."""

from __future__ import annotations

from collections.abc import Sequence

from quanke_desk.campaigns.channels.calling import Gateway, Refused, Unsure
from quanke_desk.campaigns.channels.channel import Fate, Message, Outcome, Sure


class Webhook:
    """`POST <address>` of {"key", "means", "to", "title", "text", "link", "refuse"}. The hub answers
    {"number"} and takes a key once: what is not known is handed over again under the same one."""

    sure = Sure.KEYED
    at_once = 1

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """See Channel."""
        return [self._one(message) for message in batch]

    def asked(self, keys: Sequence[str]) -> list[Outcome]:
        """It cannot be asked: of no key anything is known."""
        return []

    def _one(self, message: Message) -> Outcome:
        told = {
            "key": message.key, "means": message.means, "to": message.address, "title": message.subject,
            "text": message.body, "link": message.link, "refuse": message.refuse,
        }  # fmt: skip
        try:
            answer = self.gateway.post("", told)
        except Unsure:
            return Outcome(message.key, Fate.UNSURE)
        except Refused:
            return Outcome(message.key, Fate.FAILED)
        number = str(answer.get("number", "")) if isinstance(answer, dict) else ""
        return Outcome(message.key, Fate.SENT, number[:80])
