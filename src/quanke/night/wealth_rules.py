"""The parameters of advice on investments: a bank's own stand in `wealth.yaml` of its home.

    advice:
      band: 5%
      product_cap: {1900-01-01: 40%, 2027-01-01: 30%}
    trades:
      least_trade: 1000元
      most_trades: 6
    needs:
      retired_months: 6
    suitability:
      elder_from: 65

What is not named stays as it comes with Quanke. Money is written in 元 or 万元, shares in %, days and other
numbers as they are. A number that changes on a day is a mapping from days to numbers.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from quanke.bank.home import Home
from quanke.kernel.errors import DefinitionError
from quanke.kernel.money import format_amount
from quanke.language.audience_scope import near
from quanke.language.declared_yaml import Entries, read_yaml
from quanke.plans.declared import Body
from quanke.segments.dated import Dated
from quanke.wealth.suitability import SuitabilityParameters

if TYPE_CHECKING:
    from quanke.wealth.trades import TradeRules
    from quanke.wealth.trades.needs import NeedRules

FILE = "wealth.yaml"
EDUCATION = "education.yaml"
"""A bank's own education items, in its home: in the form of those that come with Quanke."""
PPM = 1_000_000
LARGEST = 10**15
_SECTIONS = ("advice", "trades", "needs", "suitability")
_MONEY = {"": 100, "万": 1_000_000, "亿": 10_000_000_000}
_AMOUNT = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([万亿]?)元\Z")
_Sheet = TypeVar("_Sheet")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRules:
    """Dated parameters of advice: shares in millionths, days as whole numbers."""

    band: Dated = field(default_factory=lambda: Dated.of(50_000))
    """How far the share of an asset class may lie from the model's without anything being proposed
    [assume: 5 %]."""
    product_cap: Dated = field(default_factory=lambda: Dated.of(400_000))
    """Most of a portfolio one product may be bought up to; deposits and what the treasury issues are not
    limited by it [assume: 40 %]."""
    issuer_cap: Dated = field(default_factory=lambda: Dated.of(600_000))
    """The same for one issuer [assume: 60 %]."""
    full_age: Dated = field(default_factory=lambda: Dated.of(18))
    """Nobody younger is advised (PI-4, SUI-1)."""
    build_standard: Dated = field(default_factory=lambda: Dated.of(0))
    """1: where no model portfolios are in use, a night builds its own from the unit values on file. 0: the
    allocation that comes with Quanke takes their place, for nobody has looked at what a night would build."""
    rest_days: Dated = field(default_factory=lambda: Dated.of(30))
    """Days without a proposal after one was declined [assume; MKT-3 asks for 14 at least]."""
    effect_days: Dated = field(default_factory=lambda: Dated.of(90))
    """Days after a proposal on which its effect is written down."""
    control: Dated = field(default_factory=lambda: Dated.of(50_000))
    """Share of customers whose proposals are made and not shown, to measure effect by [assume: 5 %]."""
    told_days: Dated = field(default_factory=lambda: Dated.of(30))
    """Days for which holders of a product that was rated higher stay on the list of whom to tell [assume]."""
    new_money: Dated = field(default_factory=lambda: Dated.of(100_000))
    """Share of a balance from which on a rise of it on one day is a purchase and no gain of value [assume:
    10 %]; sales on file are purchases whatever their size."""

    def on(self, day: dt.date) -> dict[str, int]:
        """Every number as it is in force on a day, by name."""
        return {each.name: getattr(self, each.name).on(day) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class WealthRules:
    """All of a home's parameters of advice."""

    advice: AdviceRules
    trades: TradeRules
    needs: NeedRules
    suitability: SuitabilityParameters
    fingerprint: str
    folder: Path = Path()
    """Where they were read: a home, or the wealth folder of a night."""

    def in_force(self, day: dt.date) -> dict[str, dict[str, int]]:
        """Every number in force on a day, by section and name: what a night's sheet says."""
        return {name: numbers(getattr(self, name), day) for name in _SECTIONS}


def numbers(sheet: Any, day: dt.date) -> dict[str, int]:
    """The dated fields of a sheet of parameters on a day."""
    found = {each.name: getattr(sheet, each.name) for each in fields(sheet)}
    return {name: value.on(day) for name, value in found.items() if isinstance(value, Dated)}


def wealth_rules(home: Home) -> WealthRules:
    """The parameters of a home. Raises DefinitionError, naming the line, for a file that is none."""
    return read_wealth_rules(home.path / FILE)


def read_wealth_rules(path: Path) -> WealthRules:
    """The parameters a file declares on top of the standard; the standard where there is no such file."""
    from quanke.wealth.trades import TradeRules
    from quanke.wealth.trades.needs import NeedRules

    standard: dict[str, Any] = {
        "advice": AdviceRules(),
        "trades": TradeRules(),
        "needs": NeedRules(),
        "suitability": SuitabilityParameters(),
    }
    if not _says_something(path):
        return WealthRules(**standard, fingerprint="", folder=path.parent)
    whole = read_yaml(path)
    for name, part in whole.parts.items():
        line = whole.lines[name]
        if name not in standard:
            _refuse(
                path, line, f"{name[:64]!r} is none of {', '.join(standard)}{near(name, tuple(standard))}"
            )
        if not isinstance(part, Entries):
            _refuse(path, line, f"{name} is a mapping from parameters to numbers")
        standard[name] = _read(Body(path, name, part, line), standard[name])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return WealthRules(**standard, fingerprint=digest, folder=path.parent)


def wealth_rules_digest(home: Home) -> str:
    """Digest of a home's own parameters and education, empty where it has neither: what a
    night's proposals depend on."""
    path = home.path / FILE
    files = [each for each in (path,) if _says_something(each)]
    files += [each for each in (home.path / EDUCATION,) if each.exists()]
    digests = "".join(hashlib.sha256(each.read_bytes()).hexdigest() for each in files)
    return hashlib.sha256(digests.encode()).hexdigest()[:16] if len(files) > 1 else digests[:16]


def _says_something(path: Path) -> bool:
    """Whether a file stands there that is more than blanks and comments; one that is not is as if absent."""
    if not path.exists():
        return False
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in lines)


def _refuse(path: Path, line: int, reason: str) -> NoReturn:
    raise DefinitionError(FILE, reason, f"{path}:{line}")


def _read(body: Body, standard: _Sheet) -> _Sheet:
    dated = {
        each.name: getattr(standard, each.name)
        for each in fields(standard)  # type: ignore[arg-type]
        if isinstance(getattr(standard, each.name), Dated)
    }
    body.keys(tuple(dated), ())
    given = {name: body.dated(name, _reader(name), dated[name]) for name in dated if body.has(name)}
    return replace(standard, **given)  # type: ignore[type-var]


_SHARES = frozenset(
    ["band", "product_cap", "issuer_cap", "control", "new_money", "cost_of_assets", "cost_of_income"]
)
_YUAN = frozenset(["least_trade", "worth", "insured", "least_income", "least", "rounded"])


_BOUNDS = {
    "full_age": (1, 120),
    "build_standard": (0, 1),
    "rest_days": (1, 3_660),
    "effect_days": (1, 3_660),
    "told_days": (1, 3_660),
    "rounded": (1, 10**9),
    "most_trades": (1, 16),
    "horizon_days": (0, 366),
    "quiet_days": (0, 3_660),
    "settled_age": (1, 120),
    "retired_age": (1, 120),
    "limited_capacity_risk": (0, 5),
    "cost_from_risk": (1, 6),
    "elder_risk": (1, 6),
    "branch_risk": (1, 6),
    "whole": (0, 1),
    "changed_confirmed": (0, 1),
    "capacity_from": (1, 120),
    "own_wages_from": (1, 120),
    "full_capacity_from": (1, 120),
    "elder_from": (1, 120),
    "thinking_hours": (0, 8_784),
    "recording_months": (0, 1_200),
    "assessments_a_day": (1, 1_000),
    "assessments_a_year": (1, 100_000),
}
"""Least and most of parameters as they are kept (fen for money). Product classes go to 6: none."""
_MONTHS = (0, 120)
_UNBOUND = {
    "valid_months": "a night's tags say how long an assessment holds",
    "cost_of_assets": "a night's trades are not held against it",
}
"""Parameters that a night would not keep to, with the reason: refused rather than read and forgotten."""


def _reader(name: str) -> Callable[[str], int]:
    """How the number of a parameter is written, within its bounds."""
    read = _written(name)
    months = _MONTHS if name.endswith("_months") else None
    low, high = _BOUNDS.get(name) or months or (0, LARGEST)

    def bounded(text: str) -> int:
        if name in _UNBOUND:
            raise ValueError(f"a bank cannot set it here: {_UNBOUND[name]}")
        found = read(text)
        if not low <= found <= high:
            if name in _YUAN:
                raise ValueError(f"it is from {format_amount(low)} to {format_amount(high)} yuan")
            raise ValueError(f"it is from {low} to {high}")
        return found

    return bounded


def _written(name: str) -> Callable[[str], int]:
    if name in _SHARES or name.endswith("_ppm"):
        return _share
    return _money if name in _YUAN else _whole


def _share(text: str) -> int:
    if not text.endswith("%"):
        raise ValueError("a share is written in %, as 5%")
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text[:-1].strip()):
        raise ValueError("a share is written in %, as 5%")
    found = Decimal(text[:-1].strip()) * (PPM // 100)
    if found != found.to_integral_value() or not 0 <= found <= PPM:
        raise ValueError("a share is from 0% to 100%, to four decimals at most")
    return int(found)


def _money(text: str) -> int:
    found = _AMOUNT.match(text)
    if not found:
        raise ValueError("money is written in 元 or 万元, as 1000元")
    fen = Decimal(re.sub("[,_]", "", found[1])) * _MONEY[found[2]]
    if fen != fen.to_integral_value() or fen > LARGEST:
        raise ValueError("money is whole fen, and not without bounds")
    return int(fen)


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("a whole number is expected")
    return int(text)
