"""Every change of templates: drafts, asking for approval, approval by compliance, withdrawal (MKT-2)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from quanke_desk.campaigns.graph import CODE_OF_MEANS, MEANS
from quanke_desk.campaigns.links import longest_address
from quanke_desk.campaigns.models import Template, TemplateState, TemplateVersion
from quanke_desk.campaigns.policy import PURPOSES, SERVICE
from quanke_desk.campaigns.texts import MOST_PARTS, check_link, check_text, parts_of, sample, whole
from quanke_desk.customers.queries import risk_of_product, word
from quanke_desk.foundation import approvals, audit
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.local_form import day
from quanke_desk.foundation.models import Approval, ApprovalState, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

APPROVE = "template.approve"
_CODE = re.compile(CODE_OF_MEANS)
_MATERIAL = re.compile(r"[A-Za-z0-9\u4e00-\u9fff][\w./〔〕()-]{2,63}")
LONGEST_VALIDITY = 366
LONGEST = {"push": 200, "wecom": 1_000, "email": 4_000}
"""Characters of a text with usual values: phones cut a push off, WeCom takes 4,000 bytes."""
LONGEST_TITLE = {"push": 40, "wecom": 40, "email": 120}


@dataclass(frozen=True)
class Text:
    """What a template says."""

    body_zh: str
    body_en: str = ""
    subject_zh: str = ""
    subject_en: str = ""
    link: str = ""


def new_template(
    code: str, title: str, means: str, purpose: str, product: str = "", *, by: Person
) -> Template:  # fmt: skip
    """A template without a text yet. Raises NotAllowed with field and rule."""
    _may(by, May.CAMPAIGN)
    if not _CODE.fullmatch(code):
        raise NotAllowed("code: small letters, digits, - and _, a letter first, at most 42")
    if not title.strip():
        raise NotAllowed("title: is required")
    if means not in MEANS or purpose not in PURPOSES:
        raise NotAllowed("means and purpose: one of the choices")
    if product and risk_of_product(product) is None:
        raise NotAllowed("product: the bank has no product of this number")
    try:
        with transaction.atomic():
            made = Template.objects.create(
                code=code, title=title.strip()[:80], means=means, purpose=purpose, product=product, made_by=by
            )
            audit.record(by, "template.new", f"template:{made.pk}", detail={"code": code, "means": means})
            return made
    except IntegrityError:
        raise NotAllowed("code: another template has it") from None


def save_draft(template: Template, text: Text, *, by: Person) -> TemplateVersion:
    """Saves the text of the draft; where the last version is none, as a new version. What was asked for or
    approved never changes. Raises NotAllowed with field and rule."""
    _may(by, May.CAMPAIGN)
    check(template, text)
    with transaction.atomic():
        last = _last(template)
        fields = {name: getattr(text, name).strip() for name in text.__dataclass_fields__}
        if last is not None and last.state == TemplateState.ASKED:
            raise NotAllowed("it waits for approval: take it back first")
        if last is not None and last.state == TemplateState.DRAFT:
            TemplateVersion.objects.filter(pk=last.pk).update(**fields, by=by)
            last.refresh_from_db()
            saved = last
        else:
            number = 1 if last is None else last.number + 1
            saved = TemplateVersion.objects.create(template=template, number=number, by=by, **fields)
        audit.record(by, "template.save", f"template:{template.pk}", detail={"number": saved.number})
        return saved


def check(template: Template, text: Text) -> None:
    """Raises NotAllowed, naming the field, for a text that cannot be sent by the template's means."""
    of = base()
    if not text.body_zh.strip():
        raise NotAllowed("body_zh: is required")
    for name in ("body_zh", "body_en", "subject_zh", "subject_en"):
        check_text(name, getattr(text, name), of)
    check_link(text.link.strip())
    if template.means == "sms":
        if text.subject_zh or text.subject_en:
            raise NotAllowed("subject: a text message has none")
        for english, body in enumerate((text.body_zh, text.body_en)):
            if parts_of(sent_as(template, text, body, bool(english))) > MOST_PARTS:
                raise NotAllowed("body: longer than eight parts of a text message")
    else:
        for english, body in enumerate((text.body_zh, text.body_en)):
            if len(sent_as(template, text, body, bool(english))) > LONGEST[template.means]:
                raise NotAllowed("body: longer than this means carries")
        if max(len(sample(text.subject_zh)), len(sample(text.subject_en))) > LONGEST_TITLE[template.means]:
            raise NotAllowed("subject: longer than this means carries")
    if template.means == "email" and not text.subject_zh.strip():
        raise NotAllowed("subject_zh: an e-mail needs one")
    if text.subject_en and not text.body_en:
        raise NotAllowed("body_en: is required where there is an English subject")


def sent_as(template: Template, text: Text, body: str, english: bool) -> str:
    """A body about as long as it will be: with usual values, the link and the words of refusal."""
    if not body.strip():
        return ""
    link = longest_address(text.link.strip())
    return whole(sample(body), template.means, template.purpose != SERVICE, link, english)


def ask_approval(
    template: Template, material: str, valid_from: dt.date, valid_until: dt.date, *, by: Person, reason: str
) -> Approval:
    """Asks compliance to approve the draft as it stands. Raises NotAllowed."""
    _may(by, May.CAMPAIGN)
    if not _MATERIAL.fullmatch(material.strip()):
        raise NotAllowed("material: the bank's number of the approved material is required")
    if not timezone.localdate() <= valid_until or valid_until < valid_from:
        raise NotAllowed("valid_until: today or later, and not before the first day")
    if (valid_until - valid_from).days > LONGEST_VALIDITY:
        raise NotAllowed("valid_until: at most a year after the first day")
    with transaction.atomic():
        last = _last(template)
        if last is None or last.state != TemplateState.DRAFT:
            raise NotAllowed("there is no draft to ask for")
        check(template, text_of(last))  # the night, or the bank's hosts, may have changed since it was saved
        last.material, last.valid_from, last.valid_until = material.strip(), valid_from, valid_until
        asked = approvals.ask(
            APPROVE, f"template_version:{last.pk}", {"version": last.pk}, by=by, reason=reason
        )
        last.state, last.approval = TemplateState.ASKED, asked
        last.save(update_fields=["state", "approval", "material", "valid_from", "valid_until"])
        return asked


def withdraw(version: TemplateVersion, *, by: Person, reason: str) -> None:
    """Takes an approved text back: from this moment it is sent to nobody, and one that it had superseded does
    not come back in its place. Raises NotAllowed."""
    if not (by.may(May.CAMPAIGN) or by.may(May.TEMPLATE_DECIDE)):
        raise NotAllowed("your role may not do this")
    if not reason.strip():
        raise NotAllowed("a reason is required")
    with transaction.atomic():
        held = TemplateVersion.objects.select_for_update().get(pk=version.pk)
        if held.state != TemplateState.APPROVED:
            raise NotAllowed("only an approved text is withdrawn")
        held.state, held.withdrawn_on = TemplateState.WITHDRAWN, timezone.localdate()
        held.save(update_fields=["state", "withdrawn_on"])
        detail = {"number": held.number}
        audit.record(
            by, "template.withdraw", f"template:{held.template_id}", reason=reason.strip(), detail=detail
        )


def text_of(version: TemplateVersion) -> Text:
    """What a version says."""
    return Text(version.body_zh, version.body_en, version.subject_zh, version.subject_en, version.link)


def _last(template: Template) -> TemplateVersion | None:
    """The last version, locked; asked for and refused, or taken back, it is a draft again."""
    Template.objects.select_for_update().get(pk=template.pk)
    found = TemplateVersion.objects.select_for_update(of=("self",)).filter(template=template)
    last = found.select_related("approval").order_by("-number").first()
    if last is not None and last.state == TemplateState.ASKED and given_back(last):
        last.state = TemplateState.DRAFT
        last.save(update_fields=["state"])
    return last


def given_back(version: TemplateVersion) -> bool:
    """Whether a text that was asked for came back without being approved."""
    asked = version.approval
    return asked is not None and asked.state in (
        ApprovalState.REFUSED, ApprovalState.WITHDRAWN, ApprovalState.FAILED,
    )  # fmt: skip


def _carry_out(asked: Approval, by: Person) -> None:
    held = TemplateVersion.objects.select_for_update().get(pk=asked.arguments["version"])
    if held.state != TemplateState.ASKED or held.approval_id != asked.pk:
        raise NotAllowed("it was changed since it was asked for")
    if held.valid_until is None or held.valid_until < timezone.localdate():
        raise NotAllowed("its validity has run out")
    check(held.template, text_of(held))
    held.state = TemplateState.APPROVED
    held.save(update_fields=["state"])
    detail = {"number": held.number, "material": held.material}
    audit.record(by, "template.approve", f"template:{held.template_id}", detail=detail)


def _bars(asked: Approval, by: Person) -> str:
    wrote = TemplateVersion.objects.filter(pk=asked.arguments["version"], by=by).exists()
    return "who wrote it does not decide" if wrote else ""


def _described(asked: Approval) -> list[tuple[str, str]]:
    held = TemplateVersion.objects.select_related("template").get(pk=asked.arguments["version"])
    lines = [
        (gettext("Template"), f"{held.template.title} ({held.template.code})"),
        (gettext("Means"), gettext(MEANS_TITLES[held.template.means])),
        (gettext("Purpose"), gettext(PURPOSE_TITLES[held.template.purpose])),
        (gettext("Subject"), held.subject_zh),
        (gettext("Text in Chinese"), held.body_zh),
        (gettext("Subject in English"), held.subject_en),
        (gettext("Text in English"), held.body_en),
        (gettext("Link"), held.link),
        (gettext("Product"), word("category", held.template.product)),
        (gettext("Number of the material"), held.material),
        (gettext("Valid"), f"{day(held.valid_from)} – {day(held.valid_until)}"),
    ]
    return [(title, text) for title, text in lines if text]


MEANS_TITLES = {
    "sms": "Text message", "push": "Push message", "wecom": "WeCom", "email": "E-mail", "call": "Call",
    "app": "In the app",
}  # fmt: skip
PURPOSE_TITLES = {"marketing": "Marketing", "service": "Service"}


def _may(by: Person, may: May) -> None:
    if not by.may(may):
        raise NotAllowed("your role may not do this")


KIND = approvals.declare(
    approvals.ApprovalKind(
        name=APPROVE,
        title=gettext_lazy("Approval of a text that is sent to customers"),
        asks=May.CAMPAIGN,
        decides=May.TEMPLATE_DECIDE,
        carry_out=_carry_out,
        bars=_bars,
        described=_described,
    )
)
