"""A learned uplift as it is kept and applied: numbers and words in one JSON text, like a score's model.

Applying it needs no scikit-learn and runs nothing that was in the file; row by row it gives the same bits
however many rows come together, so every engine says the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanke.effects.uplift.learners import EffectModel, OneLine, OneModel, TwoModels
from quanke.kernel.errors import ScoreError
from quanke.language import Catalogue
from quanke.language.types import RATE_PLACES
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.features import Feature, digest
from quanke.plans.scores.trees import Trees

Floats = NDArray[np.float64]
UPLIFT = "uplift_"
"""How names of these scores begin."""
FORMAT = 1
FURTHEST = 8.0
"""Deviations from the mean beyond which a line follows no further."""
KINDS = {"effect": 1, "one": 1, "two": 2, "line": 0}
"""Kinds of parts, with how many sets of trees each has."""


@dataclass(frozen=True)
class Part:
    """One learner that counts: `weight` x (what it says - `middle`). "effect": trees say the effect; "one":
    trees with the arm as the last column say chances; "two": trees of the treated and the untreated say
    chances; "line": a logistic line (see `_line_of`)."""

    kind: str
    weight: float
    middle: float
    trees: tuple[Trees, ...] = ()
    line: Mapping[str, tuple[float, ...]] | None = None

    def effects(self, rows: Floats) -> Floats:
        """Effect on each row (n,)."""
        if self.kind == "effect":
            return self.trees[0].raw(rows)
        if self.kind == "two":
            return _chance(self.trees[0].raw(rows)) - _chance(self.trees[1].raw(rows))
        if self.kind == "one":
            on, off = (np.column_stack([rows, np.full(len(rows), arm)]) for arm in (1.0, 0.0))
            return _chance(self.trees[0].raw(on)) - _chance(self.trees[0].raw(off))
        assert self.line is not None
        level, side = _along(self.line, rows)
        return _chance(level + side) - _chance(level - side)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told: dict[str, Any] = {"kind": self.kind, "weight": self.weight, "middle": self.middle}
        told["trees"] = [trees.to_json() for trees in self.trees]
        told["line"] = None if self.line is None else {k: list(v) for k, v in self.line.items()}
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any], features: int) -> Part:
        """What `to_json` wrote. Raises ValueError for what is no part over so many features."""
        kind = str(told["kind"])
        trees = tuple(Trees.from_json(t) for t in told["trees"])
        line = told["line"]
        if line is not None:
            line = {str(k): tuple(map(float, v)) for k, v in line.items()}
            _check_line(line, features)
        most = features + (kind == "one")
        if len(trees) != KINDS[kind] or (line is None) is (kind == "line"):
            raise ValueError("parts of an uplift do not fit each other")
        if any(int(t.feature.max(initial=-1)) >= most for t in trees):
            raise ValueError("a part of an uplift reads what is not there")
        made = cls(kind, float(told["weight"]), float(told["middle"]), trees, line)
        if not (0 <= made.weight <= 1 and abs(made.middle) <= 1):
            raise ValueError("a part of an uplift weighs too much")
        return made


@dataclass(frozen=True)
class PublishedUplift:
    """By how much contacting raises a customer's chance to convert. `average`: the average effect, drawn
    towards none as far as it may be chance; `parts` say how a customer differs from it (none: the average is
    said of everybody); `most`: nothing is said beyond so much. `campaigns` it was learned from, `means` they
    used, `window` days within which who converts counts, `until` the last day any of its data speaks of."""

    score: str
    until: str
    window: int
    campaigns: tuple[str, ...]
    means: tuple[str, ...]
    features: tuple[Feature, ...]
    average: float
    most: float
    parts: tuple[Part, ...]
    said: Steps

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tags it reads."""
        return tuple(feature.name for feature in self.features)

    def predict(self, rows: Floats) -> Floats:
        """Added chances of rows (n, features), to the six places of a rate."""
        said = np.full(len(rows), self.average)
        for part in self.parts:
            said += part.weight * (part.effects(rows) - part.middle)
        return np.asarray(np.round(np.clip(said, -self.most, self.most), RATE_PLACES), np.float64)

    def stale(self, catalogue: Catalogue) -> tuple[str, ...]:
        """Features that mean something else in a catalogue than what was learned from, or are not there."""
        return tuple(
            f.name for f in self.features if f.name not in catalogue or digest(catalogue, f.name) != f.digest
        )

    @cached_property
    def text(self) -> str:
        """The uplift as it is kept; equal ones give equal texts."""
        told = {
            "format": FORMAT,
            "kind": "uplift",
            "score": self.score,
            "until": self.until,
            "window": self.window,
            "campaigns": list(self.campaigns),
            "means": list(self.means),
            "features": [feature.to_json() for feature in self.features],
            "average": self.average,
            "most": self.most,
            "parts": [part.to_json() for part in self.parts],
            "said": self.said.to_json(),
        }
        return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"

    @property
    def fingerprint(self) -> str:
        """Digest of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @classmethod
    def from_text(cls, text: str, score: str) -> PublishedUplift:
        """An uplift as it was kept. Raises ScoreError for what is none, or another one's, before anything of
        it is used."""
        try:
            told: Mapping[str, Any] = json.loads(text, parse_constant=_no_number)
            if told["format"] != FORMAT or told["kind"] != "uplift":
                raise ScoreError(f"{score}: this is no uplift of this format: learn it with this Quanke")
            features = tuple(Feature.from_json(f) for f in told["features"])
            made = cls(
                str(told["score"]),
                str(told["until"]),
                int(told["window"]),
                tuple(map(str, told["campaigns"])),
                tuple(map(str, told["means"])),
                features,
                float(told["average"]),
                float(told["most"]),
                tuple(Part.from_json(p, len(features)) for p in told["parts"]),
                Steps.from_json(told["said"]),
            )
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
            raise ScoreError(f"{score}: this is no uplift") from None
        if made.score != score:
            raise ScoreError(f"{score}: it holds the uplift of {made.score}")
        if not (-1 <= made.average <= 1 and 0 <= made.most <= 1):
            raise ScoreError(f"{score}: this is no uplift")
        return made


def parts_of(fitted: Iterable[tuple[Any, float, float]]) -> tuple[Part, ...]:
    """The parts of a fitted UpliftModel (its `parts_`) as numbers. Raises ScoreError for a learner that is
    not kept as numbers: one with a base of one's own."""
    return tuple(_part(learner, weight, middle) for learner, weight, middle in fitted)


def _part(learner: Any, weight: float, middle: float) -> Part:
    if isinstance(learner, OneLine) and learner.binary:
        return Part("line", weight, middle, line=_line_of(learner))
    models = {OneModel: ("model",), TwoModels: ("on", "off"), EffectModel: ("model",)}.get(type(learner))
    kind = {OneModel: "one", TwoModels: "two", EffectModel: "effect"}.get(type(learner))
    found = [getattr(learner, name) for name in models or ()]
    if kind is None or not all(hasattr(model, "_predictors") for model in found):
        raise ScoreError("only lines and trees of Quanke's own are kept as numbers")
    return Part(kind, weight, middle, tuple(Trees.of(model) for model in found))


def _line_of(learner: OneLine) -> dict[str, tuple[float, ...]]:
    """Numbers of a fitted line: how columns are spread, which tell that they are unknown, coefficients of the
    level (first for all columns, then for the unknown ones), and half the effect on the log-odds."""
    spread, line = learner.spread, learner.line
    scale = np.where(np.isinf(spread.deviation), 0.0, 1 / spread.deviation)
    count = len(scale) + len(spread.asked)
    coefficients = line.coef_.ravel()
    level, side, apart = coefficients[:count], coefficients[count], coefficients[count + 1 :] * learner.apart
    numbers = {
        "mean": spread.mean,
        "scale": scale,
        "asked": spread.asked,
        "level": np.r_[level, line.intercept_],
        "side": np.r_[apart, side],
    }
    return {name: tuple(np.asarray(values, np.float64).tolist()) for name, values in numbers.items()}


def _check_line(line: Mapping[str, tuple[float, ...]], features: int) -> None:
    count = features + len(line["asked"])
    lengths = {"mean": features, "scale": features, "level": count + 1, "side": count + 1}
    if any(len(line[name]) != wanted for name, wanted in lengths.items()):
        raise ValueError("a line of an uplift does not fit")
    if not all(np.isfinite(values).all() for values in line.values()):
        raise ValueError("a line of no numbers")
    if any(not 0 <= at < features or at != int(at) for at in line["asked"]):
        raise ValueError("a line reads what is not there")


def _along(line: Mapping[str, tuple[float, ...]], rows: Floats) -> tuple[Floats, Floats]:
    """Level and half the effect, on the log-odds (n,) both. Column by column: a product of matrices would
    give other last bits for other numbers of rows."""
    level, side = np.full(len(rows), line["level"][-1]), np.full(len(rows), line["side"][-1])
    columns = len(line["mean"])
    for at in range(columns):
        values = rows[:, at]
        logs = np.sign(values) * np.log1p(np.abs(values))
        spread = np.nan_to_num((logs - line["mean"][at]) * line["scale"][at], nan=0.0)
        spread = np.clip(spread, -FURTHEST, FURTHEST)
        level += line["level"][at] * spread
        side += line["side"][at] * spread
    for place, asked in enumerate(line["asked"]):
        unknown = np.isnan(rows[:, int(asked)])
        level += line["level"][columns + place] * unknown
        side += line["side"][columns + place] * unknown
    return level, side


def _chance(raw: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(raw, -40, 40))), np.float64)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of a model")
