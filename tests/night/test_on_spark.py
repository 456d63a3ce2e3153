"""The night on Spark is the night on DuckDB, byte for byte."""

from __future__ import annotations

import datetime as dt
import math
import random
import shutil
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli import main
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.engines.duckdb.relations import files_sql
from quanke.engines.duckdb.relations import foreign_balances_sql as by_duckdb
from quanke.engines.golden_statement import Records, golden_statement
from quanke.engines.spark.golden import SparkRecords
from quanke.engines.spark.relations import arranged_columns, make_view
from quanke.engines.spark.relations import foreign_balances_sql as by_spark
from quanke.engines.spark.session import configured, why_no_spark, without_values
from quanke.engines.store import Night, NightStore
from quanke.engines.store.files import write_parquet
from quanke.kernel.errors import QuankeError
from quanke.language import Expression, exponential, logarithm, square_root
from quanke.language.facts import customers as customers_table
from quanke.language.nodes import Column, Rank
from quanke.language.types import NUMBER
from quanke.night import Bank
from quanke.night import night as run_night
from quanke.night.engine import Done
from quanke.night.on_spark import OnSpark, runs_of
from quanke.night.steps import Run
from quanke.night.training import train
from quanke.plans.scores.payments import EXPECTED, PAYMENTS
from tests.golden.records import golden_by_sql, random_records, table_of
from tests.homes import BUCKET, LAST, MAY
from tests.night.test_night import digest
from tests.register.conftest import decide
from tests.scores.conftest import FEATURES, SCORES, SMALL
from tests.spec.engines import DuckDB, spark
from tests.spec.tables import Table

SPARK = pytest.mark.skipif(bool(why_no_spark()), reason=why_no_spark() or "Spark is there")
ULP = 2
"""Units in the last place by which what `ln` and `exp` give may differ; all else is equal to the bit."""
DEFINITIONS = """
tags:
  branches_used:
    {zh: 用过的渠道, en: Channels used, distinct: channel_events.channel}
  active_days_90d:
    {zh: 活跃天数, en: Days with a movement, distinct_days: transactions, within: 90 days}
  active_days:
    {zh: 历来活跃天数, en: Days with a movement ever, distinct_days: transactions}
  last_movement:
    {zh: 最近一笔, en: The last movement, latest: transactions.amount}
  mean_movement:
    {zh: 笔均, en: Mean movement, mean: transactions.amount, within: 365 days}
"""
ROOTS = """
from quanke.language import Tag, count, facts, square_root, to_number, total

moved = to_number(total(facts.transactions.amount))
cards, accounts = to_number(count(facts.cards)), to_number(count(facts.accounts))
spread = Tag(name="spread", title_zh="开方", title_en="Root", value=square_root(moved))
share = Tag(name="share", title_zh="占比", title_en="Share", value=cards / accounts)
"""


class Killed(Exception):
    """What a test stops a night with."""


class KilledOnce(OnSpark):
    """A night on Spark that is killed before its ranks, once, and has lost a part since."""

    killed = False

    def ranks(self, run: Run, nodes: Mapping[Rank, str], done: Done) -> None:
        if not self.killed:
            self.killed = True
            self.there = {p.name: p.stat().st_mtime_ns for p in (run.working.path / "profile").iterdir()}
            self.there.pop(run.working.part("linked", 1).name)
            run.working.part("linked", 1).unlink()
            raise Killed
        after = {p.name: p.stat().st_mtime_ns for p in (run.working.path / "profile").iterdir()}
        assert {name: after[name] for name in self.there} == self.there, "what is there is not made again"
        assert len(after) == len(self.there) + 1
        super().ranks(run, nodes, done)


def copied(home: Path, target: Path) -> Home:
    """A copy of a home with definitions of its own."""
    shutil.copytree(home, target)
    (target / "definitions").mkdir()
    (target / "definitions" / "more.yaml").write_text(DEFINITIONS, encoding="utf-8")
    (target / "definitions" / "roots.py").write_text(ROOTS, encoding="utf-8")
    return Home.open(target)


def strangers(home: Home) -> tuple[str, str]:
    """Two records of the core system that are two customers, named as a decision names them."""
    files = [str(f) for f in home.facts("parties")]
    found = duckdb.execute(
        "SELECT 'core:' || party_id FROM read_parquet(?) WHERE source = 'core' AND customer IN (5, 1700) "
        "ORDER BY customer",
        [files],
    ).fetchall()
    return found[0][0], found[1][0]


@pytest.fixture(scope="module")
def nights(after_may: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bank, Bank]:
    """The night of June by DuckDB and by Spark, after one of May; two customers became one in between. Scores
    were trained on what was known in May."""
    folder = tmp_path_factory.mktemp("both")
    home = copied(after_may, folder / "duckdb")
    train(home, MAY, rules=SMALL, only=(*SCORES, PAYMENTS), features=FEATURES)
    decide(home, folder / "files", "D1", *strangers(home), "same", MAY + dt.timedelta(days=1))
    shutil.copytree(home.path, folder / "spark")
    run_night(home, LAST, bucket=BUCKET)
    other, engine = Home.open(folder / "spark"), KilledOnce(session=spark().session)
    with pytest.raises(Killed):
        run_night(other, LAST, bucket=BUCKET, engine=engine)
    run_night(other, LAST, bucket=BUCKET, engine=engine)
    return Bank(home), Bank(other)


def plain(night: Night) -> dict[str, object]:
    """The manifest less what tells one engine from another."""
    return {key: value for key, value in night.manifest.items() if key not in ("engine", "tiles")}


@SPARK
@pytest.mark.timeout(900)
def test_every_byte_is_the_same(nights: tuple[Bank, Bank]) -> None:
    duck, other = (bank.night(LAST) for bank in nights)
    assert (duck.manifest["engine"], other.manifest["engine"]) == ("duckdb", "spark")
    assert plain(duck) == plain(other)
    for group in duck.groups:
        for ours, theirs in zip(other.parts(group), duck.parts(group), strict=True):
            here, there = (pq.read_table(p) for p in (ours, theirs))
            for name in there.column_names:
                assert here[name].equals(there[name]), f"{ours.name}: {name}"
    wanted, got = digest(duck.path), digest(other.path)
    del wanted["manifest.json"], got["manifest.json"]
    assert got == wanted


@SPARK
@pytest.mark.timeout(900)
def test_the_bank_tries_what_is_hard(nights: tuple[Bank, Bank]) -> None:
    """What the comparison above is worth: merges before and since, moves, foreign balances, findings."""
    before, after = (nights[1].night(day) for day in (MAY, LAST))
    assert before.absorbed and set(after.absorbed) > set(before.absorbed)
    assert len(after.parts("base")) == 2
    moved = after.table("moves").to_pylist()
    assert {"up", "moved", "gone"} <= {m["move"] for m in moved}
    assert after.table("findings").num_rows and after.table("metrics").num_rows > 100
    assert {"churn_risk", "propensity_term", PAYMENTS} <= set(after.manifest["models"])
    assert all(note.startswith("advice ") for note in after.manifest["notes"]), after.manifest["notes"]
    assert 0 < after.read(["churn_risk"])["churn_risk"].null_count < after.rows / 2
    assert 100 < after.rows - after.read([EXPECTED])[EXPECTED].null_count < after.rows / 2
    assert {"linked", "derived"} <= set(after.groups) and len(set(after.sizes("rfm_monetary"))) == 6
    files = [str(f) for f in nights[1].home.facts("balances")]
    assert duckdb.execute(
        "SELECT count(*) FROM read_parquet(?) WHERE currency <> 'CNY'", [files]
    ).fetchall() > [(0,)]
    assert nights[1].count('tier == "core"') == nights[0].count('tier == "core"') > 0
    told = [(e.name, e.value, e.because) for e in nights[1].explain(7)]
    assert told == [(e.name, e.value, e.because) for e in nights[0].explain(7)]


def test_parts_are_asked_in_unbroken_runs() -> None:
    assert runs_of([0, 1, 2, 4, 5, 9], 2) == [range(0, 2), range(2, 3), range(4, 6), range(9, 10)]
    assert runs_of([], 3) == []


@SPARK
@pytest.mark.parametrize("seed", [1, 2])
def test_golden_customers(seed: int) -> None:
    session, count = spark().session, 300
    fields = frozenset(customers_table.fields)
    rows = {t: random_records(t, seed, count, largest=2 + 3 * seed) for t in ("parties", "organisations")}
    for table, records in rows.items():
        session.createDataFrame(table_of(records, table)).createOrReplaceTempView(f"g_{table}")
    records_ = Records("g_parties", "g_organisations", SURVIVORSHIP, SOURCE_PRIORITY)
    sql = golden_statement(records_, 0, count, fields, SparkRecords(), ordered=False)
    got = session.sql(sql).toArrow().sort_by("customer").to_pylist()
    wanted = golden_by_sql(*(table_of(rows[t], t) for t in rows), count, fields)
    assert len(got) == len(wanted) == count
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours == theirs


@SPARK
def test_foreign_balances(tmp_path: Path) -> None:
    """Currencies with no, two and three decimal places, several changes a day, ties at half a fen."""
    draw, day = random.Random(5), dt.date(2026, 6, 30)
    ledger = [
        {
            "customer": account % 40,
            "account": account,
            "date": day - dt.timedelta(days=draw.randrange(-2, 30)),
            "delta": draw.choice([-1, 1]) * draw.choice([1, 5, 25, 125, 33_333, 10**9, 10**13]),
            "category": "demand",
            "currency": ("USD", "JPY", "KWD", "EUR", "CNY")[account % 5],
        }
        for account in (draw.randrange(120) for _ in range(3_000))
    ]
    # a currency without a rate until then counts as nothing
    given = {"USD": "7.180050", "JPY": "0.048500", "KWD": "23.450005"}
    rates = [
        {"currency": c, "date": day - dt.timedelta(days=d), "rate": Decimal(r) + Decimal(d) / 1000}
        for c, r in given.items()
        for d in (-1, 0, 7)
    ]
    numbers = {"customer": pa.int32(), "account": pa.int32(), "date": pa.date32(), "delta": pa.int64()}
    texts = {"category": pa.string(), "currency": pa.string()}
    kinds = pa.schema([("currency", pa.string()), ("date", pa.date32()), ("rate", pa.decimal128(18, 6))])
    write_parquet(tmp_path / "b.parquet", pa.Table.from_pylist(ledger, pa.schema({**numbers, **texts})))
    write_parquet(tmp_path / "r.parquet", pa.Table.from_pylist(rates, kinds))
    exponents = {"USD": 2, "JPY": 0, "KWD": 3, "EUR": 2}
    files = files_sql([tmp_path / "b.parquet"])
    sql = by_duckdb(files, [tmp_path / "r.parquet"], "CNY", "2026-06-30", exponents)
    with duckdb.connect() as connection:
        wanted = connection.sql(sql).to_arrow_table().to_pylist()
    session = spark().session
    ours = make_view(session, "t_ledger", [tmp_path / "b.parquet"], arranged_columns("balances"))
    known = make_view(session, "t_rates", [tmp_path / "r.parquet"], arranged_columns("fx_rates"))
    got = session.sql(by_spark(ours, known, "CNY", "2026-06-30", exponents)).toArrow().to_pylist()
    key = ("account", "date")
    assert len(wanted) > 500 and any(row["delta"] % 10 for row in wanted)
    assert sorted(got, key=lambda r: [r[k] for k in key]) == sorted(wanted, key=lambda r: [r[k] for k in key])


@SPARK
def test_floats_are_within_ulp() -> None:
    """Logarithm and exponential come from Java's and C's libraries; square roots are exact in both."""
    draw = np.random.default_rng(3)
    values = [*np.exp(draw.uniform(-300, 300, 2_000)).tolist(), *draw.uniform(-690, 690, 2_000).tolist()]
    table = Table({"x": NUMBER}, {"x": values})
    x = Column("models", "x", NUMBER)
    nodes = [f(Expression(x)).node for f in (logarithm, exponential, square_root)]
    ours, theirs = (engine.run(nodes, table, MAY) for engine in (spark(), DuckDB()))
    for place, most in enumerate((ULP, ULP, 0)):
        for a, b in zip(ours[place], theirs[place], strict=True):
            assert (a is None) == (b is None)
            assert a is None or abs(a - b) <= most * math.ulp(b), (place, a, b)


def asked(home: Home, *more: str) -> str:
    """What the command says to a night on Spark that cannot be."""
    args = ["night", "--on", "2026-06-30", "--home", str(home.path), "--engine", "spark", *more]
    answer = CliRunner().invoke(main, args)
    assert answer.exit_code != 0
    return " ".join(answer.output.split())


def test_without_the_extra_the_error_names_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    assert "pip install 'quanke[spark]'" in asked(home)
    assert not NightStore(home.path / "nights").days()


def test_without_java_the_error_names_it(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "Spark needs Java" in asked(home)


def test_a_master_is_for_spark(home: Home) -> None:
    args = ["night", "--on", "2026-06-30", "--home", str(home.path), "--master", "local[2]"]
    answer = CliRunner().invoke(main, args)
    assert answer.exit_code == 2 and "--engine spark" in answer.output


@SPARK
def test_errors_quote_no_value() -> None:
    with pytest.raises(QuankeError) as told, without_values():
        spark().session.sql("SELECT CAST(4611686018427387904 * id AS INT) FROM range(1, 2)").toArrow()
    assert "461168" not in str(told.value) and "64 bits" in str(told.value)


def test_the_site_says_the_master(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "spark-defaults.conf").write_text("# site\nspark.master   yarn\n", encoding="utf-8")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    assert configured("spark.master") == "yarn" and configured("spark.driver.memory") == ""
