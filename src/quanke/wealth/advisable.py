"""Who may be advised on a day, and the first rule that stops everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from quanke.kernel.reasons import Reason, reason

Flags = NDArray[np.bool_]


class Stop(StrEnum):
    """What follows: nothing is proposed (`NO`), or a person has to look first (`REVIEW`)."""

    NO = "NO"
    REVIEW = "REVIEW"


@dataclass(frozen=True, slots=True)
class AdviceStop:
    """One rule that stops advice: its number, what follows, what is said."""

    id: str
    verdict: Stop
    reason: Reason


def _stop(id_: str, verdict: Stop, zh: str, en: str) -> AdviceStop:
    return AdviceStop(id_, verdict, reason(id_, zh, en))


_NO, _REVIEW = Stop.NO, Stop.REVIEW
ADVICE_STOPS: tuple[AdviceStop, ...] = (
    _stop("ADV.nobody", _NO, "该客户号已并入其他客户", "the number was taken into another customer"),
    _stop("ADV.not_a_person", _NO, "非个人客户", "not a person"),
    _stop("ADV.closed", _NO, "客户关系已终止", "the relationship has ended"),
    _stop("ADV.deceased", _NO, "客户已身故", "the customer is known to have died"),
    _stop(
        "ADV.no_consent", _NO,
        "未同意或已撤回资产配置建议（PI-1）", "has not agreed to advice, or withdrew it (PI-1)",
    ),
    _stop("ADV.refused_profiling", _NO, "已拒绝画像（PI-4）", "refused profiling (PI-4)"),
    _stop(
        "ADV.unknown_age", _REVIEW,
        "年龄不明，须人工复核（SUI-1）", "the age is unknown: a person decides (SUI-1)",
    ),
    _stop("ADV.minor", _NO, "未成年人不提供配置建议（SUI-1）", "under age: no advice (SUI-1)"),
    _stop("ADV.no_account", _NO, "无在用账户", "no account is open"),
    _stop(
        "ADV.no_class", _NO,
        "无风险测评，请先测评（SUI-1）", "no risk assessment: assess first (SUI-1)",
    ),
    _stop(
        "ADV.expired", _NO,
        "风险测评已失效，请重新测评（SUI-2）", "the risk assessment no longer holds: assess again (SUI-2)",
    ),
    _stop(
        "ADV.unconfirmed", _REVIEW,
        "测评结果有变，待客户确认（SUI-2）",
        "the assessment changed the class, and the customer has not confirmed it (SUI-2)",
    ),
    _stop(
        "ADV.two_classes", _REVIEW,
        "客户资料与最近测评的等级不一致，须人工复核（SUI-2）",
        "the customer's record and the last assessment name different classes: a person decides (SUI-2)",
    ),
    _stop(
        "ADV.declined", _NO,
        "近期已拒绝配置建议，静默期内不再建议", "declined a proposal lately: left in peace for now",
    ),
    _stop(
        "ADV.control", _NO,
        "对照组，本期不提供建议", "in the control group: no proposal for now",
    ),
)  # fmt: skip
"""In the order they are asked; a code is the place here, from 1. Codes are stored: only ever add at the
end."""
_CODE = {each.id: code for code, each in enumerate(ADVICE_STOPS, 1)}
WITHHELD = ADVICE_STOPS[_CODE["ADV.control"] - 1]
"""Why a proposal that was made is not shown: found as for everybody, and kept to compare with."""


@dataclass(frozen=True, slots=True, eq=False)
class AdviceAsked:
    """What is asked of everybody; one row a customer, arrays of one length.

    `there` (somebody goes by the number), `person`, `closed`, `deceased`, `consent` (to advice), `refused`
    (profiling), `open` (an account); `age` in whole years, below 0 unknown; `risk_class` 1..5, 0 unknown, and
    `valid`; of the assessments on file the last `assessed` class (0: none on file) and `unconfirmed` (it
    changed, and the change was not confirmed); `declined` lately.
    """

    there: Flags
    person: Flags
    closed: Flags
    deceased: Flags
    consent: Flags
    refused: Flags
    open: Flags
    age: NDArray[np.int16]
    risk_class: NDArray[np.int8]
    valid: Flags
    assessed: NDArray[np.int8]
    unconfirmed: Flags
    declined: Flags


def stopped(asked: AdviceAsked, full_age: int) -> NDArray[np.int8]:
    """The code of the first rule that stops each customer; 0 for who may be advised."""
    age = asked.age
    tests = {
        "ADV.nobody": ~asked.there,
        "ADV.not_a_person": ~asked.person,
        "ADV.closed": asked.closed,
        "ADV.deceased": asked.deceased,
        "ADV.no_consent": ~asked.consent,
        "ADV.refused_profiling": asked.refused,
        "ADV.unknown_age": age < 0,
        "ADV.minor": (age >= 0) & (age < full_age),
        "ADV.no_account": ~asked.open,
        "ADV.no_class": asked.risk_class == 0,
        "ADV.expired": ~asked.valid,
        "ADV.unconfirmed": asked.unconfirmed,
        "ADV.two_classes": (asked.assessed > 0) & (asked.assessed != asked.risk_class),
        "ADV.declined": asked.declined,
    }
    found = np.zeros(len(age), np.int8)
    for id_ in reversed(list(tests)):
        found[tests[id_]] = _CODE[id_]
    return found


def advice_stop(code: int) -> AdviceStop | None:
    """The rule behind a code; None for 0."""
    return ADVICE_STOPS[code - 1] if code else None
