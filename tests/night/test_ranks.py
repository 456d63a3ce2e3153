"""Places of everybody: the night's kernel against the obvious sort."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from quanke.engines.ranks import places

ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(-5, 5)), st.one_of(st.none(), st.sampled_from("ab"))),
    min_size=1,
    max_size=40,
)


def obvious(values: list[int | None], groups: list[object], descending: bool, parts: int) -> list[int | None]:
    """Sort each group by value, ties by position, and count."""
    result: list[int | None] = [None] * len(values)
    for group in set(groups):
        rows = [i for i, v in enumerate(values) if groups[i] == group and v is not None]
        rows.sort(key=lambda i: ((-values[i] if descending else values[i]), i))  # type: ignore[operator]
        for place, row in enumerate(rows, 1):
            result[row] = 1 + (place - 1) * parts // len(rows) if parts else place
    return result


@given(ROWS, st.booleans(), st.sampled_from([0, 2, 5]), st.booleans())
def test_places_equal_the_obvious_sort(
    rows: list[tuple[int | None, str | None]], descending: bool, parts: int, grouped: bool
) -> None:
    values = pa.chunked_array([pa.array([v for v, _ in rows], pa.int64())])
    groups = pa.chunked_array([pa.array([g for _, g in rows], pa.string())])
    found = places(values, [groups] if grouped else [], descending=descending, parts=parts)
    inside = [g for _, g in rows] if grouped else [0] * len(rows)
    assert found.to_pylist() == obvious([v for v, _ in rows], inside, descending, parts)


def test_two_groupings_together() -> None:
    values = pa.chunked_array([pa.array([3, 1, 2, 2], pa.int64())])
    first = pa.chunked_array([pa.array(["x", "x", "x", "y"])])
    second = pa.chunked_array([pa.array([1, 1, None, None], pa.int64())])
    assert places(values, [first, second], descending=True, parts=0).to_pylist() == [1, 2, 1, 1]
