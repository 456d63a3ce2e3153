"""Broken and hostile files: each ends in a clear message or in quarantine rows, and nothing is lost.

Every case is one file of `transactions` or `balances` in a hand-over whose `posts` are good: the posts must
be taken whatever the other file does. A case says either what the table's error must be, or how many rows
are taken and which are refused (row, field, rule, value class).
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quanke.bank.home import Home
from tests.bank.small_bank import base, load_into, put, refused, rows

HEADER = "transaction_id,account_id,date,direction,amount,kind,memo"
GOOD = "T1,A1,2024-01-02,in,1.00,salary,m"
Refused = tuple[int, str, str, str]


@dataclass(frozen=True)
class Case:
    """`write` puts the file into a folder. Exactly one of `error` and `taken` is given."""

    write: Callable[[Path], object]
    error: str = ""
    taken: int | None = None
    refused: tuple[Refused, ...] = ()
    table: str = "transactions"


def csv(*lines: str, name: str = "transactions.csv") -> Callable[[Path], object]:
    return lambda folder: put(folder, name, *lines)


def raw(data: bytes, name: str = "transactions.csv") -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return write


def one(**cells: str) -> Callable[[Path], object]:
    """A CSV of one good row and one in which some cells are changed."""
    names = HEADER.split(",")
    bad = dict(zip(names, ["T2", "A1", "2024-01-02", "in", "1.00", "salary", "m"], strict=True)) | cells
    return csv(HEADER, GOOD, ",".join(bad[name] for name in names))


def parquet(table: pa.Table, name: str = "transactions.parquet") -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        pq.write_table(table, folder / name)

    return write


def movements(count: int = 1, **columns: object) -> pa.Table:
    """Good movements with some columns put in or replaced."""
    values: dict[str, object] = {
        "transaction_id": [f"T{at}" for at in range(count)],
        "account_id": ["A1"] * count,
        "date": [date(2024, 1, 2)] * count,
        "direction": ["in"] * count,
        "amount": pa.array([Decimal("1.00")] * count, pa.decimal128(12, 2)),
        "kind": ["salary"] * count,
    }
    return pa.table({name: column for name, column in (values | columns).items() if column is not None})


def parquet_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="none", use_dictionary=False)
    return sink.getvalue()


def damaged_page() -> bytes:
    """A Parquet file with a whole footer and a data page overwritten."""
    data = bytearray(parquet_bytes(movements(5_000)))
    data[4:20_000] = b"\xff" * 19_996
    return bytes(data)


def zipped(*names: str, data: bytes = f"{HEADER}\n{GOOD}\n".encode()) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, data)
    return sink.getvalue()


def encrypted() -> bytes:
    """A zip whose member says that it is encrypted."""
    data = bytearray(zipped("a.csv"))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)


def invalid_utf8_parquet() -> pa.Table:
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe\xfa"], pa.binary()).buffers())
    return movements(memo=bad)


LONG = "x" * (10 << 20)

CASES: dict[str, Case] = {
    # Files that are not what they are called.
    "truncated parquet": Case(
        raw(parquet_bytes(movements(5_000))[:40_000], "transactions.parquet"), "not a whole Parquet file"
    ),
    "parquet with a damaged page": Case(
        raw(damaged_page(), "transactions.parquet"), "cannot be read to its end: it is cut off or damaged"
    ),
    "a letter called parquet": Case(raw(b"Dear bank", "transactions.parquet"), "not a whole Parquet file"),
    "an empty parquet": Case(raw(b"", "transactions.parquet"), "not a whole Parquet file"),
    "parquet called csv": Case(raw(parquet_bytes(movements())), "is a Parquet file: name it .parquet"),
    "excel called csv": Case(raw(zipped("xl/workbook.xml")), "is a ZIP or Excel file, not CSV"),
    "gz called csv": Case(raw(gzip.compress(b"a")), "is a gz file: name it .csv.gz"),
    "a kind of file nobody reads": Case(raw(b"x", "transactions.xlsx"), "this kind of file is not read"),
    "truncated gz": Case(
        raw(gzip.compress((HEADER + "\n" + GOOD).encode() * 99)[:-30], "transactions.csv.gz"),
        "cannot be unpacked",
    ),
    "gz with a wrong checksum": Case(
        raw(gzip.compress((HEADER + "\n" + GOOD).encode())[:-8] + b"\0" * 8, "transactions.csv.gz"),
        "cannot be unpacked",
    ),
    "damaged zip": Case(raw(b"PK\x03\x04" + b"\0" * 50, "transactions.zip"), "cannot be unpacked"),
    "zip of two files": Case(raw(zipped("a.csv", "b.csv"), "transactions.zip"), "holds 2 files"),
    "zip of nothing": Case(raw(zipped(), "transactions.zip"), "holds 0 files"),
    "encrypted zip": Case(raw(encrypted(), "transactions.zip"), "is encrypted"),
    "empty file": Case(raw(b""), "is empty: not even a header"),
    "only NUL": Case(raw(b"\0" * 5_000), "is not a text file"),
    "a date that does not exist in the name": Case(
        csv(HEADER, GOOD, name="transactions_2024-02-30.csv"), "the date in its name does not exist"
    ),
    # Files whose form is broken.
    "header only": Case(csv(HEADER), taken=0),
    "parquet without rows": Case(parquet(movements(0)), taken=0),
    "no header": Case(csv(GOOD, GOOD), "its first line is not a header"),
    "a required column is missing": Case(
        csv("transaction_id,account_id,date,direction,kind", "T1,A1,2024-01-02,in,salary"),
        "field amount: the file has no such column",
    ),
    "a column stands twice": Case(csv(HEADER + ",Memo", GOOD + ",x"), "field memo: this column stands twice"),
    "two amounts": Case(csv(HEADER + ",amount_fen", GOOD + ",100"), "field amount: stands beside amount_fen"),
    "a quote never closed": Case(
        csv(HEADER, GOOD, 'T2,A1,2024-01-02,in,1,salary,"m', GOOD),
        "row 2: a quotation mark is opened here and never closed",
    ),
    "a record without end": Case(
        raw(f"{HEADER}\n".encode() + b"x" * (40 << 20)), "a record is longer than 16 MB"
    ),
    "too few and too many cells": Case(
        csv(HEADER, GOOD, "T2,A1", GOOD + ",more"),
        taken=1,
        refused=((2, "", "cells", "record"), (3, "", "cells", "record")),
    ),
    "only delimiters": Case(
        csv(HEADER, GOOD, ",,,,,,"), taken=1, refused=((2, "transaction_id", "required", "empty"),)
    ),
    "utf-16": Case(raw(f"{HEADER}\n{GOOD}\n".encode("utf-16")), "is UTF-16"),
    "latin-1": Case(
        raw(f"{HEADER}\n{GOOD} José García\n".encode("latin-1")), "it is neither UTF-8 nor GB18030"
    ),
    "one wrong byte": Case(
        raw((HEADER + "\n" + GOOD + " 张三李四王五\n").encode() + b"T2,\xfe"), r"byte \d+ is not UTF-8"
    ),
    "reserved parquet column": Case(
        parquet(movements(file_row_number=[1])), "file_row_number: this name is reserved"
    ),
    "nested parquet column": Case(
        parquet(movements(kind=[["salary"]])),
        "field kind: the column holds something else, but the field is a code",
    ),
    "bytes instead of text": Case(
        parquet(movements(transaction_id=pa.array([b"\xff"], pa.binary()))),
        "field transaction_id: the column holds",
    ),
    "parquet text that is not utf-8": Case(parquet(invalid_utf8_parquet()), "cannot be read to its end"),
    "floating-point money": Case(
        parquet(movements(amount=[1.1])), "field amount: is a floating-point column"
    ),
    "floating-point fen": Case(
        parquet(movements(amount=None, amount_fen=[1.0])), "field amount_fen: is a floating-point column"
    ),
    # Rows that cannot be meant.
    "NUL in a cell": Case(one(memo="a\0b"), taken=1, refused=((2, "memo", "nul", "text with NUL"),)),
    "NUL in a code": Case(one(kind="sal\0ary"), taken=1, refused=((2, "kind", "values", "text with NUL"),)),
    "a cell of 10 MB": Case(one(memo=LONG), taken=1, refused=((2, "memo", "length", "too long"),)),
    "a key of 10 MB": Case(
        one(transaction_id=LONG), taken=1, refused=((2, "transaction_id", "length", "too long"),)
    ),
    "a parquet cell of 10 MB": Case(
        parquet(movements(2, memo=["m", LONG])), taken=1, refused=((2, "memo", "length", "too long"),)
    ),
    "year 9999": Case(one(date="9999-12-31"), taken=1, refused=((2, "date", "range", "date"),)),
    "year 1": Case(one(date="0001-01-01"), taken=1, refused=((2, "date", "range", "date"),)),
    "a day that does not exist": Case(
        one(date="2023-02-29"), taken=1, refused=((2, "date", "type", "date"),)
    ),
    "swapped columns": Case(
        one(date="1.00", amount="2024-01-02"), taken=1, refused=((2, "date", "type", "decimal number"),)
    ),
    "swapped codes": Case(
        one(direction="salary", kind="in"), taken=1, refused=((2, "direction", "values", "text"),)
    ),
    "duplicate keys": Case(
        one(transaction_id="T1"), taken=1, refused=((2, "transaction_id", "duplicate_key", "text"),)
    ),
    "separators of thousands": Case(
        one(amount='"1,000"'), taken=1, refused=((2, "amount", "type", "number with separators"),)
    ),
    "not a number": Case(one(amount="NaN"), taken=1, refused=((2, "amount", "type", "text"),)),
    "a number without end": Case(
        one(amount="9" * 400), taken=1, refused=((2, "amount", "range", "whole number"),)
    ),
    "half a fen": Case(one(amount="0.005"), taken=1, refused=((2, "amount", "decimals", "decimal number"),)),
    "negative zero is zero": Case(
        one(amount="-0.00"), taken=1, refused=((2, "amount", "positive", "decimal number"),)
    ),
    "fen beyond 64 bits": Case(
        parquet(movements(2, amount=None, amount_fen=pa.array([1, 2**64 - 1], pa.uint64()))),
        taken=1,
        refused=((2, "amount", "range", "whole number"),),
    ),
    "an unknown account": Case(
        one(account_id="A99"), taken=1, refused=((2, "account_id", "references", "text"),)
    ),
    "formulas": Case(
        csv(HEADER, GOOD[:-1] + "=cmd|' /C calc'!A0", "+T2,A1,2024-01-02,in,1,salary,@SUM(1)"), taken=2
    ),
    "words for a database": Case(
        one(transaction_id="'); DROP TABLE accounts; --", memo="${jndi:ldap://x}", kind="salary' OR '1'='1"),
        taken=1,
        refused=((2, "kind", "values", "text"),),
    ),
    "a file name for a database": Case(
        csv(HEADER, GOOD, name='transactions/2024-01 \'); -- "x" [a] *.csv'), taken=1
    ),
    "column names for a database": Case(csv(HEADER + ""","a""b'; --",x y""", GOOD + ",1,2"), taken=1),
    "negative zero in a balance": Case(
        csv("account_id,date,balance", "A1,2024-01-01,-0.00", name="balances.csv"), taken=1, table="balances"
    ),
    "infinite dates": Case(
        lambda folder: duckdb.sql(
            "SELECT 'A1' AS account_id, unnest(['infinity'::DATE, '2024-01-01'::DATE]) AS date, "
            "1::BIGINT AS balance_fen"
        ).write_parquet(str(folder / "balances.parquet")),
        taken=1,
        refused=((1, "date", "range", "text"),),
        table="balances",
    ),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with the small bank in it, to copy."""
    folder = tmp_path_factory.mktemp("hostile")
    home = Home.create(folder / "home")
    assert load_into(home, base(folder / "given")).errors == []
    yield home.path


def test_there_are_enough() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file(name: str, loaded: Path, tmp_path: Path) -> None:
    case = CASES[name]
    shutil.copytree(loaded, tmp_path / "home")
    home = Home.open(tmp_path / "home")
    given = tmp_path / "given"
    put(given, "posts.csv", "post_id,branch_id,role", "P1,B1,teller")
    case.write(given)
    report = load_into(home, given)
    assert report.tables["posts"].taken == 1, "a broken file stops its own table alone"
    table = report.tables[case.table]
    if case.error:
        assert len(table.errors) == 1
        assert re.search(case.error, table.errors[0]), table.errors
        assert case.table in table.errors[0], "the message names the file"
        assert "\n" not in table.errors[0] and len(table.errors[0]) < 300
        assert (table.taken, table.quarantined, home.facts(case.table)) == (0, 0, [])
        return
    assert (table.taken, table.quarantined, table.errors) == (case.taken, len(case.refused), [])
    assert tuple(row[1:] for row in refused(home, case.table)) == case.refused
    if case.table == "transactions":
        assert len(rows(home, "transactions")) == case.taken


def test_what_is_refused_can_be_seen_in_full(loaded: Path, tmp_path: Path) -> None:
    shutil.copytree(loaded, tmp_path / "home")
    home = Home.open(tmp_path / "home")
    one(memo=LONG, kind="nothing")(tmp_path / "given")
    load_into(home, tmp_path / "given")
    kept = pq.read_table(home.quarantine("transactions")[0]).to_pylist()
    assert kept[0]["memo"] == LONG
    assert kept[0]["faults"] == "kind:values;memo:length"


def test_a_formula_is_kept_as_it_is(loaded: Path, tmp_path: Path) -> None:
    shutil.copytree(loaded, tmp_path / "home")
    home = Home.open(tmp_path / "home")
    CASES["formulas"].write(tmp_path / "given")
    load_into(home, tmp_path / "given")
    assert {row[0] for row in rows(home, "transactions", "memo")} == {"=cmd|' /C calc'!A0", "@SUM(1)"}


def test_no_message_holds_a_value(loaded: Path, tmp_path: Path) -> None:
    """Secrets in every cell of broken files: none comes out in the report."""
    secret = "13800138000"
    shutil.copytree(loaded, tmp_path / "home")
    home = Home.open(tmp_path / "home")
    given = tmp_path / "given"
    put(given, "transactions.csv", HEADER, *([",".join([secret] * 7)] * 3), ",".join([secret] * 9))
    put(given, "balances.csv", ",".join([secret] * 3), ",".join([secret] * 3))
    put(given, "cards.csv", f"card_id,source,party_id,kind,issued_on,{secret},{secret}", secret)
    table = pa.table(
        {"account_id": [secret], "product_id": [secret], "date": [secret], "value": [float(secret)]}
    )
    pq.write_table(table, given / "holdings.parquet")
    report = load_into(home, given)
    assert {"balances", "cards", "holdings"} <= {name for name, t in report.tables.items() if t.errors}
    assert report.tables["transactions"].quarantined == 4
    assert secret not in "\n".join(report.lines()) + str(report.to_json())


BOMB = """
import resource, sys
from pathlib import Path
sys.path[:0] = [{source!r}, {root!r}]
from quanke.bank.home import Home
from quanke.bank.load import Resources, load
from quanke.kernel.progress import SilentProgress
home, given = Home.open(Path(sys.argv[1])), Path(sys.argv[2])
report = load(home, given, progress=SilentProgress(), resources=Resources("300MB", 2))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
print("\\n".join(report.errors) or report.tables["transactions"].to_json())
"""


def in_a_process(home: Path, given: Path) -> tuple[int, str]:
    """Peak memory in MB and what the report says, of a load in a process of its own."""
    root = Path(__file__).resolve().parents[2]
    script = BOMB.format(source=str(root / "src"), root=str(root))
    done = subprocess.run(
        [sys.executable, "-c", script, str(home), str(given)],
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    peak, told = done.stdout.split("\n", 1)
    return int(peak), told


LINES = (HEADER + "\n" + "0" * 60 + "\n").encode() + b"T,A1,2024-01-02,in,1.00,salary,\n" * 30_000


def gz_bomb() -> bytes:
    """A gigabyte in one megabyte: more than twice the memory that is granted."""
    sink = io.BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=1, mtime=0) as stream:
        stream.write(LINES)
        for _ in range(1_000):
            stream.write(b"0" * (1 << 20))
    return sink.getvalue()


def zip_bomb() -> bytes:
    sink = io.BytesIO()
    with (
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as out,
    ):
        out.write(LINES)
        for _ in range(300):  # of a megabyte: more than is granted
            out.write(b"T,A1,2024-01-02,in,1.00,salary,\n" * 32_768)
    return sink.getvalue()


@pytest.fixture(scope="module")
def usual(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Peak memory in MB of the load of a harmless file."""
    folder = tmp_path_factory.mktemp("harmless")
    shutil.copytree(loaded, folder / "home")
    one()(folder / "given")
    return in_a_process(folder / "home", folder / "given")[0]


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("transactions.csv.gz", gz_bomb, "a record is longer than|possible zip bomb"),
        ("transactions.zip", zip_bomb, "possible zip bomb"),
        ("transactions.csv", lambda: (HEADER + ("\n" + GOOD[:-1] + LONG) * 3).encode(), "'quarantined': 3"),
    ],
    ids=["gz bomb", "zip bomb", "cells of 10 MB"],
)
def test_memory_is_bounded(
    name: str, make: Callable[[], bytes], told: str, usual: int, loaded: Path, tmp_path: Path
) -> None:
    shutil.copytree(loaded, tmp_path / "home")
    raw(make(), name)(tmp_path / "given")
    peak, said = in_a_process(tmp_path / "home", tmp_path / "given")
    assert re.search(told, said), said
    assert peak < usual + 450, f"{peak} MB, where a harmless file takes {usual} MB"
