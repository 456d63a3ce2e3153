"""Files that are no models are refused before compiled code walks through them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from quanke.kernel.errors import ScoreError
from quanke.plans.scores.trees import DEEPEST, Trees
from quanke.plans.scores.worth import Worth

SOUND: dict[str, Any] = {
    "base": 0.1,
    "start": [0, 3],
    "feature": [0, -1, -1],
    "left": [1, -1, -1],
    "right": [2, -1, -1],
    "missing_left": [1, 0, 0],
    "threshold": [0.5, 0.0, 0.0],
    "value": [0.0, 1.0, -1.0],
    "cover": [10.0, 4.0, 6.0],
    "gain": [1.0, 0.0, 0.0],
}


def chain(depth: int) -> dict[str, Any]:
    """A tree that goes down one side, `depth` nodes deep."""
    count = 2 * depth - 1
    inner = range(0, count - 1, 2)
    made: dict[str, Any] = {n: [0.0] * count for n in ("threshold", "value", "gain")}
    made |= {"base": 0.0, "start": [0, count], "cover": [1.0] * count, "missing_left": [0] * count}
    made |= {"feature": [-1] * count, "left": [-1] * count, "right": [-1] * count}
    for i in inner:
        made["feature"][i], made["left"][i], made["right"][i] = 0, i + 1, i + 2
    return made


def test_a_sound_tree_is_taken() -> None:
    assert len(Trees.from_json(SOUND)) == 1
    assert len(Trees.from_json(chain(DEEPEST - 1))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"right": [1, -1, -1]},
        {"left": [2, -1, -1]},
        {"value": [0.0, float("nan"), 1.0]},
        {"value": [0.0, 1e300, 1.0]},
        {"base": float("inf")},
        {"threshold": [float("nan"), 0.0, 0.0]},
        {"cover": [10.0, 0.0, 6.0]},
        {"start": []},
        {"feature": [[0, -1, -1]]},
        {"left": [1, 1, -1]},
    ],
)
def test_what_is_no_tree_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, LookupError)):
        Trees.from_json({**copy.deepcopy(SOUND), **change})


@pytest.mark.parametrize("depth", [DEEPEST, 70, 400])
def test_a_path_the_walks_have_no_room_for_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="too deep"):
        Trees.from_json(chain(depth))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 1e300])
def test_margins_that_are_no_numbers_are_refused(wrong: float) -> None:
    sound = Worth("2026-05-31", 365, 0.01, 0.02, 0.5, {"term": 0.01}, {"term": (1.0,) * 5})
    assert Worth.from_text(sound.text) == sound
    told = {**json.loads(sound.text), "aum_margin": wrong}
    with pytest.raises(ScoreError):
        Worth.from_text(json.dumps(told))
