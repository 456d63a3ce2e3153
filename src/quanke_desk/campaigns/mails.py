"""Mail to the sender of e-mail: a reply is heard like any other, and what could not be delivered bounced.

A push is known by its key, of which its `Message-ID` is made: a reply names it, and so does the report of a
mail server. Else a reply is of whoever has the address it came from. What programs answer by themselves
(holidays, receipts of reading) says nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, message_from_string, policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any, cast

from django.conf import settings
from django.utils import timezone

from quanke_desk.campaigns.channels.mailbox import Mailbox
from quanke_desk.campaigns.models import ReceiptKind, Send
from quanke_desk.campaigns.receiving import take_receipts, take_reply
from quanke_desk.campaigns.saying_no import is_no
from quanke_desk.foundation.people import NotAllowed

EMAIL = "email"
OLDEST = dt.timedelta(days=30)
_NUMBER = re.compile(r"<([!-;=?A-~]{1,48})@[^<>\s]{1,200}>")
_NUMBER_LINE = re.compile(rb"^Message-ID:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_ACTIONS = {"failed": ReceiptKind.BOUNCED, "delivered": ReceiptKind.DELIVERED}
_LONGEST = 2_000


@dataclass
class Heard:
    """What some mails did, in mails; `nothing`: answers of programs, and mail of nobody the bank knows."""

    bounced: int = 0
    delivered: int = 0
    refused: int = 0
    replied: int = 0
    nothing: int = 0


@dataclass(frozen=True)
class _Mail:
    """What is read of a mail: its texts are the customer's, and kept by nobody."""

    keys: tuple[str, ...]
    at: int
    number: str
    receipt: str = ""
    by_program: bool = False
    sender: str = field(default="", repr=False)
    text: str = field(default="", repr=False)


def hear(raw: bytes, heard: Heard) -> None:
    """Hears one mail; the same once more changes nothing. Raises NightError where a sender cannot be looked
    up now."""
    try:
        mail = _read(raw)
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):  # a mail that is none
        heard.nothing += 1
        return
    known = set(Send.objects.filter(key__in=mail.keys, means=EMAIL).values_list("key", flat=True))
    key = next((each for each in mail.keys if each in known), "")
    if key and mail.receipt:
        take_receipts([(key, mail.receipt, mail.at)], (EMAIL,))
        heard.bounced += mail.receipt == ReceiptKind.BOUNCED
        heard.delivered += mail.receipt == ReceiptKind.DELIVERED
        return
    if mail.by_program or not (key or mail.sender):
        heard.nothing += 1
        return
    try:
        told = take_reply(EMAIL, mail.text, mail.number, mail.at, key, "" if key else mail.sender)
    except NotAllowed:
        heard.nothing += 1
        return
    heard.refused += bool(told.refused)
    heard.replied += not told.refused


def read_mailbox(heard: Heard) -> bool:
    """Hears every unread mail of the bank's mailbox. Answers whether one is set. Raises MailboxDown, and
    NightError where a sender cannot be looked up now: that mail stays unread."""
    if settings.QUANKE_MAILBOX is None:
        return False
    Mailbox(**settings.QUANKE_MAILBOX).read(lambda raw: hear(raw, heard))
    return True


def _read(raw: bytes) -> _Mail:
    mail = message_from_bytes(raw, policy=policy.default)
    number = f"mail-{hashlib.sha256(_header(mail, 'Message-ID').encode() or raw).hexdigest()[:32]}"
    if mail.get_content_type() == "multipart/report":
        return _Mail(tuple(_reported(mail, raw)), _moment(mail), number, _receipt(mail), by_program=True)
    named = f"{_header(mail, 'In-Reply-To')} {_header(mail, 'References')}"
    keys = tuple(reversed(_NUMBER.findall(named)))  # the last is the one that is answered
    subject = _header(mail, "Subject")
    said = _said(mail).strip()[:_LONGEST]
    sender = parseaddr(_header(mail, "From"))[1]
    text = subject if not said or is_no(subject) else said
    return _Mail(keys, _moment(mail), number, "", _by_program(mail, sender), sender, text)


def _header(mail: Message[Any, Any], name: str) -> str:
    return str(mail.get(name, "") or "")


def _moment(mail: EmailMessage) -> int:
    """When it was written, as far as that can be."""
    now = timezone.now()
    try:
        at = parsedate_to_datetime(_header(mail, "Date"))
    except ValueError:
        return int(now.timestamp())
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return int((at if now - OLDEST < at <= now else now).timestamp())


def _by_program(mail: EmailMessage, sender: str) -> bool:
    return (
        _header(mail, "Auto-Submitted").strip().lower() not in ("", "no")
        or _header(mail, "Precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply")
        or any(mail.get(name) is not None for name in ("X-Autoreply", "X-Autorespond"))
        or _header(mail, "Return-Path").strip() == "<>"
        or sender.partition("@")[0].lower() in ("mailer-daemon", "postmaster")
    )


def _receipt(mail: EmailMessage) -> str:
    """What a report says: delivered, or that it never will be (RFC 3464). What a server still tries, or gave
    up for a reason of the day, is neither."""
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            for each in cast(list[Message], part.get_payload()):
                action = _header(each, "Action").strip().lower()
                lasts = _header(each, "Status").strip()[:1] == "5"
                if action in _ACTIONS and (lasts or action == "delivered"):
                    return _ACTIONS[action]
    return ""


def _reported(mail: EmailMessage, raw: bytes) -> Iterator[str]:
    """Keys of the pushes a report may be about."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            for each in cast(list[Message], part.get_payload()):
                yield from _NUMBER.findall(_header(each, "Message-ID"))
        elif kind == "text/rfc822-headers":
            yield from _NUMBER.findall(_header(message_from_string(str(part.get_payload())), "Message-ID"))
    for line in _NUMBER_LINE.findall(raw):  # the original as plain text
        yield from _NUMBER.findall(line.decode("ascii", "replace"))


def _said(mail: EmailMessage) -> str:
    """The text of a mail; of one that has only pages, the text of its page."""
    body = mail.get_body(("plain", "html"))
    if body is None:
        return ""
    text = str(body.get_content())
    if body.get_content_type() == "text/plain":
        return text
    page = _Page()
    page.feed(text)
    page.close()
    return "".join(page.parts)


class _Page(HTMLParser):
    """The text of a page without what it quotes."""

    BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3"})
    LEFT_OUT = frozenset({"blockquote", "style", "script", "head", "title"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._out = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._out += tag in self.LEFT_OUT
        if tag in self.BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._out -= tag in self.LEFT_OUT and self._out > 0
        if tag in self.BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._out:
            self.parts.append(data)
