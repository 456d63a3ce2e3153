"""The model portfolios a night proposes by: those in use, those it may build, those that come with Quanke."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import quanke.night.wealth_models as building
from quanke.bank.home import Home
from quanke.kernel.errors import PortfolioError
from quanke.night.wealth_rules import WealthRules, read_wealth_rules
from quanke.night.wealth_standard import model_digest, model_of
from quanke.segments.dated import Dated
from quanke.wealth.portfolios import ModelPortfolioStore
from quanke.wealth.strategic import STRATEGIC_CLASSES, strategic_weights

DAY = dt.date(2026, 6, 30)
NAMES = ["deposit", "cash", "equity"]
"""Cash does not stand first, as the kernel wants it."""
SHARES = np.array([[0.5, 0.5, 0], [0.5, 0.4, 0.1], [0.4, 0.3, 0.3], [0.3, 0.2, 0.5], [0.1, 0.2, 0.7]])


class Fitted:
    """Model portfolios as `ModelPortfolioStore` keeps them."""

    feature_names_in_ = np.array(NAMES, dtype=object)
    weights_ = SHARES
    fallbacks_: tuple[Any, ...] = ()
    card_: dict[str, Any] = {"note_en": "no promise"}  # noqa: RUF012 - a stand-in

    def to_text(self) -> str:
        return json.dumps(SHARES.tolist())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


def rules(build: int = 0) -> WealthRules:
    found = read_wealth_rules(Path("none.yaml"))
    return replace(found, advice=replace(found.advice, build_standard=Dated.of(build)))


def made(home: Home, tmp_path: Path, name: str, build: int = 0, earlier: Any = None) -> dict[str, Any]:
    folder = tmp_path / name / "wealth"
    folder.mkdir(parents=True)
    return model_of(home, DAY, earlier, folder, rules(build)).sheet


def test_what_comes_with_quanke_is_in_the_order_of_risk() -> None:
    weights = strategic_weights()
    assert weights.shape == (5, len(STRATEGIC_CLASSES)) and (weights.sum(axis=1) == 1_000_000).all()
    free = weights[:, [STRATEGIC_CLASSES.index(each) for each in ("cash", "deposit")]].sum(axis=1)
    assert (np.diff(free) < 0).all() and (weights[:, 0] > 0).all()
    risky = weights[:, [STRATEGIC_CLASSES.index(each) for each in ("equity", "overseas")]].sum(axis=1)
    assert (risky[:3] == 0).all() and (np.diff(risky) >= 0).all()
    assert (strategic_weights(STRATEGIC_CLASSES[::-1]) == weights[:, ::-1]).all()


def test_without_any_the_fallback_is_written_down(home: Home, tmp_path: Path) -> None:
    sheet = made(home, tmp_path, "one")
    assert sheet["source"] == "strategic" and model_digest(home, DAY) == ""
    assert sheet["fallbacks"][0]["because"] == "no model portfolios are in use"


def test_the_version_in_use_is_taken_with_who_decided(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelPortfolioStore(home.path)
    version = store.publish("2026-06-30", Fitted(), {"by": "one"})  # type: ignore[arg-type]
    assert made(home, tmp_path, "before")["source"] == "strategic"
    store.use(version.name, by="two", on="2026-06-30")
    monkeypatch.setattr(type(version), "model", lambda _: Fitted())
    sheet = made(home, tmp_path, "after")
    assert (
        (sheet["source"], sheet["version"]) == ("in_use", version.name) == ("in_use", model_digest(home, DAY))
    )
    assert (sheet["built_by"], sheet["used_by"]) == ("one", "two")
    assert sheet["classes"] == ["cash", "deposit", "equity"]
    assert sheet["weights_ppm"][4] == [200_000, 100_000, 700_000]


def test_a_night_takes_no_use_from_a_later_day(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelPortfolioStore(home.path)
    version = store.publish("2026-06-30", Fitted(), {"by": "one"})  # type: ignore[arg-type]
    monkeypatch.setattr(type(version), "model", lambda _: Fitted())
    store.use(version.name, by="two", on="2026-07-01")
    assert made(home, tmp_path, "before")["source"] == "strategic" and model_digest(home, DAY) == ""
    assert model_digest(home, dt.date(2026, 7, 1)) == version.name
    store.use(version.name, by="three", on="2026-06-30")
    store.use(version.name, by="four", on="2026-08-01")
    assert made(home, tmp_path, "after")["used_by"] == "three"


def test_a_night_builds_once_where_it_may_and_says_what_failed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise PortfolioError("there are no unit values")

    monkeypatch.setattr(building, "build_models", fails)
    sheet = made(home, tmp_path, "failed", build=1)
    assert sheet["source"] == "strategic"
    assert sheet["fallbacks"][0]["tried"] == "standard" and "unit values" in sheet["fallbacks"][0]["because"]
    monkeypatch.setattr(building, "build_models", lambda *_, **__: (Fitted(), SimpleNamespace(last=DAY)))
    built = made(home, tmp_path, "built", build=1)
    assert (built["source"], built["version"]) == ("standard", "standard-2026-06-30")
    monkeypatch.setattr(building, "build_models", fails)
    earlier = SimpleNamespace(path=tmp_path / "built")
    assert made(home, tmp_path, "next", build=1, earlier=earlier) == built
    assert made(home, tmp_path, "off", earlier=earlier)["source"] == "strategic"
