"""Whom a recipient may be told of by name: what customers said about it, of many at once (PI-2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.night.finding import open_search
from quanke_desk.customers.at_night import at_night, reading
from quanke_desk.customers.consenting import hidden
from quanke_desk.customers.models import ConsentAnswer, ConsentPurpose
from quanke_desk.foundation.analytic import Base, base

AT_ONCE = 20_000


def sharable(
    recipient: str, customers: Sequence[int], of: Base | None = None, *, unasked: bool = False
) -> NDArray[np.int64]:
    """Of some customers, rising, those a recipient may be told of: who agreed to it (`unasked`: did not
    refuse it), is alive, known to be of age and still a customer."""
    held = of or base()
    numbers = np.unique(np.array(customers, np.int64))
    inside = numbers[(numbers >= 0) & (numbers < held.night.rows)]
    kept: list[int] = inside[at_night(held).marketable[inside]].tolist()
    said = sharing_with(recipient, kept, held)
    return np.array([c for c in kept if said.get(c, unasked)], np.int64)


def owners_of(kind: str, numbers: Iterable[str], of: Base | None = None) -> Iterator[list[int]]:
    """Customers with each of some numbers (phone, document) in any of their records, whatever they said and
    whether or not their data may be used: what tells a number of one from one that several share. For no eye.
    Raises NightError, HomeError where there is no search."""
    held = of or base()
    index = open_search(held.night, held.bank.home)
    for number in numbers:
        found = index.of_tokens(kind, index.tokens(kind, number)).tolist()
        yield [customer for customer in found if held.there[customer]]


def sharing_with(recipient: str, customers: Sequence[int], of: Base | None = None) -> dict[int, bool]:
    """The last word of each of some customers about sharing with a recipient; who never spoke of it is left
    out, whose data is restricted has said no.

    A yes counts only where it names this recipient. A no counts where it names him or nobody: what was
    refused altogether is refused to each. By days, as the tags of the night; what the desk heard on the day
    of the last row or later decides.
    """
    wanted = sorted(set(map(int, customers)))
    given: dict[int, dt.date] = {}
    refused: dict[int, dt.date] = {}
    for start in range(0, len(wanted), AT_ONCE):
        _read(recipient, wanted[start : start + AT_ONCE], given, refused, of)
    said = {c: c not in refused or given[c] > refused[c] for c in given} | {
        c: False for c in refused if c not in given
    }
    last = {c: max(d for d in (given.get(c), refused.get(c)) if d is not None) for c in said}
    among = set(wanted)
    here = ConsentAnswer.objects.filter(purpose=ConsentPurpose.SHARING).order_by("id")
    for customer, yes, to, on in here.values_list("customer", "given", "recipient", "on").iterator(2000):
        speaks = to == recipient or (not yes and not to)
        if customer in among and speaks and on >= last.get(customer, on):
            said[customer], last[customer] = yes, on
    return said | dict.fromkeys(hidden() & among, False)


def _read(
    recipient: str,
    customers: list[int],
    given: dict[int, dt.date],
    refused: dict[int, dt.date],
    of: Base | None,
) -> None:
    columns = ["purpose", "recipient", "granted_on", "withdrawn_on"]
    rows = reading(of).rows_of("consents", customers, columns)
    if not rows.num_rows:
        return
    for row in rows.filter(pc.equal(rows["purpose"].cast("string"), "sharing")).to_pylist():
        customer, to, ended = row["customer"], row["recipient"], row["withdrawn_on"]
        if ended is None:
            if to == recipient:
                given[customer] = max(row["granted_on"], given.get(customer, row["granted_on"]))
        elif to in (recipient, None, ""):
            refused[customer] = max(ended, refused.get(customer, ended))
