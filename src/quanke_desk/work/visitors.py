"""Sample visitors of a demo: who might come to an outlet, with what is read from their card or document.

Only a demo asks for these: the sample bank's people are nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.utils import timezone
from django.utils.translation import gettext as _

from quanke_desk.foundation.models import Branch, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.work import who
from quanke_desk.work.held import Held, held
from quanke_desk.work.lobby_actions import arrive
from quanke_desk.work.models import Arrival
from quanke_desk.work.suggesting import NEEDS

MOST = 6


@dataclass(frozen=True)
class Visitor:
    """Somebody who may press the machine's button: `name` is the key of his button."""

    name: str
    kind: str
    text: str


def samples(outlet: Branch) -> list[Visitor]:
    """Some people of an outlet, one nobody knows, and one who only takes a number."""
    of = held()
    found = [
        Visitor(f"id:{c}", "id", f"{name} · {_('shows an identity document')}")
        for c, name in who.masked_names(_people(outlet, of), of.base).items()
    ]
    return [
        *found,
        Visitor("id:stranger", "id", _("somebody new, with an identity document")),
        Visitor("ticket:", "ticket", _("somebody who only takes a number")),
    ]


def press(person: Person, visitor: str) -> str:
    """Presses the button of a visitor; answers the ticket. Raises NotAllowed."""
    kind, _colon, number = visitor.partition(":")
    if person.branch is None or kind not in ("id", "ticket"):
        raise NotAllowed("a visitor is recognised by ticket, card, id or app")
    value = ""
    if (
        kind == "id"
        and number.isdecimal()
        and len(number) < 10
        and int(number) in _people(person.branch, held())
    ):
        document = who.golden([int(number)]).get(int(number), {}).get("id_number")
        value = str(document.value) if document is not None else ""
    elif kind == "id":
        value = "11010519491231002X"
    ticket = f"A{Arrival.objects.filter(outlet=person.branch, day=timezone.localdate()).count() + 1:03d}"
    arrival, _new = arrive(person.branch, ticket, kind, value, machine=None, by=person)
    return arrival.ticket


def _people(outlet: Branch, of: Held) -> list[int]:
    """Customers of an outlet for whom the night has something to say: by the plan, then by what they need."""
    codes, numbers = of.base.codes("branch")
    here = (codes == numbers.get(outlet.branch_id, -2)) & of.base.there
    named = np.zeros(len(here), bool)
    if of.planned is not None:
        chosen = pq.read_table(of.planned.path("chosen.parquet"), columns=["customer"])
        named[pc.unique(chosen["customer"]).to_numpy()] = True
    likely = np.flatnonzero(here & named)[:MOST]
    if len(likely) < MOST:
        columns = [n.column for n in NEEDS.values() if n.column in of.base.known]
        table = of.base.night.read(columns)
        needs = np.zeros(len(here), bool)
        for name in columns:
            needs |= table[name].fill_null(False).to_numpy(zero_copy_only=False)
        likely = np.concatenate([likely, np.flatnonzero(here & needs & ~named)])[:MOST]
    return [int(c) for c in likely]
