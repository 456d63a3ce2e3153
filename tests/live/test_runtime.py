"""`quanke live` as its user sees it: files, the door, quarantine and the way back, shares, sinks, restart."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli import main
from quanke.engines.live.brokers import address
from quanke.engines.live.intake.reading import Share
from quanke.engines.live.running.live import Live, Settings, forget
from quanke.engines.live.running.steps import Journal, Step, read_steps
from quanke.kernel.errors import HomeError, QuankeError
from quanke.night.live import Plan, open_live
from tests.faults.test_live_kill import start, status, wait_for
from tests.homes import Bank
from tests.live.busy_days import LAST, decisions, lines, live_once


def test_batches_shares_and_sinks_change_nothing(fresh: Any, stream: Path, wanted: list[Any]) -> None:
    home = fresh("batches")
    assert live_once(home, [str(stream)], batch=37, sinks=("files", "parquet"))["events"] > 1_000
    assert decisions(home) == wanted
    table = pa.concat_tables(
        pq.read_table(p) for p in sorted((home / "live/decisions/1-of-1").glob("*.parquet"))
    )
    ids = list(zip(*(table[n].to_pylist() for n in ("trigger", "customer", "event_id")), strict=True))
    assert sorted(ids) == [w[:3] for w in wanted]
    home = fresh("shares")
    for part in range(3):
        live_once(home, [str(stream)], share=Share(part, 3), batch=100)
    assert decisions(home) == wanted


def test_a_file_that_grows_is_read_on(fresh: Any, busy: Bank, tmp_path: Path, wanted: list[Any]) -> None:
    home, path = fresh(), tmp_path / "growing.jsonl"
    whole = lines(busy[1])
    cut = len(whole) // 2
    path.write_bytes(whole[:cut])
    first = live_once(home, [str(path)])
    path.write_bytes(whole)
    second = live_once(home, [str(path)])
    assert first["events"] < second["events"] == len(busy[1])
    assert second["quarantined"] == 0
    assert decisions(home) == wanted


def test_a_folder_of_typed_files_is_lived_day_by_day(fresh: Any, busy: Bank, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    by_table: dict[str, list[dict[str, Any]]] = {}
    for event in busy[1]:
        by_table.setdefault(event["table"], []).append({k: v for k, v in event.items() if k != "table"})
    for table, rows in by_table.items():
        (folder / table).mkdir(parents=True)
        names = list(dict.fromkeys(name for row in rows for name in row))
        typed = pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
        if table == "transactions":
            pacsv.write_csv(typed, folder / table / "july.csv")
        else:
            pq.write_table(typed, folder / table / "july.parquet")
    (folder / "accounts_2026-07-01.csv").write_text("account_id\n1\n")
    (folder / "transactions" / ".half.csv").write_text("not whole")
    home = fresh()
    found = live_once(home, [str(folder)], batch=100)
    assert found["events"] == len(busy[1])
    assert found["day"] == LAST.isoformat()
    told = decisions(home)
    # Within a day the order is another than the stream's; what one table alone decides is the same.
    again = fresh("again")
    live_once(again, [str(folder)], batch=23)
    assert decisions(again) == told
    assert live_once(home, [str(folder)])["events"] == len(busy[1]), "nothing is read twice"


def bad_events(busy: Bank) -> list[dict[str, Any]]:
    movement = next(e for e in busy[1] if e["table"] == "transactions")
    return [
        {**movement, "transaction_id": "bad1", "kind": "bribe"},
        {**movement, "transaction_id": "bad2", "account_id": "nobody"},
    ]


def test_quarantine_and_the_way_back(fresh: Any, busy: Bank, tmp_path: Path) -> None:
    home, path = fresh(), tmp_path / "bad.jsonl"
    path.write_bytes(lines([*busy[1][:50], *bad_events(busy)]) + b"no event\n")
    assert live_once(home, [str(path)])["quarantined"] == 3
    folder = home / "live" / "quarantine"
    (waiting,) = (folder / "transactions").glob("*.parquet")
    rows = pq.read_table(waiting)
    assert rows["row"].to_pylist() == [51, 52]
    assert rows["rule"].to_pylist() == ["values", "references"]
    mended = rows.set_column(rows.column_names.index("kind"), "kind", pa.array(["transfer", "transfer"]))
    (tmp_path / "transactions").mkdir()
    pacsv.write_csv(mended, tmp_path / "transactions" / "mended.csv")
    found = live_once(home, [], replay=tmp_path / "transactions")
    assert (found["events"], found["quarantined"]) == (51, 4)
    (waiting,) = (folder / "transactions").glob("*.parquet")
    assert pq.read_table(waiting)["row"].to_pylist() == [52]
    again = live_once(home, [], replay=tmp_path / "transactions")
    assert again["events"] == 51
    assert live_once(home, [], replay=folder)["events"] == 51


@contextmanager
def living(home: Path, *sources: str, **settings: Any) -> Iterator[Live]:
    """The engine at work in a thread."""
    given: dict[str, Any] = {"follow_clock": False, "wait": 0.01, **settings}
    with open_live(Home.open(home), Plan(sources, settings=Settings(**given))) as live:
        failed: list[BaseException] = []

        def run() -> None:
            try:
                live.run()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield live
        finally:
            live.stop()
            thread.join(60)
            assert not failed, failed


def asked(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    told = answer.status, json.loads(answer.read())
    connection.close()
    return told


def port_of(live: Live) -> int:
    door: Any = live.sources[0]
    wait_for(lambda: door._server is not None, 30)
    return int(door.port)


def test_the_door(fresh: Any, busy: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    home = fresh()
    with living(home, "http://127.0.0.1:0") as live:
        port = port_of(live)
        assert asked(port, "POST", "/events", lines(busy[1][:1])) == (202, {"accepted": 1})
        assert asked(port, "POST", "/events", json.dumps(busy[1][:20]).encode()) == (202, {"accepted": 20})
        assert live.status.events == 20
        code, told = asked(port, "POST", "/events", lines([*busy[1][20:25], *bad_events(busy)]))
        assert code == 422
        assert told["accepted"] == 5
        assert [(r["field"], r["rule"]) for r in told["refused"]] == [
            ("kind", "values"),
            ("account_id", "references"),
        ]
        event = {k: v for k, v in busy[1][30].items() if k != "table"}
        assert (
            asked(port, "POST", f"/events?table={busy[1][30]['table']}", json.dumps(event).encode())[0] == 202
        )
        assert asked(port, "POST", "/events", b"oops")[0] == 422
        assert asked(port, "POST", "/events", b"\xff\xfe")[0] == 400
        assert asked(port, "POST", "/elsewhere", b"{}")[0] == 404
        code, figures = asked(port, "GET", "/status")
        assert (code, figures["events"]) == (200, 26)
        monkeypatch.setenv("QUANKE_LIVE_TOKEN", "秘密".encode().hex())
        assert asked(port, "GET", "/status")[0] == 401
        assert asked(port, "POST", "/events", b"{}", Authorization="Bearer no")[0] == 401
        good = "Bearer " + "秘密".encode().hex()
        assert asked(port, "GET", "/status", Authorization=good)[0] == 200
    # What was answered is written down: a new process has it.
    with living(home) as live:
        wait_for(lambda: live.status.events == 26, 30)


def test_terminated_it_takes_a_snapshot_and_goes_on(
    fresh: Any, busy: Bank, stream: Path, wanted: list[Any]
) -> None:
    home = fresh()
    options = ("--from", str(stream), "--day-by", "events", "--batch", "50")
    process = start(home, *options)
    wait_for(lambda: home.with_suffix(".status").exists() and status(home)["events"] > 0, 90)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    held = status(home)["events"]
    journal = sorted((home / "live/1-of-1/journal").glob("*.log"))[-1]
    assert journal.stat().st_size == 0, "the snapshot holds everything"
    process = start(home, *options)
    wait_for(lambda: status(home)["events"] >= len(busy[1]), 90)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert held <= status(home)["events"] == len(busy[1])
    assert decisions(home) == wanted


def test_begun_again_on_a_night_tells_nothing_twice(
    fresh: Any, busy: Bank, stream: Path, tmp_path: Path, wanted: list[Any]
) -> None:
    home = fresh()
    path = tmp_path / "some.jsonl"
    path.write_bytes(lines([*busy[1][:600], *bad_events(busy)]))
    assert live_once(home, [str(path)], sinks=("files", "parquet"))["quarantined"] == 2
    before = decisions(home)
    waiting = sorted((home / "live/quarantine").rglob("*.parquet"))
    assert before and waiting
    forget(home / "live", Share())
    found = live_once(home, [str(stream)], batch=400)
    assert found["events"] == len(busy[1])
    assert decisions(home) == wanted
    forget(home / "live", Share())
    path.write_bytes(lines(bad_events(busy)))
    live_once(home, [str(stream), str(path)])
    assert decisions(home) == wanted
    assert set(waiting) < set((home / "live/quarantine").rglob("*.parquet"))


def test_one_home_is_lived_by_one_process(fresh: Any) -> None:
    home = fresh()
    with (
        living(home) as first,
        open_live(Home.open(home), Plan(())) as second,
    ):
        wait_for(lambda: first.status.steps > 0, 30)
        with pytest.raises(HomeError, match="another process"):
            second.run()


def test_the_clock_turns_the_day(fresh: Any, busy: Bank) -> None:
    import datetime as dt

    home = fresh()
    now = dt.datetime(2026, 6, 23, 23, 59, 59)
    with open_live(Home.open(home), Plan((), settings=Settings(follow_clock=True, wait=0.01))) as live:
        live._clock = lambda: now
        thread = threading.Thread(target=live.run)
        thread.start()
        wait_for(lambda: live.status.steps > 0, 30)
        assert live.state.engine.day == dt.date(2026, 6, 23)
        now = dt.datetime(2026, 6, 25, 0, 0, 1)
        wait_for(lambda: live.state.engine.day == dt.date(2026, 6, 25), 30)
        live.stop()
        thread.join(30)


def test_a_night_too_old_for_the_clock_is_refused(fresh: Any) -> None:
    with open_live(Home.open(fresh()), Plan(())) as live, pytest.raises(QuankeError, match="run the night"):
        live.run()


def test_journal_drops_what_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    journal = Journal(path)
    rows = pa.table({"customer": pa.array([1, 2], pa.int32()), "text": ["a", None]})
    for number in (1, 2, 3):
        journal.write(
            Step(number, [("due", "2026-07-01")], [(0, "2026-07-02")], {"s": {"a": 1}}, {"t": rows})
        )
    journal.close()
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 40, len(whole) * 2 // 3 + 5):
        path.write_bytes(whole[:cut])
        Journal(path).close()
        steps = list(read_steps(path))
        assert [s.number for s in steps] == [1, 2]
        assert steps[0].rows["t"].equals(rows)
        assert (steps[1].clock, steps[1].marks) == ([("due", "2026-07-01")], [(0, "2026-07-02")])
    torn = bytearray(whole)
    torn[-3] ^= 1
    path.write_bytes(bytes(torn))
    assert [s.number for s in read_steps(path)] == [1, 2]


def test_addresses() -> None:
    assert address("events/x.jsonl") is None
    where = address("nats://example:4333/BANK?subject=a.{share}&durable=d", 3)
    assert where is not None
    assert (where.server, where.path, where.options) == (
        "example:4333",
        "BANK",
        {"subject": "a.3", "durable": "d"},
    )
    with pytest.raises(QuankeError, match="no source or sink"):
        address("ftp://x/y")
    with pytest.raises(QuankeError, match="QUANKE_BROKER_PASSWORD") as error:
        address("amqp://me:secret@x/y")
    assert "secret" not in str(error.value)


def test_command_refuses_plainly(fresh: Any, tmp_path: Path) -> None:
    home = str(fresh())
    for words, told in [
        ([], "say where events come from"),
        (["--from", "nats://127.0.0.1:1/BANK"], "no NATS answers"),
        (["--from", "nats://127.0.0.1:4222"], "names its stream"),
        (["--from", str(tmp_path / "none")], "no such file"),
        (["--from", "x", "--share", "3/2"], "K/N"),
        (["--from", "x", "--to", "elsewhere"], "decisions go to"),
    ]:
        result = CliRunner().invoke(main, ["live", "--home", home, "--day-by", "events", "--once", *words])
        assert result.exit_code != 0
        assert told in result.output, result.output


def test_partitions_are_kept(fresh: Any, busy: Bank, stream: Path, wanted: list[Any]) -> None:
    home = fresh()
    began = time.monotonic()
    process = start(home, "--from", str(stream), "--once", "--until", LAST.isoformat(), "--partitions", "2")
    assert process.wait(timeout=180) == 0, home.with_suffix(".errors").read_text()
    assert time.monotonic() - began < 180
    assert decisions(home) == wanted
