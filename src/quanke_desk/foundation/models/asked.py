"""What one person asks and another decides, and for what somebody may look at a customer for a while."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.models.organisation import Person


class ApprovalState(models.TextChoices):
    """Where an approval stands."""

    ASKED = "asked", _("asked")
    DONE = "done", _("approved and done")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", _("withdrawn")
    FAILED = "failed", _("approved, but failed")


class Approval(models.Model):
    """One row per change that one person asked for and another decides (four eyes)."""

    kind = models.CharField(max_length=48)
    subject = models.CharField(max_length=80)
    arguments = models.JSONField(default=dict)
    reason = models.CharField(max_length=200)
    asked_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=12, choices=ApprovalState, default=ApprovalState.ASKED)
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["state", "kind"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(state="asked"), name="approval_one_open"
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(state="withdrawn") | ~Q(decided_by=models.F("asked_by")),
                name="approval_four_eyes",
            ),
        ]


class Purpose(models.TextChoices):
    """For what a customer outside one's scope, or a masked field, may be looked at."""

    SERVE = "serve", _("The customer is here or on the line")
    CALL_BACK = "call_back", _("Call-back that is due")
    COMPLAINT = "complaint", _("Complaint")
    DATA_REQUEST = "data_request", _("Request about personal data")
    INVESTIGATION = "investigation", _("Compliance investigation")
    RISK = "risk", _("Risk investigation")
    SUPERVISION = "supervision", _("Supervision of a team")


class Opening(models.Model):
    """One row per time a person opened a customer outside his scope, or a masked field, for a purpose.
    `field` empty: the page of the customer. It holds until `until` (not included)."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="openings")
    customer = models.BigIntegerField()
    field = models.CharField(max_length=48, blank=True)
    purpose = models.CharField(max_length=24, choices=Purpose)
    reason = models.CharField(max_length=200)
    at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["person", "customer", "until"]),
            models.Index(fields=["person", "at"]),
        ]


class AskedOutside(models.Model):
    """One row per customer outside his scope a person asked for, for an hour: by his number (whether he is
    there or not), or by what was searched for (`customer` null), which is kept nowhere."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    customer = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["person", "at"], name="asked_outside_of")]
