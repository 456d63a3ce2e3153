"""Push messages of the bank's app, over its own gateway: the same two calls as for text messages."""

from __future__ import annotations

from quanke_desk.campaigns.channels.channel import Message
from quanke_desk.campaigns.channels.sms_http import KeyedGateway


class PushGateway(KeyedGateway):
    """`to` is the customer's number in the app ("source:party_id"); the gateway knows his devices."""

    at_once = 500

    def told(self, message: Message) -> dict[str, str]:
        """Title, text, where a tap leads, and where the customer turns it off."""
        return {
            **super().told(message),
            "title": message.subject,
            "link": message.link,
            "refuse": message.refuse,
        }
