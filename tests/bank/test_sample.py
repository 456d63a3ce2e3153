"""The sample bank is the same on every run and keeps the contracts, except where it says that it does not."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2
from stdnum.luhn import is_valid as luhn_holds

from quanke.bank.contracts import CONTRACTS, FieldType
from quanke.bank.sample import write_sample
from quanke.bank.sample.draws import Choice, Draws, Level
from quanke.bank.sample.identity import hmt_permits, resident_ids
from quanke.bank.sample.text import decimals, digits, id_numbers
from quanke.bank.sample.text import uscc as make_uscc
from quanke.kernel.errors import HomeError
from tests.bank.conftest import SAMPLED, Query


def one(rows: list[tuple[Any, ...]]) -> Any:
    (row,) = rows
    return row[0]


def fingerprints(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_bytes_depend_on_seed_and_size_alone(tmp_path: Path) -> None:
    size = {"customers": 50_600, "days": 90}
    alone = write_sample(tmp_path / "alone", workers=1, seed=3, **size)
    together = write_sample(tmp_path / "together", workers=2, seed=3, **size)
    assert alone.blocks == 2
    assert fingerprints(alone.target) == fingerprints(together.target)
    assert (alone.rows, alone.truth, alone.bytes) == (together.rows, together.truth, together.bytes)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "nothing is left beside"


def test_another_seed_gives_another_bank(sample_bank: Path, tmp_path: Path) -> None:
    other = write_sample(tmp_path / "other", customers=4_000, seed=8, workers=1)
    same, different = fingerprints(sample_bank), fingerprints(other.target)
    assert same.keys() == different.keys()
    assert {name for name in same if same[name] == different[name]} == {"bank.json"}


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(HomeError, match="not empty"):
        write_sample(tmp_path, customers=500)
    assert (tmp_path / "mine.txt").read_text() == "keep me"


@pytest.mark.parametrize("wrong", [{"customers": 10}, {"days": 5}, {"days": 5_000}])
def test_sizes_without_sense_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 500 customers"):
        write_sample(tmp_path / "bank", **wrong)  # type: ignore[arg-type]


def test_a_span_that_ends_inside_a_month_is_named_by_its_last_day(tmp_path: Path) -> None:
    write_sample(tmp_path / "bank", customers=500, last_day=date(2026, 2, 11), days=120, workers=1)
    names = {path.stem for path in (tmp_path / "bank" / "balances").iterdir()}
    assert names == {"2025-10", "2025-11", "2025-12", "2026-01", "2026-02-11"}
    assert (tmp_path / "bank" / "parties_2026-02-11.parquet").exists()


def test_levels_and_choices_are_exact() -> None:
    level = Level((0, 0), (500_000, 100), (1_000_000, 10_000))
    words = np.array([0, 2**31, 2**32 - 1], dtype=np.uint32)
    assert level.at(words).tolist()[:2] == [0, 100]
    assert 9_990 <= level.at(words)[2] <= 10_000
    counts = np.bincount(Draws(1, "c").pick(Choice([1, 3]), 100_000))
    assert abs(counts[1] - 75_000) < 700
    assert sorted(Draws(2, "s").shuffled(1_000).tolist()) == list(range(1_000))
    assert (
        Draws(5, "a").words(4).tolist() == Draws(5, "a").words(4).tolist() != Draws(5, "b").words(4).tolist()
    )


def test_check_characters_agree_with_the_rule_book() -> None:
    firsts = digits(np.array([11010519491231002, 44052418800101001]), 17)
    assert [bytes(row).decode() for row in id_numbers(firsts)] == ["11010519491231002X", "440524188001010014"]
    kind = np.frombuffer(b"91", np.uint8).reshape(1, 2)
    made = make_uscc(kind, np.array([440300]), np.array([19220382]))
    assert bytes(made[0]).decode() == "914403001922038216"
    assert decimals(np.array([-1_500_000, 2])).to_pylist() == [Decimal("-1.5"), Decimal("0.000002")]


def test_no_number_of_a_document_is_given_twice() -> None:
    """Ten people of one birthday and sex in each of 300 blocks, and staff, who stand outside the blocks."""
    birth, male = np.full(10, 11_000), np.ones(10, dtype=np.bool_)
    made = [number for block in range(-1, 300) for number in resident_ids(block, birth, male).to_pylist()]
    assert len(set(made)) == len(made) == 3_010
    assert all(mod_11_2.is_valid(number) and number[6:14] == "20000213" for number in made)
    assert len({number[:6] for number in made}) > 50
    permits = [
        number for block in range(200) for number in hmt_permits(block, birth[:4], male[:4]).to_pylist()
    ]
    assert len(set(permits)) == len(permits)


def test_every_table_is_there_with_the_columns_of_its_contract(ask: Query) -> None:
    for name in SAMPLED:
        contract = CONTRACTS[name]
        wanted = [f"{f.name}_fen" if f.type is FieldType.MONEY else f.name for f in contract]
        columns = [row[0] for row in ask(f"DESCRIBE {name}")]
        assert columns == wanted, name
        assert one(ask(f"SELECT count(*) FROM {name}")) > 0, name


def dirty(ask: Query, table: str, *kinds: str) -> set[str]:
    rows = ask(f"""SELECT key, kind FROM true_dirty_records WHERE "table" = '{table}'""")
    return {key for key, kind in rows if not kinds or kind in kinds}


def broken_rows(ask: Query, table: str) -> set[str]:
    """Keys of the rows that break a closed list, a required field, a sign or a reference of the contract."""
    contract = CONTRACTS[table]
    key = " || '|' || ".join(f'"{part}"::VARCHAR' for part in contract.key)
    conditions = []
    for field in contract:
        column = f"{field.name}_fen" if field.type is FieldType.MONEY else field.name
        if field.required:
            conditions.append(f'"{column}" IS NULL')
        if field.values:
            listed = ", ".join(f"'{value}'" for value in field.values)
            conditions.append(f'"{column}" NOT IN ({listed})')
        if field.check in ("positive", "not_negative"):
            conditions.append(f'"{column}" {"<=" if field.check == "positive" else "<"} 0')
        if field.check == "currency":
            conditions.append(f""""{column}" NOT IN ('CNY', 'USD', 'HKD', 'EUR', 'JPY', 'GBP', 'AUD')""")
        if field.references:
            other, target = field.references.split(".")
            other = "acc" if other == "accounts" else other
            conditions.append(f'"{column}" NOT IN (SELECT {target} FROM {other} WHERE {target} IS NOT NULL)')
    rows = ask(f"SELECT {key} FROM {table} WHERE {' OR '.join(conditions)}")
    return {row[0] for row in rows}


@pytest.mark.parametrize("table", SAMPLED)
def test_only_the_listed_rows_break_a_contract(ask: Query, table: str) -> None:
    hard = dirty(ask, table) - dirty(
        ask, table, "duplicate_key", "unknown_party", "bad_id_checksum", "missing_phone", "malformed_phone",
        "birth_date_not_of_id", "opened_in_future", "bad_uscc",
    )  # fmt: skip
    assert broken_rows(ask, table) == hard


@pytest.mark.parametrize("table", SAMPLED)
def test_only_listed_keys_stand_twice(ask: Query, table: str) -> None:
    key = ", ".join(f'"{part}"' for part in CONTRACTS[table].key)
    text = " || '|' || ".join(f'"{part}"::VARCHAR' for part in CONTRACTS[table].key)
    twice = {row[0] for row in ask(f"SELECT {text} FROM {table} GROUP BY {key} HAVING count(*) > 1")}
    assert twice == dirty(ask, table, "duplicate_key")


def test_holders_are_known_except_the_listed(ask: Query) -> None:
    known = "SELECT source, party_id FROM parties UNION ALL SELECT source, party_id FROM organisations"
    lost = f"(source, party_id) NOT IN (SELECT (source, party_id) FROM ({known}))"
    strangers = {row[0] for row in ask(f"SELECT account_id FROM accounts WHERE {lost}")}
    assert strangers == dirty(ask, "accounts", "unknown_party")
    for table in ("cards", "consents", "ownership", "channel_events", "contacts", "pushes"):
        assert one(ask(f"SELECT count(*) FROM {table} WHERE {lost}")) == 0, table
    for end in ("from", "to"):
        pair = f"({end}_source, {end}_party_id) NOT IN (SELECT (source, party_id) FROM ({known}))"
        assert one(ask(f"SELECT count(*) FROM relations WHERE {pair}")) == 0


def test_who_agreed_to_mail_and_wecom_had_agreed_to_texts_before(ask: Query) -> None:
    """Numbered behind all others, so that the rows of the others are what they were without them."""
    later = "purpose = 'marketing' AND consent_id >= 'N0000850000' AND consent_id < 'N0000900000'"
    assert dict(ask(f"SELECT means, count(*) > 20 FROM consents WHERE {later} GROUP BY 1")) == {
        "email": True,
        "wecom": True,
    }
    before = """SELECT source, party_id, min(granted_on) FROM consents
        WHERE purpose = 'marketing' AND means = 'sms' AND withdrawn_on IS NULL GROUP BY ALL"""
    assert not ask(f"""SELECT 1 FROM consents c LEFT JOIN ({before}) b(s, p, day)
        ON s = source AND p = party_id WHERE {later} AND (day IS NULL OR day > granted_on)""")


def test_numbers_of_documents_pass_an_independent_check(ask: Query) -> None:
    listed = dirty(ask, "parties", "bad_id_checksum")
    eighteen = ("resident_id", "household_register", "residence_permit_hmt", "permanent_resident_id")
    rows = ask("""SELECT source || '|' || party_id, id_type, id_number, birth_date, sex FROM parties
        WHERE id_number IS NOT NULL""")
    wrong_birth = dirty(ask, "parties", "birth_date_not_of_id")
    seen = set()
    for key, id_type, number, birth, sex in rows:
        seen.add(id_type)
        if id_type in eighteen:
            assert len(number) == 18 and mod_11_2.is_valid(number) == (key not in listed), key
        if id_type in ("resident_id", "residence_permit_hmt"):
            assert birth is None or (number[6:14] == f"{birth:%Y%m%d}") == (key not in wrong_birth)
            assert sex in (None, "X") or (int(number[16]) % 2 == 1) == (sex == "male")
    assert seen >= {*eighteen, "permit_hk_macau", "permit_taiwan", "passport"}
    assert all(re.fullmatch(r"[HM]\d{8}(\d\d)?", row[2]) for row in rows if row[1] == "permit_hk_macau")


def test_phones_and_credit_codes_pass_an_independent_check(ask: Query) -> None:
    pattern = re.compile(r"1(3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-35-8]|8\d|9[0-35-9])\d{8}")
    listed = dirty(ask, "parties", "malformed_phone")
    for key, phone in ask("SELECT source || '|' || party_id, phone FROM parties WHERE phone IS NOT NULL"):
        assert bool(pattern.fullmatch(phone)) == (key not in listed)
    bad = dirty(ask, "organisations", "bad_uscc")
    codes = ask("SELECT source || '|' || party_id, uscc FROM organisations")
    assert all(uscc.is_valid(code) == (key not in bad) for key, code in codes)
    assert len({code for _, code in codes}) == len(codes)
    numbers = [row[0] for row in ask("SELECT account_id FROM acc")]
    assert all(len(number) == 19 and number.isdigit() and not luhn_holds(number) for number in numbers)


def test_codes_are_dictionaries_and_money_is_whole_fen(sample_bank: Path) -> None:
    path = sample_bank / "transactions" / "2025-07.parquet"
    file = pq.ParquetFile(path)
    assert file.schema_arrow.field("amount_fen").type == pa.int64()
    columns = {
        file.metadata.row_group(0).column(n).path_in_schema: n for n in range(file.metadata.num_columns)
    }
    for name in ("kind", "direction", "channel", "account_id"):
        assert file.metadata.row_group(0).column(columns[name]).has_dictionary_page, name
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
