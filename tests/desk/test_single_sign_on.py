"""Single sign-on against a provider of our own that signs with a key, over http on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation import single_sign_on
from quanke_desk.foundation.models import AuditEntry, Person
from quanke_desk.foundation.parameters import change
from quanke_desk.foundation.roles import Role
from quanke_desk.web.places import sign_on

CLIENT, SECRET = "desk", "se:cret/ +é"


class Provider:
    """A bank's provider: remembers what each code was asked with, and answers it once."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.stranger = rsa.generate_private_key(65537, 2048)
        self.claims: dict[str, Any] = {}
        self.header = {"kid": "one"}
        self.algorithm, self.signs_with = "RS256", self.key
        self.asked: dict[str, dict[str, str]] = {}
        self.answered = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token",
            "jwks_uri": self.issuer + "/keys",
        }

    def authorise(self, address: str) -> str:
        """What a browser does at the provider: the query it comes back with."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return urllib.parse.urlencode({"code": code, "state": asked["state"], "iss": self.issuer})

    def token(self, words: dict[str, str], headers: Any) -> dict[str, Any] | None:
        asked = self.asked.pop(words["code"], None)
        name, word = base64.b64decode(headers["Authorization"].split()[1]).decode().split(":")
        digest = hashlib.sha256(words["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or (urllib.parse.unquote(name), urllib.parse.unquote(word)) != (CLIENT, SECRET)
            or challenge != asked["code_challenge"]
            or words["redirect_uri"] != asked["redirect_uri"]
        ):
            return None
        self.answered += 1
        now = int(time.time())
        held = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60}
        held |= {"nonce": asked["nonce"], "auth_time": now, **self.claims}
        held = {name: claim for name, claim in held.items() if claim is not None}
        signer: Any = self.signs_with
        return {"id_token": jwt.encode(held, signer, self.algorithm, headers=self.header)}

    def handler(self) -> type[BaseHTTPRequestHandler]:
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(ours.key.public_key()))
                keys = {"keys": [{**public, "kid": "one", "use": "sig"}]}
                self.say(keys if self.path == "/keys" else ours.description())

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.say(ours.token(dict(urllib.parse.parse_qsl(sent)), self.headers))

            def say(self, what: Any) -> None:
                self.send_response(200 if what is not None else 400)
                self.end_headers()
                self.wfile.write(json.dumps(what).encode())

            def log_message(self, *words: Any) -> None:
                pass

        return Handler


@pytest.fixture
def provider(settings: Any, desk: dict[str, Person]) -> Iterator[Provider]:
    made = Provider()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    single_sign_on._described.clear()
    single_sign_on._keys.clear()
    settings.QUANKE_SIGN_ON = {
        "issuer": made.issuer, "client": CLIENT, "secret": SECRET, "claim": "employee", "match": "staff_id",
    }  # fmt: skip
    settings.QUANKE_SIGN_ON_SECOND = True
    Person.objects.filter(pk=desk["analyst"].pk).update(staff_id="A-7", email="a7@bank.example")
    made.claims = {"employee": "A-7"}
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def sign(client: Client, provider: Provider, to: str = "") -> Any:
    """Goes to the provider and comes back."""
    left = client.get("/login/sign-on/", {"next": to} if to else {})
    assert left["Location"].startswith(provider.issuer + "/authorize?")
    return client.get("/login/sign-on/back/?" + provider.authorise(left["Location"]))


def why() -> str:
    entry = AuditEntry.objects.filter(action="login.refused").first()
    assert entry is not None
    return str(entry.detail["why"])


def test_in_by_single_sign_on(provider: Provider, desk: dict[str, Person]) -> None:
    client = Client()
    assert "统一身份认证登录" in client.get("/login/").content.decode()
    assert sign(client, provider, "/account/")["Location"] == "/account/"
    assert client.get("/").status_code == 200
    entry = AuditEntry.objects.filter(action="login").get()
    assert entry.person == desk["analyst"] and entry.detail == {"way": "sign_on", "second": ""}
    other = Client()
    assert sign(other, provider, "https://evil.example/")["Location"] == "/"


def test_a_password_is_enough_where_no_provider_is_set(desk: dict[str, Person]) -> None:
    assert "统一身份认证" not in Client().get("/login/").content.decode()
    assert Client().get("/login/sign-on/")["Location"] == "/login/"
    assert Client().get("/login/sign-on/back/?state=x&code=y")["Location"] == "/login/"


def test_a_session_is_begun_anew(provider: Provider) -> None:
    client = Client()
    client.get("/login/sign-on/")
    planted = client.cookies["sessionid"].value
    sign(client, provider)
    assert client.cookies["sessionid"].value != planted
    other = Client()
    other.cookies["sessionid"] = planted
    assert other.get("/").status_code == 302


def test_what_comes_back_must_be_what_was_asked(provider: Provider) -> None:
    client = Client()
    left = client.get("/login/sign-on/")["Location"]
    back = provider.authorise(left)
    assert Client().get("/login/sign-on/back/?" + back).status_code == 302, "another browser's"
    assert why() == "nothing was asked, or too long ago"
    wrong = client.get("/login/sign-on/back/?" + back.replace("state=", "state=x"))
    assert wrong["Location"] == "/login/" and why() == "state"
    client.get("/login/sign-on/back/?" + back)
    assert why() == "nothing was asked, or too long ago", "asked once, answered once"
    assert provider.answered == 0 and client.get("/").status_code == 302
    client.get("/login/sign-on/")
    client.get(
        "/login/sign-on/back/", {"state": client.session["sign_on"]["state"], "error": "access_denied"}
    )
    assert why() == "no code"
    left = client.get("/login/sign-on/")["Location"]
    client.get("/login/sign-on/back/?" + provider.authorise(left).replace("iss=http", "iss=httpx"))
    assert why() == "iss"


def test_the_verifier_must_be_the_one_of_the_challenge(provider: Provider) -> None:
    client = Client()
    back = provider.authorise(client.get("/login/sign-on/")["Location"])
    session = client.session
    session["sign_on"] = {**session["sign_on"], "verifier": "stolen code, no verifier"}
    session.save()
    client.get("/login/sign-on/back/?" + back)
    assert why() == "HTTPError" and client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "MissingRequiredClaimError"),
        ({"aud": "another desk"}, "InvalidAudienceError"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
        ({"iss": "https://evil.example"}, "InvalidIssuerError"),
        ({"exp": 1}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"iat": 4_000_000_000}, "ImmatureSignatureError"),
        ({"employee": None}, "no claim to match by"),
        ({"employee": ["A-7"]}, "no claim to match by"),
        ({"employee": "unknown"}, "nobody, or several, of the desk"),
    ],
)
def test_a_token_that_does_not_hold(provider: Provider, claims: dict[str, Any], told: str) -> None:
    people = Person.objects.count()
    provider.claims |= claims
    client = Client()
    assert sign(client, provider)["Location"] == "/login/"
    assert client.get("/").status_code == 302 and why() == told
    assert Person.objects.count() == people, "nobody is made by it"
    assert "统一身份认证未成功" in client.get("/login/").content.decode()


@pytest.mark.parametrize("how", ["stranger", "none", "public key as secret", "unknown key"])
def test_a_token_somebody_else_signed(provider: Provider, how: str) -> None:
    if how == "stranger":
        provider.signs_with = provider.stranger
    elif how == "none":
        provider.algorithm, provider.signs_with = "none", None  # type: ignore[assignment]
    elif how == "public key as secret":
        provider.algorithm, provider.signs_with = "HS256", "x" * 40  # type: ignore[assignment]
    else:
        provider.header = {"kid": "two"}
    client = Client()
    assert sign(client, provider)["Location"] == "/login/" and client.get("/").status_code == 302
    assert why() in ("InvalidSignatureError", "InvalidAlgorithmError", "PyJWKClientError")


def test_by_e_mail_only_where_it_is_verified(
    provider: Provider, settings: Any, desk: dict[str, Person]
) -> None:
    settings.QUANKE_SIGN_ON = {**settings.QUANKE_SIGN_ON, "claim": "email", "match": "email"}
    provider.claims = {"email": "A7@bank.example"}
    assert sign(Client(), provider)["Location"] == "/login/" and why() == "e-mail not verified"
    provider.claims["email_verified"] = True
    assert sign(Client(), provider)["Location"] == "/"
    Person.objects.filter(pk=desk["risk"].pk).update(email="a7@bank.example")
    assert sign(Client(), provider)["Location"] == "/login/", "two of that address"
    provider.claims["email"] = ""
    assert sign(Client(), provider)["Location"] == "/login/"


def test_who_left_does_not_come_in(provider: Provider, desk: dict[str, Person]) -> None:
    Person.objects.filter(pk=desk["analyst"].pk).update(is_active=False)
    assert sign(Client(), provider)["Location"] == "/login/"


def test_a_role_comes_from_the_token_only_where_it_is_mapped(
    provider: Provider, settings: Any, desk: dict[str, Person]
) -> None:
    provider.claims["groups"] = ["administrator", "staff-all", "q-risk"]
    sign(Client(), provider)
    assert Person.objects.get(pk=desk["analyst"].pk).role == Role.ANALYST
    settings.QUANKE_SIGN_ON = {
        **settings.QUANKE_SIGN_ON, "role_claim": "groups", "roles": {"q-risk": "risk", "q-lobby": "lobby"},
    }  # fmt: skip
    sign(Client(), provider)
    assert Person.objects.get(pk=desk["analyst"].pk).role == Role.RISK
    given = AuditEntry.objects.get(action="people.role")
    assert given.person is None and given.detail == {"from": "analyst", "to": "risk"}
    for groups in (["staff-all"], ["q-risk", "q-lobby"], []):
        provider.claims["groups"] = groups
        assert sign(Client(), provider)["Location"] == "/login/" and why() == "no role, or several"


def test_a_guarded_role_of_the_token_takes_away_what_one_person_could_have_set(
    provider: Provider, settings: Any, desk: dict[str, Person]
) -> None:
    settings.QUANKE_SIGN_ON = {
        **settings.QUANKE_SIGN_ON, "role_claim": "groups", "roles": {"q-risk": "risk", "q-lobby": "lobby"},
    }  # fmt: skip
    person = desk["analyst"]
    Person.objects.filter(pk=person.pk).update(role=Role.TELLER)
    for group, kept in (("q-lobby", True), ("q-risk", False)):
        provider.claims["groups"] = [group]
        assert sign(Client(), provider)["Location"] == "/"
        assert Person.objects.get(pk=person.pk).has_usable_password() == kept


def test_a_second_factor_is_asked_after_it_as_configured(
    provider: Provider, settings: Any, desk: dict[str, Person]
) -> None:
    change("second.roles", ["analyst"], timezone.localdate(), by=desk["administrator"], reason="policy")
    client = Client()
    assert sign(client, provider)["Location"] == "/login/set-up/" and client.get("/").status_code == 302
    settings.QUANKE_SIGN_ON_SECOND = False
    assert sign(client, provider)["Location"] == "/" and client.get("/").status_code == 200


def test_single_sign_on_proves_again_who_one_is(provider: Provider, desk: dict[str, Person]) -> None:
    client = Client()
    sign(client, provider)
    session = client.session
    session["sure_at"] = 0
    session.save()
    left = client.get("/login/sign-on/", {"next": "/account/"})["Location"]
    assert "prompt=login" in left and "max_age=0" in left
    provider.claims["auth_time"] = int(time.time()) - 3600  # the provider asked him nothing
    client.get("/login/sign-on/back/?" + provider.authorise(left))
    assert client.session["sure_at"] == 0 and why() == "auth_time"
    provider.claims = {"employee": "A-7"}
    assert sign(client, provider, "/account/")["Location"] == "/account/"
    assert client.session["sure_at"] > 0
    Person.objects.filter(pk=desk["risk"].pk).update(staff_id="R-1")
    provider.claims = {"employee": "R-1"}
    session = client.session
    session["sure_at"] = 0
    session.save()
    sign(client, provider)
    assert client.session["sure_at"] == 0, "somebody else"


def test_a_provider_that_is_down(provider: Provider, settings: Any) -> None:
    settings.QUANKE_SIGN_ON = {**settings.QUANKE_SIGN_ON, "issuer": "http://127.0.0.1:9"}
    assert Client().get("/login/sign-on/")["Location"] == "/login/"


def test_a_description_that_is_not_the_issuers(provider: Provider, settings: Any) -> None:
    settings.QUANKE_SIGN_ON = {**settings.QUANKE_SIGN_ON, "issuer": provider.issuer + "/"}
    assert Client().get("/login/sign-on/")["Location"] == "/login/"
    assert why() == "issuer of the description"


def test_what_the_environment_says(tmp_path: Any) -> None:
    assert sign_on({}) is None
    secret = tmp_path / "secret"
    secret.write_text("word\n")
    full = {
        "QUANKE_DESK_OIDC_ISSUER": "https://id.bank.example",
        "QUANKE_DESK_OIDC_CLIENT": "desk",
        "QUANKE_DESK_OIDC_SECRET_FILE": str(secret),
    }
    read = sign_on(full)
    assert read is not None and read["secret"] == "word" and read["match"] == "staff_id"
    assert "word" not in repr(single_sign_on.Provider(**read))
    mapped = sign_on({**full, "QUANKE_DESK_OIDC_ROLE_CLAIM": "g", "QUANKE_DESK_OIDC_ROLES": "a=risk,b=lobby"})
    assert mapped is not None and mapped["roles"] == {"a": "risk", "b": "lobby"}
    for wrong in (
        {"QUANKE_DESK_OIDC_ISSUER": "http://id.bank.example"},
        {"QUANKE_DESK_OIDC_CLIENT": ""},
        {"QUANKE_DESK_OIDC_MATCH": "name"},
        {"QUANKE_DESK_OIDC_ROLE_CLAIM": "groups"},
    ):
        with pytest.raises(ValueError, match="QUANKE_DESK_OIDC"):
            sign_on({**full, **wrong})
