"""A SNAPSHOT table is what a dictionary would be, whether units come one by one or many in a run."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from quanke.bank.home import Home
from tests.bank.small_bank import load_into, put, rows

NAMES = ("branches", "branches_2024-01-01", "branches_2024-01-02", "branches_2024-01-03")
UNIT = st.tuples(
    st.sampled_from(NAMES),
    st.lists(
        st.tuples(st.sampled_from("pqrst"), st.integers(0, 9)), max_size=4, unique_by=lambda row: row[0]
    ),
)
RUN = st.lists(UNIT, min_size=1, max_size=3, unique_by=lambda unit: unit[0])


class Dictionary:
    """The rule, by hand: key -> (precedence, value, unit)."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[tuple[str, int], int, str]] = {}
        self.ordinal = 0

    def take(self, run: list[tuple[str, list[tuple[str, int]]]]) -> None:
        """Rows of units delivered anew go first; then each key comes from the latest unit that has it."""
        anew = {name for name, _ in run}
        self.rows = {key: row for key, row in self.rows.items() if row[2] not in anew}
        for name, content in run:
            self.ordinal += 1
            precedence = (name.removeprefix("branches").strip("_"), self.ordinal)
            for key, value in content:
                if key not in self.rows or self.rows[key][0] < precedence:
                    self.rows[key] = (precedence, value, name)


# Of up to four loads each: that is enough of them.
@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(runs=st.lists(RUN, min_size=1, max_size=4))
def test_runs_of_units(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[tuple[str, list[tuple[str, int]]]]]
) -> None:
    folder = tmp_path_factory.mktemp("snapshots")
    home = Home.create(folder / "home")
    by_hand = Dictionary()
    for at, run in enumerate(runs):
        for name, content in sorted(run):
            # `delivery` makes every file another one; the same bytes again would be the same delivery.
            lines = [f"{key},{value},outlet,{at}" for key, value in content]
            put(folder / str(at), f"{name}.csv", "branch_id,name,kind,delivery", *lines, f",,,{at}-{name}")
        by_hand.take(sorted(run))
        assert load_into(home, folder / str(at)).errors == []
        wanted = {key: (str(value), precedence[1]) for key, (precedence, value, _) in by_hand.rows.items()}
        found = {
            str(key): (name, unit) for key, name, unit in rows(home, "branches", "branch_id, name, unit")
        }
        assert found == wanted
