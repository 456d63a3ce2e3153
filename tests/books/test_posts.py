from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from quanke.books.posts import NOBODY, SEATS
from tests.books.small_books import SmallBank


def bank() -> SmallBank:
    return SmallBank().branch("B1", 114.0).branch("B2", 114.1).staff("S1").staff("S2").staff("S3")


def seat(made: SmallBank, day: str = "2026-06-30") -> tuple[str, str | None]:
    posts = made.posts(dt.date.fromisoformat(day))
    who = int(posts.sitter[0])
    return SEATS[posts.seat[0]], None if who == NOBODY else posts.staff[who]


def test_the_holder_sits_there_from_the_first_day_to_the_day_before_the_last() -> None:
    made = bank().post("P1", "wealth_manager", held_by=None)
    made.tenure("P1", "S1", "holder", "2026-01-10", "2026-03-01").tenure("P1", "S2", "holder", "2026-03-01")
    assert seat(made, "2026-01-09") == ("vacant", None)
    assert seat(made, "2026-01-10") == ("held", "S1")
    assert seat(made, "2026-02-28") == ("held", "S1")
    assert seat(made, "2026-03-01") == ("held", "S2")


def test_a_stand_in_sits_there_while_the_holder_is_away() -> None:
    made = bank().post("P1", "wealth_manager", held_by=None).tenure("P1", "S1", "holder", "2026-01-01")
    made.tenure("P1", "S1", "leave", "2026-06-20", "2026-07-05")
    assert seat(made, "2026-06-19") == ("held", "S1")
    assert seat(made, "2026-06-20") == ("away", None)
    made.tenure("P1", "S3", "stand_in", "2026-06-25", "2026-07-05")
    assert seat(made, "2026-06-24") == ("away", None)
    assert seat(made, "2026-06-25") == ("stand_in", "S3")
    assert seat(made, "2026-07-05") == ("held", "S1")


def test_a_leaver_sits_nowhere_from_his_last_day_on() -> None:
    made = SmallBank().branch("B1").staff("S1", left_on=dt.date(2026, 6, 15))
    made.post("P1", "wealth_manager", held_by=None).tenure("P1", "S1", "holder", "2020-01-01")
    assert seat(made, "2026-06-14") == ("held", "S1")
    assert seat(made, "2026-06-15") == ("vacant", None)


def test_a_post_without_tenures_has_the_holder_of_its_own_row() -> None:
    assert seat(bank().post("P1", "wealth_manager", held_by="S2")) == ("held", "S2")
    assert seat(bank().post("P1", "wealth_manager", held_by=None)) == ("vacant", None)
    assert seat(bank().post("P1", "flexible_team", held_by=None)) == ("team", None)


def test_only_posts_that_can_look_after_somebody_count() -> None:
    made = bank().post("P1", "lobby").post("P2", "wealth_manager", "B2").post("P3", "teller")
    assert made.posts().ids == ("P2",)
    made.rows["branches"][1]["closed_on"] = dt.date(2026, 6, 30)
    assert made.posts().ids == ()
    assert made.posts(dt.date(2026, 6, 29)).ids == ("P2",)


@pytest.mark.parametrize(
    ("role", "given", "units"),
    [
        ("private_banker", None, 50 * 60),
        ("wealth_adviser", None, 120 * 25),
        ("wealth_manager", None, 250 * 12),
        ("customer_manager", None, 500 * 6),
        ("remote_seat", None, 3_000),
        ("wealth_manager", 100, 1_200),
        ("wealth_manager", 0, 0),
    ],
)
def test_capacity_is_the_posts_own_else_that_of_the_rule_book(
    role: str, given: int | None, units: int
) -> None:
    posts = bank().post("P1", role, capacity=given).posts()
    assert posts.capacity.tolist() == [units]


def test_distances() -> None:
    posts = bank().branch("B3").post("P1", "wealth_manager").post("P2", "wealth_manager", "B2").posts()
    here = np.array([posts.branch_number["B1"]] * 2)
    near, far = posts.kilometres(here, np.array([0, 1]), 20.0)
    # a tenth of a degree of longitude at 22.5 north
    assert near == 0 and far == pytest.approx(111.195 * 0.1 * np.cos(np.radians(22.5)), rel=1e-3)
    unknown = np.array([posts.branch_number["B3"], NOBODY])
    assert posts.kilometres(unknown, np.array([1, 1]), 20.0).tolist() == [20.0, 20.0]
