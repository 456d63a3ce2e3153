"""Pushes before the gate: what is due, and what may have left already and is to be handed over again."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils import timezone

from quanke_desk.campaigns.joint_terms import no_longer_covered
from quanke_desk.campaigns.known import Ints, first_day, recorded
from quanke_desk.campaigns.models import Send, TemplateVersion
from quanke_desk.campaigns.policy import SERVICE, UNKNOWN_RISK, Candidates, decide
from quanke_desk.campaigns.template_queries import Usable, in_force
from quanke_desk.customers.queries import risk_of_product


def candidates(rows: Sequence[Send], texts: Mapping[int, Usable]) -> Candidates:
    """Rows as the gate asks of them, each with the class of its text's product."""
    risks: dict[str, int] = {}

    def risk(row: Send) -> int:
        product = texts[row.pk].product if row.pk in texts else ""
        if product and product not in risks:
            known = risk_of_product(product)
            risks[product] = UNKNOWN_RISK if known is None else known
        return risks.get(product, 0)

    return Candidates.of(
        [
            {
                "id": row.pk, "customer": row.customer, "means": row.means, "purpose": row.purpose,
                "priority": row.priority, "risk": risk(row), "usable": row.pk in texts,
                "journey": row.journey_id,
            }
            for row in rows
        ]
    )  # fmt: skip


def is_late(row: Send, now: int) -> bool:
    """Whether a push must not leave any more: its step said until when it may."""
    return row.until is not None and row.until <= now


@dataclass(frozen=True)
class Again:
    """What may be handed over again now, with its text; what waits, until when (seconds since 1970); and the
    rules that refuse the others."""

    texts: dict[int, TemplateVersion]
    until: dict[int, int]
    rules: dict[int, str]


def may_go_again(rows: Sequence[Send]) -> Again:
    """Which of some rows that may have left already may be handed over again: the same text by the same
    means, as of now. Each counts among what reached its customer, and does not stand in its own way."""
    now = timezone.now()
    late = {row.pk: "late" for row in rows if is_late(row, int(now.timestamp()))}
    numbers = {row.version_id for row in rows if row.version_id is not None}
    versions = TemplateVersion.objects.filter(in_force(), pk__in=numbers).select_related("template").in_bulk()
    held = {row.pk: versions[row.version_id] for row in rows if row.version_id in versions}
    asked = candidates(rows, {pk: Usable(text, text.template.product) for pk, text in held.items()})
    known = recorded(asked.customer, asked.journey, now)
    decided = decide(asked, now, known=replace(known, sent=_without(known.sent, rows, now)))
    may = [row for row, allowed in zip(rows, decided.allowed, strict=True) if allowed]
    lapsed = no_longer_covered(may)
    return Again(
        {row.pk: held[row.pk] for row in may if row.pk not in lapsed and row.pk not in late},
        {
            rows[n].pk: int(decided.until[n])
            for n in np.flatnonzero(decided.held).tolist()
            if rows[n].pk not in late
        },
        {rows[n].pk: decided.rule_of(n) for n in np.flatnonzero(decided.refused).tolist()}
        | dict.fromkeys(lapsed, "joint")
        | late,
    )


def _without(
    sent: Mapping[str, tuple[Ints, Ints]], rows: Sequence[Send], now: dt.datetime
) -> dict[str, tuple[Ints, Ints]]:
    """What reached each customer by means, without these rows."""
    found, today = {}, timezone.localtime(now).date()
    for means, (customers, counts) in sent.items():
        begins = timezone.make_aware(dt.datetime.combine(first_day(means, today), dt.time())).timestamp()
        own = Counter(
            row.customer
            for row in rows
            if row.means == means and row.purpose != SERVICE and (row.decided or 0) >= begins
        )
        found[means] = customers, counts - np.array([own[int(c)] for c in customers], np.int64)
    return found
