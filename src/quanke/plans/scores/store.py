"""Where models stand: `models/<score>/<version>/`, immutable, and `models/<score>/current` that names the one
in use. A version is made beside and put in place by one rename; its name holds the digest of its bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from quanke.kernel.errors import ScoreError
from quanke.plans.scores.model import Model, fingerprint
from quanke.plans.scores.payments import PaymentModel
from quanke.plans.scores.worth import Worth

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{16}\Z")
_SCORE = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
MODEL, CARD, CURRENT = "model.json", "card.json", "current"


@dataclass(frozen=True)
class Version:
    """One published version of a score."""

    score: str
    path: Path

    @property
    def name(self) -> str:
        """The last day of its data, and the digest of the model."""
        return self.path.name

    @property
    def fingerprint(self) -> str:
        """Digest of the model's bytes."""
        return self.name.rsplit("-", 1)[1]

    @cached_property
    def text(self) -> str:
        """The model as it was published. Raises ScoreError where the bytes are others."""
        try:
            text = (self.path / MODEL).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise ScoreError(f"{self.score} {self.name}: its {MODEL} cannot be read") from None
        if fingerprint(text) != self.fingerprint:
            raise ScoreError(f"{self.score} {self.name}: its {MODEL} is not what was published")
        return text

    @cached_property
    def model(self) -> Model:
        """The model. Raises ScoreError where it is none of this score."""
        model = Model.from_text(self.text)
        if model.score != self.score:
            raise ScoreError(f"{self.score} {self.name}: it holds a model of {model.score}")
        return model

    @cached_property
    def worth(self) -> Worth:
        """Margins and amounts, of a version of `expected_value`."""
        return Worth.from_text(self.text)

    @cached_property
    def payments(self) -> PaymentModel:
        """The process, of a version of `payment_activity`."""
        return PaymentModel.from_text(self.text)

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model card as plain data."""
        try:
            card: dict[str, Any] = json.loads((self.path / CARD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ScoreError(f"{self.score} {self.name}: its {CARD} cannot be read") from None
        return card


class ModelStore:
    """The models of a home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "models"

    def scores(self) -> list[str]:
        """Scores of which there is a version."""
        if not self.folder.is_dir():
            return []
        return sorted(p.name for p in self.folder.iterdir() if _SCORE.match(p.name) and self.versions(p.name))

    def versions(self, score: str) -> list[Version]:
        """Versions of a score, those of the oldest data first."""
        folder = self.folder / score
        if not _SCORE.match(score) or not folder.is_dir():
            return []
        return [Version(score, p) for p in sorted(folder.iterdir()) if _VERSION.match(p.name) and p.is_dir()]

    def version(self, score: str, name: str = "") -> Version:
        """A version by its name or the beginning of it ("": the one in use). Raises ScoreError where there
        is none, or more than one."""
        held = self.versions(score)
        if not held:
            known = ", ".join(self.scores()) or "none yet: `quanke scores train`"
            raise ScoreError(f"there is no model of {score!r}; there is {known}")
        if not name:
            found = self.current(score)
            if found is None:
                raise ScoreError(f"no version of {score} is in use: `quanke scores use {score} VERSION`")
            return found
        fit = [v for v in held if v.name.startswith(name) or v.fingerprint.startswith(name)]
        if len(fit) != 1:
            raise ScoreError(
                f"{score} has {'more than one' if fit else 'no'} version of that name: `quanke scores list`"
            )
        return fit[0]

    def current(self, score: str) -> Version | None:
        """The version in use. Raises ScoreError where the pointer names one that is not there."""
        try:
            name = (self.folder / score / CURRENT).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        if not name:
            return None
        found = {v.name: v for v in self.versions(score)}.get(name)
        if found is None:
            raise ScoreError(f"{score}: the version in use is not there: `quanke scores use {score} VERSION`")
        return found

    def chosen(self, score: str) -> bool:
        """Whether a version of a score is in use, without a look at it."""
        try:
            return bool((self.folder / score / CURRENT).read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            return False

    def in_use(self) -> dict[str, Version]:
        """The version in use of each score that has one, by score."""
        held = {score: self.current(score) for score in self.scores()}
        return {score: version for score, version in held.items() if version is not None}

    def publish(self, score: str, until: str, text: str, papers: Mapping[str, str]) -> Version:
        """Put a version in place: the model's text and further files by name. The same bytes again are the
        version that is there. It is not in use before `use`."""
        if not _SCORE.match(score):
            raise ScoreError(f"{score!r} is no name of a score")
        name = f"{until}-{fingerprint(text)}"
        target = self.folder / score / name
        if target.is_dir():
            return Version(score, target)
        making = target.with_name(f".{name}.{os.getpid()}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for file, content in {MODEL: text, **papers}.items():
            _write(making / file, content)
        _sync(making)
        try:
            making.rename(target)
        except OSError:  # somebody published the same bytes in between
            shutil.rmtree(making, ignore_errors=True)
            if not target.is_dir():
                raise
        _sync(target.parent)
        return Version(score, target)

    def use(self, score: str, name: str) -> Version:
        """Use a version from the next night on; returns it. Raises ScoreError where there is none."""
        found = self.version(score, name)
        self._point(score, found.name)
        return found

    def leave(self, score: str) -> None:
        """Use no version of a score from the next night on. Raises ScoreError where it has none."""
        if not self.versions(score):
            self.version(score)
        self._point(score, "")

    def _point(self, score: str, name: str) -> None:
        pointer = self.folder / score / CURRENT
        beside = pointer.with_name(f"{CURRENT}.{os.getpid()}.part")
        _write(beside, name + "\n")
        beside.replace(pointer)
        _sync(pointer.parent)


def _write(path: Path, content: str) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
