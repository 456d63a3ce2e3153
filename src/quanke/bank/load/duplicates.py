"""Rows whose key stands twice: within the unit, and (EVENT) in units loaded before for the same days.

Keys are compared by 64-bit hash first, sorted in NumPy: that costs a tenth of a second per ten million rows
and almost always finds nothing. Only rows whose hash stands twice are compared by their real key.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quanke.bank.load.checked import ROW, Checked
from quanke.bank.session import Connection, arrow_batches
from quanke.bank.sql import parquet, quoted

Hashes = npt.NDArray[np.uint64]


def hashes(connection: Connection, query: str) -> Hashes:
    """The one UBIGINT column of `query`, sorted."""
    batches = arrow_batches(connection, query, 1_000_000)
    pieces = [np.asarray(batch.column(0)) for batch in batches if batch.num_rows]
    found: Hashes = np.concatenate(pieces) if pieces else np.empty(0, np.uint64)
    found.sort()
    return found


def repeated(sorted_hashes: Hashes) -> Hashes:
    """The hashes that stand more than once."""
    return np.unique(sorted_hashes[1:][sorted_hashes[1:] == sorted_hashes[:-1]])


def drop_duplicates(connection: Connection, unit: Checked, loaded: Sequence[Path] = ()) -> None:
    """Let `unit.dropped` name a table of the good rows that repeat the key of an earlier good row.

    `loaded` are files of rows already taken that may hold the same keys.
    """
    keys = unit.key_values()
    present = " AND ".join(f"({key}) IS NOT NULL" for key in keys)
    ours = hashes(connection, f"SELECT hash({', '.join(keys)}) FROM ({unit.source}) WHERE {present}")
    within = repeated(ours)
    before = _common(connection, unit, ours, loaded)
    if not len(within) and not len(before):
        return
    values = ", ".join(quoted(f"v_{name}") for name in unit.contract.key)
    create_candidates(connection, np.union1d(within, before))
    suspicious = (
        f"{unit.ctes()} SELECT {ROW} AS row, {values} FROM checked "
        f"WHERE {unit.good} AND hash({values}) IN (SELECT hash FROM candidates)"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE suspicious AS {suspicious}")
    again = f"SELECT row FROM suspicious QUALIFY row_number() OVER (PARTITION BY {values} ORDER BY row) > 1"
    if len(before):
        names = ", ".join(quoted(name) for name in unit.contract.key)
        taken = f"SELECT {names} FROM {parquet(loaded)} WHERE hash({names}) IN (SELECT hash FROM candidates)"
        again += f" UNION SELECT row FROM suspicious WHERE ({values}) IN ({taken})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE dropped AS {again}")
    unit.dropped = "dropped"


def create_candidates(connection: Connection, found: Hashes) -> None:
    """Make the temporary table `candidates` (hash)."""
    connection.register("candidate_hashes", pa.table({"hash": pa.array(found, pa.uint64())}))
    connection.execute("CREATE OR REPLACE TEMP TABLE candidates AS SELECT hash FROM candidate_hashes")
    connection.unregister("candidate_hashes")


def _common(connection: Connection, unit: Checked, ours: Hashes, loaded: Sequence[Path]) -> Hashes:
    """Hashes of ours that also stand in files loaded before, one file in memory at a time."""
    names = ", ".join(quoted(name) for name in unit.contract.key)
    found = [np.empty(0, np.uint64)]
    for path in loaded:
        theirs = hashes(connection, f"SELECT hash({names}) FROM {parquet([path])}")
        at = np.searchsorted(theirs, ours)
        at[at == len(theirs)] = 0
        if len(theirs):
            found.append(ours[theirs[at] == ours])
    return np.unique(np.concatenate(found))
