"""Journeys: what happens to customers step by step, and where each of them stands."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.campaigns.models.audiences import AudienceVersion
from quanke_desk.foundation.models import Approval, Person


class JourneyState(models.TextChoices):
    """Where a journey stands."""

    DRAFT = "draft", _("draft")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused: nobody moves")
    DRAINING = "draining", _("draining: nobody enters any more")
    ENDED = "ended", _("ended")


class Journey(models.Model):
    """One row per journey. `name` is the campaign's name in the library's tables; `current` the version that
    who enters now goes through: who entered before stays with his own."""

    name = models.CharField(max_length=48, unique=True)
    title_zh = models.CharField(max_length=80)
    title_en = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=10, choices=JourneyState, default=JourneyState.DRAFT)
    paused_from = models.CharField(max_length=10, blank=True)
    """The state it goes on with when it is resumed: one that drained lets nobody in afterwards either."""
    current = models.ForeignKey("JourneyVersion", models.PROTECT, null=True, related_name="+")
    draft = models.JSONField(null=True)
    """The design that is being worked on; it may be incomplete."""
    draft_number = models.IntegerField(default=0)
    """How often that was changed: a change of what somebody else changed meanwhile is refused."""
    play = models.CharField(max_length=48, blank=True)
    """The play it was started from: by its metric the effect is read."""
    made_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]


class JourneyVersion(models.Model):
    """One row per state of a journey's design; once somebody entered it never changes. `graph` is the JSON
    that docs/how-to/run-a-journey.md describes; `control_ppm` how many of a million who enter get nothing."""

    journey = models.ForeignKey(Journey, models.PROTECT, related_name="versions")
    number = models.IntegerField()
    graph = models.JSONField()
    audience = models.ForeignKey(AudienceVersion, models.PROTECT, null=True, related_name="+")
    control_ppm = models.IntegerField()
    offer = models.CharField(max_length=32, blank=True)
    """Which of the plan's offers it is for, so that the plan can learn from it (`quanke effects learn`)."""
    purpose = models.CharField(max_length=12, default="marketing")
    priority = models.SmallIntegerField(default=5)
    until = models.DateField()
    approval = models.ForeignKey(Approval, models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    continues = models.ForeignKey("self", models.PROTECT, null=True, related_name="continued_by")
    """The earlier version whose arms it keeps and whose campaign it is part of; null: it has its own."""
    goals_asked = models.DateField(null=True)
    """The night by which everybody under way was last asked whether he reached a goal."""

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["journey", "number"], name="journey_version_once"),
            models.CheckConstraint(
                condition=Q(control_ppm__gte=0, control_ppm__lt=1_000_000), name="journey_control"
            ),
        ]

    @property
    def control_share(self) -> float:
        """The share of who enters that gets nothing."""
        return self.control_ppm / 1_000_000


class Arm(models.IntegerChoices):
    """What a customer who entered gets."""

    CONTROL = 0, _("nothing: he is compared with")
    TREATED = 1, _("the journey")


class EnrolmentState(models.TextChoices):
    """Where a customer stands in a journey."""

    WAITING = "w", _("waits for a moment")
    LISTENING = "e", _("waits for an event")
    DONE = "d", _("through")
    LEFT = "x", _("left before the end")
    CONTROL = "c", _("control: gets nothing")


class Enrolment(models.Model):
    """One row per customer in a version of a journey; who enters anew has another, with the next `turn`.
    `node` is the place of his step among the graph's, `wake` the moment it is done (seconds since 1970),
    `awaits` the event he waits for, `seq` how many steps he has gone. It is moved by sets in SQL
    (`campaigns.moving`), never one by one."""

    version = models.ForeignKey(JourneyVersion, models.PROTECT, related_name="enrolments", db_index=False)
    customer = models.BigIntegerField()
    turn = models.SmallIntegerField(default=0)
    arm = models.SmallIntegerField(choices=Arm, default=Arm.TREATED)
    node = models.SmallIntegerField()
    state = models.CharField(max_length=1, choices=EnrolmentState, default=EnrolmentState.WAITING)
    wake = models.BigIntegerField(default=0)
    awaits = models.CharField(max_length=64, blank=True)
    seq = models.IntegerField(default=0)
    entered = models.BigIntegerField()
    ended = models.BigIntegerField(null=True)
    why = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "customer", "turn"], name="enrolment_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["version", "node", "wake", "id"],
                condition=Q(state__in=["w", "e"]),
                name="enrolment_due",
            ),
            models.Index(fields=["customer"]),
            models.Index(fields=["entered"], condition=Q(state="c"), name="enrolment_control"),
        ]


class Step(models.Model):
    """One row per step a customer has gone: from which node to which (-1: out), when."""

    pk = models.CompositePrimaryKey("enrolment", "seq")
    enrolment = models.BigIntegerField()
    seq = models.IntegerField()
    from_node = models.SmallIntegerField()
    to_node = models.SmallIntegerField()
    at = models.BigIntegerField()


class StepCount(models.Model):
    """One row per way that customers of a version went at once: how many (`count`) from a step to another
    (`to_node` -1: out, and `why`), or from outside (`from_node` -2: entered; -3: entered as controls). Rows
    of one way add up; a round folds them, so that a page counts neither the log nor the customers."""

    version = models.ForeignKey(JourneyVersion, models.CASCADE, related_name="counts")
    from_node = models.SmallIntegerField()
    to_node = models.SmallIntegerField()
    why = models.CharField(max_length=32, blank=True)
    count = models.BigIntegerField()


class ToldState(models.TextChoices):
    """What became of a trigger a journey was told of."""

    WAITING = "w", _("waiting: the journey is paused")
    DONE = "d", _("the journey went by it")
    LAPSED = "l", _("too old when the journey went on")
    PAST = "p", _("too old to enter by when the desk heard of it")


class Told(models.Model):
    """One row per decision of a trigger and journey that goes by it. `key` is a digest of the decision's
    identity: what is told twice stands once. `at`: when the desk heard (seconds since 1970); `moment`: when
    it happened, null where nobody said."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=32)
    event = models.CharField(max_length=64)
    customer = models.BigIntegerField()
    at = models.BigIntegerField(db_index=True)
    moment = models.BigIntegerField(null=True)
    state = models.CharField(max_length=1, choices=ToldState, default=ToldState.WAITING)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["journey", "key"], name="told_once")]
        indexes: ClassVar = [
            models.Index(fields=["journey", "event"], condition=Q(state="w"), name="told_waiting")
        ]


class ReadPlace(models.Model):
    """How far the live engine's decisions were read, a row a share; the row without a name says that reading
    has begun."""

    share = models.CharField(max_length=20, unique=True)
    file = models.CharField(max_length=40, blank=True)
    read = models.BigIntegerField(default=0)
