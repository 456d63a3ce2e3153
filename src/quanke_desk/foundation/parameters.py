"""Settings of the desk as dated parameters: declared here, changed by rows with a day and a reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from quanke_desk.foundation import audit
from quanke_desk.foundation.models import ParameterValue, Person


@dataclass(frozen=True)
class Parameter:
    """One whole number the bank sets, between `least` and `most`, with what holds until it does."""

    name: str
    zh: str
    en: str
    unit: str
    default: int
    least: int
    most: int


PARAMETERS = {
    p.name: p
    for p in (
        Parameter("login.tries", "登录失败锁定次数", "Failures before a name is locked", "times", 5, 3, 20),
        Parameter("login.window", "登录失败计数时长", "Time in which failures count", "minutes", 15, 5, 1440),
        Parameter("session.most", "同一人员最多会话数", "Sessions of a person at once", "sessions", 2, 1, 10),
    )
}  # fmt: skip


class ParameterError(ValueError):
    """A parameter that is not declared, or a value it cannot have."""


def value(name: str, on: dt.date | None = None) -> int:
    """What a parameter is on a day (default: today). Raises ParameterError for a name not declared."""
    declared = _declared(name)
    day = on or timezone.localdate()
    row = ParameterValue.objects.filter(name=name, since__lte=day).order_by("-since", "-id").first()
    return declared.default if row is None else int(row.value)


def change(name: str, to: int, since: dt.date, *, by: Person, reason: str) -> ParameterValue:
    """Sets a parameter from a day on, which may not lie in the past: what was decided by it stays.
    Raises ParameterError with the rule that was broken."""
    declared = _declared(name)
    if isinstance(to, bool) or not isinstance(to, int) or not declared.least <= to <= declared.most:
        raise ParameterError(f"{name}: {declared.least} to {declared.most} {declared.unit}")
    if since < timezone.localdate():
        raise ParameterError(f"{name}: from today on, or later")
    if not reason.strip():
        raise ParameterError(f"{name}: a reason is required")
    with transaction.atomic():
        row = ParameterValue.objects.create(name=name, value=to, since=since, by=by, reason=reason.strip())
        detail = {"to": to, "since": since.isoformat()}
        audit.record(by, "parameters.change", f"parameter:{name}", reason=reason.strip(), detail=detail)
        return row


def _declared(name: str) -> Parameter:
    if name not in PARAMETERS:
        raise ParameterError(f"no parameter {name}: {', '.join(PARAMETERS)}")
    return PARAMETERS[name]
