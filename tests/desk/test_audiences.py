"""Audiences: form and text say the same, what is counted, who is told of how few, versions."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

import numpy as np
import pytest
from django.test import Client

from quanke_desk.campaigns import audience_actions as actions
from quanke_desk.campaigns import audiences
from quanke_desk.campaigns.audience_form import plain, text_of, tree_of
from quanke_desk.campaigns.audience_history import history
from quanke_desk.campaigns.audience_tags import grouped, spread_of, tags
from quanke_desk.campaigns.models import Audience, AudienceVersion
from quanke_desk.customers.models import DataRequest, Restriction
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, ParameterValue, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role

CORE = 'tier == "core"'

SHOWN = [
    'tier == "core"',
    'tier != "core" and aum >= 50000',
    'tier in ("core", "wealth") and not has_fund',
    'tier not in ("core", "wealth")',
    "50000 <= aum < 200000.50",
    "aum > -5 and aum <= 1000000",
    "has_fund or has_wealth",
    "(has_fund or has_wealth) and aum_trend >= 1.05",
    "not (has_fund or has_wealth)",
    "has_term and not (has_fund and has_wealth)",
    "risk_level is null",
    "risk_level is not null and risk_level == 3",
    "as_of - 30 < last_visit_on <= as_of",
    "as_of < next_maturity_on <= as_of + 30",
    "last_active_on < as_of - 90",
    "2026-01-01 <= first_account_on <= 2026-06-30",
    "first_account_on >= 2026-01-01",
    'contains(city, "深")',
    "has_fund == true",
    "churn_risk > 20%",
    "200000 <= aum < 500000 or has_wealth",
    "has_term and (has_fund or 50000 <= aum < 200000 or as_of - 30 < last_visit_on <= as_of)",
]


def column(name: str) -> Any:
    """A column of the night, with those who exist."""
    return base().night.read([name])[name].to_pandas()


def restrict(customer: int, by: Person) -> None:
    """A deletion that was granted."""
    day = dt.date(2026, 7, 1)
    asked = DataRequest.objects.create(
        customer=customer,
        kind="deletion",
        proof="F-1",
        about="x",
        received_on=day,
        due_on=day,
        recorded_by=by,
    )
    Restriction.objects.create(customer=customer, kind="deleted", since=day, request=asked)


def counts(text: str) -> int | None:
    return audiences.counted(text).size


def test_the_count_is_asked_for_at_once(entered: dict[str, Client]) -> None:
    page = entered[Role.ANALYST].get("/audiences/new/").content.decode()
    asked = re.findall(r'hx-post="/audiences/ask/\?by=(?:fields|text)" hx-trigger="([^"]+)"', page)
    assert asked == ["input delay:30ms"] * 2, "the answer is to be there within 100 ms"
    assert '<form id="builder" method="post" class="middle" hx-sync="this:replace"' in page, (
        "the last key wins"
    )


@pytest.mark.parametrize("text", SHOWN)
def test_form_and_text_say_the_same(db: None, text: str) -> None:
    catalogue = base().bank.catalogue
    tree = plain(tree_of(audiences.understood(text).node))
    assert tree is not None
    built = text_of(tree, catalogue)
    assert not built.problems and not built.waiting
    again = plain(tree_of(audiences.understood(built.text).node))
    assert again == tree
    assert np.array_equal(audiences.among(built.text).numbers(), audiences.among(text).numbers())


@pytest.mark.parametrize(
    "text",
    [
        "aum > aum_90d * 2",
        "has_fund and (has_wealth or (has_term and has_bond))",
        "as_of - 30 < last_visit_on",
        "not (has_fund or (has_wealth and has_term))",
        "true",
        "coalesce(aum, 0) < 100",
        "not aum > 5",
    ],
)
def test_what_the_form_cannot_show_is_left_to_the_text(db: None, text: str) -> None:
    tree = plain(tree_of(audiences.understood(text).node))
    if tree is not None:  # shown as a group that is turned round: then it still says the same
        said = text_of(tree, base().bank.catalogue).text
        assert np.array_equal(audiences.among(said).numbers(), audiences.among(text).numbers())
        assert text == "not aum > 5"


def test_a_count_is_that_of_the_night(desk: dict[str, Person]) -> None:
    there = base().there
    tier, aum = column("tier"), column("aum")
    assert counts(CORE) == int(((tier == "core") & there).sum())
    wanted = ((tier == "core") & (aum >= 6_000_000) & there).sum()
    assert counts(f"{CORE} and aum >= 6万") == int(wanted) > 10
    audiences.counted(CORE)
    begun = time.perf_counter()
    audiences.counted(f"{CORE} and aum >= 7万")
    assert time.perf_counter() - begun < 0.1


def test_the_index_is_opened_beside_the_first_page(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiences, "_indexes", {})
    thread = audiences.made_ready(base())
    assert thread is not None
    thread.join(60)
    assert audiences.made_ready(base()) is None and audiences.index_of() is audiences.index_of()


def test_what_is_wrong_is_pointed_at(entered: dict[str, Client]) -> None:
    client = entered[Role.ANALYST]
    client.post("/language/", {"language": "en"})
    page = client.post("/audiences/ask/?by=text", {"text": 'tier == "coer"'}).content.decode()
    assert "Column 9" in page and "did you mean `core`?" in page
    assert re.search(r"<pre class=\"caret\"[^>]*>tier == &quot;coer&quot;\n {8}\^</pre>", page)
    page = client.post("/audiences/ask/?by=text", {"text": "层级 = 5"}).content.decode()
    assert re.search(r"\n {5}\^|\n {2}\^|\n\^", page), "wide signs take two columns"
    for text in ("credit_score_band > 1", "shared_phone_persons > 1", "customers.id_number is null"):
        assert audiences.counted(text).fault is not None, "walled off from marketing"


def test_few_are_not_told_of(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    numbers = audiences.among(CORE).numbers()
    client = entered[Role.ANALYST]
    client.post("/language/", {"language": "en"})
    ParameterValue.objects.create(
        name="audience.hide_below", value=len(numbers) + 1, since=dt.date(2026, 1, 1),
        by=desk[Role.ADMINISTRATOR], reason="test",
    )  # fmt: skip
    page = client.post("/audiences/ask/?by=text", {"text": CORE}).content.decode()
    assert f"&lt; {len(numbers) + 1}" in page and f">{len(numbers)}<" not in page
    for what in ("sample", "breakdown", "reach", "overlap"):
        page = client.post("/audiences/look/", {"text": CORE, "what": what}).content.decode()
        assert "<tbody>" not in page, what
    assert audiences.sampled(desk[Role.ANALYST], audiences.among(CORE)) is None
    spread = spread_of("tier")
    assert spread is not None and all(b.count is None or b.count > len(numbers) for b in spread.values)


def test_rows_are_masked(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    members = audiences.among(CORE).numbers()
    answer = entered[Role.ANALYST].post("/audiences/look/", {"text": CORE, "what": "sample"})
    rows = answer.context["rows"]
    assert len(rows) == 10 and {r["customer"] for r in rows} <= set(members.tolist())
    assert any("*" in r["name"] for r in rows) and all("*" in r["name"] or r["name"] == "-" for r in rows)
    other = entered[Role.ANALYST].post("/audiences/look/", {"text": CORE, "what": "sample", "draw": "1"})
    assert other.context["rows"] != rows


def test_by_a_tag(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    asked = {"text": "aum >= 50000", "what": "breakdown", "by_tag": "sex"}
    cells = entered[Role.ANALYST].post("/audiences/look/", asked).context["cells"]
    flags = (column("aum") >= 5_000_000) & base().there
    sex = column("sex")[flags]
    for cell in cells:
        real = int((sex == cell.value).sum() if cell.value is not None else sex.isna().sum())
        assert cell.count in (None, real)
    assert any(c.count for c in cells)


def test_whose_data_is_restricted_is_in_no_audience(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    before = audiences.among(CORE).numbers()
    restrict(int(before[0]), desk[Role.COMPLIANCE])
    assert int(before[0]) not in audiences.among(CORE).numbers()
    assert counts(CORE) == len(before) - 1
    built = entered[Role.ANALYST].post("/audiences/ask/?by=text", {"text": CORE}).context["b"]
    assert [cell.count for cell in built.cells] == [built.answer.size], "the bars add up to the size"


def test_the_form_leads_the_text_and_the_text_the_form(entered: dict[str, Client]) -> None:
    client = entered[Role.ANALYST]
    page = client.post("/audiences/ask/", {"text": "", "do": "tag:tier", "j": "and"}).content.decode()
    assert 'name="i.0.tag" value="tier"' in page and 'id="form" hx-swap-oob' in page
    core = len(audiences.among(CORE))
    fields = {"j": "and", "i.0.tag": "tier", "i.0.op": "is", "i.0.was": "is", "i.0.v": "core"}
    answer = client.post("/audiences/ask/?by=fields", fields)
    page = answer.content.decode()
    assert "tier == &quot;core&quot;</textarea>" in page and 'id="form"' not in page, "the form stays put"
    assert answer.context["b"].answer.size == core
    other = {**fields, "i.0.op": "one_of"}
    assert 'id="form" hx-swap-oob' in client.post("/audiences/ask/?by=fields", other).content.decode()
    grouped_ = {**fields, "i.1.join": "or", "i.1.i.0.tag": "has_fund", "i.1.i.0.op": "yes",
                "i.1.i.1.tag": "aum", "i.1.i.1.op": "between", "i.1.i.1.v": ["5万", "20万"]}  # fmt: skip
    text = client.post("/audiences/ask/?by=fields", grouped_).context["b"].text
    assert text == 'tier == "core" and (has_fund or 5万 <= aum < 20万)'
    page = client.post("/audiences/ask/?by=text", {"text": text}).content.decode()
    assert 'name="i.1.i.1.v" value="50000"' in page and "<textarea" not in page
    dropped = client.post("/audiences/ask/", {**grouped_, "do": "drop:1.0"}).context["b"].text
    assert dropped == 'tier == "core" and (5万 <= aum < 20万)'
    into = client.post("/audiences/ask/", {**grouped_, "do": "tag:has_wealth", "into": "1"}).context["b"]
    assert into.text.endswith("or has_wealth)")


def test_a_field_says_its_rule(entered: dict[str, Client]) -> None:
    client = entered[Role.ANALYST]
    client.post("/language/", {"language": "en"})
    for tag, op, given, rule in (
        ("aum", "at_least", "much", "a number is written"),
        ("last_visit_on", "since", "1.1.2026", "YYYY-MM-DD"),
        ("last_visit_on", "within", "-3", "whole number"), ("aum", "at_least", "5%", "for rates only"),
    ):  # fmt: skip
        fields = {"j": "and", "i.0.tag": tag, "i.0.op": op, "i.0.v": given}
        answer = client.post("/audiences/ask/?by=fields", fields)
        assert rule in answer.content.decode() and 'aria-invalid="true"' in answer.content.decode()
        assert answer.context["b"].text == ""
    waits = client.post(
        "/audiences/ask/?by=fields", {"j": "and", "i.0.tag": "aum", "i.0.op": "between", "i.0.v": "5"}
    )
    assert "1 condition still waits" in waits.content.decode()


def test_a_text_beyond_the_form_is_not_lost(entered: dict[str, Client]) -> None:
    text = "aum > aum_90d * 2"
    answer = entered[Role.ANALYST].post("/audiences/ask/?by=text", {"text": text})
    assert 'name="opaque"' in answer.content.decode()
    kept = entered[Role.ANALYST].post("/audiences/ask/", {"text": text, "opaque": "1", "do": "tag:tier"})
    assert kept.context["b"].text == text and kept.context["b"].ruled


def test_texts_in_a_form_stay_texts(entered: dict[str, Client]) -> None:
    evil = '深" or true or city == "'
    fields = {"j": "and", "i.0.tag": "city", "i.0.op": "contains", "i.0.v": evil}
    built = entered[Role.ANALYST].post("/audiences/ask/?by=fields", fields).context["b"]
    assert built.answer.fault is None and built.answer.hidden, "nobody lives in such a city"
    script = {"j": "and", "i.0.tag": "<script>alert(1)</script>", "i.0.op": "is", "i.0.v": "</textarea><b>"}
    page = entered[Role.ANALYST].post("/audiences/ask/", {**script, "do": "group"}).content.decode()
    assert "<script>" not in page and "</textarea><b>" not in page


def test_tags_are_found_by_title(entered: dict[str, Client]) -> None:
    page = entered[Role.ANALYST].get("/audiences/tags/", {"q": "理财"}).content.decode()
    assert "tag:has_wealth" in page and "tag:tier" not in page
    assert "credit_score_band" not in tags() and "shared_device_persons" not in tags()
    assert sum(len(found) for _title, found in grouped()) == len(tags()) > 200
    assert "empty" in entered[Role.ANALYST].get("/audiences/tags/", {"q": "zzzz"}).content.decode()


def test_how_a_tag_is_spread(db: None) -> None:
    tier = spread_of("tier")
    assert tier is not None and {b.value for b in tier.values} == set(column("tier").dropna())
    aum = spread_of("aum")
    assert aum is not None
    real = np.quantile(column("aum")[base().there].dropna(), 0.5) / 100
    [(_share, told)] = [p for p in aum.points if p[0] == 50]
    assert abs(float(told.removeprefix("¥").replace(",", "")) - real) <= max(10, real * 0.02)
    days = spread_of("last_visit_on")
    assert days is not None and days.points and re.fullmatch(r"\d{4}-\d\d-\d\d", days.points[0][1])
    assert spread_of("credit_score_band") is None and spread_of("nothing") is None


def test_versions(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    analyst, client = desk[Role.ANALYST], entered[Role.ANALYST]
    client.post("/language/", {"language": "en"})
    fields = {"title": "Core", "text": CORE, "kind": "live", "do": "save"}
    answer = client.post("/audiences/new/", fields)
    audience = Audience.objects.get()
    assert answer["Location"] == f"/audiences/{audience.pk}/"
    client.post(answer["Location"], {"text": f"{CORE} and aum >= 6万", "kind": "live", "do": "save"})
    client.post(answer["Location"], {"text": f"{CORE} and aum >= 6万", "kind": "frozen", "do": "save"})
    with pytest.raises(NotAllowed, match="no older version"):
        actions.set_back(audience, 3, by=analyst)
    told = [each.changes for each in history(audience)]
    assert told[2] == ["first version"] and told[1] == ["added: Assets under management at least 60000"]
    assert told[0] == ["now frozen: the customers of one night"]
    frozen = audiences.current(audience)
    assert np.array_equal(audiences.members_of(frozen), audiences.among(frozen.text).numbers())
    assert frozen.size == len(audiences.members_of(frozen))
    client.post(answer["Location"], {"do": "back", "number": "1"})
    assert audiences.current(audience).number == 4 and audiences.current(audience).text == CORE
    page = client.get(answer["Location"]).content.decode()
    assert "removed: Assets under management at least 60000" in page and "in force" in page
    entries = AuditEntry.objects.filter(subject=f"audience:{audience.pk}").order_by("id")
    assert [e.action for e in entries] == [
        "audience.save",
        "audience.change",
        "audience.change",
        "audience.set_back",
    ]
    with pytest.raises(NotAllowed, match="nothing was changed"):
        actions.change(audience, CORE, "live", by=analyst)
    client.post(answer["Location"], {"do": "away"})
    assert not client.get("/audiences/").context["listed"].rows
    assert len(client.get("/audiences/", {"away": "1"}).context["listed"].rows) == 1
    with pytest.raises(NotAllowed, match="put away"):
        actions.change(audience, "has_fund", "live", by=analyst)
    client.post(answer["Location"], {"do": "take"})
    [row] = client.get("/audiences/").context["listed"].rows
    assert row["version"] == 4 and row["title"][0] == "Core"


def test_titles_and_kinds_have_rules(desk: dict[str, Person]) -> None:
    analyst = desk[Role.ANALYST]
    actions.save("Core", CORE, "live", by=analyst)
    for title, text, kind, rule in (
        ("Core", CORE, "live", "of this title"), (" ", CORE, "live", "1 to 80"),
        ("x" * 81, CORE, "live", "1 to 80"),
        ("13812345678", CORE, "live", "numbers of customers"), ("A", "", "live", "say who"),
        ("A", "tier ==", "live", "cannot be understood"), ("A", CORE, "list", "live or frozen"),
        ("A", "credit_score_band > 1", "live", "cannot be understood"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed, match=rule):
            actions.save(title, text, kind, by=analyst)
    assert Audience.objects.count() == AudienceVersion.objects.count() == 1


def test_the_committee_sees_and_the_analyst_saves(
    desk: dict[str, Person], entered: dict[str, Client]
) -> None:
    audience = actions.save("Core", CORE, "live", by=desk[Role.ANALYST])
    client = entered[Role.COMMITTEE]
    assert client.get(f"/audiences/{audience.pk}/").status_code == 200
    assert client.post("/audiences/ask/?by=text", {"text": CORE}).context["b"].answer.size
    client.post("/audiences/new/", {"title": "B", "text": CORE, "kind": "live", "do": "save"})
    client.post(f"/audiences/{audience.pk}/", {"text": "has_fund", "kind": "live", "do": "save"})
    client.post(f"/audiences/{audience.pk}/", {"do": "away"})
    assert AudienceVersion.objects.count() == 1 and Audience.objects.get().put_away_at is None
    assert client.get("/audiences/lists/").status_code == 403
    assert entered[Role.WEALTH_MANAGER].get("/audiences/").status_code == 403


def test_members_are_packed(db: None) -> None:
    numbers = np.array([0, 5, 70_000, 2_000_000_000], np.int64)
    assert np.array_equal(audiences.unpacked(audiences.pack(numbers[::-1])), numbers)
    night = base().night
    absorbed = {old: into for old, into in night.absorbed.items() if into is not None}
    old, into = next(iter(absorbed.items()))
    version = AudienceVersion(kind="list", members=audiences.pack(np.array([old, night.rows + 5], np.int64)))
    assert audiences.members_of(version).tolist() == [into], "under the number he goes by now"
