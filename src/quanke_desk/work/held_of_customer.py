"""What this room holds of a customer, for the copy he may ask for (PI-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quanke_desk.customers.held_here import HeldTable
from quanke_desk.work.models import Arrival, Contact, Evidence, FollowUp, Suggestion


def held_of(numbers: Sequence[int]) -> Mapping[str, HeldTable]:
    """Contacts with their notes, proofs, things to be done, visits and what was suggested in them. Who of the
    staff it was is told by his post: he has a right of his own."""
    proofs = Evidence.objects.filter(customer__in=numbers).order_by("pk")
    tasks = FollowUp.objects.filter(customer__in=numbers).order_by("pk")
    visits = Arrival.objects.filter(customer__in=numbers).order_by("pk")
    ideas = Suggestion.objects.filter(arrival__customer__in=numbers).order_by("arrival", "place")
    return {
        "desk_contacts": HeldTable("接触记录", "Contacts recorded at the desk", _contacts(numbers)),
        "desk_proofs": HeldTable(
            "系统留痕", "Proofs of contacts", list(proofs.values("kind", "reference", "at", "seconds"))
        ),
        "desk_tasks": HeldTable(
            "待办与跟进", "Things to be done",
            list(tasks.values("kind", "due_on", "action", "means", "purpose", "campaign", "made_at",
                              "done_at", "dropped")),
        ),
        "desk_visits": HeldTable(
            "到店记录", "Visits",
            list(visits.values("outlet__branch_id", "day", "ticket", "kind", "state", "called_at", "to",
                               "ended_at")),
        ),
        "desk_suggestions": HeldTable(
            "到店建议", "Suggested at visits",
            list(ideas.values("arrival__day", "arrival__ticket", "action", "outcome")),
        ),
    }  # fmt: skip


def _contacts(numbers: Sequence[int]) -> list[dict[str, Any]]:
    rows = []
    found = Contact.objects.filter(customer__in=numbers).select_related("post", "note", "corrects")
    for each in found.order_by("pk"):
        note = each.note.text if hasattr(each, "note") else None
        rows.append(
            {
                "number": each.number, "at": each.at, "means": each.means, "connected": each.connected,
                "seconds": each.seconds, "outcome": each.outcome, "action": each.action,
                "post": each.post.post_id if each.post else None, "evidence": each.evidence,
                "takes_back": each.corrects.number if each.corrects else None,
                "note": None if note is None else note.open(),
            }
        )  # fmt: skip
    return rows
