"""The vault: texts of class C2 are encrypted in the desk's database, each for its own row and column.

For what a room stores as free text or as a way to reach somebody (notes, call-back phones):

    class CallBack(SealedRow):
        phone = Encrypted(null=True)
        phone_index = BlindIndex("phone", normal="phone")

    row.phone = "139..."; row.save()                       # encrypted when it is saved
    row.phone                                              # •••, on pages and in logs as well
    row.phone.open()                                       # the text: only behind `opening.open_field`
    CallBack.objects.filter(looked_up(CallBack, "phone_index", "139..."))

Who may see a field, and that he saw it, is `opening`'s; here stands that keys were made, changed and retired.
A stored value is version (1 byte), key (2), nonce (12), ciphertext, tag (16); its context is
"table.column|row". C3 (JR/T 0171: PINs, card tracks, CVN, biometrics) is never stored, encrypted or not.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.ciphers import KEY_BYTES, NONCE, TAG, VaultError, cipher, open_sealed, sealed
from quanke_desk.foundation.key_store import key_store
from quanke_desk.foundation.models import DataKey, Encrypted, Person

VERSION = 1
_known: dict[int, tuple[str, str, bytes]] = {}
_lock = threading.Lock()


def seal(column: str, row: str, text: str) -> bytes:
    """A text encrypted for one row of a column."""
    newest = DataKey.objects.filter(column=column, retired_at=None).order_by("-id").first()
    number, algorithm, key = _opened(newest or make_key(column, by=None))
    body = sealed(algorithm, key, text.encode(), f"{column}|{row}")
    return bytes([VERSION]) + number.to_bytes(2, "big") + body


def unseal(column: str, row: str, held: bytes) -> str:
    """The text. Raises VaultError where it was changed, or is another row's or column's."""
    if len(held) < 3 + NONCE + TAG or held[0] != VERSION:
        raise VaultError("a value that is not of this vault")
    of, algorithm, key = _key(key_of(held))
    if of != column:
        raise VaultError("a value that does not open: changed, or from another row or column")
    return open_sealed(algorithm, key, held[3:], f"{column}|{row}").decode()


def key_of(held: bytes) -> int:
    """The number of the key a value is encrypted with."""
    return int.from_bytes(held[1:3], "big")


def digest(column: str, normal: str, text: str) -> bytes:
    """The keyed digest of a text by which it is looked up: HMAC-SHA256, under a key of this column and this
    way of normalising; of the last four digits two bytes only, so that they cannot be told from it."""
    key = hmac.digest(key_store().index_key(), f"index|{column}|{normal}".encode(), "sha256")
    full = HMAC(key, hashes.SHA256())
    full.update(NORMALS[normal](text).encode())
    value = full.finalize()
    return value[:2] if normal == "last_four" else value


def looked_up(model: type[models.Model], index: str, text: str) -> Q:
    """Rows whose `BlindIndex` field is that of a text. Of last four digits others may be among them: open
    and compare."""
    field: Any = model._meta.get_field(index)
    of: Any = model._meta.get_field(field.of)
    return Q(**{index: digest(of.sealed_as, field.normal, text)})


def _phone(text: str) -> str:
    digits = "".join(c for c in unicodedata.normalize("NFKC", text) if c.isdecimal())
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


NORMALS: dict[str, Callable[[str], str]] = {
    "text": lambda text: " ".join(unicodedata.normalize("NFKC", text).split()).casefold(),
    "phone": _phone,
    "last_four": lambda text: _phone(text)[-4:],
}
"""How texts are made alike before they are digested."""


def encrypted_fields() -> Iterator[tuple[type[models.Model], Encrypted]]:
    """Every encrypted field of the desk."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, Encrypted):
                yield model, field


def make_key(column: str, *, by: Person | None) -> DataKey:
    """Makes the key that encrypts a column from now on, and puts that on record."""
    algorithm = cipher()
    wrapped, name = key_store().wrap(secrets.token_bytes(KEY_BYTES[algorithm]), column)
    with transaction.atomic():
        made = DataKey.objects.create(column=column, algorithm=algorithm, wrapped=wrapped, wrapped_by=name)
        if made.pk > 0xFFFF:
            raise VaultError("the numbers of keys are used up")
        detail = {"column": column, "algorithm": algorithm, "wrapped_by": name}
        audit.record(by, "vault.key_made", f"key:{made.pk}", detail=detail)
    return made


def retire(column: str, newest: int, *, by: Person | None) -> int:
    """Puts on record that nothing is encrypted with the keys before `newest` any more; how many these are."""
    with transaction.atomic():
        old = DataKey.objects.filter(column=column, pk__lt=newest, retired_at=None)
        numbers = list(old.values_list("pk", flat=True))
        old.update(retired_at=timezone.now())
        if numbers:
            audit.record(
                by, "vault.keys_retired", f"key:{newest}", detail={"column": column, "keys": numbers}
            )
        return len(numbers)


def rewrap(*, by: Person | None) -> str:
    """Makes a new wrapping key and wraps every data key with it, in one transaction; its name."""
    store = key_store()
    name = store.new_key()
    with transaction.atomic():
        for held in DataKey.objects.select_for_update().order_by("id"):
            data = store.unwrap(bytes(held.wrapped), held.wrapped_by, held.column)
            held.wrapped, held.wrapped_by = store.wrap(data, held.column)
            held.save(update_fields=["wrapped", "wrapped_by"])
        audit.record(by, "vault.rewrapped", "key:all", detail={"wrapped_by": name})
    return name


def _key(number: int) -> tuple[str, str, bytes]:
    """Column, cipher and key of a number. It is remembered, but not what a transaction may take back: its
    number would then be another key's."""
    with _lock:
        if number in _known and not connection.in_atomic_block:
            return _known[number]
    held = DataKey.objects.filter(pk=number).first()
    if held is None:
        raise VaultError("a value whose key is not there")
    found = (held.column, *_opened(held)[1:])
    if not connection.in_atomic_block:
        with _lock:
            _known[number] = found
    return found


def _opened(held: DataKey) -> tuple[int, str, bytes]:
    return held.pk, held.algorithm, key_store().unwrap(bytes(held.wrapped), held.wrapped_by, held.column)


def forget_keys() -> None:
    """Lets go of every key in the memory of this process."""
    with _lock:
        _known.clear()
