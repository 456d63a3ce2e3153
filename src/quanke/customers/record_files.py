"""Files of records to resolve, and of what came out: CSV or Parquet, by their ending."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from quanke.kernel.errors import InputError


def read_records(path: Path) -> pa.Table:
    """A table of texts (CSV) or as the file types them (Parquet). Raises InputError for another kind of file,
    or one that cannot be read."""
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        if path.suffix == ".csv":
            with path.open("rb") as stream:
                head = stream.readline().decode("utf-8-sig")
            names = [name.strip().strip('"') for name in head.rstrip("\r\n").split(",")]
            # every column is text: a number that begins with 0 must keep it
            texts = csv.ConvertOptions(column_types={name: pa.string() for name in names})
            return csv.read_csv(path, convert_options=texts)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({type(error).__name__})", file=path.name) from None
    raise InputError("records are read from .csv or .parquet", file=path.name)


def write_records(table: pa.Table, path: Path) -> None:
    """Write beside and rename. Raises InputError for another ending than .csv or .parquet."""
    beside = path.with_name(path.name + ".part")
    if path.suffix == ".parquet":
        pq.write_table(table, beside, compression="zstd")
    elif path.suffix == ".csv":
        csv.write_csv(table, beside)
    else:
        raise InputError("results are written to .csv or .parquet", file=path.name)
    beside.replace(path)
