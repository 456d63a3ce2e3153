"""One action: what is offered, by whom, through which channel, to whom, and what it is worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from string import Formatter

from quanke.bank.contracts import Purpose
from quanke.language import Expression, say
from quanke.segments.dated import Dated


class Means(StrEnum):
    """How the customer is reached."""

    CALL = "call"
    VISIT = "visit"
    WECOM = "wecom"
    SMS = "sms"
    PUSH = "push"
    EMAIL = "email"


class By(StrEnum):
    """Who does it: the post that looks after the customer, the remote team, or nobody (a message)."""

    OWNER = "owner"
    REMOTE_TEAM = "remote_team"
    DIGITAL = "digital"


IN_PERSON = frozenset({Means.CALL, Means.VISIT, Means.WECOM})
"""Means by which a contact can be an effective one (domain.md BK-4)."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action of the plan.

    `eligible` is a condition on the customer, beside the gates every action of its means and purpose has;
    `chance` a rate between 0 and 1: how probable it is that it brings `gain` (fen) which would not have come
    by itself; `cost` fen each, `minutes` of whoever does it. `risk_class`: suitability, 1 to 5 (SUI-1), or
    None for what carries no risk. Offered from `since` on and before `until`. Once it was tried it is not
    suggested again for `cool_down` days; it is to be done within `due` working days. `done` holds when
    nothing is left to do. `roles`: of the posts that may do it (`By.OWNER`; none: any); `approval`: number
    under which its script was approved (MKT-2). Words may name tags in braces, filled in for the customer.
    """

    name: str
    title_zh: str
    title_en: str
    offer: str
    means: Means
    by: By
    eligible: Expression
    chance: Expression
    gain: Expression
    purpose: Purpose = Purpose.MARKETING
    done: Expression | None = None
    cost: Dated = field(default=Dated.of(0))
    minutes: Dated = field(default=Dated.of(0))
    cool_down: Dated = field(default=Dated.of(30))
    due: Dated = field(default=Dated.of(5))
    risk_class: int | None = None
    roles: frozenset[str] = frozenset()
    approval: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    because_zh: str = ""
    because_en: str = ""
    script_zh: str = ""
    script_en: str = ""
    where: str = ""

    @property
    def keeps_rhythm(self) -> bool:
        """Whether it is a contact that the contact standard asks for (BK-3)."""
        return self.by is By.OWNER and self.means in IN_PERSON

    def offered(self, day: dt.date) -> bool:
        """Whether it can be suggested on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    @property
    def words(self) -> tuple[str, ...]:
        """The four texts a person reads."""
        return self.because_zh, self.because_en, self.script_zh, self.script_en

    @property
    def told(self) -> frozenset[str]:
        """Tags named in its words."""
        return frozenset(name for text in self.words for _, name, _, _ in Formatter().parse(text) if name)

    def sheet(self) -> Mapping[str, object]:
        """Everything that decides what it does, as plain data: its fingerprint is made of this."""
        done = None if self.done is None else say(self.done.node)
        dated = {n: [[str(d), v] for d, v in getattr(self, n).values] for n in _DATED}
        return {
            "name": self.name,
            "title_zh": self.title_zh,
            "title_en": self.title_en,
            "offer": self.offer,
            "means": str(self.means),
            "by": str(self.by),
            "purpose": str(self.purpose),
            "eligible": say(self.eligible.node),
            "chance": say(self.chance.node),
            "gain": say(self.gain.node),
            "done": done,
            "risk_class": self.risk_class,
            "roles": sorted(self.roles),
            "approval": self.approval,
            "since": None if self.since is None else str(self.since),
            "until": None if self.until is None else str(self.until),
            **dated,
            "because_zh": self.because_zh,
            "because_en": self.because_en,
            "script_zh": self.script_zh,
            "script_en": self.script_en,
        }


_DATED = ("cost", "minutes", "cool_down", "due")
