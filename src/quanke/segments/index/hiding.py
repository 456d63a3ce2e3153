"""Hiding small sizes, and what would give them away by subtraction."""

from __future__ import annotations

from collections.abc import Sequence


def shown(count: int, smallest: int) -> int | None:
    """The size, or None where it is below `smallest` (0: nothing is hidden)."""
    return count if count >= smallest else None


def shown_cells(cells: Sequence[int], smallest: int) -> list[int | None]:
    """Sizes of groups that add up to a total that is known.

    Those below `smallest` are hidden; then the smallest of the others, until what is hidden is at least two
    groups and together at least `smallest`: total less what is shown then tells of no small group.
    """
    hidden = [n for n, count in enumerate(cells) if count < smallest]
    if hidden:
        rest = sorted((n for n in range(len(cells)) if cells[n] >= smallest), key=lambda n: (cells[n], n))
        while rest and (len(hidden) < 2 or sum(cells[n] for n in hidden) < smallest):
            hidden.append(rest.pop(0))
    left = set(hidden)
    return [None if n in left else count for n, count in enumerate(cells)]


def shown_part(part: int, whole: int, smallest: int) -> int | None:
    """The size of a part of a group whose size is known, or None where part or rest would be a small group.
    An empty rest is nobody's secret."""
    rest = whole - part
    return None if 0 < rest < smallest else shown(part, smallest)
