"""Records of the books: transfers, customers' own choices, books whose manager left."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.models import Approval, Encrypted, Person, Post, Relation, SealedRow


class Origin(models.TextChoices):
    """Why a customer goes to another post."""

    ASKED = "asked", _("asked for by the bank")
    CHOICE = "choice", _("the customer's own choice")
    LEAVER = "leaver", _("the manager left")
    CONFLICT = "conflict", _("conflict of interest")


class Transfer(models.Model):
    """One row per transfer of one customer that was asked for: from which post to which, from which day, why.
    One approval may be about several customers; `relation` is the interval it laid once it was approved."""

    customer = models.BigIntegerField(db_index=True)
    from_post = models.ForeignKey(Post, models.PROTECT, null=True, related_name="+")
    to_post = models.ForeignKey(Post, models.PROTECT, related_name="+")
    since = models.DateField()
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.ASKED)
    reason = models.CharField(max_length=200)
    asked_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    approval = models.ForeignKey(Approval, models.PROTECT, related_name="transfers")
    relation = models.OneToOneField(Relation, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]


class Choice(models.Model):
    """One row per wish of a customer to be looked after by a post, with the proof of it. It holds until
    `withdrawn_on`; where the post is full he waits, those of higher `priority` first."""

    customer = models.BigIntegerField(db_index=True)
    post = models.ForeignKey(Post, models.PROTECT, related_name="choices")
    chosen_on = models.DateField()
    withdrawn_on = models.DateField(null=True)
    proof = models.CharField(max_length=200)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    priority = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-priority", "chosen_on", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(withdrawn_on=None), name="choice_one_open"
            )
        ]


class Departure(models.Model):
    """One row per post whose holder left the bank: its customers are to have another manager by `due_on`, and
    what leaves the bank is watched until `watch_until`."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="departures")
    post = models.ForeignKey(Post, models.PROTECT, related_name="departures")
    left_on = models.DateField()
    due_on = models.DateField()
    watch_until = models.DateField()

    class Meta:
        ordering: ClassVar = ["-left_on", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "post", "left_on"], name="departure_once")
        ]


class DepartedCustomer(SealedRow):
    """One row per customer of the book of somebody who left. `call_back`: somebody else is to call him, and
    did so at `called_at`. What he had on that day (fen) and what he said (`outcome`) are of class C2."""

    departure = models.ForeignKey(Departure, models.CASCADE, related_name="customers")
    customer = models.BigIntegerField(db_index=True)
    aum = Encrypted(null=True)
    call_back = models.BooleanField(default=False)
    called_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    called_at = models.DateTimeField(null=True)
    outcome = Encrypted(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["departure", "customer"], name="departed_customer_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["departure"], condition=Q(call_back=True, called_at=None), name="call_back_due"
            )
        ]
