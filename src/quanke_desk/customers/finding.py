"""What of this room is found from everywhere: customers of one's scope, and what tags mean."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from quanke_desk.customers import queries
from quanke_desk.customers.definitions import called_tag, readable
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.finders import MOST, Hit, finds, matches
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May


@finds("customers", _("Customers"), May.FIND, place=20, icon="customers")
def customers(person: Person, asked: str) -> Iterator[Hit]:
    """Customers of one's scope, as the page of customers finds them. Whom one would open with a purpose only
    is neither counted nor shown here: for him one goes to that page."""
    page = "customer" if person.may(May.OPEN) else "customer_consents"
    for row in queries.search_inside(person, asked, MOST).found:
        told = (str(row["customer"]), row["tier_title"], row["owner_title"])
        yield Hit(row["name"], reverse(page, args=[row["customer"]]), " · ".join(t for t in told if t))


@finds("tags", _("Tags and what they mean"), May.DASHBOARD, place=90, icon="page")
def tags(person: Person, asked: str) -> Iterator[Hit]:
    """Definitions of the catalogue that may be read for what this person's role is for."""
    catalogue = base().bank.catalogue
    for tag in catalogue.tags:
        if matches(asked, tag.name, tag.title_zh, tag.title_en) and readable(person, tag.name, catalogue):
            yield Hit(called_tag(tag.name), reverse("definition", args=[tag.name]), tag.name)
