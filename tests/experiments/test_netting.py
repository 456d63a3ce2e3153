"""Money that changes hands inside is counted once on each side, so that within a family it adds up to
nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanke.effects.netting import Transfers, moved_inside

HOUSEHOLD = np.array([0, 0, 2, 3, 4, -1])
BRANCH = np.array([7, 7, 7, 8, -1, 7])
PERSON = np.array([True, True, True, True, True, False])
FIRST, LAST = 100, 109


def transfers(rows: list[tuple[int, int, int, int, bool]]) -> Transfers:
    """Payer, payee, day, fen, same name: both sides book it."""
    both = [(b, a, day, fen, same) for a, b, day, fen, same in rows]
    both += [(a, b, day, -fen, same) for a, b, day, fen, same in rows]
    columns = [np.array([row[i] for row in both], np.int64) for i in range(4)]
    return Transfers(*columns, own_name=np.array([row[4] for row in both], np.bool_))


def moved(
    rows: list[tuple[int, int, int, int, bool]], who: list[int], daily: bool = False
) -> tuple[list, list]:  # type: ignore[type-arg]
    """Family and branch of some customers."""
    found = moved_inside(
        transfers(rows), np.array(who, np.int64), HOUSEHOLD, BRANCH, PERSON, FIRST, LAST, daily
    )
    return found.family.tolist(), found.branch.tolist()


@pytest.mark.parametrize(
    ("row", "family", "branch"),
    [
        ((1, 0, 105, 50, False), 50, 0),  # his wife
        ((0, 1, 105, 50, False), -50, 0),  # to his wife
        ((2, 0, 105, 50, False), 0, 50),  # a neighbour of the branch
        ((3, 0, 105, 50, False), 0, 0),  # another branch
        ((3, 0, 105, 50, True), 50, 0),  # the same name under another number
        ((4, 0, 105, 50, False), 0, 0),  # nobody knows his branch
        ((5, 0, 105, 50, False), 0, 0),  # a company of the branch: wages are no neighbour's money
        ((1, 0, FIRST - 1, 50, False), 0, 0),  # before the window
        ((1, 0, LAST + 1, 50, False), 0, 0),  # after it
    ],
)
def test_who_it_came_from(row: tuple[int, int, int, int, bool], family: int, branch: int) -> None:
    assert moved([row], [0]) == ([family], [branch])


def test_of_a_daily_mean_it_counts_the_days_that_are_left() -> None:
    """Of ten days, what came on the first counts for all of them, on the last for one."""
    for day, days in ((FIRST, 10), (FIRST + 3, 7), (LAST, 1)):
        assert moved([(1, 0, day, 100, False)], [0], daily=True)[0] == [100 * days / 10]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 5),
            st.integers(FIRST, LAST),
            st.integers(1, 10**9),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_inside_everybody_it_adds_up_to_nothing(rows: list[tuple[int, int, int, int, bool]]) -> None:
    """Whoever is looked at together with all others has lost what another has gained."""
    persons = [row for row in rows if PERSON[row[0]] and PERSON[row[1]]]
    family, branch = moved(persons, [0, 1, 2, 3, 4])
    assert sum(family) == 0
    assert sum(branch) == 0


def test_nobody_takes_part() -> None:
    assert moved([(1, 0, 105, 50, False)], []) == ([], [])
