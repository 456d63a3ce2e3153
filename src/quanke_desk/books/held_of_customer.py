"""What this room holds of a customer, for the copy he may ask for (PI-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quanke_desk.books.models import Choice, DepartedCustomer, Transfer
from quanke_desk.customers.held_here import HeldTable
from quanke_desk.foundation.models import Relation


def held_of(numbers: Sequence[int]) -> Mapping[str, HeldTable]:
    """Who looked after him by changes of the desk, transfers that were asked for, his own choices, and what
    was written down when his manager left."""
    laid = Relation.objects.filter(customer__in=numbers).order_by("pk")
    asked = Transfer.objects.filter(customer__in=numbers).order_by("pk")
    chosen = Choice.objects.filter(customer__in=numbers).order_by("pk")
    left = []
    for each in DepartedCustomer.objects.filter(customer__in=numbers).select_related("departure__post"):
        left.append(
            {
                "post": each.departure.post.post_id, "left_on": each.departure.left_on,
                "aum_fen": None if each.aum is None else each.aum.open(), "called_at": each.called_at,
                "outcome": None if each.outcome is None else each.outcome.open(),
            }
        )  # fmt: skip
    return {
        "desk_relations": HeldTable(
            "管户变更", "Changes of who looks after the customer",
            list(laid.values("post__post_id", "duty", "since", "until", "reason", "proposal")),
        ),
        "desk_transfers": HeldTable(
            "管户调整申请", "Transfers asked for",
            list(asked.values("from_post__post_id", "to_post__post_id", "since", "origin", "reason", "at",
                              "approval__state")),
        ),
        "desk_choices": HeldTable(
            "客户自选", "The customer's own choices",
            list(chosen.values("post__post_id", "chosen_on", "withdrawn_on", "proof")),
        ),
        "desk_left_books": HeldTable("离职移交记录", "Written down when the manager left", left),
    }  # fmt: skip
