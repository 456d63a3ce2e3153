"""The book of what was loaded: one `UnitRecord` per file that was taken, one `LoadBook` per table.

`loads/<table>.json` is the truth: a unit is loaded if and only if it stands there, and the files that hold
its rows are the ones named there. Nothing in it depends on the clock, so the same hand-over always writes
the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """One unit (one file, or one table of a database) that was loaded.

    `ordinal` counts units of the table from 1 in the order of loading. `business_date` is None for an
    undated unit. `fingerprint` is the SHA-256 of the file. `quarantined` are the rows still waiting in
    quarantine, so it falls when mended rows are replayed. `data` is the file, inside the home, with the
    unit's own rows (EVENT and LEVEL tables; SNAPSHOT rows stand in `current.parquet` under `unit`);
    `unchanged` the days a LEVEL unit gave without a change. `first` and `last` are the days its rows span.
    `replay_of` names the unit whose quarantined rows it brings back; `replaced_by` is the ordinal of the
    later delivery of the same unit.
    """

    ordinal: int
    unit: str
    file: str
    business_date: date | None
    fingerprint: str
    taken: int
    quarantined: int
    data: str = ""
    unchanged: str = ""
    first: date | None = None
    last: date | None = None
    replay_of: str = ""
    replaced_by: int | None = None

    @property
    def precedence(self) -> tuple[str, int]:
        """What decides between two deliveries of one key: business date (undated first), then order."""
        return (self.business_date.isoformat() if self.business_date else "", self.ordinal)


@dataclass(frozen=True, slots=True)
class LoadBook:
    """All units of one table, in the order of loading."""

    table: str
    units: tuple[UnitRecord, ...] = ()

    def __iter__(self) -> Iterator[UnitRecord]:
        return iter(self.units)

    @property
    def next_ordinal(self) -> int:
        """The ordinal of the next unit."""
        return len(self.units) + 1

    @property
    def standing(self) -> tuple[UnitRecord, ...]:
        """Units that no later delivery has replaced."""
        return tuple(record for record in self.units if record.replaced_by is None)

    @property
    def files(self) -> tuple[str, ...]:
        """Files with rows, inside the home, in the order of loading (EVENT and LEVEL tables)."""
        return tuple(record.data for record in self.units if record.data)

    def same(self, business_date: date | None, fingerprint: str) -> UnitRecord | None:
        """The standing unit with this very content and date."""
        for record in self.standing:
            if record.business_date == business_date and record.fingerprint == fingerprint:
                return record
        return None

    def replaced(self, unit: str, business_date: date | None) -> tuple[UnitRecord, ...]:
        """Standing units a new delivery of `unit` for that date takes the place of, replays included."""
        return tuple(
            record
            for record in self.standing
            if record.business_date == business_date and unit in (record.unit, record.replay_of)
        )

    def with_unit(
        self, record: UnitRecord, replaced: tuple[UnitRecord, ...] = (), *, keep_data: bool = False
    ) -> LoadBook:
        """The book with `record` at its end and `replaced` marked so.

        With `keep_data` the replaced units' files still count (LEVEL tables are corrected by adding).
        """
        gone = {old.ordinal for old in replaced}
        units = tuple(
            replace(
                old,
                replaced_by=record.ordinal,
                quarantined=0,
                data=old.data if keep_data else "",
            )
            if old.ordinal in gone
            else old
            for old in self.units
        )
        return LoadBook(self.table, (*units, record))

    def with_quarantined(self, ordinal: int, quarantined: int) -> LoadBook:
        """The book with another number of rows waiting in the quarantine of one unit."""
        units = tuple(
            replace(old, quarantined=quarantined) if old.ordinal == ordinal else old for old in self.units
        )
        return LoadBook(self.table, units)

    def to_json(self) -> str:
        """The text of `loads/<table>.json`."""
        rows = [{key: _plain(value) for key, value in asdict(record).items()} for record in self.units]
        return json.dumps({"table": self.table, "units": rows}, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> LoadBook:
        """The book a text of `to_json` holds; fields of a later format are left out."""
        book = json.loads(text)
        known = UnitRecord.__dataclass_fields__
        return cls(
            book["table"],
            tuple(
                UnitRecord(**{key: _rich(key, value) for key, value in row.items() if key in known})
                for row in book["units"]
            ),
        )


_DATES = ("business_date", "first", "last")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _rich(key: str, value: Any) -> Any:
    return date.fromisoformat(str(value)) if key in _DATES and value is not None else value
