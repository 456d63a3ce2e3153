"""What the desk itself holds of a customer, for the copy he may ask for (PI-5): each room says its tables.

    rooms.append(mine)               # in the room's `ready`; asked with his numbers, merged ones among them
    held_here(17)                    # {"contacts": HeldTable("接触记录", "Contacts", [{...}, ...]), ...}

What serves compliance and risk only is left out, as it is of the bank's tables: openings, blocks, findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quanke_desk.customers.models import ConsentAnswer, DataRequest, Restriction
from quanke_desk.foundation.analytic import base


@dataclass(frozen=True)
class HeldTable:
    """Rows about one customer, under a title in both languages; values are as JSON has them, or days and
    moments."""

    title_zh: str
    title_en: str
    rows: Sequence[Mapping[str, Any]]


Room = Callable[[Sequence[int]], Mapping[str, HeldTable]]
rooms: list[Room] = []


def held_here(customer: int) -> dict[str, HeldTable]:
    """Everything the rooms hold of a customer, by table; tables without a row are left out."""
    numbers = base().numbers(customer)
    found = dict(_own(numbers))
    for room in rooms:
        found.update(room(numbers))
    return {name: table for name, table in found.items() if table.rows}


def _own(numbers: Sequence[int]) -> Mapping[str, HeldTable]:
    said = ("purpose", "means", "given", "recipient", "text_version", "text_hash", "channel", "proof",
            "evidence", "said_on", "on")  # fmt: skip
    asked = ("pk", "kind", "field", "about", "proof", "received_on", "due_on", "state", "answer")
    requests = []
    for one in DataRequest.objects.filter(customer__in=numbers).order_by("pk"):
        value = {} if one.value is None else {"value": one.value.open()}
        requests.append({name: getattr(one, name) for name in asked} | value)
    kept = Restriction.objects.filter(customer__in=numbers).values("kind", "since", "until")
    answers = ConsentAnswer.objects.filter(customer__in=numbers).order_by("pk").values(*said)
    return {
        "consents_recorded": HeldTable("工作台记录的授权", "Consents recorded at the desk", list(answers)),
        "data_requests": HeldTable("个人信息请求", "Requests about personal data", requests),
        "restrictions": HeldTable("限制处理", "Restrictions", list(kept)),
    }
