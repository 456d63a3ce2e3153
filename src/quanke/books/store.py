"""Proposals in a home: `books/proposals/<id>/`.

    v0001/assigned.parquet, books.parquet, proposal.json    a version; it never changes
    log/0001.json                                           what happened to it, one file an event

A version and an event arrive by one rename or link, whole; two people who act at once do not overwrite each
other: the second is refused.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.books.lifecycle import Standing, after, standing_of
from quanke.books.proposal import ASSIGNED, Proposal
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import BookError

FOLDER = "books/proposals"
_NAME = re.compile(r"B\d{8}-\d{2,}\Z")


@dataclass(frozen=True)
class StoredProposal:
    """One proposal on disk."""

    path: Path

    @property
    def id(self) -> str:
        """Its number, as B20260630-01: the day of its night, and which of that day."""
        return self.path.name

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened to it, oldest first."""
        files = sorted((self.path / "log").glob("*.json"))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return standing_of(self.events)

    def version(self, number: int | None = None) -> Proposal:
        """A version of it (default: the last). Raises BookError where there is none of that number."""
        folder = self.path / f"v{number or self.standing.version:04d}"
        if not folder.is_dir():
            raise BookError(f"proposal {self.id} has no version {number}")
        sheet = json.loads((folder / "proposal.json").read_text(encoding="utf-8"))
        assigned = pq.read_table(folder / "assigned.parquet").cast(ASSIGNED)
        books = pq.read_table(folder / "books.parquet")
        day = dt.date.fromisoformat(sheet["on"])
        return Proposal(day, sheet["scope"], assigned, books, sheet["summary"])

    def note(self, kind: str, by: str, at: dt.datetime | None = None, **more: Any) -> Standing:
        """Write down that something happened. Raises BookError where it may not happen now, or where somebody
        else was faster."""
        events = self.events
        event = {"kind": kind, "by": by.strip(), "at": _moment(at), **more}
        now = after(standing_of(events), event)
        log = self.path / "log"
        log.mkdir(exist_ok=True)
        _link(log, log / f"{len(events) + 1:04d}.json", event)
        return now

    def add_version(
        self, proposal: Proposal, kind: str, by: str, at: dt.datetime | None = None, **more: Any
    ) -> int:
        """Write another version and the event that made it (`proposed` or `edited`); its number."""
        number = self.standing.version + 1
        after(self.standing, {"kind": kind, "by": by, "version": number})
        target = self.path / f"v{number:04d}"
        if target.exists():  # left behind by a process that died before its event was written
            shutil.rmtree(target)
        beside = Path(tempfile.mkdtemp(prefix=".version-", dir=self.path))
        try:
            _write_version(beside, proposal)
            beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        self.note(kind, by, at, version=number, **more)
        return number


class ProposalStore:
    """The proposals of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.folder = home.path / FOLDER

    def all(self) -> list[StoredProposal]:
        """Every proposal, oldest first."""
        if not self.folder.is_dir():
            return []
        named = [path for path in self.folder.iterdir() if _NAME.match(path.name) and path.is_dir()]
        found = [StoredProposal(path) for path in sorted(named, key=_order)]
        return [each for each in found if each.events]

    def open(self, name: str | None = None) -> StoredProposal:
        """A proposal by number (default: the last). Raises BookError where there is none."""
        known = self.all()
        if name is None and known:
            return known[-1]
        for each in known:
            if each.id == name:
                return each
        hint = f"; the last one is {known[-1].id}" if known else "; `quanke books propose` makes one"
        raise BookError(f"there is no such proposal{hint}")

    def decided_until(self, day: dt.date) -> dt.date:
        """The last day for which it is decided who looks after whom: `day`, or a later one from which a
        proposal holds or was taken back. One that was undone as if it had never been decides nothing."""
        days = [day]
        for stored in self.all():
            told = [
                event[name] for event in stored.events for name in ("effective", "until") if name in event
            ]
            if stored.standing.state != "undone" or any("until" in event for event in stored.events):
                days += [dt.date.fromisoformat(text) for text in told]
        return max(days)

    def keep(self, proposal: Proposal, by: str, at: dt.datetime | None = None) -> StoredProposal:
        """Keep a new proposal as a draft."""
        if not by.strip():
            raise BookError("who does it has to be said")
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = f"B{proposal.day:%Y%m%d}"
        for number in range(1, 1_000):
            path = self.folder / f"{stem}-{number:02d}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            stored = StoredProposal(path)
            stored.add_version(proposal, "proposed", by, at)
            return stored
        raise BookError(f"a thousand proposals were made for {proposal.day}")


def _order(path: Path) -> tuple[str, int]:
    day, _, number = path.name.partition("-")
    return day, int(number)


def _moment(at: dt.datetime | None) -> str:
    now = at or dt.datetime.now(SHANGHAI)
    return now.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")


def _write_version(folder: Path, proposal: Proposal) -> None:
    for name in ("assigned", "books"):
        pq.write_table(getattr(proposal, name), folder / f"{name}.parquet", compression="zstd")
    sheet = {"on": proposal.day.isoformat(), "scope": proposal.scope, "summary": proposal.summary}
    text = json.dumps(sheet, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (folder / "proposal.json").write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _link(log: Path, target: Path, event: dict[str, Any]) -> None:
    """Write an event whole, and only where none of its number is there yet."""
    handle, name = tempfile.mkstemp(prefix=".event-", dir=log)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(name, target)
    except FileExistsError:
        raise BookError("somebody else changed the proposal meanwhile: look at it again") from None
    finally:
        os.unlink(name)
