"""What a contract with a partner allows today: asked at every step, by what comes in, is made, and leaves."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from quanke.joint.contract import Sheet
from quanke_desk.campaigns.known import among
from quanke_desk.campaigns.models import (
    Audience,
    AudienceKind,
    AudienceVersion,
    ContractState,
    JointContract,
    Origin,
    QuestionMode,
    Send,
)
from quanke_desk.customers.sharing import sharable
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed

BANK = "bank"
PURPOSES: Mapping[str, Promise] = {
    "marketing": _("Offers to customers of both"),
    "service": _("Service to customers of both"),
    "measurement": _("Counts only: how large the overlap is"),
}
KINDS: Mapping[str, Promise] = {
    "phone": _("Mobile numbers"), "document": _("Numbers of resident identity cards"),
}  # fmt: skip
MATCHED_FOR = frozenset({"marketing", "service"})
"""Purposes for which one may ask who; for the others only how many."""


def purpose_word(code: str) -> str:
    """A purpose of a contract in words; the code itself of one this desk does not know."""
    return str(PURPOSES.get(code, code))


def kind_word(code: str) -> str:
    """A kind of identifier in words; the code itself of one this desk does not know."""
    return str(KINDS.get(code, code))


def why_not(contract: JointContract, on: dt.date | None = None) -> str:
    """Why nothing may be done under a contract on a day (default: today), empty where it may."""
    day = on or timezone.localdate()
    if contract.state == ContractState.ENDED:
        return "the contract has ended"
    if contract.state != ContractState.APPROVED:
        return "the contract is not approved"
    if day < contract.since:
        return "the contract has not begun"
    if day > contract.until:
        return "the term of the contract is over"
    return ""


def require(contract: JointContract, purpose: str = "", kind: str = "", mode: str = "") -> None:
    """Raises NotAllowed with the rule where a contract does not cover what is to be done now."""
    if rule := why_not(contract):
        raise NotAllowed(rule)
    if purpose and purpose not in contract.purposes:
        raise NotAllowed("the contract does not name this purpose")
    if kind and kind not in contract.kinds:
        raise NotAllowed("the contract does not allow this kind of identifier")
    if mode == QuestionMode.MATCH and purpose not in MATCHED_FOR:
        raise NotAllowed("for this purpose only counts may be asked")


def minimum(contract: JointContract) -> int:
    """Lists and counts below it are not compared and not told: the stricter of contract and bank, and never
    below what hides audiences."""
    return max(contract.minimum, value("joint.minimum"), value("audience.hide_below"))


def daily(contract: JointContract) -> int:
    """Questions to the partner in a day: the stricter of contract and bank."""
    return min(contract.daily, value("joint.questions"))


def told(count: int, least: int) -> int | None:
    """A count as it may be told: rounded down to the bank's step, null below the minimum."""
    if count < least:
        return None
    step = value("joint.round")
    return max(count // step * step, least)


def sheet_of(contract: JointContract) -> Sheet:
    """The contract as both sides hold it, key included. Raises NotAllowed where it has no key."""
    if contract.key is None:
        raise NotAllowed("the contract is not approved")
    return Sheet(
        contract.code, BANK, contract.partner, tuple(contract.purposes), tuple(contract.kinds),
        contract.since, contract.until, contract.minimum, contract.most_rows,
        bytes.fromhex(contract.key.open()),
    )  # fmt: skip


def came_of(version: AudienceVersion | None) -> list[Origin]:
    """The contracts, each with its purpose, a version came of; a condition has nothing of a partner's."""
    if version is None or version.kind == AudienceKind.LIVE:
        return []
    return list(Origin.objects.filter(audience=version.audience_id).select_related("contract"))


def inherit(made: Audience, version: AudienceVersion, way: str) -> list[str]:
    """Puts an audience under the contracts that the one it was made of is under, inside the transaction that
    makes it. Answers their numbers."""
    origins = came_of(version)
    Origin.objects.bulk_create(
        [
            Origin(audience=made, contract=each.contract, purpose=each.purpose, way=way, of=version)
            for each in origins
        ],
        ignore_conflicts=True,
    )
    return sorted({each.contract.code for each in origins})


def require_modelling(version: AudienceVersion) -> None:
    """Raises NotAllowed with the rule where others alike may not be looked for by an audience: a contract it
    came of is over, or does not allow that."""
    for each in came_of(version):
        require(each.contract)
        if not each.contract.modelling:
            raise NotAllowed("the contract with the partner does not allow looking for customers alike")


def require_askable(version: AudienceVersion, contract: JointContract, purpose: str) -> None:
    """Raises NotAllowed where a partner may not be asked about an audience: another partner's list would be
    told of, or what was told for one purpose would be used for another."""
    for each in came_of(version):
        if each.contract.recipient != contract.recipient:
            raise NotAllowed("the audience came of another partner, who did not agree to that")
        require(each.contract)
    require_purpose(version, purpose)


def still_covered(audience: int, members: NDArray[np.int64], of: Base) -> NDArray[np.int64]:
    """Of the members of an audience those whom it may still have: all, where it came of no partner; where it
    did, at first hand or not, nobody once a contract it came of is over, and nobody who has withdrawn his
    consent, died or left."""
    contracts = JointContract.objects.filter(origins__audience=audience).distinct()
    for contract in contracts:
        if why_not(contract):
            return np.zeros(0, np.int64)
        members = sharable(contract.recipient, members.tolist(), of)
    return members


def require_purpose(version: AudienceVersion | None, purpose: str) -> None:
    """Raises NotAllowed where the customers of an audience were told of by a partner for another purpose than
    they are to be used for now, or were found by such."""
    if not {each.purpose for each in came_of(version)} <= {purpose}:
        raise NotAllowed("the audience came of a partner for another purpose")


def no_longer_covered(sends: Sequence[Send]) -> frozenset[int]:
    """Numbers (pk) of those of some sends whose journey has its audience of a partner, and may not have this
    customer any more, or never for this purpose. Enrolled long ago: asked again whenever something leaves."""
    of: dict[int, set[str]] = defaultdict(set)
    for audience, purpose in Origin.objects.values_list("audience", "purpose"):
        of[audience].add(purpose)
    if not of:
        return frozenset()
    numbers = np.array([send.pk for send in sends], np.int64)
    joint = among(Send.objects.all(), "pk", numbers).filter(
        enrolment__version__audience__audience__in=list(of)
    )
    rows = joint.exclude(enrolment__version__audience__kind=AudienceKind.LIVE)
    by_audience: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for audience, *row in rows.values_list(
        "enrolment__version__audience__audience", "pk", "customer", "purpose"
    ):
        by_audience[audience].append((row[0], row[1], row[2]))
    gone: set[int] = set()
    for audience, those in by_audience.items():
        people = np.unique(np.array([customer for _pk, customer, _p in those], np.int64))
        still = set(still_covered(audience, people, base()).tolist())
        gone |= {pk for pk, customer, p in those if customer not in still or {p} != of[audience]}
    return frozenset(gone)
