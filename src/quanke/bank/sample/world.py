"""What all blocks of the sample bank share; small, rebuilt alike by every worker from seed and size."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from quanke.bank.contracts import ROLES
from quanke.bank.sample.days import Span
from quanke.bank.sample.draws import Draws
from quanke.bank.sample.names import NameBook
from quanke.bank.sample.organisations import Organisations, city_bodies
from quanke.bank.sample.places import Branches, build_branches
from quanke.bank.sample.products import FxRates, Products, build_fx_rates, build_products
from quanke.bank.sample.staff import Posts, Staff, build_staff

BLOCK = 50_000
"""Customers generated together. Part of the data's definition: another size gives another bank."""

FX_PATTERNS = ("payer_abroad", "buyers_one_payee", "settlers_one_payee", "cash_in_seven_days", "relatives")
"""Planted split patterns 1 to 5 of domain.md FX-4 (4 in its one-person form)."""

NOBODY = -1
MANAGERS = [ROLES.index(role) for role in ("wealth_adviser", "wealth_manager", "customer_manager")]
"""Roles whose books hold the planted misconduct."""

MISCONDUCT = ("money_with_customer", "invented_contacts", "flying_orders", "proxy_login", "own_book")


@dataclass(frozen=True, slots=True)
class Plan:
    """One planted group: `kind`, its running `number`, whether it is a true `hit` or a near miss, its post
    (held by a member of staff who is a customer of the same block; `NOBODY` where there is none)."""

    kind: str
    number: int
    hit: bool
    post: int


@dataclass(frozen=True, slots=True)
class World:
    """Seed, size and the shared parts; `plans` by block."""

    customers: int
    seed: int
    span: Span
    branches: Branches = field(init=False)
    products: Products = field(init=False)
    fx: FxRates = field(init=False)
    staff: Staff = field(init=False)
    posts: Posts = field(init=False)
    bodies: Organisations = field(init=False)
    names: NameBook = field(init=False)
    plans: dict[int, list[Plan]] = field(init=False)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("names", NameBook.load())
        put("branches", build_branches(self.seed, self.customers))
        put("products", build_products(self.seed, self.span))
        put("fx", build_fx_rates(self.seed, self.span))
        staff, posts = build_staff(self.seed, self.span, self.branches, self.customers, BLOCK)
        put("staff", staff)
        put("posts", posts)
        put("bodies", city_bodies(self.seed, self.span, self.branches, self.customers))
        put("plans", self._plans())

    @property
    def blocks(self) -> int:
        """How many blocks of customers there are."""
        return -(-self.customers // BLOCK)

    def block_size(self, block: int) -> int:
        """Customers in a block; only the last is smaller than `BLOCK`."""
        return min(BLOCK, self.customers - block * BLOCK)

    def _plans(self) -> dict[int, list[Plan]]:
        """Planted groups and the block each falls in; every kind at least once, one per 50,000 customers."""
        draws = Draws(self.seed, "plans")
        rounds = max(1, self.customers // BLOCK)
        kinds = [(kind, True) for kind in (*FX_PATTERNS, *MISCONDUCT)]
        kinds += [("buyers_one_payee", False), ("cash_in_seven_days", False)]
        managers = np.flatnonzero((self.posts.staff >= 0) & np.isin(self.posts.role, MANAGERS))
        home = self.staff.person[self.posts.staff[managers]] // BLOCK
        found: dict[int, list[Plan]] = {block: [] for block in range(self.blocks)}
        for number in range(rounds * len(kinds)):
            kind, hit = kinds[number % len(kinds)]
            block = (number // len(kinds)) % self.blocks
            near = managers[home == block]
            post = int(draws.some(near, 1)[0]) if len(near) else NOBODY
            found[block].append(Plan(kind, number, hit, post))
        return found


def build_world(customers: int, seed: int, last_day: date, days: int) -> World:
    """The world of a sample bank."""
    return World(customers, seed, Span(last_day, days))
