"""Long jobs and the round of joint operations. `jobs.py` makes them known."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from quanke_desk.campaigns import joint_questions
from quanke_desk.foundation.jobs import Running, job
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.working import each


@job(joint_questions.PREPARE, title=_("Preparing a question to a partner"), may=May.CAMPAIGN)
def prepare(running: Running, question: int) -> dict[str, Any]:
    """The same mask and night give the same file, and the question turns ready once: see `joint_work`."""
    from quanke_desk.campaigns import joint_work

    joint_work.prepare(running, question)
    return {"link": reverse("joint_question", args=[question])}


@job(joint_questions.COMPARE, title=_("Comparing with a partner's list"), may=May.CAMPAIGN)
def compare(running: Running, question: int) -> dict[str, Any]:
    """The same answer gives the same result, and the question is done once: see `joint_work`."""
    from quanke_desk.campaigns import joint_work

    joint_work.compare(running, question)
    return {"link": reverse("joint_question", args=[question])}


@each("campaigns.minutes", "joint")
def lapse() -> None:
    """Ends questions that waited too long."""
    from quanke_desk.campaigns.joint_contracts import lapse as end_late

    end_late()
