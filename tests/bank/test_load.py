"""A hand-over becomes arranged tables; the same again changes nothing; anew replaces; the rest is told."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quanke.bank.arranged import arranged, facts_sql
from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Counts, Home
from quanke.bank.load import Resources, load
from quanke.kernel.errors import HomeError, InputError
from quanke.kernel.progress import SilentProgress
from tests.bank.busy_bank import write_busy_bank
from tests.bank.small_bank import (
    account_numbers,
    balance,
    base,
    digest,
    load_into,
    put,
    refused,
    rows,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return base(tmp_path / "given")


TRANSACTIONS = "transaction_id,account_id,date,at,direction,amount,kind,memo"


def test_everything_is_taken_and_told(home: Home, given: Path) -> None:
    report = load_into(home, given)
    told = report.to_json()["tables"]
    assert {name: (told[name]["taken"], told[name]["quarantined"]) for name in told} == {
        "branches": (2, 0),
        "products": (2, 0),
        "fx_rates": (3, 0),
        "parties": (4, 0),
        "organisations": (1, 0),
        "accounts": (5, 0),
    }
    assert report.errors == []
    assert home.counts() == Counts(customers=4, accounts=5, parties=5)
    assert any("accounts" in line and "5 taken" in line for line in report.lines())


def test_every_table_has_exactly_the_columns_promised(home: Home, given: Path) -> None:
    load_into(home, given)
    for table in CONTRACTS:
        with duckdb.connect() as connection:
            described = connection.execute(f"DESCRIBE {facts_sql(home, table)}").fetchall()
        assert [(row[0], row[1]) for row in described] == [(c.name, c.type) for c in arranged(table)], table
    for path in home.facts("accounts"):
        assert pq.read_schema(path).names == [column.name for column in arranged("accounts")]


def test_transactions_are_arranged_and_converted(home: Home, given: Path) -> None:
    put(
        given,
        "transactions_2024-01.csv",
        TRANSACTIONS,
        "T1,A1,2024-01-02,2024-01-02 10:00:00,in,100.00,salary,=1+1",
        "T2,A4,2024-01-09,2024-01-09T02:00:00Z,in,10.01,transfer,",
        "T3,A4,20240110,,out,0.02,transfer,",
        "T4,A5,2024-01-05,2024-01-05 10:00:00+09:00,out,1010,transfer,",
        "T5,A2,2024-01-02,,out,5,card_payment,",
    )
    load_into(home, given)
    columns = 'customer, transaction_id, date, "at", amount, amount_original, category, currency, memo'
    found = rows(home, "transactions", columns, order="transaction_id")
    assert found == [
        (0, "T1", date(2024, 1, 2), datetime(2024, 1, 2, 10), 10000, 10000, "demand", "CNY", "=1+1"),
        (3, "T2", date(2024, 1, 9), datetime(2024, 1, 9, 10), 7107, 1001, "demand", "USD", None),
        (3, "T3", date(2024, 1, 10), None, 15, 2, "demand", "USD", None),  # 0.145 yuan, half up
        (1, "T4", date(2024, 1, 5), datetime(2024, 1, 5, 9), 5050, 1010, "demand", "JPY", None),
        (0, "T5", date(2024, 1, 2), None, 500, 500, "credit_card", "CNY", None),
    ]
    stored = pq.read_table(home.facts("transactions")[0]).column("customer").to_pylist()
    assert stored == sorted(stored)


def test_a_missing_rate_is_refused_and_can_be_replayed(home: Home, given: Path) -> None:
    put(given, "transactions.csv", TRANSACTIONS, "T1,A4,2023-12-31,,in,1,transfer,")
    load_into(home, given)
    assert refused(home, "transactions") == [("transactions.csv", 1, "amount", "fx_rate", "whole number")]


def test_the_same_files_again_change_nothing(home: Home, given: Path) -> None:
    put(
        given,
        "transactions.csv",
        TRANSACTIONS,
        "T1,A1,2024-01-02,,in,1,salary,",
        "T1,A1,2024-01-02,,in,1,salary,",
    )
    load_into(home, given)
    before = digest(home.path)
    again = load_into(home, given)
    assert digest(home.path) == before
    assert all(table.taken == table.quarantined == 0 for table in again.tables.values())
    assert all(len(table.skipped_units) == 1 for table in again.tables.values())


def test_a_snapshot_delivered_anew_replaces_its_rows_and_numbers_stay(home: Home, given: Path) -> None:
    load_into(home, given)
    old = dict(rows(home, "parties", "party_id, customer"))
    put(
        given,
        "parties.csv",
        "source,party_id,name,id_type,id_number",
        "core,7,新人,,",
        "core,3,王五改,,",
        "core,1,张三,resident_id,11010519491231002X",
    )
    report = load_into(home, given).tables["parties"]
    assert report.replaced_units == ["parties"]
    assert rows(home, "parties", "party_id, name, customer", order="party_id") == [
        ("1", "张三", old["1"]),
        ("3", "王五改", old["3"]),
        ("7", "新人", 4),
    ]
    assert [(u.ordinal, u.replaced_by) for u in home.book("parties")] == [(1, 2), (2, None)]


def test_the_later_business_date_wins_whatever_came_first(home: Home, given: Path) -> None:
    put(given, "branches_2024-02-01.csv", "branch_id,name,kind", "B1,二月,branch")
    load_into(home, given)
    put(given, "branches_20240115.csv", "branch_id,name,kind", "B1,一月,branch", "B3,只在一月,branch")
    load_into(home, given)
    assert rows(home, "branches", "branch_id, name", order="branch_id") == [
        ("B1", "二月"),
        ("B2", "福田支行"),
        ("B3", "只在一月"),
    ]


def test_units_of_one_run_are_merged_by_date_too(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    for day, name in (("2024-03", "三月"), ("2024-01", "一月"), ("2024-02", "二月")):
        put(
            folder,
            f"branches/{day}.csv",
            "branch_id,name,kind",
            f"B1,{name},branch",
            f"B{day[-1]}x,{name},branch",
        )
    report = load_into(home, folder)
    assert report.tables["branches"].taken == 6
    found = rows(home, "branches", "branch_id, name, unit", order="branch_id")
    assert found == [("B1", "三月", 3), ("B1x", "一月", 1), ("B2x", "二月", 2), ("B3x", "三月", 3)]


def test_events_delivered_anew_replace_the_earlier_delivery(home: Home, given: Path) -> None:
    name = "transactions_2024-01.csv"
    put(
        given,
        name,
        TRANSACTIONS,
        "T1,A1,2024-01-02,,in,1,salary,",
        "T2,A1,2024-01-03,,in,1,salary,",
        "T3,,,,,,,",
    )
    load_into(home, given)
    put(given, name, TRANSACTIONS, "T1,A1,2024-01-02,,in,7,salary,", "T9,A1,2024-01-03,,in,1,salary,")
    report = load_into(home, given).tables["transactions"]
    assert (report.taken, report.quarantined, report.replaced_units) == (2, 0, ["transactions_2024-01"])
    assert rows(home, "transactions", "transaction_id, amount") == [("T1", 700), ("T9", 100)]
    assert refused(home, "transactions") == []
    assert len(list((home.path / "tables/transactions").iterdir())) == 1


def test_a_level_delivered_anew_is_corrected_by_adding(home: Home, given: Path) -> None:
    put(given, "balances_2024-01.csv", "account_id,date,balance", "A1,2024-01-01,100", "A1,2024-01-05,300")
    load_into(home, given)
    put(given, "balances_2024-01.csv", "account_id,date,balance", "A1,2024-01-01,150", "A1,2024-01-05,300")
    load_into(home, given)
    account = account_numbers(home)["A1"]
    assert balance(home, account, date(2024, 1, 4)) == 15000
    assert balance(home, account, date(2024, 1, 5)) == 30000
    assert len(home.facts("balances")) == 2


def test_duplicates_within_a_unit_and_across_units_of_the_same_days(home: Home, given: Path) -> None:
    put(
        given,
        "transactions_2024-01.csv",
        TRANSACTIONS,
        "T1,A1,2024-01-02,,in,bad,salary,",
        "T1,A1,2024-01-02,,in,2,salary,",
        "T1,A1,2024-01-31,,in,3,salary,",
    )
    put(given, "transactions_2024-02.csv", TRANSACTIONS, "T1,A1,2024-02-02,,in,4,salary,")
    put(
        given,
        "transactions_2024-03.csv",
        TRANSACTIONS,
        "T1,A1,2024-01-02,,in,5,salary,",
        "T8,A1,2024-03-02,,in,6,salary,",
    )
    load_into(home, given)
    taken = rows(home, "transactions", "transaction_id, amount", order="amount")
    # The second T1 is the first good one; February does not meet January's days, March does.
    assert taken == [("T1", 200), ("T1", 400), ("T8", 600)]
    assert [(row[0][-6:], *row[1:4]) for row in refused(home, "transactions")] == [
        ("01.csv", 1, "amount", "type"),
        ("01.csv", 3, "transaction_id", "duplicate_key"),
        ("03.csv", 1, "transaction_id", "duplicate_key"),
    ]


def test_a_person_cannot_also_be_an_organisation(home: Home, given: Path) -> None:
    put(
        given,
        "organisations.csv",
        "source,party_id,name,kind",
        "core,1,一家公司,business",
        "core,5,另一家,business",
    )
    load_into(home, given)
    assert refused(home, "organisations") == [
        ("organisations.csv", 1, "source+party_id", "duplicate_key", "whole number")
    ]


def test_references(home: Home, given: Path) -> None:
    put(
        given,
        "cards.csv",
        "card_id,source,party_id,account_id,kind,issued_on",
        "C1,core,1,A1,debit,2024-01-01",
        "C2,core,1,,debit,2024-01-01",
        "C3,core,1,A99,debit,2024-01-01",
        "C4,core,99,A1,debit,2024-01-01",
    )
    put(given, "posts.csv", "post_id,branch_id,role,staff_id", "P1,B1,teller,S1", "P2,B9,teller,")
    report = load_into(home, given)
    assert rows(home, "cards", "customer, account, card_id") == [(0, 0, "C1"), (0, None, "C2")]
    assert [row[1:4] for row in refused(home, "cards")] == [
        (3, "account_id", "references"),
        (4, "party_id", "references"),
    ]
    assert [row[1:4] for row in refused(home, "posts")] == [(2, "branch_id", "references")]
    assert any("staff_id was not checked" in note for note in report.tables["posts"].notes)


def test_relations_join_two_customers(home: Home, given: Path) -> None:
    put(
        given,
        "relations.csv",
        "relation_id,from_source,from_party_id,to_source,to_party_id,kind,from_date,to_date",
        "R1,core,100,card,9,employs,2024-01-01,9999-12-31",
        "R2,core,100,core,77,employs,2024-01-01,",
    )
    load_into(home, given)
    assert rows(home, "relations", "from_customer, to_customer, to_date") == [(3, 0, None)]
    assert [row[1:4] for row in refused(home, "relations")] == [(2, "to_party_id", "references")]


def test_holdings_get_the_category_of_the_product(home: Home, given: Path) -> None:
    put(
        given,
        "holdings.csv",
        "account_id,product_id,date,units,value,cost",
        "A3,F1,2024-01-31,10.1234567,12.34,",
        "A3,D9,2024-01-31,1,1,",
    )
    load_into(home, given)
    found = rows(home, "holdings", "customer, account, product_id, value, category, units::VARCHAR")
    assert found == [(1, 2, "F1", 1234, "fund", "10.123457")]
    assert [row[1:4] for row in refused(home, "holdings")] == [(2, "product_id", "references")]


def test_identifiers_that_fail_are_kept_and_flagged(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    put(
        folder,
        "parties.csv",
        "source,party_id,name,id_type,id_number,phone",
        "core,1,张三,resident_id,110105194912310021,12345",
        "core,2,李四,resident_id,11010519491231002X,13800138000",
        "core,3,王五,,,",
    )
    put(
        folder,
        "organisations.csv",
        "source,party_id,name,uscc,kind",
        "core,9,公司,91440300192181490X,business",
    )
    load_into(home, folder)
    assert rows(home, "parties", "party_id, id_number IS NULL, id_valid, phone_valid") == [
        ("1", False, False, False),
        ("2", False, True, True),
        ("3", True, None, None),
    ]
    assert rows(home, "organisations", "uscc, uscc_valid") == [("91440300192181490X", False)]


def test_unknown_tables_and_broken_files_stop_alone(home: Home, given: Path) -> None:
    put(given, "wierd.csv", "a,b", "1,2")
    (given / "products.csv").unlink()
    (given / "products.parquet").write_bytes(b"PAR1 and then nothing")
    put(given, "branches.xlsx", "not really")
    report = load_into(home, given)
    assert "no table of this name" in report.tables["wierd"].errors[0]
    assert report.tables["products"].errors == [
        "products.parquet: is not a whole Parquet file: it is cut off or damaged"
    ]
    assert "this kind of file is not read" in report.tables["branches"].errors[0]
    assert report.tables["branches"].taken == 2
    assert report.tables["parties"].taken == 4
    assert home.book("products").units == ()


def test_a_broken_unit_leaves_the_units_before_it(home: Home, given: Path) -> None:
    put(given, "transactions/2024-01.csv", TRANSACTIONS, "T1,A1,2024-01-02,,in,1,salary,")
    put(
        given,
        "transactions/2024-02.csv",
        "transaction_id,account_id,date,direction,kind",
        "T2,A1,2024-02-02,in,salary",
    )
    put(given, "transactions/2024-03.csv", TRANSACTIONS, "T3,A1,2024-03-02,,in,1,salary,")
    report = load_into(home, given).tables["transactions"]
    assert (report.taken, report.units) == (1, 1)
    assert report.errors == [
        "transactions/2024-02.csv, field amount: the file has no such column (or amount_fen), and it is "
        "required"
    ]
    put(given, "transactions/2024-02.csv", TRANSACTIONS, "T2,A1,2024-02-02,,in,1,salary,")
    assert load_into(home, given).tables["transactions"].taken == 2


def test_later_schema_versions_and_absent_columns(home: Home, given: Path) -> None:
    (given / "bank.json").write_text('{"schema_version": 9, "business_date": "2024-01-31"}')
    put(
        given,
        "branches.csv",
        "branch_id,name,kind,carbon_neutral",
        "B1,深圳分行,branch,yes",
        "B2,福田支行,branch,no",
    )
    report = load_into(home, given)
    notes = report.tables["branches"].notes
    assert "columns not in the contract, left out: carbon_neutral" in notes
    assert any(note.startswith("optional columns not handed over: parent_id") for note in notes)
    assert any("schema version 9" in note for note in notes)
    assert rows(home, "branches", "branch_id, parent_id") == [("B1", None), ("B2", None)]
    assert [unit.unit for unit in home.book("branches")] == ["branches@2024-01-31"]
    assert home.book("branches").units[0].business_date == date(2024, 1, 31)


def test_a_table_before_what_it_refers_to_is_refused_whole(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    put(folder, "transactions.csv", TRANSACTIONS, "T1,A1,2024-01-02,,in,1,salary,")
    report = load_into(home, folder)
    assert report.errors == [
        "transactions.csv, field account_id: refers to accounts, of which nothing is loaded yet"
    ]


def test_minor_units_and_major_units(home: Home, given: Path) -> None:
    put(
        given,
        "transactions.csv",
        "transaction_id,account_id,date,direction,amount_fen,kind",
        "T1,A1,2024-01-02,in,123,salary",
        "T2,A1,2024-01-02,in,1.5,salary",
    )
    load_into(home, given)
    assert rows(home, "transactions", "amount") == [(123,)]
    assert [row[1:4] for row in refused(home, "transactions")] == [(2, "amount", "type")]


def test_floating_point_money_is_refused(home: Home, given: Path) -> None:
    table = pa.table(
        {"account_id": ["A1"], "date": [date(2024, 1, 1)], "balance": pa.array([1.5], pa.float64())}
    )
    pq.write_table(table, given / "balances.parquet")
    assert load_into(home, given).tables["balances"].errors == [
        "balances.parquet, field balance: is a floating-point column; money is handed over as DECIMAL, or as "
        "whole minor units in balance_fen"
    ]


def test_another_currency_than_the_home(given: Path, tmp_path: Path) -> None:
    (given / "bank.json").write_text('{"currency": "CZK"}')
    with pytest.raises(HomeError, match="hand-over is in CZK, but the home is in CNY"):
        load_into(Home.create(tmp_path / "home"), given)
    home = Home.create(tmp_path / "other", "CZK")
    assert load_into(home, given).errors == []


def test_only_some_tables(home: Home, given: Path) -> None:
    assert list(load_into(home, given, only=["branches"]).tables) == ["branches"]
    with pytest.raises(InputError, match="no table of this name"):
        load_into(home, given, only=["branch"])


def test_one_loader_at_a_time(home: Home, given: Path) -> None:
    with home.writing(), pytest.raises(HomeError, match="being written by another process"):
        load_into(home, given)
    load_into(home, given)


def test_a_home_is_not_made_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(HomeError, match="not an empty folder"):
        Home.create(tmp_path)
    with pytest.raises(HomeError, match="is not a home"):
        Home.open(tmp_path)
    with pytest.raises(HomeError, match="ISO 4217"):
        Home.create(tmp_path / "new", "YUAN")
    home = Home.create(tmp_path / "new", "CZK")
    assert Home.open(home.path).currency == "CZK"
    (home.path / "home.json").write_text('{"format": 3}')
    with pytest.raises(HomeError, match="another format"):
        Home.open(home.path)


def test_bytes_do_not_depend_on_threads_or_memory(tmp_path: Path) -> None:
    write_busy_bank(tmp_path / "busy", customers=45_000)  # more than one row group of transactions
    for late in ("2024-02", "2024-03"):
        (tmp_path / f"busy/transactions/{late}.parquet").unlink()
        (tmp_path / f"busy/balances/{late}.csv").unlink()
    trees = []
    for number, resources in enumerate((Resources("1GB", 1), Resources("1GB", 2), Resources("100MB", 2))):
        home = Home.create(tmp_path / f"home-{number}")
        report = load(home, tmp_path / "busy", progress=SilentProgress(), resources=resources)
        assert report.errors == []
        trees.append(digest(home.path))
    assert trees[0] == trees[1] == trees[2]
    assert sum(unit.quarantined for unit in Home.open(tmp_path / "home-0").book("transactions")) > 100
    for table in CONTRACTS:
        for path in Home.open(tmp_path / "home-0").facts(table):
            meta = pq.ParquetFile(path).metadata
            assert all(meta.row_group(at).num_rows <= 122_880 for at in range(meta.num_row_groups))
