"""The copy of what the bank holds of a person, as he may ask for it (personal information protection law,
article 45): every table with his rows, what the desk itself holds, purposes, recipients, and the definitions
of the tags made of him."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string

from quanke.bank.arranged import arranged
from quanke.bank.contracts import CONTRACTS, Purpose
from quanke_desk.customers.at_night import at_night, reading
from quanke_desk.customers.held_here import held_here
from quanke_desk.customers.models import DataRequest
from quanke_desk.foundation.analytic import base

_WITHHELD = frozenset({Purpose.RISK, Purpose.COMPLIANCE})
"""What is made for these only is not given out: whoever reads it could tell whether he was reported."""


def copy_of(request: DataRequest) -> bytes:
    """A zip: `copy.json`, `copy.html`, and one CSV a table. Nothing of it is kept at the desk."""
    held, here = tables_of(request.customer), held_here(request.customer)
    told = {
        "customer": request.customer,
        "as_of": base().day.isoformat(),
        "request": request.pk,
        "tables": held,
        "held_at_the_desk": {name: asdict(table) for name, table in here.items()},
        "recipients": sorted({r["recipient"] for r in held["consents"]["rows"] if r.get("recipient")}),
        "tags": tags_of(request.customer),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("copy.json", json.dumps(told, ensure_ascii=False, indent=1, default=_plain))
        packed.writestr("copy.html", render_to_string("customers/copy.html", {"told": told}))
        for name, table in held.items():
            packed.writestr(f"{name}.csv", "\ufeff" + _csv(table["rows"]))
        for name, rows in ((name, table.rows) for name, table in here.items()):
            packed.writestr(f"{name}.csv", "\ufeff" + _csv(rows))
    return out.getvalue()


def tables_of(customer: int) -> dict[str, dict[str, Any]]:
    """Rows of every table that is about the customer, with the table's title; fields that serve risk and
    compliance only are left out."""
    found = {}
    for name, contract in CONTRACTS.items():
        columns = [c.name for c in arranged(name)]
        if "customer" not in columns:
            continue
        walled = {f.name for f in contract if f.purposes <= _WITHHELD}
        shown = [c for c in columns if c not in walled and c not in ("customer", "party", "account", "unit")]
        rows = reading().rows(name, customer, shown).select(shown).to_pylist()
        if rows:
            found[name] = {"title_zh": contract.title_zh, "title_en": contract.title_en, "rows": rows}
    found.setdefault("consents", {"title_zh": "", "title_en": "", "rows": []})
    return found


def tags_of(customer: int) -> list[dict[str, Any]]:
    """Every tag made of a customer, with title, definition, purpose, and value."""
    held = base()
    catalogue = held.bank.catalogue
    row = at_night().base.row(customer)
    return [
        {
            "name": tag.name, "title_zh": tag.title_zh, "title_en": tag.title_en, "value": row[tag.name],
            "definition": tag.words, "purpose": str(tag.purpose),
        }
        for tag in catalogue.tags
        if tag.name in row and not catalogue.purposes(tag.name) <= _WITHHELD
    ]  # fmt: skip


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows({k: _safe(v) for k, v in row.items()} for row in rows)
    return out.getvalue()


def _safe(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _plain(value: Any) -> Any:
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
