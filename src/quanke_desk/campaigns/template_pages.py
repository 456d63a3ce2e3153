"""Pages of templates: the list, one template with its draft and history, its looks, texts in force."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from quanke.bank.contracts import CATEGORIES
from quanke.kernel.errors import NightError
from quanke_desk.campaigns import template_actions as actions
from quanke_desk.campaigns import template_queries as queries
from quanke_desk.campaigns.graph import CODE_OF_MEANS, MEANS
from quanke_desk.campaigns.links import longest_address
from quanke_desk.campaigns.models import Template, TemplateState, TemplateVersion
from quanke_desk.campaigns.policy import PURPOSES, SERVICE
from quanke_desk.campaigns.texts import AMOUNT, VARIABLES, BadText, Words, hosts, parts_of, whole, words_for
from quanke_desk.customers.queries import risk_of_product, word
from quanke_desk.foundation.filters import Filter, asked_of
from quanke_desk.foundation.lists import Column, QuerysetSource, listing
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.opening import may_see
from quanke_desk.foundation.pages import page, person_of
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import scope_of

COLUMNS = (
    Column("title", gettext_lazy("Title"), "link"),
    Column("code", gettext_lazy("Code")),
    Column("means", gettext_lazy("Means")),
    Column("purpose", gettext_lazy("Purpose")),
    Column("state", gettext_lazy("State")),
    Column("until", gettext_lazy("Valid until"), "day"),
    Column("product", gettext_lazy("Product"), shown=False),
    Column("by", gettext_lazy("Made by"), shown=False, sorts=False),
)
FIELDS = {
    "body_zh": "Text in Chinese", "body_en": "Text in English", "subject_zh": "Subject",
    "subject_en": "Subject in English", "link": "Link",
}  # fmt: skip
"""Fields of a text, and what each is called."""


def means_choices() -> list[tuple[str, str]]:
    """Means a template can be for, with what they are called."""
    return [(m, _(actions.MEANS_TITLES[m])) for m in MEANS]


def purpose_choices() -> list[tuple[str, str]]:
    """Purposes, with what they are called."""
    return [(p, _(actions.PURPOSE_TITLES[p])) for p in PURPOSES]


@page(May.CAMPAIGN)
@require_GET
def templates(request: HttpRequest) -> HttpResponse:
    """All templates."""
    filters = (
        Filter("q", gettext_lazy("Title or code")),
        Filter("means", gettext_lazy("Means"), "choice", means_choices()),
        Filter("purpose", gettext_lazy("Purpose"), "choice", purpose_choices()),
        Filter("state", gettext_lazy("State"), "choice", TemplateState.choices),
    )
    asked = asked_of(request, "templates", filters)
    paths = {
        "q": ("title__icontains", "code__icontains"),
        **{n: n for n in ("means", "purpose", "state")},
    }
    found = asked.narrow(queries.templates(), paths)
    sorts = {name: name for name in ("title", "code", "means", "purpose", "state", "until", "product")}
    listed = listing(request, "templates", COLUMNS, QuerysetSource(found, sorts, _row), asked)
    return render(request, "campaigns/templates.html", {"listed": listed})


def _row(held: Any) -> dict[str, Any]:
    return {
        "title": (held.title, f"/campaigns/templates/{held.pk}/"),
        "code": held.code,
        "means": _(actions.MEANS_TITLES[held.means]),
        "purpose": _(actions.PURPOSE_TITLES[held.purpose]),
        "state": str(TemplateState(held.state).label) if held.state else _("no text yet"),
        "until": held.until,
        "product": held.product,
        "by": held.made_by.name,
    }


@page(May.CAMPAIGN)
@require_http_methods(["GET", "POST"])
def new_template(request: HttpRequest) -> HttpResponse:
    """Begins a template."""
    asked, error = request.POST, ""
    if request.method == "POST":
        try:
            made = actions.new_template(
                asked.get("code", "").strip(), asked.get("title", "").replace("\x00", ""),
                asked.get("means", ""),
                asked.get("purpose", ""), asked.get("product", "").strip(), by=person_of(request),
            )  # fmt: skip
            return redirect("template", made.pk)
        except (NotAllowed, NightError) as refused:
            error = _said(refused)
    shown = {
        "error": error, "asked": asked, "means": means_choices(), "purposes": purpose_choices(),
        "code": CODE_OF_MEANS,
    }  # fmt: skip
    return render(request, "campaigns/new_template.html", shown)


@page(May.CAMPAIGN)
@require_http_methods(["GET", "POST"])
def template(request: HttpRequest, number: int) -> HttpResponse:
    """One template: its draft, asking for approval, and its history."""
    held, error = _template(number), ""
    if request.method == "POST":
        try:
            _changed(request, held)
            messages.success(request, _("Done, and on record."))
            return redirect("template", held.pk)
        except (NotAllowed, NightError) as refused:
            error = _said(refused)
    versions = list(queries.versions_of(held))
    last = versions[0] if versions else None
    waits = last is not None and last.state == TemplateState.ASKED and not actions.given_back(last)
    text = _text(request) if error and request.POST.get("do") == "save" else None
    if text is None:
        text = actions.text_of(last) if last else actions.Text("")
    sent, today = queries.sent_of(held), timezone.localdate()
    for each in versions:
        each.sent = sent.get(each.pk, 0)  # type: ignore[attr-defined]
        each.over = bool(each.valid_until and each.valid_until < today)  # type: ignore[attr-defined]
        each.back = actions.given_back(each)  # type: ignore[attr-defined]
    shown = {
        "held": held, "text": text, "versions": versions, "last": last, "waits": waits, "error": error,
        "means": _(actions.MEANS_TITLES[held.means]), "purpose": _(actions.PURPOSE_TITLES[held.purpose]),
        "variables": [*VARIABLES.items(), (f"{AMOUNT}:…", _("An amount of a tag, by the tag's name"))],
        "hosts": sorted(hosts()), "today": today, "in_a_year": today + dt.timedelta(days=365),
        "category": word("category", held.product) if held.product in CATEGORIES else "",
        "risk": _risk(held.product),
        "drafted": last is not None and (last.state == TemplateState.DRAFT or actions.given_back(last)),
    }  # fmt: skip
    return render(request, "campaigns/template.html", shown)


def _risk(product: str) -> int | None:
    """The risk class the gate asks of a text's product; null where nobody knows it, or there is no night."""
    try:
        return risk_of_product(product) if product else 0
    except NightError:
        return None


def _changed(request: HttpRequest, held: Template) -> None:
    asked, person = request.POST, person_of(request)
    if asked.get("do") == "save":
        actions.save_draft(held, _text(request), by=person)
    elif asked.get("do") == "ask":
        actions.ask_approval(
            held, asked.get("material", ""), _day("valid_from", asked), _day("valid_until", asked),
            by=person, reason=asked.get("reason", ""),
        )  # fmt: skip
    elif asked.get("do") == "withdraw":
        _withdraw(held, asked.get("version"), asked.get("reason", ""), person)
    else:
        raise NotAllowed("say what is to be done")


@page(May.CAMPAIGN)
@require_http_methods(["GET", "POST"])
def template_preview(request: HttpRequest, number: int) -> HttpResponse:
    """What the text as it is typed looks like to a customer of one's scope, and how long it is."""
    held = _template(number)
    text = _text(request) if request.method == "POST" else actions.Text("")
    problem, looks = "", []
    try:
        actions.check(held, text)
    except (NotAllowed, NightError) as refused:
        problem = _rule(refused)
    given = request.POST.get("customer", "").strip()
    try:
        looks = [] if problem else _looks(person_of(request), held, text, given)
    except NotAllowed as refused:
        problem = _rule(refused)
    shown = {"problem": problem, "looks": looks, "sms": held.means == "sms"}
    return render(request, "campaigns/preview.html", shown)


def _looks(person: Person, held: Template, text: actions.Text, given: str) -> list[dict[str, Any]]:
    version = TemplateVersion(template=held, **{name: getattr(text, name) for name in FIELDS})
    words: Words | None = None
    if given:
        customer = int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else -1
        if not may_see(person, customer):
            raise NotAllowed("customer: no such customer in your scope")
        words = words_for(version, [customer], scope_of(person).masked)[customer]
        if words is None:
            raise NotAllowed("the bank does not know a value the text names")
    made = []
    for english, body in enumerate((text.body_zh, text.body_en)):
        if words is not None and words.english != bool(english):
            continue
        if words is not None:
            sells, link = held.purpose != SERVICE, longest_address(text.link.strip())
            shown = whole(words.body, held.means, sells, link, bool(english))
            subject = words.subject
        elif body.strip():
            shown = actions.sent_as(held, text, body, bool(english))
            subject = text.subject_en if english else text.subject_zh
        else:
            continue
        units = len(shown.encode("utf-16-le")) // 2
        made.append({"body": shown, "subject": subject, "parts": parts_of(shown), "units": units})
    return made


@page(May.TEMPLATE_DECIDE)
@require_http_methods(["GET", "POST"])
def texts_in_force(request: HttpRequest) -> HttpResponse:
    """For compliance: every text that may be sent today, and taking one back at once."""
    if request.method == "POST":
        try:
            of = TemplateVersion.objects.filter(pk=_number(request.POST.get("version"))).first()
            if of is None:
                raise NotAllowed("only an approved text is withdrawn")
            actions.withdraw(of, by=person_of(request), reason=request.POST.get("reason", ""))
            messages.success(request, _("Done, and on record."))
        except NotAllowed as refused:
            messages.error(request, _said(refused))
        return redirect("texts_in_force")
    found = TemplateVersion.objects.filter(queries.in_force()).select_related("template", "by")
    found = found.annotate(superseded=queries.superseded())
    rows = [
        (v, _(actions.MEANS_TITLES[v.template.means])) for v in found.order_by("template__code", "-number")
    ]
    return render(request, "campaigns/texts_in_force.html", {"rows": rows})


def _template(number: int) -> Template:
    held = Template.objects.filter(pk=number).first()
    if held is None:
        raise Http404
    return held


def _withdraw(held: Template, given: str | None, reason: str, by: Person) -> None:
    version = held.versions.filter(pk=_number(given)).first()
    if version is None:
        raise NotAllowed("only an approved text is withdrawn")
    actions.withdraw(version, by=by, reason=reason)


def _text(request: HttpRequest) -> actions.Text:
    given = {
        name: request.POST.get(name, "").replace("\r\n", "\n").replace("\x00", "")[:4000] for name in FIELDS
    }
    return actions.Text(**given)


def _number(given: str | None) -> int:
    return int(given) if given and given.isascii() and given.isdecimal() and len(given) < 16 else 0


def _day(name: str, asked: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(asked.get(name, "").strip())
    except ValueError:
        raise NotAllowed("a day is written YYYY-MM-DD") from None


def _rule(refused: NotAllowed | NightError) -> str:
    """The rule in the language of who reads, with the field and what stands there."""
    if isinstance(refused, NightError):
        return _("no night is published yet")
    if isinstance(refused, BadText):
        rule = f"{_(FIELDS[refused.field])}: {_(refused.rule)}"
        return f"{rule} ({refused.named})" if refused.named else rule
    return _(str(refused))


def _said(refused: NotAllowed | NightError) -> str:
    return _("Not done: %(rule)s.") % {"rule": _rule(refused)}
