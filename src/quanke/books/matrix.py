"""The service matrix as data: tier x cluster x stage -> how a customer is looked after (服务矩阵).

A row says for whom it is (a field left out stands for everybody) and what he gets: whether a post, a team or
digital care looks after him, by which role and from which grade on, by which channels in order, how often at
the least. The row that says most about a customer decides; a matrix in which two rows would say as much, or
in which somebody is in no row, is refused when it is built. Rows hold between days: a change of the bank's
rules is a new row with the day it holds from, and the old one with the day it ends.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from quanke.bank.contracts import ROLES
from quanke.customers.stages import STAGES
from quanke.segments import DEFAULT_SCHEME, Dated
from quanke.segments.dated import ALWAYS_SINCE

CARES = ("post", "team", "digital")
"""Who looks after a customer: one manager's post, a team's post, or nobody in person."""
MEANS = ("visit", "call", "wecom", "sms", "push", "email")
"""Channels of a service standard."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
FORBIDDEN = frozenset({"lobby", "teller"})
"""Roles that look after nobody (domain.md BK-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStandard:
    """One row of the matrix. `tiers`, `clusters` and `stages` say for whom it is, empty for everybody;
    `contact_days` is the longest time without an effective contact (None: no rhythm); `channels` the means
    in the order of preference; `grade` the least grade of who does it ("" for any). It holds from `since`
    to the day before `until` (None: until further notice).

    Raises ValueError for a row that says nothing that can be done.
    """

    name: str
    title_zh: str
    title_en: str
    care: str
    channels: tuple[str, ...]
    tiers: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    role: str = ""
    grade: str = ""
    contact_days: int | None = None
    since: dt.date = ALWAYS_SINCE
    until: dt.date | None = None

    def __post_init__(self) -> None:
        if not NAME.match(self.name):
            raise ValueError("a row of the service matrix has a lower_snake_case name")
        if self.care not in CARES:
            raise ValueError(f"{self.name}: care is one of {', '.join(CARES)}")
        if not self.channels or not set(self.channels) <= set(MEANS):
            raise ValueError(f"{self.name}: channels are at least one of {', '.join(MEANS)}")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"{self.name}: a channel stands twice")
        if (self.care == "digital") != (not self.role):
            raise ValueError(f"{self.name}: a post or a team has a role, digital care has none")
        if self.role and (self.role not in ROLES or self.role in FORBIDDEN):
            raise ValueError(f"{self.name}: the role is none that can look after customers")
        if self.care == "digital" and (self.contact_days is not None or self.grade):
            raise ValueError(f"{self.name}: digital care has no rhythm of contacts and no grade")
        if self.care != "digital" and (self.contact_days is None or self.contact_days < 1):
            raise ValueError(f"{self.name}: contact_days is at least 1 where somebody looks after customers")
        if self.until is not None and self.until <= self.since:
            raise ValueError(f"{self.name}: until lies after since")
        if not set(self.stages) <= set(STAGES):
            raise ValueError(f"{self.name}: a stage is one of {', '.join(STAGES)}")

    @property
    def specificity(self) -> int:
        """How many of tier, cluster and stage the row names."""
        return bool(self.tiers) + bool(self.clusters) + bool(self.stages)

    def fits(self, tier: str, cluster: str, stage: str, day: dt.date) -> bool:
        """Whether the row is for such a customer on a day."""
        return (
            (not self.tiers or tier in self.tiers)
            and (not self.clusters or cluster in self.clusters)
            and (not self.stages or stage in self.stages)
            and self.since <= day
            and (self.until is None or day < self.until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OccasionRules:
    """Contacts that are due because something happened (BK-3), each a dated number of days: days of the
    week without its end (1 to 5) after a large outflow, a maturity, a visit to a branch; natural days after
    the first account."""

    outflow_workdays: Dated = field(default=Dated.of(2))
    maturity_workdays: Dated = field(default=Dated.of(2))
    visit_workdays: Dated = field(default=Dated.of(3))
    newcomer_days: Dated = field(default=Dated.of(7))

    def __post_init__(self) -> None:
        most = {"outflow_workdays": 5, "maturity_workdays": 5, "visit_workdays": 5, "newcomer_days": 60}
        for name, limit in most.items():
            if any(not 1 <= value <= limit for _, value in getattr(self, name).values):
                raise ValueError(f"{name} is 1 to {limit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMatrix:
    """All rows, and the occasions. Raises ValueError, naming the rows and the customer, where two rows say
    as much about somebody, or where nobody is said to look after him."""

    rows: tuple[ServiceStandard, ...]
    occasions: OccasionRules = field(default=OccasionRules())
    tiers: tuple[str, ...] = DEFAULT_SCHEME.names

    def __post_init__(self) -> None:
        names = [row.name for row in self.rows]
        if len(set(names)) != len(names):
            raise ValueError("a name stands twice in the service matrix")
        for row in self.rows:
            if not set(row.tiers) <= set(self.tiers):
                raise ValueError(f"{row.name}: a tier is one of {', '.join(self.tiers)}")
        for tier, cluster, stage, day in self._customers():
            self._decide(tier, cluster, stage, day)

    def _customers(self) -> Iterator[tuple[str, str, str, dt.date]]:
        """Every kind of customer the rows can tell apart, at every day on which a row begins or ends."""
        clusters = sorted({c for row in self.rows for c in row.clusters} | {""})
        days = {ALWAYS_SINCE, *(row.since for row in self.rows)}
        days |= {row.until for row in self.rows if row.until is not None}
        for day in sorted(days):
            for tier in self.tiers:
                for stage in STAGES:
                    for cluster in clusters:
                        yield tier, cluster, stage, day

    def _decide(self, tier: str, cluster: str, stage: str, day: dt.date) -> ServiceStandard:
        found = [row for row in self.rows if row.fits(tier, cluster, stage, day)]
        who = f"tier {tier}, stage {stage}" + (f", cluster {cluster}" if cluster else "") + f" on {day}"
        if not found:
            raise ValueError(f"no row of the service matrix is for {who}")
        most = max(row.specificity for row in found)
        best = [row for row in found if row.specificity == most]
        if len(best) > 1:
            raise ValueError(f"the rows {best[0].name} and {best[1].name} say as much about {who}")
        return best[0]

    def standard(self, tier: str, stage: str, day: dt.date, cluster: str = "") -> ServiceStandard:
        """The row that decides for a customer on a day. Raises ValueError for an unknown tier or stage."""
        if tier not in self.tiers or stage not in STAGES:
            raise ValueError(f"tiers are {', '.join(self.tiers)}; stages are {', '.join(STAGES)}")
        return self._decide(tier, cluster, stage, day)

    @property
    def ordered(self) -> tuple[ServiceStandard, ...]:
        """The rows in the order in which they are asked: the most specific first."""
        return tuple(sorted(self.rows, key=lambda row: -row.specificity))

    def named(self, name: str) -> ServiceStandard:
        """The row of a name; KeyError where there is none."""
        return {row.name: row for row in self.rows}[name]


def _post(
    name: str,
    zh: str,
    en: str,
    role: str,
    days: int,
    *channels: str,
    tiers: Sequence[str],
    stages: Sequence[str] = (),
    grade: str = "",
    care: str = "post",
) -> ServiceStandard:
    return ServiceStandard(
        name=name,
        title_zh=zh,
        title_en=en,
        care=care,
        role=role,
        grade=grade,
        contact_days=days,
        channels=channels,
        tiers=tuple(tiers),
        stages=tuple(stages),
    )


def _digital(
    name: str, zh: str, en: str, *, tiers: tuple[str, ...], stages: tuple[str, ...] = ()
) -> ServiceStandard:
    channels = ("push", "sms")
    return ServiceStandard(
        name=name, title_zh=zh, title_en=en, care="digital", channels=channels, tiers=tiers, stages=stages
    )


DEFAULT_MATRIX = ServiceMatrix(
    rows=(
        _post("private", "私人银行", "Private banking", "private_banker", 31, "visit", "call", "wecom",
              tiers=["private"], grade="高级"),
        _post("wealth", "财富客户", "Wealth", "wealth_adviser", 31, "visit", "call", "wecom",
              tiers=["wealth"], grade="中级"),
        _post("affluent", "理财金客户", "Affluent", "wealth_manager", 92, "call", "wecom", "visit",
              tiers=["affluent"], grade="初级"),
        _post("core", "核心客户", "Core", "customer_manager", 184, "wecom", "call", "sms", tiers=["core"]),
        _digital("online", "线上客户", "Online", tiers=("online",)),
        _post("top_at_risk", "高端流失预警", "Wealth and private, at risk", "wealth_adviser", 14,
              "visit", "call", tiers=["wealth"], stages=["at_risk"], grade="中级"),
        _post("private_at_risk", "私银流失预警", "Private banking, at risk", "private_banker", 14,
              "visit", "call", tiers=["private"], stages=["at_risk"], grade="高级"),
        _post("affluent_at_risk", "理财金流失预警", "Affluent, at risk", "wealth_manager", 31,
              "call", "wecom", tiers=["affluent"], stages=["at_risk"], grade="初级"),
        _post("core_at_risk", "核心流失预警", "Core, at risk", "customer_manager", 31,
              "call", "wecom", tiers=["core"], stages=["at_risk"]),
        _post("online_at_risk", "线上流失预警", "Online, at risk: a person instead of a machine",
              "remote_seat", 31, "call", "wecom", tiers=["online"], stages=["at_risk"], care="team"),
        _post("won_back", "赢回客户", "Won back, below the managed tiers", "remote_seat",
              92, "call", "wecom", tiers=["online"], stages=["won_back"], care="team"),
        _digital("lost", "流失客户", "Lost: digital win-back", tiers=("online", "core"), stages=("lost",)),
    )
)  # fmt: skip
"""The default: domain.md BK-3 (T4 and T3 monthly, T2 quarterly, T1 half-yearly, T0 digital), roles of BK-2,
and a person instead of a machine for who is at risk. Every number is the bank's to set."""
