"""The form of an audience: a tree of conditions as JSON values, made text, and text made such a tree again.

A group is `{"join": "and" | "or", "not": bool, "items": [...]}`, a condition `{"tag": name, "op": one of
OPS, "values": [texts as typed]}`. Groups stand in the outermost one and hold conditions only; the text may
say more than that, and then the text rules. A condition whose fields are still empty is waiting: it is left
out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from quanke.language import Catalogue
from quanke.language.audience_text import quoted
from quanke.language.audience_tokens import KEYWORDS
from quanke.language.nodes import AsOf, Call, Literal, Node, Reference
from quanke.language.types import NUMERIC, Kind

Tree = dict[str, Any]
MOST = 60
"""Conditions in a row that the form shows."""
_NUMBER = re.compile(r"-?[0-9][0-9_]{0,20}(\.[0-9]{1,9})?(万|亿|%)?\Z")
_WHOLE = re.compile(r"[0-9]{1,4}\Z")
_TURNED = {"less": "greater", "at_most": "at_least", "greater": "less", "at_least": "at_most"}
_SIGNS = {
    "at_least": ">=", "above": ">", "below": "<", "at_most": "<=", "equal": "==", "unequal": "!=",
    "is": "==", "is_not": "!=", "since": ">=", "until": "<=",
}  # fmt: skip
_OF_NODE = {
    "greater": "above", "at_least": "at_least", "less": "below", "at_most": "at_most",
    "equal": "equal", "not_equal": "unequal",
}  # fmt: skip

OPS: dict[str, Promise | str] = {
    "yes": pgettext_lazy("condition", "yes"), "no": pgettext_lazy("condition", "no"),
    "is": _("is"), "is_not": _("is not"), "one_of": _("is one of"), "not_one_of": _("is none of"),
    "contains": _("contains"),
    "at_least": _("at least"), "above": _("above"), "below": _("below"), "at_most": _("at most"),
    "equal": _("equals"), "unequal": _("does not equal"), "between": _("from … to below …"),
    "since": _("on or after"), "until": _("on or before"), "days": _("from day to day"),
    "within": _("within the last days"), "ahead": _("within the next days"),
    "older": _("longer ago, in days"),
    "unknown": _("is unknown"), "known": _("is known"),
}  # fmt: skip
_EITHER_WAY = ("unknown", "known")
_OF_NUMBERS = ("at_least", "below", "between", "above", "at_most", "equal", "unequal", *_EITHER_WAY)
OPS_OF: dict[Kind, tuple[str, ...]] = {
    Kind.BOOLEAN: ("yes", "no", *_EITHER_WAY),
    Kind.TEXT: ("is", "one_of", "is_not", "not_one_of", "contains", *_EITHER_WAY),
    **dict.fromkeys(NUMERIC, _OF_NUMBERS),
    Kind.DATE: ("within", "ahead", "older", "since", "until", "days", *_EITHER_WAY),
    Kind.INSTANT: ("since", "until", *_EITHER_WAY),
}
"""Operators that fit a type, the usual one first."""
_DAYS = ("within", "ahead", "older")
_MANY = ("one_of", "not_one_of")


def fields_of(op: str) -> int:
    """How many fields an operator has; of `one_of` and `not_one_of` one that takes several values."""
    if op in ("yes", "no", *_EITHER_WAY):
        return 0
    return 2 if op in ("between", "days") else 1


@dataclass
class Built:
    """Text made of a tree: `problems` by the place of a condition ("2" or "2.0"), as marked texts; `waiting`
    conditions are not in it yet."""

    text: str = ""
    problems: dict[str, Promise] = field(default_factory=dict)
    waiting: int = 0


def empty_tree() -> Tree:
    """A form in which nothing stands yet."""
    return {"join": "and", "not": False, "items": []}


def text_of(tree: Tree, catalogue: Catalogue) -> Built:
    """The audience text a tree says."""
    built = Built()
    built.text = _said(tree, "", catalogue, built)
    return built


def _said(group: Tree, place: str, catalogue: Catalogue, built: Built) -> str:
    parts = []
    for at, item in enumerate(group["items"]):
        where = f"{place}{at}"
        if "items" in item:
            said = _said(item, f"{where}.", catalogue, built)
            if said and item["not"]:
                said = f"not ({said})"
            elif said and len(group["items"]) > 1:
                said = f"({said})"
        else:
            said = _condition(item, where, catalogue, built)
        if said:
            parts.append(said)
    return f" {group['join']} ".join(parts)


def _condition(item: Tree, where: str, catalogue: Catalogue, built: Built) -> str:
    tag, op = item["tag"], item["op"]
    if tag not in catalogue:
        built.problems[where] = _("there is no tag of this name")
        return ""
    kind = catalogue[tag].result.kind
    if op not in OPS_OF[kind]:
        built.problems[where] = _("this cannot be asked of this tag")
        return ""
    given = [v.strip() for v in item["values"] if v.strip()]
    if op == "contains" or op not in _MANY:
        given = given[: fields_of(op)]
    if len(given) < fields_of(op):
        built.waiting += 1
        return ""
    name = f"`{tag}`" if tag in KEYWORDS else tag
    values = []
    for text in given:
        value, problem = _value(text, Kind.INTEGER if op in _DAYS else kind, op in _DAYS)
        if problem is not None:
            built.problems[where] = problem
            return ""
        values.append(value)
    return _phrase(name, op, values)


def _value(text: str, kind: Kind, days: bool) -> tuple[str, Promise | None]:
    """A value as the text form writes it, or the rule it breaks."""
    if days:
        return text, None if _WHOLE.match(text) else _("days are a whole number below 10,000")
    if kind is Kind.TEXT:
        return quoted(text[:200]), None
    if kind in (Kind.DATE, Kind.INSTANT):
        try:
            return dt.date.fromisoformat(text).isoformat(), None
        except ValueError:
            return "", _("a day is written YYYY-MM-DD")
    number = text.replace(",", "").replace("，", "").replace(" ", "").removesuffix("元")
    if not _NUMBER.match(number):
        return "", _("a number is written 50000, 0.5 or 5万")
    if number.endswith("%") and kind is not Kind.RATE:
        return "", _("a share in per cent is for rates only")
    return number, None


def _phrase(name: str, op: str, values: Sequence[str]) -> str:
    if op in _SIGNS:
        return f"{name} {_SIGNS[op]} {values[0]}"
    listed = ", ".join(values)
    return {
        "yes": lambda: name,
        "no": lambda: f"not {name}",
        "one_of": lambda: f"{name} in ({listed})",
        "not_one_of": lambda: f"{name} not in ({listed})",
        "contains": lambda: f"contains({name}, {values[0]})",
        "between": lambda: f"{values[0]} <= {name} < {values[1]}",
        "days": lambda: f"{values[0]} <= {name} <= {values[1]}",
        "within": lambda: f"as_of - {values[0]} < {name} <= as_of",
        "ahead": lambda: f"as_of < {name} <= as_of + {values[0]}",
        "older": lambda: f"{name} < as_of - {values[0]}",
        "unknown": lambda: f"{name} is null",
        "known": lambda: f"{name} is not null",
    }[op]()


def tree_of(node: Node) -> Tree | None:
    """The tree that shows an expression; null where the form cannot: the text says more."""
    if isinstance(node, Literal):
        return None
    join = "or" if _is(node, "either") else "and"
    items = []
    for leaf in _row(node, "either" if join == "or" else "both"):
        item = _item(leaf, join)
        if item is None:
            return None
        items.append(item)
    items = _merged(items) if join == "and" else items
    return {"join": join, "not": False, "items": items} if len(items) <= MOST else None


def _item(node: Node, outer: str) -> Tree | None:
    found = _read(node)
    if found is not None:
        return found
    turned = _is(node, "opposite")
    inner = node.arguments[0] if turned and isinstance(node, Call) else node
    if not turned and not (_is(inner, "either") or _is(inner, "both")):
        return None
    join = "or" if _is(inner, "either") else "and"
    conditions = [_read(leaf) or _range(leaf) for leaf in _row(inner, "either" if join == "or" else "both")]
    items = [c for c in conditions if c is not None]
    if len(items) < len(conditions) or len(items) > MOST:
        return None
    if join == "and":
        items = _merged(items)
        if len(items) == 1 and not turned:
            return items[0]  # a range among alternatives
    return {"join": join, "not": turned, "items": items}


def _range(node: Node) -> Tree | None:
    """The range that two limits of one tag are, where they stand among alternatives."""
    if not _is(node, "both"):
        return None
    halves = [half for half in map(_read, _row(node, "both")) if half is not None]
    merged = _merged(halves)
    return merged[0] if len(halves) == 2 and len(merged) == 1 else None


def _is(node: Node, operation: str) -> bool:
    return isinstance(node, Call) and node.operation == operation


def _row(node: Node, operation: str) -> list[Node]:
    """What is joined by one word, brackets forgotten."""
    found: list[Node] = []
    todo = [node]
    while todo:
        top = todo.pop()
        if isinstance(top, Call) and top.operation == operation and len(top.arguments) == 2:
            todo.extend(reversed(top.arguments))
        else:
            found.append(top)
    return found


def _merged(items: list[Tree]) -> list[Tree]:
    """Two limits of one tag that follow each other are one range."""
    made: list[Tree] = []
    for item in items:
        before = made[-1] if made else {}
        pair = (before.get("op"), item.get("op")) if before.get("tag") == item.get("tag") else None
        ranges = {("at_least", "below"): "between", ("since", "until"): "days"}
        if pair == ("after_ago", "by_now"):
            made[-1] = {**before, "op": "within"}
        elif pair == ("after_now", "by_ahead"):
            made[-1] = {**item, "op": "ahead"}
        elif pair is not None and pair in ranges:
            values = [*before["values"], *item["values"]]
            made[-1] = {"tag": item["tag"], "op": ranges[pair], "values": values}
        else:
            made.append(item)
    return made


def _read(node: Node) -> Tree | None:
    """The condition an expression is, if it is one."""
    if isinstance(node, Reference) and node.type.kind is Kind.BOOLEAN and not node.earlier:
        return _made(node, "yes")
    if not isinstance(node, Call):
        return None
    first = node.arguments[0]
    if node.operation == "opposite":
        inner = _read(first)
        other = {"yes": "no", "unknown": "known", "one_of": "not_one_of"}.get(inner["op"]) if inner else None
        return {**inner, "op": other} if inner and other else None
    if node.operation == "is_null" and isinstance(first, Reference):
        return _made(first, "unknown")
    if node.operation in ("one_of", "contains") and isinstance(first, Reference):
        return _made(first, node.operation, node.arguments[1:])
    return _compared(node) if node.operation in _OF_NODE else None


def _compared(node: Call) -> Tree | None:
    operation, (left, right) = node.operation, node.arguments
    if not isinstance(left, Reference):
        operation, left, right = _TURNED.get(operation, operation), right, left
    if not isinstance(left, Reference) or left.earlier:
        return None
    kind = left.type.kind
    if kind is Kind.BOOLEAN and isinstance(right, Literal) and operation in ("equal", "not_equal"):
        return _made(left, "yes" if (operation == "equal") is bool(right.value) else "no")
    if kind is Kind.DATE and not isinstance(right, Literal):
        return _beside_today(left, operation, right)
    op = _OF_NODE[operation]
    if kind in (Kind.DATE, Kind.INSTANT):
        op = {"at_least": "since", "at_most": "until"}.get(op, "")
    elif kind is Kind.TEXT:
        op = {"equal": "is", "unequal": "is_not"}.get(op, "")
    return _made(left, op, [right]) if op else None


def _beside_today(tag: Reference, operation: str, side: Node) -> Tree | None:
    days = _days_from_today(side)
    if days is None:
        return None
    if operation == "less" and days < 0:
        return {"tag": tag.name, "op": "older", "values": [str(-days)]}
    half = {
        ("greater", True): "after_ago" if days else "after_now",
        ("at_most", True): "by_now" if not days else "",
        ("at_most", False): "by_ahead",
    }.get((operation, days <= 0), "")
    return {"tag": tag.name, "op": half, "values": [str(abs(days))]} if half else None


def _days_from_today(node: Node) -> int | None:
    if isinstance(node, AsOf):
        return 0 if node.working_days is None else None
    if not isinstance(node, Call) or node.operation not in ("add", "subtract"):
        return None
    day, days = node.arguments
    if not isinstance(day, AsOf) or day.working_days is not None or not isinstance(days, Literal):
        return None
    if not isinstance(days.value, int):
        return None
    return days.value if node.operation == "add" else -days.value


def _made(tag: Reference, op: str, literals: Sequence[Node] = ()) -> Tree | None:
    values = []
    for literal in literals:
        if not isinstance(literal, Literal) or literal.value is None:
            return None
        values.append(_typed(literal, tag.type.kind))
    return None if any(v is None for v in values) else {"tag": tag.name, "op": op, "values": values}


def _typed(literal: Literal, kind: Kind) -> str | None:
    """A constant as it would be typed into the form; null where the form cannot show it."""
    value = literal.value
    if kind is Kind.MONEY:
        assert isinstance(value, int)
        whole, cents = divmod(abs(value), 100)
        return f"{'-' if value < 0 else ''}{whole}{f'.{cents:02d}' if cents else ''}"
    if isinstance(value, Decimal):
        shown = f"{value:f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else None
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".") if abs(value) < 1e12 else None
    return str(value)


def plain(tree: Tree | None) -> Tree | None:
    """A tree, or null where a half of a range stands alone in it, which no field says."""
    if tree is None:
        return None
    flat = [c for i in tree["items"] for c in i.get("items", [i])]
    return tree if all(c["op"] in OPS for c in flat) else None


def read_form(asked: Mapping[str, Any], getlist: Any) -> Tree:
    """The tree that stands in the fields of a form: `j`, `i.0.tag`, `i.0.op`, `i.0.v`, and of a group
    `i.1.join`, `i.1.not`, `i.1.i.0.tag`."""
    tree = empty_tree()
    tree["join"] = _join(asked.get("j"))
    for at in range(MOST):
        start = f"i.{at}."
        if f"{start}tag" in asked:
            tree["items"].append(_fields(start, asked, getlist))
        elif f"{start}join" in asked:
            group: Tree = {"join": _join(asked.get(f"{start}join")), "items": []}
            group["not"] = asked.get(f"{start}not") == "1"
            for below in range(MOST):
                if f"{start}i.{below}.tag" not in asked:
                    break
                group["items"].append(_fields(f"{start}i.{below}.", asked, getlist))
            tree["items"].append(group)
        else:
            break
    return tree


def _join(said: Any) -> str:
    return "or" if said == "or" else "and"


def _fields(start: str, asked: Mapping[str, Any], getlist: Any) -> Tree:
    op = str(asked.get(f"{start}op", ""))
    values = [str(v)[:200] for v in getlist(f"{start}v")][:200]
    if op in _MANY and len(values) == 1:  # typed, not ticked
        values = re.split(r"[,，、]", values[0])
    return {"tag": str(asked[f"{start}tag"])[:64], "op": op, "values": values}


def changed(tree: Tree, do: str, into: str, kinds: Mapping[str, Kind]) -> Tree:
    """The tree after a button: `tag:NAME` adds a condition (into the group at the place `into`), `group` adds
    a group, `drop:2` or `drop:2.0` takes one away. `kinds`: of the tags there are."""
    verb, _colon, what = do.partition(":")
    items = tree["items"]
    if verb == "tag" and what in kinds:
        group = items[int(into)] if into.isdecimal() and int(into) < len(items) else tree
        group = group if "items" in group else tree
        if len(group["items"]) < MOST:
            group["items"].append({"tag": what, "op": OPS_OF[kinds[what]][0], "values": []})
    elif verb == "group" and len(items) < MOST:
        items.append({"join": "or" if tree["join"] == "and" else "and", "not": False, "items": []})
    elif verb == "drop":
        place = [int(p) for p in what.split(".") if p.isdecimal()]
        holder = items[place[0]]["items"] if len(place) == 2 and place[0] < len(items) else items
        if place and place[-1] < len(holder):
            del holder[place[-1]]
    return tree
