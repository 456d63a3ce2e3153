"""Education that goes with advice (投资者教育): short texts, one for what a customer should know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

import yaml

from quanke.kernel.errors import DefinitionError, InputError
from quanke.wealth.suitability import promises_in

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


def own_education(path: Path) -> tuple[EducationItem, ...] | None:
    """A bank's own items from a file; None where there is no such file.

    Each bears the number of its approval (MKT-2) and promises nothing (SUI-5). Raises DefinitionError that
    names the line.
    """
    if not path.exists():
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
        whole = yaml.compose(text, Loader=yaml.SafeLoader)
        items = read_education(text, path.name)
    except UnicodeDecodeError:
        raise DefinitionError(FILE, "the file is not UTF-8: save it as UTF-8", str(path)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(error, "problem", None) or "a character cannot stand in a YAML file"
        raise DefinitionError(FILE, f"this is not YAML: {reason}", f"{path}:{line}") from None
    except InputError as error:
        rows = whole.value if isinstance(whole, yaml.SequenceNode) else []
        line = rows[error.row - 1].start_mark.line + 1 if error.row else 1
        raise DefinitionError(FILE, str(error), f"{path}:{line}") from None
    nodes = whole.value if isinstance(whole, yaml.SequenceNode) else []
    for item, node in zip(items, nodes, strict=True):
        lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
        if not item.approval:
            where = f"{path}:{lines['approval']}"
            raise DefinitionError(FILE, "a text for customers bears its approval number", where)
        for name in ("title_zh", "title_en", "text_zh", "text_en"):
            # a text on deposits may stand beside deposits only, and may name what insures them
            found = promises_in(getattr(item, name), beside_wealth="deposit" not in item.topics)
            if found:
                reason = f"`{name}` has words that promise ({found[0].kind}, {found[0].rule.id})"
                raise DefinitionError(FILE, reason, f"{path}:{lines[name]}")
    return items


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
