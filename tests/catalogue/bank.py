"""A bank of a few rows, in arranged form, and nights over it by the judge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quanke.books import matrix_definitions, matrix_metrics
from quanke.checks import CHECKS
from quanke.customers import STANDARD_TAGS
from quanke.engines.memory.judge import evaluate, evaluate_metrics
from quanke.language import Catalogue
from quanke.segments import METRICS, tier_definitions

MATRIX = (*matrix_definitions(), *matrix_metrics())
CATALOGUE = Catalogue((*STANDARD_TAGS, *tier_definitions(), *MATRIX, *METRICS, *CHECKS))
YUAN = 100
Values = dict[str, dict[int, Any]]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@dataclass
class Bank:
    """Rows by table; `person(n)` begins a customer. Amounts are given in yuan."""

    tables: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            "customers": [],
            "accounts": [],
            "balances": [],
            "transactions": [],
            "holdings": [],
            "cards": [],
            "channel_events": [],
            "contacts": [],
            "pushes": [],
            "consents": [],
            "ownership": [],
            "models": [],
            "graph": [],
            "scores": [],
        }
    )

    def person(self, customer: int = 0, **fields: Any) -> Bank:
        self.tables["customers"].append({"customer": customer, "kind": "person", **_read(fields)})
        return self

    def add(self, table: str, customer: int = 0, **fields: Any) -> Bank:
        self.tables[table].append({"customer": customer, **_read(fields)})
        return self

    def account(self, customer: int = 0, category: str = "demand", **fields: Any) -> Bank:
        given = {"opened_on": "2020-01-01", "currency": "CNY", **fields}
        return self.add("accounts", customer, category=category, **given)

    def balance(
        self, *levels: tuple[str, float], customer: int = 0, category: str = "demand", account: int = 0
    ) -> Bank:
        """End-of-day balances in yuan on the days they changed, as a change ledger."""
        before = 0
        for on, level in levels:
            now = round(level * YUAN)
            self.tables["balances"].append(
                {
                    "customer": customer,
                    "account": account,
                    "date": day(on),
                    "delta": now - before,
                    "category": category,
                    "currency": "CNY",
                }
            )
            before = now
        return self

    def move(self, on: str, amount: float, customer: int = 0, **fields: Any) -> Bank:
        """A movement, by default out, a transfer, started by the customer, from his demand account."""
        given = {
            "direction": "out",
            "kind": "transfer",
            "initiated": True,
            "category": "demand",
            **fields,
        }
        return self.add("transactions", customer, date=on, amount=round(amount * YUAN), **given)

    def night(self, on: str, names: Iterable[str], earlier: Values | None = None) -> Values:
        """Values of the named definitions and all they stand on."""
        return evaluate(CATALOGUE.needed(names), self.tables, day(on), earlier)

    def tell(self, on: str, name: str, customer: int = 0) -> Any:
        """One value of one customer in a first night."""
        return self.night(on, [name])[name][customer]

    def nights(self, days: Sequence[str], names: Sequence[str]) -> list[Values]:
        """Nights that follow each other, each knowing the one before."""
        found: list[Values] = []
        for on in days:
            found.append(self.night(on, names, found[-1] if found else None))
        return found

    def figures(self, on: str, names: Sequence[str], compared_to: str = "") -> dict[str, Any]:
        """Metrics of everybody, compared to an earlier night if one is given."""
        needed = CATALOGUE.needed(names)
        before: Mapping[str, Any] | None = None
        if compared_to:
            carried = {r for d in needed for r in _earlier_names(d)}
            before = self.night(compared_to, sorted(carried))
        tonight = before if before else None
        return evaluate_metrics(needed, self.tables, day(on), tonight, metrics=names)


def _earlier_names(definition: Any) -> list[str]:
    from quanke.language.nodes import references

    return [r.name for r in references(definition.expression) if r.earlier]


def _read(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Dates may be written as text."""
    return {
        name: day(value) if isinstance(value, str) and (name.endswith("_on") or name in DATES) else value
        for name, value in fields.items()
    }


DATES = {"date", "from_date", "to_date", "birth_date"}
