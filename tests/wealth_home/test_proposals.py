"""The proposals of the sample bank's nights, judged by rules written out again in plain Python."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from quanke.bank.home import Home
from quanke.kernel.errors import DefinitionError, NightError
from quanke.night import Bank
from quanke.night.advised import NightAdvice
from quanke.night.wealth_rules import read_wealth_rules
from quanke.wealth.advisable import ADVICE_STOPS
from quanke.wealth.suitability import promises_in
from tests.homes import LAST

Rows = dict[int, list[dict[str, Any]]]
ELDER, ELDER_RISK, FULL_AGE = 65, 4, 18
PPM = 1_000_000
INSURED = 500_000_00
FREE = ("own", "treasury")


@pytest.fixture(scope="module")
def home(after_june: Path) -> Home:
    return Home.open(after_june)


@pytest.fixture(scope="module")
def advice(home: Home) -> NightAdvice:
    return Bank(home).wealth()


@pytest.fixture(scope="module")
def products(advice: NightAdvice) -> dict[str, dict[str, Any]]:
    return {row["product"]: row for row in advice.products.table.to_pylist()}


@pytest.fixture(scope="module")
def trades(advice: NightAdvice) -> Rows:
    return by_customer(advice.trades.to_pylist())


@pytest.fixture(scope="module")
def held(advice: NightAdvice) -> Rows:
    return by_customer(pq.read_table(advice.path("positions.parquet")).to_pylist())


@pytest.fixture(scope="module")
def people(advice: NightAdvice) -> list[dict[str, Any]]:
    names = (
        "is_person deceased relationship_closed advice_agreed profiling_refused age risk_level "
        "risk_assessment_valid accounts_open demand_balance"
    )
    found: list[dict[str, Any]] = advice.night.read(names.split()).to_pylist()
    return found


def by_customer(rows: list[dict[str, Any]]) -> Rows:
    found: Rows = defaultdict(list)
    for row in rows:
        found[row["customer"]].append(row)
    return found


def test_there_are_proposals_and_everybody_else_has_a_reason(
    advice: NightAdvice, people: list[dict[str, Any]]
) -> None:
    sheet = advice.sheet
    assert sheet["status"]["proposed"] > 50 and sheet["trades"] > sheet["status"]["proposed"]
    assert sheet["advised"] + sum(sheet["stopped"].values()) == len(people)
    assert set(sheet["stopped"]) <= {stop.id for stop in ADVICE_STOPS}
    assert sheet["within_band_after"] > sheet["within_band_before"]
    assert Counter(advice.proposals["status"].to_pylist()) == sheet["status"]


def test_nobody_is_advised_who_did_not_agree_or_may_not_be(
    advice: NightAdvice, people: list[dict[str, Any]]
) -> None:
    for row in advice.proposals.to_pylist():
        person = people[row["customer"]]
        assert person["advice_agreed"] and person["is_person"] and not person["profiling_refused"]
        assert not person["deceased"] and not person["relationship_closed"] and person["accounts_open"] > 0
        assert person["age"] >= FULL_AGE
        assert person["risk_assessment_valid"] and person["risk_level"] == row["risk_class"]
    advised = set(advice.proposals["customer"].to_pylist())
    assert set(advice.trades["customer"].to_pylist()) <= advised


def test_only_what_suits_is_bought(
    advice: NightAdvice, products: dict[str, Any], trades: Rows, people: list[dict[str, Any]]
) -> None:
    seen = set()
    for customer, rows in trades.items():
        person = people[customer]
        for trade in rows:
            product = products[trade["product"]]
            if trade["side"] == "buy":
                rating = max(product["risk"], product["issuer_risk"])
                seen.add(rating)
                assert 1 <= rating <= person["risk_level"]
                assert product["on_sale"] and product["advised"]
                assert not (person["age"] >= ELDER and rating >= ELDER_RISK)
    assert {1, 2, 3, 4} <= seen


def test_lots_minima_locks_and_fees(products: dict[str, Any], trades: Rows, held: Rows) -> None:
    sold = 0
    for customer, rows in trades.items():
        mine = {row["product"]: row for row in held[customer] if not row["due"]}
        assert len({trade["product"] for trade in rows}) == len(rows) <= 8
        for trade in rows:
            product, position = products[trade["product"]], mine.get(trade["product"])
            amount = trade["amount"]
            assert trade["on"] >= LAST
            if trade["side"] == "buy":
                assert amount % product["increment"] == 0
                assert position is not None or amount >= product["minimum"]
                assert trade["fee"] == half_up(amount * product["purchase_ppm"])
                continue
            sold += 1
            assert position is not None and 0 < amount <= position["value"] and position["locked"] == 0
            left = position["value"] - amount
            assert left == 0 or left >= product["minimum"]
            early = position["days_held"] < product["exit_days"]
            assert trade["fee"] == (half_up(amount * product["exit_ppm"]) if early else 0)
            assert product["category"] != "term" or position["matures"] < 0
    assert sold > 0


def half_up(millionths: int) -> int:
    return (millionths + PPM // 2) // PPM


def test_cash_is_kept_and_nobody_spends_what_he_has_not(
    advice: NightAdvice, products: dict[str, Any], trades: Rows, held: Rows
) -> None:
    checked = 0
    for row in advice.proposals.to_pylist():
        rows = trades.get(row["customer"], [])
        days = sorted({trade["on"] for trade in rows})
        for day in days:
            until = [trade for trade in rows if trade["on"] <= day]
            due = sum(
                p["value"]
                for p in held[row["customer"]]
                if p["due"] and LAST + dt.timedelta(p["matures"]) <= day
            )
            got = sum(t["amount"] - t["fee"] for t in until if t["side"] == "sell")
            spent = sum(t["amount"] + t["fee"] for t in until if t["side"] == "buy")
            left = row["cash"] + due + got - spent
            near = near_cash(products, held[row["customer"]], until)
            assert left >= 0 and (not spent or left + near >= row["keep"])
            checked += 1
        assert row["fees"] == sum(trade["fee"] for trade in rows)
        assert row["trades"] == len(rows)
    assert checked > 50


def near_cash(products: Mapping[str, Any], held: list[dict[str, Any]], until: list[dict[str, Any]]) -> int:
    def cash(row: dict[str, Any]) -> bool:
        return bool(products[row["product"]]["asset_class"] == "cash")

    sign = {"buy": 1, "sell": -1}
    moved = sum(sign[t["side"]] * t["amount"] for t in until if cash(t))
    return int(sum(row["value"] for row in held if cash(row) and not row["due"])) + moved


def test_caps_of_product_issuer_and_deposit_insurance(
    advice: NightAdvice, products: dict[str, Any], trades: Rows, held: Rows
) -> None:
    rules = advice.sheet["rules"]["advice"]
    limited = 0
    for row in advice.proposals.to_pylist():
        after: Counter[str] = Counter()
        for position in held[row["customer"]]:
            # what falls due is cash of that day
            after[position["product"]] += 0 if position["due"] else position["value"]
        for trade in trades.get(row["customer"], []):
            after[trade["product"]] += trade["amount"] * (1 if trade["side"] == "buy" else -1)
        bought = {t["product"] for t in trades.get(row["customer"], []) if t["side"] == "buy"}
        for name in bought:
            product = products[name]
            if product["category"] == "term":
                owed = sum(
                    value * (PPM + products[each]["interest_ppm"]) // PPM
                    for each, value in after.items()
                    if products[each]["category"] == "term"
                )
                assert min(row["keep"], row["cash"]) + owed <= INSURED
                continue
            if product["issuer"] in FREE:
                continue
            limited += 1
            assert after[name] * PPM <= row["investable"] * rules["product_cap"]
            of_issuer = sum(v for each, v in after.items() if products[each]["issuer"] == product["issuer"])
            assert of_issuer * PPM <= row["investable"] * rules["issuer_cap"]
    assert limited > 50


def test_the_distance_from_the_model_is_what_plain_sums_say(
    advice: NightAdvice, products: dict[str, Any], trades: Rows, held: Rows
) -> None:
    model, band = advice.model, advice.sheet["rules"]["advice"]["band"]
    for row in advice.proposals.to_pylist():
        whole = row["investable"]
        for name, moves in (("outside_before", []), ("outside_after", trades.get(row["customer"], []))):
            value = Counter(dict.fromkeys(model.classes, 0))
            value["cash"] = row["cash"] - row["keep"]
            for position in held[row["customer"]]:
                kind = "cash" if position["due"] else products[position["product"]]["asset_class"]
                value[kind] += position["value"]
            for trade in moves:
                sign = 1 if trade["side"] == "buy" else -1
                value[products[trade["product"]]["asset_class"]] += sign * trade["amount"]
                value["cash"] -= sign * trade["amount"]
            outside = 0.0
            for at, each in enumerate(model.classes):
                weight = int(model.weights[row["risk_class"] - 1, at])
                low, high = whole * max(weight - band, 0) / PPM, whole * min(weight + band, PPM) / PPM
                outside += max(low - value[each], 0, value[each] - high)
            if row["remains"] not in ("nothing_to_invest", "no_class"):
                # a fee is paid out of the cash that shares are measured on
                assert abs(row[name] - outside) <= 20 + 2 * row["fees"]


def test_a_control_group_is_found_and_never_shown(advice: NightAdvice) -> None:
    rows = advice.proposals.to_pylist()
    withheld = [row["customer"] for row in rows if row["status"] == "withheld"]
    assert 0 < len(withheld) < len(rows) / 5
    assert not set(withheld) & set(advice.worklist()["customer"].to_pylist())
    found = advice.propose(withheld[0])
    assert found.stop is not None and found.stop.id == "ADV.control"
    assert not found.trades and found.words is None
    arms = {row["customer"]: row["arm"] for row in advice.record.to_pylist() if row["over_on"] is None}
    assert {arms[customer] for customer in withheld} == {"withheld"}


def test_words_have_risks_first_and_promise_nothing(advice: NightAdvice) -> None:
    for customer in advice.worklist()["customer"].to_pylist()[:25]:
        found = advice.propose(customer)
        assert found.words is not None and found.proposal is not None
        zh, en = found.words.zh, found.words.en
        assert "风险" in zh[:8] and "risk" in en[:20].lower()
        assert not promises_in(zh) and not promises_in(en)
        assert len(found.trades) == found.proposal["trades"]


def test_found_again_it_is_what_the_night_published(advice: NightAdvice) -> None:
    for customer in advice.worklist()["customer"].to_pylist()[:10]:
        held, now = advice.propose(customer), advice.propose_now(customer)
        assert now.now and now.trades == held.trades
        assert now.proposal == held.proposal and now.held == held.held


def test_who_is_stopped_is_told_by_which_rule(advice: NightAdvice, people: list[dict[str, Any]]) -> None:
    refused = next(at for at, p in enumerate(people) if p["is_person"] and p["advice_agreed"] is False)
    found = advice.propose(refused)
    assert found.stop is not None and found.proposal is None
    minor = next(at for at, p in enumerate(people) if p["advice_agreed"] and (p["age"] or 99) < FULL_AGE)
    told = advice.propose(minor).stop
    assert told is not None and told.id == "ADV.minor"


def test_two_nights_of_one_home_carry_the_model_and_the_record(home: Home, advice: NightAdvice) -> None:
    may = Bank(home).wealth("2026-05-31")
    assert may.sheet["model"]["source"] == advice.sheet["model"]["source"] == "strategic"
    first = {row["customer"] for row in may.record.to_pylist()}
    record = advice.record.to_pylist()
    again = [row for row in record if row["proposed_on"] == dt.date(2026, 5, 31) and row["last_on"] == LAST]
    assert again and {row["customer"] for row in again} <= first
    assert first <= {row["customer"] for row in record}
    states = Counter(row["state"] for row in record)
    assert states["replaced"] + states["lapsed"] == sum(row["over_on"] is not None for row in record)


def test_a_night_without_advice_says_so(home: Home, tmp_path: Path) -> None:
    night = Bank(home).night()
    shutil.copy(night.path / "manifest.json", tmp_path)
    with pytest.raises(NightError, match="no advice"):
        NightAdvice(type(night)(tmp_path), home)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("advice:\n  bond: 5%\n", 2, "not understood"),
        ("advice:\n  band: 0.05\n", 2, "a share is written in %"),
        ("trades:\n  least_trade: 1000\n", 2, "money is written in"),
        ("other:\n  band: 5%\n", 1, "is none of"),
        ("needs:\n  least: 1元\n  rounded: 0元\n", 3, "it is from"),
        ("trades:\n  most_trades: 0\n", 2, "it is from 1 to 16"),
        ("advice:\n  full_age: 0\n", 2, "it is from 1"),
        ("suitability:\n  limited_capacity_risk: 9\n", 2, "it is from 0 to 5"),
        ("suitability:\n  valid_months: 6\n", 2, "cannot set it here"),
        ("suitability:\n  cost_of_assets: 50%\n", 2, "cannot set it here"),
        ('advice:\n  band: "1E+999999%"\n', 2, "a share is written in %"),
        ("advice:\n  band:\n    2026-13-01: 5%\n", 2, "YYYY-MM-DD"),
    ],
)
def test_a_file_of_parameters_is_refused_at_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = tmp_path / "wealth.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError, match=reason) as told:
        read_wealth_rules(path)
    assert f"wealth.yaml:{line}" in str(told.value)


def test_a_file_of_parameters_that_says_nothing_is_as_if_absent(tmp_path: Path) -> None:
    path = tmp_path / "wealth.yaml"
    path.write_text("\n# nothing yet\n", encoding="utf-8")
    assert read_wealth_rules(path) == read_wealth_rules(tmp_path / "none.yaml")


def test_a_bank_has_parameters_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "wealth.yaml"
    path.write_text(
        "advice:\n  band: {1900-01-01: 5%, 2026-07-01: 3%}\ntrades:\n  least_trade: 2万元\n"
        "suitability:\n  elder_from: 60\n",
        encoding="utf-8",
    )
    rules = read_wealth_rules(path)
    assert rules.advice.band.on(LAST) == 50_000 and rules.advice.band.on(dt.date(2026, 7, 1)) == 30_000
    assert rules.trades.least_trade.on(LAST) == 2_000_000
    assert rules.suitability.elder_from.on(LAST) == 60
    assert rules.fingerprint and read_wealth_rules(tmp_path / "none.yaml").fingerprint == ""
