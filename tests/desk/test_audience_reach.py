"""Who can be reached: each wall against the rows themselves; overlaps; customers alike."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from quanke.effects.groups import effect_rules
from quanke_desk.campaigns import alike, audiences, overlaps, reach
from quanke_desk.campaigns import audience_actions as actions
from quanke_desk.campaigns.addresses import addresses
from quanke_desk.campaigns.models import (
    Audience,
    Block,
    Enrolment,
    Journey,
    JourneyState,
    JourneyVersion,
    Send,
    SendState,
)
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Job, JobState, ParameterValue, Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import run, take
from quanke_desk.work.models import Contact
from tests.desk.registered import campaign

TEXT = "aum >= 10000"
TODAY = dt.date(2026, 7, 1)


@pytest.fixture(autouse=True)
def on_the_day_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """The night of the sample is that of 30 June: windows of its counts still reach today."""
    monkeypatch.setattr(timezone, "localdate", lambda *given: TODAY)


def rows() -> Any:
    names = ["deceased", "relationship_closed", "is_minor", "profiling_refused", "agrees_sms", "agrees_call",
             "last_declined_on", "messages_mtd", "calls_7d", "aum", "may_be_profiled"]  # fmt: skip
    return base().night.read(names).to_pandas()


def true(column: Any) -> Any:
    return column.map(lambda value: value is True or value == 1).to_numpy(bool)


def left(text: str, means: str) -> dict[str, set[int]]:
    return {
        w: set(m.numbers().tolist()) for w, m in reach.walls(audiences.among(text), means, base()).items()
    }


@pytest.mark.parametrize(("means", "column"), [("sms", "messages_mtd"), ("call", "calls_7d")])
def test_walls_against_the_rows(desk: dict[str, Person], means: str, column: str) -> None:
    held, table = base(), rows()
    limit = {"sms": 4, "call": 2}[means]
    found = left(TEXT, means)
    flags = (table["aum"] >= 1_000_000).to_numpy(bool) & held.there
    assert found["all"] == set(np.flatnonzero(flags).tolist())
    flags &= ~true(table["deceased"]) & ~true(table["relationship_closed"])
    flags &= table["is_minor"].map(lambda v: v is False or v == 0).to_numpy(bool)
    assert found["marketable"] == set(np.flatnonzero(flags).tolist())
    flags &= ~true(table["profiling_refused"])
    assert found["profiling"] == set(np.flatnonzero(flags).tolist())
    flags &= true(table[f"agrees_{means}"])
    assert found["consent"] == set(np.flatnonzero(flags).tolist())
    no = [d is not None and d == d and (TODAY - d).days < 14 for d in table["last_declined_on"]]
    often = table[column].fillna(0).to_numpy() >= limit if means == "call" else np.zeros(len(flags), bool)
    flags &= ~np.array(no) & ~often
    assert found["refused"] >= found["fatigue"] == set(np.flatnonzero(flags).tolist())
    numbers = np.flatnonzero(flags)
    numbers = numbers[~effect_rules(held.bank.home.path).hold_out.holds(numbers, TODAY)]
    assert found["hold_out"] == set(numbers.tolist()), "in July a new month of texts begins"
    assert len(found["hold_out"]) < len(found["controls"])
    assert found["address"] == {c for c in found["hold_out"] if addresses([c], means)}


def test_texts_of_this_month_count(desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "localdate", lambda *given: dt.date(2026, 6, 30))
    ParameterValue.objects.create(
        name="contact.texts", value=1, since=dt.date(2026, 1, 1), by=desk[Role.ADMINISTRATOR], reason="test"
    )
    often = set(np.flatnonzero(rows()["messages_mtd"].fillna(0).to_numpy() >= 1).tolist())
    found = left("true", "sms")
    assert found["refused"] & often and not found["fatigue"] & often
    Contact.objects.create(
        customer=min(found["fatigue"]), person=desk[Role.REMOTE], at=timezone.now(), means="sms",
        day=dt.date(2026, 6, 30), outcome="interested",
    )  # fmt: skip
    assert left("true", "sms")["fatigue"] == found["fatigue"], "the night knows of that day itself"


def test_what_the_desk_recorded_since_counts(desk: dict[str, Person]) -> None:
    by, plain = desk[Role.WEALTH_MANAGER], sorted(left(TEXT, "sms")["hold_out"])
    refused, declined, texted, sent, blocked, over = plain[:6]
    ConsentAnswer.objects.create(
        customer=refused, purpose="marketing", means="any", given=False, text_version="1", text_hash="x",
        channel="counter", on=TODAY, by=by,
    )  # fmt: skip
    spoken = {"post": None, "person": by, "at": timezone.now(), "day": TODAY, "connected": True}
    Contact.objects.create(customer=declined, means="call", outcome="declined", **spoken)
    for _ in range(4):
        Contact.objects.create(customer=texted, means="sms", outcome="interested", **spoken)
    moment = int(dt.datetime(2026, 7, 1, 10, tzinfo=dt.timezone(dt.timedelta(hours=8))).timestamp())
    for at in range(4):
        Send.objects.create(
            key=f"k{at}", customer=sent, template="t", means="sms", purpose="marketing", made=moment,
            decided=moment, state=SendState.SENT,
        )  # fmt: skip
    Block.objects.create(customer=blocked, means="any", since=TODAY, reason="complaint")
    Block.objects.create(customer=over, means="sms", since=dt.date(2026, 1, 1), until=TODAY, reason="over")
    found = left(TEXT, "sms")
    assert refused in found["consent"] and refused not in found["refused"]
    assert {declined, texted, sent} <= found["refused"] and not {declined, texted, sent} & found["fatigue"]
    assert blocked in found["fatigue"] and blocked not in found["blocked"]
    assert over in found["hold_out"] and found["hold_out"] == set(plain[5:])


def test_a_funnel_on_the_page(entered: dict[str, Client]) -> None:
    client = entered[Role.ANALYST]
    client.post("/language/", {"language": "en"})
    answer = client.post("/audiences/look/", {"text": TEXT, "what": "reach", "means": ["sms", "call"]})
    funnels = answer.context["funnels"]
    assert [f.means for f in funnels] == ["sms", "call"]
    assert 'value="overlap"' in answer.content.decode(), "the other panels stay at hand"
    whole, reached = len(left(TEXT, "sms")["all"]), len(left(TEXT, "sms")["address"])
    assert f"Of {whole:,}, {reached:,} can be reached: Text message." in answer.content.decode()


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ([100, 90, 50], [100, 90, 50]),
        ([100, 97, 50], [100, None, 50]),
        ([100, 60, 55], [100, None, 55]),
        ([100, 100, 95], [100, 100, None]),
        ([9, 9, 9], [None, None, None]),
        ([100, 50, 4], [100, 50, None]),
        ([100, 5, 0], [100, None, 0]),
        ([100, 60, 52, 45, 40], [100, 60, None, None, 40]),
    ],
)
def test_no_line_of_a_funnel_tells_of_few(sizes: list[int], told: list[int | None]) -> None:
    assert reach.told_sizes(sizes, 10) == told


def test_overlaps_with_what_runs(
    desk: dict[str, Person], entered: dict[str, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = audiences.among(TEXT).numbers().tolist()
    others = np.setdiff1d(np.flatnonzero(base().there), members).tolist()
    mine, theirs = members[:100], others[:60]
    campaign(tmp_path, sorted(mine + theirs), ["control" if c in mine[:40] else "treated"
                                               for c in sorted(mine + theirs)])  # fmt: skip
    monkeypatch.setattr(overlaps, "home_path", lambda: tmp_path)
    journey = Journey.objects.create(
        name="welcome", title_zh="迎新", state=JourneyState.RUNNING, made_by=desk[Role.ANALYST]
    )
    version = JourneyVersion.objects.create(
        journey=journey, number=1, graph={}, control_ppm=100_000, until=dt.date(2026, 8, 1),
        by=desk[Role.ANALYST],
    )  # fmt: skip
    Enrolment.objects.bulk_create(
        [Enrolment(version=version, customer=c, arm=int(c not in members[:5]), node=0, entered=0)
         for c in members[:50] + others[:20]]
    )  # fmt: skip
    found = {o.name: o for o in overlaps.overlaps(audiences.among(TEXT))}
    assert (found["summer"].size, found["summer"].both) == (120, 60), "controls are not contacted"
    assert found["summer"].share == 60 / len(members)
    assert (found["welcome"].size, found["welcome"].both) == (65, 45)
    page = entered[Role.ANALYST].post("/audiences/look/", {"text": TEXT, "what": "overlap"}).content.decode()
    assert "夏季" in page and "迎新" in page
    Journey.objects.update(state=JourneyState.ENDED)
    monkeypatch.setattr(timezone, "localdate", lambda *given: dt.date(2026, 9, 1))
    assert not overlaps.overlaps(audiences.among(TEXT))


def test_customers_alike(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    by = desk[Role.ANALYST]
    seed = actions.save("Rich", "aum >= 20万", "live", by=by)
    answer = entered[Role.ANALYST].post(
        f"/audiences/{seed.pk}/", {"do": "alike", "size": "100", "title": "Alike"}
    )
    begun = Job.objects.get()
    assert answer["Location"] == f"/jobs/{begun.pk}/"
    taken = take()
    assert taken is not None and run(taken) == JobState.DONE
    begun.refresh_from_db()
    made = Audience.objects.get(title="Alike")
    version = audiences.current(made)
    assert (version.kind, version.size) == ("frozen", 100) and f"audience {seed.pk}" in version.text
    numbers, table = audiences.members_of(version), rows()
    assert not set(numbers.tolist()) & set(audiences.among("aum >= 20万").numbers().tolist())
    assert (table["aum"][numbers].median()) > table["aum"][base().there].median() * 3, "the next richest"
    assert not true(table["profiling_refused"])[numbers].any()
    assert begun.result["auc"] > 0.8
    again = alike.alike(audiences.current(seed), 100)
    assert np.array_equal(again.customers, numbers), "the same every time"
    page = entered[Role.ANALYST].get(f"/audiences/{made.pk}/").content.decode()
    assert f"与客群 {seed.pk} 第 1 版相似的 100 位客户" in page


def test_what_is_read_of_customers_alike(desk: dict[str, Person]) -> None:
    seed = audiences.current(actions.save("F", "has_fund", "live", by=desk[Role.ANALYST]))
    read = alike.features(seed)
    assert {"propensity_fund", "aum", "churn_risk"} <= set(read)
    assert not {"age", "is_minor", "has_fund", "employer", "city", "credit_score_band"} & set(read)
    assert "product_count" not in read, "it is made of what the seed was chosen by"


def test_too_few_to_learn_from(desk: dict[str, Person]) -> None:
    by = desk[Role.ANALYST]
    small = actions.save("S", f'{TEXT} and city == "nowhere"', "live", by=by)
    with pytest.raises(NotAllowed, match="too few to learn"):
        alike.alike(audiences.current(small), 10)
    with pytest.raises(NotAllowed, match="too few or too many"):
        actions.look_alike(audiences.current(small), 1, "T", by=by)


def test_caps_of_all_means_and_controls_count(desk: dict[str, Person]) -> None:
    moment = int(dt.datetime(2026, 7, 1, 10, tzinfo=dt.timezone(dt.timedelta(hours=8))).timestamp())
    by = desk[Role.ANALYST]
    for means, cap in (("push", "contact.pushes"), ("wecom", "contact.wecoms"), ("email", "contact.emails")):
        everybody = audiences.among("true")
        one = int((everybody - reach._tired(means, TODAY, base())).numbers()[0])
        for at in range(value(cap)):
            Send.objects.create(
                key=f"{means}{at}", customer=one, template="t", means=means, purpose="marketing", made=moment,
                decided=moment, state=SendState.SENT,
            )  # fmt: skip
        assert one in reach._tired(means, TODAY, base()).numbers(), means
    journey = Journey.objects.create(name="welcome", title_zh="迎新", state=JourneyState.DRAINING, made_by=by)
    version = JourneyVersion.objects.create(
        journey=journey, number=1, graph={}, control_ppm=100_000, until=dt.date(2026, 8, 1), by=by
    )
    [kept, *_rest] = sorted(left(TEXT, "sms")["hold_out"])
    now = int(timezone.now().timestamp())
    Enrolment.objects.create(version=version, customer=kept, arm=0, node=0, state="c", entered=now)
    found = left(TEXT, "sms")
    assert kept in found["blocked"] and kept not in found["controls"]
    assert "welcome" in {o.name for o in overlaps.overlaps(audiences.among(TEXT))}
