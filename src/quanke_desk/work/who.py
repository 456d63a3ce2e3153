"""Names of customers as who asks may see them: the one place of this room that reads them.

A name stays in memory for the night it was read in, never in the desk's database, an address or a log.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from quanke.customers.golden import GoldenField, masked
from quanke.engines.store import Night
from quanke_desk.customers.at_night import reading
from quanke_desk.customers.consenting import hidden
from quanke_desk.foundation.analytic import Base, base

KEPT = 20_000
Golden = dict[str, GoldenField]


class _Kept:
    """Golden fields by night and customer, the last used kept."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, int], Golden] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, night: Night, customers: Sequence[int]) -> tuple[dict[int, Golden], list[int]]:
        with self._lock:
            found = {
                c: self._held[str(night.path), c] for c in customers if (str(night.path), c) in self._held
            }
        return found, [c for c in customers if c not in found]

    def keep(self, night: Night, read: dict[int, Golden]) -> None:
        with self._lock:
            for customer, fields in read.items():
                self._held[str(night.path), customer] = fields
            while len(self._held) > KEPT:
                self._held.popitem(last=False)


_kept = _Kept()
FIELDS = ("name", "phone", "id_number", "sex")


def golden(customers: Sequence[int], of: Base | None = None) -> dict[int, Golden]:
    """Name, phone, document and sex of customers. Values of class C2: who calls decides what is shown."""
    at = of or base()
    gone = hidden()  # whose data may no longer be used: nothing is known of them
    found, wanted = _kept.of(at.night, [c for c in dict.fromkeys(customers) if c not in gone])
    if wanted:
        read = reading(at).golden_fields(wanted, FIELDS)
        _kept.keep(at.night, read)
        found.update(read)
    return {**{c: Golden() for c in customers}, **found}


def names(customers: Sequence[int], of: Base | None = None) -> dict[int, str]:
    """Names in the clear; - where nobody knows one."""
    return {c: _said(fields.get("name")) for c, fields in golden(customers, of).items()}


def masked_names(customers: Sequence[int], of: Base | None = None) -> dict[int, str]:
    """Names masked."""
    return {
        c: _said(masked(fields["name"])) if "name" in fields else "-"
        for c, fields in golden(customers, of).items()
    }


def _said(found: GoldenField | None) -> str:
    return str(found.value) if found is not None and found.value else "-"
