"""What a trial of a journey found, in words for its page: who would come when, and what the gate refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quanke_desk.campaigns.coming import day_of_most
from quanke_desk.campaigns.effect_words import means_word, trigger_word
from quanke_desk.campaigns.entered_arms import expected
from quanke_desk.campaigns.graph import INTERFACE, Graph, trigger_of
from quanke_desk.campaigns.journey_queries import rule_title
from quanke_desk.campaigns.models import JourneyVersion
from quanke_desk.campaigns.simulating import Simulated
from quanke_desk.campaigns.trial_gate import not_in_force


@dataclass(frozen=True)
class Gated:
    """One step's pushes by one means: how many are `asked` of the gate, how many pass it, and how many each
    rule refuses, in words."""

    step: str
    means: str
    asked: int
    passed: int
    refused: tuple[tuple[str, int], ...]


def gated(tried: Simulated) -> list[Gated]:
    """What the gate says of each step's pushes, by means; the rule that refuses most comes first."""
    found = []
    for (step, means), asked in tried.asked.items():
        rules = [(rule, n) for (s, m, rule), n in tried.refused.items() if (s, m) == (step, means)]
        rules.sort(key=lambda each: (-each[1], each[0]))
        passed = asked - sum(n for _rule, n in rules)
        said = tuple((rule_title(rule), n) for rule, n in rules)
        found.append(Gated(step, means_word(means), asked, passed, said))
    return found


def trial_shown(tried: Simulated, graph: Graph, version: JourneyVersion) -> dict[str, Any]:
    """What the page of a trial shows beside its counts: `came` of who enters by a trigger, that they are
    `too_few` to tell an effect by, `gated`, and the texts that are `unapproved` yet."""
    return {
        "came": _came(tried, graph),
        "by_interface": graph.entry == INTERFACE,
        "too_few": _too_few(tried, graph, version),
        "gated": gated(tried),
        "unapproved": not_in_force(graph, version.purpose),
    }


def _too_few(tried: Simulated, graph: Graph, version: JourneyVersion) -> str:
    a_month = expected(version, graph, tried.came) if tried.came else None
    return a_month.words if a_month else ""


def _came(tried: Simulated, graph: Graph) -> dict[str, Any] | None:
    came = tried.came
    if came is None or came.firings is None:
        return None
    most = day_of_most(came.groups)
    return {
        "trigger": trigger_word(trigger_of(graph.entry)),
        "fired": len(came.firings.customer) * came.every,
        "days": came.firings.days,
        "first": came.firings.first,
        "last": came.firings.last,
        "told": came.firings.told,
        "every": came.every,
        "most": most and most[1] * came.every,
        "on": most and most[0],
    }
