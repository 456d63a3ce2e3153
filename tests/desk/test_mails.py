"""Mail to the sender of e-mail, from a mailbox or piped by a mail server: a no holds, a bounce is noted."""

from __future__ import annotations

import io
import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import receiving
from quanke_desk.campaigns.addresses import addresses
from quanke_desk.campaigns.jobs import read_mail
from quanke_desk.campaigns.mails import Heard, hear
from quanke_desk.campaigns.models import Block, Receipt, Send
from quanke_desk.campaigns.policy import Candidates, decide
from quanke_desk.campaigns.sending import send_due
from quanke_desk.customers.consenting import may_contact
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role
from quanke_desk.web.places import mailbox
from tests.desk.test_channels import MailServer, server
from tests.desk.test_policy import DAY, answered, row_of
from tests.desk.test_sending import now, queued, template

__all__ = ["now", "server"]
BOX = {"user": "offers", "password": 's3cret "q"', "folder": "INBOX", "tls": False}


class ImapServer(socketserver.ThreadingTCPServer):
    """A mailbox: each mail with whether it was read."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[list[Any]] = []
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), ImapHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def unread(self) -> int:
        return sum(not read for _raw, read in self.mails)


class ImapHandler(socketserver.StreamRequestHandler):
    server: ImapServer

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self) -> None:
        self.say("* OK here")
        while line := self.rfile.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            self.server.asked.append(rest)
            words = rest.split()
            name = words[1].upper() if words[0].upper() == "UID" else words[0].upper()
            if name == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1")
            elif name == "SEARCH":
                unread = [str(n) for n, (_raw, read) in enumerate(self.server.mails, 1) if not read]
                self.say(f"* SEARCH {' '.join(unread)}".rstrip())
            elif name == "FETCH":
                number, raw = int(words[2]), self.server.mails[int(words[2]) - 1][0]
                self.say(f"* {number} FETCH (UID {number} BODY[]<0> {{{len(raw)}}}")
                self.wfile.write(raw + b")\r\n")
            elif name == "STORE":
                self.server.mails[int(words[2]) - 1][1] = True
            elif name == "LOGIN" and words[1:] != ["offers", '"s3cret', '\\"q\\""']:
                self.say(f"{tag} NO")
                continue
            self.say(f"{tag} OK done")
            if name == "LOGOUT":
                return


@pytest.fixture
def imap(settings: Any) -> Iterator[ImapServer]:
    with ImapServer() as running:
        settings.QUANKE_MAILBOX = {**BOX, "host": "127.0.0.1", "port": running.server_address[1]}
        yield running
        running.shutdown()


@pytest.fixture
def push(desk: dict[str, Person], now: Any, settings: Any, server: MailServer) -> Send:
    """An offer that went out by e-mail, by the server of the tests."""
    settings.QUANKE_CHANNELS = {
        "email": {
            "kind": "smtp", "host": "127.0.0.1", "port": server.server_address[1], "tls": False,
            "sender": "offers@bank.example",
        }
    }  # fmt: skip
    template(desk[Role.ANALYST], "mature", "email", subject_zh="到期")
    at = addresses(list(range(base().night.rows)), "email")
    for customer in at:
        answered(customer, desk[Role.COMPLIANCE], True, "email", on=DAY.date())
        if decide(Candidates.of([row_of(1, customer, "email")]), DAY).allowed[0]:
            break
    made = queued(customer, "jr-1:7", means="email")
    send_due()
    made.refresh_from_db()
    assert made.state == "t" and len(server.mails) == 1
    return made


def answer(said: str, push: Send | None = None, **headers: str) -> bytes:
    """A reply as a mail program writes it."""
    mail = EmailMessage()
    given = {"From": "Li <nobody@customer.example>", "Subject": "Re: 到期", "Message-ID": "<r1@x.example>"}
    if push is not None:
        given["In-Reply-To"] = push.gateway
    given["Date"] = "Wed, 01 Jul 2026 09:59:00 +0800"
    for name, value in {**given, **headers}.items():
        mail[name] = value
    mail.set_content(said)
    return mail.as_bytes()


def report(push: Send, action: str = "failed", status: str = "5.1.1", kind: str = "message/rfc822") -> bytes:
    """What a mail server writes that could not deliver (RFC 3464)."""
    original = f"Message-ID: {push.gateway}\r\nFrom: offers@bank.example\r\nSubject: =?utf-8?b?5Yiw5pyf?=\r\n"
    return (
        "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail\r\nMessage-ID: <d1@mx.example>\r\n"
        "Date: Wed, 01 Jul 2026 09:58:00 +0800\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThis is the mail system. T\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; nobody@customer.example\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
        f"--b\r\nContent-Type: {kind}\r\n\r\n{original}\r\nbody\r\n--b--\r\n"
    ).encode()


def heard(*mails: bytes) -> dict[str, int]:
    told = Heard()
    for mail in mails:
        hear(mail, told)
    return {name: count for name, count in vars(told).items() if count}


def test_a_mailbox_is_read_once(push: Send, imap: ImapServer) -> None:
    assert may_contact(push.customer, "email")
    imap.mails = [[answer("T\n\n发自我的iPhone\n> 退订请回复T", push), False], [report(push), True]]
    out = StringIO()
    call_command("read_mail", "--json", stdout=out)
    assert json.loads(out.getvalue())["refused"] == 1 and imap.unread() == 0
    assert not may_contact(push.customer, "email")
    assert Receipt.objects.get(send=push).kind == "refused", "what was read before is left"
    said = ConsentAnswer.objects.get(given=False, customer=push.customer)
    assert said.proof.startswith("mail-") and "example" not in said.proof
    call_command("read_mail", stdout=out)
    assert sum("FETCH" in asked for asked in imap.asked) == 1
    imap.mails[1][1] = False
    read_mail()
    assert Block.objects.get(customer=push.customer).means == "email" and imap.unread() == 0


def test_without_a_night_it_stays_unread(
    push: Send, imap: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.mails = [[answer("T"), False]]

    def none(*given: Any) -> Any:
        raise NightError("no night")

    monkeypatch.setattr(receiving, "who_mails_from", none)
    with pytest.raises(CommandError, match="no night") as error:
        call_command("read_mail")
    assert error.value.returncode == 75 and imap.unread() == 1
    read_mail()
    assert imap.unread() == 1


def test_a_mailbox_that_is_down_or_none(
    push: Send, imap: ImapServer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.QUANKE_MAILBOX = {**settings.QUANKE_MAILBOX, "password": "wrong"}
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("read_mail")
    read_mail()
    assert "cannot be read" in caplog.text and "wrong" not in caplog.text
    settings.QUANKE_MAILBOX = None
    read_mail()
    with pytest.raises(CommandError, match="no mailbox is set"):
        call_command("read_mail")


def test_a_mail_that_is_piped(push: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(report(push))))
    out = StringIO()
    call_command("read_mail", "--stdin", stdout=out)
    assert "1 bounced" in out.getvalue()
    assert decide(Candidates.of([row_of(1, push.customer, "email", "service")]), DAY).rule_of(0) == "blocked"


@pytest.mark.parametrize(("action", "status", "kind", "what"), [
    ("failed", "5.1.1", "message/rfc822", "bounced"), ("failed", "5.7.1", "text/rfc822-headers", "bounced"),
    ("delivered", "2.0.0", "message/rfc822", "delivered"), ("failed", "5.2.2", "text/plain", "bounced"),
    ("delayed", "4.4.1", "message/rfc822", ""), ("failed", "4.4.7", "message/rfc822", ""),
])  # fmt: skip
def test_what_mail_servers_report(push: Send, action: str, status: str, kind: str, what: str) -> None:
    told = heard(report(push, action, status, kind))
    assert told == ({what: 1} if what else {"nothing": 1})
    assert [r.kind for r in Receipt.objects.all()] == ([what] if what else [])
    assert Block.objects.exists() == (what == "bounced") and may_contact(push.customer, "email")
    assert heard(report(push, action, status, kind).replace(b"jr-1:7", b"jr-9:9")) == {"nothing": 1}


def test_replies_of_people_and_of_programs(push: Send) -> None:
    assert heard(answer("我想了解一下\n> 退订请回复T", push)) == {"replied": 1}
    for by_program in (
        {"Auto-Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X-Autoreply": "yes"},
        {"Return-Path": "<>"}, {"From": "postmaster@customer.example"},
    ):  # fmt: skip
        assert heard(answer("T", push, **by_program)) == {"nothing": 1}, by_program
    assert heard(b"", b"\xff\xfe\x00", b"Content-Type: multipart/report\n\nT", answer("T")) == {"nothing": 4}
    broken = (
        b"From: =?x?y?=\nContent-Type: text/plain; charset=no-such\nContent-Transfer-Encoding: base64\n\n!"
    )
    assert set(heard(broken)) == {"nothing"}
    assert may_contact(push.customer, "email")
    page = answer("x", push).replace(b"text/plain", b"text/html")
    page = page.replace(b"\n\nx", b"\n\n<style>p {}</style><p>T</p><blockquote>x</blockquote>")
    assert heard(page) == {"refused": 1} and not may_contact(push.customer, "email")


@pytest.mark.parametrize("said", ["T", "STOP\r\n\r\nOn Wed, the bank wrote:\r\n> 您好", ""])
def test_a_no_by_whoever_has_the_address(push: Send, said: str, entered: dict[str, Client]) -> None:
    """His program named nothing: he is found by his address. Where the mail is empty its subject says it."""
    address = addresses([push.customer], "email")[push.customer]
    mail = answer(said, None, From=f"Li <{address.upper()}>", Subject="Re: 到期" if said else "退订")
    assert heard(mail) == {"refused": 1} and not may_contact(push.customer, "email")
    assert heard(mail) == {"refused": 1}, "told again it is one no"
    assert ConsentAnswer.objects.filter(customer=push.customer, given=False).count() == 1


def test_mailboxes_of_the_environment(tmp_path: Any) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    told = {
        "QUANKE_DESK_IMAP": "imap.bank.example", "QUANKE_DESK_IMAP_USER": "offers",
        "QUANKE_DESK_IMAP_SECRET_FILE": str(tmp_path / "key"),
    }  # fmt: skip
    assert mailbox({}) is None
    assert mailbox(told) == {
        "host": "imap.bank.example", "port": 993, "user": "offers", "password": "s3cret", "tls": True,
        "folder": "INBOX",
    }  # fmt: skip
    with pytest.raises(ValueError, match="only with TLS"):
        mailbox({**told, "QUANKE_DESK_IMAP_TLS": "0"})
    with pytest.raises(ValueError, match="IMAP_USER is needed"):
        mailbox({"QUANKE_DESK_IMAP": "imap.bank.example"})
