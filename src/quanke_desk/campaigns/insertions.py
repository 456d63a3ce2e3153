"""Insertion points of the app: what to show this customer here, from the night's plan, through the gate.

What is shown is the approved text of the template that bears the action's name; an action without one is
shown to nobody. A place that asks again the same day is answered the same push.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from quanke.kernel.errors import NightError
from quanke_desk.campaigns.links import click_address
from quanke_desk.campaigns.models import Send, SendState
from quanke_desk.campaigns.policy import UNKNOWN_RISK, Candidates, decide
from quanke_desk.campaigns.refusing import note_refusals
from quanke_desk.campaigns.template_queries import usable_texts
from quanke_desk.campaigns.texts import words_for
from quanke_desk.customers.queries import risk_of_product
from quanke_desk.work.held import held

MOST = 5
APP = "app"
_BY_APP = ("push", "app")


@dataclass(frozen=True)
class Insertion:
    """One thing to show; `key` names it when the app tells that it was seen or tapped."""

    key: str
    title: str
    text: str
    link: str


def insertions(customer: int, slot: str, count: int = 1) -> list[Insertion]:
    """What to show a customer at a place of the app, the best first; empty where nothing may be shown.
    Raises NightError where there is no night."""
    now = timezone.now()
    pushes = _pushes(customer, slot, int(now.timestamp()))
    texts = usable_texts(pushes)
    asked = Candidates.of(
        [
            {
                "id": n, "customer": customer, "means": APP, "purpose": push.purpose, "usable": n in texts,
                "risk": _risk(risk, texts[n].product if n in texts else ""), "priority": push.priority,
            }
            for n, (push, risk) in enumerate(((p, p.risk) for p in pushes), 1)  # type: ignore[attr-defined]
        ]
    )  # fmt: skip
    decided = decide(asked, now)
    refused = {push.key: decided.rule_of(n) for n, push in enumerate(pushes) if decided.refused[n]}
    shown: list[Insertion] = []
    for push, may in zip(pushes, decided.allowed, strict=True):
        if len(shown) == min(count, MOST):
            break
        version = texts[push.pk].version if may else None
        words = words_for(version, [customer])[customer] if version else None
        if version is not None and words is None:
            refused[push.key] = "no_value"
        if version is not None and words is not None:
            push.version = version
            kept = _keep(push)
            link = click_address(kept.pk, kept.key, version.link)
            shown.append(Insertion(kept.key, words.subject, words.body, link))
    note_refusals({(key, APP, customer): rule for key, rule in refused.items()}, int(now.timestamp()))
    return shown


def _pushes(customer: int, slot: str, now: int) -> list[Send]:
    """What the night's plan has for the customer to see by himself, the chosen first."""
    of = held()
    if of.planned is None:
        raise NightError("the night holds no plan")
    if not 0 <= customer < of.base.night.rows or not of.base.there[customer]:
        return []
    found: list[Send] = []
    for each in of.planned.options(customer):
        action = each.action
        if str(action.means) in _BY_APP and each.why_not is None:
            push = Send(
                pk=len(found) + 1, key=_key(customer, slot, action.name), customer=customer,
                template=action.name, means=APP, purpose=str(action.purpose), state=SendState.SENT, made=now,
                decided=now,
            )  # fmt: skip
            push.risk = action.risk_class or 0  # type: ignore[attr-defined]
            found.append(push)
    return found


def _key(customer: int, slot: str, action: str) -> str:
    """The same for the same customer, place, action and day."""
    said = f"{timezone.localdate()}|{customer}|{slot}|{action}"
    return "app-" + hashlib.sha256(said.encode()).hexdigest()[:32]


def _risk(of_action: int, product: str) -> int:
    known = risk_of_product(product) if product else 0
    return UNKNOWN_RISK if known is None else max(known, of_action)


def _keep(push: Send) -> Send:
    with transaction.atomic():
        kept, _new = Send.objects.get_or_create(
            key=push.key,
            defaults={
                "customer": push.customer, "template": push.template, "version": push.version,
                "means": push.means, "purpose": push.purpose, "state": push.state, "made": push.made,
                "decided": push.decided,
            },
        )  # fmt: skip
    return kept
