"""Every change of contracts with partners: made, asked for, agreed by committee and compliance, ended.

Two decide: the committee that the bank wants it, then compliance that it may. Who made a contract or asked
for it decides neither, and nobody decides both.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as _noop

from quanke_desk.campaigns import joint_files, joint_questions
from quanke_desk.campaigns.joint_terms import KINDS, PURPOSES, kind_word, purpose_word, require, sheet_of
from quanke_desk.campaigns.models import ContractState, JointContract, JointQuestion, QuestionState
from quanke_desk.foundation import approvals, audit
from quanke_desk.foundation.local_form import day
from quanke_desk.foundation.models import Approval, ApprovalState, Job, JobState, Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

AGREE, CONFIRM = "joint.agree", "joint.confirm"
LONGEST = 366
LONGEST_REASON = 200
MOST_ROWS = 5_000_000
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,31}\Z")
_OPEN = (QuestionState.MAKING, QuestionState.READY, QuestionState.ANSWERED)
_JOBS = {
    QuestionState.MAKING: joint_questions.PREPARE, QuestionState.ANSWERED: joint_questions.COMPARE,
}  # fmt: skip


def make_contract(
    code: str,
    partner: str,
    recipient: str,
    purposes: Collection[str],
    kinds: Collection[str],
    since: dt.date,
    until: dt.date,
    *,
    by: Person,
    minimum: int = 50,
    daily: int = 3,
    most_rows: int = 1_000_000,
    modelling: bool = False,
) -> JointContract:
    """Writes a contract down; nothing may be done under it yet. Raises NotAllowed with field and rule."""
    _may(by, May.CAMPAIGN)
    if not _CODE.match(code):
        raise NotAllowed("code: letters, digits and hyphens, 3 to 32")
    for text, most in ((partner, 80), (recipient, 64)):
        said = text.strip()
        if not said or len(said) > most or "\x00" in said or re.search(r"\d{11,}", said):
            raise NotAllowed("partner and recipient: names, as the consents of customers have them")
    if not purposes or not set(purposes) <= set(PURPOSES):
        raise NotAllowed("purposes: at least one of the choices")
    if not kinds or not set(kinds) <= set(KINDS):
        raise NotAllowed("identifiers: at least one of the choices")
    if until < since or until < timezone.localdate():
        raise NotAllowed("until: today or later, and not before the first day")
    if (until - since).days > LONGEST:
        raise NotAllowed("until: at most a year after the first day")
    if not value("joint.minimum") <= minimum <= 1_000_000:
        raise NotAllowed("minimum: not below the bank's own")
    if not 1 <= daily <= 50 or not minimum <= most_rows <= MOST_ROWS:
        raise NotAllowed("limits: 1 to 50 questions a day, and at most 5,000,000 rows")
    try:
        with transaction.atomic():
            made = JointContract.objects.create(
                code=code, partner=" ".join(partner.split()), recipient=recipient.strip(),
                purposes=[p for p in PURPOSES if p in purposes], kinds=[k for k in KINDS if k in kinds],
                since=since, until=until, minimum=minimum, daily=daily, most_rows=most_rows,
                modelling=modelling, made_by=by,
            )  # fmt: skip
            audit.record(by, "joint.contract", f"joint_contract:{made.pk}", detail={"code": code})
            return made
    except IntegrityError:
        raise NotAllowed("code: another contract has it") from None


def ask_contract(contract: JointContract, *, by: Person, reason: str) -> Approval:
    """Asks the committee to agree; compliance is asked when it has. Raises NotAllowed."""
    _reasoned(reason)
    with transaction.atomic():
        held = _settled(contract)
        if held.state != ContractState.DRAFT:
            raise NotAllowed("it is asked for already, or decided")
        if held.until < timezone.localdate():
            raise NotAllowed("the term of the contract is over")
        asked = approvals.ask(AGREE, f"joint_contract:{held.pk}", {"contract": held.pk}, by=by, reason=reason)
        held.state, held.committee, held.compliance = ContractState.ASKED, asked, None
        held.save(update_fields=["state", "committee", "compliance"])
        return asked


def end_contract(contract: JointContract, *, by: Person, reason: str) -> None:
    """Ends a contract at once: its key and every open mask are gone, and open questions with them; audiences
    that came of it are empty from now on. Raises NotAllowed."""
    if not any(by.may(m) for m in (May.CAMPAIGN, May.CAMPAIGN_DECIDE, May.SHARE_DECIDE)):
        raise NotAllowed("your role may not do this")
    _reasoned(reason)
    with transaction.atomic():
        held = JointContract.objects.select_for_update().get(pk=contract.pk)
        if held.state == ContractState.ENDED:
            raise NotAllowed("the contract has ended")
        numbers, _open = _over(held, by, reason.strip())
        transaction.on_commit(lambda: joint_files.forget(numbers))


def _over(held: JointContract, by: Person | None, reason: str) -> tuple[list[int], int]:
    """What the end of a contract takes away, inside a transaction that holds it: its questions, whose files
    are to go, and how many of them were open."""
    held.state, held.key, held.ended_at = ContractState.ENDED, None, timezone.now()
    held.save(update_fields=["state", "key", "ended_at"])
    open_ = held.questions.filter(state__in=_OPEN).update(state=QuestionState.LAPSED)
    held.questions.update(mask=None, ordered=None, matched=None)
    audit.record(by, "joint.end", f"joint_contract:{held.pk}", reason=reason)
    return list(held.questions.values_list("pk", flat=True)), open_


def sheet(contract: JointContract, *, by: Person) -> str:
    """The sheet of a contract for the partner, key included: taking it is on record. Raises NotAllowed."""
    _may(by, May.CAMPAIGN)
    with transaction.atomic():
        held = JointContract.objects.select_for_update().get(pk=contract.pk)
        require(held)
        audit.record(by, "joint.sheet", f"joint_contract:{held.pk}")
        return sheet_of(held).to_json()


def lapse() -> int:
    """Ends contracts whose term is over, and questions that waited too long for their file or their answer;
    an answer that came in time is compared. Keys, masks and files are gone. Answers how many questions."""
    now, count = timezone.now(), _terms_over()
    waiting = JointQuestion.objects.filter(state__in=(QuestionState.MAKING, QuestionState.READY))
    for number, state in waiting.filter(expires_at__lte=now).values_list("pk", "state"):
        as_read = JointQuestion.objects.filter(pk=number, state=state)
        if as_read.update(state=QuestionState.LAPSED, mask=None, ordered=None):
            joint_files.forget([number])  # of one that moved on meanwhile the files are wanted
            count += 1
    _left_behind()
    over = JointQuestion.objects.exclude(state__in=_OPEN).filter(expires_at__lte=now)
    joint_files.forget(over.values_list("pk", flat=True))
    return count


def _terms_over() -> int:
    """Ends contracts whose last day has passed. Answers how many questions were open."""
    count, today = 0, timezone.localdate()
    past = JointContract.objects.filter(state=ContractState.APPROVED, until__lt=today)
    for number in list(past.values_list("pk", flat=True)):
        with transaction.atomic():
            held = past.select_for_update().filter(pk=number).first()
            if held is None:  # another worker, or somebody, ended it
                continue
            numbers, open_ = _over(held, None, _noop("the term of the contract is over"))
        joint_files.forget(numbers)
        count += open_
    return count


def _left_behind() -> None:
    """Fails questions whose job has ended without them: it was cancelled while it waited, given up after its
    last try, or whoever began it may not any more."""
    alive = (JobState.WAITING, JobState.RUNNING)
    working = JointQuestion.objects.filter(state__in=_JOBS).select_related("contract")
    for held in working.defer("asked", "ordered", "matched"):
        jobs = Job.objects.filter(kind=_JOBS[QuestionState(held.state)], arguments__question=held.pk)
        last = jobs.order_by("-id").values_list("state", flat=True).first()
        if last == JobState.CANCELLED:
            joint_questions.fail(held, _noop("it was cancelled"))
        elif last not in alive:
            joint_questions.fail(held, _noop("its job ended without it: ask again"))


def _settled(contract: JointContract) -> JointContract:
    """The contract, locked; refused or taken back on the way, it is a draft again."""
    held = JointContract.objects.select_for_update(of=("self",)).select_related("committee", "compliance")
    found = held.get(pk=contract.pk)
    if found.state in (ContractState.ASKED, ContractState.AGREED) and given_back(found):
        found.state = ContractState.DRAFT
        found.save(update_fields=["state"])
    return found


def given_back(contract: JointContract) -> bool:
    """Whether a contract that was asked for came back without being agreed to."""
    back = (ApprovalState.REFUSED, ApprovalState.WITHDRAWN, ApprovalState.FAILED)
    asked = contract.committee if contract.state == ContractState.ASKED else contract.compliance
    return asked is not None and asked.state in back


def _agreed(asked: Approval, by: Person) -> None:
    held = _asked_for(asked, ContractState.ASKED)
    if held.committee_id != asked.pk:
        raise NotAllowed("it was changed since it was asked for")
    held.state = ContractState.AGREED
    held.compliance = approvals.ask(
        CONFIRM, f"joint_contract:{held.pk}", {"contract": held.pk}, by=by, reason=asked.reason
    )
    held.save(update_fields=["state", "compliance"])


def _confirmed(asked: Approval, by: Person) -> None:
    held = _asked_for(asked, ContractState.AGREED)
    if held.compliance_id != asked.pk:
        raise NotAllowed("it was changed since it was asked for")
    held.state, held.key = ContractState.APPROVED, secrets.token_hex(32)
    held.save(update_fields=["state", "key"])
    audit.record(by, "joint.approve", f"joint_contract:{held.pk}", detail={"code": held.code})


def _asked_for(asked: Approval, state: ContractState) -> JointContract:
    held = JointContract.objects.select_for_update().get(pk=asked.arguments["contract"])
    if held.state != state:
        raise NotAllowed("it was changed since it was asked for")
    if held.until < timezone.localdate():
        raise NotAllowed("the term of the contract is over")
    return held


def _bars(asked: Approval, by: Person) -> str:
    held = JointContract.objects.select_related("committee").get(pk=asked.arguments["contract"])
    if by.pk == held.made_by_id or (held.committee and by.pk == held.committee.asked_by_id):
        return "who made it or asked for it does not decide"
    return ""


def _described(asked: Approval) -> list[tuple[str, str]]:
    held = JointContract.objects.get(pk=asked.arguments["contract"])
    return [
        (gettext("Contract"), held.code),
        (gettext("Partner"), f"{held.partner} ({held.recipient})"),
        (gettext("Purposes"), ", ".join(purpose_word(p) for p in held.purposes)),
        (gettext("Identifiers"), ", ".join(kind_word(k) for k in held.kinds)),
        (gettext("Valid"), f"{day(held.since)} – {day(held.until)}"),
        (gettext("Smallest list and count"), f"{held.minimum:,}"),
        (gettext("Questions in a day"), str(held.daily)),
        (gettext("Rows of the partner's list at most"), f"{held.most_rows:,}"),
        (
            gettext("Looking for customers alike"),
            gettext("allowed") if held.modelling else gettext("not allowed"),
        ),
    ]


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise NotAllowed("a reason is required")
    if len(reason.strip()) > LONGEST_REASON or "\x00" in reason:
        raise NotAllowed("a reason has at most 200 signs")


def _may(by: Person, may: May) -> None:
    if not by.may(may):
        raise NotAllowed("your role may not do this")


approvals.declare(
    approvals.ApprovalKind(
        AGREE,
        _("Joint operations with a partner: the committee"),
        asks=May.CAMPAIGN,
        decides=May.CAMPAIGN_DECIDE,
        carry_out=_agreed,
        bars=_bars,
        described=_described,
    )
)
approvals.declare(
    approvals.ApprovalKind(
        CONFIRM,
        _("Joint operations with a partner: compliance"),
        asks=May.CAMPAIGN_DECIDE,
        decides=May.SHARE_DECIDE,
        carry_out=_confirmed,
        bars=_bars,
        described=_described,
    )
)
