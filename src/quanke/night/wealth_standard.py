"""The model portfolios of a night: the version in use; else standard ones, which are told to be such.

Without a version in use the allocation that comes with Quanke is taken. A bank may let its nights build from
the unit values on file instead (`build_standard`): that is done once and goes on from night to night, for a
model that moved every night would have customers trade for nothing. `model.json` of the night says which it
was, who decided it, and what failed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.engines.store import Night, write_json
from quanke.kernel.errors import PortfolioError
from quanke.night.wealth_rules import PPM, WealthRules
from quanke.wealth.strategic import STRATEGIC_CLASSES, STRATEGIC_VERSION, strategic_weights

if TYPE_CHECKING:
    import datetime as dt

    from quanke.wealth.trades import Targets

MODEL = "model.json"
IN_USE, STANDARD, STRATEGIC = "in_use", "standard", "strategic"
CASH = "cash"
USED = Path("wealth") / "models" / "in-use.json"
"""Where a home says which version is in use."""


@dataclass(frozen=True, eq=False)
class NightModel:
    """The portfolios a night proposes by: asset classes, cash first; `weights` (5, K) in millionths; `sheet`
    as `model.json` holds it: version, source, who decided, what failed."""

    classes: tuple[str, ...]
    weights: NDArray[np.int32]
    sheet: dict[str, Any]

    @property
    def version(self) -> str:
        """The version, as proposals name it."""
        return str(self.sheet["version"])

    def targets(self, rules: WealthRules, day: dt.date) -> Targets:
        """Where customers of each class should stand."""
        from quanke.wealth.trades import Targets

        band = np.full(self.weights.shape, rules.advice.band.on(day), np.int32)
        return Targets(weights_ppm=self.weights, band_ppm=band)


def model_from(path: Path) -> NightModel:
    """The model a night wrote down."""
    sheet = json.loads(path.read_text(encoding="utf-8"))
    return NightModel(tuple(sheet["classes"]), np.array(sheet["weights_ppm"], np.int32), sheet)


def model_of(home: Home, day: dt.date, earlier: Night | None, folder: Path, rules: WealthRules) -> NightModel:
    """The model of a night, written into its folder. Raises PortfolioError where the version in use is not
    what was published."""
    path = folder / MODEL
    if not path.exists():
        write_json(path, _found(home, day, earlier, rules))
    return model_from(path)


def model_digest(home: Home, day: dt.date) -> str:
    """The version in use on a day, empty where there is none: what a night's proposals depend on."""
    return str(use_on(home, day).get("version", ""))


def use_on(home: Home, day: dt.date | None) -> dict[str, Any]:
    """The decision on use that a night of a day stands on: version, who decided, from when. Empty where none
    is; without a day the last decision."""
    # the files themselves: the store of portfolios brings scikit-learn, seconds where nobody uses one
    if not (home.path / USED).exists():
        return {}
    last: dict[str, Any] = json.loads((home.path / USED).read_text(encoding="utf-8"))
    if day is None or last["on"] <= day.isoformat():
        return last
    told = home.path / USED.with_name("uses.jsonl")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    uses: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return next((use for use in reversed(uses) if use["on"] <= day.isoformat()), {})


def _found(
    home: Home, day: dt.date, earlier: Night | None, rules: WealthRules, today: bool = False
) -> dict[str, Any]:
    use = use_on(home, None if today else day)
    if use:
        return _in_use(home, use)
    before = None if earlier is None else earlier.path / "wealth" / MODEL
    if before is not None and before.exists():
        held: dict[str, Any] = json.loads(before.read_text(encoding="utf-8"))
        if held["source"] == STANDARD and rules.advice.build_standard.on(day):
            return held
    return _standard(home, day, rules)


def _in_use(home: Home, use: dict[str, Any]) -> dict[str, Any]:
    from quanke.wealth.portfolios import ModelPortfolioStore  # scikit-learn: seconds, where nobody uses one

    version = ModelPortfolioStore(home.path).version(use["version"])
    model = version.model()
    return {
        **_sheet(IN_USE, version.name, [str(n) for n in model.feature_names_in_], _ppm(model.weights_)),
        "built_by": version.built.get("by"),
        "used_by": use.get("by"),
        "used_on": use.get("on"),
        "fallbacks": [each.sheet() for each in model.fallbacks_],
        "card": model.card_,
    }


def _standard(home: Home, day: dt.date, rules: WealthRules) -> dict[str, Any]:
    """Built from the unit values on file, where the bank lets a night do so; the allocation that comes with
    Quanke otherwise, and where that fails."""
    failed = {"where": "model", "tried": IN_USE, "because": "no model portfolios are in use"}
    if rules.advice.build_standard.on(day):
        try:
            return _built(home, day, failed)
        except PortfolioError as error:
            failed = {"where": "model", "tried": STANDARD, "because": str(error)}
    return {
        **_sheet(STRATEGIC, STRATEGIC_VERSION, list(STRATEGIC_CLASSES), strategic_weights()),
        "fallbacks": [{**failed, "used": STRATEGIC}],
    }


def _built(home: Home, day: dt.date, failed: dict[str, str]) -> dict[str, Any]:
    from quanke.night.wealth_models import build_models

    model, past = build_models(home, until=day)
    names = [str(name) for name in model.feature_names_in_]
    if CASH not in names:
        raise PortfolioError("no cash product has unit values: nothing can be kept at hand")
    return {
        **_sheet(STANDARD, f"standard-{past.last}", names, _ppm(model.weights_)),
        "fallbacks": [{**failed, "used": STANDARD}, *(each.sheet() for each in model.fallbacks_)],
        "card": model.card_,
    }


def _sheet(source: str, version: str, classes: list[str], weights: NDArray[np.int32]) -> dict[str, Any]:
    """What every model says, cash in the first column, where the kernel expects it."""
    order = sorted(range(len(classes)), key=lambda at: (classes[at] != CASH, at))
    return {
        "source": source,
        "version": version,
        "classes": [classes[at] for at in order],
        "weights_ppm": weights[:, order].tolist(),
    }


def _ppm(weights: Any) -> NDArray[np.int32]:
    """Shares in millionths that add up; the largest of a row takes what rounding leaves."""
    found = np.rint(np.asarray(weights, np.float64) * PPM).astype(np.int64)
    rows = np.arange(len(found))
    found[rows, found.argmax(axis=1)] += PPM - found.sum(axis=1)
    return found.astype(np.int32)


def model_now(home: Home, night: Night, rules: WealthRules) -> NightModel:
    """The model a night of today would take, with nothing written down."""
    sheet = _found(home, night.day, night, rules, today=True)
    return NightModel(tuple(sheet["classes"]), np.array(sheet["weights_ppm"], np.int32), sheet)
