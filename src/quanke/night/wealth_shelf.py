"""The shelf of a day: the products of a home as advice sees them, with the terms their trades are bound
to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import ASSET_CATEGORIES
from quanke.bank.home import Home
from quanke.night.wealth_rules import PPM, WealthRules
from quanke.wealth.suitability import Offered, Suitability

if TYPE_CHECKING:
    from quanke.wealth.trades import Shelf

HELD = tuple(each for each in ASSET_CATEGORIES if each not in ("demand", "wallet"))
"""Categories of products that are positions; demand money and the wallet are cash."""
YUAN = 100
ALIKE = {"insurance": "protection", "protection": "insurance"}
"""One asset class under two names."""
OWN, TREASURY = "own", "treasury"
"""Issuers no cap is set on: the bank's own deposits are limited by deposit insurance instead."""
PRODUCTS = pa.schema(
    [
        ("product", pa.string()),
        ("name", pa.string()),
        ("category", pa.string()),
        ("asset_class", pa.string()),
        ("risk", pa.int8()),
        ("issuer_risk", pa.int8()),
        ("rating", pa.int8()),
        ("issuer", pa.string()),
        ("on_sale", pa.bool_()),
        ("advised", pa.bool_()),
        ("minimum", pa.int64()),
        ("increment", pa.int64()),
        ("purchase_ppm", pa.int32()),
        ("exit_days", pa.int32()),
        ("exit_ppm", pa.int32()),
        ("lock_days", pa.int32()),
        ("term_days", pa.int32()),
        ("interest_ppm", pa.int32()),
    ]
)
"""One row per product that can be held: ratings 0 unknown, `rating` the one that counts (SUI-1); fen, ppm."""


@dataclass(frozen=True)
class Products:
    """The shelf of a day. `table` as `PRODUCTS`, by number of the product; `classes` are the asset classes of
    the model portfolios in their order, cash first."""

    table: pa.Table
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> NDArray[Any]:
        """A column of whole numbers or flags."""
        found: NDArray[Any] = self.table[name].combine_chunks().to_numpy(zero_copy_only=False)
        return found

    @cached_property
    def ids(self) -> list[str]:
        """Numbers of the products."""
        found: list[str] = self.table["product"].to_pylist()
        return found

    @cached_property
    def asset_class(self) -> NDArray[np.int8]:
        """The place of each product's class among the model's; -1 where the model knows none such."""
        places = {name: at for at, name in enumerate(self.classes)}
        places |= {ALIKE[name]: at for name, at in places.items() if name in ALIKE}
        return np.array([places.get(each, -1) for each in self.table["asset_class"].to_pylist()], np.int8)

    def offered(self, at: int) -> Offered:
        """One product, as suitability looks at it."""
        row = self.table.slice(at, 1).to_pylist()[0]
        return Offered(
            risk=row["risk"] or None,
            issuer_risk=row["issuer_risk"] or None,
            on_sale=row["on_sale"],
            in_list=row["advised"],
        )

    def shelf(self, rules: WealthRules, day: dt.date) -> tuple[Shelf, NDArray[np.int64]]:
        """The kernel's shelf, and the product of each of its rows: every product of a known class, and after
        them each once more as "falling due", which nobody can buy: what matures within the horizon is apart
        from what does not."""
        from quanke.wealth.trades import Shelf

        known = np.flatnonzero(self.asset_class >= 0)
        rows = np.concatenate([known, known])
        new = np.arange(len(rows)) < len(known)
        issuers = sorted(set(self.table["issuer"].to_pylist()))
        issuer = np.array([issuers.index(each) for each in self.table["issuer"].to_pylist()], np.int16)
        values = rules.advice.on(day)
        free = np.array([each in (OWN, TREASURY) for each in self.table["issuer"].to_pylist()], np.bool_)
        insured = np.array([each == "term" for each in self.table["category"].to_pylist()], np.bool_)
        cap = np.where(free | insured, PPM, values["product_cap"])
        by_issuer = [PPM if name in (OWN, TREASURY) else values["issuer_cap"] for name in issuers]
        term = self.column("term_days").astype(np.int64)
        shelf = Shelf(
            asset_class=self.asset_class[rows],
            risk=np.where(self.column("rating") > 0, self.column("rating"), 5)[rows],
            issuer=issuer[rows],
            least_first=self.column("minimum")[rows],
            increment=self.column("increment")[rows],
            purchase_ppm=self.column("purchase_ppm")[rows],
            exit_days=self.column("exit_days")[rows].reshape(-1, 1),
            exit_ppm=self.column("exit_ppm")[rows].reshape(-1, 1),
            lock_days=np.where(insured, term, self.column("lock_days"))[rows],
            for_sale=(self.column("on_sale") & self.column("advised"))[rows] & new,
            insured=insured[rows],
            interest_ppm=self.column("interest_ppm")[rows],
            rank=term[rows],
            product_cap_ppm=cap[rows],
            issuer_cap_ppm=np.array(by_issuer, np.int32),
        )
        return shelf, rows

    def allowed(
        self, suitability: Suitability, risk_class: NDArray[np.int8], valid: NDArray[np.bool_], age: Any
    ) -> NDArray[np.int8]:
        """Codes of suitability (n, products), 0 where a product may be bought. What is proposed may be read
        away from a branch, so the stricter rules of that hold (SUI-3)."""
        return suitability.matrix(
            risk_class,
            valid,
            age,
            None,
            False,
            self.column("risk"),
            self.column("issuer_risk"),
            on_sale=self.column("on_sale"),
            in_list=self.column("advised"),
        )


def products_on(home: Home, day: dt.date, classes: Sequence[str], rules: WealthRules) -> Products:
    """The products of a home as of a day, by number."""
    with duckdb.connect() as connection:
        rows = connection.sql(
            f"SELECT * FROM ({facts_sql(home, 'products')}) WHERE list_contains($held, category) "
            "ORDER BY product_id",
            params={"held": list(HELD)},
        ).to_arrow_table()
    suitability = Suitability.on(day, rules.suitability)
    made = [_row(row, day, suitability) for row in rows.to_pylist()]
    return Products(pa.Table.from_pylist(made, PRODUCTS), tuple(classes))


def _row(row: dict[str, Any], day: dt.date, suitability: Suitability) -> dict[str, Any]:
    from quanke.wealth.portfolios import asset_class_of

    risk, theirs = _class(row["risk_class"]), _class(row["issuer_risk_class"])
    term = row["term_days"] or 0
    fee, least, step = row["redemption_fee"], row["minimum"] or 0, row["increment"] or 0
    begins, ends = row["on_sale_from"], row["on_sale_to"]
    if row["category"] == "term" and risk == 0:
        risk = 1  # a deposit bears no class of its own
    rating = suitability.rating(Offered(risk=risk or None, issuer_risk=theirs or None))
    return {
        "product": row["product_id"],
        "name": row["name"],
        "category": row["category"],
        "asset_class": row["asset_class"] or asset_class_of(row["category"], risk or None, row["name"]) or "",
        "risk": risk,
        "issuer_risk": theirs,
        "rating": rating or 0,
        "issuer": row["issuer"] or "",
        "on_sale": (begins is None or begins <= day) and (ends is None or day <= ends),
        "advised": bool(row["advised"]),
        "minimum": max(least, step, 1),
        "increment": max(step, 1),
        "purchase_ppm": _ppm(row["purchase_fee"]),
        "exit_days": row["redemption_free_days"] or 0,
        "exit_ppm": _ppm(fee),
        "lock_days": row["lock_days"] or 0,
        "term_days": term,
        "interest_ppm": min(PPM, _ppm(row["annual_rate"]) * term // 365) if row["category"] == "term" else 0,
    }


def _class(text: str | None) -> int:
    return int(text[1:]) if text else 0


def _ppm(rate: Any) -> int:
    return 0 if rate is None else min(PPM, int(rate * PPM))
