"""The sample bank keeps the laws of a bank's books, is the same on every run, and tells the truth about itself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
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
from quanke.bank.sample.text import decimals, digits, id_numbers
from quanke.bank.sample.text import uscc as make_uscc
from quanke.kernel.errors import HomeError

LAST = date(2026, 6, 30)
FIRST = date(2025, 7, 1)
CASH = "('demand','term','wallet','escrow','credit_card','consumer_loan','mortgage','business_loan')"
FLOORED = "('demand','term','wallet','escrow')"
MONTHLY = ("transactions", "balances", "channel_events")
TRUTH = (
    "churners", "dirty_records", "fx_splits", "life_events", "misconduct", "treatment_effects", "who_is_who",
)  # fmt: skip

Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sample") / "bank"
    write_sample(target, customers=4_000, seed=7, workers=1)
    return target


@pytest.fixture(scope="module")
def ask(bank: Path) -> Iterator[Query]:
    """SQL over the good rows (`tx`, `bal`, `acc` without the listed dirty ones), raw tables and truth."""
    connection = duckdb.connect()
    for name in CONTRACTS:
        files = f"{bank}/{name}/*.parquet" if name in MONTHLY else f"{bank}/{name}_*.parquet"
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")
    for name in TRUTH:
        connection.execute(
            f"CREATE VIEW true_{name} AS SELECT * FROM read_parquet('{bank}/truth/{name}.parquet')"
        )
    connection.execute("""
        CREATE TABLE acc AS SELECT * FROM accounts
        WHERE account_id NOT IN (SELECT key FROM true_dirty_records WHERE "table" = 'accounts');
        CREATE TABLE tx AS SELECT DISTINCT ON (transaction_id) *,
            CASE direction WHEN 'in' THEN amount_fen ELSE -amount_fen END AS signed FROM transactions
        WHERE transaction_id NOT IN (SELECT key FROM true_dirty_records
                                     WHERE "table" = 'transactions' AND kind <> 'duplicate_key');
        CREATE TABLE bal AS SELECT DISTINCT * FROM balances WHERE account_id IN (SELECT account_id FROM acc);
        CREATE TABLE own AS SELECT acc.*, w.person FROM acc JOIN true_who_is_who w USING (source, party_id);
    """)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()


def one(rows: list[tuple[Any, ...]]) -> Any:
    (row,) = rows
    return row[0]


# ------------------------------------------------------------------------------------------ how it is made


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


def test_another_seed_gives_another_bank(bank: Path, tmp_path: Path) -> None:
    other = write_sample(tmp_path / "other", customers=4_000, seed=8, workers=1)
    same, different = fingerprints(bank), fingerprints(other.target)
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


# ------------------------------------------------------------------------------------- rows and contracts


def test_every_table_is_there_with_the_columns_of_its_contract(ask: Query) -> None:
    for name, contract in CONTRACTS.items():
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


@pytest.mark.parametrize("table", list(CONTRACTS))
def test_only_the_listed_rows_break_a_contract(ask: Query, table: str) -> None:
    hard = dirty(ask, table) - dirty(
        ask, table, "duplicate_key", "unknown_party", "bad_id_checksum", "missing_phone", "malformed_phone",
        "birth_date_not_of_id", "opened_in_future", "bad_uscc",
    )  # fmt: skip
    assert broken_rows(ask, table) == hard


@pytest.mark.parametrize("table", list(CONTRACTS))
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


def test_numbers_of_documents_pass_an_independent_check(ask: Query) -> None:
    listed = dirty(ask, "parties", "bad_id_checksum")
    eighteen = ("resident_id", "household_register", "residence_permit_hmt", "permanent_resident_id")
    rows = ask(
        "SELECT source || '|' || party_id, id_type, id_number, birth_date, sex FROM parties WHERE id_number IS NOT NULL"
    )
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


# -------------------------------------------------------------------------------------------- laws of money


def test_balances_are_opening_plus_movements(ask: Query) -> None:
    """The change of each end-of-day balance is the sum of the day's movements; no movement without a row."""
    broken = ask(f"""
        WITH day AS (SELECT account_id, date, sum(signed) AS moved FROM tx GROUP BY ALL),
        level AS (SELECT account_id, date, balance_fen,
                         balance_fen - lag(balance_fen) OVER w AS change, row_number() OVER w AS place
                  FROM bal WINDOW w AS (PARTITION BY account_id ORDER BY date))
        SELECT count(*) FROM level FULL JOIN day USING (account_id, date) JOIN acc USING (account_id)
        WHERE category IN {CASH} AND (
            (place IS NULL AND moved <> 0)
            OR (place > 1 AND coalesce(moved, 0) <> change)
            OR (place = 1 AND opened_on >= DATE '{FIRST}' AND moved <> balance_fen))""")
    assert one(broken) == 0
    assert one(ask(f"SELECT count(*) FROM bal JOIN acc USING (account_id) WHERE category IN {CASH}")) > 30_000


def test_nothing_is_ever_overdrawn_and_debts_are_negative(ask: Query) -> None:
    """At every moment, not only at the end of a day."""
    running = ask(f"""
        WITH opening AS (SELECT account_id, balance_fen - coalesce(moved, 0) AS start
            FROM (SELECT account_id, arg_min(balance_fen, date) AS balance_fen, min(date) AS date FROM bal GROUP BY 1)
            LEFT JOIN (SELECT account_id, date, sum(signed) AS moved FROM tx GROUP BY ALL) USING (account_id, date)),
        run AS (SELECT account_id, start + sum(signed) OVER (PARTITION BY account_id ORDER BY "at", transaction_id) AS now
            FROM tx JOIN opening USING (account_id))
        SELECT category IN {FLOORED} AS floored, min(now), max(now) FROM run JOIN acc USING (account_id)
        WHERE category IN {CASH} GROUP BY 1 ORDER BY 1""")
    (_, lowest_debt, highest_debt), (_, lowest_cash, _) = running
    assert lowest_cash >= 0
    assert lowest_debt < 0 and highest_debt <= 0


def test_movements_fall_inside_the_life_of_their_account(ask: Query) -> None:
    outside = "SELECT count(*) FROM {} t JOIN acc a USING (account_id) WHERE t.date < a.opened_on OR t.date > a.closed_on"
    assert one(ask(outside.format("tx"))) == 0
    assert one(ask(outside.format("bal"))) == 0
    assert ask("SELECT min(date), max(date) FROM tx") == [(FIRST, LAST)]
    assert one(ask('SELECT count(*) FROM tx WHERE date <> "at"::DATE')) == 0
    assert one(ask("SELECT count(*) FROM acc WHERE closed_on IS NOT NULL AND category = 'demand'")) > 0


def test_balance_rows_stand_only_on_days_with_change(ask: Query) -> None:
    still = ask("""SELECT count(*) FROM (SELECT balance_fen - lag(balance_fen)
        OVER (PARTITION BY account_id ORDER BY date) AS change FROM bal) WHERE change = 0""")
    assert one(still) == 0
    late = ask(f"""SELECT count(*) FROM acc LEFT JOIN (SELECT account_id, min(date) AS first FROM bal GROUP BY 1)
        USING (account_id) WHERE opened_on < DATE '{FIRST}' AND first IS DISTINCT FROM DATE '{FIRST}'""")
    assert one(late) == 0, "accounts open before the span begin with a row on its first day"


def test_transfers_between_own_accounts_have_two_legs(ask: Query) -> None:
    alone = ask("""
        SELECT count(*) FROM tx JOIN acc USING (account_id)
        LEFT JOIN (SELECT account_id AS other, counterparty_account AS mine, date, signed, kind FROM tx) back
          ON back.other = tx.counterparty_account AND back.mine = tx.account_id AND back.date = tx.date
         AND back.kind = tx.kind AND (back.signed = -tx.signed OR tx.kind IN ('fx_purchase', 'fx_settlement'))
        WHERE tx.counterparty_account IN (SELECT account_id FROM acc) AND tx.kind NOT IN ('salary')
          AND back.other IS NULL""")
    assert one(alone) == 0
    assert (
        one(ask("SELECT count(*) FROM tx WHERE counterparty_account IN (SELECT account_id FROM acc)")) > 2_000
    )


def test_wages_come_on_fixed_days_and_are_debited_to_the_company(ask: Query) -> None:
    often = ask("""SELECT max(n) FROM (SELECT count(*) AS n FROM tx WHERE kind = 'salary' AND memo = '工资'
        GROUP BY account_id, counterparty_name, date_trunc('month', date))""")
    assert one(often) <= 2
    payroll = ask("""
        WITH paid AS (SELECT counterparty_account AS company, date, sum(amount_fen) AS wages FROM tx
                      WHERE kind = 'salary' AND counterparty_bank = 'own' GROUP BY ALL),
        charged AS (SELECT account_id AS company, date, sum(amount_fen) AS debit FROM tx
                    WHERE memo = '代发工资' GROUP BY ALL)
        SELECT count(*), count(*) FILTER (WHERE wages = debit) FROM paid FULL JOIN charged USING (company, date)""")
    days, equal = payroll[0]
    assert days == equal > 50
    quiet = ask("SELECT count(*) FROM tx WHERE memo = '工资' AND isodow(date) > 5")
    assert one(quiet) == 0, "pay days on a weekend come before it"


def test_demand_interest_is_the_rule_books(ask: Query) -> None:
    """积数 of whole yuan over natural days at 0.05 % / 360, half up, reworked by plain arithmetic (INT-1)."""
    accounts = ask("""SELECT account_id FROM acc WHERE category = 'demand' AND currency = 'CNY' AND closed_on IS NULL
        AND opened_on < DATE '2025-06-01' ORDER BY account_id LIMIT 150""")
    for (account,) in accounts:
        days = dict(ask(f"SELECT date, balance_fen FROM bal WHERE account_id = '{account}' ORDER BY date"))
        posted = dict(
            ask(f"SELECT date, amount_fen FROM tx WHERE account_id = '{account}' AND kind = 'interest'")
        )
        moved = one(
            ask(
                f"SELECT coalesce(sum(signed), 0) FROM tx WHERE account_id = '{account}' AND date = '{FIRST}'"
            )
        )
        balance = days[FIRST] - moved
        total = (balance // 100) * 10  # the ten days since the 21st of June
        for day in (FIRST + timedelta(days=n) for n in range(365)):
            if (day.month, day.day) in ((9, 21), (12, 21), (3, 21), (6, 21)):
                assert posted.get(day, 0) == (2 * total * 500 + 3_600_000) // 7_200_000
                total = 0
            balance = days.get(day, balance)
            total += balance // 100


def test_cards_and_holdings_repeat_the_last_balance(ask: Query) -> None:
    last = "(SELECT account_id, arg_max(balance_fen, date) AS last FROM bal GROUP BY 1)"
    wrong = f"SELECT count(*) FROM holdings LEFT JOIN {last} USING (account_id) WHERE last IS DISTINCT FROM value_fen"
    assert one(ask(wrong)) == 0
    wrong = f"""SELECT count(*) FROM cards LEFT JOIN {last} USING (account_id)
        WHERE kind IN ('credit', 'dual_currency') AND credit_used_fen <> -coalesce(last, 0)"""
    assert one(ask(wrong)) == 0
    over = f"SELECT count(*) FROM acc JOIN bal USING (account_id) WHERE category = 'credit_card' AND -balance_fen > credit_limit_fen"
    assert one(ask(over)) == 0
    full = "SELECT max(balance_fen) FROM bal JOIN acc USING (account_id) WHERE account_class = 'III'"
    assert one(ask(full)) <= 200_000, "class III accounts hold at most 2,000 yuan (ACC-1)"


# --------------------------------------------------------------------------------------- a believable branch

AUM = """SELECT person, coalesce(sum(last), 0) / 100 AS aum FROM (SELECT DISTINCT person FROM true_who_is_who)
    LEFT JOIN (SELECT person, arg_max(balance_fen, date) * if(any_value(currency) = 'USD', 7, 1) AS last
               FROM bal JOIN own USING (account_id) WHERE date <= DATE '{}' AND category IN
               ('demand', 'term', 'wealth', 'fund', 'insurance', 'bond', 'metal', 'wallet')
               GROUP BY person, account_id) USING (person) GROUP BY person"""
TIER = (
    "CASE WHEN aum < 5e4 THEN 0 WHEN aum < 2e5 THEN 1 WHEN aum < 1e6 THEN 2 WHEN aum < 8e6 THEN 3 ELSE 4 END"
)


def test_all_tiers_are_peopled_and_people_move(ask: Query) -> None:
    share = dict(ask(f"SELECT {TIER} AS tier, count(*) / 4000.0 FROM ({AUM.format(LAST)}) GROUP BY 1"))
    assert 0.83 < share[0] < 0.92 and 0.05 < share[1] < 0.12 and 0.015 < share[2] < 0.05
    assert 0.002 < share[3] < 0.02
    moved = dict(
        ask(f"""SELECT sign(b.tier - a.tier), count(*) FROM (SELECT person, {TIER} AS tier FROM ({AUM.format(FIRST)})) a
            JOIN (SELECT person, {TIER} AS tier FROM ({AUM.format(LAST)})) b USING (person) GROUP BY 1""")
    )
    assert moved[1] > 20 and moved[-1] > 20
    edge = f"SELECT count(*) FROM ({AUM.format(LAST)}) WHERE aum BETWEEN 4e4 AND 5e4"
    assert one(ask(edge)) > 30


def test_volumes_are_those_of_a_bank(ask: Query) -> None:
    assert 13 < one(ask("SELECT count(*) / 4000.0 FROM tx")) < 18
    assert 11 < one(ask("SELECT count(*) / 4000.0 FROM bal")) < 16
    quiet = ask("""SELECT count(*) FROM own WHERE category = 'demand' AND account_id NOT IN
        (SELECT account_id FROM tx WHERE kind <> 'interest')""")
    assert one(quiet) > 1_000, "most customers are quiet"
    owned = one(ask("SELECT count(DISTINCT party_id) FROM ownership WHERE to_date IS NULL")) / 4000
    assert 0.015 < owned < 0.08, "the few per cent that a manager remembers"
    coming = ask(
        "SELECT count(*) FROM acc WHERE category = 'term' AND matures_on BETWEEN DATE '2026-07-01' AND DATE '2026-07-30'"
    )
    assert one(coming) > 5
    kinds = {row[0] for row in ask("SELECT DISTINCT kind FROM tx")}
    assert kinds >= {
        "salary", "pension", "tuition", "etc_toll", "loan_repayment", "card_repayment", "term_mature", "fx_purchase",
        "fx_settlement", "overseas_payment", "wealth_purchase", "insurance_premium", "utilities",
    }  # fmt: skip


def test_the_year_has_its_seasons(ask: Query) -> None:
    by_month = dict(
        ask("SELECT month(date), count(*) FROM tx WHERE kind = 'card_payment' AND channel = 'pos' GROUP BY 1")
    )
    holiday = one(
        ask(
            "SELECT count(*) FROM tx WHERE kind = 'card_payment' AND date BETWEEN DATE '2026-02-16' AND DATE '2026-02-23'"
        )
    )
    before = one(
        ask(
            "SELECT count(*) FROM tx WHERE kind = 'card_payment' AND date BETWEEN DATE '2026-02-04' AND DATE '2026-02-11'"
        )
    )
    assert holiday < before / 2 and len(by_month) == 12
    bonus = ask("SELECT min(date), max(date) FROM tx WHERE memo = '年终奖'")
    assert bonus[0][0] >= date(2026, 1, 31) and bonus[0][1] <= date(2026, 2, 12)
    assert {row[0] for row in ask("SELECT DISTINCT month(date) FROM tx WHERE kind = 'tuition'")} == {2, 9}


# ------------------------------------------------------------------------------------------------- the truth


def test_every_record_is_somebody(ask: Query) -> None:
    assert one(ask("SELECT count(*) FROM true_who_is_who")) == one(
        ask("SELECT count(DISTINCT (source, party_id)) FROM parties")
    )
    assert one(ask("SELECT count(DISTINCT person) FROM true_who_is_who")) == 4_000
    most = ask(
        "SELECT n, count(*) FROM (SELECT count(*) AS n FROM true_who_is_who GROUP BY person) GROUP BY 1 ORDER BY 1"
    )
    assert [n for n, _ in most][:4] == [1, 2, 3, 4]
    variants = ask("""SELECT count(*) FROM (SELECT person FROM parties JOIN true_who_is_who USING (source, party_id)
        GROUP BY 1 HAVING count(DISTINCT name) > 1)""")
    assert one(variants) > 10
    numbers = ask("""SELECT count(*) FROM (SELECT id_number FROM parties JOIN true_who_is_who USING (source, party_id)
        WHERE id_number IS NOT NULL GROUP BY 1 HAVING count(DISTINCT person) > 1)""")
    assert one(numbers) == 0, "one number, one person"


def test_dirty_records_are_what_they_are_said_to_be(ask: Query) -> None:
    def values(kind: str, column: str) -> set[Any]:
        return {
            row[0]
            for row in ask(f"""SELECT {column} FROM parties JOIN true_dirty_records d
            ON d.key = source || '|' || party_id AND d."table" = 'parties' AND d.kind = '{kind}'""")
        }

    assert values("missing_name", "name") <= {None}
    assert values("missing_phone", "phone") == {None}
    assert values("malformed_phone", "phone") == {"12345"}
    assert values("unknown_sex", "sex") <= {"X"}
    assert values("unknown_branch", "branch_id") <= {"999999999"}
    assert all(day > LAST for day in values("opened_in_future", "opened_on"))
    share = one(ask("""SELECT count(*) FROM true_dirty_records WHERE "table" = 'parties'""")) / one(
        ask("SELECT count(*) FROM parties")
    )
    assert 0.002 < share < 0.012


def test_churners_leave_when_the_truth_says(ask: Query) -> None:
    rows = ask(f"""
        SELECT c.amount_fen / 100, before.aum, after.aum FROM true_churners c
        JOIN ({AUM.format(FIRST)}) before USING (person) JOIN ({AUM.format(LAST)}) after USING (person)""")
    assert len(rows) >= 10
    fell = [after < 0.6 * before for _, before, after in rows]
    assert sum(fell) >= 0.85 * len(fell)
    left = ask("""SELECT count(*) FROM true_churners c WHERE amount_fen > 0 AND NOT EXISTS (
        SELECT 1 FROM tx JOIN own USING (account_id) WHERE own.person = c.person AND tx.direction = 'out'
        AND tx.date = c.date AND own_name AND counterparty_bank <> 'own')""")
    assert one(left) == 0


def adjacent(days: list[date]) -> bool:
    active = sorted(set(days))
    return all((later - earlier).days <= 2 for earlier, later in zip(active, active[1:], strict=False))


def test_planted_splits_match_the_patterns_of_the_rule_book(ask: Query) -> None:
    groups: dict[tuple[int, str, bool], list[tuple[Any, ...]]] = {}
    for group, pattern, hit, person, day, cents, account in ask(
        'SELECT "group", pattern, hit, person, date, amount_minor_units, account_id FROM true_fx_splits ORDER BY date'
    ):
        groups.setdefault((group, pattern, hit), []).append((person, day, cents, account))
    assert {pattern for _, pattern, hit in groups if hit} == {
        "payer_abroad", "buyers_one_payee", "settlers_one_payee", "cash_in_seven_days", "relatives",
    }  # fmt: skip
    assert any(not hit for _, _, hit in groups)
    for (_, pattern, hit), rows in groups.items():
        days = [row[1] for row in rows]
        if pattern == "cash_in_seven_days":
            assert len(rows) == 5 and ((max(days) - min(days)).days <= 6) == hit
            assert all(900_000 <= row[2] <= 1_000_000 for row in rows)
        else:
            assert (len({row[0] for row in rows}) >= 5 and adjacent(days)) == hit
        for person, day, cents, account in rows:
            seen = ask(
                f"SELECT count(*) FROM tx WHERE account_id = '{account}' AND date = DATE '{day}' AND amount_fen = {cents}"
            )
            assert one(seen) >= 1, (pattern, person)


def test_one_payee_gets_what_five_buyers_sent(ask: Query) -> None:
    payees = ask("""SELECT d."group", count(DISTINCT t.counterparty_account), count(DISTINCT d.person) FROM true_fx_splits d
        JOIN tx t USING (account_id) WHERE d.pattern = 'buyers_one_payee' AND d.hit AND t.kind = 'overseas_payment'
        AND t.date = d.date AND t.amount_fen = d.amount_minor_units GROUP BY 1""")
    assert payees and all(payee == 1 and people >= 5 for _, payee, people in payees)


def test_planted_misconduct_can_be_seen(ask: Query) -> None:
    kinds = {row[0] for row in ask("SELECT DISTINCT kind FROM true_misconduct")}
    assert kinds == {"money_with_customer", "invented_contacts", "flying_orders", "proxy_login", "own_book"}
    unowned = ask("""SELECT count(*) FROM true_misconduct m WHERE NOT EXISTS (
        SELECT 1 FROM ownership o WHERE o.party_id = m.party_id AND o.post_id = m.post_id AND o.to_date IS NULL)""")
    assert one(unowned) == 0
    paid = ask("""
        SELECT count(*), count(*) FILTER (WHERE EXISTS (
            SELECT 1 FROM tx JOIN own USING (account_id) JOIN staff s ON s.name = tx.counterparty_name
            WHERE own.person = m.person AND s.staff_id = m.staff_id AND tx.amount_fen = m.amount_fen AND tx.date = m.date))
        FROM true_misconduct m WHERE kind = 'money_with_customer'""")
    assert paid[0][0] == paid[0][1] > 0
    flown = ask("""SELECT count(DISTINCT counterparty_name), count(DISTINCT own.person), max(tx.date) - min(tx.date)
        FROM true_misconduct m JOIN own USING (person) JOIN tx USING (account_id)
        WHERE m.kind = 'flying_orders' AND tx.amount_fen = m.amount_fen AND tx.date = m.date""")
    assert flown[0][0] == 1 and flown[0][1] >= 3 and flown[0][2] <= 30
    calls = ask("""SELECT count(*), count(DISTINCT note_hash), max(seconds), bool_or(evidence) FROM true_misconduct m
        JOIN contacts c ON c.party_id = m.party_id AND c.post_id = m.post_id AND c.date = m.date
        WHERE m.kind = 'invented_contacts'""")
    assert calls[0][0] >= 5 and calls[0][1] == 1 and calls[0][2] < 10 and calls[0][3] is False
    same = ask("""SELECT count(*) FROM true_misconduct m JOIN staff s USING (staff_id)
        JOIN parties p USING (source, party_id) WHERE m.kind = 'own_book' AND p.id_number = s.id_number""")
    assert one(same) == 1


def test_true_effects_are_in_the_money(ask: Query) -> None:
    """Who was reached and persuaded brought exactly the effect; nobody in a control group did."""
    brought = """EXISTS (SELECT 1 FROM tx JOIN own USING (account_id) WHERE own.person = t.person
        AND tx.own_name AND tx.signed = t.effect_fen AND tx.date BETWEEN p.date AND p.date + 14)"""
    rows = ask(f"""SELECT t.arm, t.reached, count(*), count(*) FILTER (WHERE {brought})
        FROM true_treatment_effects t JOIN pushes p USING (campaign, source, party_id) WHERE t.effect_fen <> 0 GROUP BY 1, 2""")
    found = {(arm, reached): (people, moved) for arm, reached, people, moved in rows}
    people, moved = found["treated", True]
    assert people == moved > 10
    for key in (("control", False), ("treated", False)):
        people, moved = found.get(key, (0, 0))
        assert moved <= people // 10
    converted = ask("""SELECT count(*) FROM true_treatment_effects t JOIN pushes p USING (campaign, source, party_id)
        WHERE (p.converted_on IS NOT NULL) <> if(t.reached, t.converts_treated, t.converts_untreated)""")
    assert one(converted) == 0
    arms = ask("SELECT DISTINCT arm FROM pushes WHERE reached_on IS NOT NULL")
    assert arms == [("treated",)]


def test_codes_are_dictionaries_and_money_is_whole_fen(bank: Path) -> None:
    path = bank / "transactions" / "2025-07.parquet"
    file = pq.ParquetFile(path)
    assert file.schema_arrow.field("amount_fen").type == pa.int64()
    columns = {
        file.metadata.row_group(0).column(n).path_in_schema: n for n in range(file.metadata.num_columns)
    }
    for name in ("kind", "direction", "channel", "account_id"):
        assert file.metadata.row_group(0).column(columns[name]).has_dictionary_page, name
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
