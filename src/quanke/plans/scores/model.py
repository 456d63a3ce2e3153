"""One trained score: features, trees, calibration. Everything is numbers and words in one JSON text.

A model is never a pickle: opening one runs whatever its writer put there, and a model comes back from
backups, copies and other people's machines. JSON is read, checked and walked through.
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

from quanke.kernel.errors import ScoreError
from quanke.language import Catalogue
from quanke.language.types import RATE_PLACES
from quanke.plans.scores.calibration import Calibration
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.features import Feature, digest
from quanke.plans.scores.trees import Trees

FORMAT = 1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A trained score. `trees` read the features by their place; `said` are the steps of what it says of its
    training rows; `until` is the last day any of its data speaks of; `label` the digest of what it
    foretells."""

    score: str
    until: str
    horizon: int
    label: str
    features: tuple[Feature, ...]
    trees: Trees
    calibration: Calibration
    said: Steps

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tags it reads."""
        return tuple(feature.name for feature in self.features)

    def predict(self, rows: Floats) -> Floats:
        """Probabilities of rows x features, to the six places of a rate: what is counted and what is kept
        are one."""
        return np.round(self.calibration(self.trees.raw(rows)), RATE_PLACES)

    def stale(self, catalogue: Catalogue) -> tuple[str, ...]:
        """Features that mean something else in a catalogue than what was learned from, or are not there."""
        return stale_among(self.features, catalogue)

    @cached_property
    def text(self) -> str:
        """The model as it is kept; equal models give equal texts."""
        told = {
            "format": FORMAT,
            "score": self.score,
            "until": self.until,
            "horizon": self.horizon,
            "label": self.label,
            "features": [feature.to_json() for feature in self.features],
            "trees": self.trees.to_json(),
            "calibration": self.calibration.to_json(),
            "said": self.said.to_json(),
        }
        return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"

    @property
    def fingerprint(self) -> str:
        """Digest of the text."""
        return fingerprint(self.text)

    @classmethod
    def from_text(cls, text: str) -> Model:
        """A model as it was kept. Raises ScoreError for what is none, before anything of it is used."""
        try:
            told: Mapping[str, Any] = json.loads(text, parse_constant=no_number)
            if told["format"] != FORMAT:
                raise ScoreError("this model is of another format: train it with this Quanke")
            model = cls(
                str(told["score"]),
                str(told["until"]),
                int(told["horizon"]),
                str(told["label"]),
                tuple(Feature.from_json(f) for f in told["features"]),
                Trees.from_json(told["trees"]),
                Calibration.from_json(told["calibration"]),
                Steps.from_json(told["said"]),
            )
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError):
            raise ScoreError("this is no model of a score") from None
        if int(model.trees.feature.max(initial=-1)) >= len(model.features):
            raise ScoreError("this is no model of a score")
        return model


def stale_among(features: Iterable[Feature], catalogue: Catalogue) -> tuple[str, ...]:
    """Those that mean something else in a catalogue than what was learned from, or are not there."""
    return tuple(f.name for f in features if f.name not in catalogue or digest(catalogue, f.name) != f.digest)


def no_number(word: str) -> float:
    """Refuses NaN and the infinities, which JSON has not and Python reads. Raises ValueError."""
    raise ValueError(f"{word} is no number of a model")


def fingerprint(text: str) -> str:
    """Digest by which a version is known."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
