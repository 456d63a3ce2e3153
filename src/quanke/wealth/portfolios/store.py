"""Versions of model portfolios in a home: `wealth/models/<version>/`, never changed; one of them is in use.

Who uses a version is another than who built it (four eyes); both are written down, with the day.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.models import ModelPortfolios

MODEL, PAPER, IN_USE, USES = "model.json", "built.json", "in-use.json", "uses.jsonl"
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}\Z")


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version on disk."""

    path: Path

    @property
    def name(self) -> str:
        """Day of the data and fingerprint."""
        return self.path.name

    @property
    def built(self) -> dict[str, Any]:
        """Who built it, when, from what."""
        found: dict[str, Any] = json.loads((self.path / PAPER).read_text(encoding="utf-8"))
        return found

    @property
    def text(self) -> str:
        """The model's text. Raises PortfolioError where it is not what was published."""
        text = (self.path / MODEL).read_text(encoding="utf-8")
        if not self.name.endswith(fingerprint(text)):
            raise PortfolioError(f"model portfolios {self.name}: the file is not what was published")
        return text

    def model(self) -> ModelPortfolios:
        """The portfolios."""
        return ModelPortfolios.from_text(self.text)


class ModelPortfolioStore:
    """The model portfolios of a home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "wealth" / "models"

    def versions(self) -> list[ModelVersion]:
        """Every version, those of the oldest data first."""
        if not self.folder.is_dir():
            return []
        return [
            ModelVersion(p) for p in sorted(self.folder.iterdir()) if _VERSION.match(p.name) and p.is_dir()
        ]

    def version(self, name: str = "") -> ModelVersion:
        """A version by the beginning of its name or fingerprint ("": the one in use)."""
        held = self.versions()
        if not held:
            raise PortfolioError("there are no model portfolios yet: `quanke wealth models build`")
        if not name:
            found = self.current()
            if found is None:
                raise PortfolioError(
                    "no model portfolios are in use: `quanke wealth models use VERSION --by WHO`"
                )
            return found
        fit = [v for v in held if v.name.startswith(name) or v.name[11:].startswith(name)]
        if len(fit) != 1:
            said = "more than one" if fit else "no"
            raise PortfolioError(f"there is {said} version of that name: `quanke wealth models list`")
        return fit[0]

    def current(self) -> ModelVersion | None:
        """The version in use; None where none is."""
        told = self.use_told()
        if told is None:
            return None
        found = {v.name: v for v in self.versions()}.get(told["version"])
        if found is None:
            raise PortfolioError("the model portfolios in use are not there: `quanke wealth models list`")
        return found

    def use_told(self) -> dict[str, Any] | None:
        """Which version is in use, who decided it and when; None where none is."""
        try:
            text = (self.folder / IN_USE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        found: dict[str, Any] = json.loads(text)
        return found

    def uses(self) -> list[dict[str, Any]]:
        """Every decision on use, the first one first."""
        path = self.folder / USES
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def publish(self, day: str, model: ModelPortfolios, built: dict[str, Any]) -> ModelVersion:
        """Put a version in place; the same model of the same day is the version that is there already."""
        text = model.to_text()
        target = self.folder / f"{day}-{fingerprint(text)}"
        if target.is_dir():
            return ModelVersion(target)
        making = target.with_name(f".{target.name}.{os.getpid()}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        _write(making / MODEL, text)
        _write(making / PAPER, json.dumps(built, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
        try:
            making.rename(target)
        except OSError:  # somebody published the same in between
            shutil.rmtree(making, ignore_errors=True)
            if not target.is_dir():
                raise
        return ModelVersion(target)

    def use(self, name: str, *, by: str, on: str) -> ModelVersion:
        """Use a version. Raises PortfolioError where `by` built it himself, or is nobody."""
        found = self.version(name)
        if not by.strip():
            raise PortfolioError("use: say who decides it")
        if by.strip().casefold() == str(found.built.get("by", "")).casefold():
            raise PortfolioError("use: who built model portfolios does not decide on their use: another does")
        told = {"version": found.name, "by": by.strip(), "on": on}
        line = json.dumps(told, ensure_ascii=False) + "\n"
        # written down first: a use that was broken off is told once too often, never too seldom
        with (self.folder / USES).open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        making = self.folder / f".{IN_USE}.{os.getpid()}"
        _write(making, line)
        making.replace(self.folder / IN_USE)
        return found


def fingerprint(text: str) -> str:
    """Twelve hexadecimal digits of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
