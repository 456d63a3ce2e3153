"""A customer who goes to another manager is told by a service message; whom none reaches is told by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from quanke_desk.books import actions, laying, telling
from quanke_desk.books.laying import Moved
from quanke_desk.campaigns import manager_notices
from quanke_desk.campaigns.models import Block, Send, SendState, Template, TemplateVersion
from quanke_desk.campaigns.policy import SERVICE
from quanke_desk.campaigns.sending import send_due
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import ParameterValue, Person, Post, Relation
from quanke_desk.foundation.notices import on_post
from quanke_desk.foundation.roles import Role
from tests.desk.gateway import Gateway
from tests.desk.test_books_changes import heads as heads
from tests.desk.test_books_changes import other_post, owned
from tests.desk.test_policy import DAY
from tests.desk.test_sending import now as now
from tests.desk.test_sending import reachable, template

CODE, BODY = "manager_change", "{{ name }}您好，{{ manager }}自{{ day }}起为您服务。"


@pytest.fixture
def gateway(settings: Any) -> Iterator[Gateway]:
    served = Gateway(b"shared")
    settings.QUANKE_CHANNELS = {"sms": {"kind": "sms", "url": served.url, "sign": "shared", "patience": 0.5}}
    settings.QUANKE_DEMO = False
    yield served
    served.close()


def moves(customers: list[int], to: Post, since: dt.date) -> list[Moved]:
    of = base()
    return [Moved(c, of.value(c, "owner_post"), to.post_id, since) for c in customers]


def test_who_moves_is_told_once_by_whom_he_is_looked_after(
    desk: dict[str, Person], now: Any, gateway: Gateway
) -> None:
    template(desk[Role.ANALYST], CODE, purpose=SERVICE, body_zh=BODY)
    me, blocked = reachable(2)
    Block.objects.create(customer=blocked, means="any", since=DAY.date(), reason="court")
    to, today = other_post(base().value(me, "owner_post") or ""), DAY.date()
    if base().value(blocked, "owner_post") == to.post_id:
        pytest.fail("the sample has both at one post")
    laying.lay(moves([me, blocked], to, today), reason="moved", by=desk[Role.BRANCH_HEAD])
    changes = [(me, today), (blocked, today)]
    assert {c: t.sent for c, t in telling.told(changes).items()} == dict.fromkeys(changes, False)
    done = send_due()
    assert done.sent == 1 and done.refused == 1 and sum(gateway.got.values()) == 1
    assert telling.told(changes) == {(me, today): telling.Told("sms", True)}, "the other is told by hand"
    assert Send.objects.get(customer=blocked).rule == "blocked"
    assert on_post(to)[0].name in str(gateway.messages), "the new one, not the night's"


def test_the_last_change_is_told_and_on_its_day(desk: dict[str, Person], now: Any, gateway: Gateway) -> None:
    template(desk[Role.ANALYST], CODE, purpose=SERVICE, body_zh=BODY)
    [me] = reachable()
    first = other_post(base().value(me, "owner_post") or "")
    second, later = other_post(first.post_id), DAY.date() + dt.timedelta(days=7)
    laying.lay(moves([me], first, later), reason="moved", by=None)
    assert send_due().moved == 0, "not before the day it holds from"
    laying.lay([Moved(me, first.post_id, second.post_id, later)], reason="moved", by=None)
    laying.lay([Moved(me, second.post_id, None, later)], reason="moved", by=None)
    assert set(Send.objects.values_list("state", "rule")) == {(SendState.REFUSED, "stopped")}
    laying.lay([Moved(me, None, second.post_id, later)], reason="moved", by=None)
    now["at"] = DAY + dt.timedelta(days=7)
    assert send_due().sent == 1 and sum(gateway.got.values()) == 1


def test_without_a_text_or_a_gateway_everybody_is_told_by_hand(
    desk: dict[str, Person], now: Any, gateway: Gateway, settings: Any
) -> None:
    [me] = reachable()
    to, today = other_post(base().value(me, "owner_post") or ""), DAY.date()
    move = moves([me], to, today)
    manager_notices.tell_customers(move, None)
    template(desk[Role.ANALYST], CODE, purpose="marketing", body_zh=BODY)
    manager_notices.tell_customers(move, None)
    assert not Send.objects.exists(), "no service says what sells"
    Template.objects.update(purpose=SERVICE)
    settings.QUANKE_CHANNELS = {}
    manager_notices.tell_customers(move, None)
    assert not Send.objects.exists()
    settings.QUANKE_CHANNELS = {"sms": {"kind": "sms", "url": gateway.url, "sign": "shared"}}
    since = timezone.localdate() - dt.timedelta(days=1)
    keeper = desk[Role.ADMINISTRATOR]
    held = ParameterValue.objects.create(
        name="books.notice_template", value="", since=since, by=keeper, reason="no"
    )
    manager_notices.tell_customers(move, None)
    assert not Send.objects.exists(), "the bank sends none"
    held.delete()
    manager_notices.tell_customers(move, None)
    manager_notices.tell_customers([Moved(me, to.post_id, to.post_id, today)], None)
    assert Send.objects.filter(state=SendState.REFUSED).count() == 1, "who stays is told nothing"


def test_the_page_of_a_transfer_says_who_is_told(heads: dict[str, Person], settings: Any) -> None:
    settings.QUANKE_DEMO = True
    call_command("demo_texts", stdout=StringIO())
    call_command("demo_texts", stdout=StringIO())
    version = TemplateVersion.objects.get()
    assert version.approval and version.approval.asked_by != version.approval.decided_by
    customer, post = owned()
    to, today = other_post(post), timezone.localdate()
    asked = actions.ask_transfer([customer], to, today, by=heads["head-one"], reason="moved house")
    client = Client()
    client.force_login(heads["head-two"])
    at = f"/books/transfers/{asked.pk}/"
    assert client.get(at).context["listed"].rows[0]["said"] == "-"
    approvals.decide(asked.pk, True, by=heads["head-two"])
    assert client.get(at).context["listed"].rows[0]["said"] == "待发送：短信"
    Send.objects.update(state=SendState.SENT)
    assert client.get(at).context["listed"].rows[0]["said"] == "已发送：短信"
    Send.objects.update(state=SendState.FAILED)
    assert client.get(at).context["listed"].rows[0]["said"] == "人工告知"
    assert Relation.objects.filter(customer=customer).exists()
    settings.QUANKE_DEMO = False
    with pytest.raises(CommandError):
        call_command("demo_texts")
