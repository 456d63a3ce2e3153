"""What journeys have done so far, for their pages: counts, never single customers' names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from quanke.kernel.errors import QuankeError
from quanke_desk.campaigns.branching import check_conditions
from quanke_desk.campaigns.counting import CONTROL, ENTERED
from quanke_desk.campaigns.effect_words import means_word
from quanke_desk.campaigns.graph import Graph, GraphError, read_graph
from quanke_desk.campaigns.models import (
    Journey,
    JourneyVersion,
    Send,
    SendState,
    StepCount,
    Told,
    ToldState,
)
from quanke_desk.campaigns.moments import hours_of
from quanke_desk.campaigns.policy import RULES
from quanke_desk.campaigns.walking import OUT
from quanke_desk.foundation.parameters import value

_ENDS = {
    "exit": _("came to the end"),
    "steps": _("went the most steps there may be"),
    "ended": _("the journey was ended"),
}
"""How customers end whom no goal took out."""


@dataclass(frozen=True)
class Stands:
    """Where customers stand: `entered`, `control`; `here` by name of the step where they wait now, `through`
    by name how many came past; `ended` by how."""

    entered: int
    control: int
    here: dict[str, int]
    through: dict[str, int]
    ended: dict[str, int]

    @property
    def under_way(self) -> int:
        """How many wait somewhere now."""
        return sum(self.here.values())

    @property
    def out(self) -> int:
        """How many came to an end."""
        return sum(self.ended.values())


def stands(journey: Journey) -> list[tuple[JourneyVersion, Stands]]:
    """Where the customers of each version that was started stand now, the newest first: by what was counted
    as they went, however many they are."""
    versions = journey.versions.filter(started_at__isnull=False)
    found: dict[int, list[tuple[int, int, str, int]]] = {version.pk: [] for version in versions}
    counts = StepCount.objects.filter(version__in=list(found))
    rows = counts.values_list("version", "from_node", "to_node", "why").annotate(n=Sum("count")).order_by()
    for version, begin, end, why, number in rows:
        found[version].append((begin, end, why, number))
    return [(version, _stands(version, found[version.pk])) for version in versions]


def _stands(version: JourneyVersion, rows: list[tuple[int, int, str, int]]) -> Stands:
    names = [node.name for node in read_graph(version.graph).nodes]
    here: Counter[str] = Counter()
    through: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for begin, end, why, number in rows:
        if end >= 0:
            here[names[end]] += number
        if begin >= 0:
            here[names[begin]] -= number
            ended[str(_ENDS.get(why, why))] += number if end == OUT else 0
            through[names[begin]] += number if why != "ended" else 0  # nobody goes a step as a journey ends
    return Stands(
        sum(n for begin, _e, _w, n in rows if begin == ENTERED),
        sum(n for begin, _e, _w, n in rows if begin == CONTROL),
        dict(+here), dict(+through), dict(+ended),
    )  # fmt: skip


def refused_moments(journey: Journey) -> list[tuple[str, int]]:
    """Triggers that let nobody enter for they were too old, by the rule; counted over all versions."""
    rows = Told.objects.filter(journey=journey, state__in=(ToldState.PAST, ToldState.LAPSED))
    counts = dict(rows.values_list("state").annotate(n=Count("id")).order_by())
    found = []
    if past := counts.get(ToldState.PAST):
        graph = journey.current.graph if journey.current else {}
        hours = hours_of(graph.get("entry", ""), graph.get("fresh", 0))
        words = _("the moment had passed: more than %(hours)s hours before the desk could let them in")
        found.append((words % {"hours": hours}, past))
    if lapsed := counts.get(ToldState.LAPSED):
        words = _("the journey was paused for more than %(hours)s hours after it")
        found.append((words % {"hours": value("journeys.trigger_hours")}, lapsed))
    return found


def pushes(journey: Journey) -> list[dict[str, Any]]:
    """Pushes of a journey by template, means and state, with the rule of what was refused: counted in one
    statement that reads an index and none of the rows, however many they are."""
    rows = sorted(
        counted_pushes(journey), key=lambda row: (row["template"], row["means"], row["state"], row["rule"])
    )
    return [
        {
            **row,
            "code": row["means"],
            "means": means_word(row["means"]),
            "state_title": SendState(row["state"]).label,
            "rule_title": rule_title(row["rule"]),
        }
        for row in rows
    ]


def counted_pushes(journey: Journey) -> QuerySet[Any, Any]:
    """The statement: in the order of its index, so that nothing is sorted or kept."""
    found = Send.objects.filter(journey=journey).values("state", "template", "means", "rule")
    return found.annotate(count=Count("*")).order_by("state", "template", "means", "rule")


def rule_title(rule: str) -> str:
    """What refused a push, in the language of who looks; the gate's rules, and the journey's own end."""
    if rule == "stopped":
        return str(_("the journey was ended before it was sent"))
    return str(RULES[rule].title) if rule in RULES else rule


def stuck(version: JourneyVersion) -> GraphError | QuankeError | None:
    """What keeps a version from moving: a condition or trigger the catalogue lost; null: nothing does."""
    try:
        check_conditions(read_graph(version.graph))
    except (GraphError, QuankeError) as error:
        return error
    return None


def missing(draft: Any) -> GraphError | None:
    """What a design still lacks; null: it can be saved."""
    try:
        read_graph(draft)
    except GraphError as error:
        return error
    return None


def graph_of(version: JourneyVersion) -> Graph:
    """The design of a version."""
    return read_graph(version.graph)
