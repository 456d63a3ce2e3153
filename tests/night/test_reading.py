"""Point reads of one customer: what all rows say, whoever he was when they were loaded, batches or not."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quanke.bank.arranged import arranged
from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home
from quanke.kernel.errors import InputError, NightError
from quanke.kernel.progress import SilentProgress
from quanke.night import Bank
from quanke.night.batches import FOLDER, TABLES, write_batches
from quanke.night.reading import Reading

NAMED = [t for t in CONTRACTS if "customer" in {c.name for c in arranged(t)}]


@pytest.fixture
def own(after_june: Path, tmp_path: Path) -> Bank:
    """A home of one's own with two nights, and no batches yet."""
    shutil.copytree(after_june, tmp_path / "home")
    shutil.rmtree(tmp_path / "home" / FOLDER, ignore_errors=True)
    return Bank(Home.open(tmp_path / "home"))


def some(bank: Bank, count: int = 10) -> list[int]:
    """Customers, among them all who were moved: merged, split, or left by a record."""
    register, night = bank.register, bank.night()
    moved = register.moved
    touched = {*register.customer[moved].tolist(), *register.loaded[moved].tolist()}
    there = [c for c in range(night.rows) if c not in night.absorbed]
    drawn = np.random.default_rng(7).choice(there, count, replace=False).tolist()
    return sorted({*drawn, *(c for c in touched if c not in night.absorbed)})


@cache
def whole(files: tuple[Path, ...]) -> pa.Table:
    return pa.concat_tables([pq.read_table(f) for f in files], promote_options="permissive")


def expected(bank: Bank, table: str, customer: int) -> pa.Table:
    """The rows by reading everything: those of the customer's records, or of his records' accounts."""
    parties = pa.array(bank.register.parties_of(customer))
    rows = whole(tuple(bank.home.facts(table)))
    if "party" in rows.column_names:
        return rows.filter(pc.is_in(rows["party"], parties))
    accounts = whole(tuple(bank.home.facts("accounts")))
    mine = accounts.filter(pc.is_in(accounts["party"], parties))["account"]
    return rows.filter(pc.is_in(rows["account"], mine.combine_chunks()))


def told(rows: pa.Table) -> list[str]:
    names = [n for n in rows.column_names if n not in ("customer", "unit")]
    return sorted(json.dumps(r, default=str, sort_keys=True) for r in rows.select(names).to_pylist())


@pytest.mark.parametrize("batches", [False, True])
def test_rows_are_those_of_all_rows(own: Bank, batches: bool) -> None:
    if batches:
        assert write_batches(own.home, SilentProgress()) >= len(TABLES) - 1
    read = Reading(own.night(), own.home)
    seen = 0
    for table in NAMED:
        if not own.home.facts(table):
            continue
        for customer in some(own)[:12] if table in ("transactions", "balances") else some(own):
            rows = read.rows(table, customer)
            seen += rows.num_rows
            assert told(rows) == told(expected(own, table, customer)), (table, customer)
            assert rows["customer"].to_pylist() == [customer] * rows.num_rows
    assert seen > 1000


def test_golden_records_and_names(own: Bank) -> None:
    read = Reading(own.night(), own.home)
    chosen = some(own)
    for customer in chosen:
        assert read.golden(customer) == own.golden(customer)
    masked = read.masked_names(chosen)
    assert [masked[c] for c in chosen] == own.masked_names(chosen)
    names = read.names(chosen)
    for customer in chosen:
        held = next((f.value for f in own.golden(customer) if f.name == "name"), None)
        assert names[customer] == (held or "-")


def test_some_golden_fields_are_those_of_the_whole_record(own: Bank) -> None:
    night, fields = own.night(), ("name", "phone", "id_number", "sex")
    reading = Reading(night, own.home)
    customers = [c for c in range(0, night.rows, 7) if c not in night.absorbed]
    found = reading.golden_fields(customers, fields)
    for customer in customers:
        whole = {f.name: f for f in reading.golden(customer) if f.name in fields}
        assert {n: (f.value, f.source, f.party) for n, f in found[customer].items()} == {
            n: (f.value, f.source, f.party) for n, f in whole.items()
        }


def test_closing_balances_add_up(own: Bank) -> None:
    read = Reading(own.night(), own.home)
    deltas = pa.concat_tables([pq.read_table(f) for f in own.home.facts("balances")])
    for customer in some(own)[:20]:
        for account, balance in read.closing(customer).items():
            mine = deltas.filter(pc.equal(deltas["account"], account))
            assert balance == (pc.sum(mine["delta"]).as_py() or 0)


def test_batches_are_made_once_and_never_believed_of_another_file(own: Bank) -> None:
    write_batches(own.home, SilentProgress())
    assert write_batches(own.home, SilentProgress()) == 0
    customer = some(own)[0]
    file = own.home.facts("parties")[0]
    changed = pq.read_table(file)
    place = changed.column_names.index("name")
    changed = changed.set_column(place, "name", pa.array(["改"] * changed.num_rows))
    pq.write_table(changed, file)
    read = Reading(own.night(), own.home)
    assert {r["name"] for r in read.rows("parties", customer).to_pylist()} <= {"改"}
    assert write_batches(own.home, SilentProgress()) == 1
    assert {r["name"] for r in read.rows("parties", customer).to_pylist()} <= {"改"}


def test_what_cannot_be_read_is_refused(own: Bank) -> None:
    read = Reading(own.night(), own.home)
    with pytest.raises(NightError):
        read.rows("parties", own.night().rows)
    with pytest.raises(InputError):
        read.rows("products", 0)


def test_some_tags_are_explained_as_all_are(bank: Bank) -> None:
    from quanke.night.explain import explain

    customer = some(bank)[0]
    everything = {e.name: e for e in bank.explain(customer)}
    for name in ("tier", "stage", "aum", "owner_post", "key_group"):
        [alone] = explain(bank.night(), bank.catalogue, customer, bank.home.currency, (name,))
        assert alone == everything[name]
