"""Files become units and records: names and dates, encodings, delimiters, quotes, numbers of rows."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.bank.readers.csv import stage_csv
from quanke.bank.readers.handover import date_in_name, discover
from quanke.bank.readers.staged import ROW
from quanke.bank.readers.texts import Utf8Stream
from quanke.kernel.errors import InputError
from tests.bank.small_bank import put


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("parties.csv", None),
        ("parties_2024-01-31.csv", date(2024, 1, 31)),
        ("parties_20240131.csv.gz", date(2024, 1, 31)),
        ("transactions/2024-02.parquet", date(2024, 2, 29)),
        ("transactions/2023-02_part2.parquet", date(2023, 2, 28)),
        ("transactions/from 2024-01-01 to 2024-01-31.csv", date(2024, 1, 31)),
        ("transactions/part-00001-20240105.csv", date(2024, 1, 5)),
        ("accounts_1234567890123.csv", None),
    ],
)
def test_the_date_in_a_name(name: str, expected: date | None) -> None:
    assert date_in_name(name) == expected


def test_a_date_that_does_not_exist() -> None:
    for name in ("parties_2024-02-30.csv", "parties_20241301.csv", "transactions/2024-13.csv"):
        with pytest.raises(ValueError, match=r"day|month|2024-13"):
            date_in_name(name)


def test_units_of_a_folder(tmp_path: Path) -> None:
    for name in (
        "parties.csv",
        "accounts_20240131.csv",
        "Accounts/2024-02.csv.gz",
        "transactions/2024-01-02.parquet",
        "transactions/2024-01-01.parquet",
        "transactions/year=2023/2023-12.zip",
        "channel_events-2024-01-01.csv",
        "branches_2024-02-30.csv",
        "README.md",
        "truth/persons.parquet",
        "_SUCCESS",
        ".hidden/parties.csv",
        "transactions/_temporary/x.parquet",
        "partys.csv",
        "other/whatever.csv",
        "posts.xlsx",
        "notes.txt",
    ):
        put(tmp_path, name, "")
    handover = discover(tmp_path)
    assert {table: [(u.name, u.business_date) for u in units] for table, units in handover.units.items()} == {
        "parties": [("parties", None)],
        "accounts": [("accounts_20240131", date(2024, 1, 31)), ("2024-02", date(2024, 2, 29))],
        "transactions": [
            ("year=2023~2023-12", date(2023, 12, 31)),
            ("2024-01-01", date(2024, 1, 1)),
            ("2024-01-02", date(2024, 1, 2)),
        ],
        "channel_events": [("channel_events-2024-01-01", date(2024, 1, 1))],
    }
    assert set(handover.refused) == {"branches", "partys", "other", "posts"}
    assert "does not exist" in handover.refused["branches"][0]


def test_two_files_that_are_one_unit(tmp_path: Path) -> None:
    put(tmp_path, "parties.csv", "")
    put(tmp_path, "parties.parquet", "")
    handover = discover(tmp_path)
    assert [unit.file for unit in handover.units["parties"]] == ["parties.csv"]
    assert handover.refused["parties"] == [
        "parties.parquet: is the same unit as parties.csv; hand over one of them"
    ]


@pytest.mark.parametrize("text", ["[1]", "{", '{"business_date": "31.1.2024"}', '{"encoding": "latin-1"}'])
def test_a_bad_bank_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "bank.json").write_text(text)
    with pytest.raises(InputError, match=r"bank\.json"):
        discover(tmp_path)


KNOWN = {"a", "b", "c"}


def read(
    tmp_path: Path, data: bytes, encoding: str = ""
) -> tuple[list[tuple[str, ...]], list[tuple[int, str]]]:
    """(row number, cells) of the records that could be split, (row number, record) of the others."""
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    staged = stage_csv(path, "x.csv", tmp_path, KNOWN, encoding)
    good = [tuple(record.values()) for record in pq.read_table(staged.path).to_pylist()]
    broken = [tuple(r.values()) for r in pq.read_table(staged.broken).to_pylist()] if staged.broken else []
    assert (staged.rows, staged.broken_rows) == (len(good), len(broken))
    return good, broken


@pytest.mark.parametrize(
    "data",
    [
        b"a,b,c\n1,2,3\n4,5,6\n",
        b"A , b,C\r\n1,2,3\r\n4,5,6",
        b"a;b;c\r1;2;3\r4;5;6\r",
        b"a|b|c|\n1|2|3|\n4|5|6|\n",
        b'"a"\t"b"\t"c"\n"1"\t2\t3\n\n\n4\t5\t"6"\n',
        b"\xef\xbb\xbfa,b,c\n1,2,3\n4,5,6\n",
    ],
)
def test_ways_to_write_the_same(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == ([(1, "1", "2", "3"), (2, "4", "5", "6")], [])


def test_records_with_too_few_or_too_many_cells_keep_their_numbers(tmp_path: Path) -> None:
    lines = ["a,b,c"] + [f"{at},x" if at % 1000 == 7 else f'{at},{at},"{at}\n"' for at in range(1, 60_001)]
    good, broken = read(tmp_path, "\n".join(lines).encode())
    assert [row for row, *_ in good] == [at for at in range(1, 60_001) if at % 1000 != 7]
    assert all(str(row) == cell for row, cell, *_ in good)
    assert broken == [(at, f"{at},x") for at in range(7, 60_001, 1000)]


CELL = st.text(st.sampled_from("ab\"\n\r,;张 '|"), max_size=5)


@settings(max_examples=60, deadline=None)
@given(records=st.lists(st.tuples(CELL, CELL, CELL).filter(any), max_size=8))
def test_what_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, ...]]
) -> None:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(records)
    good, broken = read(tmp_path_factory.mktemp("csv"), text.getvalue().encode())
    assert [cells for _, *cells in good] == [list(record) for record in records]
    assert broken == []


def test_quotes_that_are_never_closed(tmp_path: Path) -> None:
    for data in (b'a,b,c\n1,2,3\n1,2,"3\n4,5,6\n', b'a,b,c\n1,2,3\n1,"2,3\n4,5,6\n'):
        with pytest.raises(InputError, match="row 2: a quotation mark is opened here and never closed"):
            read(tmp_path, data)
    good, _ = read(tmp_path, b'a,b,c\n5" pipe,2,3\n')
    assert good == [(1, '5" pipe', "2", "3")]


CHINESE = "a,b,c\n1,张三䶮,深圳市福田区\n2,李四,𠮷\n"


@pytest.mark.parametrize(
    ("data", "encoding"), [(CHINESE.encode(), "utf-8"), (CHINESE.encode("gb18030"), "gb18030")]
)
def test_encodings_are_told_apart(data: bytes, encoding: str) -> None:
    for late in (0, 3_000_000):  # also where the first Chinese text comes after the first pieces
        filler = b"0,0,0\n" * (late // 6)
        stream = Utf8Stream(io.BytesIO(data[:6] + filler + data[6:]), "f")
        assert stream.read().decode() == CHINESE[:6] + filler.decode() + CHINESE[6:]
        assert stream.encoding == encoding


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_characters_over_the_edges_of_pieces(
    size: int, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quanke.bank.readers.texts._PIECE", size)
    stream = Utf8Stream(io.BytesIO(CHINESE.encode(encoding)), "f", encoding)
    assert b"".join(iter(lambda: stream.read(5), b"")).decode() == CHINESE


def test_a_wrong_byte_is_told_by_its_position() -> None:
    data = bytearray(("张三" * 500_000).encode())
    data[2_000_001] = 0xFF
    with pytest.raises(InputError, match=r"f: byte 20000(00|01|02) is not UTF-8"):
        Utf8Stream(io.BytesIO(bytes(data)), "f").read()
    with pytest.raises(InputError, match="byte 5 is not GB18030"):
        Utf8Stream(io.BytesIO(b"a,b\n" + b"\xb0\xff\xff\xff"), "f", "gb18030").read()


def test_other_encodings_are_not_read_as_chinese() -> None:
    for text, encoding in (("José García, München", "latin-1"), ("Střední Čechy, příjem", "cp1250")):
        with pytest.raises(InputError, match=r"neither UTF-8 nor GB18030|is not GB18030"):
            Utf8Stream(io.BytesIO(text.encode(encoding)), "f").read()


def test_row_numbers_are_in_the_staged_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n")
    staged = stage_csv(tmp_path / "x.csv", "x.csv", tmp_path, KNOWN)
    assert pq.read_schema(staged.path).names == [ROW, "a", "b"]
    assert [column.name for column in staged.columns] == ["a", "b"]
