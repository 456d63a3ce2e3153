"""Where a customer is reached by a means: his phone, his mail address, his number in the app or at WeCom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quanke.customers.golden import golden_of
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke_desk.customers.at_night import reading

FIELD = {"sms": "phone", "call": "phone", "email": "email"}
"""The field of the golden record an address is; for other means it is a number of a source."""
SOURCE = {"wecom": ("wecom",), "push": ("mobile", "core"), "app": ("mobile", "core")}
"""Whose number of the customer the gateway of a means knows, the first he has: WeCom's `external_userid` is
the `party_id` of a source called wecom; the app is told "source:party_id"."""


def addresses(customers: Sequence[int], means: str) -> dict[int, str]:
    """Addresses of some customers by a means; who has none is left out. Values of class C2: for a gateway
    and for nobody else."""
    if means in FIELD:
        return _golden(customers, FIELD[means])
    rows = reading().rows_of("parties", customers, ["source", "party_id"]).to_pylist()
    found: dict[int, tuple[int, str]] = {}
    for row in rows:
        if row["source"] in SOURCE.get(means, ()):
            rank = SOURCE[means].index(row["source"])
            party = row["party_id"] if means == "wecom" else f"{row['source']}:{row['party_id']}"
            found[row["customer"]] = min(found.get(row["customer"], (9, "")), (rank, party))
    return {c: address for c, (_rank, address) in found.items() if address}


def _golden(customers: Sequence[int], wanted: str) -> dict[int, str]:
    """As the golden record has it: the same number a manager would call."""
    found: dict[int, str] = {}
    for table in ("parties", "organisations"):
        rules = {t: [r for r in rs if t == table and wanted in r.fields] for t, rs in SURVIVORSHIP.items()}
        if not rules[table]:
            continue
        by_customer: dict[int, list[dict[str, Any]]] = {}
        for row in reading().rows_of(table, customers).to_pylist():
            by_customer.setdefault(row["customer"], []).append(row)
        for customer, rows in by_customer.items():
            pair = (rows, ()) if table == "parties" else ((), rows)
            for each in golden_of(*pair, rules=rules, priority=SOURCE_PRIORITY):
                if each.name == wanted and each.value:
                    found.setdefault(customer, str(each.value))
    return found


def resident_numbers(customers: Sequence[int]) -> dict[int, str]:
    """Numbers of the resident identity cards of some people, as the golden record has them; who has another
    document is left out. Values of class C2: to be made blind in memory, and for nobody to read."""
    rules = [r for r in SURVIVORSHIP["parties"] if "id_number" in r.fields]
    by_customer: dict[int, list[dict[str, Any]]] = {}
    for row in reading().rows_of("parties", customers).to_pylist():
        by_customer.setdefault(row["customer"], []).append(row)
    found: dict[int, str] = {}
    for customer, rows in by_customer.items():
        of = {
            f.name: f.value for f in golden_of(rows, (), rules={"parties": rules}, priority=SOURCE_PRIORITY)
        }
        if of.get("id_type") in ("resident_id", "household_register") and of.get("id_number"):
            found[customer] = str(of["id_number"])
    return found
