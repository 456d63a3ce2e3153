"""The night after: a consent withdrawn, a class that waits, answers, a sale, a higher rating, a kill."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import quanke.night.wealth as step
from quanke.bank.arranged import facts_sql
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.customers.register.asking import party_names
from quanke.kernel.progress import SilentProgress
from quanke.night import Bank, night
from quanke.night.advised import NightAdvice
from tests.homes import BUCKET, LAST

NEXT = dt.date(2026, 7, 1)


@dataclass
class Later:
    """The home after the next night, and who did what in between."""

    home: Home
    before: NightAdvice
    withdrew: int
    waits: int
    declined: int
    bought: int
    rated: str
    files: dict[str, bytes]

    @property
    def after(self) -> NightAdvice:
        return Bank(self.home).wealth(NEXT)


@pytest.fixture(scope="module")
def later(after_june: Path, tmp_path_factory: pytest.TempPathFactory) -> Later:
    path = tmp_path_factory.mktemp("later") / "home"
    shutil.copytree(after_june, path)
    home = Home.open(path)
    before = Bank(home).wealth(LAST)
    withdrew, waits, declined, bought = before.worklist()["customer"].to_pylist()[:4]
    positions = pq.read_table(before.path("positions.parquet"))["product"].to_pylist()
    risk = dict(zip(before.products.ids, before.products.table["rating"].to_pylist(), strict=True))
    rated = next(name for name, _ in Counter(positions).most_common() if risk[name] < 4)
    made = Later(home, before, withdrew, waits, declined, bought, rated, {})
    hand_over(made, path.parent / "files")
    # withdrawn consent ends it before any night
    stop = before.propose(withdrew).stop
    assert stop is not None and stop.id == "ADV.no_consent"
    published = contents(before.night.path)
    kill_and_resume(home)
    assert contents(before.night.path) == published
    made.files = contents(path / "nights" / NEXT.isoformat() / "wealth")
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def kill_and_resume(home: Home) -> None:
    """A night that dies within the step of advice, and is gone on with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, "trades_table", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            night(home, NEXT, bucket=BUCKET)
    assert (home.path / "nights" / f".{NEXT}.working" / "wealth" / "positions.parquet").exists()
    assert night(home, NEXT, bucket=BUCKET).computed


def hand_over(made: Later, files: Path) -> None:
    """What the bank hands over on the next day."""

    def party(customer: int) -> dict[str, str]:
        register = Bank(made.home).register
        numbers = np.asarray(register.parties_of(customer))
        source, party_id = party_names(made.home, numbers)[int(numbers[0])]
        return {"source": source, "party_id": party_id}

    def write(table: str, rows: list[dict[str, Any]]) -> None:
        files.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), files / f"{table}_{NEXT}.parquet")

    with duckdb.connect() as connection:
        numbers = ", ".join(str(int(n)) for n in Bank(made.home).register.parties_of(made.withdrew))
        consents = connection.sql(
            f"SELECT * FROM ({facts_sql(made.home, 'consents')}) "
            f"WHERE party IN ({numbers}) AND purpose = 'advice'"
        ).to_arrow_table()
        product = connection.sql(
            f"SELECT * FROM ({facts_sql(made.home, 'products')}) WHERE product_id = '{made.rated}'"
        ).to_arrow_table()
    names = party_names(made.home, consents["party"].to_numpy())
    write(
        "consents",
        [
            {
                **{key: row[key] for key in ("consent_id", "purpose", "means", "granted_on")},
                "source": names[row["party"]][0],
                "party_id": names[row["party"]][1],
                "withdrawn_on": NEXT,
            }
            for row in consents.to_pylist()
        ],
    )
    (terms,) = product.to_pylist()
    terms.pop("unit")
    terms |= {f"{name}_fen": terms.pop(name) for name in ("minimum", "increment")}
    write("products", [terms | {"risk_class": "R5"}])
    held = made.before.rows_of("proposals.parquet", made.waits)[0]["risk_class"]
    now = {"date": LAST, "channel": "mobile"}
    write(
        "risk_assessments",
        [
            {**party(made.waits), **now, "assessment_id": f"X{n}", "risk_class": f"C{level}", "confirmed": ok}
            for n, (level, ok) in enumerate([(held, True), (held % 5 + 1, False)])
        ],
    )
    answer = {"proposed_on": LAST, "date": NEXT, "channel": "mobile"}
    write(
        "advice_answers",
        [
            {**party(made.declined), **answer, "answer_id": "A1", "kind": "declined"},
            {**party(made.bought), **answer, "answer_id": "A2", "kind": "seen"},
            {**party(made.bought), **answer, "answer_id": "A3", "kind": "accepted"},
        ],
    )
    trade = next(t for t in made.before.rows_of("trades.parquet", made.bought) if t["side"] == "buy")
    write(
        "sales",
        [
            {
                **party(made.bought),
                "sale_id": "S1",
                "product_id": trade["product"],
                "date": NEXT,
                "amount_fen": trade["amount"],
                "channel": "mobile",
                "proposed_on": LAST,
            }
        ],
    )
    report = load(made.home, files, progress=SilentProgress())
    assert all(report.tables[name].taken for name in ("consents", "products", "advice_answers", "sales"))
    assert report.tables["risk_assessments"].taken == 2


def test_each_is_stopped_by_the_rule_that_speaks_of_him(later: Later) -> None:
    rules = {later.withdrew: "ADV.no_consent", later.waits: "ADV.unconfirmed", later.declined: "ADV.declined"}
    advised = set(later.after.proposals["customer"].to_pylist())
    for customer, rule in rules.items():
        assert customer not in advised
        stop = later.after.propose(customer).stop
        assert stop is not None and stop.id == rule
    for rule in rules.values():
        assert later.after.sheet["stopped"][rule] >= 1


def test_what_was_said_and_sold_stands_in_the_record(later: Later) -> None:
    rows = {r["customer"]: r for r in later.after.record.to_pylist() if r["last_on"] == LAST}
    sold = [r for r in later.after.record.to_pylist() if r["customer"] == later.bought and r["executed_on"]]
    assert rows[later.declined]["state"] == rows[later.declined]["answer"] == "declined"
    assert rows[later.withdrew]["state"] == "lapsed"
    (row,) = sold
    assert (row["state"], row["answer"], row["seen_on"]) == ("executed", "accepted", NEXT)
    assert row["executed"] > 0 and row["executed_on"] == NEXT


def test_holders_of_a_product_rated_higher_are_to_be_told(later: Later) -> None:
    told = later.after.told.to_pylist()
    held = pq.read_table(later.after.path("positions.parquet"))
    holders = {c for c, p in zip(*(held[n].to_pylist() for n in ("customer", "product")), strict=True)
               if p == later.rated}  # fmt: skip
    assert {row["customer"] for row in told} == holders and holders
    for row in told:
        assert row["product"] == later.rated and row["before"] < row["rating"] == 5 and row["since"] == NEXT
        assert row["unsuitable"] == (row["risk_class"] < 5)
    assert later.before.told.num_rows == 0 and later.after.sheet["told"] == len(told)
    bought = later.after.trades.filter([p == later.rated for p in later.after.trades["product"].to_pylist()])
    of = {r["customer"]: r["risk_class"] for r in later.after.proposals.to_pylist()}
    assert all(of[row["customer"]] == 5 for row in bought.to_pylist() if row["side"] == "buy")


def test_a_night_that_was_killed_in_the_step_has_the_bytes_of_one_that_was_not(
    later: Later, tmp_path: Path
) -> None:
    shutil.copytree(later.home.path, tmp_path / "home")
    shutil.rmtree(tmp_path / "home" / "nights" / NEXT.isoformat())
    night(Home.open(tmp_path / "home"), NEXT, bucket=BUCKET)
    assert contents(tmp_path / "home" / "nights" / NEXT.isoformat() / "wealth") == later.files
