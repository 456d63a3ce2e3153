"""What the designer's forms say, as fields of a step; and a step as its form shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quanke_desk.campaigns.designing import Design
from quanke_desk.campaigns.effect_words import doer_word, event_word, means_word
from quanke_desk.campaigns.graph import EVENTS, MEANS, MOST_UNTIL, WHO
from quanke_desk.foundation.people import NotAllowed

UNITS = ("days", "working_days", "hours", "minutes")
MEANS_FIELDS = ("means", "then_means", "third_means", "last_means")
"""Fields of the means of a push, in the order in which they are tried: as many as there are means."""


def fields_of(node: Design, asked: Mapping[str, str]) -> Design:
    """Fields of a step of its kind, from a form. Raises NotAllowed for what cannot be read."""
    read = _READ.get(node["do"])
    return read(node, asked) if read else {}


def _send(node: Design, asked: Mapping[str, str]) -> Design:
    means = [asked.get(name, "") for name in MEANS_FIELDS]
    # a form without this field leaves what the design says
    until = str(asked.get("until_days", node.get("until_days", ""))).strip()
    return {
        "template": asked.get("template", "").strip(),
        "means": list(dict.fromkeys(each for each in means if each)),
        **({"until_days": _whole(until)} if until else {}),
    }


def _wait(node: Design, asked: Mapping[str, str]) -> Design:
    unit = asked.get("unit", "days")
    if unit not in UNITS:
        raise NotAllowed("days, working days, hours or minutes")
    found: Design = {unit: _whole(asked.get("count", ""))}
    if at := asked.get("at", "").strip():
        found["at"] = at
    return found


def _listen(node: Design, asked: Mapping[str, str]) -> Design:
    trigger = asked.get("trigger", "").strip().removeprefix("trigger:")
    event = f"trigger:{trigger}" if asked.get("event") == "trigger" else asked.get("event", "")
    return {"event": event, **_wait(node, asked)}


def _if(node: Design, asked: Mapping[str, str]) -> Design:
    return {"when": _typed(asked.get("when", ""))}


def _split(node: Design, asked: Mapping[str, str]) -> Design:
    by = asked.get("by", "").strip()
    given = [text.strip() for text in asked.get("shares", "").replace("，", ",").split(",") if text.strip()]
    if not given or len(given) > 10:
        raise NotAllowed("shares with commas between them, as 50%, 30%, 20%")
    old = [part.get("next", "") for part in node["parts"]]
    parts: list[Design] = []
    if by:
        parts.append({})
        parts += [{"least": _number(text)} for text in given]
    else:
        parts += [{"share": text} for text in given]
    for at, part in enumerate(parts):
        part["next"] = old[at] if at < len(old) else old[-1]
    return {"parts": parts, "by": by} if by else {"parts": parts}


def _task(node: Design, asked: Mapping[str, str]) -> Design:
    return {
        "who": asked.get("who", ""),
        "action": asked.get("action", "").strip(),
        "working_days": _whole(asked.get("working_days", "")),
        "escalate_days": _whole(asked.get("escalate_days", "") or "0"),
        # a form without these fields leaves what the design says
        **{name: said for name in ("say", "say_en") if (said := _typed(asked.get(name, node.get(name, ""))))},
    }


_READ = {"send": _send, "wait": _wait, "listen": _listen, "if": _if, "split": _split, "task": _task}


def form_of(node: Design) -> dict[str, Any]:
    """What the form of a step shows."""
    unit = next((u for u in UNITS if u in node), "days")
    count = node.get(unit, 1)
    if unit == "days" and node.get("working"):  # the other way to write it
        unit = "working_days"
    parts = node.get("parts", [])
    by = node.get("by", "")
    shares = [str(p.get("least")) for p in parts[1:]] if by else [str(p.get("share", "")) for p in parts]
    event = node.get("event", "")
    return {
        "unit": unit,
        "count": count,
        "at": node.get("at", ""),
        "working_days": node.get("working_days", 2),
        "means": _means_shown(node.get("means", [])),
        "shares": ", ".join(shares),
        "by": by,
        "event": "trigger" if event.startswith("trigger:") else event,
        "trigger_event": event if event.startswith("trigger:") else "",
        "units": UNITS,
        "most_until": MOST_UNTIL,
        "all_means": [(means, means_word(means)) for means in MEANS],
        "all_events": [(event, event_word(event)) for event in EVENTS],
        "all_who": [(who, doer_word(who)) for who in WHO],
    }


def _means_shown(held: list[str]) -> list[tuple[str, str]]:
    """The fields of a step's means with what stands in each: three, or as many as it has."""
    names = MEANS_FIELDS if len(held) > 3 else [name for name in MEANS_FIELDS if name != "third_means"]
    return list(zip(names, [*held, "", "", ""], strict=False))


def _typed(text: str) -> str:
    """What was typed into a field of several lines, whose ends browsers write in two characters."""
    return text.replace("\r\n", "\n").strip()


def _whole(text: str) -> int:
    given = text.strip()
    if not given.isascii() or not given.isdecimal() or len(given) > 9:
        raise NotAllowed("a whole number")
    return int(given)


def _number(text: str) -> float:
    try:
        return float(text) if not text.lstrip("-").isdecimal() else int(text)
    except ValueError:
        raise NotAllowed("a number") from None
