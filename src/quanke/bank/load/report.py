"""What a load did, table by table: for a program (`to_json`) and for a terminal (`lines`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from quanke.bank.load.rules import RULES


@dataclass(slots=True)
class TableReport:
    """What happened to one table.

    `taken` and `quarantined` count rows of this run; `units` the units loaded in it; `skipped_units` names
    units that had been loaded before, `replaced_units` those of which this was a new delivery. `rules` counts
    refused rows by (field, rule, value class). `errors` are sentences about what was not loaded at all;
    `notes` remarks about what was.
    """

    taken: int = 0
    quarantined: int = 0
    units: int = 0
    skipped_units: list[str] = field(default_factory=list)
    replaced_units: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rules: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def note(self, remarks: list[str]) -> None:
        """Add remarks that are not there yet."""
        self.notes += [remark for remark in dict.fromkeys(remarks) if remark not in self.notes]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "taken": self.taken,
            "quarantined": self.quarantined,
            "units": self.units,
            "skipped_units": list(self.skipped_units),
            "replaced_units": list(self.replaced_units),
            "errors": list(self.errors),
            "notes": list(self.notes),
            "rules": [
                {"field": name, "rule": rule, "value_class": class_, "rows": rows}
                for (name, rule, class_), rows in sorted(self.rules.items())
            ],
        }


@dataclass(slots=True)
class LoadReport:
    """What a load or a replay did. Tables stand in the order they were met."""

    tables: dict[str, TableReport] = field(default_factory=dict)

    def table(self, name: str) -> TableReport:
        """The report of one table, made if it is not there yet."""
        return self.tables.setdefault(name, TableReport())

    @property
    def errors(self) -> list[str]:
        """All that was not loaded at all."""
        return [error for report in self.tables.values() for error in report.errors]

    def to_json(self) -> dict[str, Any]:
        """`{"tables": {name: {"taken": n, "quarantined": n, ...}}}`"""
        return {"tables": {name: report.to_json() for name, report in self.tables.items()}}

    def lines(self) -> list[str]:
        """The report as lines of plain text."""
        width = max((len(name) for name in self.tables), default=0)
        lines = []
        for name, report in self.tables.items():
            parts = [f"{report.taken:>13,} taken", f"{report.quarantined:>9,} quarantined"]
            if report.skipped_units:
                parts.append(f"{len(report.skipped_units)} loaded before")
            if report.replaced_units:
                parts.append(f"{len(report.replaced_units)} delivered anew")
            lines.append(f"{name:<{width}}  {', '.join(parts)}")
            for (field_name, rule, class_), rows in sorted(report.rules.items()):
                where = f"{field_name}: " if field_name else ""
                lines.append(f"    {rows:,} x {where}{RULES[rule]} ({rule}; found: {class_})")
            lines += [f"    note: {note}" for note in report.notes]
            lines += [f"    NOT LOADED: {error}" for error in report.errors]
        return lines or ["nothing to load"]
