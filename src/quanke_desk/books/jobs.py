"""Long jobs of this room: making, applying and undoing a proposal of books."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from quanke_desk.books import proposing
from quanke_desk.foundation.jobs import Running, job
from quanke_desk.foundation.models import Approval
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May


@job(proposing.PROPOSE_JOB, title=_("Making a proposal of books"), may=May.BOOKS_PROPOSE)
def propose(running: Running, branch: str, scope: str) -> dict[str, Any]:
    """Makes a draft. A second run after a kill makes another draft where the first was kept already: a draft
    moves nobody."""
    if running.by is None:
        raise NotAllowed("only heads propose books")
    running.step(_("Assigning everybody to a post"))
    name = proposing.make_proposal(branch, scope, by=running.by)
    return {"link": reverse("book_proposal", args=[name]), "proposal": name}


@job(proposing.APPLY_JOB, title=_("Applying a proposal of books"), may=May.BOOKS_APPROVE)
def apply(running: Running, approval: int) -> dict[str, Any]:
    """Applies; the library goes on where it was killed, and relations are laid in one transaction."""
    running.step(_("Loading who looks after whom"))
    asked = Approval.objects.select_related("decided_by").get(pk=approval)
    moved = proposing.apply_now(asked)
    return {"link": reverse("book_proposal", args=[asked.arguments["proposal"]]), "moved": moved}


@job(proposing.UNDO_JOB, title=_("Undoing a proposal of books"), may=May.BOOKS_APPROVE)
def undo(running: Running, approval: int) -> dict[str, Any]:
    """Takes back; may be run again like applying."""
    running.step(_("Loading who looks after whom"))
    asked = Approval.objects.select_related("decided_by").get(pk=approval)
    moved = proposing.undo_now(asked)
    return {"link": reverse("book_proposal", args=[asked.arguments["proposal"]]), "moved": moved}
