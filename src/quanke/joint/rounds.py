"""The three messages of one question, and who learns what.

    question   bank -> partner    a·H(x) of the bank's customers, sorted
    answer     partner -> bank    b·(a·H(x)), and b·H(y) of the partner's own list
    result     bank -> partner    how many are on both lists; of a match, which rows of the answer

In a *count* both parts of the answer are sorted, so that the bank cannot tell which of its points came back
where: it learns how many are on both lists and not who. In a *match* the first part keeps the order of the
question, so that the bank learns which of its customers are on both lists; a bank asks it only of customers
whose consent names the partner. The partner never learns a point of the bank unmasked, and the bank none of
the partner's. Both sides learn the sizes of both lists.

The promise holds where both sides follow the rounds (semi-honest); a side may still invent rows of its own
list, which bounds on sizes and on questions make dear and cannot make impossible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from quanke.joint.points import Mask, Told, masked, masked_again
from quanke.kernel.errors import QuankeError


class Mode(StrEnum):
    """What a question asks: how many, or who."""

    COUNT = "count"
    MATCH = "match"


class RoundError(QuankeError):
    """An answer that cannot be one of the question."""


@dataclass(frozen=True)
class Asked:
    """The points of a question, and for each the place of its identifier in what was asked."""

    points: list[bytes]
    places: list[int]


@dataclass(frozen=True)
class Answered:
    """Both parts of an answer; `places`: of each point of `own` the place of its identifier in the
    partner's list, which stays with the partner."""

    again: list[bytes]
    own: list[bytes]
    places: list[int]


@dataclass(frozen=True)
class Met:
    """What the bank found: how many are on both lists; of a match the rows of the question and, side by
    side, of the answer's own part that are the same (of a count: none)."""

    count: int
    asked: list[int]
    own: list[int]


def ask(mask: Mask, key: bytes, texts: Sequence[str], told: Told | None = None, workers: int = 1) -> Asked:
    """The question over identifiers, each once."""
    made = masked(mask, key, texts, told, workers)
    places = sorted(range(len(made)), key=made.__getitem__)
    return Asked([made[place] for place in places], places)


def answer(
    mode: Mode,
    mask: Mask,
    key: bytes,
    asked: Sequence[bytes],
    texts: Sequence[str],
    told: Told | None = None,
    workers: int = 1,
) -> Answered:
    """The answer of a partner whose list has the identifiers `texts`, each once. Raises PointError."""
    again = masked_again(mask, asked, told, workers)
    if mode is Mode.COUNT:
        again.sort()
    own = ask(mask, key, texts, told, workers)
    return Answered(again, own.points, own.places)


def meet(
    mode: Mode,
    mask: Mask,
    rows: int,
    again: Sequence[bytes],
    own: Sequence[bytes],
    told: Told | None = None,
    workers: int = 1,
) -> Met:
    """What an answer to a question of `rows` points says. Raises RoundError for one that is none of it,
    PointError."""
    if len(again) != rows:
        raise RoundError("the answer has not as many points as the question")
    if len(set(again)) != len(again) or len(set(own)) != len(own):
        raise RoundError("the answer has a point twice")
    theirs = masked_again(mask, own, told, workers)
    if mode is Mode.COUNT:
        return Met(len(set(again).intersection(theirs)), [], [])
    places = {point: place for place, point in enumerate(again)}
    pairs = [(places[point], row) for row, point in enumerate(theirs) if point in places]
    return Met(len(pairs), [a for a, _row in pairs], [row for _a, row in pairs])
