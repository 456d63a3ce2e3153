"""Education that goes with advice (投资者教育): short texts, one for what a customer should know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

from quanke.kernel.errors import InputError

FILE = "education.yaml"


@dataclass(frozen=True, slots=True)
class EducationItem:
    """One text: `id`, `approval` (number of the approval of MKT-2, empty: not approved yet), `topics` (asset
    classes, "R1".."R5", or a subject) and title and text in both languages."""

    id: str
    approval: str
    topics: tuple[str, ...]
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str


def read_education(text: str, file: str = FILE) -> tuple[EducationItem, ...]:
    """Items of a YAML list. Raises InputError that names the item and the field."""
    rows = yaml.safe_load(text)
    if not isinstance(rows, list) or not rows:
        raise InputError("a list of items is expected", file=file)
    found: list[EducationItem] = []
    names = [name for name in EducationItem.__slots__ if name != "topics"]
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or set(row) != {*names, "topics"}:
            raise InputError(f"an item has the fields {', '.join(names)} and topics", file=file, row=number)
        for name in names:
            if not isinstance(row[name], str) or (not row[name].strip() and name != "approval"):
                raise InputError("text is expected", file=file, row=number, field=name)
        topics = row["topics"]
        if not isinstance(topics, list) or not topics or not all(isinstance(t, str) for t in topics):
            raise InputError("a list of words is expected", file=file, row=number, field="topics")
        if row["id"] in {each.id for each in found}:
            raise InputError("an id stands twice", file=file, row=number, field="id")
        found.append(EducationItem(**{name: row[name].strip() for name in names}, topics=tuple(topics)))
    return tuple(found)


@lru_cache(maxsize=1)
def education_items() -> tuple[EducationItem, ...]:
    """The items that come with Quanke."""
    return read_education((resources.files("quanke.wealth") / FILE).read_text("utf-8"))


def education_for(
    topics: Sequence[str], items: Sequence[EducationItem] | None = None
) -> EducationItem | None:
    """The first item of the first topic that has one; None where none has."""
    items = education_items() if items is None else items
    return next((item for topic in topics for item in items if topic in item.topics), None)
