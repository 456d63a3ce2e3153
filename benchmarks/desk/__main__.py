"""The desk with twenty people at once, on SQLite and PostgreSQL, beside Django's own admin over PostgreSQL.

    python3 run.py bench desk [--size CUSTOMERS] [--home HOME] [--quick] [--json]

A desk is served over a home by two processes, as `quanke-desk serve` does, and asked over http from this
machine: the first page, search, the page of a customer (alone, and with all its parts), the morning, the live
answer to an edit of an audience, the lobby from the ticket machine's call to the card, and what the app is to
show a customer at an insertion point. Each is asked by
twenty people twice: without a pause (what it bears) and with a second of thought between two questions (what
people feel). A browser times the first paint. The server named by `--postgresql` is given a database that is
dropped at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/desk`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.desk import questions as ask
from benchmarks.desk.asking import Question, crowd
from benchmarks.desk.painting import cards_painted, first_paints
from benchmarks.desk.peer_run import admin_figures
from benchmarks.desk.served import Desk, Person, borrowed, desk_over, postgresql
from benchmarks.machine import machine
from benchmarks.night.homes import prepared
from benchmarks.process import quanke

SIZE, QUICK = 1_000_000, 20_000
USERS, SECONDS, THINK = 20, 12.0, 1.0
REACH = {"lobby": 300.0, "audience": 100.0, "insertions": 50.0}
"""p95 in milliseconds aimed at; 200 for everything else."""
SERVER = os.environ.get("QUANKE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")


def entered(desk: Desk, users: int) -> dict[str, list[Person]]:
    """People of each kind, logged in."""
    words = [sys.executable, "-m", "benchmarks.desk.people", str(users)]
    done = subprocess.run(words, env=desk.environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"people could not be made:\n{done.stderr[-3000:]}")
    made = json.loads(done.stdout)
    return {kind: [Person(desk.port, n).enter() for n in names] for kind, names in made["names"].items()} | {
        "posts": made["posts"],
        "outlets": made["outlets"],
    }


def insertions(desk: Desk, users: int) -> list[Question]:
    """The app, as so many askers of one key."""
    words = [sys.executable, "-m", "benchmarks.desk.shown", str(ask.NAMES)]
    done = subprocess.run(words, env=desk.environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"nothing could be shown:\n{done.stderr[-3000:]}")
    key = desk.command("machine_key", "--name", "app", "--use", "insertions", "--by", "demo-administrator")
    parties = json.loads(done.stdout)
    return [ask.insertions(Person(desk.port, ""), key.strip(), parties) for _ in range(users)]


def scenarios(desk: Desk, users: int) -> tuple[dict[str, list[Question]], ask.Tablet | None]:
    """What each of the people asks, by scenario; and one tablet of a lobby."""
    who: Any = entered(desk, users)
    found = ask.drawn(desk, who["posts"])
    books = [found.of_post[post] for post in who["posts"]]
    managers = [pair for pair in zip(who["manager"], books, strict=True) if pair[1]]
    outlets = [o for o in who["outlets"] if len(found.cards.get(o, [])) >= 5]
    tickets, lobby, tablet = ask.Tickets(), [], None
    for person, outlet in zip(who["lobby"], who["outlets"], strict=True):
        at = outlet if outlet in outlets else ""
        if not at:
            continue
        key = desk.command(
            "machine_key", "--name", person.username, "--branch", at, "--by", "demo-administrator"
        )
        machine = ask.Machine(Person(desk.port, ""), key.strip(), at, found.cards[at], tickets)
        lobby.append(ask.lobby(person, machine))
        tablet = ask.Tablet(person.username, machine)
    return {
        "dashboard": [ask.dashboard(p) for p in who["committee"][: users // 2] + who["head"][: users // 2]],
        "search": [ask.search(p, found) for p in who["whole"]],
        "portrait": [ask.portrait(p, book) for p, book in managers],
        "portrait_whole": [ask.portrait_whole(p, book) for p, book in managers],
        "morning": [ask.morning(p) for p in who["manager"]],
        "audience": [ask.audience(p) for p in who["analyst"]],
        "lobby": lobby,
        "insertions": insertions(desk, users),
    }, tablet


def measured(
    home: Path, database: str, users: int, seconds: float, only: Sequence[str] = ()
) -> dict[str, Any]:
    """Figures of a desk over a home and a database; `only` some scenarios, without a browser."""
    with tempfile.TemporaryDirectory(prefix="quanke-desk-") as folder:
        target = borrowed(home, Path(folder))
        begin = time.perf_counter()
        with desk_over(target, database) as desk:
            ready = time.perf_counter() - begin
            figures: dict[str, Any] = {"ready_seconds": round(ready, 1)}
            asked, tablet = scenarios(desk, users)
            for name, people in asked.items():
                if only and name not in only:
                    continue
                bears = crowd(people, seconds, 0.0)
                feels = crowd(people, seconds, THINK, seed=2)
                figures[name] = {"users": len(people), "without_pause": bears, "with_a_second": feels}
            if not only:
                figures["first_paint_ms"] = first_paints(desk)
                figures["card_on_tablet_ms"] = cards_painted(desk, tablet) if tablet else {}
            figures["memory_gb"] = desk.memory_gb()
        return figures


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench desk", description=__doc__)
    parser.add_argument("--size", type=int, default=0, help="customers of the sample bank")
    parser.add_argument("--home", type=Path, help="a home with a night, instead of making one")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each scenario is asked")
    parser.add_argument("--postgresql", default=SERVER)
    parser.add_argument("--only", nargs="*", default=(), help="some scenarios, without browser and peer")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    size = given.size or (QUICK if given.quick else SIZE)
    seconds = min(given.seconds, 4.0) if given.quick else given.seconds
    about = machine()
    home = given.home or _home(size)
    figures = {"sqlite": measured(home, "", given.users, seconds, given.only)}
    peers: dict[str, Any] = {}
    with postgresql(given.postgresql) as address:
        figures["postgresql"] = measured(home, address, given.users, seconds, given.only)
    if not (given.without_peer or given.only):
        print(json.dumps(figures), file=sys.stderr)  # ten minutes' figures, should the peer not do
        with postgresql(given.postgresql) as address:
            peers["django_admin_on_postgresql"] = admin_figures(home, address, given.users, seconds)
    told = {
        "name": "desk", "machine": about, "size": size if given.home is None else str(given.home),
        "figures": figures, "peers": peers, "ratios": _ratios(figures, peers),
    }  # fmt: skip
    print(json.dumps(told, ensure_ascii=False) if given.json else _text(told))


def _home(size: int) -> Path:
    home, _ = prepared(size)
    if not (home / "nights").exists() or not any((home / "nights").glob("2*")):
        quanke("night", "--on", "2026-06-30", "--home", str(home))
    return home


def _ratios(figures: dict[str, Any], peers: dict[str, Any]) -> dict[str, float]:
    found = {}
    for peer in peers.values():
        for ours, theirs in (("search", "search"), ("portrait", "page")):
            ratio = (
                peer[theirs]["without_pause"]["p95_ms"]
                / figures["postgresql"][ours]["without_pause"]["p95_ms"]
            )
            found[f"admin_{theirs}_over_ours_p95"] = round(ratio, 2)
    return found


def _text(told: dict[str, Any]) -> str:
    lines = [
        f"desk over {told['size']}: milliseconds, {told['machine']['load_average_at_start']} load at start"
    ]
    for place, figures in {**told["figures"], **told["peers"]}.items():
        lines.append(
            f"{place}: {', '.join(f'{k} {v}' for k, v in figures.items() if not isinstance(v, dict))}"
        )
        for name, each in figures.items():
            if isinstance(each, dict) and "without_pause" in each:
                a, b = each["without_pause"], each["with_a_second"]
                met = "" if place.startswith("django") else f"  aim {REACH.get(name, 200.0):.0f}"
                lines.append(
                    f"  {name:<15} no pause p50 {a['p50_ms']:>7} p95 {a['p95_ms']:>7}"
                    f" {a['answers_per_second']:>7}/s"
                    f"   a second of thought p50 {b['p50_ms']:>7} p95 {b['p95_ms']:>7}{met}"
                )
            elif isinstance(each, dict):
                lines.append(f"  {name}: {each}")
    lines.append(f"ratios: {told['ratios']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
