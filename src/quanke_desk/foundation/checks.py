"""What `quanke-desk check` looks at: C3 stands nowhere, and encrypted fields belong to sealed rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

from quanke.bank.contracts import CONTRACTS
from quanke.bank.contracts.schema import Sensitivity
from quanke_desk.foundation.models import Encrypted, SealedRow

NEVER = frozenset(
    [
        *("pin", "card_pin", "card_password", "payment_password", "transaction_password"),
        *("cvv", "cvn", "cvv2", "cvn2", "track", "track1", "track2", "magnetic_track", "chip_data"),
        *("fingerprint", "face", "face_image", "faceprint", "iris", "voiceprint", "biometric"),
    ]
)
"""Names of fields that would hold C3 (JR/T 0171-2020, 4.2: what identifies or authenticates in payments)."""


@register()
def nothing_of_c3(app_configs: Any, **_: Any) -> Iterable[CheckMessage]:
    """No contract and no model has a field of class C3."""
    found = [f"{c.name}.{f.name}" for c in CONTRACTS.values() for f in c if f.sensitivity is Sensitivity.C3]
    found += [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if model.__module__.startswith("quanke_desk") and field.name in NEVER
    ]
    return [Error(f"{name}: C3 is never stored (JR/T 0171)", id="quanke.E001") for name in found]


@register()
def rows_are_sealed(app_configs: Any, **_: Any) -> Iterable[CheckMessage]:
    """A model with an encrypted field extends SealedRow."""
    return [
        Error(f"{model._meta.label}: a model with an Encrypted field extends SealedRow", id="quanke.E002")
        for model in apps.get_models()
        if any(isinstance(f, Encrypted) for f in model._meta.concrete_fields)
        and not issubclass(model, SealedRow)
    ]
