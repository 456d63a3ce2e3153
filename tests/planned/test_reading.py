"""Plan files: what they may say, and what is said where they are wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quanke.engines.memory import value_of
from quanke.kernel.errors import DefinitionError
from quanke.language import Catalogue
from quanke.language.nodes import Node
from quanke.night.catalogue import standard_catalogue
from quanke.plans.actions import PlanProgram, gates_of, read_program, standard_program
from quanke.plans.actions.definitions import worth
from quanke.plans.budgets import Unit

ACTION = """actions:
  gold_call:
    zh: 黄金
    en: Gold
    offer: metal
    means: call
    by: owner
    purpose: {purpose}
    suitability: {suitability}
    minutes: {minutes}
    eligible: {eligible}
    chance: {chance}
    gain: {gain}
"""
FITTING = {
    "purpose": "marketing",
    "suitability": "R3",
    "minutes": "10",
    "eligible": "aum >= 10万元",
    "chance": "5%",
    "gain": "aum * 1%",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return standard_catalogue()


def read(tmp_path: Path, catalogue: Catalogue, text: str) -> PlanProgram:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_program(path, catalogue)


def test_an_action_of_the_bank_stands_beside_the_standard_ones(tmp_path: Path, catalogue: Catalogue) -> None:
    standard = standard_program(catalogue)
    mine = read(tmp_path, catalogue, ACTION.format(**FITTING))
    assert {a.name for a in mine.actions} - {a.name for a in standard.actions} == {"gold_call"}
    assert mine.fingerprint != standard.fingerprint
    assert read(tmp_path, catalogue, "per_customer: 1\n").fingerprint == standard.fingerprint


def test_what_is_off_is_gone_and_what_is_written_again_is_replaced(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    text = """
    per_customer: {2026-01-01: 1, 2026-07-01: 2}
    actions:
      dormant_wake_sms: off
    limits:
      sms_budget:
        zh: 短信
        en: Texts
        of: contacts
        means: sms
        capacity: {2026-01-01: 5% of customers, 2026-07-01: 6% of customers}
    """
    mine = read(tmp_path, catalogue, text)
    assert "dormant_wake_sms" not in {a.name for a in mine.actions}
    budget = next(b for b in mine.budgets if b.name == "sms_budget")
    assert budget.capacity is not None and budget.capacity.unit is Unit.CUSTOMERS
    assert budget.capacity.number.on(dt.date(2026, 6, 30)) == 50_000
    assert budget.capacity.number.on(dt.date(2026, 7, 1)) == 60_000
    assert mine.per_customer.on(dt.date(2026, 7, 1)) == 2


def test_minutes_change_on_their_day(tmp_path: Path, catalogue: Catalogue) -> None:
    given = {**FITTING, "minutes": "{2026-01-01: 10, 2027-01-01: 8}"}
    action = read(tmp_path, catalogue, ACTION.format(**given)).action("gold_call")
    assert (action.minutes.on(dt.date(2026, 12, 31)), action.minutes.on(dt.date(2027, 1, 1))) == (10, 8)


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        ({"suitability": "R3\n    roles: wealth_manger"}, 10, "did you mean `wealth_manager`"),
        ({"suitability": "none"}, 5, "an offer of metal has a `suitability`"),
        ({"purpose": "service"}, 8, "what offers a product is marketing"),
        ({"minutes": "0"}, 7, "who does it needs `minutes` on every day"),
        ({"minutes": "{2026-01-01: 0, 2027-01-01: 5}"}, 7, "who does it needs `minutes` on every day"),
        ({"minutes": "ten"}, 10, "`minutes`: a whole number is expected"),
        ({"minutes": "{2027-01-01: 8, 2026-01-01: 10}"}, 10, "stand in their order"),
        ({"eligible": "aum"}, 11, "`eligible` is boolean, this is money"),
        (
            {"eligible": "credit_score_band > 3"},
            11,
            "may be used for compliance, risk only, not for marketing",
        ),
        ({"eligible": "aun > 5"}, 11, "or `aum`?"),
        ({"chance": "120%"}, 12, "a chance lies between 0 and 1"),
        ({"chance": "age"}, 12, "`chance` is rate or number, this is integer"),
        ({"gain": "3"}, 13, "`gain` is money, this is integer"),
    ],
)
def test_a_wrong_action_is_told_with_its_line(
    tmp_path: Path, catalogue: Catalogue, change: dict[str, str], line: int, said: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, catalogue, ACTION.format(**{**FITTING, **change}))
    assert f"plan.yaml:{line}: gold_call" in str(caught.value)
    assert said in str(caught.value)


LIMIT = "limits:\n  mine:\n    zh: 我\n    en: Mine\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plans: {}\n", "there is no section 'plans'"),
        ("actions:\n  nothing_such: off\n", "there is nothing of this name to retire"),
        ("per_customer: 9\n", "a customer gets 1 to 5 actions"),
        (LIMIT + "    of: minutes\n", "has a `capacity`, an `at_least`, or both"),
        (LIMIT + "    of: hours\n    capacity: 3\n", "`of` is one of minutes, contacts, cost, rhythm"),
        (LIMIT + "    of: contacts\n    capacity: many\n", "a number, `3% of customers`"),
        (
            LIMIT + "    of: contacts\n    capacity: 300 per seat of remote_set\n",
            "did you mean `remote_seat`",
        ),
        (LIMIT + "    of: contacts\n    per: aum\n    capacity: 3\n", "a tag whose values are texts"),
        (
            LIMIT + "    of: contacts\n    at_least: 5% of nothing_such\n",
            "no limit of that name stands before it",
        ),
        (LIMIT + "    of: contacts\n    actions: gone\n    capacity: 3\n", "it names the action 'gone'"),
        (LIMIT + "    of: minutes\n    at_least: 50% of mine\n", "no limit of that name stands before it"),
        (LIMIT + "    of: minutes\n    at_least: 50% of sms_budget\n", "count minutes as well"),
        (LIMIT + "    of: cost\n    capacity: -5元\n", "not below zero"),
        (
            "limits:\n  post_minutes:\n    zh: a\n    en: b\n    of: minutes\n    capacity: 3\n",
            "rhythm is a share of the minutes of posts",
        ),
        (LIMIT + "    of: cost\n    capacity: 3\n", "an amount with its unit is expected"),
        (LIMIT + "    of: contacts\n    capcity: 3\n", "did you mean `capacity`"),
        (
            "limits:\n  sms_budget: off\n",
            "it is a share of 'sms_budget', and no limit of that name stands before it",
        ),
    ],
)
def test_a_wrong_limit_is_told(tmp_path: Path, catalogue: Catalogue, text: str, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, catalogue, text)
    assert said in str(caught.value)
    assert "plan.yaml:" in str(caught.value)


def test_every_standard_action_asks_for_what_its_kind_must(catalogue: Catalogue) -> None:
    for action in standard_program(catalogue).actions:
        codes = [gate.code for gate in gates_of(action)]
        assert codes[0] == "scope"
        if action.purpose == "marketing":
            assert {f"agrees_{action.means}", "profiling", "adult", "cool_down", "complaint"} <= set(codes)
        if action.risk_class is not None:
            assert {"assessed", "suitable"} <= set(codes)
        if action.by == "owner":
            assert "owner" in codes
        assert action.script_zh and action.script_en and action.because_zh and action.because_en


def test_a_file_of_comments_changes_nothing(tmp_path: Path, catalogue: Catalogue) -> None:
    standard = standard_program(catalogue)
    assert read(tmp_path, catalogue, "# nothing yet\n\n").fingerprint == standard.fingerprint


def test_a_chance_never_leaves_its_bounds(tmp_path: Path, catalogue: Catalogue) -> None:
    action = read(tmp_path, catalogue, ACTION.format(**{**FITTING, "chance": "coalesce(aum_trend, 400%)"}))
    day = dt.date(2026, 6, 30)
    node = worth(action.action("gold_call"), day).node

    def read_as(trend: Decimal | None) -> Callable[[Node], Any]:
        values = {"aum": 1_000_000, "aum_trend": trend}
        return lambda node: values[node.name]  # type: ignore[attr-defined]

    assert value_of(node, day, read_as(None)) == 10_000
    assert value_of(node, day, read_as(Decimal("-0.5"))) == 0
    assert value_of(node, day, read_as(Decimal("0.5"))) == 5_000
