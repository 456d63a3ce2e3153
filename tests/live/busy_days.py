"""A bank whose home ends with one night, and the eight days after it as a stream of events."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.bank.sample import write_sample
from quanke.engines.live.running.live import Settings
from quanke.kernel.progress import SilentProgress
from quanke.night import night as run_night
from quanke.night.live import Plan, open_live

LAST = dt.date(2026, 6, 30)
NIGHT = dt.date(2026, 6, 22)
EVENT_TABLES = ("transactions", "channel_events", "contacts", "pushes", "balances")

TRIGGERS = '''
"""Triggers of the tests: on rows of several tables, on an absence, on a day."""

from quanke.customers.tags import assets
from quanke.language import Tag, Trigger, count, customers, days, earlier, facts, total, yuan

tx, event, balance = facts.transactions, facts.channel_events, facts.balances

moved_7d = Tag(
    name="moved_7d", title_zh="七日转出", title_en="Moved out in 7 days",
    value=total(tx.amount).where(tx.direction == "out").within(days(7)),
)
paid_7d = Tag(
    name="paid_7d", title_zh="七日笔数", title_en="Movements in 7 days",
    value=count(tx).within(days(7)),
)
big_out = Trigger(
    name="big_out", title_zh="大额转出", title_en="A great part goes out",
    value=(tx.direction == "out") & (tx.amount * 5 >= assets.aum),
)
busy = Trigger(
    name="busy", title_zh="频繁", title_en="Many movements", value=(tx.amount > yuan(0)) & (paid_7d >= 6),
)
logged_in_rich = Trigger(
    name="logged_in_rich", title_zh="登录且有钱", title_en="Logs in with money",
    value=(event.kind == "login") & (assets.aum >= yuan(1_000)) & (moved_7d > yuan(0)),
)
falls = Trigger(
    name="falls", title_zh="余额下降", title_en="Less than at the night",
    value=(balance.category == "demand") & (assets.aum + yuan(100) < earlier(assets.aum)),
)
quiet = Trigger(
    name="quiet", title_zh="登录后未交易", title_en="Logged in, no movement by the next day",
    value=event.kind == "login", unless=tx.amount > yuan(0), within=days(1),
)
daily = Trigger(
    name="daily", title_zh="每日", title_en="Every day", value=(paid_7d >= 8) & (customers.kind == "person"),
)
'''


def make(folder: Path, customers: int = 1_500) -> tuple[Path, list[dict[str, Any]]]:
    """A home with the night of NIGHT, and the events after it in the order of their moments."""
    files = folder / "files"
    write_sample(files, customers=customers, seed=11, last_day=LAST, progress=SilentProgress())
    events = _cut(files)
    home = Home.create(folder / "home")
    (home.path / "definitions").mkdir()
    (home.path / "definitions" / "live.py").write_text(TRIGGERS, encoding="utf-8")
    load(home, files, progress=SilentProgress())
    run_night(home, NIGHT, bucket=2_000)
    return home.path, events


def _cut(files: Path) -> list[dict[str, Any]]:
    """Take what came after the night out of the bank's files, as events."""
    found: list[dict[str, Any]] = []
    connection = duckdb.connect()
    for table in EVENT_TABLES:
        folder = files / table
        paths = (
            sorted(folder.glob("*.parquet")) if folder.is_dir() else sorted(files.glob(f"{table}_*.parquet"))
        )
        for path in paths:
            late = f"try_cast(date AS DATE) > DATE '{NIGHT}'"
            rows = connection.sql(f"SELECT COLUMNS(*)::VARCHAR FROM '{path}' WHERE {late}").to_arrow_table()
            rows = rows.rename_columns([n.replace("CAST(", "") for n in rows.column_names])
            names = connection.sql(f"FROM '{path}' LIMIT 0").columns
            for row in rows.rename_columns(names).to_pylist():
                found.append({"table": table, **{k: v for k, v in row.items() if v is not None}})
            if rows.num_rows:
                connection.sql(f"COPY (FROM '{path}' WHERE NOT coalesce({late}, false)) TO '{path}.kept'")
                shutil.move(f"{path}.kept", path)
    random = Random(5)
    keyed = [((e["date"], e.get("at") or f"{e['date']} {random.randint(0, 23):02d}"), e) for e in found]
    return [event for _, event in sorted(keyed, key=lambda pair: pair[0])]


def live_once(home: Path, sources: list[str], **more: Any) -> dict[str, Any]:
    """Live what there is, to its end; the figures."""
    settings: dict[str, Any] = {"follow_clock": False, "once": True, "until": LAST}
    plan: dict[str, Any] = {}
    for name, value in more.items():
        (plan if name in ("sinks", "share", "replay", "night") else settings)[name] = value
    with open_live(Home.open(home), Plan(sources, settings=Settings(**settings), **plan)) as live:
        live.run()
        return live.status.sheet()


def lines(events: list[dict[str, Any]]) -> bytes:
    """The events as lines of JSON."""
    return b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)


def decisions(home: Path) -> list[tuple[str, int, str, str, str]]:
    """All decisions of the line files, sorted: trigger, customer, event, day, values."""
    found = []
    for path in sorted((home / "live" / "decisions").rglob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            row = json.loads(line)
            values = json.dumps(row["values"], sort_keys=True)
            found.append((row["trigger"], row["customer"], row["event_id"], row["decided_for"], values))
    return sorted(found)
