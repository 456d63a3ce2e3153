"""What a visitor can be offered or asked for, at most three things: suitable, consented, not refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.parameters import value
from quanke_desk.work import rules
from quanke_desk.work.held import Held
from quanke_desk.work.models import Means


@dataclass(frozen=True)
class Need:
    """Something a visitor should be asked for, whatever the plan says: no offer, so no consent is needed."""

    title: Promise
    because: Promise
    script: Promise
    column: str
    wanted: bool = True


NEEDS = {
    "need_document": Need(
        _("Renew the identity document"),
        _("The document on record has expired."),
        _("Your document on record has expired; shall we update it now?"),
        "document_expired",
    ),
    "need_complaint": Need(
        _("Answer the complaint"),
        _("A complaint was not answered yet."),
        _("We still owe you an answer; may I call my colleague?"),
        "complaint_unanswered",
    ),
    "need_social_card": Need(
        _("Activate the social-security card"),
        _("The financial side of the card is not activated."),
        _("With your document your card can be activated now."),
        "social_card_inactive",
    ),
    "need_card": Need(
        _("Activate the new card"),
        _("The card was issued and never activated."),
        _("Shall we activate your card together?"),
        "card_never_activated",
    ),
}


OFFERS = {
    "term": _("Time deposit"),
    "fund": _("Fund"),
    "wealth": _("Wealth product"),
    "insurance": _("Insurance"),
    "credit_card": _("Credit card"),
    "consumer_loan": _("Consumer loan"),
}
"""What an offer is called where the customer stands before you; a bank's own go by the action's title."""
SPOKEN = (Means.CALL, Means.VISIT, Means.WECOM)
SAME = {"card_activation_sms": "need_card", "id_renewal_push": "need_document"}
"""Actions of the plan that ask for what a need asks for."""


@dataclass(frozen=True)
class Idea:
    """One thing to do for a visitor."""

    action: str
    value: int | None


@dataclass(frozen=True)
class Ideas:
    """What is suggested, in order, and what was left out with the reason (a marked text)."""

    chosen: tuple[Idea, ...]
    left_out: tuple[tuple[str, Promise], ...]


def suggest(customer: int, of: Held, done: rules.Since | None = None) -> Ideas:
    """At most `lobby.most` things: what the night chose, what the visitor should be asked for, and what comes
    next in the plan. Suitability is the night's (an action a customer may not have has no value there);
    consent and refusals are those of now."""
    known = done or rules.since([customer], of.base.day)
    row = of.row(customer)
    picked, left, offers = [], [], set()
    asked = {SAME[n] for n in SAME if row.get(NEEDS[SAME[n]].column) is True}
    for option in of.planned.options(customer) if of.planned is not None else ():
        action, sheet = option.action.name, of.actions[option.action.name]
        reason = _speaks_against(customer, action, sheet, row, known)
        if reason is None and option.why_not is not None:
            reason = _("kept back by the plan")
        if reason is None and not option.chosen and (option.net or 0) <= 0:
            reason = _("not worth the visitor's time")
        if SAME.get(action) in asked:
            continue  # asked for as a need, in words for somebody who is here
        if reason is not None:
            left.append((action, reason))
        elif sheet["offer"] not in offers:
            offers.add(sheet["offer"] if sheet["offer"] in OFFERS else action)
            picked.append((0 if option.chosen else 2, Idea(action, option.value)))
    for name, need in NEEDS.items():
        if row.get(need.column) is need.wanted and not _refused(customer, name, known):
            picked.append((1, Idea(name, None)))
    picked.sort(key=lambda each: each[0])  # the plan's own order within each kind
    return Ideas(tuple(idea for _, idea in picked[: value("lobby.most")]), tuple(left))


def may_be_said(customer: int, action: str, of: Held, known: rules.Since) -> bool:
    """Whether a visitor may hear what a campaign asks the lobby to say, by the rules of suggestions: an
    action of the plan he may have, nothing he refused lately, consent as of now. What names no action of the
    plan is taken for an offer."""
    sheet = of.actions.get(action)
    options = of.planned.options(customer) if sheet is not None and of.planned is not None else ()
    if sheet is not None and all(option.action.name != action for option in options):
        return False
    told = sheet or {"purpose": "marketing"}
    return _speaks_against(customer, action, told, of.row(customer), known) is None


def _speaks_against(
    customer: int, action: str, sheet: Mapping[str, Any], row: Mapping[str, Any], known: rules.Since
) -> Promise | None:
    if _refused(customer, action, known):
        return _("refused lately")
    for caution in rules.cautions(customer, row, known, Means.TICKET, sheet["purpose"]):
        return caution.text
    return None


def _refused(customer: int, action: str, known: rules.Since) -> bool:
    said = known.refused.get(customer, {}).get(action)
    return said is not None and timezone.localdate() - said < dt.timedelta(days=value("lobby.refused"))


def words(customer: int, action: str, of: Held, english: bool) -> dict[str, Any]:
    """Title, reason and script as the staff reads them: of the plan's action, without how it was to be done
    elsewhere, or of a need."""
    if action in NEEDS:
        need = NEEDS[action]
        return {"title": need.title, "because": need.because, "script": need.script, "approval": ""}
    if action not in of.actions:
        return {"title": action, "because": "", "script": "", "approval": ""}
    found: dict[str, Any] = dict(of.words(customer, action, english))
    found["title"] = OFFERS.get(found["offer"], found["title"].partition("（")[0].partition(" (")[0])
    if found["means"] not in SPOKEN:  # a text that was approved to be read on a screen is not to be said
        found["script"] = ""
    return found
