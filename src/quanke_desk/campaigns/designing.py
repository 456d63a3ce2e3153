"""Editing a design step by step: what the designer's buttons and keys do to the JSON, and its tree.

A design under work may be incomplete: `read_graph` says what is missing, and only a design it accepts can be
saved. Every function answers a new design and leaves the one it was given.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from quanke_desk.campaigns.graph import MOST_AGAIN, MOST_FRESH, MOST_NODES
from quanke_desk.foundation.people import NotAllowed

Design = dict[str, Any]
WAYS = {"if": ("then", "else"), "listen": ("then", "else"), "goal": (), "exit": ()}
FRESH: dict[str, Design] = {
    "send": {"do": "send", "template": "", "means": ["sms"]},
    "wait": {"do": "wait", "days": 1, "at": "10:00"},
    "listen": {"do": "listen", "event": "clicked", "days": 2},
    "if": {"do": "if", "when": ""},
    "split": {"do": "split", "parts": [{"share": "50%"}, {"share": "50%"}]},
    "task": {"do": "task", "who": "manager", "working_days": 2, "escalate_days": 1},
    "goal": {"do": "goal"},
    "exit": {"do": "exit"},
}
"""A step as it is when it is put in."""


def empty() -> Design:
    """The design of a journey nobody has worked on: it ends at once."""
    return {"start": "end", "nodes": {"end": {"do": "exit"}}, "goals": []}


def ways_of(node: Design) -> list[tuple[str, str]]:
    """The ways out of a step, as (where it is written, step it leads to): `next`, `then`, `parts.0`."""
    if node["do"] == "split":
        return [(f"parts.{at}", part.get("next", "")) for at, part in enumerate(node["parts"])]
    return [(way, node.get(way, "")) for way in WAYS.get(node["do"], ("next",))]


def enters(design: Design, entry: str, again: int = 0, fresh: int = 0) -> Design:
    """Says by what customers enter: "" as an audience, else `trigger:name` or `interface`; days after which
    one may enter anew (0: never; of an audience, by a later version), and hours for which a trigger lets
    somebody in (0: the bank's setting).
    Raises NotAllowed."""
    if fresh and not entry.startswith("trigger:"):
        raise NotAllowed("only a trigger is a moment that passes")
    if not (0 <= again <= MOST_AGAIN and 0 <= fresh <= MOST_FRESH):
        raise NotAllowed("at most 400 days until one enters anew, and 720 hours after a trigger")
    made = copy.deepcopy(design)
    given = {"entry": entry, "again": again, "fresh": fresh}
    for name in given:
        made.pop(name, None)
    return {**{name: said for name, said in given.items() if said}, **made}


def put_in(design: Design, after: str, way: str, do: str) -> tuple[Design, str]:
    """Puts a new step onto a way (`after` empty: before the first step); what followed there follows it.
    Answers the design and the step's name. Raises NotAllowed."""
    made = copy.deepcopy(design)
    if do not in FRESH or len(made["nodes"]) >= MOST_NODES:
        raise NotAllowed("no such kind of step, or too many of them")
    name = _name(made, do)
    before = made["start"] if not after else _at(made, after, way)
    node = copy.deepcopy(FRESH[do])
    for out, _to in ways_of(node):
        _set(node, out, before)
    made["nodes"][name] = node
    _lead(made, after, way, name)
    return _swept(made), name


def take_out(design: Design, name: str) -> Design:
    """Takes a step out: what led to it leads to what followed first. Raises NotAllowed for the last exit."""
    made = copy.deepcopy(design)
    node = _node(made, name)
    out = ways_of(node)
    if not out:
        if sum(not ways_of(each) for each in made["nodes"].values()) == 1:
            raise NotAllowed("a journey has an end")
        to = next(n for n, each in made["nodes"].items() if n != name and not ways_of(each))
    else:
        to = out[0][1]
    if to == name:
        raise NotAllowed("it leads back to itself: change that first")
    for each in made["nodes"].values():
        for way, leads in ways_of(each):
            if leads == name:
                _set(each, way, to)
    if made["start"] == name:
        made["start"] = to
    del made["nodes"][name]
    return _swept(made)


def change(design: Design, name: str, fields: Design) -> Design:
    """Gives a step other fields; its ways stay. Raises NotAllowed."""
    made = copy.deepcopy(design)
    node = _node(made, name)
    kept = dict(ways_of(node))
    ends = next((n for n, each in made["nodes"].items() if not ways_of(each)), "")
    for field_name in [f for f in node if f not in ("do", "next", "then", "else", "parts")]:
        del node[field_name]
    node.update(fields)
    for way, _to in ways_of(node):
        _set(node, way, kept.get(way) or ends)
    return _swept(made)


def lead(design: Design, name: str, way: str, to: str) -> Design:
    """Leads a way to another step. Raises NotAllowed."""
    made = copy.deepcopy(design)
    _node(made, to)
    _at(made, name, way)
    _lead(made, name, way, to)
    return _swept(made)


def move(design: Design, name: str, after: str, way: str) -> Design:
    """Moves a step with one way out to another place: what led to it leads on, and it goes onto the way.
    Raises NotAllowed."""
    node = _node(design, name)
    if len(ways_of(node)) != 1 or name == after:
        raise NotAllowed("only a step with one way out is moved: others are put in anew")
    kept = copy.deepcopy(node)
    made = take_out(design, name)
    if after and after not in made["nodes"]:
        raise NotAllowed("no such step")
    before = made["start"] if not after else _at(made, after, way)
    _set(kept, ways_of(kept)[0][0], before)
    made["nodes"][name] = kept
    _lead(made, after, way, name)
    return _swept(made)


@dataclass
class Place:
    """A step as the page shows it: under which way it stands, and what follows by each way. `again`: it is
    shown in full elsewhere, and here only named."""

    name: str
    node: Design
    way: str
    of: str
    again: bool = False
    follows: list[tuple[str, list[Place]]] = field(default_factory=list)


def holds_together(design: Any) -> bool:
    """Whether something can be shown and worked on as a design, complete or not."""
    try:
        tree(design)
        known = all(node["do"] in FRESH or node["do"] == "exit" for node in design["nodes"].values())
        return known and isinstance(design.get("entry", ""), str)
    except (AttributeError, LookupError, TypeError, ValueError):
        return False


def tree(design: Design) -> list[Place]:
    """The steps from the start on, those with one way out one under the other, the ways of the others beside
    each other."""
    return _line(design, design["start"], "", "", set())


def _line(design: Design, name: str, of: str, way: str, seen: set[str]) -> list[Place]:
    found: list[Place] = []
    while name in design["nodes"]:
        node = design["nodes"][name]
        out = ways_of(node)
        place = Place(name, node, way, of, again=name in seen)
        found.append(place)
        seen.add(name)
        if place.again or not out:
            return found
        if len(out) > 1:
            place.follows = [(each, _line(design, to, name, each, seen)) for each, to in out]
            return found
        of, way, name = name, out[0][0], out[0][1]
    return found


def _node(design: Design, name: str) -> Design:
    node: Design | None = design["nodes"].get(name)
    if node is None:
        raise NotAllowed("no such step")
    return node


def _at(design: Design, name: str, way: str) -> str:
    for each, to in ways_of(_node(design, name)):
        if each == way:
            return to
    raise NotAllowed("no such way")


def _lead(design: Design, after: str, way: str, to: str) -> None:
    if after:
        _set(design["nodes"][after], way, to)
    else:
        design["start"] = to


def _set(node: Design, way: str, to: str) -> None:
    if way.startswith("parts."):
        node["parts"][int(way[6:])]["next"] = to
    else:
        node[way] = to


def _name(design: Design, do: str) -> str:
    word = {"if": "asked", "exit": "end", "goal": "reached", "listen": "heard"}.get(do, do)
    return next(
        name for name in [word, *(f"{word}_{n}" for n in range(2, 1000))] if name not in design["nodes"]
    )


def _swept(design: Design) -> Design:
    """Without steps no way leads to any more."""
    seen, open_ = set(), [design["start"]]
    while open_:
        name = open_.pop()
        if name in design["nodes"] and name not in seen:
            seen.add(name)
            open_ += [to for _, to in ways_of(design["nodes"][name])]
    design["nodes"] = {name: node for name, node in design["nodes"].items() if name in seen}
    return design
