"""What customers said about their data going to one recipient by name: of many at once (PI-2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow.compute as pc

from quanke_desk.customers.at_night import reading
from quanke_desk.customers.consenting import hidden
from quanke_desk.customers.models import ConsentAnswer, ConsentPurpose
from quanke_desk.foundation.analytic import Base

AT_ONCE = 20_000


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
