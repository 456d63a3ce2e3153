"""Many at once, over two processes of the served desk: nothing fails, and the audit stays one chain."""

from __future__ import annotations

import http.cookiejar
import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from quanke_desk.foundation.demo import PASSWORD
from quanke_desk.foundation.roles import Role
from tests.walks.conftest import served_desk

POSTGRESQL = os.environ.get("QUANKE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")
WRONG = 12
"""Names nobody has: fewer than lock the address (login.address.names), whose refusals have no entry each."""


def try_to_enter(at: str, name: str, password: str) -> int:
    """Status of a log-in through the form; 200 where it led to the first page."""
    jar = http.cookiejar.CookieJar()
    ask = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    ask.open(f"{at}/login/", timeout=60).read()
    token = next(c.value for c in jar if c.name == "csrftoken")
    words = {"username": name, "password": password, "csrfmiddlewaretoken": token}
    try:
        return int(ask.open(f"{at}/login/", urllib.parse.urlencode(words).encode(), timeout=60).status)
    except urllib.error.HTTPError as refused:
        return int(refused.code)


def crowd(at: str, command: Callable[..., str]) -> None:
    before = json.loads(command("check_audit", "--json"))["entries"]
    names = [f"demo-{role.replace('_', '-')}" for role in Role.values]
    asked = [(name, PASSWORD) for name in names * 2] + [(f"nobody-{n}", "wrong") for n in range(WRONG)]
    with ThreadPoolExecutor(12) as many:
        answers = list(many.map(lambda pair: try_to_enter(at, *pair), asked))
    assert answers == [200] * (2 * len(names)) + [401] * WRONG
    assert json.loads(command("check_audit", "--json"))["entries"] == before + len(asked)


def copy_of(home: Path, to: Path) -> Path:
    shutil.copytree(home, to)
    return to


def test_on_sqlite(brought: Path, tmp_path: Path) -> None:
    with served_desk(copy_of(brought, tmp_path / "home")) as (at, command):
        crowd(at, command)


@pytest.mark.service
def test_on_postgresql(brought: Path, tmp_path: Path) -> None:
    try:
        server = psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432 (QUANKE_TEST_POSTGRESQL names another)")
    name = f"quanke_{uuid.uuid4().hex[:12]}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            home = copy_of(brought, tmp_path / "home")
            with served_desk(home, POSTGRESQL.rpartition("/")[0] + "/" + name) as (at, command):
                crowd(at, command)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
