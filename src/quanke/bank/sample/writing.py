"""Writing a sample bank: blocks made by workers, put into files in order by one writer.

The bytes depend on seed and size alone. Workers are processes of their own (`python -m
quanke.bank.sample.worker`); each hands its blocks over in a temporary file the writer maps into memory.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.contracts import CONTRACTS
from quanke.bank.sample.block import Output, generate_block, ordered
from quanke.bank.sample.crew import Worker
from quanke.bank.sample.days import Month, Span
from quanke.bank.sample.world import BLOCK, World, build_world
from quanke.kernel.errors import HomeError
from quanke.kernel.progress import Progress, SilentProgress

_PREFIXED = {
    "transaction_id",
    "event_id",
    "push_id",
    "contact_id",
    "ownership_id",
    "choice_id",
    "consent_id",
    "relation_id",
    "card_id",
    "assessment_id",
    "sale_id",
}
"""Columns of rising numbers: written as what they add to the one before."""


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What was written: rows by table, known truth by table, blocks and bytes."""

    target: Path
    customers: int
    seed: int
    blocks: int
    rows: dict[str, int]
    truth: dict[str, int]
    bytes: int

    def lines(self) -> list[str]:
        """For a terminal: a line a table, then the known truth."""
        head = f"{self.customers:,} customers, seed {self.seed}: {self.bytes / 1e6:,.0f} MB in {self.target}"
        tables = [f"{name:<16}{count:>14,} rows" for name, count in self.rows.items()]
        truth = [f"truth/{name:<18}{count:>6,} rows" for name, count in self.truth.items()]
        return [head, *tables, *truth]

    def to_json(self) -> dict[str, Any]:
        """Plain data for a program."""
        return {**asdict(self), "target": str(self.target)}


class _Files:
    """Open Parquet files of the hand-over, by name without ending; each grows a row group per block."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: dict[str, pq.ParquetWriter] = {}
        self.rows: dict[str, int] = {}

    def write(self, name: str, table: pa.Table) -> None:
        """Append a table as one row group to the file `name`.parquet."""
        writer = self._open.get(name)
        if writer is None:
            path = self._root / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = self._open[name] = _writer(path, table.schema)
        writer.write_table(table, row_group_size=max(1, table.num_rows))
        self.rows[name] = self.rows.get(name, 0) + table.num_rows

    def __enter__(self) -> _Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._open.values():
            writer.close()


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Fixed settings: what the bytes are must not hang on defaults of a later version more than needed."""
    coded = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    encodings = {name: "DELTA_BYTE_ARRAY" for name in schema.names if name in _PREFIXED}
    encodings |= {f.name: "DELTA_BINARY_PACKED" for f in schema if pa.types.is_timestamp(f.type)}
    plain_dates = [f.name for f in schema if pa.types.is_date(f.type)]
    return pq.ParquetWriter(
        path,
        schema,
        version="2.6",
        compression="zstd",
        compression_level=1,
        use_dictionary=[*coded, *plain_dates],
        column_encoding=encodings or None,
        dictionary_pagesize_limit=16 << 20,
        store_schema=False,
    )


def pieces(span: Span, output: Output) -> list[tuple[str, pa.Table]]:
    """File names and tables of a block, in a fixed order."""
    day = span.last_day.isoformat()
    found: list[tuple[str, pa.Table]] = []
    for name in CONTRACTS:
        if name in output.monthly:
            for month, table in zip(span.months, output.monthly[name], strict=True):
                found.append((f"{name}/{month_label(span, month)}", ordered(name, table)))
        elif name in output.whole:
            found.append((f"{name}_{day}", ordered(name, output.whole[name])))
    found += [(f"truth/{name}", output.truth[name]) for name in sorted(output.truth)]
    return found


def month_label(span: Span, month: Month) -> str:
    """YYYY-MM, or the last day where the span ends inside the month (a file's name is its business date)."""
    whole = month is not span.months[-1] or span.date_of(month.last + 1).day == 1
    return month.label if whole else span.last_day.isoformat()


def _shared(world: World) -> Iterator[tuple[str, pa.Table]]:
    day = world.span.last_day.isoformat()
    tables = {
        "branches": world.branches.table,
        "staff": world.staff.table,
        "posts": world.posts.table,
        "tenures": world.posts.tenures,
        "products": world.products.table,
        "product_values": world.products.history,
        "fx_rates": world.fx.table,
        "organisations": world.bodies.table,
    }
    for name, table in tables.items():
        yield f"{name}_{day}", ordered(name, table)


def write_sample(
    target: Path,
    *,
    customers: int = 200_000,
    seed: int = 20260630,
    last_day: date = date(2026, 6, 30),
    days: int = 365,
    progress: Progress | None = None,
    workers: int | None = None,
) -> SampleReport:
    """Write the hand-over of a sample bank of `customers` persons and `days` days of movements to `target`.

    `target` must not exist or be empty; it appears whole, by one rename. Equal customers, seed and days give
    equal bytes, whatever `workers` (default: one per processor, at most two). Raises `HomeError` where the
    target holds something, `ValueError` where the sizes make no sense.
    """
    if customers < 500 or not 90 <= days <= 1_500:
        raise ValueError("a sample bank has at least 500 customers and 90 to 1,500 days")
    target = Path(target)
    if target.exists() and any(target.iterdir()):
        raise HomeError(f"{target} is not empty; a sample bank is written into a new directory")
    beside = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        rows = _write(beside, customers, seed, last_day, days, progress or SilentProgress(), workers)
        if target.exists():
            target.rmdir()
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    truth = {name.removeprefix("truth/"): count for name, count in rows.items() if name.startswith("truth/")}
    tables: dict[str, int] = {}
    for name, count in rows.items():
        if not name.startswith("truth/"):
            table = name.split("/")[0].rsplit(f"_{last_day.isoformat()}", 1)[0]
            tables[table] = tables.get(table, 0) + count
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    return SampleReport(target, customers, seed, -(-customers // BLOCK), tables, truth, size)


def _write(
    root: Path, customers: int, seed: int, last_day: date, days: int, progress: Progress, workers: int | None
) -> dict[str, int]:
    world = build_world(customers, seed, last_day, days)
    count = min(workers or min(2, os.cpu_count() or 1), world.blocks)
    manifest = {"currency": "CNY", "schema_version": 1, "business_date": last_day.isoformat()}
    (root / "bank.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    with _Files(root) as files, progress.step("sample bank", total=customers) as step:
        for name, table in _shared(world):
            files.write(name, table)
        for block, parts in enumerate(_blocks(world, count, root)):
            for name, table in parts:
                files.write(name, table)
            step.advance(world.block_size(block))
        return files.rows


def _blocks(world: World, workers: int, root: Path) -> Iterator[list[tuple[str, pa.Table]]]:
    """Blocks in order; made here, or by worker processes a little ahead of the writer."""
    if workers <= 1:
        for block in range(world.blocks):
            yield pieces(world.span, generate_block(world, block))
        return
    crew = [Worker(world, root / f".worker{number}") for number in range(workers)]
    try:
        for block in range(min(workers, world.blocks)):
            crew[block % workers].ask(block)
        for block in range(world.blocks):
            worker = crew[block % workers]
            with worker.answer() as parts:
                if block + workers < world.blocks:
                    worker.ask(block + workers)
                yield parts
    finally:
        for worker in crew:
            worker.stop()
