"""Where a customer is reached by a means: his phone, his mail address, his number in the app or at WeCom."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.customers.golden import golden_of
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.kernel.errors import InputError, NightError
from quanke_desk.campaigns.channels import channel_of
from quanke_desk.campaigns.channels.sandbox import Sandbox
from quanke_desk.customers.at_night import customer_of, reading
from quanke_desk.foundation.analytic import Base, base

FIELD = {"sms": "phone", "call": "phone", "email": "email"}
"""The field of the golden record an address is; for other means it is a number of a source."""
SOURCE = {"wecom": ("wecom",), "push": ("mobile", "core"), "app": ("mobile", "core")}
"""Whose number of the customer the gateway of a means knows, the first he has: WeCom's `external_userid` is
the `party_id` of a source called wecom; the app is told "source:party_id"."""
IN_SANDBOX = {"wecom": ("mobile", "core")}
"""Whose number stands for a means' own in the sandbox of a demo: no bank of samples has a WeCom."""


def addresses(customers: Sequence[int], means: str) -> dict[int, str]:
    """Addresses of some customers by a means; who has none is left out. Values of class C2: for a gateway
    and for nobody else."""
    if means in FIELD:
        return _golden(customers, FIELD[means])
    rows = reading().rows_of("parties", customers, ["source", "party_id"]).to_pylist()
    found: dict[int, tuple[int, str]] = {}
    sources = _sources(means)
    for row in rows:
        if row["source"] in sources:
            rank = sources.index(row["source"])
            party = row["party_id"] if row["source"] == "wecom" else f"{row['source']}:{row['party_id']}"
            found[row["customer"]] = min(found.get(row["customer"], (9, "")), (rank, party))
    return {c: address for c, (_rank, address) in found.items() if address}


def _sources(means: str) -> tuple[str, ...]:
    """Whose numbers a means goes by, in their order."""
    own = SOURCE.get(means, ())
    return own + IN_SANDBOX[means] if means in IN_SANDBOX and isinstance(channel_of(means), Sandbox) else own


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


def who_mails_from(address: str) -> list[int]:
    """Customers who have a mail address, in whichever of their records. The search knows no mail addresses,
    and a reply by mail is rare: two columns are read through. Raises NightError where there is no night."""
    of = base()
    wanted, found = address.strip().casefold(), set[int]()
    for file in of.bank.home.facts("parties") if wanted else ():
        for group in pq.ParquetFile(file).iter_batches(columns=["source", "party_id", "email"]):
            same = pc.equal(pc.utf8_lower(pc.utf8_trim_whitespace(group["email"])), wanted)
            for row in group.filter(pc.fill_null(same, False)).to_pylist():
                with suppress(NightError, InputError):  # a record that came after the night
                    found.add(customer_of(f"{row['source']}:{row['party_id']}", of))
    return sorted(found)


@lru_cache(maxsize=8)
def _with_address(night: Path, means: str, sources: tuple[str, ...]) -> NDArray[np.int64]:
    """Customers of the last night who have an address, rising; kept for each night."""
    everybody = range(base().night.rows)
    column = FIELD.get(means, "source")
    rows = reading().rows_of("parties", everybody, [column])
    values = rows[column].cast(pa.string())
    if means in FIELD:
        has = pc.fill_null(pc.greater(pc.utf8_length(values), 0), False)
    else:
        has = pc.is_in(values, pa.array(sources, pa.string()))
    return np.unique(rows.filter(has)["customer"].to_numpy().astype(np.int64))


def with_address(means: str, of: Base) -> NDArray[np.int64]:
    """Customers of a night who have an address by a means, rising."""
    return _with_address(of.night.path, means, _sources(means))


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
