"""Who sets parameters: one person alone, or for guarded ones one who asks and another who decides."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation import approvals, parameters
from quanke_desk.foundation.approvals import ApprovalKind
from quanke_desk.foundation.local_form import day
from quanke_desk.foundation.models import Approval, AuditEntry, ParameterValue, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

_GIVEN = ("people.made", "people.role", "people.password_link", "people.factors")


def set_parameter(
    name: str, to: Any, since: dt.date, *, by: Person, reason: str
) -> ParameterValue | Approval:
    """Sets a parameter from a day on; of a guarded one, asks for it. Raises NotAllowed where a role may not,
    and parameters.ParameterError with the rule that was broken."""
    if not by.may(May.SETTINGS):
        raise NotAllowed("your role may not")
    parameters.check(name, to, since, reason)
    if not parameters.declared_as(name).guarded:
        return parameters.change(name, to, since, by=by, reason=reason)
    before = parameters.held(name, on=since)
    arguments = {"name": name, "to": to, "since": since.isoformat(), "before": before}
    return approvals.ask(KIND.name, f"parameter:{name}", arguments, by=by, reason=reason)


def _carry_out(asked: Approval, by: Person) -> None:
    held = asked.arguments
    try:
        since = dt.date.fromisoformat(held["since"])
        parameters.change(held["name"], held["to"], since, by=asked.asked_by, reason=asked.reason)
    except parameters.ParameterError as error:
        raise NotAllowed(error.rule % error.values) from error


def _bars(asked: Approval, by: Person) -> str:
    """Who keeps people could make himself a second pair of eyes: whom he made, gave a role or a password
    does not decide what he asks for, for a quarter of a year."""
    since = timezone.now() - dt.timedelta(days=92)
    given = AuditEntry.objects.filter(
        person=asked.asked_by, action__in=_GIVEN, subject=f"person:{by.pk}", at__gte=since
    )
    return "who asked gave you your role or your password lately" if given.exists() else ""


def _described(asked: Approval) -> list[tuple[str, str]]:
    held = asked.arguments
    declared = parameters.PARAMETERS.get(held["name"])
    if declared is None:
        return []
    title = declared.en if (get_language() or "").startswith("en") else declared.zh
    return [
        (gettext("Parameter"), f"{title} ({declared.name})"),
        (gettext("Before"), shown(declared, held["before"])),
        (gettext("After"), shown(declared, held["to"])),
        (gettext("Holds from"), day(held["since"])),
    ]


def shown(declared: parameters.Parameter, held: Any) -> str:
    """A value of a parameter as a person reads it."""
    titles = dict(declared.choices)
    if declared.kind == parameters.CHOICES:
        return "、".join(str(titles.get(one, one)) for one in held) or "-"
    if declared.kind == parameters.CHOICE:
        return str(titles.get(held, held))
    unit = parameters.UNITS.get(declared.unit, declared.unit)
    return f"{held} {unit}".strip() or "-"


KIND = approvals.declare(
    ApprovalKind(
        "parameter.change",
        _("Change of a guarded parameter"),
        asks=May.SETTINGS,
        decides=May.SETTINGS_DECIDE,
        carry_out=_carry_out,
        bars=_bars,
        described=_described,
    )
)
