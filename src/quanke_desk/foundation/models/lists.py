"""What people keep of lists, and what left as a file."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from quanke_desk.foundation.models.organisation import Person


class SavedView(models.Model):
    """One row per view of a list a person keeps: filters, order, columns and density as an address's query.
    `title` empty: the columns and density last chosen there. `shared`: people of the same branch see it."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="views")
    list_name = models.CharField(max_length=48)
    title = models.CharField(max_length=40, blank=True)
    query = models.CharField(max_length=1000, blank=True)
    shared = models.BooleanField(default=False)
    default = models.BooleanField(default=False)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["list_name", "title", "id"]
        indexes: ClassVar = [models.Index(fields=["list_name", "shared"])]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "list_name", "title"], name="view_once"),
            models.UniqueConstraint(
                fields=["person", "list_name"], condition=Q(default=True), name="view_one_default"
            ),
        ]


class Export(models.Model):
    """One row per file a list left as: who, why, how many rows. Its number stands in the file and its name.
    `by` names the filters and the order, never what was asked by them."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="exports")
    list_name = models.CharField(max_length=48)
    kind = models.CharField(max_length=8)
    reason = models.CharField(max_length=200)
    by = models.JSONField(default=list)
    at = models.DateTimeField()
    rows = models.BigIntegerField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["person", "at"])]
