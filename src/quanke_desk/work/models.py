"""What managers, the lobby and machines record. One table a class; the docstring says what one row is.

A customer is a number here and nothing else: names, numbers of documents and cards stay where they are.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.models import Branch, Encrypted, Person, Post, SealedRow


class Means(models.TextChoices):
    """How a customer was reached; the values are those of `contacts.means` in the library."""

    CALL = "call", _("Call")
    WECOM = "wecom", _("WeCom")
    VISIT = "visit", _("Meeting")
    TICKET = "ticket", _("Branch visit")
    SMS = "sms", _("Text message")
    EMAIL = "email", _("E-mail")
    PUSH = "push", _("Push message")


class Outcome(models.TextChoices):
    """What came of it; the values are those of `contacts.outcome` in the library."""

    INTERESTED = "interested", _("Interested")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")
    NO_ANSWER = "no_answer", _("Not reached")
    CALL_BACK = "call_back", _("Call again")
    SERVED = "served", _("Looked after")


class MachineUse(models.TextChoices):
    """What a machine may tell the desk."""

    ARRIVALS = "arrivals", _("Arrivals at an outlet")
    EVIDENCE = "evidence", _("Evidence of contacts")
    RECEIPTS = "receipts", _("Receipts and replies of pushes")
    INSERTIONS = "insertions", _("The app: what to show a customer")
    JOURNEYS = "journeys", _("Triggers and entries of journeys")
    SOURCES = "sources", _("A source system: corrections and deletions")


class MachineKey(models.Model):
    """One row per key of a machine (ticket machine, telephone system). Only a digest of the key is kept; a
    ticket machine speaks for its branch and what lies below it, a telephone system for the bank, a source
    system for itself: `source` is its code in the bank's tables."""

    name = models.CharField(max_length=80)
    use = models.CharField(max_length=16, choices=MachineUse)
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, related_name="+")
    source = models.CharField(max_length=32, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(use="arrivals") | Q(branch__isnull=False), name="machine_has_a_place"
            ),
            models.CheckConstraint(
                condition=~Q(use="sources") | ~Q(source=""), name="machine_names_its_source"
            ),
        ]


class Contact(models.Model):
    """One row per contact with a customer, as recorded. It is never changed but for what the systems prove
    (`evidence`, `seconds`): an entry made by mistake is taken back by a row that `corrects` it."""

    customer = models.BigIntegerField()
    post = models.ForeignKey(Post, models.PROTECT, null=True, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    day = models.DateField()
    means = models.CharField(max_length=8, choices=Means)
    connected = models.BooleanField(default=True)
    seconds = models.IntegerField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome)
    action = models.CharField(max_length=64, blank=True)
    arrival = models.ForeignKey("Arrival", models.PROTECT, null=True, related_name="contacts")
    evidence = models.BooleanField(default=False)
    note_hash = models.CharField(max_length=64, blank=True)
    corrects = models.OneToOneField("self", models.PROTECT, null=True, related_name="corrected_by")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["customer", "day"]),
            models.Index(fields=["post", "day"]),
            models.Index(fields=["person", "day"]),
        ]

    @property
    def number(self) -> str:
        """Its number in the library's table."""
        return f"desk-{self.pk}"


class ContactNote(SealedRow):
    """One row per contact with a note: what staff wrote, encrypted (class C2), read by who may see the
    customer, which is on record. Gone when the customer is deleted."""

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="note")
    text = Encrypted(null=True)


class Proof(models.TextChoices):
    """What proves a contact (domain.md BK-4)."""

    RECORDING = "recording", _("Recording")
    CHAT = "chat", _("Two-way chat")
    SIGNATURE = "signature", _("Signed visit")


class Evidence(models.Model):
    """One row per proof a system sent: a recording, a two-way chat, a signed visit. `reference` is its number
    there and is given once; `contact` null: nothing that was recorded belongs to it yet."""

    kind = models.CharField(max_length=12, choices=Proof)
    reference = models.CharField(max_length=80)
    machine = models.ForeignKey(MachineKey, models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    customer = models.BigIntegerField()
    at = models.DateTimeField()
    seconds = models.IntegerField(null=True)
    contact = models.OneToOneField(Contact, models.PROTECT, null=True, related_name="proof")
    told_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["machine", "reference"], name="evidence_once")
        ]
        indexes: ClassVar = [models.Index(fields=["person", "customer", "at"])]


class FollowUpKind(models.TextChoices):
    """Why something is to be done."""

    FOLLOW_UP = "follow_up", _("Follow-up")
    CALL_BACK = "call_back", _("Call-back after a visit")
    HAND_OVER = "hand_over", _("Handed over from the lobby")
    JOURNEY = "journey", _("Asked for by a campaign")
    LOBBY = "lobby", _("To be done at the next visit")
    APPOINTMENT = "appointment", _("Appointment")


class FollowUp(models.Model):
    """One row per thing to be done with a customer by a day. `post` does it, or `person`; neither: the remote
    team, whoever takes it, or (kind `lobby`) the lobby he comes to next. Done: `done_at`, with the contact it
    was done by where there was one."""

    kind = models.CharField(max_length=12, choices=FollowUpKind)
    customer = models.BigIntegerField()
    post = models.ForeignKey(Post, models.PROTECT, null=True, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    due_on = models.DateField()
    at_time = models.TimeField(null=True)
    """Of an appointment, when; else any time of the day."""
    action = models.CharField(max_length=64, blank=True)
    means = models.CharField(max_length=8, choices=Means, default=Means.CALL)
    after = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="next_steps")
    arrival = models.ForeignKey("Arrival", models.PROTECT, null=True, related_name="follow_ups")
    journey = models.CharField(max_length=48, blank=True)
    campaign = models.CharField(max_length=64, blank=True)
    """The campaign of the library's tables it was a step of: a journey's version, and month where customers
    enter one by one."""
    step = models.CharField(max_length=32, blank=True, default="")
    purpose = models.CharField(max_length=12, blank=True, default="")
    """What a campaign asks it for: to sell, or to serve; else nobody said."""
    escalate_on = models.DateField(null=True)
    """From this day on the head is told, once, that it was not done."""
    escalated_at = models.DateTimeField(null=True)
    made_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    """Null: the desk itself, for a visit nobody ended."""
    made_at = models.DateTimeField(auto_now_add=True)
    done_by = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")
    done_at = models.DateTimeField(null=True)
    dropped = models.BooleanField(default=False)
    of_left = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    """Whose it was until he left; null: nobody's who left."""

    class Meta:
        ordering: ClassVar = ["due_on", "id"]
        indexes: ClassVar = [
            models.Index(fields=["post", "due_on"], condition=Q(done_at=None), name="follow_up_of_post"),
            models.Index(fields=["person", "due_on"], condition=Q(done_at=None), name="follow_up_of_person"),
            models.Index(fields=["kind", "due_on"], condition=Q(done_at=None), name="follow_up_open"),
            models.Index(fields=["customer"]),
        ]


class ArrivalState(models.TextChoices):
    """Where a visit stands."""

    WAITING = "waiting", _("waiting")
    HANDED_OVER = "handed_over", _("handed over")
    SERVED = "served", _("served")
    LEFT = "left", _("left")


class Arrival(models.Model):
    """One row per ticket of an outlet and day. What the visitor was recognised by is not kept; `customer`
    null: nobody we know, or one of `candidates`. `told`: how many were told that their customer is here.
    Times are those of the server."""

    outlet = models.ForeignKey(Branch, models.PROTECT, related_name="+")
    day = models.DateField()
    ticket = models.CharField(max_length=16)
    kind = models.CharField(max_length=8)
    machine = models.ForeignKey(MachineKey, models.PROTECT, null=True, related_name="+")
    customer = models.BigIntegerField(null=True)
    candidates = models.JSONField(default=list)
    told = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=12, choices=ArrivalState, default=ArrivalState.WAITING)
    called_at = models.DateTimeField()
    ready_ms = models.IntegerField(null=True)
    shown_at = models.DateTimeField(null=True)
    card_ms = models.IntegerField(null=True)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    to = models.CharField(max_length=12, blank=True)
    ended_at = models.DateTimeField(null=True)
    changes = models.IntegerField(default=0)
    """How often it was changed: a tablet that shows an earlier state sees that it does."""

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["outlet", "day", "ticket"], name="arrival_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["outlet", "day", "state"]),
            models.Index(fields=["customer", "day"]),
        ]


class Said(models.TextChoices):
    """What a visitor said to a suggestion, in one tap."""

    INTERESTED = "interested", _("Interested")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")
    NOT_NOW = "not_now", _("Not now")


class Suggestion(models.Model):
    """One row per thing suggested for a visit (at most three), with what came of it; `outcome` empty: nobody
    said yet. "not_now" is no refusal."""

    arrival = models.ForeignKey(Arrival, models.CASCADE, related_name="suggestions")
    place = models.SmallIntegerField()
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=12, blank=True, choices=Said)
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["place"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["arrival", "place"], name="suggestion_place"),
            models.UniqueConstraint(fields=["arrival", "action"], name="suggestion_once"),
        ]


class MorningOpened(models.Model):
    """One row per person and day on which he opened his morning: whether the tool is used."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    day = models.DateField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "day"], name="morning_once")]


class MachineCall(models.Model):
    """One row per call of a machine that named customers, until it is folded into the audit (`work.calls`):
    `count` customers it named, `unknown` names nobody has, `done` of how many something followed; `digest` is
    that of the customers' numbers."""

    machine = models.ForeignKey(MachineKey, models.PROTECT, related_name="+")
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=80)
    purpose = models.CharField(max_length=32, blank=True)
    count = models.IntegerField()
    unknown = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]
