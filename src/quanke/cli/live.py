"""The command `live`: events to decisions within a second."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from quanke.bank.home import Home
from quanke.cli.main import home_option, json_option
from quanke.cli.progress import listener
from quanke.kernel.errors import QuankeError
from quanke.night import parse_day

_HELP = {"help_option_names": ["-h", "--help"]}
SHARE = "QUANKE_LIVE_SHARE"
"""Which share of the customers a process of several lives: set by the process that keeps them."""

_LONGEST = 8.0
"""Seconds before a share that keeps failing is begun again, at most."""


@click.command(context_settings=_HELP)
@click.option(
    "--from", "sources", multiple=True, metavar="SOURCE", help="Where events come from; repeatable."
)
@click.option(
    "--to", "sinks", multiple=True, default=("files",), metavar="SINK", show_default=True,
    help="Where decisions go: files, parquet, nats://, kafka://, amqp://; repeatable.",
)  # fmt: skip
@click.option("--night", metavar="DATE", help="The night to begin on (default: the last).")
@click.option(
    "--day-by", type=click.Choice(["clock", "events"]),
    help="What turns the business date (default: the clock; events with --once or --until).",
)  # fmt: skip
@click.option("--until", metavar="DATE", help="The last business date to live; end after it.")
@click.option("--once", is_flag=True, help="Read what there is, and end.")
@click.option("--partitions", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Processes that share the customers.")  # fmt: skip
@click.option("--share", metavar="K/N", help="Live only share K of N, from 1, as one of several machines.")
@click.option("--replay-quarantine", type=click.Path(path_type=Path, exists=True), metavar="FILES",
              help="Take mended quarantine files once, and end.")  # fmt: skip
@click.option("--restart", is_flag=True, help="Forget what was begun, and begin on the last night.")
@click.option("--batch", default=5_000, show_default=True, help="Events taken at once, at most.")
@click.option("--checkpoint-every", default=60.0, show_default=True, metavar="SECONDS",
              help="Time between snapshots.")  # fmt: skip
@click.option("--status-every", default=10.0, show_default=True, metavar="SECONDS",
              help="Time between status lines; 0 for none.")  # fmt: skip
@home_option
@json_option
def live(home: Path, as_json: bool, partitions: int, share: str | None, **options: Any) -> None:
    """Take events as they come, and decide all triggers within a second.

    SOURCE is a file or a folder that is watched (JSON lines, CSV, Parquet), http://HOST:PORT (a door to post
    events to), nats://HOST:PORT/STREAM?subject=S, kafka://HOST:PORT/TOPIC, or
    amqp://HOST:PORT/VHOST?queue=Q. Decisions stand in the home under live/decisions. A process that is
    killed goes on where it was: no decision is lost or told twice.

    \b
    Example:
      quanke live --from http://127.0.0.1:8080
      quanke live --from nats://127.0.0.1:4222/BANK?subject=events.> --partitions 2
      quanke live --from bank-files --until 2026-07-01 --once
    """
    if not options["sources"] and options["replay_quarantine"] is None:
        raise click.UsageError("say where events come from: --from SOURCE")
    given = os.environ.get(SHARE) or share
    if given is None and partitions > 1:
        _keep(partitions, once=options["once"])
        return
    _run(home, as_json, _share(given), options)


def _share(text: str | None) -> Any:
    from quanke.engines.live.intake.reading import Share

    if text is None:
        return Share()
    part, _, of = text.partition("/")
    if not (part.isdecimal() and of.isdecimal() and 1 <= int(part) <= int(of)):
        raise click.UsageError("a share is written K/N, as 1/2")
    return Share(int(part) - 1, int(of))


def _run(home: Path, as_json: bool, share: Any, options: dict[str, Any]) -> None:
    """Live one share."""
    from quanke.engines.live.running.live import Settings, forget
    from quanke.night.live import FOLDER, Plan, open_live

    opened = Home.open(home)
    replay = options["replay_quarantine"]
    once = options["once"] or replay is not None
    follow_clock = (options["day_by"] or ("events" if once or options["until"] else "clock")) == "clock"
    settings = Settings(
        follow_clock=follow_clock,
        once=once,
        until=parse_day(options["until"]) if options["until"] else None,
        batch=options["batch"],
        checkpoint_seconds=options["checkpoint_every"],
    )
    if options["restart"]:
        forget(opened.path / FOLDER, share)
    night = parse_day(options["night"]) if options["night"] else None
    plan = Plan(options["sources"], options["sinks"], share, night, settings, replay)
    with open_live(opened, plan, listener()) as engine:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, engine.stop)
        with _telling(engine, as_json, options["status_every"]):
            engine.run()
        _tell(engine, as_json)


@contextlib.contextmanager
def _telling(engine: Any, as_json: bool, every: float) -> Any:
    """A status line now and then, from a thread of its own."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(every):
            _tell(engine, as_json)

    if every > 0:
        threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _tell(engine: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"share": str(engine.state.share), **engine.status.sheet()}))
    else:
        click.echo(f"{engine.status.line()}", err=True)


def _keep(partitions: int, once: bool) -> None:
    """Keep one process for each share: one that is killed is begun again, and goes on where it was."""
    command = [sys.executable, "-c", "from quanke.cli import main; main()", *sys.argv[1:]]
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())

    def begin(part: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env={**os.environ, SHARE: f"{part + 1}/{partitions}"})

    shares: dict[int, subprocess.Popen[bytes] | None] = {part: begin(part) for part in range(partitions)}
    failures = dict.fromkeys(shares, 0)
    while any(shares.values()):
        if stopping.wait(0.1):
            _end([process for process in shares.values() if process is not None])
            return
        for part, process in shares.items():
            status = None if process is None else process.poll()
            if process is None or status is None:
                continue
            if status == 0:
                shares[part] = None
            elif status > 0:
                # A refusal would come again: end the others, so that it is seen.
                _end([p for p in shares.values() if p is not None and p.poll() is None])
                raise QuankeError(f"share {part + 1}/{partitions} ended with status {status}")
            else:
                failures[part] += 1
                click.echo(f"quanke: share {part + 1}/{partitions} was killed; it begins again", err=True)
                time.sleep(min(_LONGEST, 0.1 * 2 ** failures[part]))
                shares[part] = begin(part)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask all to end, and wait until their snapshots are taken."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait()
