"""The two long pieces of work of a question: its file is prepared, and its answer compared.

What the partner's list said of single customers is in memory only. A question is about customers whose
data may be used; of a count those who refused to be shared with the partner are left out, of a match all who
did not agree; of both who died, left or is not known to be of age. An identifier that several of the bank's
customers have, asked about or not, names nobody and is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as _noop

from quanke.joint import rounds
from quanke.joint.contract import normal
from quanke.joint.messages import Header, Round, as_rows, read_message, split, write_message
from quanke.joint.points import Mask
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import AudienceError, NightError, QuankeError
from quanke_desk.campaigns import audiences, joint_files
from quanke_desk.campaigns.addresses import addresses, resident_numbers
from quanke_desk.campaigns.joint_questions import fail, locked
from quanke_desk.campaigns.joint_terms import minimum, require, require_askable, sheet_of, told
from quanke_desk.campaigns.models import JointContract, JointQuestion, QuestionMode, QuestionState
from quanke_desk.customers.sharing import owners_of, sharable
from quanke_desk.foundation import audit
from quanke_desk.foundation.jobs import Cancelled, Running
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed

AT_ONCE = 5_000


def prepare(running: Running, question: int) -> None:
    """Writes the question's file. Run again after a kill, it does the same with the same mask."""
    held = _held(question)
    if held.state != QuestionState.MAKING:
        return
    try:
        require(held.contract, held.purpose, held.kind, held.mode)
        require_askable(held.audience, held.contract, held.purpose)
        customers, texts = _identified(running, held)
        if len(customers) < minimum(held.contract):
            raise NotAllowed("too few of the audience can be compared")
        _differs_enough(held, customers)
        asked = rounds.ask(
            _mask(held), sheet_of(held.contract).hash_key(held.kind), texts,
            lambda at, of: running.step(_("Masking identifiers"), at, of),
        )  # fmt: skip
        header = Header(
            held.contract.code, held.code, Round.QUESTION, rounds.Mode(held.mode), held.kind, held.purpose,
            held.expires_at.astimezone(SHANGHAI), len(asked.points),
        )  # fmt: skip
        with transaction.atomic():
            require(locked(held.contract), held.purpose, held.kind, held.mode)
            _differs_enough(held, customers)  # another question may have been prepared meanwhile
            match = held.mode == QuestionMode.MATCH
            ordered = np.array(customers, "<i4")[asked.places].tobytes() if match else None
            ready = JointQuestion.objects.filter(pk=held.pk, state=QuestionState.MAKING).update(
                state=QuestionState.READY, rows=len(customers), ordered=ordered,
                asked=audiences.pack(np.array(customers, np.int64)),
            )  # fmt: skip
            if ready:  # else it lapsed, or another worker was first: the file of that one stays
                path = joint_files.path_of(held.pk, Round.QUESTION)
                write_message(path, header, asked.points, sheet_of(held.contract))
    except (NotAllowed, Cancelled) as refused:
        _fail(held, refused)
        raise
    except QuankeError as error:
        rule = _noop("it could not be prepared on this night")
        if isinstance(error, AudienceError):
            rule = _noop("the audience cannot be counted on this night")
        _fail(held, NotAllowed(rule))
        raise NotAllowed(rule) from None


def _identified(running: Running, held: JointQuestion) -> tuple[list[int], list[str]]:
    """Customers who may be asked about, and the identifier of each, in its one way of writing."""
    members = audiences.members_of(held.audience).tolist()
    count = held.mode == QuestionMode.COUNT
    may: list[int] = sharable(held.contract.recipient, members, unasked=count).tolist()
    read: Callable[[list[int]], dict[int, str]] = (
        (lambda part: addresses(part, "sms")) if held.kind == "phone" else resident_numbers
    )
    kept: list[tuple[int, str]] = []
    for start in range(0, len(may), AT_ONCE):
        running.step(_("Reading identifiers"), start, len(may))
        texts = {c: normal(held.kind, given) for c, given in read(may[start : start + AT_ONCE]).items()}
        found = [(customer, text) for customer, text in texts.items() if text is not None]
        owners = owners_of(held.kind, [text for _c, text in found])
        # one that the search does not know is newer than the night: others may have it as well
        kept += [each for each, has in zip(found, owners, strict=True) if has == [each[0]]]
    kept.sort()
    return [c for c, _text in kept], [text for _c, text in kept]


def _differs_enough(held: JointQuestion, customers: list[int]) -> None:
    """Raises NotAllowed where the question would tell of a few by the difference to any earlier one the
    partner was asked, however long ago and under whatever contract. Two matches are not held apart: all whom
    they are about agreed to be told of one by one."""
    least, mine = minimum(held.contract), np.array(customers, np.int64)
    earlier = JointQuestion.objects.filter(contract__recipient=held.contract.recipient, asked__isnull=False)
    if held.mode == QuestionMode.MATCH:
        earlier = earlier.exclude(mode=QuestionMode.MATCH)
    # sets of sizes that lie further apart differ by more than that
    near = earlier.exclude(pk=held.pk).filter(rows__gt=len(mine) - least, rows__lt=len(mine) + least)
    for packed in near.values_list("asked", flat=True).iterator(chunk_size=20):
        other = audiences.unpacked(bytes(packed or b""))
        if 0 < len(np.setxor1d(mine, other, assume_unique=True)) < least:
            raise NotAllowed("it differs from an earlier question by too few customers")


def compare(running: Running, question: int) -> None:
    """Compares an answer and writes the result. Run again after a kill, it does the same."""
    held = _held(question)
    if held.state != QuestionState.ANSWERED:
        return
    try:
        require(held.contract, held.purpose, held.kind, held.mode)
        sheet = sheet_of(held.contract)
        path = joint_files.path_of(held.pk, Round.ANSWER)
        header, body = read_message(path, sheet, Round.ANSWER, now=held.answered_at)
        points, mode = split(body), rounds.Mode(held.mode)
        met = rounds.meet(
            mode, _mask(held), held.rows, points[: held.rows], points[held.rows :],
            lambda at, of: running.step(_("Comparing with the partner's list"), at, of),
        )  # fmt: skip
        result = _result(held, met)
        until = timezone.now() + dt.timedelta(days=value("joint.days"))
        reply = Header(
            header.contract, header.question, Round.RESULT, mode, header.kind, header.purpose,
            until.astimezone(SHANGHAI), len(result["own"]), 0, result["told"],
        )  # fmt: skip
        _done(held, result, reply)
    except NightError:  # no fault of the answer: the job tries again
        raise
    except (NotAllowed, Cancelled, QuankeError) as refused:
        _fail(held, refused)
        if not isinstance(refused, QuankeError):
            raise
        raise NotAllowed("the answer is none to this question") from None


def _result(held: JointQuestion, met: rounds.Met) -> dict[str, Any]:
    """What may be told: of a match only of customers who agree at this moment."""
    least = minimum(held.contract)
    if held.mode == QuestionMode.COUNT:
        return {"told": told(met.count, least), "own": [], "matched": None}
    ordered = np.frombuffer(bytes(held.ordered or b""), "<i4").astype(np.int64)
    customers = ordered[met.asked]
    agreed = np.isin(customers, sharable(held.contract.recipient, customers.tolist()))
    count = int(agreed.sum())
    if count < least:
        return {"told": None, "own": [], "matched": None}
    own = sorted(row for row, yes in zip(met.own, agreed.tolist(), strict=True) if yes)
    return {"told": count, "own": own, "matched": audiences.pack(customers[agreed])}


def _done(held: JointQuestion, result: dict[str, Any], reply: Header) -> None:
    with transaction.atomic():
        fresh = JointContract.objects.select_for_update().get(pk=held.contract_id)
        require(fresh, held.purpose, held.kind, held.mode)
        done = JointQuestion.objects.filter(pk=held.pk, state=QuestionState.ANSWERED).update(
            state=QuestionState.DONE, told=result["told"], few=result["told"] is None, mask=None,
            ordered=None, matched=result["matched"], done_at=timezone.now(), expires_at=reply.expires,
        )  # fmt: skip
        if done:  # else it lapsed, or another worker was first: the result of that one stays
            path = joint_files.path_of(held.pk, Round.RESULT)
            write_message(path, reply, as_rows(result["own"]), sheet_of(fresh))
            detail = {"told": result["told"], "mode": held.mode}
            audit.record(None, "joint.done", f"joint_question:{held.pk}", purpose=held.purpose, detail=detail)
    if done:
        joint_files.forget([held.pk], (Round.QUESTION, Round.ANSWER))


def _fail(held: JointQuestion, refused: Exception) -> None:
    rule = _noop("the answer is none to this question")
    if isinstance(refused, Cancelled):
        rule = _noop("it was cancelled")
    elif isinstance(refused, NotAllowed):
        rule = str(refused)
    fail(held, rule)


def _held(question: int) -> JointQuestion:
    return JointQuestion.objects.select_related("contract", "audience").get(pk=question)


def _mask(held: JointQuestion) -> Mask:
    if held.mask is None:
        raise NotAllowed("this question has ended")
    return Mask.of_hex(held.mask.open())
