"""Questions to partners: asked about an audience, answered by a file, told as counts or as an audience."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from quanke.joint.messages import Header, Round, read_message
from quanke.joint.points import POINT, Mask
from quanke.kernel.errors import InputError
from quanke_desk.campaigns import audience_actions, audiences, joint_files
from quanke_desk.campaigns.joint_terms import daily, minimum, require, require_askable, sheet_of
from quanke_desk.campaigns.models import (
    Audience,
    AudienceKind,
    AudienceVersion,
    JointContract,
    JointQuestion,
    Origin,
    QuestionMode,
    QuestionState,
    Way,
)
from quanke_desk.foundation import audit, jobs
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

PREPARE, COMPARE = "joint.prepare", "joint.compare"
_HEADER = 8_192


class BadMessage(NotAllowed):
    """A file that is not the answer: `file` names it, the text says the rule."""

    def __init__(self, rule: str, file: str) -> None:
        super().__init__(rule)
        self.file = file


def ask_question(
    contract: JointContract, version: AudienceVersion, mode: str, kind: str, purpose: str, *, by: Person
) -> JointQuestion:
    """Begins a question to a partner about the audience; a job prepares its file. Raises NotAllowed with the
    rule: contract, purpose, term, an audience too small, too many questions today."""
    _may(by)
    if mode not in QuestionMode.values:
        raise NotAllowed("a question asks how many, or who")
    with transaction.atomic():
        held = locked(contract)
        require(held, purpose, kind, mode)
        if not purpose or not kind:
            raise NotAllowed("a question names its purpose and its kind of identifier")
        require_askable(version, held, purpose)
        begun = dt.datetime.combine(timezone.localdate(), dt.time(), timezone.get_current_timezone())
        today = JointQuestion.objects.filter(contract__recipient=held.recipient, asked_at__gte=begun)
        if today.exclude(state=QuestionState.FAILED).count() >= daily(held):
            raise NotAllowed("no more questions to this partner today")
        if len(audiences.members_of(version)) < minimum(held):
            raise NotAllowed("the audience is smaller than may be compared")
        last = held.questions.order_by("-number").values_list("number", flat=True).first() or 0
        made = JointQuestion.objects.create(
            contract=held, number=last + 1, mode=mode, kind=kind, purpose=purpose, audience=version,
            mask=Mask().to_hex(), asked_by=by,
            expires_at=timezone.now() + dt.timedelta(days=value("joint.days")),
        )  # fmt: skip
        detail = {"contract": held.code, "mode": mode, "kind": kind, "purpose": purpose}
        audit.record(by, "joint.ask", f"joint_question:{made.pk}", purpose=purpose, detail=detail)
        jobs.begin(PREPARE, {"question": made.pk}, by=by)
        return made


def locked(contract: JointContract) -> JointContract:
    """The contract, with all of the same partner locked: two of them would else give twice the questions."""
    found = JointContract.objects.select_for_update().filter(recipient=contract.recipient).order_by("pk")
    return next(c for c in found if c.pk == contract.pk)


def question_file(question: JointQuestion, *, by: Person) -> Path:
    """The file for the partner. Raises NotAllowed."""
    return _leaving(question, Round.QUESTION, QuestionState.READY, by)


def result_file(question: JointQuestion, *, by: Person) -> Path:
    """The file that tells the partner. Raises NotAllowed."""
    return _leaving(question, Round.RESULT, QuestionState.DONE, by)


def _leaving(question: JointQuestion, which: Round, state: str, by: Person) -> Path:
    _may(by)
    require(question.contract, question.purpose, question.kind, question.mode)
    if question.state != state or question.expires_at <= timezone.now():
        raise NotAllowed("there is no such file, or no longer")
    path = joint_files.path_of(question.pk, which)
    if not path.is_file():
        raise NotAllowed("there is no such file, or no longer")
    audit.record(by, f"joint.{which.value}_taken", f"joint_question:{question.pk}", purpose=question.purpose)
    return path


def take_answer(question: JointQuestion, file: UploadedFile[Any] | None, *, by: Person) -> None:
    """Takes a partner's answer, once; a job compares it. Raises NotAllowed, BadMessage with file and rule."""
    _may(by)
    contract = question.contract
    require(contract, question.purpose, question.kind, question.mode)
    if question.state != QuestionState.READY:
        raise NotAllowed("this question awaits no answer: each is answered once")
    if file is None:
        raise NotAllowed("choose a file")
    name = Path(str(file.name)).name[:80]
    if (file.size or 0) > (question.rows + contract.most_rows) * POINT + _HEADER:
        raise BadMessage("is larger than an answer can be", name)
    beside = joint_files.folder() / f"{question.pk}.{secrets.token_hex(8)}.part"
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for part in file.chunks():
                out.write(part)
        try:
            header, _body = read_message(beside, sheet_of(contract), Round.ANSWER)
        except InputError as error:
            raise BadMessage(error.rule, name) from None
        _check(question, header, name)
        with transaction.atomic():
            ready = JointQuestion.objects.filter(pk=question.pk, state=QuestionState.READY)
            now = timezone.now()
            if not ready.update(state=QuestionState.ANSWERED, own=header.own, answered_at=now):
                raise NotAllowed("this question awaits no answer: each is answered once")
            beside.replace(joint_files.path_of(question.pk, Round.ANSWER))
            audit.record(by, "joint.answer", f"joint_question:{question.pk}", purpose=question.purpose)
            jobs.begin(COMPARE, {"question": question.pk}, by=by)
    finally:
        beside.unlink(missing_ok=True)


def _check(question: JointQuestion, header: Header, name: str) -> None:
    least = minimum(question.contract)
    said = (header.mode.value, header.kind, header.purpose)
    if question.expires_at <= timezone.now():  # the partner has the key too: its header proves no expiry
        raise BadMessage("has expired", name)
    if header.question != question.code:
        raise BadMessage("answers another question", name)
    if header.rows != question.rows or said != (question.mode, question.kind, question.purpose):
        raise BadMessage("does not fit the question", name)
    if header.own < least:
        raise BadMessage("the partner's list is smaller than may be compared", name)
    if header.own > question.contract.most_rows:
        raise BadMessage("the partner's list is larger than the contract allows", name)


def save_matched(question: JointQuestion, title: str, *, by: Person) -> Audience:
    """Saves who is on both lists as an audience, once. Raises NotAllowed."""
    _may(by)
    with transaction.atomic():
        held = JointQuestion.objects.select_for_update().get(pk=question.pk)
        require(held.contract, held.purpose, held.kind, held.mode)
        if held.state != QuestionState.DONE or held.matched is None or held.few:
            raise NotAllowed("there is nobody to be saved")
        if held.saved_as_id is not None:
            raise NotAllowed("it is saved already")
        members = audiences.unpacked(bytes(held.matched))
        made = audience_actions.keep_members(
            title, members, AudienceKind.LIST, "", held.contract.code, by=by, of=held.audience, way=Way.ASKED
        )
        matched = {"way": Way.MATCH, "of": None}
        Origin.objects.update_or_create(
            audience=made, contract=held.contract, purpose=held.purpose, defaults=matched
        )
        held.saved_as = made
        held.save(update_fields=["saved_as"])
        audit.record(by, "joint.save", f"joint_question:{held.pk}", detail={"audience": made.pk})
        return made


def fail(question: JointQuestion, rule: str) -> None:
    """Ends a question as failed, with its mask and its files; where it stands otherwise by now than when it
    was read, nothing is done: its files are somebody else's."""
    with transaction.atomic():
        as_read = JointQuestion.objects.filter(pk=question.pk, state=question.state)
        changed = as_read.update(state=QuestionState.FAILED, problem=rule[:200], mask=None, ordered=None)
        if changed:
            audit.record(None, "joint.failed", f"joint_question:{question.pk}", purpose=question.purpose)
    if changed:
        joint_files.forget([question.pk])


def _may(by: Person) -> None:
    # who agrees to contracts forms audiences, too: he does not ask under what he agreed to
    if not by.may(May.CAMPAIGN):
        raise NotAllowed("your role may not do this")
