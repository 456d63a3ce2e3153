"""Refused events, kept in the home so that they can be mended and sent again.

    live/quarantine/<table>/<share>-<step>.parquet

The files have the columns of the loader's quarantine (`quanke.bank.load.quarantine`): what came, as text,
and `unit` (the source), `file`, `row`, `field`, `rule`, `value_class`, `faults`. One file per step and table,
written under its name again if the step is done again: nothing stands in two of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.load.quarantine import REASONS
from quanke.bank.readers.staged import RECORD


class Quarantine:
    """The quarantine of one share of the customers."""

    def __init__(self, folder: Path, share: str) -> None:
        self.folder = folder
        self._share = share

    def write(self, step: int, refused: Mapping[str, pa.Table]) -> None:
        """Keep the refused events of a step; `refused` by table, with `#place` besides."""
        for table, rows in refused.items():
            path = self.folder / table / f"{self._share}-{step:012d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}")
            pq.write_table(_tidy(rows), beside, compression="zstd")
            os.replace(beside, path)


def _tidy(rows: pa.Table) -> pa.Table:
    """Without columns that nobody filled, the reasons last."""
    given = [
        name
        for name in rows.column_names
        if name not in REASONS and not name.startswith("#") and rows[name].null_count < rows.num_rows
    ]
    if RECORD in given:
        given = [*(name for name in given if name != RECORD), RECORD]
    return rows.select([*given, *REASONS])


def waiting(folder: Path) -> list[Path]:
    """The files of a quarantine, oldest first."""
    return sorted(path for path in folder.glob("*/*.parquet") if not path.name.startswith("."))
