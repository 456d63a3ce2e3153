"""What joint operations keep to: who is never asked about, for what, how long, and whose files stay."""

# ruff: noqa: F811  # fixtures are asked for by the names they are brought in by

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quanke.joint.messages import Round
from quanke.joint.rounds import Met
from quanke.kernel.errors import AudienceError, NightError
from quanke_desk.campaigns import (
    audience_actions,
    audiences,
    joint_contracts,
    joint_files,
    joint_questions,
    joint_work,
    journey_actions,
)
from quanke_desk.campaigns.graph import Node
from quanke_desk.campaigns.models import (
    AudienceVersion,
    ContractState,
    Enrolment,
    JointContract,
    JointQuestion,
    Journey,
    JourneyVersion,
    Origin,
    QuestionState,
    Send,
    Way,
)
from quanke_desk.campaigns.moving import _who_may_have_it
from quanke_desk.campaigns.sending import send_due
from quanke_desk.foundation import approvals, jobs
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.jobs import Running
from quanke_desk.foundation.models import ApprovalState, AuditEntry, Job, JobState, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from tests.desk.gateway import Gateway
from tests.desk.test_joint import (  # noqa: F401
    SIZE,
    agreeing,
    approved,
    few,
    fit,
    given_back,
    own_folder,
    owners,
    partner_answers,
    phones,
    prepared,
    saved,
    worked,
    written,
)
from tests.desk.test_policy import DAY, epoch
from tests.desk.test_sending import gateway, now, reachable, template  # noqa: F401

TASK = Node("call", "task", who="manager")
EXIT: dict[str, Any] = {"start": "end", "nodes": {"end": {"do": "exit"}}}
ALONE = cast(Running, SimpleNamespace(step=lambda *_said: None))
"""A worker that lost its lease and does not know it yet."""


def asked_about(question: JointQuestion) -> set[int]:
    return set(audiences.unpacked(bytes(question.asked or b"")).tolist())


def of_partner(
    by: Person, customers: list[int], contract: JointContract, purpose: str = "marketing"
) -> AudienceVersion:
    """An audience as it is saved of a match."""
    version = saved(customers, by, f"Both of {contract.code}")
    JointQuestion.objects.create(
        contract=contract, number=99, mode="match", kind="phone", purpose=purpose, audience=version,
        state=QuestionState.DONE, told=len(customers), saved_as=version.audience, asked_by=by,
        matched=audiences.pack(np.array(customers)), expires_at=timezone.now(),
    )  # fmt: skip
    Origin.objects.create(audience=version.audience, contract=contract, purpose=purpose, way=Way.MATCH)
    return version


def test_a_number_that_several_have_names_nobody(desk: dict[str, Person], few: None) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    shared = [who for who in owners().values() if len(who) == 2 and who[0] in fit()]
    (husband, wife), (other, outside) = shared[:2]
    ids = list(phones(40))
    agreeing([*ids, husband, other])
    agreeing([wife], given=False)
    version = saved([*ids, husband, wife, other], analyst)
    question = prepared(held, version, analyst, "match")
    assert asked_about(question) == set(ids), "she refused, the other is not in the audience: both have it"
    assert not {other, outside} & asked_about(prepared(held, version, analyst))


def test_who_died_left_or_is_under_age_is_never_told_of(
    desk: dict[str, Person], few: None, tmp_path: Path
) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    ids, unfit = list(phones(40)), list(phones(20, fit_are=False))
    assert len(unfit) == 20
    agreeing([*ids, *unfit])
    for mode in ("match", "count"):
        question = prepared(held, saved([*ids, *unfit], analyst, mode), analyst, mode)
        assert asked_about(question) == set(ids)
    everybody = np.array([*unfit, *ids])  # he died while the partner worked
    question.mode, question.ordered = "match", everybody.astype("<i4").tobytes()
    places = list(range(len(everybody)))
    found = joint_work._result(question, Met(len(places), places, places))
    assert found["told"] == 40 and set(audiences.unpacked(found["matched"]).tolist()) == set(ids)
    both = of_partner(analyst, sorted([*ids, *unfit]), held)
    assert set(audiences.members_of(both).tolist()) == set(ids)


def test_a_match_for_a_service_is_not_sold_to(desk: dict[str, Person], few: None) -> None:
    analyst, committee = desk[Role.ANALYST], desk[Role.COMMITTEE]
    held = approved(desk, purposes=["service"])
    ids = list(phones(40))
    agreeing(ids)
    version = of_partner(analyst, ids, held, "service")
    journey = journey_actions.make_journey("core", "核心", "", by=analyst)
    more: dict[str, Any] = {"by": analyst, "audience": version, "until": timezone.localdate()}
    with pytest.raises(NotAllowed, match="another purpose"):
        journey_actions.save_design(journey, EXIT, control_ppm=100_000, **more)
    made = journey_actions.save_design(journey, EXIT, control_ppm=0, purpose="service", **more)
    asked = journey_actions.ask_to_start(made, by=analyst, reason="x")
    JourneyVersion.objects.filter(pk=made.pk).update(purpose="marketing")  # as designs before this rule
    made.refresh_from_db()
    with pytest.raises(NotAllowed, match="another purpose"):
        journey_actions.ask_to_start(made, by=analyst, reason="x")
    assert approvals.decide(asked.pk, True, by=committee).state == ApprovalState.FAILED


def test_what_leaves_is_covered_by_consent_contract_and_purpose(
    desk: dict[str, Person], now: Any, gateway: Gateway, few: None
) -> None:
    analyst, ids = desk[Role.ANALYST], reachable(5)
    template(analyst)
    agreeing(ids)
    journey = Journey.objects.create(name="mature", title_zh="到期", state="running", made_by=analyst)
    plain = saved(ids, analyst, "Everybody")
    contracts = [approved(desk, f"MALL-{n}") for n in range(2)]
    joint = [of_partner(analyst, ids, held) for held in contracts]
    service = of_partner(analyst, ids, approved(desk, "MALL-9"), "service")

    def due(number: int, audience: AudienceVersion, customer: int) -> None:
        version, _new = JourneyVersion.objects.get_or_create(
            journey=journey, number=audience.pk, graph=EXIT, control_ppm=0, until=DAY.date(), by=analyst,
            audience=audience,
        )  # fmt: skip
        enrolment = Enrolment.objects.create(version=version, customer=customer, node=0, entered=epoch(DAY))
        Send.objects.create(
            key=f"k{number}", customer=customer, wake=epoch(DAY), made=epoch(DAY), template="mature",
            means="sms", purpose="marketing", journey=journey, enrolment=enrolment,
        )  # fmt: skip

    for number, (audience, customer) in enumerate(
        [(joint[0], ids[0]), (joint[0], ids[1]), (joint[1], ids[2]), (plain, ids[3]), (service, ids[4])]
    ):
        due(number, audience, customer)
    agreeing([ids[1]], given=False)
    joint_contracts.end_contract(contracts[1], by=desk[Role.COMPLIANCE], reason="misuse")
    send_due()
    rules = dict(Send.objects.values_list("key", "rule"))
    assert rules == {"k0": "", "k1": "joint", "k2": "joint", "k3": "", "k4": "joint"}
    assert set(gateway.got) == {"k0", "k3"}


def test_a_task_is_covered_like_a_push(desk: dict[str, Person], few: None) -> None:
    analyst, ids = desk[Role.ANALYST], reachable(5)
    agreeing(ids)
    held = approved(desk)
    journey = Journey.objects.create(name="mature", title_zh="到期", state="running", made_by=analyst)
    version = JourneyVersion.objects.create(
        journey=journey, number=1, graph=EXIT, control_ppm=0, until=DAY.date(), by=analyst,
        purpose="service", audience=of_partner(analyst, ids, held, "service"),
    )  # fmt: skip

    def asked_for() -> list[int]:
        return sorted(_who_may_have_it(version, TASK, np.array(ids, np.int64), epoch(DAY)).tolist())

    assert asked_for() == sorted(ids)
    agreeing(ids[:1], given=False)
    assert asked_for() == sorted(ids[1:]), "he withdrew after he had entered"
    JointContract.objects.filter(pk=held.pk).update(state=ContractState.ENDED)
    assert asked_for() == []


def test_what_does_not_fit_is_refused_and_not_a_fault(
    desk: dict[str, Person], entered: dict[str, Client], few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst, client = desk[Role.ANALYST], entered[Role.ANALYST]
    client.post("/language/", {"language": "en"})
    for other in ({"partner": "Ma\x00ll"}, {"recipient": "a\x00"}):
        with pytest.raises(NotAllowed, match=r"^partner"):
            written(desk, **other)
    draft = written(desk, "MALL-1")
    for reason in ("x" * 201, "a\x00b"):
        with pytest.raises(NotAllowed, match="at most 200"):
            joint_contracts.ask_contract(draft, by=analyst, reason=reason)
        with pytest.raises(NotAllowed, match="at most 200"):
            joint_contracts.end_contract(draft, by=analyst, reason=reason)
    with pytest.raises(NotAllowed, match="title"):
        audience_actions.titled("a\x00b")
    held = approved(desk)
    version = saved(list(phones(SIZE)), analyst)

    def lost(*_asked: object) -> None:
        raise AudienceError("gone_tag", 1, "no such tag")

    monkeypatch.setattr(audiences, "members_of", lost)
    words = {"do": "question", "audience": version.pk, "mode": "count", "kind": "phone"}
    page = client.post(f"/joint/{held.pk}/", words | {"purpose": "measurement"}, follow=True)
    assert "cannot be counted on this night" in page.content.decode()


def test_a_question_whose_job_has_ended_has_ended(
    desk: dict[str, Person], few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk, daily=50)
    version = saved(list(phones(SIZE)), analyst)

    def begun() -> tuple[JointQuestion, Job]:
        made = joint_questions.ask_question(held, version, "count", "phone", "measurement", by=analyst)
        return made, Job.objects.order_by("-id")[0]

    made, job = begun()
    joint_contracts.lapse()
    made.refresh_from_db()
    assert made.state == QuestionState.MAKING, "its job waits"
    jobs.cancel(job.pk, by=analyst)
    joint_contracts.lapse()
    made.refresh_from_db()
    assert (made.state, made.problem, made.mask) == (QuestionState.FAILED, "it was cancelled", None)
    made, job = begun()
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED)
    joint_contracts.lapse()
    made.refresh_from_db()
    assert (made.state, made.problem) == (QuestionState.FAILED, "its job ended without it: ask again")
    for error, rule in (
        (NightError("none"), "it could not be prepared on this night"),
        (AudienceError("x", 1, "x"), "the audience cannot be counted on this night"),
    ):
        made, job = begun()
        with monkeypatch.context() as patched:
            patched.setattr(joint_work, "_identified", lambda *_a, e=error: (_ for _ in ()).throw(e))
            worked(JobState.FAILED)
        made.refresh_from_db()
        assert (made.state, made.problem) == (QuestionState.FAILED, rule)


def test_an_answer_in_time_is_compared_in_its_own(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held, mine = desk[Role.ANALYST], approved(desk), phones(SIZE)
    question = prepared(held, saved(list(mine), analyst), analyst)
    answer, _sheet, _listed = partner_answers(tmp_path, question, list(mine.values()), analyst)
    file = SimpleUploadedFile("a.qjoint", answer.read_bytes())
    joint_questions.take_answer(question, file, by=analyst)
    JointQuestion.objects.update(expires_at=timezone.now())
    assert joint_contracts.lapse() == 0
    worked()
    question.refresh_from_db()
    assert question.told == SIZE


def test_only_who_ends_a_question_takes_its_files(
    desk: dict[str, Person], few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    version = saved(list(phones(SIZE)), analyst)
    first, second = (prepared(held, version, analyst) for _ in range(2))
    result = joint_files.path_of(first.pk, Round.RESULT)
    forget = joint_files.forget

    def meanwhile(*asked: Any) -> None:
        """Another worker finishes the first question while the round ends the second."""
        later = timezone.now() + dt.timedelta(days=1)
        JointQuestion.objects.filter(pk=first.pk).update(state=QuestionState.DONE, expires_at=later)
        result.write_bytes(b"x")
        forget(*asked)

    JointQuestion.objects.update(expires_at=timezone.now())
    monkeypatch.setattr(joint_files, "forget", meanwhile)
    assert joint_contracts.lapse() == 1
    second.refresh_from_db()
    assert second.state == QuestionState.LAPSED and result.exists()


def overtaken(monkeypatch: pytest.MonkeyPatch, name: str, work: Callable[[], object]) -> None:
    """While a worker is at one step of `joint_work`, another one that has the lease does the whole."""
    real = getattr(joint_work, name)

    def slow(*asked: Any, **more: Any) -> Any:
        monkeypatch.setattr(joint_work, name, real)
        work()
        return real(*asked, **more)

    monkeypatch.setattr(joint_work, name, slow)


def test_a_worker_that_was_overtaken_leaves_the_files(
    desk: dict[str, Person], few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst, held, mine = desk[Role.ANALYST], approved(desk), phones(SIZE)
    version = saved(list(mine), analyst)
    for step in ("_result", "read_message"):
        made = joint_questions.ask_question(held, version, "count", "phone", "measurement", by=analyst)
        overtaken(monkeypatch, "sheet_of", worked)
        joint_work.prepare(ALONE, made.pk)
        made.refresh_from_db()
        assert made.state == QuestionState.READY and joint_files.path_of(made.pk, Round.QUESTION).exists()
        answer, _sheet, _listed = partner_answers(tmp_path, made, list(mine.values()), analyst)
        joint_questions.take_answer(made, SimpleUploadedFile("a", answer.read_bytes()), by=analyst)
        overtaken(monkeypatch, step, worked)
        if step == "_result":
            joint_work.compare(ALONE, made.pk)
        else:
            with pytest.raises(NotAllowed):  # the answer is gone: this worker has nothing to say any more
                joint_work.compare(ALONE, made.pk)
        made.refresh_from_db()
        assert made.state == QuestionState.DONE and joint_questions.result_file(made, by=analyst).exists()
        assert not AuditEntry.objects.filter(action="joint.failed").exists()


def test_pages_read_no_customers(
    desk: dict[str, Person], entered: dict[str, Client], few: None, tmp_path: Path
) -> None:
    analyst, held, mine = desk[Role.ANALYST], approved(desk), phones(SIZE)
    agreeing(list(mine))
    question = prepared(held, saved(list(mine), analyst), analyst, "match")
    answer, _sheet, _listed = partner_answers(tmp_path, question, list(mine.values()), analyst)
    given_back(question, answer, analyst)
    entered[Role.ANALYST].post("/language/", {"language": "en"})
    at = f"/joint/questions/{question.pk}/"
    for role, path in ((Role.ANALYST, f"/joint/{held.pk}/"), (Role.ANALYST, at), (
        Role.COMPLIANCE, "/joint/in-force/"), (Role.COMPLIANCE, f"/joint/in-force/{held.pk}/")):  # fmt: skip
        with CaptureQueriesContext(connection) as asked:
            assert entered[role].get(path).status_code == 200
        read = " ".join(q["sql"] for q in asked.captured_queries)
        assert "jointquestion" in read
        assert not any(f'"{name}"' in read for name in ("asked", "ordered", "matched", "members"))
    assert "Save as audience" in entered[Role.ANALYST].get(at).content.decode()


def test_the_end_of_the_term_ends_the_contract(
    desk: dict[str, Person], entered: dict[str, Client], few: None
) -> None:
    analyst, compliance = desk[Role.ANALYST], entered[Role.COMPLIANCE]
    compliance.post("/language/", {"language": "en"})
    held, stays = approved(desk), approved(desk, "MALL-27")
    ids = list(phones(SIZE))
    ready = prepared(held, saved(ids, analyst), analyst)
    of_partner(analyst, ids, held)
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    JointContract.objects.filter(pk=held.pk).update(since=yesterday, until=yesterday)
    assert joint_contracts.lapse() == 1
    held.refresh_from_db()
    stays.refresh_from_db()
    assert (held.state, held.key, stays.state) == (ContractState.ENDED, None, ContractState.APPROVED)
    assert not held.questions.exclude(matched=None, mask=None).exists() and held.ended_at
    ready.refresh_from_db()
    assert ready.state == QuestionState.LAPSED and not list(joint_files.folder().iterdir())
    entry = AuditEntry.objects.get(action="joint.end")
    assert (entry.person, entry.reason) == (None, "the term of the contract is over")
    page = compliance.get("/joint/in-force/").content.decode()
    assert page.index("MALL-27") < page.index("MALL-26") and page.count("End at once") == 1
    page = compliance.get(f"/joint/in-force/{held.pk}/").content.decode()
    assert "MALL-26-1" in page and "Counts only: how large the overlap is" in page and "lapsed" in page


def test_a_question_is_held_against_every_earlier_one(desk: dict[str, Person], few: None) -> None:
    """However many lie between: the partner has kept their answers."""
    analyst, held = desk[Role.ANALYST], approved(desk, daily=50)
    ids = sorted(phones(SIZE))
    first = prepared(held, saved(ids[:100], analyst, "A"), analyst)
    rest = [c for c in np.flatnonzero(base().there).tolist() if c not in ids][:100]
    others = audiences.pack(np.array(rest, np.int64))
    last = JointQuestion.objects.order_by("-number")[0].number
    JointQuestion.objects.bulk_create(
        JointQuestion(
            contract=held, number=last + n, mode="count", kind="phone", purpose="measurement",
            audience=first.audience, state="done", rows=len(rest), asked=others, asked_by=analyst,
            expires_at=timezone.now(),
        )
        for n in range(1, 61)
    )  # fmt: skip
    JointQuestion.objects.update(asked_at=timezone.now() - dt.timedelta(days=1))
    made = joint_questions.ask_question(
        held, saved(ids[:101], analyst, "B"), "count", "phone", "measurement", by=analyst
    )
    worked(JobState.FAILED)
    made.refresh_from_db()
    assert made.problem == "it differs from an earlier question by too few customers"
