"""Model portfolios of a home: returns of asset classes, versions that never change, four eyes, commands."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from quanke.bank.home import Home
from quanke.cli.wealth_models import models
from quanke.kernel.errors import PortfolioError
from quanke.night.wealth_models import build_models, class_returns, publish_models, view_of
from quanke.wealth.portfolios import ModelPortfolioStore
from tests.homes import LAST

VIEW = (
    "dated: 2026-06-01\nuntil: 2026-12-31\nproposed_by: a\napproved_by: b\nviews:\n"
    "  equity: {expected: 12%, confidence: 60%}\n"
)


@pytest.fixture
def home(loaded: Path, tmp_path: Path) -> Home:
    shutil.copytree(loaded, tmp_path / "home")
    return Home.open(tmp_path / "home")


def run(home: Home, *words: str) -> str:
    ran = CliRunner().invoke(models, [*words, "--home", str(home.path)])
    if ran.exception is not None:
        raise ran.exception
    return ran.output


def test_returns_of_asset_classes_come_from_products_that_may_be_advised(loaded: Path) -> None:
    past = class_returns(Home.open(loaded))
    assert [a.name for a in past.assets][:3] == ["cash", "deposit", "fixed_income"]
    assert past.last == LAST and 230 < past.periods < 260
    assert past.products["overseas"] == ["F0006"] and past.left_out == {}
    assert np.isfinite(past.returns).all() and past.returns.shape[1] == len(past.assets)
    equity = past.assets[[a.name for a in past.assets].index("equity")]
    assert equity.buy_cost > 0 and equity.risk == 4
    # the mean of two funds lies between them
    shorter = class_returns(Home.open(loaded), until=dt.date(2026, 3, 31))
    assert shorter.last == dt.date(2026, 3, 31)
    assert np.array_equal(shorter.returns, past.returns[: len(shorter.returns)])


def test_build_use_card_and_list(home: Home) -> None:
    assert "no model portfolios yet" in run(home, "list")
    built = json.loads(run(home, "build", "--by", "analyst", "--json"))
    assert all(abs(sum(w.values()) - 1) < 1e-9 for w in built["weights"].values())
    again = json.loads(run(home, "build", "--by", "analyst", "--json"))
    assert again["version"] == built["version"]
    with pytest.raises(PortfolioError, match="another does"):
        run(home, "use", built["version"], "--by", "Analyst ")
    assert "in use from the next night" in run(home, "use", "2026-06-30", "--by", "committee")
    [row] = json.loads(run(home, "list", "--json"))
    assert (row["in_use"], row["built_by"], row["used_by"]) == (True, "analyst", "committee")
    card = run(home, "card")
    assert "no" not in card.split("\n")[0] and "不构成收益承诺" in card and "C5" in card
    # the next one is moved from what is in use
    second = json.loads(run(home, "build", "--by", "analyst", "--mean", "historical", "--json"))
    assert second["card"]["classes"]["C3"]["turnover_from_before"] is not None
    assert len(json.loads(run(home, "list", "--json"))) == 2
    run(home, "use", second["version"], "--by", "committee", "--on", "2026-07-01")
    uses = ModelPortfolioStore(home.path).uses()
    assert [u["version"] for u in uses] == [built["version"], second["version"]]
    assert uses[1] == {"version": second["version"], "by": "committee", "on": "2026-07-01"}


def test_a_version_that_was_changed_is_refused(home: Home) -> None:
    model, past = build_models(home)
    version = publish_models(home, model, past, by="analyst")
    path = version.path / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace("cash", "hash"), encoding="utf-8")
    with pytest.raises(PortfolioError, match="not what was published"):
        ModelPortfolioStore(home.path).version(version.name).model()
    with pytest.raises(PortfolioError, match="no version"):
        ModelPortfolioStore(home.path).version("2020")
    with pytest.raises(PortfolioError, match="are in use"):
        ModelPortfolioStore(home.path).version()
    with pytest.raises(PortfolioError, match="who builds"):
        publish_models(home, model, past, by=" ")


def test_the_house_view_in_force_is_taken_in(home: Home) -> None:
    plain, _ = build_models(home)
    (home.path / "house-view.yaml").write_text(VIEW, encoding="utf-8")
    viewed, past = build_models(home)
    at = [a.name for a in past.assets].index("equity")
    assert viewed.mean_[at] > plain.mean_[at] and viewed.card_["estimates"]["views"] == "black_litterman"
    assert view_of(home, dt.date(2027, 1, 1), ["equity"]) is None
    assert view_of(home, LAST, ["cash"]) is None
    (home.path / "house-view.yaml").write_text(VIEW.replace("equity", "tulips"), encoding="utf-8")
    with pytest.raises(PortfolioError, match="no asset class 'tulips'"):
        build_models(home)


def test_a_bank_sets_its_own_limits(home: Home) -> None:
    text = "step: 2%\nassets:\n  gold: {risk: 5}\nlimits:\n  little: {assets: [equity, gold], at_most: 12%}\n"
    (home.path / "model-portfolios.yaml").write_text(text, encoding="utf-8")
    model, past = build_models(home, mean="historical")
    names = [a.name for a in past.assets]
    assert [x.name for x in model.limits] == ["little"] and model.step == 0.02
    gold, equity = names.index("gold"), names.index("equity")
    assert (model.weights_[:4, gold] == 0).all()
    assert (model.weights_[:, gold] + model.weights_[:, equity]).max() <= 0.12 + 1e-9


def test_a_home_without_unit_values_is_told(tmp_path: Path) -> None:
    with pytest.raises(PortfolioError, match="no table products"):
        class_returns(Home.create(tmp_path / "home"))
