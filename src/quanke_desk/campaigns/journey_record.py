"""What became of a journey beside its pushes: whom which rule refused, and the tasks it gave. Counts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, QuerySet, When
from django.utils.translation import gettext

from quanke_desk.campaigns.effect_words import means_word
from quanke_desk.campaigns.journey_queries import rule_title
from quanke_desk.campaigns.models import Journey, Refusal, SendState
from quanke_desk.work.queries import TasksOfStep, tasks_of_journey

_TASKS = "task-"


@dataclass(frozen=True)
class RefusedLine:
    """How often a rule refused: a push for good (`final`), a means after which another was tried, a task."""

    what: str
    means: str
    rule: str
    final: bool
    count: int


def refused(journey: Journey, pushes: Iterable[Mapping[str, Any]]) -> list[RefusedLine]:
    """Refusals of a journey by rule, those of most customers first: of pushes (as `journey_queries.pushes`
    counted them), of means after which others were tried, and of tasks."""
    found: Counter[tuple[str, str, str, bool]] = Counter()
    for row in pushes:
        if row["state"] in (SendState.REFUSED, SendState.FAILED):
            found[gettext("Push message"), row["code"], row["rule"], True] += row["count"]
    for means, rule, task, count in counted_refusals(journey):
        what = gettext("Task") if task else gettext("Push message")
        found[what, "" if task else means, rule, bool(task)] += count
    lines = [
        RefusedLine(what, means_word(means) if means else "-", rule_title(rule), final, count)
        for (what, means, rule, final), count in found.items()
    ]
    return sorted(lines, key=lambda line: (-line.count, line.what, line.means, line.rule))


def counted_refusals(journey: Journey) -> QuerySet[Refusal, tuple[str, str, int, int]]:
    """Refusals no push bears, by means, rule and whether of a task: one statement over an index."""
    task = Case(When(key__startswith=_TASKS, then=1), default=0, output_field=IntegerField())
    kept = Refusal.objects.filter(journey=journey.pk).annotate(task=task).order_by()
    return kept.values_list("means", "rule", "task").annotate(n=Count("*"))


def tasks(journey: Journey) -> list[TasksOfStep]:
    """The tasks a journey gave, by step and by who has them to do."""
    return tasks_of_journey(journey.name)
