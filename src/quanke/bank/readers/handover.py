"""Which units a hand-over consists of: files of a folder, by name.

    DIR/bank.json                 optional: {"currency", "schema_version", "business_date", "encoding"}
    DIR/<table>.<ext>             or DIR/<table>_<date>.<ext>, or DIR/<table>/<anything>.<ext>

`ext` is parquet, csv, csv.gz, or zip (of one CSV). The business date of a file is the last date in its name
(2024-01-31, 20240131; 2024-01 is that month's end), else the one in bank.json, else the unit is undated.
Names beginning with `.` or `_`, the folder `truth` and files of other kinds are not part of the hand-over.
"""

from __future__ import annotations

import calendar
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from quanke.bank.contracts import CONTRACTS, Contract, FieldType
from quanke.bank.readers.csv import stage_csv
from quanke.bank.readers.parquet import stage_parquet
from quanke.bank.readers.staged import Staged
from quanke.bank.readers.texts import ENCODINGS
from quanke.kernel.errors import InputError

EXTENSIONS = (".parquet", ".csv", ".csv.gz", ".csv.zip", ".zip")
_MEANT_AS_DATA = (".xlsx", ".xls", ".txt", ".json", ".orc", ".avro", ".gz", ".tsv", ".dat", ".7z", ".rar")
_NO_PART = ("truth",)


@dataclass(frozen=True, slots=True)
class BankSheet:
    """What bank.json says. Everything is optional."""

    currency: str = ""
    schema_version: int = 1
    business_date: date | None = None
    encoding: str = ""


class Unit(Protocol):
    """One file or one table of a database: what is loaded as a whole, or not at all."""

    @property
    def table(self) -> str:
        """The contract it is handed over under."""
        ...

    @property
    def name(self) -> str:
        """What tells units of a table and date apart; fit for a file name."""
        ...

    @property
    def file(self) -> str:
        """How messages call it."""
        ...

    @property
    def business_date(self) -> date | None:
        """The day it is about; None for an undated unit."""
        ...

    @property
    def size(self) -> int:
        """Weight in the progress shown."""
        ...

    def fingerprint(self, scratch: Path) -> str:
        """SHA-256 of the content."""
        ...

    def stage(self, scratch: Path) -> Staged:
        """Make it scannable; files are written under `scratch`."""
        ...


@dataclass(frozen=True, slots=True)
class FileUnit:
    """A file of a hand-over folder. `name` is its name without folder of the table and extension."""

    table: str
    name: str
    file: str
    path: Path
    business_date: date | None
    encoding: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def fingerprint(self, scratch: Path) -> str:
        """SHA-256 of the file."""
        with open(self.path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def stage(self, scratch: Path) -> Staged:
        """Parquet is scanned where it lies, CSV becomes a Parquet file of texts."""
        if self.path.name.lower().endswith(".parquet"):
            return stage_parquet(self.path, self.file)
        return stage_csv(self.path, self.file, scratch, column_names(CONTRACTS[self.table]), self.encoding)


def column_names(contract: Contract) -> frozenset[str]:
    """The column names under which fields of a contract may be handed over."""
    minor = {f"{field.name}_fen" for field in contract if field.type is FieldType.MONEY}
    return frozenset(minor | set(contract.by_name))


@dataclass(slots=True)
class Handover:
    """All units by table, in the order to load them, and what could not be made one: name -> reasons."""

    sheet: BankSheet = field(default_factory=BankSheet)
    units: dict[str, list[Unit]] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)

    def add(self, units: Iterable[Unit]) -> None:
        """Put units in order: undated first, then by date, then by name."""
        for unit in units:
            self.units.setdefault(unit.table, []).append(unit)
        for listed in self.units.values():
            listed.sort(key=lambda unit: (unit.business_date or date.min, unit.name, unit.file))

    def refuse(self, name: str, reason: str) -> None:
        """Note that something cannot be loaded."""
        self.refused.setdefault(name, []).append(reason)


def discover(folder: Path) -> Handover:
    """The hand-over in `folder`. Raises InputError if it is no folder or bank.json is unreadable."""
    if not folder.is_dir():
        raise InputError("is not a folder", file=str(folder))
    handover = Handover(read_bank_sheet(folder))
    units = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith((".", "_")) for part in relative.parts)
        if hidden or not path.is_file() or relative.parts[0] in _NO_PART or relative.name == "bank.json":
            continue
        unit = _unit(path, relative, handover)
        if unit is not None:
            units.append(unit)
    handover.add(_without_clashes(units, handover))
    return handover


def read_bank_sheet(folder: Path) -> BankSheet:
    """What bank.json in `folder` says."""
    path = folder / "bank.json"
    if not path.exists():
        return BankSheet()
    try:
        sheet = json.loads(path.read_text(encoding="utf-8-sig"))
        stated = sheet.get("business_date")
        read = BankSheet(
            str(sheet.get("currency", "")),
            int(sheet.get("schema_version", 1)),
            date.fromisoformat(stated) if stated else None,
            str(sheet.get("encoding", "")).lower(),
        )
    except (ValueError, TypeError, AttributeError, UnicodeDecodeError):
        raise InputError("is not a JSON object with a proper business_date", file="bank.json") from None
    if read.encoding and read.encoding not in ENCODINGS:
        raise InputError(f"encoding must be one of {', '.join(ENCODINGS)}", file="bank.json")
    return read


def _unit(path: Path, relative: Path, handover: Handover) -> FileUnit | None:
    """The unit a file is, or None after noting why it is none."""
    extension = _extension(relative.name)
    stem = relative.name[: len(relative.name) - len(extension)] if extension else relative.stem
    top = relative.parts[0] if len(relative.parts) > 1 else stem
    table = top.lower() if len(relative.parts) > 1 else _table_of(stem.lower())
    if table not in CONTRACTS:
        if extension:
            handover.refuse(top, f"{relative}: no table of this name; known are {', '.join(CONTRACTS)}")
        return None
    if not extension:
        if relative.suffix.lower() in _MEANT_AS_DATA:
            handover.refuse(table, f"{relative}: this kind of file is not read; known are {_known()}")
        return None
    try:
        dated = date_in_name(str(relative))
    except ValueError:
        handover.refuse(table, f"{relative}: the date in its name does not exist")
        return None
    inner = relative.parts[1:-1] if len(relative.parts) > 1 else ()
    name = "~".join((*inner, stem))
    sheet = handover.sheet
    if dated is None and sheet.business_date is not None:
        name = f"{name}@{sheet.business_date.isoformat()}"
    return FileUnit(
        table, _short(name), relative.as_posix(), path, dated or sheet.business_date, sheet.encoding
    )


def _known() -> str:
    return ", ".join(extension.lstrip(".") for extension in EXTENSIONS)


def _extension(name: str) -> str:
    matching = [extension for extension in EXTENSIONS if name.lower().endswith(extension)]
    return name[-len(max(matching, key=len)) :] if matching else ""


def _table_of(stem: str) -> str:
    """The table a file `<table>`, `<table>_<date or number>` belongs to; otherwise the stem itself."""
    match = re.fullmatch(r"([a-z_]+?)[-_.]\d[-_.0-9]*", stem)
    return match[1] if match and match[1] in CONTRACTS else stem


_DATE = re.compile(r"(?<!\d)(\d{4})(?:-(\d{2})-(\d{2})|-(\d{2})(?!-?\d)|(\d{2})(\d{2}))(?!\d)")


def date_in_name(name: str) -> date | None:
    """The last date in a file name, None without one. Raises ValueError if that date does not exist."""
    matches = list(_DATE.finditer(name))
    if not matches:
        return None
    year, month, day, whole_month, compact_month, compact_day = matches[-1].groups()
    if whole_month:
        if not 1 <= int(whole_month) <= 12:
            raise ValueError(name)
        return date(int(year), int(whole_month), calendar.monthrange(int(year), int(whole_month))[1])
    return date(int(year), int(month or compact_month), int(day or compact_day))


def _short(name: str) -> str:
    """A unit name that fits a file name."""
    if len(name.encode()) <= 180:
        return name
    return name[:40] + "~" + hashlib.sha256(name.encode()).hexdigest()[:16]


def _without_clashes(units: list[FileUnit], handover: Handover) -> list[FileUnit]:
    """Units without those whose name and date another file took."""
    taken: dict[tuple[str, str, date | None], str] = {}
    kept = []
    for unit in units:
        other = taken.setdefault((unit.table, unit.name, unit.business_date), unit.file)
        if other == unit.file:
            kept.append(unit)
        else:
            handover.refuse(unit.table, f"{unit.file}: is the same unit as {other}; hand over one of them")
    return kept
