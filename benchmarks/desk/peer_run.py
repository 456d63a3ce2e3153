"""The peer under the same people: its admin served by the same server with as many processes."""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

import quanke
from benchmarks.desk.asking import Question, crowd
from benchmarks.desk.served import PROCESSES, THREADS, WORD, Person
from quanke.bank.arranged import facts_sql

NAME = "peer"


def admin_figures(home: Path, database: str, users: int, seconds: float) -> dict[str, Any]:
    """Search and page of Django's admin over a copy of the customers in PostgreSQL."""
    environment = {**os.environ, "QUANKE_PEER_DATABASE": database}
    begin = time.perf_counter()
    words = [sys.executable, "-m", "benchmarks.desk.peer", "fill", str(home)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the peer could not be filled:\n{done.stderr[-3000:]}")
    filled = round(time.perf_counter() - begin, 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--port", str(port)]
    serve += [
        "--workers",
        str(PROCESSES),
        "--blocking-threads",
        str(THREADS),
        "benchmarks.desk.peer:application",
    ]
    served = subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        names, count = _names(home)
        figures: dict[str, Any] = {"fill_seconds": filled}
        for what, make in (("search", _search), ("page", _page)):
            people = [make(_entered(port), names, count) for _ in range(users)]
            figures[what] = {
                "users": users,
                "without_pause": crowd(people, seconds, 0.0),
                "with_a_second": crowd(people, seconds, 1.0, seed=2),
            }
        return figures
    finally:
        served.terminate()
        served.wait(30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            ask = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            ask.request("GET", "/login/")
            if ask.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.3)
    sys.exit("the peer did not begin to serve")


def _names(home: Path) -> tuple[list[str], int]:
    bank: Any = quanke.open(home)
    with duckdb.connect() as connection:
        found = connection.sql(
            f"SELECT name FROM ({facts_sql(bank.home, 'parties')}) USING SAMPLE 2000 ROWS (reservoir, 1)"
        ).fetchall()
    return [name for (name,) in found], bank.night().rows


def _entered(port: int) -> Person:
    person = Person(port, NAME)
    person.ask("GET", "/login/")
    status, text = person.ask("POST", "/login/", {"username": NAME, "password": WORD, "next": "/"})
    if status != 302:
        sys.exit(f"the peer's log-in answered {status}: {re.sub('<[^>]*>', ' ', text)[:300]}")
    return person


def _search(person: Person, names: list[str], count: int) -> Question:
    from urllib.parse import quote

    def ask(draw: random.Random) -> None:
        name = draw.choice(names)
        text = (name, name[:2], name, name[:1])[draw.randrange(4)]
        status, body = person.ask("GET", f"/admin/customer/?q={quote(text)}")
        if status != 200 or "result_list" not in body:
            sys.exit(f"the peer's search answered {status}")

    return ask


def _page(person: Person, names: list[str], count: int) -> Question:
    def ask(draw: random.Random) -> None:
        status, _ = person.ask("GET", f"/admin/customer/{draw.randrange(count) + 1}/change/")
        if status not in (200, 302):
            sys.exit(f"the peer's page answered {status}")

    return ask
