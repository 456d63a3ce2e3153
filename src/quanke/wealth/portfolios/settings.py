"""A bank's own settings of model portfolios: `model-portfolios.yaml` in its home.

    volatility: [0.6%, 2%, 5%, 9%, 14%]
    step: 1%
    assets:
      equity: {at_most: 60%}
      gold: {risk: 4}
    limits:
      cash_kept: {assets: [cash], at_least: 5%}
      shares_of_c4: {assets: [equity, overseas], at_most: 40%, only: [4]}

What is not named stays standard; `limits`, where there are any, take the place of all standard ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

from quanke.kernel.errors import DefinitionError, PortfolioError
from quanke.language.declared_yaml import Entries, Part, Row, Words, read_yaml
from quanke.wealth.portfolios.assets import (
    MOST,
    RISK_CLASSES,
    STANDARD_ASSETS,
    STANDARD_LIMITS,
    Asset,
    ShareLimit,
)

SETTINGS_FILE = "model-portfolios.yaml"
STANDARD_VOLATILITY = (0.006, 0.02, 0.05, 0.09, 0.14)
"""Ceilings on the volatility of a year of C1..C5 [assume]."""
STANDARD_STEP = 0.01
"""By so much the share free of risk falls at least from class to class [assume]."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a bank decides about its model portfolios."""

    volatility: tuple[float, ...] = STANDARD_VOLATILITY
    step: float = STANDARD_STEP
    limits: tuple[ShareLimit, ...] = STANDARD_LIMITS
    changed: tuple[tuple[str, int | None, float | None], ...] = ()

    def applied(self, assets: Sequence[Asset]) -> tuple[Asset, ...]:
        """Assets with the bank's own risk class and cap."""
        own = {name: (risk, cap) for name, risk, cap in self.changed}
        found = []
        for asset in assets:
            risk, cap = own.get(asset.name, (None, None))
            found.append(
                replace(
                    asset,
                    risk=asset.risk if risk is None else risk,
                    at_most=asset.at_most if cap is None else cap,
                )
            )
        return tuple(found)


def read_settings(path: Path) -> ModelSettings:
    """The settings a file declares. Raises DefinitionError with the line for whatever is wrong in it."""
    return _Settings(path).read()


class _Settings:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = [a.name for a in STANDARD_ASSETS]

    def refuse(self, line: int, reason: str) -> NoReturn:
        raise DefinitionError(SETTINGS_FILE, reason, f"{self.path}:{line}")

    def read(self) -> ModelSettings:
        whole = read_yaml(self.path)
        read: dict[str, Callable[[Part, int], Any]] = {
            "volatility": self.volatility,
            "step": self.share,
            "assets": self.assets,
            "limits": self.limits,
        }
        given: dict[str, Any] = {}
        for name, part in whole.parts.items():
            line = whole.lines[name]
            if name not in read:
                self.refuse(line, f"{name[:64]!r} is none of {', '.join(read)}")
            given["changed" if name == "assets" else name] = read[name](part, line)
        return ModelSettings(**given)

    def volatility(self, part: Part, line: int) -> tuple[float, ...]:
        found = tuple(self.share(each, line) for each in part.parts) if isinstance(part, Row) else ()
        if len(found) != 5 or any(a >= b for a, b in zip((0.0, *found), found, strict=False)):
            self.refuse(line, "volatility is a list of five ceilings, C1 to C5, each above the one before")
        return found

    def assets(self, part: Part, line: int) -> tuple[tuple[str, int | None, float | None], ...]:
        found = []
        for name, own in self.entries(part, line, "assets").parts.items():
            if name not in self.names:
                self.refuse(line, f"{name[:64]!r} is none of {', '.join(self.names)}")
            told = self.entries(own, line, name)
            self.known(told, ("risk", "at_most"))
            risk = self.classes(told.parts["risk"], told.line)[0] if "risk" in told.parts else None
            cap = self.share(told.parts["at_most"], told.line) if "at_most" in told.parts else None
            found.append((name, risk, cap))
        return tuple(found)

    def limits(self, part: Part, line: int) -> tuple[ShareLimit, ...]:
        whole = self.entries(part, line, "limits")
        return tuple(self.limit(name, own, whole.lines[name]) for name, own in whole.parts.items())

    def limit(self, name: str, part: Part, line: int) -> ShareLimit:
        told = self.entries(part, line, name)
        self.known(told, ("assets", "at_least", "at_most", "only"))
        row = told.parts.get("assets")
        assets = [w.text for w in row.parts if isinstance(w, Words)] if isinstance(row, Row) else []
        if not assets or not set(assets) <= set(self.names):
            self.refuse(line, f"assets is a list of {', '.join(self.names)}")
        if not {"at_least", "at_most"} & set(told.parts):
            self.refuse(line, "a limit says at_least, at_most, or both")
        least, most, only = (told.parts.get(k) for k in ("at_least", "at_most", "only"))
        try:
            return ShareLimit(
                name,
                tuple(assets),
                at_least=0.0 if least is None else self.share(least, line),
                at_most=MOST if most is None else self.share(most, line),
                only=RISK_CLASSES if only is None else self.classes(only, line),
            )
        except PortfolioError as error:
            self.refuse(line, str(error))

    def entries(self, part: Part, line: int, name: str) -> Entries:
        if not isinstance(part, Entries):
            self.refuse(line, f"{name[:64]} is a mapping")
        return part

    def known(self, told: Entries, names: tuple[str, ...]) -> None:
        for name, line in told.lines.items():
            if name not in names:
                self.refuse(line, f"{name[:64]!r} is none of {', '.join(names)}")

    def classes(self, part: Part, line: int) -> tuple[int, ...]:
        words = part.parts if isinstance(part, Row) else [part]
        texts = [w.text.strip() for w in words if isinstance(w, Words)]
        if not texts or len(texts) != len(words) or not set(texts) <= set("12345"):
            self.refuse(line, "a risk class is 1 to 5")
        return tuple(sorted({int(t) for t in texts}))

    def share(self, part: Part, line: int) -> float:
        text = part.text.strip() if isinstance(part, Words) else ""
        try:
            found = Decimal(text.removesuffix("%").strip())
        except InvalidOperation:
            self.refuse(line, "a share is a number with or without %")
        found = found / 100 if text.endswith("%") else found
        if not (found.is_finite() and 0 <= found <= 1):
            self.refuse(line, "a share lies between 0 and 1, or 0 and 100 %")
        return float(found)
