"""Every change of an audience: saved, changed, set back, put away; and the long jobs that make one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from quanke.kernel.errors import AudienceError, QuankeError
from quanke_desk.campaigns import audiences
from quanke_desk.campaigns.joint_terms import inherit, require_modelling
from quanke_desk.campaigns.models import Audience, AudienceKind, AudienceVersion
from quanke_desk.foundation import audit, jobs
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Job, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

ALIKE = "campaigns.alike"
MOST_ALIKE = 1_000_000
_LONG_DIGITS = re.compile(r"\d{7,}")


def save(title: str, text: str, kind: str, *, by: Person) -> Audience:
    """Saves a condition under a title: live, or frozen with its very members. Raises NotAllowed."""
    _may(by)
    said = titled(title)
    with transaction.atomic():
        made = Audience.objects.create(title=said, made_by=by)
        version = _laid(made, 1, text, kind, by)
        audit.record(by, "audience.save", f"audience:{made.pk}", detail=_told(version))
        return made


def change(audience: Audience, text: str, kind: str, *, by: Person) -> AudienceVersion:
    """A new version of a saved audience; the older ones stay. Raises NotAllowed, also where nothing would
    change."""
    _may(by)
    with transaction.atomic():
        before = _last(audience)
        if kind == before.kind == AudienceKind.LIVE and text.strip() == before.text:
            raise NotAllowed("nothing was changed")
        version = _laid(audience, before.number + 1, text, kind, by)
        audit.record(by, "audience.change", f"audience:{audience.pk}", detail=_told(version))
        return version


def set_back(audience: Audience, number: int, *, by: Person) -> AudienceVersion:
    """Makes an older version the one in force, as a new version. Raises NotAllowed."""
    _may(by)
    with transaction.atomic():
        before = _last(audience)
        old = audience.versions.filter(number=number).first()
        if old is None or old.number == before.number:
            raise NotAllowed("no older version of this number")
        if old.kind == AudienceKind.LIVE:
            version = _laid(audience, before.number + 1, old.text, old.kind, by)
        else:
            version = AudienceVersion.objects.create(
                audience=audience, number=before.number + 1, kind=old.kind, text=old.text, night=old.night,
                size=old.size, members=old.members, proof=old.proof, by=by,
            )  # fmt: skip
        detail = {**_told(version), "of": number}
        audit.record(by, "audience.set_back", f"audience:{audience.pk}", detail=detail)
        return version


def rename(audience: Audience, title: str, *, by: Person) -> None:
    """Gives an audience another title. Raises NotAllowed."""
    _may(by)
    with transaction.atomic():
        _last(audience)
        audience.title = titled(title, audience)
        audience.save(update_fields=["title"])
        audit.record(by, "audience.rename", f"audience:{audience.pk}")


def put_away(audience: Audience, away: bool, *, by: Person) -> None:
    """Takes an audience out of the list, or back into it. Journeys that use it go on. Raises NotAllowed."""
    _may(by)
    with transaction.atomic():
        held = Audience.objects.select_for_update().get(pk=audience.pk)
        if (held.put_away_at is not None) is away:
            raise NotAllowed("it is so already")
        if not away:
            titled(held.title, held)
        held.put_away_at = timezone.now() if away else None
        held.save(update_fields=["put_away_at"])
        action = "audience.put_away" if away else "audience.take_back"
        audit.record(by, action, f"audience:{held.pk}")


def keep_members(
    title: str,
    members: NDArray[np.int64],
    kind: str,
    text: str,
    proof: str,
    *,
    by: Person,
    of: AudienceVersion | None = None,
    way: str = "",
) -> Audience:
    """Saves customers themselves: of a list that was brought, or found by scores. What was made of another
    audience (`of`, and the `way`) is under the contracts with partners that one is under. Raises NotAllowed.
    """
    _may(by)
    said = titled(title)
    if not len(members):
        raise NotAllowed("nobody is in it")
    with transaction.atomic():
        made = Audience.objects.create(title=said, made_by=by)
        version = AudienceVersion.objects.create(
            audience=made, number=1, kind=kind, text=text, night=base().day, size=len(members),
            members=audiences.pack(members), proof=proof, by=by,
        )  # fmt: skip
        under = inherit(made, of, way) if of is not None else []
        detail = _told(version) | ({"contracts": under} if under else {})
        audit.record(by, "audience.save", f"audience:{made.pk}", detail=detail)
        return made


def look_alike(version: AudienceVersion, size: int, title: str, *, by: Person) -> Job:
    """Begins to look for customers most like those of a version. Raises NotAllowed, also where a contract
    with a partner it came of does not allow that."""
    _may(by)
    require_modelling(version)
    if not audiences.bound() <= size <= MOST_ALIKE:
        raise NotAllowed("too few or too many customers: from the smallest size told to 1,000,000")
    arguments = {"version": version.pk, "size": size, "title": titled(title)}
    return jobs.begin(ALIKE, arguments, by=by)


def titled(title: str, own: Audience | None = None) -> str:
    """A title as it may be. Raises NotAllowed."""
    said = " ".join(title.split())
    if not said or len(said) > 80 or "\x00" in said:
        raise NotAllowed("a title has 1 to 80 signs")
    if _LONG_DIGITS.search(said):
        raise NotAllowed("no numbers of customers in a title")
    others = Audience.objects.filter(title=said, put_away_at=None)
    if (others.exclude(pk=own.pk) if own else others).exists():
        raise NotAllowed("an audience of this title is there already")
    return said


def _may(by: Person) -> None:
    if not by.may(May.CAMPAIGN):
        raise NotAllowed("your role may not save audiences")


def _last(audience: Audience) -> AudienceVersion:
    """The version in force, while nobody else changes the audience. Raises NotAllowed."""
    held = Audience.objects.select_for_update().get(pk=audience.pk)
    if held.put_away_at is not None:
        raise NotAllowed("this audience was put away")
    return audiences.current(held)


def _laid(audience: Audience, number: int, text: str, kind: str, by: Person) -> AudienceVersion:
    said = text.strip()
    if kind not in (AudienceKind.LIVE, AudienceKind.FROZEN):
        raise NotAllowed("an audience is live or frozen")
    if not said:
        raise NotAllowed("say who belongs to the audience")
    held = base()
    try:
        members = audiences.among(said, held)
    except AudienceError:
        raise NotAllowed("the text of the audience cannot be understood") from None
    except QuankeError:
        raise NotAllowed("the audience cannot be counted on this night") from None
    kept = audiences.pack(members.numbers()) if kind == AudienceKind.FROZEN else None
    return AudienceVersion.objects.create(
        audience=audience, number=number, kind=kind, text=said, night=held.day, size=len(members),
        members=kept, by=by,
    )  # fmt: skip


def _told(version: AudienceVersion) -> dict[str, Any]:
    return {"version": version.number, "kind": str(version.kind), "night": version.night.isoformat()}
