"""What this room holds of a customer, for the copy he may ask for (PI-5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from quanke_desk.campaigns.models import Enrolment, Receipt, Refusal, Send, Told
from quanke_desk.customers.held_here import HeldTable


def held_of(numbers: Sequence[int]) -> Mapping[str, HeldTable]:
    """Journeys he went through, messages with what came back, what the rules refused, and moments journeys
    were told of. Blocks are left out: who reads of one could tell that he was reported."""
    went = Enrolment.objects.filter(customer__in=numbers).order_by("pk")
    sent = Send.objects.filter(customer__in=numbers).exclude(rule="blocked").order_by("pk")
    back = Receipt.objects.filter(send__customer__in=numbers).order_by("pk")
    refused = Refusal.objects.filter(customer__in=numbers).exclude(rule="blocked").order_by("pk")
    told = Told.objects.filter(customer__in=numbers).order_by("pk")
    return {
        "desk_journeys": HeldTable(
            "营销旅程", "Journeys",
            _rows(went.values("version__journey__name", "version__number", "arm", "state", "entered",
                              "ended", "why"), "entered", "ended"),
        ),
        "desk_messages": HeldTable(
            "消息", "Messages",
            _rows(sent.values("key", "template", "version__number", "means", "purpose", "state", "rule",
                              "made", "decided"), "made", "decided"),
        ),
        "desk_receipts": HeldTable(
            "消息回执", "What came back of messages", _rows(back.values("send__key", "kind", "at"), "at")
        ),
        "desk_refusals": HeldTable(
            "被规则拒绝的触达", "What rules refused", _rows(refused.values("means", "rule", "at"), "at")
        ),
        "desk_moments": HeldTable(
            "触发", "Moments", _rows(told.values("event", "at", "moment"), "at", "moment")
        ),
    }  # fmt: skip


def _rows(found: Any, *moments: str) -> list[dict[str, Any]]:
    """Rows with their seconds since 1970 as moments."""
    rows = []
    for row in found:
        told = {n: _at(row[n]) for n in moments}
        rows.append({**row, **told})
    return rows


def _at(seconds: int | None) -> dt.datetime | None:
    return None if seconds is None else timezone.localtime(dt.datetime.fromtimestamp(seconds, dt.UTC))
