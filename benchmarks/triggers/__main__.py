"""Triggers: from an event that is told to the live engine until its customer stands in a journey.

    python3 run.py bench triggers [--home HOME] [--events N] [--quick] [--json]

A salary is posted to `quanke live`, which decides the trigger; the worker of the desk reads the decision and
lets the customer into a running journey: three processes, as in earnest, and a database they share. Events
come one after the other at random moments, so that no clock of ours falls in step with theirs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

if not __package__:  # called as `python benchmarks/triggers`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.machine import machine
from benchmarks.night.homes import prepared
from benchmarks.process import quanke

CUSTOMERS, EVENTS, QUICK, REACH = 20_000, 100, 20, 1.0
DAY = dt.date(2026, 7, 1)
PATIENCE = 30.0
GRAPH = {
    "entry": "trigger:salary_arrived",
    "start": "rest",
    "nodes": {"rest": {"do": "wait", "days": 30, "next": "end"}, "end": {"do": "exit"}},
}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench triggers", description=__doc__)
    parser.add_argument("--home", type=Path, help="a home with the night of 2026-06-30")
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    about, home = machine(), given.home or _home()
    with tempfile.TemporaryDirectory(prefix="quanke-triggers-") as folder:
        own = Path(folder) / "home"
        own.mkdir()
        for part in home.resolve().iterdir():
            if part.name not in ("live", "desk"):
                (own / part.name).symlink_to(part)
        took = sorted(_told(own, Path(folder), given.events or (QUICK if given.quick else EVENTS)))
    figures = {
        "events": len(took),
        "median_seconds": round(statistics.median(took), 3),
        "p95_seconds": round(took[int(0.95 * (len(took) - 1))], 3),
        "max_seconds": round(took[-1], 3),
        "over_reach": round(took[int(0.95 * (len(took) - 1))] / REACH, 2),
    }
    told = {"name": "triggers", "machine": about, "figures": figures, "reach_seconds": REACH}
    print(json.dumps(told) if given.json else f"triggers: {figures}, aim {REACH} s")


def _home() -> Path:
    home, _ = prepared(CUSTOMERS)
    if not any((home / "nights").glob("2*")):
        quanke("night", "--on", "2026-06-30", "--home", str(home))
    return home


def _told(home: Path, folder: Path, count: int) -> list[float]:
    """Seconds from posting to the enrolment, of each event."""
    os.environ.update(
        QUANKE_HOME=str(home), QUANKE_DESK_KEYS=f"{folder}/keys", QUANKE_DESK_DEMO="1",
        QUANKE_DESK_DATABASE=f"{folder}/desk.sqlite3", DJANGO_SETTINGS_MODULE="quanke_desk.web.settings",
    )  # fmt: skip
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    accounts = _accounts(home, count)
    _journey()
    from quanke_desk.campaigns.triggering import follow

    follow()  # from here on the journey hears
    port = _free()
    live = f"from quanke.cli import main; main(['live', '--home', {str(home)!r}, '--from',"
    live += f" 'http://127.0.0.1:{port}', '--day-by', 'events'])"
    work = "from quanke_desk.web.command import main; main()"
    with _running("-c", live, log=folder / "live.log"), _running("-c", work, "work", log=folder / "work.log"):
        _answers(port, folder / "live.log")
        time.sleep(3)  # the worker reads its home
        draw = random.Random(7)
        return [_one(port, n, *each, draw.uniform(0.1, 0.9)) for n, each in enumerate(accounts)]


def _journey() -> None:
    from django.utils import timezone

    from quanke_desk.campaigns.models import Journey, JourneyVersion
    from quanke_desk.foundation.models import Person

    by = Person.objects.create(username="bench", name="bench", role="analyst")
    journey = Journey.objects.create(name="salaries", title_zh="代发", state="running", made_by=by)
    journey.current = JourneyVersion.objects.create(
        journey=journey, number=1, graph=GRAPH, control_ppm=100_000, until=dt.date(2027, 1, 1), by=by,
        started_at=timezone.now(), purpose="service",
    )  # fmt: skip
    journey.save()


def _accounts(home: Path, count: int) -> list[tuple[str, int]]:
    """Accounts for demand money, of as many customers."""
    from quanke.bank.home import Home

    files = [str(file) for file in Home.open(home).facts("accounts")]
    sql = (
        "SELECT min(account_id), customer FROM read_parquet(?)"
        " WHERE category = 'demand' AND closed_on IS NULL GROUP BY customer ORDER BY customer LIMIT ?"
    )
    with duckdb.connect() as connection:
        return [(str(a), int(c)) for a, c in connection.execute(sql, [files, count]).fetchall()]


def _one(port: int, number: int, account: str, customer: int, pause: float) -> float:
    from quanke_desk.campaigns.models import Enrolment

    time.sleep(pause)
    event = {
        "table": "transactions", "transaction_id": f"B{number}", "account_id": account, "direction": "in",
        "date": str(DAY), "at": f"{DAY} 09:30:{number % 60:02d}", "amount": "8000.00", "kind": "salary",
    }  # fmt: skip
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/events", json.dumps(event).encode())
    begin = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.status == 202
    while not Enrolment.objects.filter(customer=customer).exists():
        if time.perf_counter() - begin > PATIENCE:
            sys.exit(f"event {number} let nobody in within {PATIENCE:g} s")
        time.sleep(0.01)
    return time.perf_counter() - begin


def _answers(port: int, log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"the live engine does not answer:\n{log.read_text(encoding='utf-8')[-2000:]}")


@contextmanager
def _running(*words: str, log: Path) -> Iterator[None]:
    with log.open("wb") as told:
        child = subprocess.Popen([sys.executable, *words], stdout=told, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            child.terminate()
            child.wait(30)


def _free() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


if __name__ == "__main__":
    main()
