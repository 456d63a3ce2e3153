"""The bank's view of the next year: `house-view.yaml` in its home.

    dated: 2026-06-30
    until: 2026-12-31
    proposed_by: analyst-7
    approved_by: committee-2
    views:
      equity: {expected: 6%, confidence: 40%}
      overseas_over_gold: {better: overseas, than: gold, by: 2%, confidence: 30%}

A view is absolute (the mean return of a year of the asset it is named after) or relative (one asset over
another). Confidence is a share: 0 says nothing, 100 % is certain (Idzorek 2007). Views are opinions about
means inside an optimiser; they are never shown to a customer as what he will earn.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.errors import DefinitionError, PortfolioError
from quanke.language.declared_yaml import Entries, Part, Words, read_yaml

VIEW_FILE = "house-view.yaml"
_HEAD = ("dated", "until", "proposed_by", "approved_by")
_FIELDS = frozenset(["expected", "better", "than", "by", "confidence"])
_LARGEST = Decimal(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One opinion: `asset` returns `value` a year, or that much more than `than`. Shares: 0.06 is 6 %."""

    name: str
    asset: str
    value: Decimal
    confidence: Decimal
    than: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise PortfolioError(f"view {self.name!r}: confidence is a share, 0 to 1")
        if abs(self.value) > _LARGEST:
            raise PortfolioError(f"view {self.name!r}: a return of a year is a share: 6 % is 0.06")
        if self.than == self.asset:
            raise PortfolioError(f"view {self.name!r}: an asset is not better than itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseView:
    """Views of a day, with who proposed and who approved them; in force from `dated` until `until`."""

    dated: dt.date
    until: dt.date
    proposed_by: str
    approved_by: str
    views: tuple[View, ...]

    def __post_init__(self) -> None:
        if self.until < self.dated:
            raise PortfolioError("house view: it ends before it begins")
        if not self.approved_by or self.approved_by == self.proposed_by:
            raise PortfolioError("house view: approved_by must be another than who proposed it")

    def in_force(self, day: dt.date) -> bool:
        """Whether it holds on a day."""
        return self.dated <= day <= self.until

    def picked(self, names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Views on the assets named, as rows: which asset against which (v, n), and by how much a year (v,).
        Views on other assets are an error."""
        at = {name: column for column, name in enumerate(names)}
        pick, value = np.zeros((len(self.views), len(at))), np.zeros(len(self.views))
        for row, view in enumerate(self.views):
            for asset, sign in ((view.asset, 1.0), (view.than, -1.0)):
                if asset and asset not in at:
                    raise PortfolioError(f"view {view.name!r}: there is no asset {asset!r}")
                if asset:
                    pick[row, at[asset]] = sign
            value[row] = float(view.value)
        return pick, value

    def sheet(self) -> dict[str, object]:
        """As plain data."""
        views = [
            {"name": v.name, "asset": v.asset, "than": v.than, "value": str(v.value),
             "confidence": str(v.confidence)}
            for v in self.views
        ]  # fmt: skip
        days = {"dated": self.dated.isoformat(), "until": self.until.isoformat()}
        return {**days, "proposed_by": self.proposed_by, "approved_by": self.approved_by, "views": views}

    @classmethod
    def from_sheet(cls, sheet: Mapping[str, Any]) -> HouseView:
        """Back from plain data."""
        return cls(
            dated=dt.date.fromisoformat(sheet["dated"]),
            until=dt.date.fromisoformat(sheet["until"]),
            proposed_by=sheet["proposed_by"],
            approved_by=sheet["approved_by"],
            views=tuple(
                View(
                    name=v["name"],
                    asset=v["asset"],
                    than=v["than"],
                    value=Decimal(v["value"]),
                    confidence=Decimal(v["confidence"]),
                )
                for v in sheet["views"]
            ),
        )


def read_house_view(path: Path) -> HouseView:
    """The views a file declares. Raises DefinitionError with the line for whatever is wrong in it."""
    return _Views(path).read()


class _Views:
    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self, line: int, reason: str) -> NoReturn:
        raise DefinitionError(VIEW_FILE, reason, f"{self.path}:{line}")

    def read(self) -> HouseView:
        whole = read_yaml(self.path)
        for name, line in whole.lines.items():
            if name not in (*_HEAD, "views"):
                self.refuse(line, f"{name[:64]!r} is none of {', '.join((*_HEAD, 'views'))}")
        head = {name: self.words(whole.parts.get(name), name, whole.line) for name in _HEAD}
        views = whole.parts.get("views")
        if not isinstance(views, Entries):
            self.refuse(whole.line, "views is a mapping from names to views")
        told = tuple(self.view(name, part, views.lines[name]) for name, part in views.parts.items())
        try:
            return HouseView(
                dated=self.day(head["dated"], whole.lines["dated"]),
                until=self.day(head["until"], whole.lines["until"]),
                proposed_by=head["proposed_by"],
                approved_by=head["approved_by"],
                views=told,
            )
        except PortfolioError as error:
            self.refuse(whole.line, str(error))

    def view(self, name: str, part: Part, line: int) -> View:
        if not isinstance(part, Entries):
            self.refuse(line, "a view is a mapping: expected, or better, than and by; and confidence")
        unknown = set(part.parts) - _FIELDS
        if unknown:
            self.refuse(line, f"a view has no {sorted(unknown)[0][:64]!r}")
        relative = {"better", "than", "by"} & set(part.parts)
        if ("expected" in part.parts) == bool(relative) or len(relative) not in (0, 3):
            self.refuse(line, "a view says `expected`, or `better`, `than` and `by`")
        words = {key: self.words(value, key, line) for key, value in part.parts.items()}
        if "confidence" not in words:
            self.refuse(line, "a view says its confidence")
        try:
            return View(
                name=name,
                asset=words.get("better", name),
                than=words.get("than", ""),
                value=self.share(words.get("expected") or words["by"], line),
                confidence=self.share(words["confidence"], line),
            )
        except PortfolioError as error:
            self.refuse(line, str(error))

    def words(self, part: Part | None, name: str, line: int) -> str:
        if not isinstance(part, Words) or not part.text.strip():
            self.refuse(part.line if part else line, f"{name} is missing, or no plain words")
        return part.text.strip()

    def day(self, text: str, line: int) -> dt.date:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self.refuse(line, "a day is written YYYY-MM-DD")

    def share(self, text: str, line: int) -> Decimal:
        number = text.removesuffix("%").strip()
        try:
            found = Decimal(number)
        except InvalidOperation:
            self.refuse(line, "a share is a number with or without %")
        if not found.is_finite():
            self.refuse(line, "a share is a number with or without %")
        return found / 100 if text.endswith("%") else found
