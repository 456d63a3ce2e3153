"""The log of a desk that is really served holds no value; and a worker runs beside it, and ends with it."""

from __future__ import annotations

import contextlib
import http.cookiejar
import shutil
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.walks.conftest import served_desk

PHONE, ID = "13900001111", "11010519491231002X"


@pytest.mark.timeout(400)  # three commands and a server are begun
def test_the_log_of_a_served_desk(brought: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(brought, home)
    with served_desk(home) as (at, _):
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

        def ask(path: str, form: dict[str, str] | None = None) -> None:
            token = next((c.value or "" for c in jar if c.name == "csrftoken"), "")
            data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **form}).encode() if form else None
            with contextlib.suppress(urllib.error.HTTPError):
                browser.open(
                    urllib.request.Request(at + path, data, {"Referer": at + path}), timeout=10
                ).close()

        ask("/login/")
        ask("/login/", {"username": PHONE, "password": ID})
        ask("/login/", {"username": "demo-administrator", "password": "quanke-demo-2026"})
        ask(f"/people/?q={PHONE}&name={ID}")
        ask(f"/nowhere/{PHONE}/?phone={PHONE}")
        ask(f"/people/{PHONE}/", {"reason": PHONE, "role": ID})
        ask("/outbox/", {"do": "deliver"})
        jar.clear()
        ask("/people/1/", {"reason": PHONE})
        until = time.monotonic() + 30
        while time.monotonic() < until and _state(home) != "done":
            time.sleep(0.3)
        assert _state(home) == "done", "a worker runs beside a served desk"
    told = (home / "served.log").read_text()
    assert "Not Found" in told, "the log is written"
    for value in (PHONE, ID, "quanke-demo-2026", "phone=", "csrfmiddlewaretoken"):
        assert value not in told


def _state(home: Path) -> str:
    with contextlib.closing(sqlite3.connect(home / "desk" / "desk.sqlite3")) as at:
        return str(at.execute("SELECT state FROM foundation_job WHERE id = 1").fetchone()[0])
