"""The tier scheme as data: which tiers there are, what they start at, how one moves between them.

The default follows domain rules TIER-1 to TIER-3, BK-2 and BK-3: T0 below 50,000 (online), T1 from 50,000
(core), T2 from 200,000 (affluent), T3 from 1,000,000 (wealth), T4 from 8,000,000 (private), on the daily
mean of the month. A boundary belongs upward. Every amount and length is the bank's to set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from quanke.customers.tags.assets import aum_month, aum_mtd
from quanke.language import Tag
from quanke.language.types import Kind
from quanke.segments.dated import Dated

_CODE = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One tier. `floor` is in major units; `contact_days` is the longest time without an effective
    contact (None: digital care only); `needs_owner` whether a manager must look after its customers."""

    name: str
    title_zh: str
    title_en: str
    floor: int
    contact_days: int | None = None
    needs_owner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Customers whose basis lies in `low <= basis < high` (major units; None: no end on that side).
    It is a flag beside the tier, not a tier (TIER-1)."""

    name: str
    title_zh: str
    title_en: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TierScheme:
    """Tiers, overlays and the rules of moving.

    `basis` is looked at daily (overlays, raw tier, the first night of a customer); `settled` is the same
    measure at the last month-end that is over, by which tiers move. A customer rises when `settled`
    stood above his tier at `upgrade_after` month-ends running, and falls when it stood below at
    `downgrade_after` month-ends running (TIER-3: one, and three to six).

    Raises ValueError for a scheme that is no partition.
    """

    tiers: tuple[Tier, ...]
    edges: tuple[Overlay, ...] = ()
    key_groups: tuple[Overlay, ...] = ()
    basis: Tag = field(default=aum_mtd)
    settled: Tag = field(default=aum_month)
    upgrade_after: Dated = field(default=Dated.of(1))
    downgrade_after: Dated = field(default=Dated.of(3))

    def __post_init__(self) -> None:
        floors = [tier.floor for tier in self.tiers]
        if len(floors) < 2 or any(not a < b for a, b in pairwise(floors)):
            raise ValueError("a tier scheme has at least two tiers with ascending floors")
        if floors[0] != 0:
            raise ValueError("the first tier starts at 0, or customers would be in no tier")
        _named_well(self.tiers)
        for overlays in (self.edges, self.key_groups):
            _named_well(overlays)
            _apart(overlays)
        if any(tag.result.kind is not Kind.MONEY for tag in (self.basis, self.settled)):
            raise ValueError("tiers stand on an amount of money")
        for counts in (self.upgrade_after, self.downgrade_after):
            if any(value < 1 for _, value in counts.values):
                raise ValueError("a move takes at least one month-end")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tiers, from the lowest."""
        return tuple(tier.name for tier in self.tiers)

    @property
    def floors(self) -> tuple[int, ...]:
        """Floors of the tiers above the first: the edges of the partition, in major units."""
        return tuple(tier.floor for tier in self.tiers[1:])


def _named_well(named: Sequence[Tier | Overlay]) -> None:
    names = [each.name for each in named]
    if len(set(names)) != len(names) or not all(_CODE.match(name) for name in names):
        raise ValueError("tiers and overlays have different lower_snake_case names")


def _apart(overlays: Sequence[Overlay]) -> None:
    infinite = float("inf")
    spans = sorted(
        (
            -infinite if each.low is None else each.low,
            infinite if each.high is None else each.high,
        )
        for each in overlays
    )
    if any(not low < high for low, high in spans):
        raise ValueError("an overlay must not be empty")
    if any(before[1] > after[0] for before, after in pairwise(spans)):
        raise ValueError("overlays of one kind must not overlap")


DEFAULT_SCHEME = TierScheme(
    tiers=(
        Tier(name="online", title_zh="线上经营", title_en="Online", floor=0),
        Tier(name="core", title_zh="核心固基", title_en="Core", floor=50_000, contact_days=184),
        Tier(
            name="affluent",
            title_zh="理财金",
            title_en="Affluent",
            floor=200_000,
            contact_days=92,
            needs_owner=True,
        ),
        Tier(
            name="wealth",
            title_zh="财富",
            title_en="Wealth",
            floor=1_000_000,
            contact_days=31,
            needs_owner=True,
        ),
        Tier(
            name="private",
            title_zh="私人银行",
            title_en="Private banking",
            floor=8_000_000,
            contact_days=31,
            needs_owner=True,
        ),
    ),
    edges=(
        Overlay(name="rising", title_zh="提级临界", title_en="About to rise", low=40_000, high=50_000),
        Overlay(
            name="wealth_edge",
            title_zh="财富临界",
            title_en="About to become wealth",
            low=800_000,
            high=1_000_000,
        ),
    ),
    key_groups=(
        Overlay(name="online", title_zh="线上经营", title_en="Online", high=40_000),
        Overlay(name="rising", title_zh="提级临界", title_en="About to rise", low=40_000, high=50_000),
        Overlay(name="core", title_zh="核心固基", title_en="Core", low=50_000, high=200_000),
        Overlay(
            name="wealth_edge",
            title_zh="财富临界",
            title_en="About to become wealth",
            low=800_000,
            high=1_000_000,
        ),
        Overlay(name="managed", title_zh="核心管户", title_en="Core managed", low=1_000_000),
    ),
)
"""Five tiers and two edges of domain rule TIER-1; contact standards of BK-3 (half-yearly 184 days, quarterly
92, monthly 31); managers for T2 and above. Key groups are those of S11: four that are worked on (rising,
core, wealth_edge, managed) and the online base below 40,000; nobody between 200,000 and 800,000."""
