"""Who a customer is, on a terminal: his records, why they are one, and where each golden field comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from quanke.cli.main import print_json
from quanke.customers.golden import GoldenField, masked
from quanke.customers.register.asking import Standing
from quanke.kernel.identifiers.masks import mask_account
from quanke.night import Bank


def records_table(records: Sequence[Standing], customer: str) -> Table:
    """The records of a customer and how each came to be his."""
    table = Table(
        title=f"客户的来源记录 records of customer {customer}", title_justify="left", header_style="bold"
    )
    for head in ("record", "source", "number", "outcome", "probability", "because", "beside record"):
        table.add_column(head, overflow="fold")
    for record in records:
        table.add_row(
            str(record.party),
            record.source,
            mask_account(record.party_id),
            record.outcome,
            "-" if record.probability is None else f"{record.probability:.4f}",
            record.reason,
            "-" if record.beside < 0 else str(record.beside),
        )
    return table


def golden_table(fields: Sequence[GoldenField]) -> Table:
    """The golden record, masked: value, the record it comes from, the rule that chose it."""
    table = Table(title="黄金记录 golden record", title_justify="left", header_style="bold")
    for head in ("field", "字段 / title", "value", "from", "rule", "other values"):
        table.add_column(head, overflow="fold")
    for field in map(masked, fields):
        if field.value is not None:
            table.add_row(
                field.name,
                f"{field.title_zh}\n{field.title_en}",
                str(field.value),
                f"{field.source}:{field.party}" if field.source else "-",
                f"{field.rule.title_zh}\n{field.rule.title_en}",
                str(field.others) if field.others else "",
            )
    return table


def show_who(bank: Bank, customer: str, as_json: bool) -> None:
    """Records, golden record and history of a customer, masked."""
    records, fields = bank.records(customer), [masked(field) for field in bank.golden(customer)]
    happened = bank.happenings(customer)
    if as_json:
        print_json(
            {
                "records": [_record(record) for record in records],
                "golden": [_field(field) for field in fields if field.value is not None],
                "events": [
                    {"date": e.date, "kind": e.kind, "customer": e.customer, "other": e.other,
                     "outcome": e.outcome, "probability": e.probability, "reason": e.reason,
                     "decision_id": e.decision_id}
                    for e in happened
                ],
            }
        )  # fmt: skip
        return
    console = Console()
    console.print(records_table(records, customer))
    console.print(golden_table(bank.golden(customer)))
    for event in happened:
        console.print(
            f"{event.date}  {event.kind}: {len(event.parties)} of {event.other} to {event.customer}; "
            f"{event.outcome} {event.reason}",
            highlight=False,
        )


def _record(record: Standing) -> dict[str, Any]:
    return {
        "record": record.party,
        "source": record.source,
        "party_id": mask_account(record.party_id),
        "loaded_as": record.loaded,
        "outcome": record.outcome,
        "probability": record.probability,
        "reason": record.reason,
        "beside": None if record.beside < 0 else record.beside,
    }


def _field(field: GoldenField) -> dict[str, Any]:
    return {
        "name": field.name,
        "title_zh": field.title_zh,
        "title_en": field.title_en,
        "value": str(field.value),
        "source": field.source,
        "party_id": field.party,
        "rule": field.rule.name,
        "others": field.others,
    }
