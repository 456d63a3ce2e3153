"""WeCom: messages to outside contacts by the official interface (externalcontact/add_msg_template).

It neither takes a key once nor can be asked by one, so one message at a time is handed over.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from quanke_desk.campaigns.channels.calling import Gateway, Refused, Unsure
from quanke_desk.campaigns.channels.channel import ChannelDown, Fate, Message, Outcome, Sure

STALE = (40001, 40014, 42001)
"""The access token has run out, or was taken back."""
BUSY = (-1, 45009, 45011)
WAIT = 60


class WeCom:
    """`sender` is the member of staff in whose name it is sent; addresses are `external_userid`."""

    sure = Sure.NEITHER
    at_once = 1

    def __init__(self, gateway: Gateway, corp: str, secret: str, sender: str) -> None:
        self.gateway, self.corp, self.sender = gateway, corp, sender
        self._secret = secret
        self._token, self._until = "", 0.0

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """See Channel."""
        return [self._one(message) for message in batch]

    def asked(self, keys: Sequence[str]) -> list[Outcome]:
        """It cannot be asked by key: of no key anything is known."""
        return []

    def close(self) -> None:
        """See Channel: nothing is held open."""

    def _one(self, message: Message) -> Outcome:
        told: dict[str, Any] = {
            "chat_type": "single", "external_userid": [message.address], "sender": self.sender,
            "text": {"content": message.body},
        }  # fmt: skip
        if message.link:
            title = message.subject or "查看详情"
            told["attachments"] = [{"msgtype": "link", "link": {"title": title, "url": message.link}}]
        for fresh in (False, True):
            token = self._access(fresh)
            try:
                path = f"/cgi-bin/externalcontact/add_msg_template?{urlencode({'access_token': token})}"
                answer = self.gateway.post(path, told)
            except Unsure:
                return Outcome(message.key, Fate.UNSURE)
            except Refused:
                return Outcome(message.key, Fate.FAILED)
            code = answer.get("errcode", 0) if isinstance(answer, dict) else None
            if code not in STALE:
                break
        return self._said(message, answer, code)

    def _said(self, message: Message, answer: Any, code: Any) -> Outcome:
        if code in STALE:
            raise ChannelDown("WeCom does not take the access token", WAIT)
        if code in BUSY:
            return Outcome(message.key, Fate.LATER, wait=WAIT)
        if code is None:
            return Outcome(message.key, Fate.UNSURE)
        if code != 0 or message.address in (answer.get("fail_list") or []):
            return Outcome(message.key, Fate.FAILED)
        return Outcome(message.key, Fate.SENT, str(answer.get("msgid", ""))[:80])

    def _access(self, fresh: bool) -> str:
        if fresh or time.monotonic() >= self._until:
            asked = urlencode({"corpid": self.corp, "corpsecret": self._secret})
            try:
                answer = self.gateway.get(f"/cgi-bin/gettoken?{asked}")
            except (Unsure, Refused):
                raise ChannelDown("WeCom gives no access token", WAIT) from None
            if (
                not isinstance(answer, dict)
                or answer.get("errcode", 0) != 0
                or not answer.get("access_token")
            ):
                raise ChannelDown("WeCom gives no access token", WAIT)
            self._token = str(answer["access_token"])
            self._until = time.monotonic() + max(60, int(answer.get("expires_in", 7200)) - 300)
        return self._token
