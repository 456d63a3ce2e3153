"""Groups of customers that were saved: as a condition, or as the very customers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.models import Person


class AudienceKind(models.TextChoices):
    """What stays the same: the condition, or the customers."""

    LIVE = "live", _("live: the condition, asked anew of every night")
    FROZEN = "frozen", _("frozen: the customers of one night")
    LIST = "list", _("a list that was brought")


class Audience(models.Model):
    """One row per audience. What it says stands in its versions, of which the last is in force."""

    title = models.CharField(max_length=80)
    made_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    put_away_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]


class AudienceVersion(models.Model):
    """One row per state of an audience; it never changes. `text` is audience text (of a list: empty);
    `members` of a frozen one or a list: numbers of customers, ascending, as 32-bit little-endian integers,
    packed with zlib. `size` is that of the night it was saved on."""

    audience = models.ForeignKey(Audience, models.PROTECT, related_name="versions")
    number = models.IntegerField()
    kind = models.CharField(max_length=8, choices=AudienceKind)
    text = models.TextField(blank=True)
    night = models.DateField()
    size = models.BigIntegerField()
    members = models.BinaryField(null=True)
    proof = models.CharField(max_length=200, blank=True)
    """Of a list: the number of the consents, or of the contract, by which the bank may have it."""
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["audience", "number"], name="audience_version_once")
        ]
