"""How people come in: their sessions, their second factors, and links to a first password."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.models.organisation import Person
from quanke_desk.foundation.models.secret import Encrypted, SealedRow


class Entered(models.Model):
    """One row per log-in that succeeded: a session of the desk, with the limits it was given. It holds until
    `until`, until it rested for `idle` minutes, or until it was ended."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="entered")
    way = models.CharField(max_length=24)
    address = models.CharField(max_length=45, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    until = models.DateTimeField()
    idle = models.IntegerField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-began_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["person", "ended_at", "until"])]


class FactorKind(models.TextChoices):
    """What a second factor is."""

    CODES = "totp", _("Authenticator app")
    KEY = "key", _("Security key or passkey")


class Factor(SealedRow):
    """One row per second factor of a person: an authenticator app (its secret in the vault, `count` the last
    time step used), or a security key (`public` what it is known by, `count` how often it signed)."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=8, choices=FactorKind)
    name = models.CharField(max_length=60)
    secret = Encrypted(null=True)
    public = models.BinaryField(default=b"")
    key_digest = models.CharField(max_length=64, null=True, unique=True)
    count = models.BigIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person"], condition=Q(kind="totp"), name="factor_one_app")
        ]


class RecoveryCode(models.Model):
    """One row per recovery code of a person, as a digest; each is good for one log-in."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "digest"], name="recovery_code_once")
        ]


class PasswordLink(models.Model):
    """One row per link by which a person sets a password without having one; good once, until `until`."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="password_links")
    digest = models.CharField(max_length=64, unique=True)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
