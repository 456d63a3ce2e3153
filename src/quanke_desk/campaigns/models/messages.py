"""What is sent: templates with their approval, each push, what came back, and who is never written to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.campaigns.models.journeys import Enrolment, Journey
from quanke_desk.foundation.models import Approval, Person


class Template(models.Model):
    """One row per text that may be sent by a means for a purpose. `code` is how journeys name it."""

    code = models.CharField(max_length=48, unique=True)
    title = models.CharField(max_length=80)
    means = models.CharField(max_length=8)
    purpose = models.CharField(max_length=12)
    product = models.CharField(max_length=32, blank=True)
    made_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["code"]


class TemplateState(models.TextChoices):
    """Where a text stands."""

    DRAFT = "draft", _("draft")
    ASKED = "asked", _("waits for approval")
    APPROVED = "approved", _("approved")
    WITHDRAWN = "withdrawn", _("withdrawn")


class TemplateVersion(models.Model):
    """One row per state of a template; once it was asked for it never changes. `material` is the bank's
    own number of the approved material (MKT-2); it may be sent from `valid_from` to `valid_until`, both
    counted. `withdrawn_on`: the day it was taken back; null also where that was not kept yet."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="versions")
    number = models.IntegerField()
    subject_zh = models.CharField(max_length=120, blank=True)
    subject_en = models.CharField(max_length=120, blank=True)
    body_zh = models.TextField()
    body_en = models.TextField(blank=True)
    link = models.URLField(blank=True)
    state = models.CharField(max_length=10, choices=TemplateState, default=TemplateState.DRAFT)
    material = models.CharField(max_length=64, blank=True)
    approval = models.ForeignKey(Approval, models.PROTECT, null=True, related_name="+")
    valid_from = models.DateField(null=True)
    valid_until = models.DateField(null=True)
    withdrawn_on = models.DateField(null=True)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["template", "number"], name="template_version_once")
        ]


class SendState(models.TextChoices):
    """Where a push stands."""

    QUEUED = "q", _("queued")
    HELD = "h", _("held until its hour")
    SENDING = "s", _("handed over: not known yet")
    GIVEN = "g", _("given to staff, who have to send it")
    SENT = "t", _("sent")
    REFUSED = "r", _("refused by a rule")
    FAILED = "f", _("the channel could not")


class Send(models.Model):
    """One row per push a step of a journey, a play or the interface wants to make. `key` is its number at
    the gateway, given once, by which a gateway does not send twice. Where `means` is refused, those of
    `others` (with commas) are tried in their order. `rule` is what refused it (`campaigns.policy.RULES`);
    `parts`: as how many messages it was handed over, each of which is paid for; `wake`, `made`, `decided` and
    `until`, from which on it is too late to leave (null: never), are seconds since 1970."""

    key = models.CharField(max_length=48)
    # written by millions from the enrolments themselves: nobody need look whether they are there
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, null=True, related_name="sends", db_index=False, db_constraint=False
    )
    journey = models.ForeignKey(
        Journey, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    customer = models.BigIntegerField()
    template = models.CharField(max_length=48)
    version = models.ForeignKey(TemplateVersion, models.PROTECT, null=True, related_name="+", db_index=False)
    means = models.CharField(max_length=8)
    others = models.CharField(max_length=40, blank=True)
    purpose = models.CharField(max_length=12)
    priority = models.SmallIntegerField(default=5)
    state = models.CharField(max_length=1, choices=SendState, default=SendState.QUEUED)
    wake = models.BigIntegerField(default=0)
    rule = models.CharField(max_length=16, blank=True)
    tries = models.SmallIntegerField(default=0)
    # steps write rows in SQL, which asks the database for it
    parts = models.SmallIntegerField(db_default=1)
    gateway = models.CharField(max_length=80, blank=True)
    made = models.BigIntegerField()
    decided = models.BigIntegerField(null=True)
    until = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["key"], name="send_key")]
        indexes: ClassVar = [
            # what was held overnight is due at one moment: the caps are for the higher priority
            models.Index(
                fields=["wake", "-priority", "id"], condition=Q(state__in=["q", "h", "s"]), name="send_open"
            ),
            # what is urgent leaves before all that: few rows, which no backlog makes more
            models.Index(
                fields=["state", "wake"], condition=Q(purpose="service", priority__gte=9), name="send_urgent"
            ),
            models.Index(fields=["customer", "means", "decided"]),
            # all a journey's page counts stands in it: the rows, wide and changing, are not read for that
            models.Index(fields=["journey", "state", "template", "means", "rule"], name="send_of_journey"),
            models.Index(fields=["wake", "id"], condition=Q(state="g"), name="send_given"),
        ]


class Refusal(models.Model):
    """One row per refusal by a rule that no push bears: of a means after which another was tried, of what the
    app would have shown, of a task. `key` is the push's, made or not; the last refusal of a push is its own
    `rule`. `at`: seconds since 1970. `journey`: whose it was; null: of none, or from before it was kept."""

    key = models.CharField(max_length=48)
    customer = models.BigIntegerField()
    means = models.CharField(max_length=8)
    rule = models.CharField(max_length=16)
    at = models.BigIntegerField()
    journey = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "means", "rule"], name="refusal_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer", "at"]),
            models.Index(fields=["journey", "means", "rule", "key"], name="refusal_by_journey"),
        ]


class ReceiptKind(models.TextChoices):
    """What came back of a push."""

    DELIVERED = "delivered", _("delivered")
    BOUNCED = "bounced", _("bounced")
    OPENED = "opened", _("opened")
    CLICKED = "clicked", _("clicked")
    REPLIED = "replied", _("replied")
    REFUSED = "refused", _("asked for no more")


class Receipt(models.Model):
    """One row per thing that came back of a push, told once."""

    send = models.ForeignKey(Send, models.PROTECT, related_name="receipts")
    kind = models.CharField(max_length=10, choices=ReceiptKind)
    at = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["send", "kind"], name="receipt_once")]


class Block(models.Model):
    """One row per customer who is sent nothing by a means (`any`: by none) from a day until another (null:
    for good), whatever he agreed to: complaints, courts, the bank's own list. A row is never changed but for
    its end."""

    customer = models.BigIntegerField()
    means = models.CharField(max_length=8)
    since = models.DateField()
    until = models.DateField(null=True)
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["customer", "means"])]
