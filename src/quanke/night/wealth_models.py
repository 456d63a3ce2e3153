"""Model portfolios from a home: unit values of its products become returns of asset classes, the house view
in force is taken in, and a version is built, kept and put into use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.contracts import ASSET_CLASSES
from quanke.bank.home import Home
from quanke.kernel.errors import PortfolioError
from quanke.wealth.portfolios.assets import (
    STANDARD_ASSETS,
    Asset,
    asset_class_of,
    limits_on,
)
from quanke.wealth.portfolios.house_view import VIEW_FILE, HouseView, read_house_view
from quanke.wealth.portfolios.settings import SETTINGS_FILE, ModelSettings, read_settings

if TYPE_CHECKING:
    from quanke.wealth.portfolios.models import ModelPortfolios
    from quanke.wealth.portfolios.store import ModelVersion

Floats = NDArray[np.float64]
PPM = 1_000_000
DAYS_A_YEAR = 365.25
USUAL_FEE_DAYS = 365
"""An asset class is expected to be held for longer: fees of earlier redemption are not its cost."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassReturns:
    """Returns (t, n) of asset classes between days with unit values, from which products, until when."""

    assets: tuple[Asset, ...]
    returns: Floats
    products: dict[str, list[str]]
    first: dt.date
    last: dt.date
    periods: int
    left_out: dict[str, str]


def class_returns(home: Home, until: dt.date | None = None) -> ClassReturns:
    """What each asset class returned from day to day: the mean of its products with values on both days.

    Only products that may be advised count, where the bank says which. Raises PortfolioError where there are
    no unit values.
    """
    products = _products(home)
    values = _table(home, "product_values", ["product_id", "date", "value"])
    if until is not None:
        values = values.filter(pa.compute.less_equal(values["date"], pa.scalar(until)))
    known = [p for p in products if p["asset_class"]]
    days = sorted(set(values["date"].to_pylist()))
    if len(days) < 2 or not known:
        raise PortfolioError(
            "there are no unit values of products with an asset class: load the tables products and "
            "product_values"
        )
    grid = _grid(values, days, [p["product_id"] for p in known])
    moved = grid[1:] / grid[:-1] - 1
    assets, columns, members, left_out = [], [], {}, {}
    for asset in STANDARD_ASSETS:
        mine = [at for at, p in enumerate(known) if p["asset_class"] == asset.name]
        column, used = _mean_of(moved[:, mine]) if mine else (None, [])
        if column is None:
            left_out[asset.name] = "no product of it has unit values over the whole time"
            continue
        rows = [known[mine[at]] for at in used]
        assets.append(_costed(asset, rows))
        columns.append(column)
        members[asset.name] = [str(r["product_id"]) for r in rows]
    if not assets:
        raise PortfolioError("no asset class has unit values over the whole time")
    years = (days[-1] - days[0]).days / DAYS_A_YEAR
    periods = max(round(len(moved) / years), 1)
    returns = np.column_stack(columns)
    return ClassReturns(tuple(assets), returns, members, days[0], days[-1], periods, left_out)


def build_models(
    home: Home,
    *,
    until: dt.date | None = None,
    method: str = "mean_risk",
    covariance: str = "ledoit_wolf",
    mean: str = "equilibrium",
    turnover: float | None = None,
) -> tuple[ModelPortfolios, ClassReturns]:
    """Model portfolios of a home as of a day, not yet published. The model in use is what is moved from."""
    from quanke.wealth.portfolios.models import ModelPortfolios
    from quanke.wealth.portfolios.store import ModelPortfolioStore

    past = class_returns(home, until)
    names = [a.name for a in past.assets]
    settings = settings_of(home)
    used = ModelPortfolioStore(home.path).current()
    before = None
    if used is not None:
        earlier = used.model()
        if [str(n) for n in earlier.feature_names_in_] == names:
            before = earlier.weights_
    model = ModelPortfolios(
        settings.applied(past.assets),
        limits_on(settings.limits, past.assets),
        method=method,
        covariance=covariance,
        mean=mean,
        views=view_of(home, past.last, names),
        volatility=settings.volatility,
        step=settings.step,
        previous=before,
        turnover=turnover if before is not None else None,
        periods=past.periods,
    )
    return model.fit(past.returns), past


def settings_of(home: Home) -> ModelSettings:
    """What the bank decides about its model portfolios; the standard where it decides nothing."""
    path = home.path / SETTINGS_FILE
    return read_settings(path) if path.exists() else ModelSettings()


def publish_models(home: Home, model: ModelPortfolios, past: ClassReturns, *, by: str) -> ModelVersion:
    """Keep a version, with who built it from what. It is not in use before somebody else says so."""
    from quanke.wealth.portfolios.store import ModelPortfolioStore

    if not by.strip():
        raise PortfolioError("build: say who builds it")
    built: dict[str, Any] = {
        "by": by.strip(),
        "first": past.first.isoformat(),
        "last": past.last.isoformat(),
        "returns": len(past.returns),
        "products": past.products,
        "left_out": past.left_out,
    }
    with home.writing():
        return ModelPortfolioStore(home.path).publish(past.last.isoformat(), model, built)


def view_of(home: Home, day: dt.date, names: Sequence[str]) -> HouseView | None:
    """The house view in force on a day, without views on assets there are no returns of; None without one."""
    path = home.path / VIEW_FILE
    if not path.exists():
        return None
    found = read_house_view(path)
    if not found.in_force(day):
        return None
    known = {a.name for a in STANDARD_ASSETS}
    for view in found.views:
        for asset in (view.asset, view.than):
            if asset and asset not in known:
                raise PortfolioError(f"view {view.name!r}: there is no asset class {asset!r}")
    kept = tuple(v for v in found.views if {v.asset, v.than} - {""} <= set(names))
    return replace(found, views=kept) if kept else None


def _products(home: Home) -> list[dict[str, Any]]:
    names = [
        "product_id", "name", "category", "risk_class", "asset_class", "advised", "purchase_fee",
        "redemption_fee", "redemption_free_days",
    ]  # fmt: skip
    rows = _table(home, "products", names).to_pylist()
    told = any(row["advised"] is not None for row in rows)
    found = []
    for row in rows:
        risk = int(row["risk_class"][1:]) if row["risk_class"] else None
        kind = row["asset_class"] or asset_class_of(row["category"], risk, row["name"] or "")
        if kind in ASSET_CLASSES and (row["advised"] or not told or kind == "cash"):
            found.append({**row, "asset_class": kind, "risk": risk})
    return sorted(found, key=lambda row: str(row["product_id"]))


def _table(home: Home, name: str, columns: list[str]) -> pa.Table:
    """Some columns of a table of the home; those an older hand-over lacks are null."""
    files = home.facts(name)
    tables = []
    for file in files:
        there = set(pq.read_schema(file).names)
        table = pq.read_table(file, columns=[c for c in columns if c in there])
        for column in columns:
            if column not in there:
                table = table.append_column(column, pa.nulls(len(table)))
        tables.append(table.select(columns))
    if not tables:
        raise PortfolioError(f"there is no table {name}: load it first")
    return pa.concat_tables(tables, promote_options="permissive")


def _grid(values: pa.Table, days: list[dt.date], products: list[str]) -> Floats:
    """Unit values (days, products), not a number where there is none."""
    row = {day: at for at, day in enumerate(days)}
    column = {product: at for at, product in enumerate(products)}
    grid = np.full((len(days), len(products)), np.nan)
    for product, day, value in zip(
        values["product_id"].to_pylist(), values["date"].to_pylist(), values["value"].to_pylist(), strict=True
    ):
        if product in column:
            grid[row[day], column[product]] = float(value)
    return grid


def _mean_of(moved: Floats) -> tuple[Floats | None, list[int]]:
    """The mean over products of each day, and which have values; None where a day has none."""
    there = np.isfinite(moved)
    if not there.any(axis=1).all():
        return None, []
    total = np.where(there, moved, 0.0).sum(axis=1)
    return total / there.sum(axis=1), np.flatnonzero(there.any(axis=0)).tolist()


def _costed(asset: Asset, rows: list[dict[str, Any]]) -> Asset:
    """An asset class with the mean fees of its products, and a risk not below the least of theirs."""
    bought = [float(r["purchase_fee"]) for r in rows if r["purchase_fee"] is not None]
    sold = [
        float(r["redemption_fee"]) if (r["redemption_free_days"] or 0) > USUAL_FEE_DAYS else 0.0
        for r in rows
        if r["redemption_fee"] is not None
    ]
    risks = [r["risk"] for r in rows if r["risk"] is not None]
    return replace(
        asset,
        risk=max([asset.risk, *([min(risks)] if risks else [])]),
        buy_cost=round(sum(bought) / len(bought) * PPM) if bought else asset.buy_cost,
        sell_cost=round(sum(sold) / len(sold) * PPM) if sold else asset.sell_cost,
    )
