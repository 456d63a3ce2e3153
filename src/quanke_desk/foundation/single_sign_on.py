"""Single sign-on with the bank's own provider (OpenID Connect, code flow with PKCE, state and nonce).

Who comes back is matched with a person of the desk; nobody is ever made by it. What is trusted is one
signed token: its signature by the provider's published keys, its issuer, audience, age and nonce."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import jwt
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.passwords import forget_secrets
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import GUARDED, Role
from quanke_desk.foundation.sessions import end_sessions

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
PATIENCE = 600  # seconds between leaving and coming back
WAIT = 8  # seconds for an answer of the provider
LEEWAY = 60  # seconds by which clocks differ
RECENT = 300  # seconds since a log-in that was asked for anew
_KEPT = 600  # seconds a provider's description is kept
_SESSION = "sign_on"


class _NoDetour(urllib.request.HTTPRedirectHandler):
    """A provider answers where it said it would: what is sent to it is not sent on to somewhere else."""

    def redirect_request(self, *_asked: Any) -> None:
        return None


_STRAIGHT = urllib.request.build_opener(_NoDetour)


@dataclass(frozen=True)
class Provider:
    """The bank's provider, as the environment says (docs/how-to/run-the-desk.md)."""

    issuer: str
    client: str
    secret: str = field(repr=False)
    claim: str = "sub"
    match: str = "staff_id"
    role_claim: str = ""
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Returned:
    """Who came back, and where to: `again` who is logged in already proved who he is once more."""

    person: Person
    to: str
    again: bool


_described: dict[str, tuple[float, dict[str, Any]]] = {}
_keys: dict[str, jwt.PyJWKClient] = {}


def provider() -> Provider | None:
    """The provider, null where the bank has set none."""
    held = settings.QUANKE_SIGN_ON
    return Provider(**held) if held else None


def leave(request: HttpRequest, to: str, again: bool = False) -> str:
    """Address of the provider to send the browser to. Raises NotAllowed where it cannot be reached."""
    ours = _ours()
    held = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    request.session[_SESSION] = {**held, "to": to, "at": time.time(), "again": again}
    digest = hashlib.sha256(held["verifier"].encode()).digest()
    words = {
        "response_type": "code",
        "client_id": ours.client,
        "redirect_uri": _back(request),
        "scope": "openid profile email",
        "state": held["state"],
        "nonce": held["nonce"],
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    if again:
        words |= {"prompt": "login", "max_age": "0"}
    start: str = _description(ours)["authorization_endpoint"]
    return start + ("&" if "?" in start else "?") + urllib.parse.urlencode(words)


def come_back(request: HttpRequest) -> Returned:
    """Who came back from the provider. Raises NotAllowed: not what was sent, not signed as it must be, or
    nobody of the desk; what is wrong stands in the audit, without anything of the token."""
    held = request.session.pop(_SESSION, None)
    state = request.GET.get("state", "")
    if not held or not 0 <= time.time() - held["at"] < PATIENCE:
        raise _refused("nothing was asked, or too long ago")
    if not hmac.compare_digest(state.encode(), held["state"].encode()):
        raise _refused("state")
    ours = _ours()
    description = _description(ours)
    if request.GET.get("iss", ours.issuer) != ours.issuer:
        raise _refused("iss")
    if "code" not in request.GET:
        raise _refused("no code")
    token = _token(ours, description, request.GET["code"], held["verifier"], _back(request))
    claims = _claims(ours, description, token, held["nonce"])
    if held["again"] and not time.time() - claims.get("auth_time", 0) < RECENT + LEEWAY:
        raise _refused("auth_time")
    person = _person(ours, claims)
    _give_role(ours, claims, person)
    return Returned(person, held["to"], held["again"])


def _ours() -> Provider:
    ours = provider()
    if ours is None:
        raise NotAllowed("single sign-on is not set up")
    return ours


def _back(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sign_on_back"))


def _refused(why: str) -> NotAllowed:
    audit.record(None, "login.refused", "sign_on", detail={"why": why})
    return NotAllowed("single sign-on did not succeed")


def _description(ours: Provider) -> dict[str, Any]:
    kept = _described.get(ours.issuer)
    if kept and time.monotonic() - kept[0] < _KEPT:
        return kept[1]
    found = _asked(urllib.request.Request(ours.issuer.rstrip("/") + "/.well-known/openid-configuration"))
    if found.get("issuer") != ours.issuer:
        raise _refused("issuer of the description")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        _must_be_safe(str(found.get(name, "")))
    _described[ours.issuer] = (time.monotonic(), found)
    return found


def _must_be_safe(address: str) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    ):
        raise _refused("an address that is not https")


def _asked(request: urllib.request.Request) -> dict[str, Any]:
    _must_be_safe(request.full_url)
    try:
        with _STRAIGHT.open(request, timeout=WAIT) as answer:
            read = json.loads(answer.read(1_000_000))
    except (OSError, ValueError) as error:
        raise _refused(type(error).__name__) from error
    if not isinstance(read, dict):
        raise _refused("not an object")
    return read


def _token(ours: Provider, description: dict[str, Any], code: str, verifier: str, back: str) -> str:
    words = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": verifier,
    }
    headers = {"Accept": "application/json"}
    methods = description.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if "client_secret_basic" in methods:
        name, word = (urllib.parse.quote(v, safe="") for v in (ours.client, ours.secret))
        headers["Authorization"] = "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()
    else:
        words |= {"client_id": ours.client, "client_secret": ours.secret}
    sent = urllib.parse.urlencode(words).encode()
    answer = _asked(urllib.request.Request(description["token_endpoint"], sent, headers))
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise _refused("no id_token")
    return token


def _claims(ours: Provider, description: dict[str, Any], token: str, nonce: str) -> dict[str, Any]:
    address = description["jwks_uri"]
    keys = _keys.setdefault(address, jwt.PyJWKClient(address, timeout=WAIT))
    try:
        read: dict[str, Any] = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token).key,
            algorithms=ALGORITHMS,
            audience=ours.client,
            issuer=ours.issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "aud", "iss", "sub", "nonce"]},
        )
    except jwt.PyJWTError as error:
        raise _refused(type(error).__name__) from error
    if not hmac.compare_digest(str(read["nonce"]).encode(), nonce.encode()):
        raise _refused("nonce")
    if read.get("azp", ours.client) != ours.client:
        raise _refused("azp")
    return read


def _person(ours: Provider, claims: dict[str, Any]) -> Person:
    given = claims.get(ours.claim)
    if not isinstance(given, str) or not given.strip():
        raise _refused("no claim to match by")
    if ours.match == "email" and claims.get("email_verified") is not True:
        raise _refused("e-mail not verified")
    how = "email__iexact" if ours.match == "email" else ours.match
    found = list(Person.objects.filter(is_active=True, **{how: given.strip()})[:2])
    if len(found) != 1:
        raise _refused("nobody, or several, of the desk")
    return found[0]


def _give_role(ours: Provider, claims: dict[str, Any], person: Person) -> None:
    """Only where the bank maps roles: then the provider says it, and who has none of them stays out."""
    if not ours.role_claim:
        return
    said = claims.get(ours.role_claim, [])
    named = {said} if isinstance(said, str) else {str(one) for one in said}
    roles = {ours.roles[one] for one in named if one in ours.roles}
    if len(roles) != 1 or not roles <= set(Role.values):
        raise _refused("no role, or several")
    [role] = roles
    if role == person.role:
        return
    with transaction.atomic():
        detail = {"from": person.role, "to": role}
        if role in GUARDED and person.role not in GUARDED:
            # who keeps people could have set them by himself while the role was nothing to guard
            forget_secrets(person)
        person.role = role
        person.save(update_fields=["role"])
        end_sessions(person)
        audit.record(None, "people.role", f"person:{person.pk}", reason="single sign-on", detail=detail)
