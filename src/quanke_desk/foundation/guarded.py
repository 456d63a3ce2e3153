"""Guarded roles: to give one, or to let who has one in anew, takes a second person.

Otherwise who keeps people could make himself a person of compliance, or become the one there is: give the
role, take the second factor away, make a link, and log in as him. Standard: separation of duties with two
people for what grants power (NIST SP 800-53, AC-5; JR/T 0071, four eyes).
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation import approvals, people
from quanke_desk.foundation.approvals import ApprovalKind
from quanke_desk.foundation.models import Approval, ApprovalState, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import GUARDED, May, Role

ROLE, FACTORS, LINK = "role", "factors", "link"
TITLES = {
    ROLE: _("Give a guarded role"),
    FACTORS: _("Take second factors away"),
    LINK: _("Link to set a password"),
}
AGREED_FOR = dt.timedelta(days=1)
"""How long a link that was agreed to may be made, once."""


def needs_two(person: Person, what: str, role: str = "") -> bool:
    """Whether what is meant to be done takes a second person: `what` is ROLE (`role` the new one), FACTORS or
    LINK."""
    return (role if what == ROLE else person.role) in GUARDED


def ask_for(what: str, person: Person, *, by: Person, reason: str, role: str = "") -> Approval:
    """Asks a second person. Raises NotAllowed where it would be refused anyway."""
    if what not in TITLES or (what == ROLE and role not in Role.values):
        raise NotAllowed("no such role")
    if person.pk == by.pk:
        raise NotAllowed("nobody changes himself")
    if not person.is_active:
        raise NotAllowed("this person has left")
    held = {"what": what, "person": person.pk, "role": role, "was": person.role}
    return approvals.ask(f"people.{what}", f"person:{person.pk}", held, by=by, reason=reason)


def agreed_link(person: Person, *, by: Person, reason: str) -> str:
    """Token of a link for a person of a guarded role, once after another agreed and for a day. Raises
    NotAllowed."""
    with transaction.atomic():
        asked = _agreed(person, by).select_for_update().first()
        if asked is None or asked.arguments["was"] != person.role:
            raise NotAllowed("for this role a second person has to agree")
        asked.arguments = {**asked.arguments, "used": True}
        asked.save(update_fields=["arguments"])
        return people.link_for(person, by=by, reason=reason, agreed=asked.decided_by)


def may_make_link(person: Person, by: Person) -> bool:
    """Whether another agreed to a link that was not made yet."""
    return any(asked.arguments["was"] == person.role for asked in _agreed(person, by))


def _agreed(person: Person, by: Person) -> QuerySet[Approval]:
    found = Approval.objects.filter(kind=f"people.{LINK}", subject=f"person:{person.pk}", asked_by=by)
    since = timezone.now() - AGREED_FOR
    return found.filter(state=ApprovalState.DONE, decided_at__gte=since, arguments__used__isnull=True)


def _carry_out(asked: Approval, by: Person) -> None:
    held = asked.arguments
    person = Person.objects.select_for_update().get(pk=held["person"])
    if not person.is_active or person.role != held["was"]:
        raise NotAllowed("the person has changed since it was asked")
    if held["what"] == ROLE:
        people.give_role(person, held["role"], by=asked.asked_by, reason=asked.reason, agreed=by)
    elif held["what"] == FACTORS:
        people.take_factors(person, by=asked.asked_by, reason=asked.reason, agreed=by)


def _bars(asked: Approval, by: Person) -> str:
    return "nobody decides about himself" if asked.arguments["person"] == by.pk else ""


def _described(asked: Approval) -> list[tuple[str, str]]:
    person = Person.objects.get(pk=asked.arguments["person"])
    roles = dict(Role.choices)
    lines = [
        (gettext("Person"), f"{person.name} ({person.username})"),
        (gettext("Role"), str(roles[asked.arguments["was"]])),
    ]
    if asked.arguments["what"] == ROLE:
        lines.append((gettext("New role"), str(roles[asked.arguments["role"]])))
    return lines


for _what, _title in TITLES.items():
    approvals.declare(
        ApprovalKind(
            f"people.{_what}",
            _title,
            asks=May.PEOPLE,
            decides=May.PEOPLE_DECIDE,
            carry_out=_carry_out,
            bars=_bars,
            described=_described,
            deciders=lambda asked: [
                person
                for person in Person.objects.filter(role__in=(Role.ADMINISTRATOR, Role.COMPLIANCE))
                if person.is_active and not approvals.why_not(asked, person)
            ],
        )
    )
