"""Model portfolios: sums, caps, suitability, order of risk, costs, contradictions told, text and back."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios import (
    STANDARD_ASSETS,
    Asset,
    HouseView,
    ModelPortfolios,
    ShareLimit,
    View,
    asset_class_of,
    caps_by,
)
from quanke.wealth.portfolios import estimating as estimating_module
from quanke.wealth.portfolios import solving as solving_module
from quanke.wealth.portfolios.estimating import Estimate, closed_form, robust_covariance
from quanke.wealth.portfolios.limits import limits_of
from quanke.wealth.portfolios.rounding import rounded
from quanke.wealth.portfolios.solving import risk_budget
from quanke.wealth.suitability import promises_in
from tests.wealth.returns import drawn

NAMES = [a.name for a in STANDARD_ASSETS]
RETURNS = drawn()
VIEWS = HouseView(
    dated=dt.date(2026, 6, 30),
    until=dt.date(2026, 12, 31),
    proposed_by="a",
    approved_by="b",
    views=(
        View(name="equity", asset="equity", value=Decimal("0.09"), confidence=Decimal("0.4")),
        View(name="o", asset="overseas", than="gold", value=Decimal("0.03"), confidence=Decimal("0.3")),
    ),
)


@cache
def usual() -> ModelPortfolios:
    """Everything as it is by default."""
    return ModelPortfolios().fit(RETURNS)


def kept(model: ModelPortfolios) -> None:
    """Everything that must hold of any set of model portfolios."""
    weights, names = model.weights_, [a.name for a in model.assets]
    assert weights.shape == (5, len(names))
    assert np.abs(weights.sum(axis=1) - 1).max() < 1e-9 and weights.min() >= 0
    for k, row in enumerate(weights, start=1):
        for asset, share in zip(model.assets, row, strict=True):
            assert share == 0 or asset.risk <= k
            assert share <= asset.at_most + 1e-6
        for limit in model.limits:
            if k in limit.only:
                held = sum(row[names.index(n)] for n in limit.assets)
                assert limit.at_least - 1e-6 <= held <= limit.at_most + 1e-6
    deviation = np.sqrt(np.einsum("ij,jk,ik->i", weights, model.covariance_, weights))
    ceilings = np.array(model.volatility) / np.sqrt(model.periods)
    assert (deviation <= ceilings * (1 + 1e-4)).all()
    cards = list(model.card_["classes"].values())
    for key in ("volatility", "cvar_month"):
        assert (np.diff([c[key] for c in cards]) >= -1e-9).all(), key
    told = any(f.tried.startswith("free of risk falls") for f in model.fallbacks_)
    assert (np.diff([c["risk_free_share"] for c in cards]) <= (0 if told else -model.step) + 1e-5).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"views": VIEWS},
        {"method": "cvar", "mean": "historical"},
        {"method": "risk_budget"},
        {"covariance": "gerber", "mean": "shrunk"},
        {"covariance": "denoised", "mean": "historical"},
        {"covariance": "sample"},
    ],
    ids=str,
)
def test_every_method_keeps_the_rules(parameters: dict[str, object]) -> None:
    model = ModelPortfolios(**parameters).fit(RETURNS)  # type: ignore[arg-type]
    kept(model)
    assert model.fallbacks_ == []
    assert set(model.methods_.values()) == {parameters.get("method", "mean_risk")}
    assert np.array_equal(np.rint(model.weights_ * 10_000), np.round(model.weights_ * 10_000, 6))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1_000),
    method=st.sampled_from(["mean_risk", "cvar", "risk_budget"]),
    caps=st.lists(st.integers(10, 100), min_size=6, max_size=6),
    mean=st.sampled_from(["equilibrium", "historical"]),
)
def test_whatever_the_past_and_the_caps(seed: int, method: str, caps: list[int], mean: str) -> None:
    assets = [*STANDARD_ASSETS[:2]] + [
        replace(a, at_most=cap / 100) for a, cap in zip(STANDARD_ASSETS[2:], caps, strict=True)
    ]
    limits = (ShareLimit("cash kept", ("cash",), at_least=0.03),)
    try:
        model = ModelPortfolios(assets, limits, method=method, mean=mean).fit(drawn(seed, 300))
    except PortfolioError as error:
        # the past can be so calm or so wild that the order cannot be kept: told, with names
        assert error.conflict
        return
    kept(model)


def test_the_same_input_gives_the_same_portfolios() -> None:
    first, second = (ModelPortfolios(views=VIEWS).fit(RETURNS) for _ in range(2))
    assert first.to_text() == second.to_text()


def test_text_and_back() -> None:
    model = ModelPortfolios(views=VIEWS, previous=np.tile(np.eye(8)[0], (5, 1))).fit(RETURNS)
    again = ModelPortfolios.from_text(model.to_text())
    assert np.array_equal(again.weights_, model.weights_)
    assert again.to_text() == model.to_text() and again.views == VIEWS
    assert np.array_equal(again.predict([1, 5]), model.weights_[[0, 4]])
    with pytest.raises(PortfolioError, match="format"):
        ModelPortfolios.from_text("{}")
    with pytest.raises(PortfolioError, match="JSON"):
        ModelPortfolios.from_text("nothing")


def test_tables_frames_and_arrays_are_the_same() -> None:
    plain = usual().weights_
    shuffled = [*NAMES[::-1], "more"]
    columns = {n: RETURNS[:, NAMES.index(n)] if n in NAMES else RETURNS[:, 0] for n in shuffled}
    assert np.array_equal(ModelPortfolios().fit(pd.DataFrame(columns)).weights_, plain)
    assert np.array_equal(ModelPortfolios().fit(pa.table(columns)).weights_, plain)
    with pytest.raises(PortfolioError, match="no column 'gold'"):
        ModelPortfolios().fit(pd.DataFrame(columns).drop(columns="gold"))


def test_a_clone_has_the_same_parameters() -> None:
    model = ModelPortfolios(method="cvar", step=0.02)
    assert clone(model).get_params() == model.get_params()


def test_a_view_moves_its_asset_the_way_it_says() -> None:
    def with_value(value: str, confidence: str) -> ModelPortfolios:
        view = View(name="gold", asset="gold", value=Decimal(value), confidence=Decimal(confidence))
        return ModelPortfolios(views=replace(VIEWS, views=(view,))).fit(RETURNS)

    gold = NAMES.index("gold")
    none = usual().mean_[gold]
    high, low = with_value("0.3", "0.9"), with_value("-0.3", "0.9")
    assert high.mean_[gold] > none > low.mean_[gold]
    assert high.weights_[4, gold] > low.weights_[4, gold]
    assert with_value("0.3", "1").mean_[gold] == pytest.approx(0.3 / 252, rel=1e-6)
    assert with_value("0.3", "0").mean_[gold] == pytest.approx(none, rel=1e-6)


def test_skfolio_and_the_closed_form_agree_on_views() -> None:
    model = ModelPortfolios(views=VIEWS).fit(RETURNS)
    before = usual()
    mean, cov = closed_form(before.mean_, before.covariance_, *VIEWS.picked(NAMES), VIEWS, 252)
    assert model.mean_ == pytest.approx(mean, rel=1e-6, abs=1e-12)
    assert model.covariance_ == pytest.approx(cov, rel=1e-6, abs=1e-14)


def test_shrinking_does_not_make_deposits_restless() -> None:
    for method in ("ledoit_wolf", "gerber", "denoised", "sample"):
        found = np.sqrt(np.diag(robust_covariance(RETURNS, method)) * 252)
        assert found[:2].max() < 1e-3 and found[4] == pytest.approx(0.2, rel=0.15)


def parts_of_risk(weights: np.ndarray, cov: np.ndarray) -> np.ndarray:
    parts = weights * (cov @ weights)
    return np.asarray(parts / parts.sum())


def test_parts_of_risk_are_equal_where_no_limit_binds() -> None:
    assets = [Asset(name="cash", risk=1, risk_free=True), *(Asset(name=x, risk=2) for x in "abc")]
    root = np.array([[1e-9, 0, 0, 0], [0, 0.01, 0, 0], [0, 0.01, 0.02, 0], [0, -0.01, 0, 0.03]])
    cov = root @ root.T + 1e-16 * np.eye(4)
    limits = replace(limits_of(2, assets, (), cov), ceiling=0.003, ceiling_name="volatility")
    estimate = Estimate(np.zeros(4), cov, np.random.default_rng(0).normal(size=(30, 4)), "", "", "")
    weights = risk_budget(estimate, limits)
    assert parts_of_risk(weights, cov)[1:] == pytest.approx(np.full(3, 1 / 3), rel=1e-3)
    assert np.sqrt(weights @ cov @ weights) == pytest.approx(0.003, rel=1e-4)
    # with room for more risk than there is, everything is held, and the parts stay equal
    bold = risk_budget(estimate, replace(limits, ceiling=1.0))
    assert bold[0] == pytest.approx(0, abs=1e-4)
    assert parts_of_risk(bold, cov)[1:] == pytest.approx(np.full(3, 1 / 3), rel=1e-3)
    capped = risk_budget(estimate, limits.plus("cap", np.array([0, 1.0, 0, 0]), 0.02))
    assert capped[1] == pytest.approx(0.02, abs=1e-5)


def test_costs_and_turnover_hold_back() -> None:
    now = usual().weights_
    free = ModelPortfolios(mean="historical", previous=now).fit(RETURNS)
    held = ModelPortfolios(mean="historical", previous=now, turnover=0.05).fit(RETURNS)
    moved = np.abs(free.weights_ - now).sum(axis=1) / 2
    little = np.abs(held.weights_ - now).sum(axis=1) / 2
    assert moved.max() > 0.2 and little.max() <= 0.05 + 1e-6
    assert [c["turnover_from_before"] for c in held.card_["classes"].values()] == pytest.approx(little)
    dear = [replace(a, buy_cost=300_000) if a.name == "equity" else a for a in STANDARD_ASSETS]
    assert ModelPortfolios(dear).fit(RETURNS).weights_[4, 4] < now[4, 4]


def test_caps_by_issuer_class_and_product() -> None:
    assets = [
        Asset(name="cash", risk=1, risk_free=True),
        Asset(name="a1", risk=3, issuer="A", asset_class="fund"),
        Asset(name="a2", risk=4, issuer="A", asset_class="fund"),
        Asset(name="b1", risk=4, issuer="B", asset_class="fund"),
    ]
    limits = (
        *caps_by(assets, "issuer", {"A": 0.25}),
        *caps_by(assets, "asset_class", 0.6),
        *caps_by(assets, "name", {"b1": 0.3}),
    )
    columns = [0, 3, 4, 5]
    model = ModelPortfolios(assets, limits, mean="historical", volatility=(0.01, 0.05, 0.1, 0.2, 0.3))
    kept(model.fit(np.abs(MEANT) + RETURNS[:, columns]))
    assert model.weights_[4] @ [0, 1, 1, 0] <= 0.25 + 1e-9 and model.weights_[4, 3] <= 0.3 + 1e-9
    assert [x.name for x in limits] == ["issuer A", "asset_class fund", "name b1"]


MEANT = np.array([0, 4e-4, 5e-4, 6e-4])


def test_a_contradiction_names_what_contradicts_and_the_way_out() -> None:
    limits = (
        ShareLimit("much in equity", ("equity",), at_least=0.5, only=(5,)),
        ShareLimit("little that moves", ("equity", "overseas", "balanced"), at_most=0.3, only=(5,)),
        ShareLimit("gold", ("gold",), at_most=0.1),
    )
    with pytest.raises(PortfolioError) as caught:
        ModelPortfolios(limits=limits).fit(RETURNS)
    error = caught.value
    assert set(error.conflict) == {"much in equity, at least", "little that moves, at most"}
    assert sum(by for _, by in error.relaxation) == pytest.approx(0.2, abs=1e-4)
    assert str(error).startswith("C5: the limits contradict each other") and "relax" in str(error)


def test_a_ceiling_that_cannot_be_kept_is_told() -> None:
    with pytest.raises(PortfolioError) as caught:
        limits = (ShareLimit("much in equity", ("equity",), at_least=0.5, only=(4,)),)
        ModelPortfolios(limits=limits).fit(RETURNS)
    assert set(caught.value.conflict) == {"volatility of C4", "much in equity, at least"}
    # half in equity is a volatility of about 10 %: the nearest way out is one or the other, or some of both
    [(name, by)] = caught.value.relaxation
    assert 0.005 < by < 0.06 and name in caught.value.conflict


def test_nothing_that_suits_a_class_is_told() -> None:
    with pytest.raises(PortfolioError, match="C1: no asset suits"):
        ModelPortfolios([replace(a, risk=2) for a in STANDARD_ASSETS]).fit(RETURNS)


def test_what_fails_is_told_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the solver is tired")

    monkeypatch.setattr(solving_module, "mean_risk", fails)
    monkeypatch.setattr(estimating_module, "_viewed", fails)
    model = ModelPortfolios(views=VIEWS, method="cvar").fit(RETURNS)
    kept(model)
    told = {(f.where, f.tried, f.used) for f in model.fallbacks_}
    assert ("views", "black_litterman", "black_litterman, closed form") in told
    assert ("C3", "cvar", "mean_risk by cvxpy") in told and ("C3", "mean_risk", "mean_risk by cvxpy") in told
    assert all("the solver is tired" in f.because for f in model.fallbacks_)
    monkeypatch.undo()
    assert np.abs(model.weights_ - ModelPortfolios(views=VIEWS).fit(RETURNS).weights_).max() < 0.002


def test_a_short_past_and_a_still_asset_are_told_or_borne() -> None:
    with pytest.raises(PortfolioError, match="at least 24 periods"):
        ModelPortfolios().fit(RETURNS[:20])
    still = RETURNS.copy()
    still[:, :2] = [5e-5, 6e-5]
    kept(ModelPortfolios().fit(still))


def test_the_card_promises_nothing() -> None:
    card = usual().card_
    assert promises_in(card["note_zh"]) == () and promises_in(card["note_en"]) == ()
    last = card["classes"]["C5"]
    low, high = last["range_of_a_year"]
    assert low < high and last["range_by"] == "past years" and 0 < last["max_loss_backtest"] < 1
    assert last["fees_backtest"] > 0


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"volatility": (0.1, 0.1, 0.2, 0.3, 0.4)}, "each above the one before"),
        ({"method": "magic"}, "none of mean_risk"),
        ({"turnover": 0.1}, "beside `previous`"),
        ({"limits": (ShareLimit("x", ("tulips",), at_most=0.1),)}, "no asset 'tulips'"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(PortfolioError, match=said):
        ModelPortfolios(**parameters).fit(RETURNS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("category", "risk", "name", "found"),
    [
        ("demand", None, "", "cash"),
        ("fund", 1, "", "cash"),
        ("term", None, "", "deposit"),
        ("wealth", 2, "", "fixed_income"),
        ("fund", 4, "全球精选QDII基金", "overseas"),
        ("fund", 5, "", "equity"),
        ("metal", 3, "", "gold"),
        ("insurance", 2, "", "protection"),
        ("bond", 1, "", "fixed_income"),
        ("fund", None, "", None),
        ("mortgage", None, "", None),
    ],
)
def test_products_have_their_asset_class(
    category: str, risk: int | None, name: str, found: str | None
) -> None:
    assert asset_class_of(category, risk, name) == found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=8, max_size=8), st.integers(5, 60))
def test_rounding_keeps_sums_and_caps(parts: list[float], cap: int) -> None:
    weights = np.array(parts) + 1e-9
    weights /= weights.sum()
    limits = limits_of(5, STANDARD_ASSETS, (ShareLimit("c", ("cash", "gold"), at_most=cap / 100),), np.eye(8))
    found = rounded(weights, limits)
    held = weights[[0, 6]].sum()
    assert found.sum() == pytest.approx(1, abs=1e-12) and np.abs(found - weights).max() < 0.0165
    if held <= cap / 100:
        assert found[[0, 6]].sum() <= cap / 100 + 1e-9
        assert np.array_equal(np.rint(found * 10_000) / 10_000, found)
