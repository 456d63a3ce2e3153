"""The facts that ../shared/data/README.md states about Berka, after `adapt`."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quanke.bank.adapters.berka import BerkaReport, adapt
from quanke.bank.contracts import CONTRACTS
from quanke.bank.load import LoadReport
from tests.data.conftest import BERKA as SOURCE

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason=f"no Berka data: {SOURCE} is absent")


@pytest.fixture(scope="module")
def table(report: BerkaReport, target: Path) -> dict[str, pa.Table]:
    return {name: pq.read_table(target / f"{name}.parquet") for name in report.written}


def test_every_row_of_the_source_is_read(report: BerkaReport) -> None:
    assert report.read == {
        "account": 4_500,
        "client": 5_369,
        "disp": 5_369,
        "order": 6_471,
        "loan": 682,
        "card": 892,
        "district": 77,
        "trans": 49_102,
    }


def test_and_goes_where_it_belongs(report: BerkaReport, table: dict[str, pa.Table]) -> None:
    assert report.written == {
        "branches": 77,
        "parties": 5_369,
        "relations": 869,
        "accounts": 4_500 + 682,
        "cards": 892,
        "transactions": 49_102,
        "balances": 39_960,
    }
    assert {name: rows.num_rows for name, rows in table.items()} == report.written


def test_balances_follow_from_the_sums_on_99_93_percent_of_account_days(report: BerkaReport) -> None:
    assert (report.agreeing, report.account_days) == (39_932, 39_960)
    assert report.share_agreeing == "99.93 %"
    assert report.exact == 23_634
    assert report.largest_drift == 80  # the source rounds to ten haler; sums never drift by a crown
    text = "\n".join(report.lines())
    assert "39,932 of 39,960" in text and "99.93 %" in text
    assert json.loads(json.dumps(report.to_json()))["balances"]["agreeing"] == 39_932


def test_the_business_date_is_the_last_complete_day(report: BerkaReport, target: Path) -> None:
    assert report.disagreeing == {date(1994, 3, 31): 28}
    assert report.business_date == date(1994, 3, 30)
    bank = json.loads((target / "bank.json").read_text())
    assert bank == {"schema_version": 1, "currency": "CZK", "business_date": "1994-03-30"}


def test_the_ledger_is_that_of_the_1229_accounts_then_open(table: dict[str, pa.Table]) -> None:
    movements, accounts = table["transactions"], table["accounts"]
    current = accounts.filter(pc.equal(accounts["category"], "demand"))
    opened = current.filter(pc.less_equal(current["opened_on"], pa.scalar(date(1994, 3, 30))))
    assert set(movements["account_id"].to_pylist()) == set(opened["account_id"].to_pylist())
    assert opened.num_rows == 1_229
    assert pc.min(movements["date"]).as_py() == date(1993, 1, 1)


def test_withdrawals_of_the_third_type_flow_out(table: dict[str, pa.Table]) -> None:
    movements = table["transactions"]
    # 651 rows of type VYBER; as inflows they would break the balances and this sum
    signed = sum(
        amount if direction == "in" else -amount
        for amount, direction in zip(
            movements["amount"].to_pylist(), movements["direction"].to_pylist(), strict=True
        )
    )
    balances = table["balances"].sort_by([("account_id", "ascending"), ("date", "ascending")])
    last = dict(zip(balances["account_id"].to_pylist(), balances["balance"].to_pylist(), strict=True))
    assert signed == sum(last.values()) == Decimal("39246142.80")
    kinds = pc.value_counts(movements["kind"]).to_pylist()
    assert {row["values"]: row["counts"] for row in kinds} == {
        "cash": 23_899,
        "interest": 9_527,
        "fee": 5_445,
        "transfer": 3_975,
        "utilities": 3_719,
        "pension": 1_770,
        "insurance_premium": 644,
        "loan_repayment": 123,
    }


def test_one_customer_by_hand(table: dict[str, pa.Table]) -> None:
    """Client 2, who owns account 2 with client 3 to draw on it: rows to find with grep in the source."""
    people = {row["party_id"]: row for row in table["parties"].to_pylist()}
    assert people["2"] == {
        "source": "berka",
        "party_id": "2",
        "name": "client 2",
        "birth_date": date(1945, 2, 4),
        "sex": "male",
        "city": "Prague",
        "district": "Hl.m. Praha",
        "branch_id": "1",
        "opened_on": date(1993, 2, 26),
    }
    assert (people["1"]["birth_date"], people["1"]["sex"]) == (date(1970, 12, 13), "female")
    relation = next(row for row in table["relations"].to_pylist() if row["relation_id"] == "disp-3")
    assert (relation["from_party_id"], relation["to_party_id"], relation["kind"]) == ("2", "3", "authorises")
    first = [row["balance"] for row in table["balances"].to_pylist() if row["account_id"] == "2"][:3]
    assert first == [Decimal("1100.00"), Decimal("21336.00"), Decimal("25036.00")]
    loan = next(row for row in table["accounts"].to_pylist() if row["account_id"] == "loan-5314")
    assert (loan["credit_limit"], loan["opened_on"], loan["matures_on"]) == (
        Decimal("96396.00"),
        date(1993, 7, 5),
        date(1994, 7, 5),
    )


def test_keys_references_and_codes_keep_the_contracts(table: dict[str, pa.Table]) -> None:
    for name, rows in table.items():
        contract = CONTRACTS[name]
        keys = rows.select(list(contract.key))
        assert keys.group_by(list(contract.key)).aggregate([]).num_rows == rows.num_rows
        for field in contract:
            if field.name not in rows.column_names:
                continue
            values = set(rows[field.name].to_pylist()) - {None}
            if field.values:
                assert values <= set(field.values)
            if field.references:
                other, column = field.references.split(".")
                assert values <= set(table[other][column].to_pylist())


def test_the_same_source_gives_the_same_bytes(report: BerkaReport, target: Path, tmp_path: Path) -> None:
    adapt(SOURCE, tmp_path)
    files = sorted(path.name for path in target.iterdir())
    assert files == sorted([*(f"{name}.parquet" for name in report.written), "bank.json"])
    for name in files:
        assert (tmp_path / name).read_bytes() == (target / name).read_bytes()


def test_the_load_takes_every_row(report: BerkaReport, loaded: tuple[Path, LoadReport]) -> None:
    home, taken = loaded
    tables = taken.to_json()["tables"]
    assert {name: tables[name]["taken"] for name in report.written} == report.written
    assert not any(tables[name]["quarantined"] or tables[name]["errors"] for name in tables)
    changes = [pq.read_table(path) for path in (home / "tables" / "balances").glob("*.parquet")]
    assert sum(pc.sum(table["delta"]).as_py() for table in changes) == 3_924_614_280  # in haler, as above
