"""The vault: nothing of class C2 in the clear, each value for its own row, keys that change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.management import call_command
from django.db import connection, models, transaction
from django.template import Context, Template

from quanke.bank.contracts.schema import Sensitivity
from quanke_desk.foundation import checks, ciphers, key_store, rotation, vault
from quanke_desk.foundation.ciphers import VaultError
from quanke_desk.foundation.jobs import begin
from quanke_desk.foundation.models import (
    AuditEntry,
    BlindIndex,
    DataKey,
    Encrypted,
    Hidden,
    Job,
    Person,
    SealedRow,
)
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.vault import looked_up
from quanke_desk.foundation.working import Worker

PHONE, NOTE = "13900001111", "客户说：周五再来电"


class Kept(SealedRow):
    """One row per note of these tests; its table is made by them."""

    note = Encrypted(null=True)
    phone = Encrypted(null=True)
    phone_index = BlindIndex("phone", normal="phone")
    phone_end = BlindIndex("phone", normal="last_four")

    class Meta:
        app_label = "foundation"
        db_table = "test_kept"
        managed = False
        ordering: ClassVar = ["id"]


@pytest.fixture(params=["aes", "sm4"])
def table(
    desk: dict[str, Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> Iterator[None]:
    """The table, an own key file, one cipher after the other."""
    monkeypatch.setenv("QUANKE_DESK_KEYS", str(tmp_path / "safe" / "keys"))
    monkeypatch.setenv("QUANKE_DESK_CIPHER", request.param)
    sqlite = connection.vendor == "sqlite"
    number = "integer PRIMARY KEY AUTOINCREMENT" if sqlite else "bigserial PRIMARY KEY"
    seal, data = ("char(32)", "blob") if sqlite else ("uuid", "bytea")
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE test_kept (id {number}, seal {seal} NOT NULL UNIQUE, note {data}, phone {data},"
            f" phone_index {data}, phone_end {data})"
        )
    vault.forget_keys()
    yield
    vault.forget_keys()


def raw(column: str, number: int) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM test_kept WHERE id = %s", [number])
        return bytes(cursor.fetchone()[0])


def kept(note: str | None = NOTE, phone: str | None = PHONE) -> Kept:
    return Kept.objects.create(note=note, phone=phone)


def test_what_is_stored_is_not_what_was_written(table: None) -> None:
    row = kept()
    held = raw("note", row.pk)
    assert NOTE.encode() not in held and len(held) == 3 + 12 + len(NOTE.encode()) + 16
    assert held[0] == vault.VERSION and vault.key_of(held) == DataKey.objects.get(column="test_kept.note").pk
    read = Kept.objects.get(pk=row.pk)
    assert isinstance(read.note, Hidden) and read.note.open() == NOTE and read.phone.open() == PHONE
    assert raw("note", kept().pk)[3:] != held[3:], "the same text is another value in each row"


def test_it_hides_itself(table: None) -> None:
    row = Kept.objects.get(pk=kept().pk)
    shown = Template("{{ row.note }} {{ row.phone }}").render(Context({"row": row}))
    for text in (
        shown,
        repr(row.note),
        str(row.phone),
        f"{row.phone}",
        json.dumps([str(row.note)]),
        repr(row),
    ):
        assert PHONE not in text and "周五" not in text
    assert shown == "••• •••"
    with pytest.raises(TypeError):
        row.note == NOTE  # noqa: B015
    with pytest.raises(TypeError):
        hash(row.note)


def test_null_and_empty(table: None) -> None:
    row = Kept.objects.get(pk=kept(None, "").pk)
    assert row.note is None and row.phone.open() == ""
    assert Kept.objects.filter(note=None).exists()


def test_a_value_moved_to_another_row_or_column_does_not_open(table: None) -> None:
    one, other = kept(), kept("anderes")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE test_kept SET note = %s WHERE id = %s", [raw("note", one.pk), other.pk])
        cursor.execute("UPDATE test_kept SET note = phone WHERE id = %s", [one.pk])
    for number in (one.pk, other.pk):
        with pytest.raises(VaultError) as told:
            Kept.objects.get(pk=number).note.open()
        assert PHONE not in str(told.value)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 14, 15, 20, -1])
def test_a_changed_value_does_not_open(table: None, at: int) -> None:
    row = kept()
    held = bytearray(raw("note", row.pk))
    held[at] ^= 1
    with pytest.raises(VaultError):
        vault.unseal("test_kept.note", str(row.seal), bytes(held))
    with pytest.raises(VaultError):
        vault.unseal("test_kept.note", str(row.seal), bytes(held[:20]))


def test_a_text_never_gets_into_a_query(table: None) -> None:
    kept()
    with pytest.raises(TypeError):
        Kept.objects.filter(note=NOTE).exists()
    with pytest.raises(TypeError):
        Kept.objects.update(note=NOTE)
    with pytest.raises(TypeError):
        Kept(note=5)


def test_changed_saved_and_copied(table: None) -> None:
    row = Kept.objects.get(pk=kept().pk)
    before = raw("note", row.pk)
    row.save()
    assert raw("note", row.pk) == before, "what was not changed is not encrypted again"
    row.refresh_from_db()
    row.note = "anders"
    row.save(update_fields=["note"])
    assert Kept.objects.get(pk=row.pk).note.open() == "anders"
    copy = Kept.objects.create(note=row.note)
    assert Kept.objects.get(pk=copy.pk).note.open() == "anders"
    Kept.objects.bulk_create([Kept(note=str(n)) for n in range(3)])
    assert [r.note.open() for r in Kept.objects.order_by("-id")[:3]] == ["2", "1", "0"]
    assert Kept.objects.defer("note").get(pk=row.pk).note.open() == "anders"


def test_exact_look_up_and_the_last_four(table: None) -> None:
    row = kept()
    kept("x", "13800002222")
    for asked in (PHONE, "+86 139-0000-1111", "１３９００００１１１１"):
        assert list(Kept.objects.filter(looked_up(Kept, "phone_index", asked))) == [row]
    assert not Kept.objects.filter(looked_up(Kept, "phone_index", "13900001112")).exists()
    assert list(Kept.objects.filter(looked_up(Kept, "phone_end", "1111"))) == [row]
    assert len(raw("phone_index", row.pk)) == 32 and len(raw("phone_end", row.pk)) == 2
    row.phone = "13800002222"
    row.save()
    assert Kept.objects.filter(looked_up(Kept, "phone_index", "13800002222")).count() == 2


def test_a_digest_is_of_its_column_and_needs_the_key(table: None, tmp_path: Path, monkeypatch: Any) -> None:
    one = vault.digest("a.b", "phone", PHONE)
    assert one != vault.digest("a.c", "phone", PHONE)
    monkeypatch.setenv("QUANKE_DESK_KEYS", str(tmp_path / "other"))
    assert one != vault.digest("a.b", "phone", PHONE)


def test_the_key_file_is_made_once_and_for_its_owner_only(table: None, tmp_path: Path) -> None:
    row = kept()
    path = tmp_path / "safe" / "keys"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    key_store._file.cache_clear()
    vault.forget_keys()
    assert Kept.objects.get(pk=row.pk).note.open() == NOTE and path.read_text() == before
    assert [p.name for p in path.parent.iterdir()] == ["keys"]
    path.chmod(0o644)
    key_store._file.cache_clear()
    with pytest.raises(VaultError, match="can be read by others"):
        Kept.objects.get(pk=row.pk).note.open()


def test_without_its_key_file_nothing_opens(table: None, tmp_path: Path, monkeypatch: Any) -> None:
    row = kept()
    monkeypatch.setenv("QUANKE_DESK_KEYS", str(tmp_path / "other"))
    vault.forget_keys()
    with pytest.raises(VaultError):
        Kept.objects.get(pk=row.pk).note.open()


def test_another_store_of_keys_takes_its_place(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANKE_DESK_KEY_STORE", "tests.desk.test_vault:Module")
    row = kept()
    assert DataKey.objects.get(column="test_kept.note").wrapped_by == "hsm-1"
    assert Kept.objects.get(pk=row.pk).note.open() == NOTE


class Module:
    """A security module, as far as these tests need one."""

    def wrap(self, data_key: bytes, context: str) -> tuple[bytes, str]:
        return bytes(b ^ 0x5A for b in data_key), "hsm-1"

    def unwrap(self, wrapped: bytes, by: str, context: str) -> bytes:
        return bytes(b ^ 0x5A for b in wrapped)

    def index_key(self) -> bytes:
        return b"i" * 32

    def new_key(self) -> str:
        return "hsm-1"


def test_keys_are_on_record(table: None, desk: dict[str, Person]) -> None:
    kept()
    made = AuditEntry.objects.filter(action="vault.key_made")
    assert {e.detail["column"] for e in made} == {"test_kept.note", "test_kept.phone"}
    assert PHONE not in json.dumps([e.detail for e in made])


def test_a_key_a_transaction_took_back_is_not_used(table: None) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        lost = kept()
        lost.note.open()
        raise RuntimeError
    row = kept()
    vault.forget_keys()
    assert Kept.objects.get(pk=row.pk).note.open() == NOTE


def test_rotation(table: None, desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "CHUNK", 3)
    rows = [kept(f"note {n}") for n in range(8)] + [kept(None, None)]
    before = {r.pk: raw("note", r.pk) for r in rows[:8]}
    begun = begin("vault.rotate", by=desk[Role.ADMINISTRATOR])
    monkeypatch.setattr("quanke_desk.foundation.working.ROUNDS", {})
    Worker().once()
    begun.refresh_from_db()
    assert begun.state == "done" and begun.result == {"encrypted_again": 16}
    newest = DataKey.objects.filter(column="test_kept.note").latest("id")
    for n, row in enumerate(rows[:8]):
        assert vault.key_of(raw("note", row.pk)) == newest.pk
        assert Kept.objects.get(pk=row.pk).note.open() == f"note {n}"
        old = vault.unseal("test_kept.note", str(row.seal), before[row.pk])
        assert old == f"note {n}", "what a backup holds still opens"
    retired = DataKey.objects.filter(column="test_kept.note").exclude(retired_at=None)
    assert [k.pk for k in retired] == [vault.key_of(before[rows[0].pk])]
    assert AuditEntry.objects.filter(action="vault.keys_retired").count() == 2
    assert Kept.objects.filter(looked_up(Kept, "phone_index", PHONE)).count() == 8


def test_a_rotation_that_died_goes_on_and_lets_others_save(
    table: None, desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "CHUNK", 2)
    monkeypatch.setattr("quanke_desk.foundation.working.ROUNDS", {})
    rows = [kept(f"note {n}", None) for n in range(7)]
    usual, calls = vault.seal, []

    def dies(*args: Any) -> bytes:
        calls.append(1)
        if len(calls) == 4:  # in the second chunk: that one is rolled back
            raise OSError
        if len(calls) == 6:  # somebody saves a row while it is being encrypted again
            row = Kept.objects.get(pk=rows[6].pk)
            row.note = "saved meanwhile"
            row.save()
        return usual(*args)

    monkeypatch.setattr(vault, "seal", dies)
    begun = begin("vault.rotate", by=None)
    Worker().once()
    begun.refresh_from_db()
    assert begun.state == "waiting" and begun.place["after"] == rows[1].pk
    Job.objects.update(wake_at=None)
    Worker().once()
    begun.refresh_from_db()
    assert begun.state == "done"
    assert DataKey.objects.filter(column="test_kept.note").count() == 2, "the second try made no further key"
    texts = [r.note.open() for r in Kept.objects.all()]
    assert texts == [f"note {n}" for n in range(6)] + ["saved meanwhile"]
    assert len({vault.key_of(raw("note", r.pk)) for r in rows}) == 1


def test_wrapping_anew_and_the_commands(table: None, tmp_path: Path) -> None:
    row = kept()
    out = StringIO()
    call_command("rotate_keys", "--wrapping", stdout=out)
    assert out.getvalue().strip() == "wrapped with key 2"
    assert set(DataKey.objects.values_list("wrapped_by", flat=True)) == {"2"}
    key_store._file.cache_clear()
    vault.forget_keys()
    assert Kept.objects.get(pk=row.pk).note.open() == NOTE
    out = StringIO()
    call_command("rotate_keys", "--list", stdout=out)
    listed = json.loads(out.getvalue())
    assert {k["column"] for k in listed} == {"test_kept.note", "test_kept.phone"}
    assert "wrapped" not in listed[0]
    call_command("rotate_keys", stdout=StringIO())
    assert Job.objects.get().kind == "vault.rotate"


def test_what_one_cipher_closed_opens_after_the_other_was_chosen(table: None, monkeypatch: Any) -> None:
    row = kept()
    monkeypatch.setenv("QUANKE_DESK_CIPHER", "sm4" if ciphers.cipher() == "aes" else "aes")
    vault.make_key("test_kept.note", by=None)
    other = kept("zwei")
    assert [r.note.open() for r in Kept.objects.all()] == [NOTE, "zwei"]
    used = {DataKey.objects.get(pk=vault.key_of(raw("note", r.pk))).algorithm for r in (row, other)}
    assert used == {"aes", "sm4"}


def test_sm4_gcm_as_rfc_8998_has_it() -> None:
    """RFC 8998, A.1."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    nonce = bytes.fromhex("00001234567800000000abcd")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = b"".join(bytes([v]) * 8 for v in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    closed = bytes.fromhex(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import SM4
    from cryptography.hazmat.primitives.ciphers.modes import GCM

    decryptor = Cipher(SM4(key), GCM(nonce, closed[-16:])).decryptor()
    decryptor.authenticate_additional_data(aad)
    assert decryptor.update(closed[:-16]) + decryptor.finalize() == plain


def test_nothing_of_c3(desk: dict[str, Person]) -> None:
    with pytest.raises(ValueError, match="C3"):
        Encrypted(sensitivity=Sensitivity.C3)
    assert list(checks.nothing_of_c3(None)) == [] and list(checks.rows_are_sealed(None)) == []


def test_the_checks_find_what_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loose(models.Model):
        note = Encrypted()
        cvv = models.CharField(max_length=3)

        class Meta:
            app_label = "elsewhere"
            abstract = True

    class Held:
        _meta = Loose._meta
        __module__ = "quanke_desk.somewhere"

    monkeypatch.setattr(checks.apps, "get_models", lambda: [Held])
    monkeypatch.setattr(type(Loose._meta), "concrete_fields", Loose._meta.local_fields, raising=False)
    monkeypatch.setattr(type(Loose._meta), "get_fields", lambda self: Loose._meta.local_fields)
    assert ["cvv" in e.msg for e in checks.nothing_of_c3(None)] == [True]
    assert [e.id for e in checks.rows_are_sealed(None)] == ["quanke.E002"]
