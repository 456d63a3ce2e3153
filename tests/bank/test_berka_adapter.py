"""`adapt` on a source of a few rows, written here: what it refuses, and a day that disagrees."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from quanke.bank.adapters.berka import adapt
from quanke.kernel.errors import InputError

SMALL = {
    "district.asc": (
        ";".join(f"A{number}" for number in range(1, 17)),
        '1;"Hl.m. Praha";"Prague";1;0;0;0;1;1;100.0;1;?;0.43;167;?;9',
    ),
    "client.asc": ('"client_id";"birth_number";"district_id"', '1;"706213";1', '2;"450204";1'),
    "account.asc": ('"account_id";"district_id";"frequency";"date"', '7;1;"POPLATEK MESICNE";930101'),
    "disp.asc": ('"disp_id";"client_id";"account_id";"type"', '1;1;7;"OWNER"', '2;2;7;"DISPONENT"'),
    "order.asc": ('"order_id";"account_id";"bank_to";"account_to";"amount";"k_symbol"',),
    "loan.asc": (
        '"loan_id";"account_id";"date";"amount";"duration";"payments";"status"',
        '9;7;930131;1200;1;100.00;"A"',
    ),
    "card.asc": ('"card_id";"disp_id";"type";"issued"', '3;1;"classic";931107 00:00:00'),
    "trans.asc": (
        '"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"',
        '1;7;930101;"PRIJEM";"VKLAD";700.00;700.00;"";;',
        '2;7;930102;"VYBER";"VYBER";100.00;600.10;" ";;0',
        '3;7;930103;"PRIJEM";"PREVOD Z UCTU";50.00;950.00;"DUCHOD";"AB";"41"',
    ),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, lines in SMALL.items():
        (folder / name).write_text("\r\n".join(lines) + "\r\n", "ascii")
    return folder


def spoil(source: Path, name: str, old: str, new: str) -> None:
    path = source / name
    text = path.read_text("ascii")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_days_that_follow_and_days_that_do_not(source: Path, tmp_path: Path) -> None:
    report = adapt(source, tmp_path / "out")
    assert (report.account_days, report.agreeing, report.exact, report.largest_drift) == (3, 2, 1, 10)
    assert report.disagreeing == {date(1993, 1, 3): 1}
    assert report.business_date == date(1993, 1, 2)
    assert "2 of them '?'" in "\n".join(report.left_out)
    rows = pq.read_table(tmp_path / "out" / "transactions.parquet").to_pylist()
    assert [(row["direction"], row["kind"], row["initiated"]) for row in rows] == [
        ("in", "cash", True),
        ("out", "cash", True),
        ("in", "pension", False),
    ]
    assert [row["counterparty_account"] for row in rows] == [None, None, "41"]
    loan = pq.read_table(tmp_path / "out" / "accounts.parquet").to_pylist()[1]
    assert loan["matures_on"] == date(1993, 2, 28)


def test_a_packed_ledger_gives_the_same(source: Path, tmp_path: Path) -> None:
    adapt(source, tmp_path / "plain")
    plain = source / "trans.asc"
    (source / "trans.asc.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    adapt(source, tmp_path / "packed")
    for path in (tmp_path / "plain").iterdir():
        assert (tmp_path / "packed" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("trans.asc", "700.00;700.00", "7OO.00;700.00", "row 1, field amount"),
        ("trans.asc", "930102", "931302", "row 2, field date"),
        ("trans.asc", "930102", "1993-01-02", "row 2, field date"),
        ("trans.asc", '"VYBER";"VYBER"', '"VYBIR";"VYBER"', "row 2, field type: is none of"),
        ("trans.asc", "2;7;930102", "2;8;930102", "row 2, field account_id: refers to no account_id"),
        ("trans.asc", "2;7;930102", "1;7;930102", "row 2, field trans_id: stands twice"),
        ("trans.asc", '"";;', '"";', "row 1: has not 10 fields"),
        ("trans.asc", "amount", "sum", "does not begin with the columns"),
        ("trans.asc", "VKLAD", "VKLÁD", "bytes that are not ASCII"),
        ("trans.asc", '"VKLAD"', '"VKLAD', "trans.asc"),
        ("client.asc", "706213", "709913", "row 1, field birth_number"),
        ("disp.asc", '7;"OWNER"', '7;"DISPONENT"', "has no owner"),
        ("disp.asc", "2;2;7", "2;1;7", "row 2, field client_id: stands twice"),
        ("client.asc", '2;"450204"', '3;"450204"', "row 2, field client_id: has no disposition"),
        ("card.asc", "3;1;", "3;5;", "refers to no disp_id"),
        ("district.asc", '1;"Hl', 'x;"Hl', "row 1, field A1: is not a whole number"),
    ],
)
def test_what_is_broken_is_named_and_nothing_is_written(
    source: Path, tmp_path: Path, name: str, old: str, new: str, says: str
) -> None:
    spoil(source, name, old, new)
    with pytest.raises(InputError) as caught:
        adapt(source, tmp_path / "out")
    assert name in str(caught.value) and says in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_missing_or_cut_file_is_named(source: Path, tmp_path: Path) -> None:
    packed = gzip.compress((source / "trans.asc").read_bytes())
    (source / "trans.asc").unlink()
    with pytest.raises(InputError, match=r"trans\.asc: is missing"):
        adapt(source, tmp_path / "out")
    (source / "trans.asc.gz").write_bytes(packed[:-20])
    with pytest.raises(InputError, match=r"trans\.asc\.gz: cannot be read to its end"):
        adapt(source, tmp_path / "out")
