"""Second factors: an authenticator app (TOTP), security keys and passkeys (WebAuthn), recovery codes.

Parts that need knowledge are libraries': the codes of the app are cryptography's, WebAuthn is fido2's. Here
is what they leave open: a code is good once, in whichever process; secrets are the vault's; failures count.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import secrets
import time
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils import timezone
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    UserVerificationRequirement,
)

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Factor, FactorKind, Person, RecoveryCode
from quanke_desk.foundation.parameters import choices
from quanke_desk.foundation.people import NotAllowed

STEP = 30  # seconds of one code of the app, as every app has it
CODES = 10
KEYS = 5
_STATE = "key_challenge"


def required(person: Person) -> bool:
    """Whether a person's role needs a second factor."""
    return person.role in choices("second.roles")


def has_factor(person: Person) -> bool:
    """Whether a person has set one up."""
    return Factor.objects.filter(person=person).exists()


def new_secret() -> str:
    """A secret for an authenticator app, in base 32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def picture_of(person: Person, secret: str) -> str:
    """The QR code an app reads, as a data: address of an SVG."""
    import qrcode
    from qrcode.image.svg import SvgPathImage

    address = _totp(secret).get_provisioning_uri(person.username, "Quanke")
    drawn = io.BytesIO()
    qrcode.make(address, image_factory=SvgPathImage).save(drawn)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()


def add_app(person: Person, secret: str, code: str) -> None:
    """Adds an authenticator app that shows the right code now, in place of the one before. Raises
    NotAllowed."""
    step = _step_of(secret, code)
    if step is None:
        raise NotAllowed("the code is wrong")
    with transaction.atomic():
        Factor.objects.filter(person=person, kind=FactorKind.CODES).delete()
        Factor.objects.create(person=person, kind=FactorKind.CODES, name="", secret=secret, count=step)
        audit.record(person, "factor.added", f"person:{person.pk}", detail={"kind": "totp"})


def check_code(person: Person, code: str) -> str:
    """Kind of what a code is of: "totp", "recovery", or empty where it is wrong or was used before."""
    given = "".join(code.split()).replace("-", "").upper()
    now = timezone.now()
    for factor in Factor.objects.filter(person=person, kind=FactorKind.CODES):
        step = _step_of(factor.secret.open(), given)
        # The condition makes a code good once, however many processes are asked at the same time.
        fresh = Factor.objects.filter(pk=factor.pk, count__lt=step or 0)
        if step is not None and fresh.update(count=step, used_at=now):
            return "totp"
    unused = RecoveryCode.objects.filter(person=person, used_at=None, digest=_digest(person, given))
    return "recovery" if unused.update(used_at=now) else ""


def new_recovery_codes(person: Person) -> list[str]:
    """Ten new codes, shown once; the ones before are void."""
    codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(person=person).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(person=person, digest=_digest(person, c)) for c in codes
        )
        audit.record(person, "factor.codes", f"person:{person.pk}")
    return ["-".join(c[i : i + 4] for i in range(0, len(c), 4)) for c in codes]


def codes_left(person: Person) -> int:
    """How many recovery codes of a person are unused."""
    return RecoveryCode.objects.filter(person=person, used_at=None).count()


def remove(person: Person, number: int) -> None:
    """Takes one of one's own second factors away. Raises NotAllowed for the last one of a role that needs
    one."""
    with transaction.atomic():
        found = Factor.objects.select_for_update().filter(person=person)
        if not found.filter(pk=number).exists():
            return
        if required(person) and found.count() == 1:
            raise NotAllowed("your role needs a second factor: set up another one first")
        found.filter(pk=number).delete()
        if not found.exists():
            RecoveryCode.objects.filter(person=person).delete()
        audit.record(person, "factor.removed", f"person:{person.pk}")


def begin_key(request: HttpRequest, person: Person) -> str:
    """What a browser needs to make a security key known, as JSON; the challenge waits in the session."""
    user = PublicKeyCredentialUserEntity(
        id=f"person:{person.pk}".encode(), name=person.username, display_name=person.name
    )
    asked, state = _server(request).register_begin(
        user, _keys_of(person), user_verification=UserVerificationRequirement.PREFERRED
    )
    request.session[_STATE] = {**state, "person": person.pk, "for": "add"}
    return json.dumps(dict(asked)["publicKey"])


def add_key(request: HttpRequest, person: Person, answer: str, name: str) -> None:
    """Adds the security key a browser answered with. Raises NotAllowed."""
    state = _state(request, person, "add")
    if Factor.objects.filter(person=person, kind=FactorKind.KEY).count() >= KEYS:
        raise NotAllowed("you have as many security keys as you may have")
    try:
        made = _server(request).register_complete(state, json.loads(answer))
        data = made.credential_data
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotAllowed("the security key was not accepted") from error
    if data is None:
        raise NotAllowed("the security key was not accepted")
    with transaction.atomic():
        _made, new = Factor.objects.get_or_create(
            key_digest=hashlib.sha256(data.credential_id).hexdigest(),
            defaults={
                "person": person, "kind": FactorKind.KEY, "name": name.strip()[:60],
                "public": bytes(data), "count": made.counter,
            },
        )  # fmt: skip
        if not new:
            raise NotAllowed("this security key is known already")
        audit.record(person, "factor.added", f"person:{person.pk}", detail={"kind": "key"})


def ask_key(request: HttpRequest, person: Person) -> str:
    """What a browser needs to ask for one of a person's security keys, as JSON; empty where he has none."""
    keys = _keys_of(person)
    if not keys:
        return ""
    asked, state = _server(request).authenticate_begin(
        keys, user_verification=UserVerificationRequirement.PREFERRED
    )
    request.session[_STATE] = {**state, "person": person.pk, "for": "check"}
    return json.dumps(dict(asked)["publicKey"])


def check_key(request: HttpRequest, person: Person, answer: str) -> bool:
    """Whether a browser's answer is that of one of a person's keys, to the challenge of this session. A key
    that counts must have counted on: one that did not was copied."""
    try:
        state = _state(request, person, "check")
        read = json.loads(answer)
        used = _server(request).authenticate_complete(state, _keys_of(person), read)
        counted = _counter(read)
    except (NotAllowed, InvalidSignature, ValueError, TypeError, KeyError, AttributeError):
        return False
    digest = hashlib.sha256(used.credential_id).hexdigest()
    ours = Factor.objects.filter(person=person, key_digest=digest)
    ours = ours.filter(count__lt=counted) if counted else ours.filter(count=0)
    return bool(ours.update(count=counted, used_at=timezone.now()))


def _server(request: HttpRequest) -> Fido2Server:
    host, _port = split_domain_port(request.get_host())
    origin = f"{request.scheme}://{request.get_host()}"
    secure = request.is_secure() or host == "localhost"
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=host, name="Quanke"), verify_origin=lambda o: secure and o == origin
    )


def _keys_of(person: Person) -> list[AttestedCredentialData]:
    held = Factor.objects.filter(person=person, kind=FactorKind.KEY)
    return [AttestedCredentialData(bytes(f.public)) for f in held]


def _state(request: HttpRequest, person: Person, use: str) -> dict[str, Any]:
    state: dict[str, Any] = request.session.pop(_STATE, {})
    if state.get("person") != person.pk or state.get("for") != use:
        raise NotAllowed("the security key was not accepted")
    return {"challenge": state["challenge"], "user_verification": state["user_verification"]}


def _counter(answer: dict[str, Any]) -> int:
    from fido2.webauthn import AuthenticationResponse

    return int(AuthenticationResponse.from_dict(answer).response.authenticator_data.counter)


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), 6, SHA1(), STEP)  # what every app speaks


def _step_of(secret: str, code: str) -> int | None:
    """The time step whose code it is: of now, or of one before or after, since clocks differ."""
    given, now, found = code.strip().encode(), int(time.time()) // STEP, None
    for step in (now - 1, now, now + 1):
        if hmac.compare_digest(_totp(secret).generate(step * STEP), given):
            found = step
    return found


def _digest(person: Person, code: str) -> str:
    """Without a key: a code has 80 bits of chance, which nobody tries through."""
    return hashlib.sha256(f"{person.pk}:{code}".encode()).hexdigest()
