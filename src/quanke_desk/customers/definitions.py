"""What the tags of the catalogue mean, beside any customer: title, definition, purpose, owner, class."""

from __future__ import annotations

from typing import Any

from quanke.kernel.errors import NightError
from quanke.language import Catalogue
from quanke_desk.customers.queries import english
from quanke_desk.customers.sight import purpose_of
from quanke_desk.customers.words import called
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Person


def readable(person: Person, name: str, catalogue: Catalogue) -> bool:
    """Whether a definition may be read for what a person's role is for (PI-6)."""
    return name in catalogue and purpose_of(person) in catalogue.purposes(name)


def called_tag(name: str) -> str:
    """What a tag is called in the language of the page."""
    tag = base().bank.catalogue[name]
    return tag.title_en if english() else tag.title_zh  # type: ignore[no-any-return]


def definition_of(person: Person, name: str) -> dict[str, Any]:
    """A definition as its page shows it, with the tags it is made of. Raises NightError for one there is not,
    or that this person's role may not read."""
    catalogue = base().bank.catalogue
    if not readable(person, name, catalogue) or name not in {tag.name for tag in catalogue.tags}:
        raise NightError("no such tag")
    tag, below = catalogue[name], catalogue.lineage(name)
    shown = {each.name for each in catalogue.tags}
    made_of = [
        (each, called_tag(each))
        for each in below.uses
        if each in shown and each != name and readable(person, each, catalogue)
    ]
    return {
        "name": name, "title": called_tag(name), "note": tag.note_en if english() else tag.note_zh,
        "words": tag.words, "unit": called("unit", tag.unit),
        "owner": called("owner", tag.owner), "made_of": made_of,
        "class": str(catalogue.sensitivity(name)), "purpose_title": called("purpose", str(tag.purpose)),
        "fields": below.all_fields,
    }  # fmt: skip
