from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from quanke.books import BookRules
from quanke.books.rules import WHOLE_POST
from quanke.books.rules_file import read_rules
from quanke.kernel.errors import DefinitionError
from quanke.segments import Dated

DAY = dt.date(2026, 6, 30)
GOOD = """
cooling_days: 60
per_km: {1900-01-01: 15, 2027-01-01: 20}
capacity:
  remote_seat: 2500
stands_for:
  customer_manager: {customer_manager: 0, service_manager: 75}
grades: [junior, senior]
"""


def test_full_books_of_the_rule_book_are_equal() -> None:
    rules = BookRules()
    for role, tier in rules.role_tier.items():
        if role not in ("branch_head", "flexible_team"):
            assert rules.capacity[role].on(DAY) * rules.load(tier, DAY) == WHOLE_POST


def test_a_bank_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "book-rules.yaml"
    path.write_text(GOOD, encoding="utf-8")
    rules = read_rules(path)
    assert rules.cooling_days.on(DAY) == 60
    assert [rules.per_km.on(d) for d in (DAY, dt.date(2027, 1, 1))] == [1_500, 2_000]
    assert rules.capacity["remote_seat"].on(DAY) == 2_500
    assert rules.capacity["private_banker"].on(DAY) == 50
    assert rules.role_price("customer_manager", "service_manager", DAY) == 7_500
    assert rules.role_price("customer_manager", "remote_seat", DAY) is None, "the row is replaced whole"
    assert rules.role_price("wealth_manager", "remote_seat", DAY) == 120_000
    assert rules.grades == ("junior", "senior")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("cooling_days", "cool_days", 2, "'cool_days' is none of"),
        ("cooling_days: 60", "cooling_days: -1", 2, "cooling_days is a whole number"),
        ("cooling_days: 60", "cooling_days: 99999999999999999999", 2, "cooling_days is a whole number"),
        ("2027-01-01: 20", "soon: 20", 3, "a day is written"),
        ("2027-01-01: 20", "1800-01-01: 20", 3, "its days must ascend"),
        ("remote_seat: 2500", "astronaut: 2500", 5, "'astronaut' is none of"),
        ("service_manager: 75", "astronaut: 75", 7, "'astronaut' is none of"),
        ("{customer_manager: 0, service_manager: 75}", "{service_manager: 75}", 2, "stands for itself"),
        ("grades: [junior, senior]", "grades: junior", 8, "grades is a list"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    path = tmp_path / "book-rules.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(DefinitionError) as told:
        read_rules(path)
    assert said in str(told.value) and f"book-rules.yaml:{line}" in str(told.value)


def test_parameters_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="weighs at least one unit"):
        BookRules(tier_load={**BookRules().tier_load, "core": Dated.of(0)})
    with pytest.raises(ValueError, match="has no capacity"):
        BookRules(role_tier={**BookRules().role_tier, "lobby": "core"})
    with pytest.raises(ValueError, match="not below zero"):
        BookRules(stands_for={"remote_seat": {"remote_seat": Dated.of(-1)}})
