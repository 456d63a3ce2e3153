"""Joint operations with partners: contracts, and the questions asked under them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from quanke_desk.campaigns.models.audiences import Audience, AudienceVersion
from quanke_desk.foundation.models import Approval, Encrypted, Person, SealedRow


class ContractState(models.TextChoices):
    """Where a contract with a partner stands."""

    DRAFT = "draft", _("draft")
    ASKED = "asked", _("awaits the committee")
    AGREED = "agreed", _("awaits compliance")
    APPROVED = "approved", _("approved")
    ENDED = "ended", _("ended")


class JointContract(SealedRow):
    """One row per contract under which lists are compared with a partner. `recipient` is what consents call
    the partner; `minimum`: lists of fewer are not compared, counts below are not told; `daily`: questions in
    a day; `most_rows`: of the partner's list; `modelling`: whether others alike may be looked for by those on
    both lists. `key` is made when it is approved and gone when it ends."""

    code = models.CharField(max_length=32, unique=True)
    partner = models.CharField(max_length=80, db_index=True)
    recipient = models.CharField(max_length=64)
    purposes = models.JSONField(default=list)
    kinds = models.JSONField(default=list)
    since = models.DateField()
    until = models.DateField()
    minimum = models.IntegerField()
    daily = models.IntegerField()
    most_rows = models.IntegerField()
    modelling = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=ContractState, default=ContractState.DRAFT)
    committee = models.ForeignKey(Approval, models.PROTECT, null=True, related_name="+")
    compliance = models.ForeignKey(Approval, models.PROTECT, null=True, related_name="+")
    key = Encrypted(null=True)
    made_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="joint_contract_days")
        ]


class QuestionMode(models.TextChoices):
    """What a question asks; values are those of `quanke.joint.rounds.Mode`."""

    COUNT = "count", _("how many are on both lists")
    MATCH = "match", _("who is on both lists, of those who agreed")


class QuestionState(models.TextChoices):
    """Where a question stands."""

    MAKING = "making", _("being prepared")
    READY = "ready", _("awaits the partner's answer")
    ANSWERED = "answered", _("being compared")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    LAPSED = "lapsed", _("lapsed")


class JointQuestion(SealedRow):
    """One row per question to a partner about an audience. `mask` is the bank's secret of the question, gone
    when it ends. `asked` are the customers it was about, packed as members of audiences are; `ordered` of a
    match the customer of each point. `told` is what was told of the count: rounded down, null where it lies
    below the minimum (`few`) or is not known. `matched` are the customers on both lists of a match."""

    contract = models.ForeignKey(JointContract, models.PROTECT, related_name="questions")
    number = models.IntegerField()
    mode = models.CharField(max_length=8, choices=QuestionMode)
    kind = models.CharField(max_length=10)
    purpose = models.CharField(max_length=16)
    audience = models.ForeignKey(AudienceVersion, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=QuestionState, default=QuestionState.MAKING)
    problem = models.CharField(max_length=200, blank=True)
    mask = Encrypted(null=True)
    rows = models.IntegerField(default=0)
    own = models.IntegerField(default=0)
    asked = models.BinaryField(null=True)
    ordered = models.BinaryField(null=True)
    told = models.IntegerField(null=True)
    few = models.BooleanField(default=False)
    matched = models.BinaryField(null=True)
    saved_as = models.ForeignKey(Audience, models.PROTECT, null=True, related_name="+")
    asked_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["state", "expires_at"], name="joint_question_due")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contract", "number"], name="joint_question_once")
        ]

    @property
    def code(self) -> str:
        """Its name in messages."""
        return f"{self.contract.code}-{self.number}"


class Way(models.TextChoices):
    """How an audience came of a contract."""

    MATCH = "match", _("who is on both lists")
    ALIKE = "alike", _("customers alike")
    ASKED = "asked", _("asked about with another partner")


class Origin(models.Model):
    """One row per contract and purpose an audience came of, be it at second hand: what the contract says of
    purpose, term and consent holds for the audience as for the match itself. `of`: the audience it was made
    of; null for the match."""

    audience = models.ForeignKey(Audience, models.CASCADE, related_name="origins")
    contract = models.ForeignKey(JointContract, models.PROTECT, related_name="origins")
    purpose = models.CharField(max_length=16)
    way = models.CharField(max_length=8, choices=Way)
    of = models.ForeignKey(AudienceVersion, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["audience", "contract", "purpose"], name="origin_once")
        ]
