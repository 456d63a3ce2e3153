"""What the desk records about customers: their consents and refusals, their requests about personal data."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.models import BlindIndex, Encrypted, Person, SealedRow


class ConsentPurpose(models.TextChoices):
    """For what a customer agrees to the use of his data. Values are those of `consents.purpose`."""

    MARKETING = "marketing", _("Marketing")
    PROFILING = "profiling", _("Profiling and personal suggestions")
    ADVICE = "advice", _("Investment advice")
    SHARING = "sharing", _("Sharing with a partner")


class Means(models.TextChoices):
    """By what means. Values are those of `consents.means`."""

    ANY = "any", _("any means")
    CALL = "call", _("Call")
    SMS = "sms", _("Text message")
    PUSH = "push", _("Push message")
    WECOM = "wecom", _("WeCom")
    EMAIL = "email", _("E-mail")


class ConsentChannel(models.TextChoices):
    """Where a customer said it."""

    COUNTER = "counter", _("Counter")
    LOBBY = "lobby", _("Lobby of the branch")
    CALL = "call", _("On the phone")
    WECOM = "wecom", _("WeCom")
    MOBILE = "mobile", _("Mobile bank")
    LETTER = "letter", _("In writing")
    MESSAGE = "message", _("By a reply or a link of a message")


class ConsentEvidence(models.TextChoices):
    """What shows that a customer said it."""

    REFERENCE = "reference", _("By a number")
    SAID = "said", _("Said to me, no document")
    UNASKED = "", _("not asked at the time")


class ConsentAnswer(models.Model):
    """One row per yes or no of a customer to one purpose by one means. Never changed: a later row of the
    same purpose and means takes its place. `said_on` is the day he said it, `on` the day from which it
    holds: of a yes the same, of a no the day it was recorded; `by` took it (null: the customer himself, by a
    message). `proof` is the number of the form, recording or message; a refusal may have none, which
    `evidence` then says (empty: was not asked)."""

    customer = models.BigIntegerField()
    purpose = models.CharField(max_length=16, choices=ConsentPurpose)
    means = models.CharField(max_length=16, choices=Means)
    given = models.BooleanField()
    recipient = models.CharField(max_length=64, blank=True)
    text_version = models.CharField(max_length=16)
    text_hash = models.CharField(max_length=64)
    channel = models.CharField(max_length=16, choices=ConsentChannel)
    proof = models.CharField(max_length=64)
    evidence = models.CharField(max_length=12, choices=ConsentEvidence, blank=True)
    said_on = models.DateField(null=True)
    on = models.DateField()
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(evidence="reference", proof="") & ~Q(evidence="said", given=True),
                name="consent_has_its_proof",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer", "purpose"]),
            models.Index(fields=["purpose", "means", "given"]),
        ]


class RequestKind(models.TextChoices):
    """What a person asks about his data (personal information protection law, articles 45 to 49)."""

    ACCESS = "access", _("Access and copy")
    CORRECTION = "correction", _("Correction")
    DELETION = "deletion", _("Deletion")
    EXPLANATION = "explanation", _("Explanation of the rules")
    KIN = "kin", _("Request of next of kin")


class RequestState(models.TextChoices):
    """Where a request stands."""

    OPEN = "open", _("open")
    ASKED = "asked", _("awaits the second person")
    GRANTED = "granted", _("granted")
    REFUSED = "refused", _("refused")


class DataRequest(SealedRow):
    """One row per request about personal data, with its deadline. Holds no customer's value in clear: `field`
    is a field's name, `proof` the number of the form, `about` says what is asked without naming values.
    `value` is what the field is to be at the sources, kept until each of them has answered; its digests find
    the customer by it meanwhile."""

    customer = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=RequestKind)
    proof = models.CharField(max_length=64)
    about = models.CharField(max_length=200)
    field = models.CharField(max_length=48, blank=True)
    value = Encrypted(null=True)
    value_phone = BlindIndex("value", normal="phone")
    value_text = BlindIndex("value", normal="text")
    received_on = models.DateField()
    due_on = models.DateField(db_index=True)
    state = models.CharField(max_length=12, choices=RequestState, default=RequestState.OPEN)
    recorded_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    approval = models.BigIntegerField(null=True)
    taken_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    taken_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["due_on", "id"]
        indexes: ClassVar = [models.Index(fields=["state", "due_on"]), models.Index(fields=["customer"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer", "kind", "field"],
                condition=Q(state__in=["open", "asked"]),
                name="request_one_open",
            )
        ]


class RestrictionKind(models.TextChoices):
    """What is left to be done with the data of a customer after a deletion was granted."""

    STORAGE_ONLY = "storage_only", _("stored only")
    DELETED = "deleted", _("deleted")


class Restriction(models.Model):
    """One row per customer whose data may no longer be used: he is found and shown nowhere at the desk.
    Stored only until `until` (not included), where the law wants it kept; else deleted at the sources."""

    customer = models.BigIntegerField(unique=True)
    kind = models.CharField(max_length=16, choices=RestrictionKind)
    since = models.DateField()
    until = models.DateField(null=True)
    request = models.ForeignKey(DataRequest, models.PROTECT, related_name="+")


class SourceOrder(models.Model):
    """One row per source system that is told to correct or delete what it has of a customer, by `due_on`.
    `fetched_at`: it took the order itself; `done`: what it answered, under the number `proof` of its own, or
    somebody for it (`answered_by`); null: not yet."""

    request = models.ForeignKey(DataRequest, models.PROTECT, related_name="orders")
    source = models.CharField(max_length=32)
    due_on = models.DateField()
    at = models.DateTimeField(auto_now_add=True)
    fetched_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    done = models.BooleanField(null=True)
    proof = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering: ClassVar = ["source"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "source"], name="source_order_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_on"], condition=Q(answered_at=None), name="source_order_open")
        ]
