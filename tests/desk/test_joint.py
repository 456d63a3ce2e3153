"""Joint operations with a partner, both sides real: contract, question, the partner's command, result."""

from __future__ import annotations

import csv
import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from quanke.joint.contract import Sheet, read_sheet
from quanke.joint.messages import Round, read_message, row_numbers
from quanke.joint.partner import answer_question, take_result
from quanke.kernel.errors import InputError
from quanke_desk.campaigns import audience_actions, audiences, joint_contracts, joint_files, joint_questions
from quanke_desk.campaigns.addresses import addresses, resident_numbers
from quanke_desk.campaigns.joint_terms import told
from quanke_desk.campaigns.models import (
    AudienceKind,
    AudienceVersion,
    ContractState,
    JointContract,
    JointQuestion,
    QuestionState,
)
from quanke_desk.customers.actions import record_consent
from quanke_desk.customers.consenting import consents_of
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.customers.sharing import sharing_with
from quanke_desk.foundation import approvals
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Job, JobState, Person
from quanke_desk.foundation.parameters import change
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import run, take

SIZE = 160


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of a test lie in its own folder: the home is shared."""
    monkeypatch.setattr(joint_files, "home_path", lambda: tmp_path / "home")


@pytest.fixture
def few(desk: dict[str, Person]) -> None:
    """The bank's bounds, small enough for a small bank."""
    for name, to in {"joint.minimum": 10, "joint.questions": 3}.items():
        change(name, to, timezone.localdate(), by=desk[Role.ADMINISTRATOR], reason="small")


def written(desk: dict[str, Person], code: str = "MALL-26", **other: Any) -> JointContract:
    today = timezone.localdate()
    asked: dict[str, Any] = {
        "partner": "Mall", "recipient": "partner", "purposes": ["marketing", "measurement"],
        "kinds": ["phone", "document"], "since": today, "until": today + dt.timedelta(days=30),
        "minimum": 20, "daily": 3, "most_rows": 1_000,
    }  # fmt: skip
    return joint_contracts.make_contract(code, by=desk[Role.ANALYST], **asked | other)


def approved(desk: dict[str, Person], code: str = "MALL-26", **other: Any) -> JointContract:
    held = written(desk, code, **other)
    asked = joint_contracts.ask_contract(held, by=desk[Role.ANALYST], reason="autumn")
    approvals.decide(asked.pk, True, by=desk[Role.COMMITTEE])
    held.refresh_from_db()
    assert held.state == ContractState.AGREED and held.key is None and held.compliance_id
    approvals.decide(held.compliance_id, True, by=desk[Role.COMPLIANCE])
    held.refresh_from_db()
    return held


@lru_cache
def fit() -> frozenset[int]:
    """Customers who are alive, of age and still some, as the night says."""
    rows = base().night.read(["deceased", "relationship_closed", "is_minor"]).to_pylist()
    keeps = [r["is_minor"] is False and not r["deceased"] and not r["relationship_closed"] for r in rows]
    return frozenset(np.flatnonzero(keeps).tolist())


@lru_cache
def owners() -> dict[str, list[int]]:
    """Phones of all customers, with who has them."""
    found: dict[str, list[int]] = {}
    for customer, phone in addresses(np.flatnonzero(base().there).tolist(), "sms").items():
        found.setdefault(phone, []).append(customer)
    return found


def phones(count: int, fit_are: bool = True) -> dict[int, str]:
    """Customers with a phone that is theirs alone among all."""
    alone = sorted((who[0], phone) for phone, who in owners().items() if len(who) == 1)
    return dict([each for each in alone if (each[0] in fit()) is fit_are][:count])


def saved(customers: list[int], by: Person, title: str = "Group") -> AudienceVersion:
    members = np.array(sorted(customers), np.int64)
    made = audience_actions.keep_members(title, members, AudienceKind.LIST, "", "C-1", by=by)
    return audiences.current(made)


def agreeing(customers: list[int], on: str = "partner", given: bool = True) -> None:
    """What customers say at the desk today."""
    ConsentAnswer.objects.bulk_create(
        ConsentAnswer(
            customer=c, purpose="sharing", means="any", given=given, recipient=on, text_version="1",
            text_hash="", channel="counter", proof="F-1", on=timezone.localdate(),
        )
        for c in customers
    )  # fmt: skip


def worked(expected: str = JobState.DONE) -> Job:
    job = take()
    assert job is not None
    run(job)
    job.refresh_from_db()
    assert job.state == expected, job.error
    return job


def prepared(
    contract: JointContract, version: AudienceVersion, by: Person, mode: str = "count", kind: str = "phone"
) -> JointQuestion:
    purpose = "measurement" if mode == "count" else "marketing"
    made = joint_questions.ask_question(contract, version, mode, kind, purpose, by=by)
    worked()
    made.refresh_from_db()
    assert made.state == QuestionState.READY
    return made


def partner_answers(
    tmp: Path, question: JointQuestion, values: list[str], by: Person
) -> tuple[Path, Sheet, Path]:
    """What the partner's engineer does with the files he was given; the answer, the sheet and the list."""
    sheet = tmp / "contract.json"
    sheet.write_text(joint_contracts.sheet(question.contract, by=by), encoding="utf-8")
    taken = tmp / f"question-{question.pk}.qjoint"
    taken.write_bytes(joint_questions.question_file(question, by=by).read_bytes())
    listed = tmp / f"list-{question.pk}.csv"
    listed.write_text("value,consent\n" + "".join(f"{v},Y{n}\n" for n, v in enumerate(values)))
    answer = tmp / f"answer-{question.pk}.qjoint"
    answer_question(taken, read_sheet(sheet), listed, "value", answer, tmp / "state", consent="consent")
    return answer, read_sheet(sheet), listed


def given_back(question: JointQuestion, answer: Path, by: Person) -> JointQuestion:
    question.refresh_from_db()
    file = SimpleUploadedFile(answer.name, answer.read_bytes())
    joint_questions.take_answer(question, file, by=by)
    worked()
    question.refresh_from_db()
    return question


def strangers(count: int) -> list[str]:
    """Numbers that nobody of the sample bank is sure to have: what the partner has alone."""
    return [f"199{n:08d}" for n in range(count)]


def test_two_decide_and_neither_wrote_it(desk: dict[str, Person], few: None) -> None:
    held = written(desk)
    with pytest.raises(NotAllowed, match="not approved"):
        joint_contracts.sheet(held, by=desk[Role.ANALYST])
    asked = joint_contracts.ask_contract(held, by=desk[Role.ANALYST], reason="autumn")
    for role in (Role.ANALYST, Role.COMPLIANCE, Role.RISK):
        with pytest.raises(NotAllowed):
            approvals.decide(asked.pk, True, by=desk[role])
    approvals.decide(asked.pk, True, by=desk[Role.COMMITTEE])
    held.refresh_from_db()
    second = held.compliance_id or 0
    for role in (Role.ANALYST, Role.COMMITTEE, Role.RISK):
        with pytest.raises(NotAllowed):
            approvals.decide(second, True, by=desk[role])
    approvals.decide(second, False, by=desk[Role.COMPLIANCE], answer="purpose too wide")
    held.refresh_from_db()
    assert joint_contracts.given_back(held) and held.key is None
    again = joint_contracts.ask_contract(held, by=desk[Role.ANALYST], reason="narrower")
    assert again.pk != asked.pk
    held.refresh_from_db()
    assert held.state == ContractState.ASKED


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        ({"code": "a b"}, "code"),
        ({"partner": " "}, "partner"),
        ({"recipient": "13800138000123"}, "partner"),
        ({"purposes": ["selling"]}, "purposes"),
        ({"kinds": []}, "identifiers"),
        ({"until": dt.date(2020, 1, 1)}, "until"),
        ({"until": dt.date(2099, 1, 1)}, "until"),
        ({"minimum": 1}, "minimum"),
        ({"daily": 0}, "limits"),
    ],
)
def test_contracts_that_cannot_be(
    desk: dict[str, Person], few: None, other: dict[str, Any], rule: str
) -> None:
    with pytest.raises(NotAllowed, match=f"^{rule}"):
        written(desk, **other)
    assert not JointContract.objects.exists()


def test_a_count_tells_how_many_and_not_who(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    mine = phones(SIZE)
    question = prepared(held, saved(list(mine), analyst), analyst)
    assert question.rows == SIZE and question.ordered is None
    both = list(mine.values())[:47]
    answer, sheet, listed = partner_answers(tmp_path, question, both + strangers(20), analyst)
    done = given_back(question, answer, analyst)
    assert (done.state, done.told, done.few, done.own) == (QuestionState.DONE, 40, False, 67)
    assert (done.matched, done.mask, done.ordered) == (None, None, None)
    result = joint_questions.result_file(done, by=analyst)
    header, body = read_message(result, sheet, Round.RESULT)
    assert (header.count, header.rows, body) == (40, 0, b"")
    assert take_result(result, sheet, listed, tmp_path / "state", None).count == 40
    with pytest.raises(NotAllowed, match="nobody to be saved"):
        joint_questions.save_matched(done, "Both", by=analyst)
    assert {p.name for p in joint_files.folder().iterdir()} == {f"{done.pk}.result.qjoint"}
    kept = [*joint_files.folder().iterdir(), *(tmp_path / "state").iterdir(), answer]
    raw = b"".join(p.read_bytes() for p in kept)
    assert not any(phone.encode() in raw for phone in mine.values())
    told_of = AuditEntry.objects.filter(subject=f"joint_question:{done.pk}").values_list("action", flat=True)
    assert set(told_of) == {
        "joint.ask", "joint.question_taken", "joint.answer", "joint.done", "joint.result_taken",
    }  # fmt: skip


def test_of_a_match_only_who_agreed_leaves(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    mine = phones(SIZE)
    ids = list(mine)
    agreeing(ids, given=False)
    agreeing(ids[:90])
    agreeing(ids[90:120], on="another partner")
    question = prepared(held, saved(ids, analyst), analyst, "match")
    assert question.rows == 90, "who refused, or agreed to another, is not even asked about"
    on_both = ids[40:130]
    answer, sheet, listed = partner_answers(
        tmp_path, question, [mine[c] for c in on_both] + strangers(5), analyst
    )
    agreeing(ids[40:45], given=False)  # withdrawn while the partner worked
    done = given_back(question, answer, analyst)
    expected = ids[45:90]
    assert done.told == 45 and done.matched is not None
    result = joint_questions.result_file(done, by=analyst)
    matched = tmp_path / "matched.csv"
    take_result(result, sheet, listed, tmp_path / "state", matched)
    rows = list(csv.reader(matched.open(encoding="utf-8")))
    assert {row[0] for row in rows[1:]} == {mine[c] for c in expected}
    made = joint_questions.save_matched(done, "Both", by=analyst)
    version = audiences.current(made)
    assert (version.kind, version.proof) == (AudienceKind.LIST, "MALL-26")
    assert audiences.members_of(version).tolist() == expected
    with pytest.raises(NotAllowed, match="saved already"):
        joint_questions.save_matched(done, "Both again", by=analyst)
    agreeing([expected[0]], on="", given=False)
    assert audiences.members_of(version).tolist() == expected[1:], "who withdrew is in it no longer"
    joint_contracts.end_contract(held, by=desk[Role.COMPLIANCE], reason="misuse")
    assert not len(audiences.members_of(version)), "nobody is in it once the contract is over"
    held.refresh_from_db()
    assert held.key is None


def test_by_numbers_of_identity_cards(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    numbers = resident_numbers(np.flatnonzero(base().there).tolist()[:400])
    owners = list(numbers.values())
    alone = {c: n for c, n in numbers.items() if owners.count(n) == 1}
    question = prepared(held, saved(list(numbers), analyst), analyst, kind="document")
    assert len(alone) * 0.9 < question.rows <= len(alone), "those whose check character is right"
    both = list(alone.values())
    answer, _sheet, _listed = partner_answers(tmp_path, question, [n.lower() for n in both], analyst)
    assert given_back(question, answer, analyst).told == question.rows // 10 * 10


def test_few_are_not_told(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    mine = phones(SIZE)
    agreeing(list(mine))
    version = saved(list(mine), analyst)
    for mode in ("count", "match"):
        question = prepared(held, version, analyst, mode)
        answer, sheet, _listed = partner_answers(
            tmp_path, question, list(mine.values())[:19] + strangers(30), analyst
        )
        done = given_back(question, answer, analyst)
        assert (done.told, done.few, done.matched) == (None, True, None)
        header, body = read_message(joint_questions.result_file(done, by=analyst), sheet, Round.RESULT)
        assert header.count is None and row_numbers(body) == []
    assert [told(n, 25) for n in (24, 25, 29, 30, 39)] == [None, 25, 25, 30, 30]


def test_lists_too_small_are_not_compared(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    mine = phones(SIZE)
    with pytest.raises(NotAllowed, match="smaller than may be compared"):
        joint_questions.ask_question(
            held, saved(list(mine)[:19], analyst), "count", "phone", "measurement", by=analyst
        )
    version = saved(list(mine), analyst, "All")
    agreeing(list(mine), given=False)
    made = joint_questions.ask_question(held, version, "match", "phone", "marketing", by=analyst)
    worked(JobState.FAILED)
    made.refresh_from_db()
    assert (made.state, made.problem, made.mask) == (
        QuestionState.FAILED, "too few of the audience can be compared", None,
    )  # fmt: skip
    assert not list(joint_files.folder().iterdir())
    agreeing(list(mine))
    question = prepared(held, version, analyst)
    with pytest.raises(InputError, match="fewer rows"):
        partner_answers(tmp_path, question, list(mine.values())[:19], analyst)


def test_no_question_tells_of_a_few_by_the_difference(desk: dict[str, Person], few: None) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    ids = list(phones(SIZE))
    prepared(held, saved(ids[:100], analyst, "A"), analyst)
    other = approved(desk, "MALL-27", daily=50)
    made = joint_questions.ask_question(
        other, saved(ids[:101], analyst, "B"), "count", "phone", "measurement", by=analyst
    )
    worked(JobState.FAILED)
    made.refresh_from_db()
    assert made.problem == "it differs from an earlier question by too few customers"
    prepared(held, saved(ids[:120], analyst, "C"), analyst)
    prepared(other, saved(ids[:140], analyst, "D"), analyst)
    with pytest.raises(NotAllowed, match="no more questions to this partner today"):
        prepared(other, saved(ids[:160], analyst, "E"), analyst)
    JointQuestion.objects.update(asked_at=timezone.now() - dt.timedelta(days=1))
    prepared(other, saved(ids, analyst, "F"), analyst)


def test_matches_need_not_differ_from_matches_but_from_counts(desk: dict[str, Person], few: None) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    ids = list(phones(SIZE))
    agreeing(ids)
    prepared(held, saved(ids[:100], analyst, "A"), analyst, "match")
    prepared(held, saved(ids[:101], analyst, "B"), analyst, "match")
    made = joint_questions.ask_question(
        held, saved(ids[:102], analyst, "C"), "count", "phone", "measurement", by=analyst
    )
    worked(JobState.FAILED)
    made.refresh_from_db()
    assert made.state == QuestionState.FAILED


@pytest.mark.parametrize(
    ("change_to", "rule"),
    [
        ({"until": -1, "since": -9}, "the term of the contract is over"),
        ({"since": 1}, "the contract has not begun"),
        ({"state": ContractState.AGREED}, "the contract is not approved"),
        ({"state": ContractState.ENDED}, "the contract has ended"),
        ({"purposes": ["service"]}, "the contract does not name this purpose"),
        ({"kinds": ["document"]}, "the contract does not allow this kind of identifier"),
    ],
)
def test_the_contract_is_asked_at_every_step(
    desk: dict[str, Person], few: None, tmp_path: Path, change_to: dict[str, Any], rule: str
) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    mine = phones(SIZE)
    agreeing(list(mine))
    version = saved(list(mine), analyst)
    begun = joint_questions.ask_question(held, version, "match", "phone", "marketing", by=analyst)
    ready = JointQuestion.objects.get(pk=begun.pk)
    was = JointContract.objects.filter(pk=held.pk).values("state", "since", "until", "purposes", "kinds")[0]
    today = timezone.localdate()
    now = {n: today + dt.timedelta(days=v) if isinstance(v, int) else v for n, v in change_to.items()}

    def over(of: dict[str, Any]) -> JointQuestion:
        JointContract.objects.filter(pk=held.pk).update(**of)
        return JointQuestion.objects.select_related("contract").get(pk=ready.pk)

    over(was)
    worked()
    with pytest.raises(NotAllowed, match=rule):
        joint_questions.ask_question(over(now).contract, version, "count", "phone", "marketing", by=analyst)
    with pytest.raises(NotAllowed, match=rule):
        joint_questions.question_file(over(now), by=analyst)
    answer, _sheet, _listed = partner_answers(tmp_path, over(was), list(mine.values()), analyst)
    file = SimpleUploadedFile("a.qjoint", answer.read_bytes())
    with pytest.raises(NotAllowed, match=rule):
        joint_questions.take_answer(over(now), file, by=analyst)
    file.seek(0)
    joint_questions.take_answer(over(was), file, by=analyst)
    over(was)
    worked()
    with pytest.raises(NotAllowed, match=rule):
        joint_questions.result_file(over(now), by=analyst)
    with pytest.raises(NotAllowed, match=rule):
        joint_questions.save_matched(over(now), "Both", by=analyst)
    over(was)
    begun = joint_questions.ask_question(held, version, "match", "phone", "marketing", by=analyst)
    over(now)
    worked(JobState.FAILED)
    begun.refresh_from_db()
    assert (begun.state, begun.problem, begun.mask) == (QuestionState.FAILED, rule, None)


def test_for_counts_only_nobody_asks_who(desk: dict[str, Person], few: None) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    version = saved(list(phones(SIZE)), analyst)
    with pytest.raises(NotAllowed, match="only counts"):
        joint_questions.ask_question(held, version, "match", "phone", "measurement", by=analyst)
    for role in (Role.COMPLIANCE, Role.WEALTH_MANAGER):
        with pytest.raises(NotAllowed, match="your role"):
            joint_questions.ask_question(held, version, "count", "phone", "measurement", by=desk[role])


def test_answers_that_are_refused(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    mine = phones(SIZE)
    version = saved(list(mine), analyst)
    first, second = (prepared(held, version, analyst) for _ in range(2))
    answer, _sheet, _listed = partner_answers(tmp_path, first, list(mine.values()), analyst)
    raw = answer.read_bytes()

    def refused(changed: bytes, rule: str, question: JointQuestion = first) -> None:
        file = SimpleUploadedFile("../x/answer.qjoint", changed)
        with pytest.raises(joint_questions.BadMessage, match=rule) as caught:
            joint_questions.take_answer(question, file, by=analyst)
        assert caught.value.file == "answer.qjoint"

    refused(raw[:-1] + bytes([raw[-1] ^ 1]), "damaged")
    refused(raw.replace(b'"own": 160', b'"own": 159'), "was changed")
    refused(b"a,b\n1,2\n", "no message")
    refused(raw, "answers another question", second)
    refused(raw + b"x" * 2_000_000, "larger than an answer")
    question_itself = joint_questions.question_file(first, by=analyst).read_bytes()
    refused(question_itself, "another round")
    done = given_back(first, answer, analyst)
    assert done.told == 160
    with pytest.raises(NotAllowed, match="answered once"):
        joint_questions.take_answer(done, SimpleUploadedFile("a.qjoint", raw), by=analyst)
    assert not list(joint_files.folder().glob("*.part"))
    answer, _sheet, _listed = partner_answers(tmp_path, second, list(mine.values()), analyst)
    JointQuestion.objects.filter(pk=second.pk).update(expires_at=timezone.now())
    refused(answer.read_bytes(), "has expired", JointQuestion.objects.get(pk=second.pk))


def test_an_answer_of_no_points_fails_and_says_so(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    """Sealed with the right key, but not made of the question: the same point over and over."""
    from quanke.joint.messages import write_message

    analyst, held = desk[Role.ANALYST], approved(desk)
    mine = phones(SIZE)
    question = prepared(held, saved(list(mine), analyst), analyst)
    answer, sheet, _listed = partner_answers(tmp_path, question, list(mine.values()), analyst)
    header, body = read_message(answer, sheet, Round.ANSWER)
    write_message(answer, header, [body[:32]] * (header.rows + header.own), sheet)
    file = SimpleUploadedFile("a.qjoint", answer.read_bytes())
    joint_questions.take_answer(question, file, by=analyst)
    worked(JobState.FAILED)
    question.refresh_from_db()
    assert question.problem == "the answer is none to this question" and question.mask is None
    assert not list(joint_files.folder().iterdir())


def test_what_waits_too_long_lapses(desk: dict[str, Person], few: None, tmp_path: Path) -> None:
    analyst, held = desk[Role.ANALYST], approved(desk)
    question = prepared(held, saved(list(phones(SIZE)), analyst), analyst)
    assert joint_contracts.lapse() == 0 and list(joint_files.folder().iterdir())
    JointQuestion.objects.update(expires_at=timezone.now())
    assert joint_contracts.lapse() == 1
    question.refresh_from_db()
    assert (question.state, question.mask) == (QuestionState.LAPSED, None)
    assert not list(joint_files.folder().iterdir())
    with pytest.raises(NotAllowed, match="no such file"):
        joint_questions.question_file(question, by=analyst)


def test_sharing_is_what_each_customer_said_last(desk: dict[str, Person]) -> None:
    everybody = np.flatnonzero(base().there).tolist()
    said = sharing_with("partner", everybody)
    alone = {c: next(s.given for s in consents_of(c) if s.purpose == "sharing") for c in list(said)[:60]}
    assert said and alone == {c: said[c] for c in alone}
    assert not sharing_with("somebody else", everybody[:0])
    yes = next(c for c, given in said.items() if given)
    assert sharing_with("somebody else", [yes]).get(yes) is not True
    agreeing([yes], on="somebody else", given=False)
    assert sharing_with("partner", [yes])[yes] is True, "a no to another is none to this one"
    agreeing([yes], on="", given=False)
    assert sharing_with("partner", [yes])[yes] is False, "a no to all is a no to each"
    assert record_consent  # the page's own action names the recipient of a yes: see test_customers_consents


def test_the_pages(desk: dict[str, Person], entered: dict[str, Client], few: None, tmp_path: Path) -> None:
    analyst, client = desk[Role.ANALYST], entered[Role.ANALYST]
    for who in entered.values():
        who.post("/language/", {"language": "en"})
    today = timezone.localdate()
    terms = {
        "code": "MALL-26", "partner": "Mall", "recipient": "partner", "purpose": ["marketing", "measurement"],
        "kind": ["phone"], "since": today.isoformat(), "until": today.isoformat(), "minimum": "20",
        "daily": "3", "most_rows": "1000",
    }  # fmt: skip
    assert "Not done: purposes" in client.post("/joint/new/", terms | {"purpose": []}).content.decode()
    assert client.post("/joint/new/", terms)["Location"].startswith("/joint/")
    held = JointContract.objects.get()
    address = f"/joint/{held.pk}/"
    assert "Mall" in client.get("/joint/").content.decode()
    assert client.post(address, {"do": "ask", "reason": "autumn"})["Location"].startswith("/approvals/")
    held.refresh_from_db()
    page = entered[Role.COMMITTEE].get(f"/approvals/{held.committee_id}/").content.decode()
    assert "Counts only: how large the overlap is" in page and "MALL-26" in page
    approvals.decide(held.committee_id or 0, True, by=desk[Role.COMMITTEE])
    held.refresh_from_db()
    approvals.decide(held.compliance_id or 0, True, by=desk[Role.COMPLIANCE])
    assert "MALL-26" in entered[Role.COMPLIANCE].get("/joint/in-force/").content.decode()
    mine = phones(SIZE)
    version = saved(list(mine), analyst)
    assert entered[Role.COMMITTEE].post(address, {"do": "sheet"}).status_code == 200, "refused, and said so"
    got = client.post(address, {"do": "sheet"})
    (tmp_path / "contract.json").write_bytes(got.content)
    sheet = read_sheet(tmp_path / "contract.json")
    asked = {
        "do": "question",
        "audience": version.pk,
        "mode": "count",
        "kind": "phone",
        "purpose": "measurement",
    }
    agreed = entered[Role.COMMITTEE]
    assert "New question" not in agreed.get(address).content.decode()
    assert agreed.post(address, asked).status_code == 200 and not held.questions.exists(), "who agreed to it"
    place = client.post(address, asked)["Location"]
    assert "A job works on it" in client.get(place).content.decode()
    worked()
    taken = client.get(f"{place}question/")
    (tmp_path / "q.qjoint").write_bytes(b"".join(taken.streaming_content))  # type: ignore[attr-defined]
    own = tmp_path / "own.csv"
    own.write_text("phone\n" + "\n".join(list(mine.values())[:33]))
    answer_question(tmp_path / "q.qjoint", sheet, own, "phone", tmp_path / "a.qjoint", tmp_path / "state")
    bad = client.post(place, {"do": "answer", "file": SimpleUploadedFile("a.qjoint", b"x")})
    assert "Not done: a.qjoint: is no message of joint operations." in bad.content.decode()
    assert agreed.get(place).status_code == 200
    assert [agreed.get(f"{place}{file}/").status_code for file in ("question", "result")] == [403, 403]
    good = SimpleUploadedFile("a.qjoint", (tmp_path / "a.qjoint").read_bytes())
    agreed.post(place, {"do": "answer", "file": good})
    assert held.questions.get().state == "ready"
    good.seek(0)
    assert client.post(place, {"do": "answer", "file": good})["Location"] == place
    worked()
    page = client.get(place).content.decode()
    assert "<strong>30</strong>" in page and "Save as audience" not in page
    assert client.get(f"{place}result/").status_code == 200
    entered[Role.COMPLIANCE].post("/joint/in-force/", {"contract": held.pk, "reason": " "})
    held.refresh_from_db()
    assert held.state == ContractState.APPROVED
    entered[Role.COMPLIANCE].post("/joint/in-force/", {"contract": held.pk, "reason": "misuse"})
    assert (
        "the contract has ended" in client.get(address).content.decode() + client.get(place).content.decode()
    )
    assert client.get(f"{place}result/")["Location"] == place
    client.post("/language/", {"language": "zh-hans"})
    assert "合同已终止" in client.get(place).content.decode()
