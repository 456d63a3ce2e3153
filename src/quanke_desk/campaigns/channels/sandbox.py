"""The sandbox of a demo: nothing leaves the desk. What was sent is the push itself, and is shown on a page
like a phone; handed over twice it is still that one push."""

from __future__ import annotations

from collections.abc import Sequence

from quanke_desk.campaigns.channels.channel import Fate, Message, Outcome, Sure

PREFIX = "sandbox:"


class Sandbox:
    """Takes everything."""

    sure = Sure.KEYED
    at_once = 500

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """See Channel."""
        return [Outcome(m.key, Fate.SENT, f"{PREFIX}{m.key}") for m in batch]

    def asked(self, keys: Sequence[str]) -> list[Outcome]:
        """See Channel."""
        return []
