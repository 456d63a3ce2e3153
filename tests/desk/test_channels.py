"""Channels that neither take a key once nor can be asked, and the bank's own hub: real local servers."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from quanke_desk.campaigns.channels import ChannelDown, Fate, Message, Sure
from quanke_desk.campaigns.channels.calling import Gateway
from quanke_desk.campaigns.channels.push import PushGateway
from quanke_desk.campaigns.channels.smtp import Smtp
from quanke_desk.campaigns.channels.webhook import Webhook
from quanke_desk.campaigns.channels.wecom import WeCom
from tests.desk.gateway import Gateway as Played

MAIL = Message(
    "q-7", "email", "li@customer.example", "您好\n退订请回复T", "到期\r\nBcc: x@y.example", "https://bank.example/a",
    "https://desk.example/c/7-x/no",
)  # fmt: skip


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails, or does what `plays` says at the named command."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        self.plays: dict[str, str] = {}
        self.mails: list[bytes] = []
        self.connections = 0
        self.most = 1_000
        super().__init__(("127.0.0.1", 0), MailHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class MailHandler(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self) -> None:
        self.say("220 here")
        self.server.connections += 1
        taken = 0
        while line := self.rfile.readline():
            if taken == self.server.most:  # it hangs up on who brings more
                return
            word = line.split()[0].decode().upper()
            answer = self.server.plays.get(word, "")
            if word == "DATA" and not answer:
                self.say("354 go on")
                mail = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    mail += part
                self.server.mails.append(mail)
                taken += 1
                if self.server.plays.get("END") == "silent":
                    return
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say(answer or "250 ok")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running
        running.shutdown()


def test_a_mail(server: MailServer) -> None:
    channel = Smtp("127.0.0.1", server.server_address[1], "offers@bank.example", tls=False)
    [outcome] = channel.send([MAIL])
    assert (outcome.fate, outcome.gateway) == (Fate.SENT, "<q-7@bank.example>")
    mail = message_from_bytes(server.mails[0])
    assert mail["Message-ID"] == "<q-7@bank.example>" and mail["To"] == "li@customer.example"
    assert mail["Bcc"] is None, "a subject brings no header of its own"
    assert mail["List-Unsubscribe"] == "<https://desk.example/c/7-x/no>"
    body = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "退订请回复T" in body and "https://bank.example/a" in body
    assert channel.asked(["q-7"]) == [] and channel.sure is Sure.NEITHER and channel.at_once == 1


@pytest.mark.parametrize(("at", "answer", "fate"), [
    ("RCPT", "550 nobody", Fate.FAILED), ("RCPT", "450 later", Fate.LATER), ("DATA", "554 no", Fate.FAILED),
    ("DATA", "451 later", Fate.LATER), ("END", "silent", Fate.UNSURE),
])  # fmt: skip
def test_what_a_mail_server_says(server: MailServer, at: str, answer: str, fate: Fate) -> None:
    server.plays[at] = answer
    channel = Smtp("127.0.0.1", server.server_address[1], "offers@bank.example", tls=False)
    assert channel.send([MAIL])[0].fate is fate


def test_all_of_a_batch_go_over_one_connection(server: MailServer) -> None:
    channel = Smtp("127.0.0.1", server.server_address[1], "offers@bank.example", tls=False)
    for number in range(5):
        [outcome] = channel.send([replace(MAIL, key=f"q-{number}")])
        assert outcome.fate is Fate.SENT
    assert server.connections == 1 and len(server.mails) == 5
    channel.close()
    server.most = 2
    fates = [channel.send([replace(MAIL, key=f"r-{number}")])[0].fate for number in range(5)]
    assert fates == [Fate.SENT] * 5 and server.connections == 4, "asked whether it still stands"
    server.plays["RCPT"], server.most = "550 nobody", 1_000
    channel.close()
    assert channel.send([MAIL])[0].fate is Fate.FAILED
    server.plays.clear()
    assert channel.send([MAIL])[0].fate is Fate.SENT and server.connections == 5
    server.plays["END"] = "silent"
    assert channel.send([MAIL])[0].fate is Fate.UNSURE
    server.plays.clear()
    assert channel.send([MAIL])[0].fate is Fate.SENT and server.connections == 6
    channel.close()


def test_a_mail_server_that_is_down() -> None:
    server = MailServer()
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    with pytest.raises(ChannelDown) as down:
        Smtp("127.0.0.1", port, "offers@bank.example", tls=False).send([MAIL])
    assert "customer" not in str(down.value)


class Official:
    """Plays WeCom: gives tokens, takes messages, and says the codes it is told to, one after the other."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.calls: list[tuple[str, Any]] = []
        self.tokens = 0
        official = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                official.tokens += 1
                self.say({"errcode": 0, "access_token": f"t{official.tokens}", "expires_in": 7200})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                official.calls.append((self.path, body))
                code = official.codes.pop(0) if official.codes else 0
                failed = body["external_userid"] if "gone" in body["external_userid"][0] else []
                self.say({"errcode": code, "fail_list": failed, "msgid": "msg1"})

            def say(self, told: Any) -> None:
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_said: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_wecom() -> None:
    official = Official()
    channel = WeCom(Gateway(official.url), "ww1", "secret", "lina")
    one = Message("k", "wecom", "wmAAA", "您好", link="https://bank.example/a")
    [outcome] = channel.send([one])
    assert (outcome.fate, outcome.gateway) == (Fate.GIVEN, "msg1"), "a member of staff sends it"
    path, body = official.calls[0]
    assert path == "/cgi-bin/externalcontact/add_msg_template?access_token=t1"
    assert (
        body["external_userid"] == ["wmAAA"]
        and body["text"] == {"content": "您好"}
        and body["sender"] == "lina"
    )
    assert body["attachments"][0]["link"]["url"] == "https://bank.example/a"
    official.codes = [42001]
    assert channel.send([one])[0].fate is Fate.GIVEN and official.tokens == 2, "a token that ran out"
    official.codes = [45009]
    assert channel.send([one])[0].fate is Fate.LATER
    official.codes = [40096]
    assert channel.send([one])[0].fate is Fate.FAILED
    assert channel.send([Message("k", "wecom", "gone", "x")])[0].fate is Fate.FAILED
    official.codes = [40014, 40014]
    with pytest.raises(ChannelDown):
        channel.send([one])
    official.server.shutdown()
    official.server.server_close()


def test_the_banks_own_hub_and_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Played(b"shared")
    message = Message("k", "push", "mobile:M1", "您好", "标题", "https://bank.example/a")
    hub = Webhook(Gateway(served.url, b"shared", patience=0.5))
    monkeypatch.setattr(served, "_take", lambda told: [served.messages.update({told["key"]: told})])
    assert hub.send([message])[0].fate is Fate.SENT and served.messages["k"]["means"] == "push"
    served.plays = ["silent", "refuses"]
    assert [hub.send([message])[0].fate for _ in range(2)] == [Fate.UNSURE, Fate.FAILED]
    served.plays = ["busy"]
    with pytest.raises(ChannelDown) as down:
        hub.send([message])
    assert down.value.wait == 7 and hub.sure is Sure.KEYED
    monkeypatch.undo()
    app = PushGateway(Gateway(served.url, b"shared"))
    assert app.send([message])[0].gateway == "G-k" and served.messages["k"]["title"] == "标题"
    wrong = PushGateway(Gateway(served.url, b"other"))
    with pytest.raises(ChannelDown, match="key is not right"):
        wrong.send([message])
    served.close()
