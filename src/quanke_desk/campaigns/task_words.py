"""What a journey's task is about, for who has to do it: the journey's title, why it is run, what to say."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import get_language

from quanke_desk.campaigns.graph import GraphError, Node, read_graph
from quanke_desk.campaigns.models import Journey
from quanke_desk.campaigns.named import version_of
from quanke_desk.work.asked_for import Asked, AskedFor, tellers


def about_tasks(wanted: Collection[Asked]) -> dict[Asked, AskedFor]:
    """What tasks are about, in the language of who looks; of journeys that are not there any more nothing."""
    from quanke_desk.campaigns.plays import play_of  # plays begin journeys, which give tasks

    english = (get_language() or "").startswith("en")
    named = Journey.objects.filter(name__in={name for name, _c, _s in wanted})
    journeys = {each.name: each for each in named}
    found: dict[Asked, AskedFor] = {}
    steps = {campaign: _tasks_of(campaign) for campaign in {campaign for _n, campaign, _s in wanted}}
    for asked in wanted:
        name, campaign, step = asked
        if (journey := journeys.get(name)) is not None:
            play, node = play_of(journey), steps[campaign].get(step)
            title = journey.title_en if journey.title_en and english else journey.title_zh
            why, say = str(play.why) if play else "", _said(node, english) if node else ""
            found[asked] = AskedFor(title, why, say)
    return found


def _said(node: Node, english: bool) -> str:
    return node.say_en if node.say_en and english else node.say


def _tasks_of(campaign: str) -> dict[str, Node]:
    """The tasks of a campaign's version, by name of the step."""
    version = version_of(campaign) if campaign else None
    if version is None:
        return {}
    try:
        graph = read_graph(version.graph)
    except GraphError:  # a design of before that cannot be read any more says nothing
        return {}
    return {node.name: node for node in graph.nodes if node.do == "task"}


def make_known() -> None:
    """Has the work room ask here, once."""
    if about_tasks not in tellers:
        tellers.append(about_tasks)
