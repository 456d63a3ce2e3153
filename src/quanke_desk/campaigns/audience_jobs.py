"""Long jobs that make an audience. `jobs.py` makes them known."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from quanke_desk.campaigns import audience_actions, lists
from quanke_desk.campaigns.joint_terms import require_modelling
from quanke_desk.campaigns.models import AudienceKind, AudienceVersion, Way
from quanke_desk.foundation.jobs import Running, job
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May


@job(lists.JOB, title=_("Bringing a list of customers"), may=May.CAMPAIGN)
def bring(running: Running, title: str, kind: str, proof: str, digests: str) -> dict[str, Any]:
    """The audience and what was found of each row are kept in one transaction: see `lists.look_up`."""
    return lists.look_up(running, title, kind, proof, digests)


@job(audience_actions.ALIKE, title=_("Looking for customers alike"), may=May.CAMPAIGN)
def find_alike(running: Running, version: int, size: int, title: str) -> dict[str, Any]:
    """The same seed, night and size give the same customers; the audience is kept with the job's place, so a
    second run after a kill makes no second one."""
    from quanke_desk.campaigns.alike import alike, said

    if running.by is None:
        raise NotAllowed("your role may not save audiences")
    if "result" not in running.place:
        seed = AudienceVersion.objects.get(pk=version)
        require_modelling(seed)
        found = alike(seed, size, told=lambda at, of: running.step(_("Comparing customers"), at, of))
        with transaction.atomic():
            require_modelling(seed)  # a contract may have ended meanwhile
            made = audience_actions.keep_members(
                title,
                found.customers,
                AudienceKind.FROZEN,
                said(seed, len(found.customers)),
                "",
                by=running.by,
                of=seed,
                way=Way.ALIKE,
            )
            result = {
                "link": reverse("audience", args=[made.pk]), "found": len(found.customers),
                "auc": round(found.auc, 3), "told_by": list(found.told_by),
            }  # fmt: skip
            running.keep({"result": result})
    return dict(running.place["result"])
