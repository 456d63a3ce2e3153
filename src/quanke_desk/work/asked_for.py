"""What a task of a campaign is about. The room that runs campaigns says it: this one knows a journey's name
and nothing else of it.

    tellers.append(mine)                                        # in the room's `ready`
    asked_for([("summer", "summer_v2", "call")])                # {(...): AskedFor(...)}
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _noop

from quanke_desk.work.models import FollowUp

Asked = tuple[str, str, str]
"""A journey's name, its campaign of the library's tables, and the name of the step."""
PURPOSES = {"marketing": _noop("Marketing"), "service": _noop("Service")}


@dataclass(frozen=True)
class AskedFor:
    """The journey's title, why it is run, and what the step has to be said or done, as was agreed to when
    the journey was started; in the language of who looks."""

    title: str
    because: str = ""
    say: str = ""


Teller = Callable[[Collection[Asked]], Mapping[Asked, AskedFor]]
tellers: list[Teller] = []


def asked_of(task: FollowUp) -> Asked:
    """By what a task is asked for."""
    return task.journey, task.campaign, task.step


def asked_for(tasks: Iterable[FollowUp]) -> dict[Asked, AskedFor]:
    """What tasks of campaigns are about; of a journey nobody knows any more nothing is said."""
    wanted = {asked_of(task) for task in tasks if task.journey}
    found: dict[Asked, AskedFor] = {}
    for teller in tellers if wanted else ():
        found.update(teller(wanted))
    return found
