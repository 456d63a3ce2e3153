"""How much of a customer a person may see: name, amounts and fields in the clear or masked, which tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.customers.golden import GoldenField, masked
from quanke.kernel.identifiers.masks import mask_amount
from quanke.language import Catalogue
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.opening import may_see, opened_fields
from quanke_desk.foundation.roles import May, Role
from quanke_desk.foundation.scope import OutOfScope, covers, scope_of

FIELDS = ("name", "id_number", "phone", "email", "address", "birth_date", "employer_name", "uscc")
"""Fields of the golden record that stand masked until they are opened."""
AMOUNTS = "amounts"
"""The name under which all amounts of a customer are opened at once."""
OPENABLE = frozenset({*FIELDS, AMOUNTS})
_PURPOSES = {
    Role.COMPLIANCE: Purpose.COMPLIANCE,
    Role.RISK: Purpose.RISK,
    Role.ANALYST: Purpose.STATISTICS,
    Role.COMMITTEE: Purpose.STATISTICS,
}


@dataclass(frozen=True)
class Sight:
    """What one person sees of one customer. `clear`: the customer is of his own book or branch."""

    customer: int
    clear: bool
    opened: frozenset[str]
    may_open: bool
    purpose: Purpose

    @property
    def amounts(self) -> bool:
        """Whether amounts are shown as they are; else as bands."""
        return self.clear or AMOUNTS in self.opened

    def money(self, fen: int | None) -> Any:
        """An amount in fen as it may be seen: itself, or its band as text."""
        if fen is None:
            return None
        return fen if self.amounts else mask_amount(int(fen), english=(get_language() or "").startswith("en"))

    def field(self, given: GoldenField) -> tuple[Any, bool]:
        """A field's value as it may be seen, and whether it stands behind a mask."""
        if given.value is None or given.sensitivity is Sensitivity.C1 or given.name in self.opened:
            return given.value, False
        if given.name == "name" and self.clear:
            return given.value, False
        return masked(given).value, given.name in OPENABLE

    def may_read(self, name: str, catalogue: Catalogue) -> bool:
        """Whether a definition may be read for what this person's role is for (PI-6)."""
        return name in catalogue and self.purpose in catalogue.purposes(name)


def sight_of(person: Person, customer: int, of: Base | None = None) -> Sight:
    """What a person sees of a customer. Raises OutOfScope where he may not see him, nobody has the number, or
    the data may no longer be used."""
    held = of or base()
    if not may_see(person, customer, held) or not is_there(customer, held):
        raise OutOfScope
    if customer in hidden() and not person.may(May.DATA_DECIDE):
        raise OutOfScope
    scope = scope_of(person)
    return Sight(
        customer,
        covers(scope, customer, held) and not scope.masked,
        opened_fields(person, customer),
        person.may(May.REVEAL),
        _PURPOSES.get(Role(person.role), Purpose.SERVICE),
    )


def is_there(customer: int, of: Base | None = None) -> bool:
    """Whether a number is a customer's."""
    held = of or base()
    return bool(0 <= customer < held.night.rows and held.there[customer])
