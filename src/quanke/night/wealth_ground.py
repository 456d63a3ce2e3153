"""What proposals are made from, of everybody a night may advise or of one customer: the same either way."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.night.wealth_holders import Everybody
from quanke.night.wealth_needs import kept_cash
from quanke.night.wealth_rules import WealthRules
from quanke.night.wealth_shelf import Products
from quanke.night.wealth_standard import NightModel
from quanke.wealth.suitability import Suitability

if TYPE_CHECKING:
    from quanke.wealth.trades import Holders, Positions, Proposals, Shelf, Targets


@dataclass(frozen=True, eq=False)
class AdviceGround:
    """The day's shelf, model and rules."""

    day: dt.date
    products: Products
    model: NightModel
    rules: WealthRules

    def asked(self, everybody: Everybody, rows: NDArray[np.int64], positions: pa.Table) -> Asked:
        """The kernel's inputs of some customers: `rows` are their places among `everybody` and their numbers
        in `positions` (as `POSITIONS`), rising."""
        shelf, of_row = self.products.shelf(self.rules, self.day)
        held = self._positions(rows, positions, of_row)
        risk_class = everybody.whole("risk_level")[rows].astype(np.int8)
        age = np.clip(everybody.whole("age", -1)[rows], -1, 200).astype(np.int16)
        allowed, group = self._allowed(risk_class, age, of_row)
        from quanke.wealth.trades import Holders

        holders = Holders(
            risk_class=risk_class,
            cash=everybody.cash()[rows],
            keep=kept_cash(everybody, rows, self.day, self.rules),
            allowed=allowed,
            group=group,
            lately=self._lately(len(rows), held, shelf),
        )
        targets = self.model.targets(self.rules, self.day)
        return Asked(self.day, rows, shelf, of_row, holders, held, targets, self.rules)

    def _positions(self, rows: NDArray[np.int64], table: pa.Table, of_row: NDArray[np.int64]) -> Positions:
        """Positions of the customers, by rows of the kernel's shelf. What is of no class of the model stays
        outside of what is looked at."""
        from quanke.wealth.trades import Positions

        half = len(of_row) // 2
        place = np.full(len(self.products) + 1, -1, np.int64)
        place[of_row[:half]] = np.arange(half)
        shelf = pa.array(self.products.ids, pa.string())  # a home may have no products
        product = pc.fill_null(pc.index_in(table["product"], shelf), -1).to_numpy()
        customer = table["customer"].to_numpy()
        at = np.searchsorted(rows, customer)
        mine = np.append(rows, -1)[at] == customer
        keep = np.flatnonzero(mine & (place[product] >= 0))
        due = table["due"].combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
        numbers = {name: table[name].to_numpy()[keep] for name in ("value", "days_held", "locked", "matures")}
        return Positions.of(at[keep], place[product[keep]] + due[keep] * half, **numbers, customers=len(rows))

    def _allowed(
        self, risk_class: NDArray[np.int8], age: NDArray[np.int16], of_row: NDArray[np.int64]
    ) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Codes of suitability by group of customers of one class and age, and the group of each."""
        key = risk_class.astype(np.int32) * 256 + age + 1
        some, group = np.unique(key, return_inverse=True)
        suitability = Suitability.on(self.day, self.rules.suitability)
        codes = self.products.allowed(
            suitability,
            (some // 256).astype(np.int8),
            np.ones(len(some), np.bool_),
            (some % 256 - 1).astype(np.int16),
        )
        return codes[:, of_row].reshape(len(some), len(of_row)), group.astype(np.int32)

    def _lately(self, count: int, held: Positions, shelf: Shelf) -> NDArray[np.int8]:
        """Classes somebody bought into within the quiet period: what he opened since then."""
        found = np.zeros((count, len(self.model.classes)), np.int8)
        customer = np.repeat(np.arange(count), np.diff(held.start))
        fresh = held.days_held < self.rules.trades.quiet_days.on(self.day)
        found[customer[fresh], shelf.asset_class[held.product[fresh]]] = 1
        return found


@dataclass(frozen=True, eq=False)
class Asked:
    """The kernel's inputs of some customers (`rows`), the product behind each row of its shelf (`of_row`)."""

    day: dt.date
    rows: NDArray[np.int64]
    shelf: Shelf
    of_row: NDArray[np.int64]
    holders: Holders
    positions: Positions
    targets: Targets
    rules: WealthRules

    def proposals(self) -> Proposals:
        """The fewest trades that bring each near his model."""
        from quanke.wealth.trades import propose

        return propose(self.shelf, self.holders, self.positions, self.targets, self.day, self.rules.trades)

    def value(self) -> NDArray[np.int64]:
        """What each has in all: demand money and positions, fen."""
        customer = np.repeat(np.arange(len(self.rows)), np.diff(self.positions.start))
        held = np.zeros(len(self.rows), np.int64)
        np.add.at(held, customer, self.positions.value)
        found: NDArray[Any] = held + self.holders.cash
        return found
