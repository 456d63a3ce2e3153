"""Pages of joint operations: contracts with partners, one contract with its questions, one question."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from quanke.kernel.errors import NightError, QuankeError
from quanke_desk.campaigns import audiences, joint_contracts, joint_questions
from quanke_desk.campaigns.joint_terms import (
    KINDS,
    PURPOSES,
    daily,
    kind_word,
    minimum,
    purpose_word,
    why_not,
)
from quanke_desk.campaigns.models import (
    AudienceVersion,
    ContractState,
    JointContract,
    JointQuestion,
    QuestionMode,
    QuestionState,
)
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

COLUMNS = (
    Column("code", gettext_lazy("Contract"), "link"),
    Column("partner", gettext_lazy("Partner")),
    Column("purposes", gettext_lazy("Purposes"), sorts=False),
    Column("state", gettext_lazy("State")),
    Column("since", gettext_lazy("Valid from"), "day"),
    Column("until", gettext_lazy("Valid until"), "day"),
)
FILTERS = (
    Filter("q", gettext_lazy("Contract or partner")),
    Filter("state", gettext_lazy("State"), "choice", ContractState.choices),
)


@page(May.AUDIENCE)
@require_GET
def contracts(request: HttpRequest) -> HttpResponse:
    """All contracts with partners."""
    asked = asked_of(request, "joint", FILTERS)
    found = asked.narrow(
        JointContract.objects.all(), {"q": ("code__icontains", "partner__icontains"), "state": "state"}
    )
    sorts = {name: name for name in ("code", "partner", "state", "since", "until")}
    listed = listing(request, "joint", COLUMNS, QuerysetSource(found, sorts, _row), asked)
    return render(
        request,
        "campaigns/joint.html",
        {"listed": listed, "may_make": person_of(request).may(May.CAMPAIGN)},
    )


def _row(held: Any) -> dict[str, Any]:
    return {
        "code": (held.code, f"/joint/{held.pk}/"),
        "partner": held.partner,
        "purposes": ", ".join(purpose_word(p) for p in held.purposes),
        "state": str(ContractState(held.state).label),
        "since": held.since,
        "until": held.until,
    }


@page(May.CAMPAIGN)
@require_http_methods(["GET", "POST"])
def new_contract(request: HttpRequest) -> HttpResponse:
    """Writes a contract down."""
    asked, error = request.POST, ""
    if request.method == "POST":
        try:
            made = joint_contracts.make_contract(
                asked.get("code", "").strip(), asked.get("partner", ""), asked.get("recipient", ""),
                asked.getlist("purpose"), asked.getlist("kind"), _day(asked.get("since")),
                _day(asked.get("until")), minimum=_whole(asked.get("minimum")),
                daily=_whole(asked.get("daily")), most_rows=_whole(asked.get("most_rows")),
                modelling=bool(asked.get("modelling")), by=person_of(request),
            )  # fmt: skip
            messages.success(request, _("Done, and on record."))
            return redirect("joint_contract", made.pk)
        except NotAllowed as refused:
            error = _said(refused)
    today = timezone.localdate()
    shown = {
        "error": error, "asked": asked, "purposes": PURPOSES.items(), "kinds": KINDS.items(),
        "chosen": [*asked.getlist("purpose"), *asked.getlist("kind")], "today": today,
        "in_a_year": today + dt.timedelta(days=365), "minimum": value("joint.minimum"),
        "daily": value("joint.questions"),
    }  # fmt: skip
    return render(request, "campaigns/joint_new.html", shown)


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def contract(request: HttpRequest, number: int) -> HttpResponseBase:
    """One contract: its terms, asking for it, its questions."""
    held = _contract(number)
    if request.method == "POST":
        try:
            return _CONTRACT.get(request.POST.get("do", ""), _nothing)(request, held)
        except (NotAllowed, QuankeError) as refused:
            messages.error(request, _said(refused))
        held = _contract(number)
    saved = audiences.everything()[:500]
    versions = audiences.current_of(saved)
    person = person_of(request)
    more = {
        "sees": True, "asks": person.may(May.CAMPAIGN), "modes": QuestionMode.choices,
        "audiences": [(versions[a.pk].pk, a.title) for a in saved if a.pk in versions],
        "may_make": person.may(May.CAMPAIGN),
        "may_end": any(person.may(m) for m in (May.CAMPAIGN, May.CAMPAIGN_DECIDE)),
        "draft": held.state == ContractState.DRAFT or joint_contracts.given_back(held),
    }  # fmt: skip
    return render(request, "campaigns/joint_contract.html", _terms(held) | more)


@page(May.SHARE_DECIDE)
@require_GET
def terms(request: HttpRequest, number: int) -> HttpResponse:
    """For compliance: the terms of one contract, ended or not, and what was asked under it."""
    return render(request, "campaigns/joint_contract.html", _terms(_contract(number)))


def _terms(held: JointContract) -> dict[str, Any]:
    """What everybody sees of a contract who may look at it."""
    rule = why_not(held)
    return {
        "held": held, "rule": rule and _(rule), "minimum": minimum(held), "daily": daily(held),
        "purposes": [(p, purpose_word(p)) for p in held.purposes],
        "kinds": [(k, kind_word(k)) for k in held.kinds],
        "questions": [_shown(q) for q in _without_customers(held.questions.all())],
        "back": joint_contracts.given_back(held), "ended": held.state == ContractState.ENDED,
        "approved": held.state == ContractState.APPROVED,
    }  # fmt: skip


def _ask_for(request: HttpRequest, held: JointContract) -> HttpResponseBase:
    asked = joint_contracts.ask_contract(held, by=person_of(request), reason=request.POST.get("reason", ""))
    return redirect("approval", asked.pk)


def _end(request: HttpRequest, held: JointContract) -> HttpResponseBase:
    joint_contracts.end_contract(held, by=person_of(request), reason=request.POST.get("reason", ""))
    messages.success(request, _("Done, and on record."))
    return redirect("joint_contract", held.pk)


def _sheet(request: HttpRequest, held: JointContract) -> HttpResponseBase:
    text = joint_contracts.sheet(held, by=person_of(request))
    answer = HttpResponse(text, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="contract-{held.code}.json"'
    return answer


def _question(request: HttpRequest, held: JointContract) -> HttpResponseBase:
    asked = request.POST
    version = AudienceVersion.objects.filter(pk=_whole(asked.get("audience"))).first()
    if version is None:
        raise NotAllowed("choose an audience")
    made = joint_questions.ask_question(
        held, version, asked.get("mode", ""), asked.get("kind", ""), asked.get("purpose", ""),
        by=person_of(request),
    )  # fmt: skip
    return redirect("joint_question", made.pk)


def _nothing(request: HttpRequest, held: JointContract) -> HttpResponseBase:
    raise NotAllowed("say what is to be done")


_CONTRACT: dict[str, Callable[[HttpRequest, JointContract], HttpResponseBase]] = {
    "ask": _ask_for, "end": _end, "sheet": _sheet, "question": _question,
}  # fmt: skip


@page(May.SHARE_DECIDE)
@require_http_methods(["GET", "POST"])
def in_force(request: HttpRequest) -> HttpResponse:
    """For compliance: every contract, those that are over last, how often was asked under it, and ending one
    at once."""
    if request.method == "POST":
        try:
            held = JointContract.objects.filter(pk=_whole(request.POST.get("contract"))).first()
            if held is None:
                raise NotAllowed("there is no such contract")
            joint_contracts.end_contract(held, by=person_of(request), reason=request.POST.get("reason", ""))
            messages.success(request, _("Done, and on record."))
        except NotAllowed as refused:
            messages.error(request, _said(refused))
        return redirect("joint_in_force")
    found = JointContract.objects.annotate(how_often=Count("questions"))
    rows = [(held, why_not(held) and _(why_not(held)), held.how_often) for held in found]
    rows.sort(key=lambda row: row[0].state == ContractState.ENDED)
    return render(request, "campaigns/joint_in_force.html", {"rows": rows})


@page(May.AUDIENCE)
@require_http_methods(["GET", "POST"])
def question(request: HttpRequest, number: int) -> HttpResponse:
    """One question: its file, the partner's answer, what may be told, saving who is on both lists."""
    held = _held(number)
    if request.method == "POST":
        try:
            if request.POST.get("do") == "save":
                made = joint_questions.save_matched(
                    held, request.POST.get("title", ""), by=person_of(request)
                )
                messages.success(request, _("Done, and on record."))
                return redirect("audience", made.pk)
            file = request.FILES.get("file")
            one = None if isinstance(file, list) else file
            joint_questions.take_answer(held, one, by=person_of(request))
            messages.success(request, _("Done, and on record."))
            return redirect("joint_question", held.pk)
        except (NotAllowed, QuankeError) as refused:
            messages.error(request, _said(refused))
        held = _held(number)
    rule, may = why_not(held.contract), person_of(request).may(May.CAMPAIGN)
    alive = may and not rule and held.expires_at > timezone.now()
    shown = {
        "q": _shown(held), "held": held, "rule": rule and _(rule), "least": minimum(held.contract),
        "purpose": purpose_word(held.purpose), "kind": kind_word(held.kind),
        "ready": alive and held.state == QuestionState.READY,
        "told": alive and held.state == QuestionState.DONE,
        "working": held.state in (QuestionState.MAKING, QuestionState.ANSWERED),
        "may_save": may and not rule and held.mode == QuestionMode.MATCH
        and held.state == QuestionState.DONE and not held.few and held.saved_as_id is None,
        "step": value("joint.round"), "match": held.mode == QuestionMode.MATCH,
    }  # fmt: skip
    return render(request, "campaigns/joint_question.html", shown)


@page(May.CAMPAIGN)
@require_GET
def question_file(request: HttpRequest, number: int) -> HttpResponseBase:
    """The question as a file for the partner."""
    return _file(request, number, joint_questions.question_file, "question")


@page(May.CAMPAIGN)
@require_GET
def result_file(request: HttpRequest, number: int) -> HttpResponseBase:
    """The result as a file for the partner."""
    return _file(request, number, joint_questions.result_file, "result")


def _file(request: HttpRequest, number: int, of: Callable[..., Path], name: str) -> HttpResponseBase:
    held = _held(number)
    try:
        path = of(held, by=person_of(request))
    except NotAllowed as refused:
        messages.error(request, _said(refused))
        return redirect("joint_question", held.pk)
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=f"{name}-{held.code}.qjoint",
        content_type="application/octet-stream",
    )  # fmt: skip


def _shown(held: JointQuestion) -> dict[str, Any]:
    """A question as a page shows it: of its count only what may be told."""
    answer = ""
    if held.state == QuestionState.DONE:
        answer = f"< {minimum(held.contract)}" if held.few else f"{held.told:,}"
    return {
        "number": held.pk, "code": held.code, "mode": held.get_mode_display(),
        "purpose": purpose_word(held.purpose),
        "state": held.get_state_display(),
        "audience": held.audience.audience.title, "by": held.asked_by.name, "at": held.asked_at,
        "expires": held.expires_at, "answer": answer, "problem": held.problem and _(held.problem),
        "asked": f"{held.rows:,}" if held.rows else "-", "own": f"{held.own:,}" if held.own else "-",
    }  # fmt: skip


def _contract(number: int) -> JointContract:
    held = JointContract.objects.select_related("committee", "compliance", "made_by").filter(pk=number)
    found = held.first()
    if found is None:
        raise Http404
    return found


def _held(number: int) -> JointQuestion:
    found = _without_customers(JointQuestion.objects.filter(pk=number)).first()
    if found is None:
        raise Http404
    return found


def _without_customers(found: QuerySet[JointQuestion]) -> QuerySet[JointQuestion]:
    """Questions as pages need them: customers, packed, are megabytes of each that no page shows."""
    related = found.select_related("contract", "audience__audience", "asked_by")
    return related.defer("asked", "ordered", "matched", "audience__members")


def _said(refused: Exception) -> str:
    rule = _(str(refused))
    if isinstance(refused, NightError):
        rule = _("no night is published yet")
    elif isinstance(refused, QuankeError):
        rule = _("the audience cannot be counted on this night")
    if isinstance(refused, joint_questions.BadMessage):
        rule = f"{refused.file}: {rule}"
    return _("Not done: %(rule)s.") % {"rule": rule}


def _day(given: str | None) -> dt.date:
    try:
        return dt.date.fromisoformat((given or "").strip())
    except ValueError:
        raise NotAllowed("a day is written YYYY-MM-DD") from None


def _whole(given: str | None) -> int:
    text = (given or "").strip().replace(",", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
