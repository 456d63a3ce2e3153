"""What a book may hold and what a relation costs: dated parameters of the assignment, all the bank's to set.

Costs are prices in fen of what a customer loses where he is looked after so and not otherwise, for a year.
They only weigh one answer against another; nobody is charged. None of them is law (domain.md BK-2, BK-5:
assumed).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from quanke.segments import Dated

YUAN = 100
WHOLE_POST = 3_000
"""Units of load a post holds whose book is full: the smallest number in which the capacities of BK-2 (50,
120, 250, 500, 3,000 customers) are whole units a customer."""


def _fen(yuan: int) -> Dated:
    return Dated.of(yuan * YUAN)


def _roles(**prices: int) -> Mapping[str, Dated]:
    return {role: _fen(yuan) for role, yuan in prices.items()}


@dataclass(frozen=True, kw_only=True)
class BookRules:
    """Parameters of books. Loads are units of which a full post holds `WHOLE_POST`; prices are fen.

    * `tier_load`: what a customer of a tier weighs; `role_tier` the tier in whose customers a role's capacity
      is counted; `capacity` the most customers of a role where its post states none (BK-2).
    * `stands_for`: by role wanted, the roles that may look after the customer instead and what that costs.
    * `grades` from the lowest; `grade_step` for each grade the holder lacks; `per_km` of distance between the
      branches, `unknown_km` where a branch has no place; `language`, `skill` where they are known to lack.
    * `break_relation` for leaving the present post, more with a contact in `live_days` (`break_live`) and for
      each year with it up to five (`break_year`); `household` for being apart from who stands for the family.
    * `vacant`, `away`: a post nobody sits on, a holder on leave without a stand-in.
    * `balance`: for a customer of the role's own tier above a post's fair share of what its peers hold.
    * `uncovered`: for each unit of load of who is looked after by nobody, for the weightiest twice as much;
      above everything else.
    * `cooling_days`: nobody is passed on again so soon (BK-5). `gap_workdays`: the longest gap (BK-1).
    * `warn_share`: percent of the capacity from which a book is nearly full. `most`: candidates by price.
    """

    tier_load: Mapping[str, Dated] = field(
        default_factory=lambda: {
            name: Dated.of(units)
            for name, units in (
                ("private", 60), ("wealth", 25), ("affluent", 12), ("core", 6), ("online", 1),
            )
        }
    )  # fmt: skip
    role_tier: Mapping[str, str] = field(
        default_factory=lambda: {
            "private_banker": "private",
            "wealth_adviser": "wealth",
            "wealth_manager": "affluent",
            "customer_manager": "core",
            "service_manager": "core",
            "branch_head": "private",
            "remote_seat": "online",
            "flexible_team": "online",
        }
    )
    capacity: Mapping[str, Dated] = field(
        default_factory=lambda: {
            name: Dated.of(customers)
            for name, customers in (
                ("private_banker", 50), ("wealth_adviser", 120), ("wealth_manager", 250),
                ("customer_manager", 500), ("service_manager", 500), ("branch_head", 20),
                ("remote_seat", 3_000), ("flexible_team", 1_000),
            )
        }
    )  # fmt: skip
    stands_for: Mapping[str, Mapping[str, Dated]] = field(
        default_factory=lambda: {
            "private_banker": _roles(private_banker=0, wealth_adviser=3_000, branch_head=1_500),
            "wealth_adviser": _roles(
                wealth_adviser=0, private_banker=400, wealth_manager=1_200, branch_head=900
            ),
            "wealth_manager": _roles(
                wealth_manager=0, wealth_adviser=200, customer_manager=500, service_manager=700,
                remote_seat=1_200, flexible_team=1_000,
            ),
            "customer_manager": _roles(
                customer_manager=0, service_manager=60, wealth_manager=120, remote_seat=400, flexible_team=350
            ),
            "service_manager": _roles(service_manager=0, customer_manager=40, remote_seat=300),
            "branch_head": _roles(branch_head=0, private_banker=600),
            "remote_seat": _roles(remote_seat=0, flexible_team=40, service_manager=90, customer_manager=120),
            "flexible_team": _roles(flexible_team=0, remote_seat=20),
        }
    )  # fmt: skip
    grades: tuple[str, ...] = ("见习", "初级", "中级", "高级", "资深")
    grade_step: Dated = field(default=_fen(300))
    per_km: Dated = field(default=_fen(15))
    unknown_km: Dated = field(default=Dated.of(20))
    language: Dated = field(default=_fen(600))
    skill: Dated = field(default=_fen(150))
    break_relation: Dated = field(default=_fen(150))
    break_live: Dated = field(default=_fen(500))
    break_year: Dated = field(default=_fen(80))
    live_days: Dated = field(default=Dated.of(90))
    household: Dated = field(default=_fen(250))
    vacant: Dated = field(default=_fen(2_000))
    away: Dated = field(default=_fen(120))
    balance: Dated = field(default=_fen(120))
    uncovered: Dated = field(default=_fen(4_000))
    cooling_days: Dated = field(default=Dated.of(90))
    gap_workdays: Dated = field(default=Dated.of(3))
    warn_share: Dated = field(default=Dated.of(90))
    most: Dated = field(default=Dated.of(8))

    def __post_init__(self) -> None:
        for role, tier in self.role_tier.items():
            if tier not in self.tier_load or role not in self.capacity:
                raise ValueError(f"{role}: its tier has no load, or it has no capacity")
        for wanted, instead in self.stands_for.items():
            if wanted not in instead or not set(instead) <= set(self.role_tier):
                raise ValueError(f"{wanted}: a role stands for itself, and others have a capacity")
            if any(value < 0 for price in instead.values() for _, value in price.values):
                raise ValueError(f"{wanted}: a price is not below zero")
        if any(value < 1 for load in self.tier_load.values() for _, value in load.values):
            raise ValueError("a customer weighs at least one unit")

    def load(self, tier: str, day: dt.date) -> int:
        """Units a customer of a tier weighs; of no tier, the least there is."""
        loads = {name: each.on(day) for name, each in self.tier_load.items()}
        return loads.get(tier, min(loads.values()))

    def role_unit(self, role: str, day: dt.date) -> int:
        """Units of one customer in a role's capacity; 0 for a role that looks after nobody."""
        tier = self.role_tier.get(role)
        return 0 if tier is None else self.load(tier, day)

    def role_price(self, wanted: str, given: str, day: dt.date) -> int | None:
        """What it costs that a role stands for the one wanted; None where it may not."""
        price = self.stands_for.get(wanted, {}).get(given)
        return None if price is None else price.on(day)
