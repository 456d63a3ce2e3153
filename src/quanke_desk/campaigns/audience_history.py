"""Versions of an audience: who made each, when, and what changed, in plain words."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quanke.kernel.errors import QuankeError
from quanke.language.types import Kind
from quanke_desk.campaigns.alike import said_in_words
from quanke_desk.campaigns.audience_form import OPS, Tree, fields_of, plain, tree_of
from quanke_desk.campaigns.audience_tags import tags, value_word
from quanke_desk.campaigns.audiences import understood
from quanke_desk.campaigns.models import Audience, AudienceKind, AudienceVersion
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.local_form import said_day

_CHANGES: dict[str, Promise] = {
    "first": _("first version"),
    "kind": _("now %(kind)s"),
    "added": _("added: %(part)s"),
    "removed": _("removed: %(part)s"),
    "joined": _("conditions are joined differently"),
    "again": _("the same conditions, on the night of %(day)s"),
    "list": _("other customers in the list"),
}
_JOINS = {"and": _("all of"), "or": _("any of")}
_NOT = _("not %(part)s")


@dataclass(frozen=True)
class Told:
    """One version with what changed since the one before, in words."""

    version: AudienceVersion
    changes: list[str]
    current: bool


def history(audience: Audience) -> list[Told]:
    """All versions, the newest first."""
    rows = list(audience.versions.defer("members").select_related("by").order_by("-number"))
    befores = [*rows[1:], None]
    return [Told(v, changes(b, v), at == 0) for at, (v, b) in enumerate(zip(rows, befores, strict=True))]


def changes(before: AudienceVersion | None, after: AudienceVersion) -> list[str]:
    """What changed from one version to the next, in plain words."""
    if before is None:
        return [str(_CHANGES["first"])]
    told = []
    if before.kind != after.kind:
        told.append(str(_CHANGES["kind"]) % {"kind": after.get_kind_display()})
    if before.text != after.text:
        old, new = in_words(before.text), in_words(after.text)
        for step, low, high, from_, to in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
            if step in ("delete", "replace"):
                told += [str(_CHANGES["removed"]) % {"part": p} for p in old[low:high]]
            if step in ("insert", "replace"):
                told += [str(_CHANGES["added"]) % {"part": p} for p in new[from_:to]]
        told = told or [str(_CHANGES["joined"])]
    if told:
        return told
    if after.kind == AudienceKind.LIST:
        return [str(_CHANGES["list"])]
    return [str(_CHANGES["again"]) % {"day": said_day(after.night)}]


def in_words(text: str, of: Base | None = None) -> list[str]:
    """The conditions of a text one by one in words; the text as it is where the form cannot show it."""
    try:
        held = of or base()
        tree = plain(tree_of(understood(text, held).node))
    except QuankeError:
        tree = None
    return [said_in_words(text)] if tree is None else [_item_in_words(item, held) for item in tree["items"]]


def _item_in_words(item: Tree, held: Base) -> str:
    if "items" not in item:
        return _condition_in_words(item, held)
    said = f"{_JOINS[item['join']]} ({'; '.join(_condition_in_words(c, held) for c in item['items'])})"
    return str(_NOT) % {"part": said} if item["not"] else said


def _condition_in_words(item: Tree, held: Base) -> str:
    tag = tags(held).get(item["tag"])
    if tag is None:
        return str(item["tag"])
    values = [value_word(tag.name, v, Kind.TEXT) if tag.kind is Kind.TEXT else v for v in item["values"]]
    said = ", ".join(values) if fields_of(item["op"]) < 2 else " – ".join(values)
    return f"{tag.title} {OPS[item['op']]}{f' {said}' if said else ''}"
