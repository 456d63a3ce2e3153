"""The builder as a page shows it: form and text of one audience side by side, and what it answers.

Whichever was edited leads. The text is what is saved; where it says more than the form can show, the form
steps back until the text is simpler again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise

from quanke_desk.campaigns.audience_form import (
    OPS,
    OPS_OF,
    Tree,
    changed,
    empty_tree,
    fields_of,
    plain,
    read_form,
    text_of,
    tree_of,
)
from quanke_desk.campaigns.audience_tags import (
    Cell,
    Spread,
    TagShown,
    broken_down,
    choices_of,
    spread_of,
    tags,
)
from quanke_desk.campaigns.audiences import LONGEST, Answer, bound, counted, made_ready, usable
from quanke_desk.foundation.analytic import Base, base

FIRST = "tier"
"""The tag an audience is broken down by before another is chosen."""


@dataclass
class Row:
    """One condition (or, with `rows`, one group) of the form."""

    place: str
    start: str
    tag: TagShown | None = None
    op: str = ""
    ops: list[tuple[str, Promise | str]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)
    spread: Spread | None = None
    problem: Promise | None = None
    many: bool = False
    join: str = ""
    turned: bool = False
    rows: list[Row] | None = None


@dataclass
class Builder:
    """Form and text of an audience, its size, and which of the two has to be put in place anew."""

    text: str
    tree: Tree | None
    answer: Answer
    rows: list[Row] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    waiting: int = 0
    into: str = ""
    put_text: bool = False
    put_form: bool = False
    ruled: bool = False
    """The text says more than the form can show, so nothing of the form was taken."""
    bound: int = 0


def opened(text: str) -> Builder:
    """A builder on a text. Raises NightError."""
    held = base()
    made_ready(held)
    text = text[:LONGEST]
    answer = counted(text, held)
    tree = empty_tree() if not text.strip() else None
    if answer.expression is not None:
        tree = plain(tree_of(answer.expression.node))
    return _finished(Builder(text, tree, answer), held, {})


def builder_of(request: HttpRequest) -> Builder:
    """The builder as its form was sent: led by the text, or by the fields (`?by=fields`, or a button that
    changes the form). Raises NightError."""
    asked, held = request.POST, base()
    by, do, text = request.GET.get("by", ""), asked.get("do", ""), asked.get("text", "")[:LONGEST]
    into = asked.get("into", "")
    moves = do.partition(":")[0] in ("tag", "group", "drop")
    if by != "fields" and not moves:
        built = opened(text)
        built.put_form = built.answer.fault is None
        built.into = into
        return built
    if asked.get("opaque") == "1" and text.strip():
        built = opened(text)
        built.ruled = True
        return built
    tree = read_form(asked, asked.getlist)
    if moves:
        tree = changed(tree, do, into, {name: tag.kind for name, tag in tags(held).items()})
        if do == "group":
            into = str(len(tree["items"]) - 1)
        elif do.startswith("drop") and "." not in do:
            into = ""
    made = text_of(tree, held.bank.catalogue)
    built = Builder(made.text, tree, counted(made.text, held), waiting=made.waiting, into=into, put_text=True)
    built.put_form = moves or bool(made.problems) or _asks_other_fields(asked)
    return _finished(built, held, made.problems)


def _asks_other_fields(asked: Any) -> bool:
    """Whether an operator was chosen that has other fields than those that stand there."""
    return any(asked.get(f"{k[:-4]}.op") != v for k, v in asked.items() if k.endswith(".was"))


def _finished(built: Builder, held: Base, problems: dict[str, Promise]) -> Builder:
    built.bound = bound()
    if built.tree is not None:
        known = tags(held)
        built.rows = [
            _row(i, str(n), f"i.{n}.", known, problems, built.bound)
            for n, i in enumerate(built.tree["items"])
        ]
    if built.answer.expression is not None and built.answer.size is not None and FIRST in held.known:
        built.cells = broken_down(usable(built.answer.expression, held), FIRST, held) or []
    return built


def _row(
    item: Tree, place: str, start: str, known: dict[str, TagShown], problems: dict[str, Promise], least: int
) -> Row:
    if "items" in item:
        below = [
            _row(c, f"{place}.{n}", f"{start}i.{n}.", known, problems, least)
            for n, c in enumerate(item["items"])
        ]
        return Row(place, start, join=item["join"], turned=item["not"], rows=below)
    tag = known.get(item["tag"])
    if tag is None:
        return Row(place, start, TagShown(item["tag"], item["tag"], "", base_kind(item), "", ""), item["op"],
                   values=item["values"], problem=problems.get(place))  # fmt: skip
    op, many = item["op"], item["op"] in ("one_of", "not_one_of")
    values = item["values"] if many else [*item["values"], "", ""][: fields_of(op)]
    ops = [(o, OPS[o]) for o in OPS_OF[tag.kind]]
    spread = spread_of(tag.name, least=least)
    return Row(place, start, tag, op, ops, values, choices_of(tag), spread, problems.get(place), many)


def base_kind(item: Tree) -> Any:
    """The type of a tag of the catalogue that may not be used here, for the form to show it all the same."""
    from quanke.language.types import Kind

    found = base().bank.catalogue.get(item["tag"])
    return found.result.kind if found is not None else Kind.TEXT
