"""Workers that are killed, and the order of events, on PostgreSQL: a database of their own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.faults.desk_at import in_desk
from tests.faults.test_desk_jobs import ATOMIC, CHUNKS, COUNT, HANDLERS, KILLED

ADDRESS = os.environ.get("QUANKE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")

ORDER = """
import threading
from django.db import connection
from quanke_desk.foundation.events import publish
from quanke_desk.foundation.models import Outgoing
from quanke_desk.foundation.outbox import put

def one(key):
    put("contacts", key, {"date": "2026-07-01", "means": "call"}, customer=7)

began, may_end = threading.Event(), threading.Event()

def late():
    # takes its number first and commits last: a cursor on numbers alone would pass it by
    with transaction.atomic():
        one("late")
        began.set()
        may_end.wait()
    connection.close()

where = os.environ["QUANKE_HOME"] + "/events.jsonl"
thread = threading.Thread(target=late)
thread.start()
began.wait()
one("soon")
told = [publish(where)]
may_end.set()
thread.join()
told.append(publish(where))
one("after")
told.append(publish(where))
told.append(publish(where))
tell([told, [json.loads(line)["key"] for line in open(where)]])
"""


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a new database."""
    try:
        connection = psycopg.connect(ADDRESS, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432 (QUANKE_TEST_POSTGRESQL names another)")
    name = f"quanke_test_{uuid.uuid4().hex[:8]}"
    with connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(ADDRESS)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.service
def test_workers_killed_in_the_middle(database: str, tmp_path: Path) -> None:
    asked = {"chunks": CHUNKS, "atomic": ATOMIC, "count": COUNT, "kills": 3}
    (tmp_path / "desk").mkdir()
    jobs, notices = in_desk(tmp_path, HANDLERS + KILLED % asked, database)
    assert {state for state, _ in jobs} == {"done"}, jobs
    assert max(attempts for _, attempts in jobs) > 1, "nobody was killed in the middle"
    effects = [t for t in notices if ":" in t]
    assert sorted(effects) == sorted(f"{n}:{k}" for n in range(1, CHUNKS + ATOMIC + 1) for k in range(COUNT))


@pytest.mark.service
def test_a_row_committed_late_is_told_all_the_same(database: str, tmp_path: Path) -> None:
    told, keys = in_desk(tmp_path, ORDER, database)
    assert told == [0, 2, 1, 0] and sorted(keys[:2]) == ["late", "soon"] and keys[2] == "after"
