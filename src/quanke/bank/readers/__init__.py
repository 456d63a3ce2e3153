"""Reading what a bank hands over: Parquet, CSV (UTF-8, GB18030, gz, zip) and any DB-API database.

* `handover`: which files of a folder are which units of which tables.
* `staged`: what every reader yields: one Parquet file with row numbers, and the records it could not split.
* `texts`: bytes of a CSV, unpacked and turned into UTF-8 in a stream. `csv`: records out of them.
* `parquet`: Parquet files, taken as they are. `database`: tables of a database, through a cursor.
"""

from __future__ import annotations

from quanke.bank.readers.database import DatabaseSource
from quanke.bank.readers.handover import BankSheet, Handover, Unit, discover
from quanke.bank.readers.staged import Kind, SourceColumn, Staged

__all__ = [
    "BankSheet",
    "DatabaseSource",
    "Handover",
    "Kind",
    "SourceColumn",
    "Staged",
    "Unit",
    "discover",
]
