"""What became of a journey beside its pushes: whom which rule refused, and the tasks it gave. Counts only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext

from quanke_desk.campaigns.effect_words import means_word
from quanke_desk.campaigns.journey_queries import rule_title
from quanke_desk.campaigns.models import Journey, Refusal, Send, SendState
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


def refused(journey: Journey) -> list[RefusedLine]:
    """Refusals of a journey by rule, those of most customers first: of pushes, of means after which others
    were tried, and of tasks."""
    stopped = Send.objects.filter(journey=journey, state__in=[SendState.REFUSED, SendState.FAILED])
    found = [
        RefusedLine(gettext("Push message"), means_word(means), rule_title(rule), True, count)
        for means, rule, count in _counted(stopped)
    ]
    kept = Refusal.objects.filter(journey=journey.pk)
    tasks = kept.filter(key__startswith=_TASKS)
    found += [
        RefusedLine(gettext("Task"), "-", rule_title(rule), True, count)
        for _means, rule, count in _counted(tasks)
    ]
    found += [
        RefusedLine(gettext("Push message"), means_word(means), rule_title(rule), False, count)
        for means, rule, count in _counted(kept.exclude(key__startswith=_TASKS))
    ]
    return sorted(found, key=lambda line: (-line.count, line.what, line.means, line.rule))


def _counted(rows: Any) -> list[tuple[str, str, int]]:
    found = rows.order_by().values_list("means", "rule").annotate(n=Count("id"))
    return [(str(means), str(rule), int(count)) for means, rule, count in found]


def tasks(journey: Journey) -> list[TasksOfStep]:
    """The tasks a journey gave, by step and by who has them to do."""
    return tasks_of_journey(journey.name)
