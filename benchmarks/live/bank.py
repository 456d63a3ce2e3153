"""A synthetic partition: profiles and openings as arrays, events as rows, 200 triggers with their twins.

Nothing here is drawn from a bank: what is measured is evaluation and state, and those depend on how many
columns, terms and hits there are. The sizes are those of a large city branch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import pyarrow as pa

from quanke.engines.live.dense import Dense
from quanke.engines.live.opening import ADDED, UNKNOWN, Partials
from quanke.engines.live.tables import HeldOpening
from quanke.language import (
    Catalogue,
    Expression,
    Tag,
    Trigger,
    count,
    customers,
    days,
    earlier,
    facts,
    largest,
    latest,
    month_to_date,
    some,
    total,
    year_to_date,
    yuan,
)
from quanke.language.expressions import literal
from quanke.language.nodes import Aggregate, Column, Reduce
from quanke.language.types import INTEGER, MONEY, Type

DAY = dt.date(2026, 7, 1)
TRIGGERS = 200
tx = facts.transactions

PROFILE: dict[str, tuple[Type, int]] = {
    "aum": (MONEY, 2_000_000_00),
    "aum_30d": (MONEY, 2_000_000_00),
    "aum_90d": (MONEY, 2_000_000_00),
    "term_balance": (MONEY, 500_000_00),
    "demand_balance": (MONEY, 200_000_00),
    "investments": (MONEY, 900_000_00),
    "loan_balance": (MONEY, 700_000_00),
    "salary_amount": (MONEY, 40_000_00),
    "tier_gap": (MONEY, 300_000_00),
    "tier_rank": (INTEGER, 5),
    "product_count": (INTEGER, 9),
    "age": (INTEGER, 90),
    "tenure_months": (INTEGER, 300),
    "inactive_days": (INTEGER, 400),
    "contacts_90d": (INTEGER, 12),
    "logins_90d": (INTEGER, 200),
    "complaints_90d": (INTEGER, 4),
    "score": (INTEGER, 1_000),
    "stage_rank": (INTEGER, 7),
}
"""Nineteen columns of the night's profile with the size of their values; the city is the twentieth."""
CITIES = [f"city-{n}" for n in range(300)]
KINDS = ("transfer", "card_payment", "third_party_payment", "salary", "cash", "utilities", "fx_purchase")
CHANNELS = ("mobile", "counter", "atm", "web", "pos", "third_party", "batch")


def _tag(name: str, value: Expression) -> Tag:
    return Tag(name=name, title_zh=name, title_en=name, value=value)


def running() -> list[Tag]:
    """Tags that every event moves on."""
    ins, outs = tx.direction == "in", tx.direction == "out"
    return [
        _tag("inflow_30d", total(tx.amount).where(ins).within(days(30))),
        _tag("outflow_30d", total(tx.amount).where(outs).within(days(30))),
        _tag("inflow_1d", total(tx.amount).where(ins).within(days(1))),
        _tag("outflow_1d", total(tx.amount).where(outs).within(days(1))),
        _tag("movements_30d", count(tx).within(days(30))),
        _tag("movements_1d", count(tx).within(days(1))),
        _tag("largest_in_30d", largest(tx.amount).where(ins).within(days(30))),
        _tag("fx_bought_ytd", total(tx.amount).where(tx.kind == "fx_purchase").within(year_to_date())),
        _tag("paid_month", total(tx.amount).where(tx.kind == "card_payment").within(month_to_date())),
        _tag("was_paid_30d", some(tx.kind == "salary").within(days(30))),
        _tag("last_cash_on", latest(tx.day).where(tx.kind == "cash")),
    ]


AMOUNTS = (
    "inflow_30d",
    "outflow_30d",
    "inflow_1d",
    "outflow_1d",
    "largest_in_30d",
    "fx_bought_ytd",
    "paid_month",
)
COUNTS = ("movements_30d", "movements_1d")


@dataclass(frozen=True)
class Rules:
    """The catalogue, its triggers, and the same conditions in the words of zen-engine."""

    catalogue: Catalogue
    triggers: list[Trigger]
    twins: list[str]


def rules(seed: int = 7, wanted: int = TRIGGERS) -> Rules:
    """Triggers of three to five terms: one on a text of the row, one on its amount, the rest on the profile
    and on running tags. Thresholds repeat, as they do where people write them."""
    r = Random(seed)
    tags = running()
    held = [Tag(name=n, title_zh=n, title_en=n, value=_stand_in(of)) for n, (of, _) in PROFILE.items()]
    by_name = {t.name: t for t in (*tags, *held)}
    triggers, twins = [], []
    for number in range(wanted):
        value, twin = _first(r)
        for _ in range(r.randint(2, 4)):
            more, its = _term(r, by_name)
            value, twin = value & more, f"{twin} and {its}"
        name = f"trigger_{number}"
        triggers.append(Trigger(name=name, title_zh=name, title_en=name, value=value))
        twins.append(twin)
    return Rules(Catalogue([*held, *tags]), triggers, twins)


def _stand_in(of: Type) -> Expression:
    """A tag of the type; its value comes from the night's profile."""
    return yuan(0) if of is MONEY else Expression(literal(0))


def _first(r: Random) -> tuple[Expression, str]:
    field, among = r.choice([("kind", KINDS), ("channel", CHANNELS)])
    word = r.choice(among)
    return getattr(tx, field) == word, f'{field} == "{word}"'


def _term(r: Random, tags: dict[str, Tag]) -> tuple[Expression, str]:
    match r.randrange(6):
        case 0:
            amount = r.choice((5_000, 10_000, 20_000, 50_000))
            return tx.amount >= yuan(amount), f"amount >= {amount * 100}"
        case 1:
            city = CITIES[r.randrange(40)]
            return customers.city == city, f'city == "{city}"'
        case 2 | 3:
            name = r.choice(tuple(PROFILE))
            of, most = PROFILE[name]
            edge = int(most * r.choice((0.01, 0.02, 0.95, 0.98)))
            edge = edge // 100 * 100 if of is MONEY else edge
            bound = yuan(edge // 100) if of is MONEY else edge
            before = earlier(tags[name])
            if edge < most // 2:
                return before <= bound, f"earlier_{name} <= {edge}"
            return before >= bound, f"earlier_{name} >= {edge}"
        case 4:
            name = r.choice(AMOUNTS)
            edge = r.choice((140_000, 145_000, 200_000))
            return tags[name] >= yuan(edge), f"{name} >= {edge * 100}"
    name = r.choice(COUNTS)
    edge = r.choice((37, 38, 39))
    return tags[name] >= edge, f"{name} >= {edge}"


class Arrays:
    """`Openings` of so many customers, drawn once."""

    def __init__(self, count: int, seed: int = 11) -> None:
        self.count = count
        self.random = np.random.default_rng(seed)
        self._held: dict[Aggregate, Partials] = {}

    def on(self, day: dt.date, wanted: Sequence[Aggregate]) -> HeldOpening:
        """The opening of a day."""
        for node in wanted:
            if node not in self._held:
                self._held[node] = self._drawn(node)
        return HeldOpening(day, self.count, {node: self._held[node] for node in wanted})

    def _drawn(self, node: Aggregate) -> Partials:
        if node.table != "transactions":
            return Partials((np.zeros(self.count, np.int64),))
        if node.reduce in ADDED:
            most = 40 if node.value is None or node.reduce is Reduce.ANY else 150_000_00
            return Partials((self.random.integers(0, most, self.count, np.int64),))
        value = self.random.integers(0, 90_000_00, self.count, np.int64)
        if node.reduce is Reduce.LAST:
            day = self.random.integers(20_000, 20_600, self.count, np.int64)
            unknown = self.random.random(self.count) < 0.3
            day[unknown] = UNKNOWN
            return Partials((day, day.copy()))
        return Partials((value,))

    def customers(self, wanted: Sequence[Column]) -> dict[Column, Dense]:
        """The city."""
        self.codes = self.random.integers(0, len(CITIES), self.count, np.int32)
        return {node: Dense(self.codes, None, CITIES) for node in wanted}

    def rows(self, table: str, fields: Sequence[str], since: dt.date) -> pa.Table:
        """Nobody waits."""
        raise AssertionError("no trigger waits here")


def profile(count: int, seed: int = 3) -> pa.Table:
    """Nineteen columns of a night."""
    r = np.random.default_rng(seed)
    return pa.table(
        {name: pa.array(r.integers(0, most, count, np.int64)) for name, (_, most) in PROFILE.items()}
    )


def events(number: int, customers: int, seed: int, start: int = 0) -> pa.Table:
    """So many movements of random customers in arranged form, all of the day."""
    r = np.random.default_rng(seed)
    amounts = np.minimum(r.lognormal(11.5, 1.8, number), 5e8).astype(np.int64) + 1
    at = np.datetime64(DAY, "us") + r.integers(0, 86_400_000_000, number)

    def words(among: Sequence[str]) -> pa.Array:
        return pa.array(among).take(pa.array(r.integers(0, len(among), number)))

    return pa.table(
        {
            "customer": pa.array(r.integers(0, customers, number), pa.int32()),
            "event_id": pa.array(np.arange(start, start + number)).cast(pa.string()),
            "date": pa.array(np.full(number, np.datetime64(DAY, "D"))),
            "at": pa.array(at),
            "direction": words(("in", "out")),
            "amount": pa.array(amounts),
            "kind": words(KINDS),
            "channel": words(CHANNELS),
        }
    )
