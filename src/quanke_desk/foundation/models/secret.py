"""Keys of encrypted columns, and the field that holds a value only the vault can open."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from quanke.bank.contracts.schema import Sensitivity


class DataKey(models.Model):
    """One row per key under which values of one column are encrypted, itself wrapped by a key of the bank's
    key store. The newest that is not retired encrypts; all open."""

    column = models.CharField(max_length=120, db_index=True)
    algorithm = models.CharField(max_length=8)
    wrapped = models.BinaryField()
    wrapped_by = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]


class SealedRow(models.Model):
    """What every model with an `Encrypted` field extends: `seal` is the row's own name in the vault, so that
    a value copied into another row does not open there."""

    seal = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


class Hidden:
    """A value of class C2. It shows itself as dots wherever it is printed, logged or put on a page; `open()`
    is the one way to the text, and who calls it has asked `opening` or is the row's own author."""

    def __init__(self, field: Encrypted, row: SealedRow, held: str | bytes) -> None:
        self._field, self._row, self._held = field, row, held

    def open(self) -> str:
        """The text. Raises VaultError where it was changed, or copied from another row or column."""
        if isinstance(self._held, str):
            return self._held
        from quanke_desk.foundation import vault  # the vault keeps its keys in this module's tables

        return vault.unseal(self._field.sealed_as, str(self._row.seal), self._held)

    def held_for(self, field: Encrypted, row: SealedRow) -> str | bytes:
        """What a row keeps of it: for its own field as it is, for another the text, to be encrypted anew."""
        return self._held if (self._field is field and self._row.seal == row.seal) else self.open()

    def __repr__(self) -> str:
        return "•••"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise TypeError("hidden values are not compared: open them, or look them up by their index")

    __hash__ = None  # type: ignore[assignment]


class _HiddenAttribute(DeferredAttribute):
    field: Encrypted

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        held = super().__get__(instance, cls)
        return held if instance is None or held is None else Hidden(self.field, instance, held)

    def __set__(self, instance: Any, value: Any) -> None:
        if isinstance(value, Hidden):
            value = value.held_for(self.field, instance)
        elif isinstance(value, memoryview):
            value = bytes(value)
        elif not isinstance(value, str | bytes | None):
            raise TypeError("a text, or nothing")
        instance.__dict__[self.field.attname] = value


class Encrypted(models.BinaryField):  # type: ignore[type-arg]
    """A text of class C2 that stands in the database encrypted. The model extends `SealedRow`.

    note = Encrypted(null=True)      row.note = "text"; row.save(); row.note.open()

    It cannot be filtered by, nor set by `QuerySet.update`: give it a `BlindIndex` for exact look-up.
    """

    descriptor_class = _HiddenAttribute

    def __init__(self, *args: Any, sensitivity: Sensitivity = Sensitivity.C2, **options: Any) -> None:
        if sensitivity is Sensitivity.C3:
            raise ValueError("C3 is never stored (JR/T 0171), encrypted or not")
        super().__init__(*args, **options)

    @property
    def sealed_as(self) -> str:
        """Name of the column in the vault: "table.column"."""
        return f"{self.model._meta.db_table}.{self.column}"

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """What is written: the value encrypted for this very row."""
        held = model_instance.__dict__.get(self.attname)
        if isinstance(held, str):
            from quanke_desk.foundation import vault

            held = vault.seal(self.sealed_as, str(model_instance.seal), held)
            model_instance.__dict__[self.attname] = held
        return held

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Raises TypeError for a text: it would be written, or sent in a query, in the clear."""
        if value is not None and not isinstance(value, bytes):
            raise TypeError("a hidden value is set on a row that is saved; look it up by its BlindIndex")
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, *_: Any) -> bytes | None:
        """Bytes whatever the database gives."""
        return None if value is None else bytes(value)

    def value_to_string(self, obj: Any) -> str:
        """Raises TypeError: dumps hold no hidden values."""
        raise TypeError("hidden values are not dumped")


class BlindIndex(models.BinaryField):  # type: ignore[type-arg]
    """The keyed digest of an `Encrypted` field of the same row, for exact look-up (`vault.looked_up`).

    phone_index = BlindIndex("phone", normal="phone")     phone_end = BlindIndex("phone", normal="last_four")

    Save it together with its field (`update_fields` names both). None for what has few values: sex, branch.
    """

    def __init__(self, of: str = "", *, normal: str = "text", **options: Any) -> None:
        self.of, self.normal = of, normal
        super().__init__(**{"null": True, "db_index": True, **options})

    def deconstruct(self) -> Any:
        """For migrations."""
        name, path, args, options = super().deconstruct()
        return name, path, [self.of, *args], {**options, "normal": self.normal}

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """The digest of what the field holds."""
        from quanke_desk.foundation import vault

        held = getattr(model_instance, self.of)
        field = model_instance._meta.get_field(self.of)
        value = None if held is None else vault.digest(field.sealed_as, self.normal, held.open())
        setattr(model_instance, self.attname, value)
        return value
