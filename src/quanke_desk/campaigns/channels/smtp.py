"""E-mail over SMTP. A server does not take a key once and cannot be asked, so one message at a time is handed
over: the one a kill leaves unknown is not sent again. All of a batch go over one connection."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Sequence
from contextlib import suppress

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from quanke_desk.campaigns.channels.channel import ChannelDown, Fate, Message, Outcome, Sure

PATIENCE = 20
MOST = 100
"""Mails of one connection: servers close one that brings more."""
WAIT = 60


class Smtp:
    """Plain text mails from one sender; `Message-ID` is made of the key, so that what comes back names it."""

    sure = Sure.NEITHER
    at_once = 1

    def __init__(
        self, host: str, port: int, sender: str, user: str = "", password: str = "", tls: bool = True
    ) -> None:
        self.host, self.port, self.sender, self.tls = host, port, sender, tls
        self._user, self._password = user, password
        self._held = threading.local()

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        """See Channel."""
        return [self._one(self._server(), message) for message in batch]

    def close(self) -> None:
        """See HoldsOpen."""
        server: EmailBackend | None = getattr(self._held, "server", None)
        self._held.server = None
        if server is not None:
            # that it does not say goodbye is no failure of the mails before
            with suppress(OSError, smtplib.SMTPException):
                server.close()

    def _server(self) -> EmailBackend:
        """The connection of this thread: the one of the mail before, where it still stands and did not carry
        too many. Whether it does is asked first: once a mail was begun nobody would know."""
        held: EmailBackend | None = getattr(self._held, "server", None)
        if held is not None and held.connection is not None and self._held.mails < MOST:
            with suppress(OSError, smtplib.SMTPException):
                if held.connection.noop()[0] == 250:
                    self._held.mails += 1
                    return held
        self.close()
        server = EmailBackend(
            host=self.host, port=self.port, username=self._user, password=self._password,
            use_tls=self.tls, timeout=PATIENCE, fail_silently=False,
        )  # fmt: skip
        try:
            server.open()
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelDown(f"the mail server cannot be reached: {type(error).__name__}", WAIT) from None
        self._held.server, self._held.mails = server, 1
        return server

    def asked(self, keys: Sequence[str]) -> list[Outcome]:
        """It cannot be asked: of no key anything is known."""
        return []

    def _one(self, server: EmailBackend, message: Message) -> Outcome:
        number = f"<{message.key}@{self.sender.rpartition('@')[2]}>"
        headers = {"Message-ID": number, "Auto-Submitted": "auto-generated"}
        if message.refuse:
            headers |= {
                "List-Unsubscribe": f"<{message.refuse}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        body = f"{message.body}\n\n{message.link}" if message.link else message.body
        subject = " ".join(message.subject.split())
        mail = EmailMessage(subject, body, self.sender, [message.address], headers=headers)
        try:
            server.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            hard = all(code >= 500 for code, _words in error.recipients.values())
            return Outcome(message.key, Fate.FAILED if hard else Fate.LATER, wait=WAIT)
        except smtplib.SMTPResponseException as error:
            if error.smtp_code == 421:
                self.close()
                raise ChannelDown("the mail server closes", WAIT) from None
            return Outcome(message.key, Fate.FAILED if error.smtp_code >= 500 else Fate.LATER, wait=WAIT)
        except ValueError:
            return Outcome(message.key, Fate.FAILED)  # no address a mail could be written to
        except (OSError, smtplib.SMTPException):
            self.close()
            return Outcome(message.key, Fate.UNSURE)
        return Outcome(message.key, Fate.SENT, number[:80])
