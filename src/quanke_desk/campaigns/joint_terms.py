"""What a contract with a partner allows today: asked at every step, by what comes in, is made, and leaves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from quanke.joint.contract import Sheet
from quanke_desk.campaigns.models import ContractState, JointContract, JointQuestion, QuestionMode
from quanke_desk.customers.sharing import sharing_with
from quanke_desk.foundation.analytic import Base
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


def still_covered(audience: int, members: NDArray[np.int64], of: Base) -> NDArray[np.int64]:
    """Of the members of an audience those whom it may still have: all, where it came of no partner; where it
    did, nobody once the contract is over, and nobody who has withdrawn his consent."""
    contract = JointContract.objects.filter(questions__saved_as=audience).first()
    if contract is None:
        return members
    if why_not(contract):
        return np.zeros(0, np.int64)
    said = sharing_with(contract.recipient, members.tolist(), of)
    return np.array([c for c in members.tolist() if said.get(c) is True], np.int64)


def of_audience(audience: int) -> JointQuestion | None:
    """The question an audience came of, null for none."""
    return JointQuestion.objects.filter(saved_as=audience).select_related("contract").first()
