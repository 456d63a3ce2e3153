"""WeCom gives a message to a member of staff: it is sent when he did, and taken back when it may not leave
any more; and WeCom calls when a customer takes him out of his contacts."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.test import Client

from quanke_desk.campaigns import journey_actions, sending
from quanke_desk.campaigns.by_staff import LONGEST, ask_staff
from quanke_desk.campaigns.channels.wecom_calls import Calls, NotWeCom, locked_text
from quanke_desk.campaigns.jobs import ask_staff as ask_round
from quanke_desk.campaigns.known import recorded
from quanke_desk.campaigns.models import Journey, Send
from quanke_desk.campaigns.sending import send_due
from quanke_desk.customers.at_night import customer_of
from quanke_desk.customers.consenting import may_contact
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.foundation.models import Outgoing, Person
from quanke_desk.foundation.roles import Role
from quanke_desk.web.places import channels
from tests.desk.test_policy import DAY, agreed, answered
from tests.desk.test_sending import now, queued, template

__all__ = ["now"]
LOCK = base64.b64encode(bytes(range(32))).decode().rstrip("=")


class Official:
    """Plays WeCom: what each message became stands in `status`, by its number."""

    def __init__(self) -> None:
        self.status: dict[str, int] = {}
        self.taken_back: list[str] = []
        self.codes: list[int] = []
        official = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.say({"errcode": 0, "access_token": "t", "expires_in": 7200})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = self.path.partition("?")[0].rpartition("/")[2]
                code = official.codes.pop(0) if official.codes else 0
                self.say({"errcode": code, **(official.does(name, body) if code == 0 else {})})

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

    def does(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if name == "add_msg_template":
            number = f"m{len(self.status) + 1}"
            self.status[number] = 0
            return {"fail_list": [], "msgid": number}
        number = body["msgid"]
        if name == "cancel_groupmsg_send":
            self.taken_back.append(number)
            return {}
        assert (name, body["userid"]) == ("get_groupmsg_send_result", "lina")
        return {"send_list": [{"external_userid": "wm", "status": self.status[number]}]}


@pytest.fixture
def official(settings: Any) -> Iterator[Official]:
    served = Official()
    told = {"kind": "wecom", "url": served.url, "corp": "ww1", "secret": "s", "sender": "lina"}
    settings.QUANKE_CHANNELS = {"wecom": {**told, "token": "tok", "lock": LOCK}}
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def given(
    desk: dict[str, Person], now: Any, official: Official, monkeypatch: pytest.MonkeyPatch
) -> list[Send]:
    """Two offers by WeCom of a journey, which the gateway gave to a member of staff."""
    by = desk[Role.ANALYST]
    template(by, means="wecom")
    journey = Journey.objects.create(name="mature", title_zh="到期", state="running", made_by=by)
    people = agreed("wecom", 2)
    monkeypatch.setattr(sending, "addresses", lambda customers, _means: {c: f"wm{c}" for c in customers})
    for n, customer in enumerate(people):
        queued(customer, f"k{n}", means="wecom", journey=journey)
    done = send_due()
    assert done.given == 2 and list(official.status) == ["m1", "m2"]
    return list(Send.objects.order_by("key"))


def ask(now: Any, **later: int) -> dict[str, tuple[str, str]]:
    now["at"] += dt.timedelta(**(later or {"minutes": 20}))
    ask_staff()
    return {row.key: (row.state, row.rule) for row in Send.objects.order_by("key")}


def test_it_is_sent_when_staff_sent_it(given: list[Send], now: Any, official: Official) -> None:
    assert [(row.state, row.gateway) for row in given] == [("g", "m1"), ("g", "m2")]
    assert not Outgoing.objects.filter(table="pushes").exists(), "nobody got it yet"
    customers = customers_of(given)
    assert list(recorded(customers, customers * 0, now["at"]).sent["wecom"][1]) == [1, 1], "it counts"
    assert ask(now) == {"k0": ("g", ""), "k1": ("g", "")}
    official.status["m1"] = 1
    official.codes = [45009]
    assert ask(now)["k0"] == ("g", ""), "WeCom was busy"
    assert ask(now) == {"k0": ("t", ""), "k1": ("g", "")}
    [row] = Outgoing.objects.filter(table="pushes")
    assert row.key == "k0" and row.row["means"] == "wecom"
    official.status["m2"] = 3
    assert ask(now)["k1"] == ("f", "gateway") and not official.taken_back
    official.status["m2"] = 1
    assert ask(now)["k1"] == ("f", "gateway"), "settled"


def customers_of(rows: list[Send]) -> Any:
    return np.array([row.customer for row in rows], np.int64)


def test_what_may_not_leave_any_more_is_taken_back(
    given: list[Send], desk: dict[str, Person], now: Any, official: Official
) -> None:
    answered(given[0].customer, desk[Role.COMPLIANCE], False, "wecom")
    assert ask(now) == {"k0": ("r", "consent"), "k1": ("g", "")} and official.taken_back == ["m1"]
    journey_actions.end(Journey.objects.get(), by=desk[Role.ANALYST], reason="over")
    official.status["m2"] = 1  # he sent it just before it was taken back
    does, asked = official.does, []

    def sent_meanwhile(name: str, body: dict[str, Any]) -> dict[str, Any]:
        asked.append(name)
        official.status["m2"] = int(asked != ["get_groupmsg_send_result"])
        return does(name, body)

    official.does = sent_meanwhile  # type: ignore[method-assign]
    assert ask(now)["k1"] == ("t", "") and official.taken_back == ["m1", "m2"]


def test_staff_have_two_days(given: list[Send], now: Any, official: Official) -> None:
    Send.objects.filter(key="k1").update(others="sms")
    told = ask(now, seconds=LONGEST + 1)
    assert told == {"k0": ("r", "staff"), "k1": ("q", "")} and sorted(official.taken_back) == ["m1", "m2"]
    assert Send.objects.get(key="k1").means == "sms", "another means is tried"


def test_a_gateway_that_is_gone_is_asked_later(given: list[Send], now: Any, official: Official) -> None:
    official.server.shutdown()
    official.server.server_close()
    assert ask(now) == {"k0": ("g", ""), "k1": ("g", "")}
    ask_round()


def locked(message: str, corp: str = "ww1") -> str:
    """A message as WeCom locks it."""
    key = base64.b64decode(LOCK + "=")
    body = message.encode()
    plain = os.urandom(16) + len(body).to_bytes(4, "big") + body + corp.encode()
    plain += bytes([32 - len(plain) % 32]) * (32 - len(plain) % 32)
    closer = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(closer.update(plain) + closer.finalize()).decode()


def called(text: str, at: float | None = None, token: str = "tok", get: bool = False) -> Any:
    moment = str(int(time.time() if at is None else at))
    signed = hashlib.sha1("".join(sorted((token, moment, "n1", text))).encode()).hexdigest()
    asked = {"msg_signature": signed, "timestamp": moment, "nonce": "n1"}
    client = Client(enforce_csrf_checks=True)
    if get:
        return client.get(f"/c/wecom?{urlencode({**asked, 'echostr': text})}")
    body = f"<xml><ToUserName>ww1</ToUserName><Encrypt><![CDATA[{text}]]></Encrypt></xml>"
    return client.post(f"/c/wecom?{urlencode(asked)}", body, content_type="text/xml")


def left(contact: str, user: str = "lina", change: str = "del_follow_user") -> str:
    return locked(
        "<xml><Event><![CDATA[change_external_contact]]></Event>"
        f"<ChangeType><![CDATA[{change}]]></ChangeType><UserID><![CDATA[{user}]]></UserID>"
        f"<CreateTime>{int(DAY.timestamp())}</CreateTime>"
        f"<ExternalUserID><![CDATA[{contact}]]></ExternalUserID></xml>"
    )


def test_wecom_calls(
    given: list[Send], now: Any, official: Official, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert called(locked("here"), get=True).content == b"here"
    assert called(locked("here"), get=True, token="wrong").status_code == 403
    assert called(locked("here"), at=time.time() - 7_200, get=True).status_code == 403
    assert called(locked("here", corp="ww2"), get=True).status_code == 403
    me = given[0].customer
    monkeypatch.setattr(
        "quanke_desk.campaigns.wecom_pages.customer_of",
        lambda party, of: me if party == "wecom:wmAAA" else customer_of(party, of),
    )
    for other in (left("wmAAA", "wang"), left("wmAAA", change="add_external_contact"), left("nobody")):
        assert called(other).content == b"success"
    assert may_contact(me, "wecom") and not ConsentAnswer.objects.exists()
    assert called(left("wmAAA")).content == b"success" == called(left("wmAAA")).content
    assert not may_contact(me, "wecom")
    [said] = ConsentAnswer.objects.all()
    assert (said.means, said.given, said.channel) == ("wecom", False, "message") and "wmAAA" not in said.proof
    assert ask(now)["k0"] == ("r", "consent") and official.taken_back == ["m1"]
    assert called("bm90IGl0").status_code == 403 and called("<>").status_code == 403
    del settings.QUANKE_CHANNELS["wecom"]["token"]
    assert called(locked("here"), get=True).status_code == 404


def test_calls_that_are_none() -> None:
    with pytest.raises(NotWeCom):
        locked_text(b"<xml/>")
    with pytest.raises(NotWeCom):
        Calls("ww1", "t", "short").opened("", "", "", "AAAA")


def test_settings_of_calls(tmp_path: Any) -> None:
    (tmp_path / "key").write_text("k\n")
    told = {
        "QUANKE_DESK_WECOM_CORP": "ww1", "QUANKE_DESK_WECOM_SENDER": "lina",
        "QUANKE_DESK_WECOM_TOKEN_SECRET_FILE": str(tmp_path / "key"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="both"):
        channels(told)
    both = channels({**told, "QUANKE_DESK_WECOM_AES_SECRET_FILE": str(tmp_path / "key")})["wecom"]
    assert (both["token"], both["lock"]) == ("k", "k")
    assert "token" not in channels({"QUANKE_DESK_WECOM_CORP": "a", "QUANKE_DESK_WECOM_SENDER": "b"})["wecom"]
