"""A desk over a home, served as a bank's would be, and people who are logged in to it."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

PROCESSES, THREADS = 2, 4
WORD = "quanke-demo-2026"


def borrowed(home: Path, folder: Path) -> Path:
    """The home under another folder: its tables and nights are linked, the desk's own records are new."""
    target = folder / "home"
    target.mkdir(parents=True)
    for entry in home.iterdir():
        if entry.name != "desk":
            (target / entry.name).symlink_to(entry.resolve())
    return target


@dataclass
class Desk:
    """Address of a served desk, its commands and the process."""

    home: Path
    database: str
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> str:
        """What a command of `quanke-desk` printed. Ends the benchmark where it fails."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("quanke-desk")), *words],
            env=self.environment, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"quanke-desk {words[0]} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """Of a desk with demo people, over http on this machine only."""
        mine = {"QUANKE_HOME": str(self.home), "QUANKE_DESK_DEMO": "1", "QUANKE_DESK_DATABASE": self.database}
        return {**os.environ, **mine}

    def memory_gb(self) -> float:
        """Proportional share of memory of the processes that serve, in GB: pages of files that they share
        count once."""
        assert self.process is not None
        family, kilobytes = [self.process.pid], 0
        for pid in family:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            family += [int(p) for p in children.read_text().split()] if children.exists() else []
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found = re.search(r"^Pss:\s+(\d+)", rollup, re.M)
            kilobytes += int(found[1]) if found else 0
        return round(kilobytes / 1024**2, 2)


@contextmanager
def desk_over(home: Path, database: str) -> Iterator[Desk]:
    """Serves a desk until the block ends. `database`: empty for SQLite, else a postgresql:// address."""
    desk = Desk(home, database)
    for name in ("migrate", "bring_bank", "demo_people"):
        desk.command(name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        desk.port = free.getsockname()[1]
    words = [str(Path(sys.executable).with_name("quanke-desk")), "serve", "--port", str(desk.port)]
    words += ["--processes", str(PROCESSES), "--threads", str(THREADS)]
    with (home.parent / "served.log").open("w") as told:
        desk.process = subprocess.Popen(words, env=desk.environment, stdout=told, stderr=subprocess.STDOUT)
    try:
        _wait_for(desk)
        yield desk
    finally:
        desk.process.terminate()
        desk.process.wait(30)


def _wait_for(desk: Desk) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        try:
            ask = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=60)
            ask.request("GET", "/health/")
            if ask.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.3)
    sys.exit("the desk did not begin to serve")


@contextmanager
def postgresql(server: str) -> Iterator[str]:
    """Address of a database of its own on a server, dropped at the end."""
    import psycopg

    name = f"quanke_bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield server.rpartition("/")[0] + "/" + name
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Person:
    """Somebody who is logged in, over one connection that stays open as a browser's does."""

    port: int
    username: str
    cookies: dict[str, str] = field(default_factory=dict)
    line: http.client.HTTPConnection | None = None

    def enter(self) -> Person:
        """Logs in through the form."""
        self.ask("GET", "/login/")
        words = {"username": self.username, "password": WORD}
        status, text = self.ask("POST", "/login/", words)
        if status != 302:
            sys.exit(f"{self.username} could not log in: {status} {text[:200]}")
        return self

    def ask(
        self,
        method: str,
        path: str,
        form: dict[str, str] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        """Status and text of one answer."""
        told = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **(headers or {})}
        if form is not None:
            body = urlencode({**form, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}).encode()
            told["Content-Type"] = "application/x-www-form-urlencoded"
        for _ in range(2):  # a connection the server closed is made anew once
            line = self.line = self.line or http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            try:
                line.request(method, path, body, told)
                answer = line.getresponse()
                text = answer.read().decode()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.line = None
        else:
            sys.exit(f"{method} {path.partition('?')[0]}: the desk closed the connection twice")
        for set_cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = set_cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, text
