"""Branches, posts, people, and who looks after whom where the desk said so."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.roles import May, Role, allowed


class Branch(models.Model):
    """One row per branch, sub-branch or outlet. `left` and `right` hold its subtree as an interval."""

    branch_id = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    left = models.IntegerField(db_index=True)
    right = models.IntegerField()
    closed_on = models.DateField(null=True)

    class Meta:
        ordering: ClassVar = ["left"]

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    """One row per post to which customers can belong."""

    post_id = models.CharField(max_length=32, unique=True)
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="posts")
    role = models.CharField(max_length=24, choices=Role)
    capacity = models.IntegerField(null=True)

    class Meta:
        ordering: ClassVar = ["post_id"]

    def __str__(self) -> str:
        return self.post_id


class PersonManager(BaseUserManager["Person"]):
    """Makes people; a password is never stored in the clear."""

    def create_user(self, username: str, password: str | None = None, **more: object) -> Person:
        """A person. Without a password nobody can log in as him but by single sign-on."""
        person = self.model(username=username, **more)
        person.set_password(password)
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser):
    """One row per person who may log in."""

    username = models.CharField(_("user name"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=80)
    email = models.EmailField(_("e-mail"), blank=True)
    staff_id = models.CharField(_("staff number"), max_length=32, null=True, unique=True)
    role = models.CharField(_("role"), max_length=24, choices=Role)
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, related_name="people")
    language = models.CharField(_("language"), max_length=8, default="zh-hans")
    is_active = models.BooleanField(default=True)
    left_on = models.DateField(null=True)
    password_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name", "role"]
    objects = PersonManager()

    class Meta:
        ordering: ClassVar = ["username"]

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(raw_password)
        self.password_at = timezone.now()

    def may(self, what: May) -> bool:
        """Whether this person's role allows something; nobody who left may do anything."""
        return self.is_active and allowed(self.role, what)

    def get_full_name(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


class Seat(models.Model):
    """One row per interval in which a person sits on a post, or stands in on it. `until` is not included.
    `by_desk`: made or ended at the desk, so that the bank's tables may only shorten it."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="seats")
    post = models.ForeignKey(Post, models.PROTECT, related_name="seats")
    stands_in = models.BooleanField(default=False)
    since = models.DateField()
    until = models.DateField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    by_desk = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["person", "since"]), models.Index(fields=["post", "since"])]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "post", "since", "stands_in"], name="seat_once"),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("since")), name="seat_in_order"
            ),
        ]

    @staticmethod
    def on(day: dt.date) -> Q:
        """Of the seats of a day."""
        return Q(since__lte=day) & (Q(until=None) | Q(until__gt=day))


class Relation(models.Model):
    """One row per interval in which a customer's post is what the desk said, not what a night says.

    It holds until a later night than `delivered_on`, the day its row of ownership was loaded into the bank's
    tables: a night that ran without it would show him to whom he was taken from. What the night says holds
    for everybody else. `post` null, or an interval that ended: nobody looks after him.
    """

    customer = models.BigIntegerField()
    post = models.ForeignKey(Post, models.PROTECT, null=True, related_name="relations")
    duty = models.CharField(max_length=16, default="primary")
    since = models.DateField()
    until = models.DateField(null=True)
    delivered_on = models.DateField(null=True)
    reason = models.CharField(max_length=64)
    proposal = models.CharField(max_length=64, blank=True)
    by = models.ForeignKey(Person, models.PROTECT, null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["customer", "duty", "since"]),
            models.Index(fields=["post", "since"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("since")), name="relation_in_order"
            ),
            models.UniqueConstraint(
                fields=["customer", "duty"], condition=Q(until=None), name="relation_one_open"
            ),
        ]
