"""What was done and tried, and what holds from which day: kept, never changed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from quanke_desk.foundation.models.organisation import Person


class AuditEntry(models.Model):
    """One row per thing done or seen: who, what, of whom, for what purpose. Never changed, never deleted
    (triggers refuse); each row's digest covers the row before it. Holds no customer's value."""

    at = models.DateTimeField()
    person = models.ForeignKey(Person, models.PROTECT, null=True)
    role = models.CharField(max_length=24, blank=True)
    action = models.CharField(max_length=64, db_index=True)
    subject = models.CharField(max_length=80, db_index=True)
    purpose = models.CharField(max_length=32, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)
    before = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering: ClassVar = ["-id"]


class Attempt(models.Model):
    """One row per failed log-in, by digest of the name tried and by address, so that either can be locked
    for a while."""

    name_digest = models.CharField(max_length=64)
    address = models.CharField(max_length=45, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["name_digest", "at"]),
            models.Index(fields=["address", "at"]),
            models.Index(fields=["at"]),
        ]


class ParameterValue(models.Model):
    """One row per value of a parameter from a day on. A later row of the same day replaces an earlier one."""

    name = models.CharField(max_length=64)
    value = models.JSONField()
    since = models.DateField()
    by = models.ForeignKey(Person, models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["name", "-since", "-id"]
        indexes: ClassVar = [models.Index(fields=["name", "since"])]
