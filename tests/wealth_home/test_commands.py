"""`quanke wealth`: what a person and a program read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from quanke.cli import main


@pytest.fixture(scope="module")
def folder(after_june: Path) -> Path:
    return after_june / "nights" / "2026-06-30" / "wealth"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["wealth", *words, "--home", str(home)], env={"COLUMNS": "200"})


def asked(home: Path, *words: str) -> Any:
    found = run(home, *words, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_a_proposal_is_told_with_its_trades_and_a_masked_name(after_june: Path, folder: Path) -> None:
    rows = asked(after_june, "list", "--limit", "5")
    assert rows["proposals"] > 50 and len(rows["rows"]) == 5
    customer = str(rows["rows"][0]["customer"])
    told = asked(after_june, "propose", customer)
    trades = pq.read_table(folder / "trades.parquet", filters=[("customer", "==", int(customer))])
    assert [t["product"] for t in told["trades"]] == trades["product"].to_pylist()
    assert told["name"].startswith("*") and told["stopped"] is None
    assert told["words_zh"] and told["words_en"]
    text = run(after_june, "propose", customer).output
    assert text.index("风险") < text.index("trades") and told["name"] in text


def test_who_has_no_proposal_is_told_why(after_june: Path, folder: Path) -> None:
    advised = set(pq.read_table(folder / "proposals.parquet")["customer"].to_pylist())
    other = next(number for number in range(100) if number not in advised)
    told = asked(after_june, "propose", str(other))
    assert told["proposal"] is None and told["stopped"]["rule"].startswith("ADV.")
    assert told["stopped"]["rule"] in run(after_june, "propose", str(other)).output


def test_the_sheet_the_record_and_whom_to_tell(after_june: Path) -> None:
    sheet = asked(after_june, "show")
    text = run(after_june, "show").output
    assert all(rule in text for rule in sheet["stopped"])
    assert asked(after_june, "record", "--limit", "3")["rows"]
    assert "withheld" in run(after_june, "record").output
    assert asked(after_june, "told")["holders"] == 0


def test_a_post_has_its_own_list(after_june: Path, folder: Path) -> None:
    table = pq.read_table(folder / "proposals.parquet", filters=[("status", "==", "proposed")])
    post = next(each for each in table["post"].to_pylist() if each)
    rows = asked(after_june, "list", "--post", post, "--limit", "1000")["rows"]
    assert {row["post"] for row in rows} == {post}
    assert len(rows) == sum(each == post for each in table["post"].to_pylist())


def test_suitability_and_a_sale_by_the_same_rules(after_june: Path, folder: Path) -> None:
    table = pq.read_table(folder / "proposals.parquet", filters=[("risk_class", "==", 2)])
    customer = str(table["customer"][0].as_py())
    products = {row["product"]: row for row in asked(after_june, "suitable", customer)["products"]}
    assert products["F0004"]["verdict"] == "BLOCK" and products["F0004"]["rule"] == "SUI-1.risk"
    assert products["T0012"]["verdict"] == "PASS"
    assert "inputs" not in products["F0004"]
    found = run(
        after_june, "check-sale", customer, "F0004", "--amount", "2000", "--recording", "V1", "--json"
    )
    assert found.exit_code == 1 and json.loads(found.stdout)["rule"] == "SUI-1.risk"
    without = run(after_june, "check-sale", customer, "T0012", "--json")
    assert "SUI-4.recording" in json.loads(without.stdout)["findings"]
    good = run(after_june, "check-sale", customer, "T0012", "--recording", "V1", "--json")
    assert good.exit_code == 0 and json.loads(good.stdout)["allowed"]
