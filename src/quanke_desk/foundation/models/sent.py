"""What leaves the desk for the library's tables and for brokers, long jobs, and notices to people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.models.organisation import Person


class Outgoing(models.Model):
    """One row per row of one of the library's tables (`quanke.bank.contracts`) that the desk recorded, or of
    what only the broker is told (`outbox.tell`): that is delivered when it is made.

    `key` is the row's number in that table and is given once; `customer` is set instead of `source` and
    `party_id`, which are found out when it is delivered. `batch` names the hand-over file it went out in:
    once given it never changes, so a file made again after a crash is the same file. `rule` is what the load
    refused it for, as "field:rule"; it waits in quarantine, as row `place` of its file,
    until it is mended and replayed. `again`: a row of a table of events that stands there with other values:
    its hand-over is given again, in place of the first.
    """

    table = models.CharField(max_length=32)
    key = models.CharField(max_length=64)
    customer = models.BigIntegerField(null=True)
    row = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)
    batch = models.BigIntegerField(null=True)
    delivered_at = models.DateTimeField(null=True)
    rule = models.CharField(max_length=120, blank=True)
    place = models.IntegerField(null=True)
    again = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["table", "key"], name="outgoing_once")]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(delivered_at=None), name="outgoing_waiting"),
            models.Index(fields=["table", "customer"]),
            models.Index(fields=["batch", "id"]),
            models.Index(fields=["batch"], condition=Q(again=True), name="outgoing_again"),
        ]


class Batch(models.Model):
    """One row per hand-over of outgoing rows to the library's tables. `made_on` is its business date;
    `mark` keeps its file apart from another of that number, once a database was gone back to. `error`: why it
    could not be loaded yet."""

    made_on = models.DateField()
    mark = models.CharField(max_length=16)
    at = models.DateTimeField(auto_now_add=True)
    rows = models.IntegerField()
    delivered_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["id"], condition=Q(delivered_at=None), name="batch_open")]


class EventCursor(models.Model):
    """One row per broker: up to where (transaction, row) outgoing rows were told to it as events."""

    sink = models.CharField(max_length=200, unique=True)
    xid = models.BigIntegerField(default=0)
    row = models.BigIntegerField(default=0)
    at = models.DateTimeField(auto_now=True)


class JobState(models.TextChoices):
    """Where a long job stands."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class Job(models.Model):
    """One row per long job: what it was asked, how far it is, what came of it. `place` is what its handler
    keeps so that another worker can go on from there; `worker` names one attempt, which alone may write."""

    kind = models.CharField(max_length=48)
    arguments = models.JSONField(default=dict)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="jobs")
    at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=12, choices=JobState, default=JobState.WAITING)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    step = models.CharField(max_length=120, blank=True)
    left_seconds = models.IntegerField(null=True)
    place = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)
    cancel = models.BooleanField(default=False)
    attempts = models.IntegerField(default=0)
    wake_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="job_to_do"),
            models.Index(fields=["by", "at"]),
        ]


class Notice(models.Model):
    """One row per thing a person is told: `text` is a marked text, `values` what stands in it (never a
    customer's value), `link` the page it is about."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="notices")
    text = models.CharField(max_length=120)
    values = models.JSONField(default=dict)
    link = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["person", "id"], condition=Q(read_at=None), name="notice_unread")
        ]
