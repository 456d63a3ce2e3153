"""What a customer of a book that was left had and said: into the vault, no trace in the database's files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
ADDRESS = os.environ.get("QUANKE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")
AUM, OUTCOME, COUNT = 0x1A2B3C4D5E6F, "客户说下月取出全部存款", 2_000
"""Rows enough that the pages they leave are not all written over by what later migrations make."""
BEFORE = """
import datetime as dt, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "quanke_desk.web.settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", "books", "0001", verbosity=0)
call_command("migrate", "foundation", verbosity=0)
from quanke_desk.foundation.models import Branch, Person, Post
branch = Branch.objects.create(branch_id="B1", name="B1", left=1, right=2)
post = Post.objects.create(post_id="P1", branch=branch, role="customer_manager")
person = Person.objects.create(username="gone", name="gone", role="customer_manager")
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO books_departure (person_id, post_id, left_on, due_on, watch_until)"
        " VALUES (%s, %s, '2026-06-01', '2026-06-08', '2026-09-01')", [person.pk, post.pk])
    cursor.executemany(
        "INSERT INTO books_departedcustomer (departure_id, customer, tier, aum, call_back, outcome)"
        " VALUES ((SELECT max(id) FROM books_departure), %s, 'wealth', %s, true, %s)",
        [[customer, None if customer == COUNT - 1 else AUM, "" if customer == COUNT - 2 else OUTCOME]
         for customer in range(COUNT)])
"""
AFTER = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "quanke_desk.web.settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connection
if connection.vendor == "sqlite":
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete = OFF")  # as where SQLite was built without it
call_command("migrate", verbosity=0)
from quanke_desk.books.models import DepartedCustomer
opened = lambda held: None if held is None else held.open()
rows = [[r.customer, opened(r.aum), opened(r.outcome)] for r in DepartedCustomer.objects.order_by("id")]
one = DepartedCustomer.objects.order_by("id").last()
one.aum, one.outcome = str(AUM), OUTCOME
one.save()
path = ""
if connection.vendor == "postgresql":
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT current_setting('data_directory') || '/' || "
                       "pg_relation_filepath('books_departedcustomer')")
        path = cursor.fetchone()[0]
print(json.dumps({"rows": rows, "path": path}))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    try:
        connection = psycopg.connect(ADDRESS, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432 (QUANKE_TEST_POSTGRESQL names another)")
    name = f"quanke_left_{uuid.uuid4().hex[:8]}"
    connection.execute(f"CREATE DATABASE {name}")
    yield ADDRESS.rpartition("/")[0] + f"/{name}"
    connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


def run(text: str, home: Path, database: str) -> str:
    """What a process of the desk told."""
    env = {
        **os.environ, "QUANKE_HOME": str(home), "QUANKE_DESK_DATABASE": database, "QUANKE_DESK_DEMO": "1",
        "QUANKE_DESK_KEYS": str(home / "keys"), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }  # fmt: skip
    words = [sys.executable, "-c", f"AUM, OUTCOME, COUNT = {AUM}, {OUTCOME!r}, {COUNT}\n{text}"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def held(home: Path, path: str) -> bytes:
    """The bytes of the files in which the rows stand."""
    if not path:
        return b"".join(f.read_bytes() for f in sorted((home / "desk").glob("desk.sqlite3*")))
    try:
        return Path(path).read_bytes()
    except OSError:
        pytest.skip("the files of PostgreSQL cannot be read from here")


def in_clear(of: bytes, path: str) -> list[str]:
    """Which of both values stands in bytes: as the database writes a number, or as its digits."""
    number = AUM.to_bytes(8, "little") if path else AUM.to_bytes(6, "big")
    told = {"aum": number, "digits": str(AUM).encode(), "outcome": OUTCOME.encode()}
    return [name for name, value in told.items() if value in of]


def test_what_stood_in_clear_goes_into_the_vault_without_a_trace(tmp_path: Path, database: str) -> None:
    (tmp_path / "desk").mkdir()
    run(BEFORE, tmp_path, database)
    if not database:
        assert in_clear(held(tmp_path, ""), "") == ["aum", "outcome"], "else this test sees nothing"
    told: dict[str, Any] = json.loads(run(AFTER, tmp_path, database))
    rows = told["rows"]
    assert len(rows) == COUNT
    assert rows[:-2] == [[customer, str(AUM), OUTCOME] for customer in range(COUNT - 2)]
    assert rows[-2:] == [[COUNT - 2, str(AUM), None], [COUNT - 1, None, OUTCOME]]
    assert in_clear(held(tmp_path, told["path"]), told["path"]) == []
