"""Rotation of keys: every value of a column is encrypted anew under a new key, while people go on working."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation import vault
from quanke_desk.foundation.jobs import Running
from quanke_desk.foundation.models import DataKey, Encrypted

CHUNK = 500


def rotate(running: Running) -> dict[str, Any]:
    """Chunks, each kept with where it ended; a value somebody saves meanwhile stays as he saved it. Values
    are gone over until none is under an old key: a transaction that began before the new one may use it."""
    counted = 0
    for model, field in sorted(vault.encrypted_fields(), key=lambda pair: pair[1].sealed_as):
        column = field.sealed_as
        newest = running.place.get("keys", {}).get(column)
        if newest is None:
            with transaction.atomic():
                newest = vault.make_key(column, by=running.by).pk
                running.keep({**running.place, "keys": {**running.place.get("keys", {}), column: newest}})
        if column in running.place.get("finished", []):
            continue
        while changed := _pass(running, model, field, newest):
            counted += changed
        with transaction.atomic():
            vault.retire(column, newest, by=running.by)
            finished = [*running.place.get("finished", []), column]
            running.keep({**running.place, "finished": finished, "after": 0})
    return {"encrypted_again": counted}


def _pass(running: Running, model: Any, field: Encrypted, newest: int) -> int:
    """Goes over a table once from where it was kept; how many values were encrypted again."""
    rows, name = model._base_manager, field.attname
    total = rows.count()
    changed = done = 0
    after = running.place.get("after", 0)
    while True:
        chunk = list(rows.filter(pk__gt=after).order_by("pk")[:CHUNK])
        if not chunk:
            break
        running.step(_("Encrypting again"), min(done, total), total)
        with transaction.atomic():
            for row in chunk:
                held = row.__dict__[name]
                if held is not None and vault.key_of(held) != newest:
                    changed += _again(rows, row, field, held)
            after = chunk[-1].pk
            running.keep({**running.place, "after": after})
        done += len(chunk)
    running.keep({**running.place, "after": 0})
    return changed


def _again(rows: Any, row: Any, field: Encrypted, held: bytes) -> int:
    seal = str(row.seal)
    anew = vault.seal(field.sealed_as, seal, vault.unseal(field.sealed_as, seal, held))
    # only where it still is what was read: who saved another value meanwhile has encrypted it himself
    return int(rows.filter(**{"pk": row.pk, field.attname: held}).update(**{field.attname: anew}))


def keys_told() -> list[dict[str, Any]]:
    """Every key: column, cipher, when it was made and retired. For the command and its JSON."""
    return [
        {
            "key": held.pk,
            "column": held.column,
            "algorithm": held.algorithm,
            "wrapped_by": held.wrapped_by,
            "made_at": held.made_at.isoformat(),
            "retired_at": held.retired_at.isoformat() if held.retired_at else None,
        }
        for held in DataKey.objects.order_by("column", "id")
    ]
