"""Who a customer is, on a terminal: his records, why they are one, and where each golden field comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from quanke.cli.main import print_json
from quanke.customers.golden import GoldenField, masked
from quanke.customers.register.asking import Happening, Standing
from quanke.kernel.identifiers.masks import STAR, mask_account
from quanke.night import Bank


def plain_table(title: str, *heads: str, wide: str) -> Table:
    """A table without rules whose column `wide` takes the room there is."""
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False
    )
    for head in heads:
        table.add_column(head, overflow="fold", ratio=1 if head == wide else None, no_wrap=head != wide)
    return table


def shown_record(source: str, party_id: str) -> str:
    """A record as anybody may see it: its source, and the last characters of its number there."""
    return f"{source}:…{mask_account(party_id).lstrip(STAR)}"


def sure(outcome: str, probability: float | None) -> str:
    """An outcome with its probability."""
    return outcome if probability is None else f"{outcome} {probability:.4f}"


def records_table(records: Sequence[Standing], customer: str) -> Table:
    """The records of a customer and how each came to be his."""
    title = f"客户 {customer} 今日的来源记录 records of the customer, today"
    table = plain_table(title, "no.", "record", "outcome", "because", wide="because")
    for record in records:
        beside = "" if record.beside < 0 else f" (beside {record.beside})"
        table.add_row(
            str(record.party),
            shown_record(record.source, record.party_id),
            sure(record.outcome, record.probability if record.outcome == "probable" else None),
            record.reason + beside,
        )
    return table


def golden_table(fields: Sequence[GoldenField]) -> Table:
    """The golden record, masked: value, the record it comes from, the rule that chose it, and how many
    records say something else (the rules in words: docs/reference/golden.md)."""
    heads = ("field", "字段", "value", "from", "rule", "others")
    table = plain_table("主记录 golden record", *heads, wide="value")
    for field in map(masked, fields):
        if field.value is not None:
            came = shown_record(field.source, field.party) if field.source else "-"
            others = str(field.others) if field.others else ""
            table.add_row(field.name, field.title_zh, str(field.value), came, field.rule.name, others)
    return table


def told(event: Happening) -> str:
    """An event in one line."""
    records = f"{len(event.parties)} record{'' if len(event.parties) == 1 else 's'}"
    decision = f", decision {event.decision_id}" if event.decision_id else ""
    why = f"{event.outcome}: {event.reason}" if event.outcome else event.reason
    moved = f"{records} of {event.other} went to {event.customer}"
    return f"{event.date}  {event.kind}: {moved} ({why}{decision})"


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
    console.print()
    console.print(golden_table(bank.golden(customer)))
    if happened:
        console.print("\n[bold]经过 what happened[/bold]")
    for event in happened:
        console.print(told(event), highlight=False)


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
