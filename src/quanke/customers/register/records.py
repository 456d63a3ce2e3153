"""The normalised records of a home: one Parquet file, by party; only what is needed is held in memory.

Records are normalised a piece at a time, so that a large bank needs little more memory than a small one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.session import Connection
from quanke.bank.sql import literal, parquet
from quanke.customers.register.handed_over import records_of
from quanke.customers.register.numbers import Ints

PIECE = 400_000
"""Records normalised at a time."""
_ROWS = 122_880
_FEW_VALUES = ("family", "scope", "city", "district", "sex", "nationality")
"""Columns a dictionary makes smaller; for the others it only costs time."""
GROUPED_BY = ("party", "record_id", "digest", "document", "scope")
"""Columns that the groups are formed by."""


def normalised_pieces(
    connection: Connection, home: Home, fresh: Ints, handed_over: pa.Table
) -> Iterator[pa.Table]:
    """Normalised rows of some parties (rising), piece by piece, with `party` and `handed_over`."""
    from quanke.customers.identity import normalise

    known = handed_over["party"].to_numpy()
    digests = handed_over["handed_over"].combine_chunks()
    for start in range(0, len(fresh), PIECE):
        rows = records_of(connection, home, fresh[start : start + PIECE])
        party = rows["record_id"].cast(pa.int32())
        made = normalise(rows).append_column("party", party)
        place = pa.array(np.searchsorted(known, party.to_numpy()))
        yield made.append_column("handed_over", digests.take(place))


def write_records(
    connection: Connection, pieces: Iterator[pa.Table], kept: Path | None, stays: Ints, target: Path
) -> None:
    """Write kept rows (of the parties `stays`, rising) and new pieces to `target`, by party.

    Mostly all that is new stands behind all that is kept, and nothing goes: then rows are passed through.
    """
    new = target.with_name(target.name + ".new")
    if kept is None:
        _write(pieces, target)
        return
    _write(pieces, new, pq.read_schema(kept))
    held = pq.read_metadata(kept).num_rows
    first = pq.read_table(new, columns=["party"])["party"].to_numpy()
    behind = not len(first) or not len(stays) or first[0] > stays[-1]
    if held == len(stays) and behind:
        _write((*_passed(kept), *_passed(new)), target, pq.read_schema(kept))
    else:
        connection.register("standing_parties", pa.table({"party": pa.array(stays)}))
        connection.execute(
            f"COPY (SELECT * FROM (SELECT * FROM {parquet([kept])} SEMI JOIN standing_parties USING (party) "
            f"UNION ALL BY NAME SELECT * FROM {parquet([new])}) ORDER BY party) TO {literal(str(target))} "
            f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {_ROWS})"
        )
        connection.unregister("standing_parties")
    new.unlink()


def _passed(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for number in range(file.metadata.num_row_groups):
            yield file.read_row_group(number)


def _write(
    pieces: Iterator[pa.Table] | tuple[pa.Table, ...], target: Path, schema: pa.Schema | None = None
) -> None:
    writer = None
    for piece in pieces:
        if writer is None:
            writer = _writer(target, schema or piece.schema)
        writer.write_table(piece.select(writer.schema.names).cast(writer.schema), row_group_size=_ROWS)
    (writer or _writer(target, schema or _empty())).close()


def _empty() -> pa.Schema:
    from quanke.customers.identity import NORMALISED

    return NORMALISED.append(pa.field("party", pa.int32())).append(pa.field("handed_over", pa.uint64()))


def _writer(target: Path, schema: pa.Schema) -> pq.ParquetWriter:
    few = [name for name in _FEW_VALUES if name in schema.names]
    return pq.ParquetWriter(target, schema, compression="zstd", compression_level=1, use_dictionary=few)
