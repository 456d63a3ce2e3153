"""The design of a journey as JSON, read and checked (docs/how-to/run-a-journey.md describes it).

    {"entry": "trigger:large_inflow",
     "start": "hello",
     "goals": [{"name": "bought", "when": "holds(\\"fund\\")"}],
     "nodes": {
       "hello":   {"do": "send", "template": "fund-hello", "means": ["push", "sms"], "next": "rest"},
       "rest":    {"do": "wait", "days": 3, "at": "10:00", "working": true, "next": "clicked"},
       "clicked": {"do": "listen", "event": "clicked", "days": 2, "then": "rich", "else": "half"},
       "rich":    {"do": "if", "when": "aum_90d >= 50_000元", "then": "call", "else": "half"},
       "half":    {"do": "split", "parts": [{"share": "50%", "next": "again"},
                                            {"share": "50%", "next": "end"}]},
       "call":    {"do": "task", "who": "manager", "working_days": 2, "next": "end",
                   "say": "活期资金较多，可以看看基金。"},
       "again":   {"do": "send", "template": "fund-again", "means": ["sms"], "next": "end"},
       "end":     {"do": "exit"}}}

`entry` says by what customers enter one by one: a trigger, or `interface` (the bank's own systems name them);
without it the audience enters as a whole when the journey starts. Where there are both, the audience says who
of them is let in. Who entered one by one enters once, or with `"again": 300` anew 300 days after he last did;
with `"fresh": 24` nobody enters by a trigger that fired more than 24 hours ago (`campaigns.moments`).

A journey always ends: where its steps go round, the circle has a wait in it and `most_steps` ends it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext_noop as _noop

from quanke.segments.control import WHOLE, share_of

MOST_NODES, MOST_PARTS, MOST_GOALS = 100, 10, 5
MOST_STEPS = 200
"""Steps one customer goes at most: what goes round in a circle ends here."""
MOST_UNTIL = 60
"""Days a push may be said to wait at most."""
MOST_WORDS = 200
"""Characters of what a task has to be said: it is read on the list of a morning."""
MEANS = ("sms", "push", "wecom", "email")
EVENTS = ("delivered", "opened", "clicked", "replied", "bounced")
"""What a step may wait for beside triggers, which are written `trigger:name`."""
WHO = ("manager", "remote_team", "lobby")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
CODE = r"[a-z][a-z0-9_\-]{0,41}"
"""The code of a template, as a step names it."""
CODE_OF_MEANS = rf"{CODE}(\.({'|'.join(MEANS)}))?"
"""The code of a template, or with `.means` behind it that of the one which speaks for it by another means: no
step names that."""
_CODE = re.compile(rf"{CODE}\Z")
_TRIGGER = re.compile(r"trigger:[a-z0-9_]{1,48}\Z")
INTERFACE = "interface"
_AT = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")
MOST_AGAIN, MOST_FRESH = 400, 720
"""Days after which one may enter anew, and hours a trigger lets somebody in, at most."""
_SPANS = {"minutes": 60 * 24 * 90, "hours": 24 * 90, "days": 400, "working_days": 250}
"""How a span of time may be written, and how long it may be."""


class GraphError(ValueError):
    """A design that cannot be. `node` and `field` say where, `rule` (a marked text) why."""

    def __init__(self, node: str, field: str, rule: str, **values: object) -> None:
        super().__init__(f"{node or 'journey'}.{field}: {rule % values if values else rule}")
        self.node, self.field, self.rule, self.values = node, field, rule, values


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time: so many natural or working days, hours or minutes; days end at `at` ("HH:MM")."""

    days: int = 0
    working_days: int = 0
    minutes: int = 0
    at: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """One way out of a split: the share of a million that goes it (by chance), or the lowest value that does
    (by a score)."""

    to: str
    share_ppm: int = 0
    least: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One step. `ways` are the names of the steps that may follow, in the order of the design; `until_days`
    after the day of the step its push is not sent any more, null: whenever it may be."""

    name: str
    do: str
    template: str = ""
    means: tuple[str, ...] = ()
    until_days: int | None = None
    span: Span = Span()
    event: str = ""
    when: str = ""
    by: str = ""
    parts: tuple[Branch, ...] = ()
    who: str = ""
    action: str = ""
    say: str = ""
    say_en: str = ""
    escalate_days: int = 0
    ways: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A design that was checked. Nodes are numbered in the order in which a customer may meet them. `again`:
    days after which one may enter anew, 0: never; `fresh`: hours for which a trigger lets somebody in, 0: as
    many as the bank's setting says."""

    nodes: tuple[Node, ...]
    goals: tuple[tuple[str, str], ...]
    entry: str = ""
    again: int = 0
    fresh: int = 0

    @cached_property
    def place(self) -> dict[str, int]:
        """Number of each node."""
        return {node.name: at for at, node in enumerate(self.nodes)}

    def conditions(self) -> Iterator[tuple[str, str]]:
        """Every condition on a customer, with the node or goal that asks it."""
        yield from ((node.name, node.when) for node in self.nodes if node.when)
        yield from self.goals

    def events(self) -> frozenset[str]:
        """Every event it enters by or waits for."""
        return frozenset({self.entry, *(node.event for node in self.nodes)} - {""})

    def templates(self) -> frozenset[str]:
        """Codes of the templates it sends."""
        return frozenset(node.template for node in self.nodes if node.template)


def read_graph(held: Any) -> Graph:
    """The design of a journey. Raises GraphError for the first thing that cannot be."""
    if not isinstance(held, Mapping) or not isinstance(held.get("nodes"), Mapping):
        raise GraphError("", "nodes", _noop("a journey has nodes"))
    _only(held, "", {"entry", "again", "fresh", "start", "nodes", "goals"})
    nodes = held["nodes"]
    if not 0 < len(nodes) <= MOST_NODES:
        raise GraphError("", "nodes", _noop("from 1 to %(most)s steps"), most=MOST_NODES)
    read = {}
    for name, node in nodes.items():
        if not isinstance(name, str) or not _NAME.match(name):
            raise GraphError(str(name)[:32], "name", _noop("small letters, digits and _, a letter first"))
        read[name] = _node(name, node)
    start = held.get("start")
    if start not in read:
        raise GraphError("", "start", _noop("no such step"))
    for node in read.values():
        for way in node.ways:
            if way not in read:
                raise GraphError(node.name, "next", _noop("no such step"))
    order = _order(read, str(start))
    if lost := [name for name in read if name not in order]:
        raise GraphError(lost[0], "name", _noop("no way leads here"))
    _rests(read, order)
    entry = _entry(held)
    again = _whole("", "again", held.get("again", 0), MOST_AGAIN)
    fresh = _whole("", "fresh", held.get("fresh", 0), MOST_FRESH)
    if fresh and not trigger_of(entry):
        raise GraphError("", "fresh", _noop("only a trigger is a moment that passes"))
    goals = _goals(held.get("goals", []))
    return Graph(tuple(read[name] for name in order), goals, entry, again, fresh)


def trigger_of(event: str) -> str:
    """The name of the trigger an event is, "" where it is another event."""
    return event.partition(":")[2] if event.startswith("trigger:") else ""


def _entry(held: Mapping[str, Any]) -> str:
    entry = held.get("entry", "")
    if entry in ("", INTERFACE) or (isinstance(entry, str) and _TRIGGER.match(entry)):
        return str(entry)
    raise GraphError("", "entry", _noop("trigger:name, or interface"))


def _node(name: str, held: Any) -> Node:
    if not isinstance(held, Mapping) or held.get("do") not in _READERS:
        raise GraphError(name, "do", _noop("one of %(known)s"), known=", ".join(_READERS))
    return _READERS[str(held["do"])](name, held)


def _send(name: str, held: Mapping[str, Any]) -> Node:
    _only(held, name, {"do", "template", "means", "until_days", "next"})
    means = held.get("means")
    if (
        not isinstance(means, list)
        or not means
        or len(set(map(str, means))) != len(means)
        or not set(means) <= set(MEANS)
    ):
        raise GraphError(name, "means", _noop("one or more of %(known)s"), known=", ".join(MEANS))
    template = held.get("template")
    if not isinstance(template, str) or not _CODE.match(template):
        raise GraphError(name, "template", _noop("the code of a template"))
    until = None
    if "until_days" in held:
        until = _whole(name, "until_days", held["until_days"], MOST_UNTIL)
    return Node(
        name, "send", template=template, means=tuple(means), until_days=until,
        ways=(_way(name, held, "next"),),
    )  # fmt: skip


def _wait(name: str, held: Mapping[str, Any]) -> Node:
    _only(held, name, {"do", "next", "at", "working", *_SPANS})
    return Node(name, "wait", span=_span(name, held), ways=(_way(name, held, "next"),))


def _listen(name: str, held: Mapping[str, Any]) -> Node:
    _only(held, name, {"do", "event", "then", "else", "at", "working", *_SPANS})
    event = held.get("event")
    if event not in EVENTS and not (isinstance(event, str) and _TRIGGER.match(event)):
        raise GraphError(name, "event", _noop("one of %(known)s, or trigger:name"), known=", ".join(EVENTS))
    ways = (_way(name, held, "then"), _way(name, held, "else"))
    return Node(name, "listen", event=event, span=_span(name, held), ways=ways)


def _if(name: str, held: Mapping[str, Any]) -> Node:
    _only(held, name, {"do", "when", "then", "else"})
    ways = (_way(name, held, "then"), _way(name, held, "else"))
    return Node(name, "if", when=_text(name, held, "when"), ways=ways)


def _split(name: str, held: Mapping[str, Any]) -> Node:
    _only(held, name, {"do", "by", "parts"})
    by, parts = held.get("by", ""), held.get("parts")
    if not isinstance(by, str) or (by and not _NAME.match(by)):
        raise GraphError(name, "by", _noop("the name of a number of the catalogue"))
    if not isinstance(parts, list) or not 2 <= len(parts) <= MOST_PARTS:
        raise GraphError(name, "parts", _noop("from 2 to %(most)s parts"), most=MOST_PARTS)
    read = tuple(_part(name, part, by) for part in parts)
    if not by and sum(part.share_ppm for part in read) != WHOLE:
        raise GraphError(name, "parts", _noop("the shares come to 100 per cent"))
    if by:
        bounds = [part.least for part in read]
        if bounds[0] is not None or any(b is None for b in bounds[1:]):
            raise GraphError(name, "parts", _noop("the first part has no least value, every other has one"))
        if any(a >= b for a, b in itertools.pairwise(bounds[1:])):  # type: ignore[operator]
            raise GraphError(name, "parts", _noop("the least values rise"))
    return Node(name, "split", by=by, parts=read, ways=tuple(part.to for part in read))


def _part(name: str, held: Any, by: str) -> Branch:
    if not isinstance(held, Mapping):
        raise GraphError(name, "parts", _noop("each part says next, and its share or least value"))
    _only(held, name, {"next", "least"} if by else {"next", "share"})
    to = _way(name, held, "next")
    if by:
        least = held.get("least")
        if least is not None and (isinstance(least, bool) or not isinstance(least, int | float)):
            raise GraphError(name, "least", _noop("a number"))
        return Branch(to, least=None if least is None else float(least))
    try:
        return Branch(to, share_ppm=share_of(str(held.get("share", ""))))
    except ValueError:
        raise GraphError(name, "share", _noop("a share is written 2%, 0.02 or 1/50")) from None


def _task(name: str, held: Mapping[str, Any]) -> Node:
    _only(held, name, {"do", "who", "action", "say", "say_en", "working_days", "escalate_days", "next"})
    if held.get("who") not in WHO:
        raise GraphError(name, "who", _noop("one of %(known)s"), known=", ".join(WHO))
    action = held.get("action", "")
    if not isinstance(action, str) or (action and not _NAME.match(action.replace("-", "_"))):
        raise GraphError(name, "action", _noop("the name of an action of the plan"))
    days = _whole(name, "working_days", held.get("working_days", 2), _SPANS["working_days"])
    escalate = _whole(name, "escalate_days", held.get("escalate_days", 0), 60)
    span = Span(working_days=days)
    return Node(
        name, "task", who=str(held["who"]), action=action, span=span, escalate_days=escalate,
        say=_words(name, held, "say"), say_en=_words(name, held, "say_en"), ways=(_way(name, held, "next"),),
    )  # fmt: skip


def _exit(name: str, held: Mapping[str, Any]) -> Node:
    _only(held, name, {"do"})
    return Node(name, str(held["do"]))


_READERS = {
    "send": _send, "wait": _wait, "listen": _listen, "if": _if, "split": _split, "task": _task,
    "goal": _exit, "exit": _exit,
}  # fmt: skip


def _span(name: str, held: Mapping[str, Any]) -> Span:
    given = [unit for unit in _SPANS if unit in held]
    if len(given) != 1:
        raise GraphError(name, "days", _noop("how long: one of %(known)s"), known=", ".join(_SPANS))
    unit = given[0]
    count = _whole(name, unit, held[unit], _SPANS[unit])
    at, working = held.get("at", ""), held.get("working", False)
    if not isinstance(at, str) or (at and not _AT.match(at)):
        raise GraphError(name, "at", _noop("an hour is written HH:MM"))
    if not isinstance(working, bool):
        raise GraphError(name, "working", _noop("true or false"))
    if (at or working) and unit not in ("days", "working_days"):
        raise GraphError(name, "at", _noop("an hour goes with days"))
    if unit in ("days", "working_days"):
        whole = unit == "working_days" or working
        return Span(working_days=count, at=at) if whole else Span(days=count, at=at)
    return Span(minutes=count * (60 if unit == "hours" else 1))


def _whole(name: str, field: str, held: Any, most: int) -> int:
    if isinstance(held, bool) or not isinstance(held, int) or not 0 <= held <= most:
        raise GraphError(name, field, _noop("a whole number from 0 to %(most)s"), most=most)
    return held


def _text(name: str, held: Mapping[str, Any], field: str) -> str:
    text = held.get(field)
    if not isinstance(text, str) or not text.strip() or len(text) > 4000:
        raise GraphError(name, field, _noop("a condition, as audience text"))
    return text.strip()


def _words(name: str, held: Mapping[str, Any], field: str) -> str:
    said = held.get(field, "")
    if not isinstance(said, str) or len(said) > MOST_WORDS:
        raise GraphError(name, field, _noop("what to say, in at most %(most)s characters"), most=MOST_WORDS)
    return said.strip()


def _way(name: str, held: Mapping[str, Any], field: str) -> str:
    to = held.get(field)
    if not isinstance(to, str):
        raise GraphError(name, field, _noop("the name of the step that follows"))
    return to


def _only(held: Mapping[str, Any], name: str, known: set[str]) -> None:
    if more := [str(field) for field in held if field not in known]:
        raise GraphError(name, more[0][:32], _noop("no such field here"))


def _goals(held: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(held, list) or len(held) > MOST_GOALS:
        raise GraphError("", "goals", _noop("at most %(most)s goals"), most=MOST_GOALS)
    found = []
    for goal in held:
        name = goal.get("name") if isinstance(goal, Mapping) else None
        if not isinstance(name, str) or not _NAME.match(name) or len(name) > 16:
            raise GraphError("", "goals", _noop("each goal has a name and a condition"))
        _only(goal, name, {"name", "when"})
        found.append((name, _text(name, goal, "when")))
    return tuple(found)


def _order(nodes: Mapping[str, Node], start: str) -> list[str]:
    """Names from the start on, so that as many ways as can be lead forward: a pass in this order carries a
    customer over all steps that ask for no time."""
    order: list[str] = []
    seen, stack = {start}, [(start, iter(nodes[start].ways))]
    while stack:
        name, ways = stack[-1]
        for way in ways:
            if way not in seen:
                seen.add(way)
                stack.append((way, iter(nodes[way].ways)))
                break
        else:
            order.append(name)
            stack.pop()
    return order[::-1]


def _rests(nodes: Mapping[str, Node], order: list[str]) -> None:
    """Raises GraphError for a circle in which nobody ever rests: who entered it would never come out."""
    still = {name: list(nodes[name].ways) for name in order if not _takes_time(nodes[name])}
    while still:
        ends = [name for name, ways in still.items() if not any(way in still for way in ways)]
        if not ends:
            raise GraphError(next(iter(still)), "next", _noop("goes round in a circle without a wait"))
        for name in ends:
            del still[name]


def _takes_time(node: Node) -> bool:
    span = node.span
    return node.do in ("wait", "listen") and span.days + span.working_days + span.minutes > 0
