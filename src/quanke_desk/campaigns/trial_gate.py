"""The gate of all pushes asked in a trial: how many of a step's pushes would go out, and which rules refuse
the others. As in earnest the next means is tried where another may pass, and what the trial sent already
counts among what a customer was sent. That a text gets its approval is taken for granted."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.calendars import SHANGHAI
from quanke_desk.campaigns.addresses import with_address
from quanke_desk.campaigns.graph import Graph, Node
from quanke_desk.campaigns.known import CAPS, MEANS, NightFacts, first_day, night_facts, recorded
from quanke_desk.campaigns.models import JourneyVersion, Template, TemplateVersion
from quanke_desk.campaigns.policy import CODES, PURPOSES, RULES, SERVICE, UNKNOWN_RISK, Candidates, decide
from quanke_desk.campaigns.template_queries import begins_with
from quanke_desk.campaigns.timing import day_over
from quanke_desk.customers.queries import risk_of_product
from quanke_desk.foundation.analytic import Base, base

Ints = NDArray[np.int64]
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Out:
    """How many pushes of a step go out on a day by a means."""

    day: dt.date
    means: str
    count: int


@dataclass
class TrialGate:
    """The gate for one trial. `asked` and `refused`: pushes by step and means, the refused by rule, too."""

    version: JourneyVersion
    of: Base
    facts: NightFacts
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _sent: dict[str, list[tuple[int, Ints]]] = field(default_factory=lambda: defaultdict(list))
    _risks: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, version: JourneyVersion) -> TrialGate:
        """A gate by the last night. Raises NightError."""
        return cls(version, base(), night_facts())

    def pushes(self, node: Node, group: Ints, moment: int) -> list[Out]:
        """What of a step's pushes to some customers (each once) goes out, when and by which means."""
        found, left = [], group
        for place, means in enumerate(node.means):
            if not len(left):
                break
            self.asked[node.name, means] += len(left)
            code, until = self._decided(node, left, means, moment)
            out = (code == 0) | (until > 0)
            days = np.where(until > 0, until, moment)
            for when in np.unique(days[out]).tolist():
                day = dt.datetime.fromtimestamp(when, SHANGHAI).date()
                those = left[out & (days == when)]
                found.append(Out(day, means, len(those)))
                if self.version.purpose != SERVICE:
                    self._sent[means].append(((day - _EPOCH).days, those))
            passes = np.zeros(len(left), np.bool_)
            for number in np.unique(code[~out]).tolist():
                rule, hit = CODES[number - 1], ~out & (code == number)
                self.refused[node.name, means, rule] += int(hit.sum())
                if RULES[rule].by_means and place + 1 < len(node.means):
                    passes |= hit
            left = left[passes]
        return found

    def _decided(self, node: Node, who: Ints, means: str, moment: int) -> tuple[NDArray[np.int8], Ints]:
        at, count, version = dt.datetime.fromtimestamp(moment, SHANGHAI), len(who), self.version
        asked = Candidates(
            ids=np.arange(count, dtype=np.int64),
            customer=who,
            means=np.full(count, MEANS.index(means), np.int8),
            purpose=np.full(count, PURPOSES.index(version.purpose), np.int8),
            priority=np.full(count, version.priority, np.int16),
            risk=np.full(count, self._risk(node.template), np.int8),
            usable=np.ones(count, np.bool_),
            journey=np.full(count, version.journey_id or 0, np.int64),
        )
        known = recorded(who, asked.journey, at, self.of)
        sent = {m: self._with_own(m, held, at.date()) for m, held in known.sent.items()}
        decided = decide(asked, at, self.facts, replace(known, sent=sent))
        reached = np.isin(who, with_address(means, self.of))
        homeless = (decided.code == 0) | decided.held
        code = np.where(homeless & ~reached, CODES.index("no_address") + 1, decided.code).astype(np.int8)
        until = np.where(reached, decided.until, 0)
        if node.until_days is not None:
            late = until >= day_over(moment, node.until_days)
            code[late], until[late] = CODES.index("late") + 1, 0
        return code, until

    def _with_own(self, means: str, held: tuple[Ints, Ints], today: dt.date) -> tuple[Ints, Ints]:
        """What was sent in a means' window, with what this trial sent."""
        begins = (first_day(means, today) - _EPOCH).days if means in CAPS else 0
        own = [who for day, who in self._sent[means] if day >= begins]
        if not own:
            return held
        customers = np.concatenate([held[0], *own])
        counts = np.concatenate([held[1], *(np.ones(len(who), np.int64) for who in own)])
        people, places = np.unique(customers, return_inverse=True)
        return people, np.bincount(places, counts, len(people)).astype(np.int64)

    def _risk(self, code: str) -> int:
        """The class of the product of a step's text; 0 where there is no text yet, or it is about none."""
        if code not in self._risks:
            product = Template.objects.filter(code=code).values_list("product", flat=True).first()
            known = risk_of_product(product) if product else 0
            self._risks[code] = UNKNOWN_RISK if known is None else known
        return self._risks[code]


def not_in_force(graph: Graph, purpose: str) -> list[str]:
    """Texts a design sends that nobody approved yet, or that ran out: by their codes in the design."""
    wanted = sorted({node.template for node in graph.nodes if node.do == "send"})
    spoken = TemplateVersion.objects.filter(begins_with(), template__purpose=purpose)
    there = set(_first_parts(spoken.values_list("template__code", flat=True)))
    return [code for code in wanted if code not in there]


def _first_parts(codes: Iterable[str]) -> Iterable[str]:
    """`code.means` speaks for `code`."""
    for code in codes:
        yield code
        first, _dot, means = code.rpartition(".")
        if means in MEANS:
            yield first
