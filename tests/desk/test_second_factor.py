"""The second factor: set up, asked for, good once, counted, lost."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
import struct
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import connection
from django.test import Client
from django.utils import timezone
from fido2 import cbor
from fido2.cose import ES256

from quanke_desk.foundation import second_factor
from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.models import AuditEntry, Factor, ParameterValue, Person, RecoveryCode
from quanke_desk.foundation.parameters import change, value
from quanke_desk.foundation.people import NotAllowed, take_factors
from quanke_desk.foundation.roles import Role


class Clock:
    """Time that stands still until it is moved, so that a code is of a step the test knows."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(second_factor.time, "time", clock)
    return clock


@pytest.fixture
def needed(desk: dict[str, Person]) -> dict[str, Person]:
    """Compliance needs a second factor from today on."""
    change("second.roles", ["compliance"], timezone.localdate(), by=desk[Role.ADMINISTRATOR], reason="policy")
    return desk


def code(secret: str, at: float) -> str:
    from cryptography.hazmat.primitives.hashes import SHA1

    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(at).decode()


def password(client: Client, name: str) -> Any:
    return client.post("/login/", {"username": name, "password": PASSWORD})


def set_up(client: Client, clock: Clock) -> tuple[str, list[str]]:
    """Sets an app up on the page that is open; its secret, and the recovery codes shown."""
    page = client.get("/login/set-up/").content.decode()
    [secret] = re.findall(r'<code id="secret">(\w+)</code>', page)
    answer = client.post("/login/set-up/", {"code": code(secret, clock.now)})
    codes = re.findall(r"<li><code>([\w-]+)</code>", answer.content.decode())
    assert len(codes) == 10
    return secret, codes


def test_the_bank_asks_some_roles_by_itself(desk: dict[str, Person]) -> None:
    ParameterValue.objects.all().delete()  # what a demo says
    asked = {role for role, person in desk.items() if second_factor.required(person)}
    assert asked == {"administrator", "branch_head", "compliance", "risk", "team_head"}


def test_an_app_from_the_first_login_on(needed: dict[str, Person], clock: Clock) -> None:
    client = Client()
    assert password(client, "demo-compliance")["Location"] == "/login/set-up/"
    keys = {client.cookies["sessionid"].value}
    assert client.get("/")["Location"].startswith("/login/"), "nobody is logged in yet"
    assert client.get("/api/openapi.json").status_code != 500
    assert client.post("/login/set-up/", {"code": "000000"}).status_code == 401
    secret, _codes = set_up(client, clock)
    keys.add(client.cookies["sessionid"].value)
    assert client.get("/").status_code == 200
    held = Factor.objects.get(person=needed["compliance"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM foundation_factor WHERE id = %s", [held.pk])
        assert secret.encode() not in bytes(cursor.fetchone()[0]), "in the vault"

    other = Client()
    assert password(other, "demo-compliance")["Location"] == "/login/second/"
    keys.add(other.cookies["sessionid"].value)
    assert other.get("/").status_code == 302
    assert other.post("/login/second/", {"code": code(secret, clock.now)}).status_code == 401, (
        "used to set up"
    )
    clock.now += 30
    assert other.post("/login/second/", {"code": code(secret, clock.now)})["Location"] == "/"
    keys.add(other.cookies["sessionid"].value)
    assert other.get("/").status_code == 200 and len(keys) == 4, "a new key at each step"
    entry = AuditEntry.objects.filter(action="login").first()
    assert entry is not None and entry.detail == {"way": "password", "second": "totp"}


def test_a_code_is_good_once_and_only_about_now(needed: dict[str, Person], clock: Clock) -> None:
    person = needed["compliance"]
    secret = second_factor.new_secret()
    second_factor.add_app(person, secret, code(secret, clock.now))
    clock.now += 3000
    good = code(secret, clock.now)
    assert second_factor.check_code(person, good) == "totp"
    assert second_factor.check_code(person, good) == ""
    assert second_factor.check_code(person, code(secret, clock.now - 30)) == "", "an older one than the used"
    assert second_factor.check_code(person, code(secret, clock.now + 60)) == "", "too far ahead"
    clock.now += 30
    assert second_factor.check_code(needed["risk"], code(secret, clock.now)) == "", "somebody else's"
    assert second_factor.check_code(person, f" {code(secret, clock.now)[:3]} {code(secret, clock.now)[3:]}")


def test_a_recovery_code_is_good_once(needed: dict[str, Person], clock: Clock) -> None:
    client = Client()
    password(client, "demo-compliance")
    _secret, codes = set_up(client, clock)
    assert not RecoveryCode.objects.filter(digest__in=codes).exists()
    for want in (302, 401):
        again = Client()
        password(again, "demo-compliance")
        assert again.post("/login/second/", {"code": codes[0].lower()}).status_code == want
    assert second_factor.codes_left(needed["compliance"]) == 9


def test_failures_lock_as_those_of_a_password(needed: dict[str, Person], clock: Clock) -> None:
    person = needed["compliance"]
    secret = second_factor.new_secret()
    second_factor.add_app(person, secret, code(secret, clock.now))
    clock.now += 3000
    client = Client()
    for n in range(value("login.tries")):
        password(client, "demo-compliance")  # the right password does not take the failures away
        assert client.post("/login/second/", {"code": f"00000{n}"}).status_code == 401
    answer = client.post("/login/second/", {"code": code(secret, clock.now)})
    assert answer.status_code == 401 and "过多" in answer.content.decode()
    assert password(Client(), "demo-compliance").status_code == 401


def test_a_step_waits_ten_minutes_and_for_its_person_only(needed: dict[str, Person], clock: Clock) -> None:
    client = Client()
    for path in ("/login/second/", "/login/set-up/", "/login/password/"):
        assert Client().get(path)["Location"] == "/login/"
        assert Client().post(path, {"code": "1"})["Location"] == "/login/"
    password(client, "demo-compliance")
    assert client.get("/login/second/")["Location"] == "/login/", "not the step that is next"
    session = client.session
    session["entering"] = {**session["entering"], "at": time.time() - 601}
    session.save()
    assert client.get("/login/set-up/")["Location"] == "/login/"


def test_who_lost_it_gets_it_taken_away(needed: dict[str, Person], clock: Clock) -> None:
    client = Client()
    password(client, "demo-compliance")
    set_up(client, clock)
    person, keeper = needed["compliance"], needed["administrator"]
    second = Person.objects.create(username="second", name="王", role=Role.COMPLIANCE)
    with pytest.raises(NotAllowed):
        take_factors(person, by=person, reason="lost")
    with pytest.raises(NotAllowed, match="second person"):
        take_factors(person, by=keeper, reason="lost")
    assert take_factors(person, by=keeper, reason="lost", agreed=second) == 1
    assert client.get("/").status_code == 302 and not RecoveryCode.objects.exists()
    assert password(Client(), "demo-compliance")["Location"] == "/login/set-up/"


def test_the_last_one_of_a_role_that_needs_one_stays(needed: dict[str, Person], clock: Clock) -> None:
    client = Client()
    password(client, "demo-compliance")
    set_up(client, clock)
    factor = Factor.objects.get()
    client.post("/account/factors/", {"factor": factor.pk})
    assert Factor.objects.filter(pk=factor.pk).exists()
    stranger = Client()
    stranger.force_login(needed["risk"])
    stranger.post("/account/factors/", {"factor": factor.pk})
    assert Factor.objects.filter(pk=factor.pk).exists(), "another person's"


def test_a_sensitive_change_needs_a_fresh_proof(needed: dict[str, Person], clock: Clock) -> None:
    client, teller = Client(), needed["teller"]
    password(client, "demo-administrator")
    path = f"/people/{teller.pk}/"
    assert client.post(path, {"role": "lobby", "reason": "moved"})["Location"] == path
    session = client.session
    session["sure_at"] = time.time() - 60 * value("session.sure") - 1
    session.save()
    answer = client.post(path, {"role": "staff", "reason": "moved"})
    assert answer["Location"] == f"/account/confirm/?next=%2Fpeople%2F{teller.pk}%2F"
    teller.refresh_from_db()
    assert teller.role == "lobby" and client.get(path).status_code == 200
    old = client.cookies["sessionid"].value
    wrong = client.post("/account/confirm/", {"password": "wrong", "next": path})
    assert wrong.status_code == 200 and "sure_at" in client.session
    assert client.post(path, {"role": "staff", "reason": "moved"})["Location"].startswith("/account/confirm/")
    assert client.post("/account/confirm/", {"password": PASSWORD, "next": path})["Location"] == path
    assert client.cookies["sessionid"].value != old
    client.post(path, {"role": "staff", "reason": "moved"})
    teller.refresh_from_db()
    assert teller.role == "staff"


def test_a_confirmation_with_a_factor_is_not_by_password(needed: dict[str, Person], clock: Clock) -> None:
    client = Client()
    password(client, "demo-compliance")
    secret, _codes = set_up(client, clock)
    answer = client.post("/account/confirm/", {"password": PASSWORD, "next": "/account/"})
    assert answer.status_code == 200
    clock.now += 30
    assert (
        client.post("/account/confirm/", {"code": code(secret, clock.now), "next": "//evil.example/"})[
            "Location"
        ]
        == "/account/"
    )


def test_one_code_asked_twice_at_once(
    desk: dict[str, Person], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process checks the same code after this one has read, and before it writes."""
    person, secret = desk["compliance"], second_factor.new_secret()
    second_factor.add_app(person, secret, code(secret, clock.now))
    clock.now += 30
    good, said = code(secret, clock.now), []
    real = second_factor._step_of

    def slow(held: str, given: str) -> int | None:
        step = real(held, given)
        if not said:
            said.append("")
            said[0] = second_factor.check_code(person, good)
        return step

    monkeypatch.setattr(second_factor, "_step_of", slow)
    said.append(second_factor.check_code(person, good))
    assert said == ["totp", ""]


class SoftKey:
    """A security key made of software: what a browser and a key would answer."""

    def __init__(self, origin: str = "https://testserver", rp: str = "testserver") -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id, self.count, self.origin = b"key-0123456789abcdef", 0, origin
        self.rp = hashlib.sha256(rp.encode()).digest()

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, flags: int, more: bytes = b"") -> bytes:
        self.count += 1
        return self.rp + bytes([flags]) + struct.pack(">I", self.count) + more

    def _answer(self, **parts: bytes) -> str:
        shown = {name: b64(part) for name, part in parts.items()}
        return json.dumps({"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": shown,
                           "clientExtensionResults": {}})  # fmt: skip

    def make(self, options: dict[str, Any]) -> str:
        public = cbor.encode(dict(ES256.from_cryptography_key(self.private.public_key())))
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + public
        data = self._data(0x45, attested)
        statement = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(clientDataJSON=client, attestationObject=statement)

    def sign(self, options: dict[str, Any]) -> str:
        data, client = self._data(0x05), self._client("webauthn.get", options["challenge"])
        signed = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signed)


def b64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def options(client: Client, path: str, what: str) -> dict[str, Any]:
    import html

    page = client.get(path, secure=True).content.decode()
    [held] = re.findall(rf'data-{what}="([^"]*)"', page)
    read: dict[str, Any] = json.loads(html.unescape(held))
    return read


@pytest.fixture
def keyed(needed: dict[str, Person]) -> SoftKey:
    """Compliance with a security key, set up at the first log-in."""
    client, key = Client(), SoftKey()
    secure = {"secure": True}
    client.post("/login/", {"username": "demo-compliance", "password": PASSWORD}, **secure)
    made = key.make(options(client, "/login/set-up/", "create"))
    answer = client.post("/login/set-up/", {"key": made, "name": "blue"}, **secure)
    assert answer.status_code == 200 and client.get("/", **secure).status_code == 200
    return key


def at_second() -> Client:
    client = Client()
    words = {"username": "demo-compliance", "password": PASSWORD}
    assert client.post("/login/", words, secure=True)["Location"] == "/login/second/"
    return client


def test_a_security_key(keyed: SoftKey) -> None:
    client = at_second()
    signed = keyed.sign(options(client, "/login/second/", "get"))
    assert client.post("/login/second/", {"key": signed}, secure=True)["Location"] == "/"
    assert Factor.objects.get().used_at is not None


def test_a_security_key_answers_one_challenge(keyed: SoftKey) -> None:
    client = at_second()
    asked = options(client, "/login/second/", "get")
    signed = keyed.sign(asked)
    other = at_second()
    options(other, "/login/second/", "get")
    assert other.post("/login/second/", {"key": signed}, secure=True).status_code == 401, "another session's"
    assert client.post("/login/second/", {"key": "{}"}, secure=True).status_code == 401
    assert client.post("/login/second/", {"key": keyed.sign(asked)}, secure=True).status_code == 401, "spent"


@pytest.mark.parametrize("wrong", ["origin", "key", "count", "site"])
def test_a_security_key_that_is_not_it(keyed: SoftKey, wrong: str) -> None:
    if wrong == "origin":
        keyed.origin = "https://evil.example"
    elif wrong == "key":
        keyed.private = ec.generate_private_key(ec.SECP256R1())
    elif wrong == "count":
        keyed.count = 0  # a copy made when the key was new
    else:
        keyed.rp = hashlib.sha256(b"evil.example").digest()
    client = at_second()
    signed = keyed.sign(options(client, "/login/second/", "get"))
    assert client.post("/login/second/", {"key": signed}, secure=True).status_code == 401


def test_a_security_key_is_one_persons(keyed: SoftKey, needed: dict[str, Person]) -> None:
    client = Client()
    client.force_login(needed["risk"])
    session = client.session
    session["sure_at"] = time.time()
    session.save()
    client.get("/account/factors/new/", secure=True)
    made = keyed.make(options(client, "/account/factors/new/", "create"))
    answer = client.post("/account/factors/new/", {"key": made}, secure=True)
    assert answer.status_code == 200 and Factor.objects.count() == 1


def test_a_password_that_is_too_old_is_replaced_first(desk: dict[str, Person]) -> None:
    old = timezone.now() - dt.timedelta(days=value("password.days"), seconds=1)
    Person.objects.filter(username="demo-analyst").update(password_at=old)
    client = Client()
    assert password(client, "demo-analyst")["Location"] == "/login/password/"
    assert client.get("/").status_code == 302
    new = "a longer pass phrase 9"
    for words in ({"new_password1": PASSWORD, "new_password2": PASSWORD}, {"new_password1": new}):
        assert client.post("/login/password/", words).status_code == 200
    assert client.post("/login/password/", {"new_password1": new, "new_password2": new})["Location"] == "/"
    assert client.get("/").status_code == 200
    assert "Location" not in password(Client(), "demo-analyst")
