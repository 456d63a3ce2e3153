"""Templates: a closed list of variables, counted text messages, links to the bank's hosts, four eyes."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.campaigns import template_actions as actions
from quanke_desk.campaigns.graph import CODE_OF_MEANS, GraphError, read_graph
from quanke_desk.campaigns.known import night_facts
from quanke_desk.campaigns.models import Journey, Send, Template, TemplateState, TemplateVersion
from quanke_desk.campaigns.template_actions import Text
from quanke_desk.campaigns.template_queries import begins_with, usable_texts
from quanke_desk.campaigns.texts import filled, parts_of, whole, words_for
from quanke_desk.customers.at_night import reading
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, ParameterValue, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role

SEND = {"do": "send", "means": ["sms"], "next": "end"}
BODY = "{{ name }}您好，您有{{ amount:maturing_amount_30d }}即将到期。"


@pytest.fixture
def listed_host(desk: dict[str, Person]) -> None:
    ParameterValue.objects.create(
        name="campaigns.hosts", value="m.bank.example, WWW.bank.example", since=dt.date(2020, 1, 1),
        by=desk[Role.ADMINISTRATOR], reason="x",
    )  # fmt: skip


def sms(by: Person, code: str = "mature", **more: Any) -> Template:
    told = {"means": "sms", "purpose": "marketing", **more}
    return actions.new_template(code, "到期提醒", by=by, **told)


def approved(desk: dict[str, Person], body: str = BODY, **more: Any) -> TemplateVersion:
    by, today = desk[Role.ANALYST], timezone.localdate()
    made = sms(by, **more)
    actions.save_draft(made, Text(body), by=by)
    asked = actions.ask_approval(
        made, "SH-2026-001", today, today + dt.timedelta(days=9), by=by, reason="到期活动"
    )
    approvals.decide(asked.pk, True, by=desk[Role.COMPLIANCE])
    return made.versions.get()


def row_for(version: TemplateVersion, **more: Any) -> Send:
    of = version.template
    told = {"pk": 1, "template": of.code, "means": of.means, "purpose": of.purpose, "customer": 1, **more}
    return Send(**told)


def test_four_eyes_and_what_was_asked_for_stays(desk: dict[str, Person]) -> None:
    by, today = desk[Role.ANALYST], timezone.localdate()
    made = sms(by)
    draft = actions.save_draft(made, Text("第一稿"), by=by)
    assert actions.save_draft(made, Text(BODY), by=by).pk == draft.pk and made.versions.count() == 1
    assert not usable_texts([row_for(draft)])
    with pytest.raises(NotAllowed, match="number of the approved material"):
        actions.ask_approval(made, "", today, today, by=by, reason="x")
    with pytest.raises(NotAllowed, match="at most a year"):
        actions.ask_approval(made, "SH-1", today, today + dt.timedelta(days=400), by=by, reason="x")
    asked = actions.ask_approval(made, "SH-1", today, today + dt.timedelta(days=9), by=by, reason="x")
    with pytest.raises(NotAllowed, match="waits for approval"):
        actions.save_draft(made, Text("另一稿"), by=by)
    for role in (Role.ANALYST, Role.COMMITTEE, Role.RISK):
        with pytest.raises(NotAllowed):
            approvals.decide(asked.pk, True, by=desk[role])
    lines = dict(actions.KIND.described(asked))  # type: ignore[misc]
    assert BODY in lines.values() and "SH-1" in lines.values()
    approvals.decide(asked.pk, False, by=desk[Role.COMPLIANCE], answer="措辞不当")
    assert actions.given_back(made.versions.get())
    actions.save_draft(made, Text(BODY), by=by)
    asked = actions.ask_approval(made, "SH-2", today, today + dt.timedelta(days=9), by=by, reason="x")
    approvals.decide(asked.pk, True, by=desk[Role.COMPLIANCE])
    one = made.versions.get()
    assert one.state == TemplateState.APPROVED and usable_texts([row_for(one)])[1].version == one
    two = actions.save_draft(made, Text("新的一稿"), by=by)
    assert two.number == 2 and usable_texts([row_for(one)])[1].version == one
    assert AuditEntry.objects.filter(action="template.approve").count() == 1


def test_only_as_approved_and_only_in_its_time(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = approved(desk)
    assert usable_texts([row_for(one)])
    assert not usable_texts([row_for(one, purpose="service")]), "what sells is no service"
    assert not usable_texts([row_for(one, means="push")]), "what was approved as a text message"
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(days=9))
    assert usable_texts([row_for(one)]), "the last day is counted"
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(days=10))
    assert not usable_texts([row_for(one)])
    monkeypatch.setattr(timezone, "now", lambda: now)
    with pytest.raises(NotAllowed):
        actions.withdraw(one, by=desk[Role.TELLER], reason="x")
    actions.withdraw(one, by=desk[Role.COMPLIANCE], reason="投诉")
    assert not usable_texts([row_for(one)])
    with pytest.raises(NotAllowed, match="only an approved"):
        actions.withdraw(one, by=desk[Role.COMPLIANCE], reason="x")


@pytest.mark.parametrize(("body", "rule"), [
    ("{{ nme }}您好", "no such variable"), ("{{ name:x }}", "no such variable"), ("{name}", "braces"),
    ("{% now %}", "braces"), ("{{ amount:tier }}", "no amount"), ("{{ amount:nothing }}", "no amount"),
    ("{{ amount }}", "no such variable"), ("{{ name.__class__ }}", "braces"), (" ", "required"),
    ("长" * 600, "eight parts"), ("请看 https://evil.example/a", "web address"),
    ("请看t.cn/Ab1", "web address"), ("见WWW.bank.example", "web address"), ("登录evil.com。", "web address"),
])  # fmt: skip
def test_what_cannot_be_saved(desk: dict[str, Person], body: str, rule: str) -> None:
    made = sms(desk[Role.ANALYST])
    with pytest.raises(NotAllowed, match=rule):
        actions.save_draft(made, Text(body), by=desk[Role.ANALYST])
    assert not made.versions.exists()


@pytest.mark.parametrize(("means", "most"), [("push", 200), ("wecom", 1_000), ("email", 4_000)])
def test_each_means_carries_so_much(desk: dict[str, Person], means: str, most: int) -> None:
    by = desk[Role.ANALYST]
    made = sms(by, means=means, purpose="service")
    for text, rule in ((Text("长" * (most + 1), subject_zh="题"), "body: longer"),
                       (Text("好", "y" * (most + 1), "题"), "body: longer"),
                       (Text("好", subject_zh="题" * 121), "subject: longer")):  # fmt: skip
        with pytest.raises(NotAllowed, match=rule):
            actions.save_draft(made, text, by=by)
    assert actions.save_draft(
        made, Text("写信至a@bank.com，年化3.5%。" + "长" * (most - 40), subject_zh="题"), by=by
    )


@pytest.mark.parametrize("link", [
    "http://m.bank.example/a", "https://evil.example/", "https://m.bank.example@evil.example/",
    "https://m.bank.example.evil.example/", "https://m.bank.example:8443/", "javascript:alert(1)",
    "//m.bank.example", "https://m.bank.example/a b", "https://evil.example\\@m.bank.example/",
    "https://m.bank.example:x/",
])  # fmt: skip
def test_links_lead_to_the_banks_hosts(desk: dict[str, Person], listed_host: None, link: str) -> None:
    made, by = sms(desk[Role.ANALYST]), desk[Role.ANALYST]
    with pytest.raises(NotAllowed, match="link"):
        actions.save_draft(made, Text("您好", link=link), by=by)
    assert actions.save_draft(made, Text("您好", link="https://m.bank.example/a?b=1"), by=by).link
    assert actions.save_draft(made, Text("您好", link="https://www.BANK.example/"), by=by).link


def test_text_messages_are_counted_as_they_are_sent() -> None:
    assert [parts_of("字" * n) for n in (0, 1, 70, 71, 134, 135)] == [0, 1, 1, 2, 2, 3]
    assert parts_of("😀" * 35) == 1 and parts_of("😀" * 36) == 2, "two units each"
    text = whole("字" * 64, "sms", True)
    assert (
        text.endswith("，拒收请回复R")
        and parts_of(text) == 2
        and parts_of(whole("字" * 63, "sms", True)) == 1
    )
    assert (
        whole("Hello", "sms", True, "https://x.example/c/1", True)
        == "Hello https://x.example/c/1 Reply R to stop"
    )
    assert whole("字", "sms", False) == "字" and whole("字", "push", True) == "字"


def test_filled_in_and_masked_for_who_may_not_see(desk: dict[str, Person]) -> None:
    facts = night_facts()
    table = base().night.read(["maturing_amount_30d"])["maturing_amount_30d"].to_pylist()
    me = next(c for c in range(facts.size) if facts.there[c] and (table[c] or 0) > 0)
    version = TemplateVersion(body_zh="{{name}}/{{ amount:maturing_amount_30d }}/{{ tier }}/{{ branch }}")
    clear, masked = (words_for(version, [me], mask)[me] for mask in (False, True))
    assert clear is not None and masked is not None
    name = reading().names([me])[me]
    assert clear.body.startswith(name + "/") and name not in masked.body and "*" in masked.body
    assert f"{table[me] / 100:,.2f}元" in clear.body
    with pytest.raises(ValueError, match="name"):
        filled("{{ name }}", {})


def test_a_withdrawn_text_does_not_bring_back_the_one_before(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch, entered: dict[str, Client]
) -> None:
    one = approved(desk)
    by, today, now = desk[Role.ANALYST], timezone.localdate(), timezone.now()
    row, begun = row_for(one), row_for(one, pk=2, version_id=one.pk)

    def says() -> TemplateVersion | None:
        return usable_texts([row])[1].version if usable_texts([row]) else None

    def next_one(first: dt.date) -> TemplateVersion:
        made = actions.save_draft(one.template, Text("新的一稿"), by=by)
        asked = actions.ask_approval(
            one.template, "SH-2", first, today + dt.timedelta(days=9), by=by, reason="x"
        )
        approvals.decide(asked.pk, True, by=desk[Role.COMPLIANCE])
        return made

    tomorrow = today + dt.timedelta(days=1)
    never = next_one(tomorrow)
    assert says() == one, "the next is not valid yet"
    actions.withdraw(never, by=desk[Role.COMPLIANCE], reason="x")
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(days=2))
    assert says() == one, "it never was in force"
    three = next_one(tomorrow)
    assert says() == three and usable_texts([begun])[2].version == one, "what was begun goes on"
    actions.withdraw(three, by=desk[Role.COMPLIANCE], reason="利率写错")
    assert says() is None and not TemplateVersion.objects.filter(begins_with()).exists()
    four = next_one(tomorrow)
    assert says() == four
    monkeypatch.setattr(timezone, "now", lambda: now + dt.timedelta(days=20))
    assert says() is None, "run out"
    monkeypatch.setattr(timezone, "now", lambda: now)
    next_one(today)
    assert "已被新版替代" in entered[Role.COMPLIANCE].get("/campaigns/texts/").content.decode()


def test_a_code_that_can_be_made_can_be_named_by_a_step(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    by, client = desk[Role.ANALYST], entered[Role.ANALYST]
    pattern = CODE_OF_MEANS
    assert f'pattern="{pattern}"' in client.get("/campaigns/templates/new/").content.decode()
    for code in ("fund_hello", "fund-hello", "new-card-bind", "x"):
        sms(by, code)
        assert re.fullmatch(pattern, code)
        graph = {"start": "s", "nodes": {"s": {**SEND, "template": code}, "end": {"do": "exit"}}}
        assert read_graph(graph).templates() == {code}
    sms(by, "new-card-bind.email", means="email")
    for code in ("-fund", "Fund", "fund.fax", "fund.", "f" * 43, "fund.email.sms"):
        with pytest.raises(NotAllowed, match="code"):
            sms(by, code)
        assert not re.fullmatch(pattern, code)
    of_means = {"s": {**SEND, "template": "new-card-bind.email"}, "end": {"do": "exit"}}
    with pytest.raises(GraphError):
        read_graph({"start": "s", "nodes": of_means})
    journey = Journey.objects.create(name="a", title_zh="a", made_by=by)
    client.post(f"/journeys/{journey.pk}/design/", {"do": "put_in", "after": "", "way": "", "kind": "send"})
    page = client.get(f"/journeys/{journey.pk}/design/?step=send").content.decode()
    assert '<option value="new-card-bind">' in page and "new-card-bind.email" not in page


def test_the_pages(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    analyst, compliance = entered[Role.ANALYST], entered[Role.COMPLIANCE]
    assert "新建模板" in analyst.get("/campaigns/templates/").content.decode()
    answer = analyst.post(
        "/campaigns/templates/new/", {"code": "X", "title": "t", "means": "sms", "purpose": "marketing"}
    )
    assert "小写字母" in answer.content.decode()
    told = {"code": "mature", "title": "到期提醒", "means": "sms", "purpose": "marketing"}
    answer = analyst.post("/campaigns/templates/new/", told)
    at = answer["Location"]
    assert "没有此变量 (nme)" in analyst.post(at, {"do": "save", "body_zh": "{{ nme }}"}).content.decode()
    assert analyst.post(at, {"do": "save", "body_zh": BODY}).status_code == 302
    looks = analyst.post(f"{at}preview/", {"body_zh": BODY}).content.decode()
    assert "拒收请回复R" in looks and "1条短信" in looks
    me = next(c for c in range(99) if night_facts().there[c] and reading().names([c])[c] != "-")
    looks = analyst.post(f"{at}preview/", {"body_zh": "{{ name }}您好", "customer": str(me)}).content.decode()
    assert reading().names([me])[me] not in looks and "*" in looks
    assert (
        "您的范围内没有"
        in analyst.post(f"{at}preview/", {"body_zh": "a", "customer": "99999999"}).content.decode()
    )
    today = timezone.localdate().isoformat()
    ask = {"do": "ask", "material": "SH-9", "valid_from": today, "valid_until": today, "reason": "x"}
    assert analyst.post(at, ask).status_code == 302
    version = TemplateVersion.objects.get()
    page = compliance.get(f"/approvals/{version.approval_id}/").content.decode()
    assert "即将到期" in page and "SH-9" in page
    assert (
        compliance.get("/campaigns/texts/").status_code == 200
        and analyst.get("/campaigns/texts/").status_code == 403
    )
    approvals.decide(version.approval_id, True, by=desk[Role.COMPLIANCE])
    compliance.post("/campaigns/texts/", {"version": version.pk, "reason": "投诉"})
    version.refresh_from_db()
    assert version.state == TemplateState.WITHDRAWN and analyst.get(at).status_code == 200
