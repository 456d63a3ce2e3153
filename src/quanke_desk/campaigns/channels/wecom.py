"""WeCom: messages to outside contacts by the official interface (externalcontact/add_msg_template).

It neither takes a key once nor can be asked by one, so one message at a time is handed over. What it makes of
it is a task of a member of staff, who sends it by confirming: until then nothing was sent, it is asked for by
WeCom's own number (get_groupmsg_send_result) and can be taken back (cancel_groupmsg_send).
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
_RESULTS = {0: Fate.GIVEN, 1: Fate.SENT, 2: Fate.FAILED, 3: Fate.FAILED}
"""Not sent yet; sent; no contact of the member any more; the customer had his four messages of the month."""
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

    def _one(self, message: Message) -> Outcome:
        told: dict[str, Any] = {
            "chat_type": "single", "external_userid": [message.address], "sender": self.sender,
            "text": {"content": message.body},
        }  # fmt: skip
        if message.link:
            title = message.subject or "查看详情"
            told["attachments"] = [{"msgtype": "link", "link": {"title": title, "url": message.link}}]
        try:
            answer = self._post("add_msg_template", told)
        except Unsure:
            return Outcome(message.key, Fate.UNSURE)
        except Refused:
            return Outcome(message.key, Fate.FAILED)
        return self._said(message, answer, _code(answer))

    def result(self, number: str) -> Fate:
        """See ByStaff."""
        answer = self._asked("get_groupmsg_send_result", {"msgid": number, "userid": self.sender, "limit": 1})
        rows = answer.get("send_list") if isinstance(answer, dict) else None
        if _code(answer) != 0 or not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            return Fate.UNSURE
        return _RESULTS.get(rows[0].get("status", -1), Fate.UNSURE)

    def take_back(self, number: str) -> None:
        """See ByStaff."""
        self._asked("cancel_groupmsg_send", {"msgid": number})

    def _asked(self, name: str, told: dict[str, Any]) -> Any:
        try:
            answer = self._post(name, told)
        except (Unsure, Refused):
            raise ChannelDown("WeCom cannot be asked", WAIT) from None
        if _code(answer) in (*STALE, *BUSY):
            raise ChannelDown("WeCom cannot be asked now", WAIT)
        return answer

    def _post(self, name: str, told: dict[str, Any]) -> Any:
        """One call; once more with a fresh token where the first has run out."""
        for fresh in (False, True):
            asked = urlencode({"access_token": self._access(fresh)})
            answer = self.gateway.post(f"/cgi-bin/externalcontact/{name}?{asked}", told)
            if _code(answer) not in STALE:
                break
        return answer

    def _said(self, message: Message, answer: Any, code: Any) -> Outcome:
        if code in STALE:
            raise ChannelDown("WeCom does not take the access token", WAIT)
        if code in BUSY:
            return Outcome(message.key, Fate.LATER, wait=WAIT)
        if code is None:
            return Outcome(message.key, Fate.UNSURE)
        if code != 0 or message.address in (answer.get("fail_list") or []):
            return Outcome(message.key, Fate.FAILED)
        return Outcome(message.key, Fate.GIVEN, str(answer.get("msgid", ""))[:80])

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


def _code(answer: Any) -> Any:
    return answer.get("errcode", 0) if isinstance(answer, dict) else None
