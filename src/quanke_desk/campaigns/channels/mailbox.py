"""The mailbox of the sender of e-mail, read over IMAP: replies and what could not be delivered."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 30
MOST = 500
"""Mails of one reading; what is left is read the next time."""
MOST_BYTES = 1_000_000
"""Of each mail; what it says stands in front."""


class MailboxDown(Exception):
    """The mailbox cannot be read now. Names no value."""


@dataclass(frozen=True)
class Mailbox:
    """Where mail to the sender arrives; without `tls` only on this machine."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    tls: bool = True

    def read(self, take: Callable[[bytes], None]) -> int:
        """Hands every unread mail to `take`, and marks it read after that: who is killed reads it again, and
        so does who raises. Answers how many. Raises MailboxDown."""
        try:
            with self._open() as server:
                server.login(self.user, self.password)
                self._said(server.select(self.folder))
                found = self._said(server.uid("SEARCH", "UNSEEN"))
                numbers = (found[0] or b"").split()[:MOST]
                for number in numbers:
                    take(self._fetched(server, number.decode("ascii")))
                    self._said(server.uid("STORE", number.decode("ascii"), "+FLAGS.SILENT", r"(\Seen)"))
                return len(numbers)
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxDown(f"the mailbox cannot be read: {type(error).__name__}") from None

    def _open(self) -> imaplib.IMAP4:
        if not self.tls:
            return imaplib.IMAP4(self.host, self.port, timeout=PATIENCE)
        # without a context of ours imaplib asks for no certificate
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=PATIENCE)

    def _fetched(self, server: imaplib.IMAP4, number: str) -> bytes:
        parts = self._said(server.uid("FETCH", number, f"(BODY.PEEK[]<0.{MOST_BYTES}>)"))
        return next((part[1] for part in parts if isinstance(part, tuple)), b"")

    def _said(self, answer: tuple[str, list[Any]]) -> list[Any]:
        if answer[0] != "OK":
            raise imaplib.IMAP4.error("not as asked")
        return answer[1]
