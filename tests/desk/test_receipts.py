"""What comes back: receipts, replies, clicks, a customer's no; and what the app shows."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client

from quanke.kernel.errors import NightError
from quanke_desk.campaigns import receiving
from quanke_desk.campaigns.addresses import addresses
from quanke_desk.campaigns.insertions import insertions
from quanke_desk.campaigns.links import LONGEST, send_of, token_of
from quanke_desk.campaigns.models import Block, Receipt, Refusal, Send, SendState, TemplateVersion
from quanke_desk.campaigns.policy import Candidates, decide
from quanke_desk.campaigns.sending import send_due
from quanke_desk.customers.at_night import reading
from quanke_desk.customers.consenting import consents_of, may_contact
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Outgoing, ParameterValue, Person
from quanke_desk.foundation.roles import Role
from quanke_desk.work.held import held
from quanke_desk.work.machines import make_key
from tests.desk.test_policy import DAY, answered, epoch, journey_with_control, row_of
from tests.desk.test_sending import now, queued, reachable, template

__all__ = ["now"]
AT = "2026-07-01T10:05:00+08:00"


def key_for(desk: dict[str, Person], use: str) -> dict[str, str]:
    return {"X-Quanke-Key": make_key("gateway", use, None, by=desk[Role.ADMINISTRATOR])[1]}


def told(path: str, body: Any, headers: dict[str, str]) -> Any:
    answer = Client().post(f"/api/campaigns/{path}", json.dumps(body), "application/json", headers=headers)
    return answer.status_code, answer.json()


def sent(desk: dict[str, Person], settings: Any, key: str = "a", **more: Any) -> Send:
    """A push that went out by the sandbox."""
    settings.QUANKE_DEMO = True
    if not TemplateVersion.objects.exists():
        template(desk[Role.ANALYST], **more)
    push = queued(reachable()[0], key)
    send_due()
    push.refresh_from_db()
    assert push.state == SendState.SENT, push.rule
    return push


def test_receipts_are_told_by_machines_and_noted_once(
    desk: dict[str, Person], now: Any, settings: Any
) -> None:
    push = sent(desk, settings)
    headers = key_for(desk, "receipts")
    body = {
        "receipts": [{"key": "a", "kind": "delivered", "at": AT}, {"key": "x", "kind": "opened", "at": AT}]
    }
    assert told("receipts", body, headers) == (200, {"new": 1, "unknown": ["x"]})
    assert told("receipts", body, headers) == (200, {"new": 0, "unknown": ["x"]})
    assert Receipt.objects.get(send=push).kind == "delivered"
    assert told("receipts", body, {})[0] == 401
    assert told("receipts", body, key_for(desk, "evidence"))[0] == 401
    bad = {"receipts": [{"key": "a", "kind": "stolen", "at": AT}]}
    assert told("receipts", bad, headers)[0] == 422


def test_a_bounce_keeps_the_means_away(desk: dict[str, Person], now: Any, settings: Any) -> None:
    push = sent(desk, settings)
    body = {"receipts": [{"key": "a", "kind": "bounced", "at": AT}]}
    assert told("receipts", body, key_for(desk, "receipts"))[0] == 200
    block = Block.objects.get(customer=push.customer)
    assert (block.means, (block.until - block.since).days) == ("sms", 90)  # type: ignore[operator]
    decided = decide(Candidates.of([row_of(1, push.customer)]), DAY)
    assert decided.rule_of(0) == "blocked"
    assert AuditEntry.objects.filter(action="campaigns.block", person=None).count() == 1


@pytest.mark.parametrize(
    "said", ["T", "td", " R ", "退订", "0000", "退订。", "Ｔ", "拒收", "【全客银行】T", "退订 【移动】"]
)
def test_a_no_holds_at_once(desk: dict[str, Person], now: Any, settings: Any, said: str) -> None:
    push = sent(desk, settings)
    assert may_contact(push.customer, "sms")
    body = {"means": "sms", "text": said, "number": "MO-2026-1", "at": AT, "key": "a"}
    headers = key_for(desk, "receipts")
    assert told("replies", body, headers) == (200, {"pushes": 1, "refused": 1})
    assert told("replies", body, headers)[0] == 200
    answer = ConsentAnswer.objects.get()
    assert (answer.given, answer.means, answer.proof) == (False, "sms", "MO-2026-1")
    assert (answer.channel, answer.by) == ("message", None)
    assert not may_contact(push.customer, "sms")
    stands = {s.means: s.given for s in consents_of(push.customer) if s.purpose == "marketing"}
    assert stands["sms"] is False
    assert decide(Candidates.of([row_of(1, push.customer)]), DAY).rule_of(0) == "consent"
    assert Outgoing.objects.filter(table="consents").count() == 1, "and goes home"
    assert Receipt.objects.get(send=push).kind == "refused"


def test_a_reply_that_says_something_else(desk: dict[str, Person], now: Any, settings: Any) -> None:
    push = sent(desk, settings)
    body = {"means": "sms", "text": "Tell me more", "number": "MO-1", "at": AT, "key": "a"}
    assert told("replies", body, key_for(desk, "receipts")) == (200, {"pushes": 1, "refused": 0})
    assert Receipt.objects.get(send=push).kind == "replied" and not ConsentAnswer.objects.exists()
    unknown = {**body, "key": "nobody"}
    assert told("replies", unknown, key_for(desk, "receipts"))[0] == 422
    nameless = {**body, "key": ""}
    assert told("replies", nameless, key_for(desk, "receipts"))[0] == 422


def test_a_no_from_a_phone_is_of_everybody_who_has_it(
    desk: dict[str, Person], now: Any, settings: Any
) -> None:
    push = sent(desk, settings)
    phone = addresses([push.customer], "sms")[push.customer]
    body = {"means": "sms", "text": "TD", "number": "MO-7", "at": AT, "sender": phone}
    code, answer = told("replies", body, key_for(desk, "receipts"))
    assert code == 200 and answer["refused"] >= 1 and answer["pushes"] == 1
    assert not may_contact(push.customer, "sms")
    assert phone not in str(list(AuditEntry.objects.values_list("detail", "reason", "subject")))


def test_a_no_by_a_key_is_of_everybody_at_the_address(
    desk: dict[str, Person], now: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = sent(desk, settings)
    other = reachable(2)[1]
    monkeypatch.setattr(receiving, "_people", lambda means, sender: [push.customer, other])
    body = {"means": "sms", "text": "T", "number": "MO-8", "at": AT, "key": "a"}
    assert told("replies", body, key_for(desk, "receipts")) == (200, {"pushes": 1, "refused": 2})
    assert not may_contact(push.customer, "sms") and not may_contact(other, "sms")


def test_a_no_by_mail_and_senders_nobody_knows(
    desk: dict[str, Person], now: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, me = key_for(desk, "receipts"), reachable()[0]
    mail = next(a for a in addresses(list(range(base().night.rows)), "email").values() if "@" in a)
    body = {"means": "email", "text": "退订", "number": "IN-1", "at": AT, "sender": mail.upper()}
    code, answer = told("replies", body, headers)
    assert code == 200 and answer["refused"] >= 1
    said = set(ConsentAnswer.objects.filter(means="email", given=False).values_list("customer", flat=True))
    assert all(addresses([c], "email")[c] == mail for c in said) and said
    for sender in ("nobody@bank.example", "   "):
        assert told("replies", {**body, "sender": sender}, headers)[0] == 422
    assert told("replies", {**body, "means": "sms", "sender": "x" * 120}, headers)[0] == 422
    assert me not in said

    def none(*given: Any) -> Any:
        raise NightError("no night")

    monkeypatch.setattr(receiving, "base", none)
    phone = {**body, "means": "sms", "sender": "13800001111"}
    assert told("replies", phone, headers)[0] == 503, "the gateway tells it again"


def test_links_are_signed_and_lead_where_the_text_says(
    desk: dict[str, Person], now: Any, settings: Any
) -> None:
    ParameterValue.objects.create(
        name="campaigns.hosts", value="m.bank.example", since=dt.date(2020, 1, 1),
        by=desk[Role.ADMINISTRATOR], reason="x",
    )  # fmt: skip
    push = sent(desk, settings, link="https://m.bank.example/offer")
    token = token_of(push.pk, push.key)
    assert len(token) <= LONGEST
    answer = Client().get(f"/c/{token}")
    assert (answer.status_code, answer["Location"]) == (302, "https://m.bank.example/offer")
    assert Client().get(f"/c/{token}").status_code == 302
    assert Receipt.objects.get(send=push).kind == "clicked"
    other = queued(push.customer, "b")
    for wrong in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token_of(other.pk, "a"),
        "x",
        "-",
        "é-é",
        "9" * 39,
    ):
        assert send_of(wrong) is None and Client().get(f"/c/{wrong}").status_code == 404
    assert Client().head(f"/c/{token}").status_code == 405
    ParameterValue.objects.update(value="other.example")
    assert Client().get(f"/c/{token}").status_code == 404, "the bank struck off the host"


def test_no_more_by_a_link(desk: dict[str, Person], now: Any, settings: Any) -> None:
    push = sent(desk, settings)
    at = f"/c/{token_of(push.pk, push.key)}/no"
    client = Client(enforce_csrf_checks=True)
    assert "不再接收" in client.get(at).content.decode() and may_contact(push.customer, "sms")
    assert client.post(at, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not may_contact(push.customer, "sms")
    assert ConsentAnswer.objects.get().proof == f"push-{push.pk}"
    assert client.post(at).status_code == 200 and ConsentAnswer.objects.count() == 1
    answered(push.customer, desk[Role.COMPLIANCE], True)
    assert may_contact(push.customer, "sms")
    assert "<form" in client.get(at).content.decode(), "what he said before is not what stands"
    client.post(at)
    assert not may_contact(push.customer, "sms"), "he agreed anew, and said no again by the same link"
    answered(push.customer, desk[Role.COMPLIANCE], True)
    earlier = int((DAY - dt.timedelta(days=1)).timestamp())
    assert not receiving.take_receipt(push, "refused", earlier)
    assert may_contact(push.customer, "sms"), "a no told again is older than his yes"


def test_the_sandbox_of_a_demo(
    desk: dict[str, Person], entered: dict[str, Client], now: Any, settings: Any
) -> None:
    push = sent(desk, settings)
    page = entered[Role.ANALYST].get("/sandbox/").content.decode()
    name = reading().names([push.customer])[push.customer]
    assert "拒收请回复R" in page and name not in page
    entered[Role.ANALYST].post("/sandbox/", {"push": push.pk, "do": "no"})
    assert not may_contact(push.customer, "sms")
    assert "退订" in entered[Role.ANALYST].get("/sandbox/").content.decode()
    settings.QUANKE_DEMO = False
    assert entered[Role.ANALYST].get("/sandbox/").status_code == 404


def app_customers(purpose: str) -> list[tuple[int, Any]]:
    """Customers to whom the plan has something to show, and it may be shown now."""
    of = held()
    assert of.planned is not None
    found = []
    for customer in range(of.base.night.rows):
        if of.base.there[customer]:
            for each in of.planned.options(customer):
                action = each.action
                ask = row_of(1, customer, "app", str(action.purpose), risk=action.risk_class or 0)
                if (
                    each.why_not is None and str(action.means) == "push" and str(action.purpose) == purpose
                    and decide(Candidates.of([ask])).allowed[0]
                ):  # fmt: skip
                    found.append((customer, action))
        if len(found) >= 3:
            break
    assert found
    return found


def test_what_the_app_shows(desk: dict[str, Person], now: Any, settings: Any) -> None:
    (customer, action), *_rest = app_customers("marketing")
    assert insertions(customer, "home") == [], "no approved text bears the action's name"
    template(
        desk[Role.ANALYST], action.name, "push", "marketing", subject_zh="为您推荐", body_zh="{{ tier }}专享"
    )
    [one] = insertions(customer, "home")
    assert one.title == "为您推荐" and one.text.endswith("专享") and "{{" not in one.text
    push = Send.objects.get(key=one.key)
    assert (push.means, push.state, push.template) == ("app", "t", action.name) and push.version is not None
    assert insertions(customer, "home")[0].key == one.key and Send.objects.count() == 1
    assert insertions(customer, "cards")[0].key != one.key
    receiving.take_receipt(push, "refused", int(DAY.timestamp()))
    assert insertions(customer, "home") == [], "sent away for good"
    assert set(Refusal.objects.filter(means="app", customer=customer).values_list("rule", flat=True)) >= {
        "consent"
    }
    kept = Refusal.objects.count()
    for _ in range(3):
        insertions(customer, "home")
    assert Refusal.objects.count() == kept, "written once a day"


def test_the_app_shows_no_offer_to_controls(desk: dict[str, Person], now: Any) -> None:
    (customer, action), *_rest = app_customers("marketing")
    template(desk[Role.ANALYST], action.name, "push", "marketing", subject_zh="为您推荐", body_zh="专享")
    journey_with_control(desk[Role.ANALYST], [customer], entered=epoch(DAY))
    assert insertions(customer, "home") == []
    assert Refusal.objects.get(customer=customer, rule="control", key__contains="app-").means == "app"


def test_the_app_asks_by_its_key(desk: dict[str, Person], now: Any, settings: Any) -> None:
    (customer, action), *_rest = app_customers("marketing")
    template(desk[Role.ANALYST], action.name, "push", "marketing", subject_zh="为您推荐", body_zh="专享")
    party = reading().rows("parties", customer, ["source", "party_id"]).to_pylist()[0]
    headers = key_for(desk, "insertions")
    ask = {"party": f"{party['source']}:{party['party_id']}", "slot": "home", "count": 2}
    code, answer = told("insertions", ask, headers)
    assert code == 200 and answer["show"][0]["title"] == "为您推荐"
    seen = {"seen": [{"key": answer["show"][0]["key"], "kind": k, "at": AT} for k in ("opened", "clicked")]}
    assert told("insertions/seen", seen, headers) == (200, {"new": 2, "unknown": []})
    assert told("insertions", {**ask, "party": "core:nobody"}, headers)[0] == 422
    assert told("insertions", ask, key_for(desk, "receipts"))[0] == 401


def test_the_key_of_the_app_tells_of_no_other_means(desk: dict[str, Person], now: Any, settings: Any) -> None:
    push = sent(desk, settings)
    seen = {"seen": [{"key": push.key, "kind": kind, "at": AT} for kind in ("bounced", "refused")]}
    headers = key_for(desk, "insertions")
    assert told("insertions/seen", seen, headers) == (200, {"new": 0, "unknown": [push.key]})
    assert may_contact(push.customer, "sms") and not Receipt.objects.exists() and not Block.objects.exists()


def test_what_the_app_showed_comes_home_once_it_was_seen(desk: dict[str, Person], now: Any) -> None:
    (customer, action), *_rest = app_customers("marketing")
    template(desk[Role.ANALYST], action.name, "push", "marketing", subject_zh="为您推荐", body_zh="专享")
    shown = [insertions(customer, slot)[0].key for slot in ("home", "cards")]
    home = Outgoing.objects.filter(table="pushes")
    assert not home.exists(), "nobody saw it yet"
    receiving.take_receipts([(shown[1], "delivered", epoch(DAY))], receiving.BY_APP)
    assert not home.exists()
    receiving.take_receipts([(key, "opened", epoch(DAY)) for key in shown], receiving.BY_APP)
    receiving.take_receipts([(shown[0], "clicked", epoch(DAY))], receiving.BY_APP)
    [row] = home
    assert row.customer == customer and row.key == shown[0], "once a customer and campaign"
    assert row.row == {"campaign": action.name, "date": "2026-07-01", "arm": "treated", "means": "push"}


NO = r"""
t|T。|“退订”|00 00|退订T|T退订|回复T|回T|回复“T”|TT|拒收R|R谢谢|取消
STOP|stop.|Unsubscribe|unsubscribe please
T\n发自我的iPhone|退订\n> 您好，退订请回复T|【全客银行】\nT|请退订，谢谢|我要退订|退订此类短信
别发了|不要再发了|opt-out|Stop all
请勿打扰|Reply R|> 您好\nT|2026年7月1日，全客银行写道：\n> 您好\n\n退订|td td
NN|Please stop sending|（退订）|取消订阅邮件
"""
NOT = r"""
|谢谢|不用了 T1|000|Yes|好的\nT|怎么退订|我不想退订|请勿退订
TRENT|trend|stop by the branch tomorrow?|End of month is fine
Tell me more|我想了解一下\n> 退订请回复T|取消转账|到期\n\n退订请回复T|不退订|Thanks
"""


def test_what_is_a_no() -> None:
    noes = [each.replace("\\n", "\n") for line in NO.strip().splitlines() for each in line.split("|")]
    assert [each for each in noes if not receiving.is_no(each)] == []
    others = [each.replace("\\n", "\n") for line in NOT.strip().splitlines() for each in line.split("|")]
    assert [each for each in others if receiving.is_no(each)] == []
