"""Audiences made of what a partner told: purpose, term and consent of the contract go along, or none is."""

# ruff: noqa: F811  # fixtures are asked for by the names they are brought in by

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from quanke.kernel.errors import AudienceError
from quanke_desk.campaigns import (
    audience_actions,
    audiences,
    joint_contracts,
    joint_questions,
    joint_terms,
    journey_actions,
)
from quanke_desk.campaigns.alike import alike
from quanke_desk.campaigns.models import (
    Audience,
    AudienceVersion,
    JointContract,
    JointQuestion,
    JourneyVersion,
    Origin,
)
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, JobState, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from tests.desk.test_joint import (  # noqa: F401
    agreeing,
    approved,
    few,
    fit,
    given_back,
    own_folder,
    partner_answers,
    phones,
    prepared,
    saved,
    worked,
)
from tests.desk.test_joint_kept import EXIT, TASK, of_partner

SEED, AGREED = 90, 400


@pytest.fixture
def seed(desk: dict[str, Person], few: None) -> AudienceVersion:
    """A match of marketing under a contract that allows looking for customers alike; of the others four
    hundred agreed to be told of to the partner."""
    people = sorted(fit())
    agreeing(people[: SEED + AGREED])
    held = approved(desk, modelling=True)
    return of_partner(desk[Role.ANALYST], people[:SEED], held)


def found_alike(
    version: AudienceVersion, by: Person, title: str = "Alike", size: int = 50
) -> AudienceVersion:
    audience_actions.look_alike(version, size, title, by=by)
    worked()
    return audiences.current(Audience.objects.get(title=title))


def of(version: AudienceVersion) -> set[tuple[str, str, str]]:
    return {(o.contract.code, o.purpose, o.way) for o in joint_terms.came_of(version)}


def check_kept(version: AudienceVersion, desk: dict[str, Person], code: str = "MALL-26") -> None:
    """Purpose, consent and term of the contract hold for an audience, in this order: the last ends it."""
    analyst = desk[Role.ANALYST]
    members = audiences.members_of(version)
    assert len(members) > 2
    with pytest.raises(NotAllowed, match="another purpose"):
        joint_terms.require_purpose(version, "service")
    journey = journey_actions.make_journey(f"of_{version.pk}", "合作", "", by=analyst)
    more: dict[str, Any] = {"by": analyst, "audience": version, "until": timezone.localdate()}
    with pytest.raises(NotAllowed, match="another purpose"):
        journey_actions.save_design(journey, EXIT, control_ppm=0, purpose="service", **more)
    gone = int(members[0])
    agreeing([gone], given=False)
    assert gone not in audiences.members_of(version), "who withdrew is in it no longer"
    held = JointContract.objects.get(code=code)
    before = timezone.localdate() - dt.timedelta(days=1)
    JointContract.objects.filter(pk=held.pk).update(since=before, until=before)
    assert not len(audiences.members_of(version)), "nobody is in it once the term is over"
    JointContract.objects.filter(pk=held.pk).update(since=held.since, until=held.until)
    joint_contracts.end_contract(held, by=desk[Role.COMPLIANCE], reason="misuse")
    assert not len(audiences.members_of(version))


def test_customers_alike_are_under_the_contract(
    desk: dict[str, Person], entered: dict[str, Client], seed: AudienceVersion
) -> None:
    made = found_alike(seed, desk[Role.ANALYST])
    assert of(made) == {("MALL-26", "marketing", "alike")}
    members = set(audiences.members_of(made).tolist())
    agreed = set(joint_terms.sharable("partner", np.flatnonzero(base().there).tolist()).tolist())
    assert len(members) == 50 and members <= agreed, "only of whom the partner may be told"
    assert len(agreed) < base().there.sum() / 2, "most are not among them"
    entry = AuditEntry.objects.get(action="audience.save", subject=f"audience:{made.audience_id}")
    assert entry.detail["contracts"] == ["MALL-26"]
    page = entered[Role.ANALYST].get(f"/audiences/{made.audience_id}/").content.decode()
    assert "所属联合运营合同" in page and "MALL-26" in page and "相似客户" in page
    check_kept(made, desk)


def test_alike_to_those_alike_is_under_it_too(desk: dict[str, Person], seed: AudienceVersion) -> None:
    first = found_alike(seed, desk[Role.ANALYST], size=60)
    second = found_alike(first, desk[Role.ANALYST], "Alike again")
    assert of(second) == {("MALL-26", "marketing", "alike")}
    check_kept(second, desk)


def test_who_did_not_agree_is_not_found(desk: dict[str, Person], few: None) -> None:
    people = sorted(fit())[:SEED]
    agreeing(people)
    version = of_partner(desk[Role.ANALYST], people, approved(desk, modelling=True))
    others = np.setdiff1d(np.flatnonzero(base().there), people)
    nobody = joint_terms.sharable("partner", others.tolist())
    agreeing(nobody.tolist(), given=False)
    with pytest.raises(NotAllowed, match="nobody who is alike agreed"):
        alike(version, 50)


def test_a_contract_without_it_refuses_to_learn(
    desk: dict[str, Person], entered: dict[str, Client], few: None
) -> None:
    analyst, people = desk[Role.ANALYST], sorted(fit())[:SEED]
    agreeing(people)
    version = of_partner(analyst, people, approved(desk))
    with pytest.raises(NotAllowed, match="does not allow looking for customers alike"):
        audience_actions.look_alike(version, 50, "Alike", by=analyst)
    path = f"/audiences/{version.audience_id}/"
    page = entered[Role.ANALYST].post(path, {"do": "alike", "size": "50", "title": "Alike"}, follow=True)
    assert "与合作方的合同不允许寻找相似客户" in page.content.decode()


def test_a_contract_that_ends_while_one_looks_refuses(desk: dict[str, Person], seed: AudienceVersion) -> None:
    audience_actions.look_alike(seed, 50, "Alike", by=desk[Role.ANALYST])
    held = JointContract.objects.get()
    joint_contracts.end_contract(held, by=desk[Role.COMPLIANCE], reason="misuse")
    assert worked(JobState.FAILED).error == "the contract has ended"
    assert not Audience.objects.filter(title="Alike").exists()


def test_what_the_contract_says_is_agreed_to(
    desk: dict[str, Person], entered: dict[str, Client], few: None
) -> None:
    today = timezone.localdate()
    words = {
        "code": "MALL-27", "partner": "Mall", "recipient": "partner", "purpose": ["marketing"],
        "kind": ["phone"], "since": today.isoformat(), "until": today.isoformat(), "minimum": "20",
        "daily": "3", "most_rows": "1000", "modelling": "1",
    }  # fmt: skip
    client = entered[Role.ANALYST]
    client.post("/joint/new/", words)
    held = JointContract.objects.get(code="MALL-27")
    assert held.modelling
    asked = joint_contracts.ask_contract(held, by=desk[Role.ANALYST], reason="x")
    assert ("寻找相似客户", "允许") in joint_contracts._described(asked)
    client.post("/joint/new/", {**words, "code": "MALL-28", "modelling": ""})
    plain = JointContract.objects.get(code="MALL-28")
    assert not plain.modelling and "不允许" in client.get(f"/joint/{plain.pk}/").content.decode()


def test_older_and_newer_versions_stay_under_it(desk: dict[str, Person], seed: AudienceVersion) -> None:
    """Changed to a condition it has nothing of the partner's; set back, or frozen anew, it is under it."""
    analyst, audience = desk[Role.ANALYST], seed.audience
    live = audience_actions.change(audience, "aum >= 50_000元", "live", by=analyst)
    assert of(live) == set()
    joint_terms.require_purpose(live, "service")
    frozen = audience_actions.change(audience, "aum >= 50_000元", "frozen", by=analyst)
    assert of(frozen) == {("MALL-26", "marketing", "match")}
    back = audience_actions.set_back(audience, seed.number, by=analyst)
    assert of(back) == {("MALL-26", "marketing", "match")} and back.members == seed.members
    made = found_alike(back, analyst)
    back_again = audience_actions.set_back(
        made.audience,
        audience_actions.change(made.audience, "true", "live", by=analyst).number - 1,
        by=analyst,
    )
    assert of(back_again) == {("MALL-26", "marketing", "alike")}
    check_kept(back_again, desk)


def test_no_condition_names_customers_of_another_audience(
    desk: dict[str, Person], seed: AudienceVersion
) -> None:
    """And, or, not and frozen copies are made of conditions on the bank's own tags: there is no way to name a
    saved audience in them, by title, number or what was noted of its making."""
    analyst = desk[Role.ANALYST]
    made = found_alike(seed, analyst)
    for text in (
        f"@{seed.audience.title}", f"@{seed.audience_id}", f"audience({seed.audience_id})", made.text,
        f"not audience({made.audience_id}) or aum > 0元", f"aum > 0元 and @{made.audience.title}",
    ):  # fmt: skip
        with pytest.raises(AudienceError):
            audiences.understood(text)
        for kind in ("live", "frozen"):
            with pytest.raises(NotAllowed):
                audience_actions.save(f"Copy {kind}", text, kind, by=analyst)
            with pytest.raises(NotAllowed):
                audience_actions.change(seed.audience, text, kind, by=analyst)
    assert Audience.objects.count() == 2


def test_what_is_asked_of_a_partner_about_it_is_under_both(
    desk: dict[str, Person], few: None, tmp_path: Path
) -> None:
    analyst = desk[Role.ANALYST]
    mine = phones(120)
    agreeing(list(mine))
    first = approved(desk)
    version = of_partner(analyst, list(mine), first)
    second = approved(desk, "MALL-30")  # the same partner, another contract
    question = prepared(second, version, analyst, "match")
    answer, _sheet, _list = partner_answers(tmp_path, question, list(mine.values())[:60], analyst)
    done = given_back(question, answer, analyst)
    made = audiences.current(joint_questions.save_matched(done, "Both of both", by=analyst))
    assert of(made) == {("MALL-26", "marketing", "asked"), ("MALL-30", "marketing", "match")}
    assert len(audiences.members_of(made)) == 60
    check_kept(made, desk)


def test_another_partner_is_not_asked_about_it(desk: dict[str, Person], seed: AudienceVersion) -> None:
    analyst = desk[Role.ANALYST]
    other = approved(desk, "AIR-1", recipient="airline", partner="Airline")
    same = approved(desk, "MALL-31", purposes=["service", "measurement"])
    for version in (seed, found_alike(seed, analyst)):
        with pytest.raises(NotAllowed, match="came of another partner"):
            joint_questions.ask_question(other, version, "count", "phone", "measurement", by=analyst)
        with pytest.raises(NotAllowed, match="another purpose"):
            joint_questions.ask_question(same, version, "match", "phone", "service", by=analyst)
    assert JointQuestion.objects.exclude(number=99).count() == 0


def test_who_entered_of_those_alike_is_asked_again_when_a_task_is_given(
    desk: dict[str, Person], seed: AudienceVersion
) -> None:
    from quanke_desk.campaigns.moving import _who_may_have_it

    made = found_alike(seed, desk[Role.ANALYST])
    people = audiences.members_of(made)
    journey = journey_actions.make_journey("alike", "相似", "", by=desk[Role.ANALYST])
    version = JourneyVersion.objects.create(
        journey=journey, number=1, graph=EXIT, control_ppm=0, until=timezone.localdate(), purpose="service",
        by=desk[Role.ANALYST], audience=made,
    )  # fmt: skip
    now = int(timezone.now().timestamp())
    assert _who_may_have_it(version, TASK, people, now).tolist() == people.tolist()
    agreeing([int(people[0])], given=False)
    assert _who_may_have_it(version, TASK, people, now).tolist() == people[1:].tolist()


def test_matches_that_were_saved_before_are_taken_over(desk: dict[str, Person], few: None) -> None:
    """What the migration does, of what stands in the tables before it."""
    import importlib

    version = of_partner(desk[Role.ANALYST], sorted(fit())[:SEED], approved(desk))
    Origin.objects.all().delete()
    apps = MigrationExecutor(connection).loader.project_state().apps
    importlib.import_module("quanke_desk.campaigns.migrations.0012_origins").taken_over(apps, None)
    assert of(version) == {("MALL-26", "marketing", "match")}
