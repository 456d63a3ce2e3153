"""Offers that reached a customer, on their way to the library's tables: once a customer and campaign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from quanke_desk.campaigns.known import among
from quanke_desk.campaigns.models import Receipt, ReceiptKind, Send, SendState
from quanke_desk.campaigns.named import NamesOfPushes
from quanke_desk.campaigns.policy import SERVICE
from quanke_desk.foundation import outbox

_LOCK = 0x51554B50


def alone() -> None:
    """One at a time, until the transaction ends: two gates would both see the last place of a customer's week
    free, and two would tell the same offer home. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def tell_home(rows: Sequence[Send]) -> None:
    """Tells the library's tables of offers that went out (inside the transaction that says they were sent).
    What the app was told to show is told once it was seen."""
    offers = [row for row in rows if row.purpose != SERVICE]
    if not offers:
        return
    alone()
    seen = Receipt.objects.filter(send=OuterRef("pk"), kind__in=(ReceiptKind.OPENED, ReceiptKind.CLICKED))
    before = Send.objects.filter(state=SendState.SENT).exclude(purpose=SERVICE)
    before = before.exclude(pk__in=[row.pk for row in rows]).filter(~Q(means="app") | Exists(seen))
    people = np.array(sorted({row.customer for row in offers}), np.int64)
    asked = ("template", "journey__name", "enrolment__version", "enrolment__entered")
    named = NamesOfPushes()
    told = {
        (customer, named.of(*about))
        for customer, *about in among(before, "customer", people).values_list("customer", *asked)
    }
    numbers = np.array([row.pk for row in offers], np.int64)
    about_offers: dict[int, Any] = {
        pk: about for pk, *about in among(Send.objects.all(), "pk", numbers).values_list("pk", *asked)
    }
    today = timezone.localdate().isoformat()
    new = []
    for row in sorted(offers, key=lambda row: row.pk):
        campaign = named.of(*about_offers[row.pk])
        if (row.customer, campaign) not in told:
            told.add((row.customer, campaign))
            means = "push" if row.means == "app" else row.means
            sheet = {"campaign": campaign, "date": today, "arm": "treated", "means": means}
            new.append((row.key, sheet, row.customer))
    outbox.put_all("pushes", new)
