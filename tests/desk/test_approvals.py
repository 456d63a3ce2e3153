"""Four eyes on the page of approvals, for whatever a room asks for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from quanke_desk.foundation import approvals, audit
from quanke_desk.foundation.approvals import KINDS, ApprovalKind, ask
from quanke_desk.foundation.models import Approval, Notice, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May, Role

DONE: list[str] = []


def _do(asked: Approval, by: Person) -> None:
    if asked.subject == "test:fails":
        raise NotAllowed("no such decision")
    DONE.append(asked.subject)


@pytest.fixture
def kind(desk: dict[str, Person]) -> Iterator[ApprovalKind]:
    DONE.clear()
    made = ApprovalKind(
        "test.kind",
        "A change of a test",  # type: ignore[arg-type]
        asks=May.BOOKS_PROPOSE,
        decides=May.BOOKS_APPROVE,
        carry_out=_do,
        bars=lambda asked, by: "no such branch" if asked.subject == "test:barred" else "",
        described=lambda asked: [("what", "<b>all</b>")],
    )
    KINDS[made.name] = made
    yield made
    del KINDS[made.name]


def asked_by_team_head(desk: dict[str, Person], subject: str = "test:1") -> Approval:
    return ask("test.kind", subject, {}, by=desk[Role.TEAM_HEAD], reason="growth")


def state(asked: Approval) -> str:
    asked.refresh_from_db()
    return asked.state


def test_the_three_lists(desk: dict[str, Person], entered: dict[str, Client], kind: ApprovalKind) -> None:
    asked = asked_by_team_head(desk)
    head, other = entered[Role.TEAM_HEAD], entered[Role.BRANCH_HEAD]

    def count(client: Client, show: str) -> int:
        found: int = client.get("/approvals/", {"show": show}).context["listed"].count
        return found

    assert (count(head, "open"), count(head, "mine"), count(head, "decided")) == (0, 1, 0)
    assert (count(other, "open"), count(other, "mine"), count(other, "decided")) == (1, 0, 0)
    other.post(f"/approvals/{asked.pk}/", {"do": "approve"})
    assert state(asked) == "done" and DONE == ["test:1"]
    assert (count(other, "open"), count(other, "decided")) == (0, 1)
    assert head.get("/approvals/", {"show": "x' OR 1=1"}).status_code == 200
    assert "A change of a test" in head.get("/approvals/?show=mine").content.decode()


def test_who_is_told(desk: dict[str, Person], kind: ApprovalKind) -> None:
    asked = asked_by_team_head(desk)
    told = [n.person for n in Notice.objects.all()]
    branch = desk[Role.TEAM_HEAD].branch
    assert branch is not None and desk[Role.BRANCH_HEAD] in told and desk[Role.TEAM_HEAD] not in told
    for person in told:
        at = person.branch
        assert at is not None and at.left <= branch.left and at.right >= branch.right
    Notice.objects.all().delete()
    approvals.decide(asked.pk, False, by=desk[Role.BRANCH_HEAD], answer="not now")
    [notice] = Notice.objects.all()
    assert notice.person == desk[Role.TEAM_HEAD] and "refused" in notice.text


def test_a_refusal_says_why(desk: dict[str, Person], entered: dict[str, Client], kind: ApprovalKind) -> None:
    asked = asked_by_team_head(desk)
    path = f"/approvals/{asked.pk}/"
    other = entered[Role.BRANCH_HEAD]
    other.post(path, {"do": "refuse", "answer": " "})
    other.post(path, {"do": "anything"})
    assert state(asked) == "asked"
    other.post(path, {"do": "refuse", "answer": "not now"})
    assert state(asked) == "refused" and not DONE
    assert "not now" in entered[Role.TEAM_HEAD].get(path).content.decode()
    other.post(path, {"do": "approve"})
    assert state(asked) == "refused", "decided once"


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        ("调整" * 101, "at most 200 signs"),
        ("客户电话 138 0013 8000 已确认", "no phone"),
        ("card 6222-0212-3456-7890", "no phone"),
        ("  ", "a reason is required"),
    ],
)
def test_reasons_hold_no_numbers_of_customers_and_end(
    desk: dict[str, Person], entered: dict[str, Client], kind: ApprovalKind, reason: str, rule: str
) -> None:
    """They are read by whoever reads the audit, and no database cuts or refuses them."""
    with pytest.raises(NotAllowed, match=rule):
        ask("test.kind", "test:1", {}, by=desk[Role.TEAM_HEAD], reason=reason)
    asked = asked_by_team_head(desk)
    with pytest.raises(NotAllowed, match=rule):
        approvals.decide(asked.pk, False, by=desk[Role.BRANCH_HEAD], answer=reason)
    assert state(asked) == "asked"
    person = desk[Role.LOBBY]
    for name in ("role", "leave", "unlock"):
        answer = entered[Role.ADMINISTRATOR].post(
            f"/people/{person.pk}/", {"do": name, "role": "teller", "reason": reason}
        )
        assert answer.status_code in (200, 302)
    person.refresh_from_db()
    assert person.role == Role.LOBBY and person.is_active
    if reason.strip():
        with pytest.raises(NotAllowed, match=rule):
            audit.record(person, "test.reason", "test:1", reason=reason)


def test_taking_it_back(desk: dict[str, Person], entered: dict[str, Client], kind: ApprovalKind) -> None:
    asked = asked_by_team_head(desk)
    path = f"/approvals/{asked.pk}/"
    entered[Role.BRANCH_HEAD].post(path, {"do": "withdraw"})
    assert state(asked) == "asked"
    entered[Role.TEAM_HEAD].post(path, {"do": "withdraw"})
    assert state(asked) == "withdrawn"
    assert entered[Role.BRANCH_HEAD].get(path).status_code == 404


def test_what_cannot_be_done_stands_as_failed(
    desk: dict[str, Person], entered: dict[str, Client], kind: ApprovalKind
) -> None:
    asked = asked_by_team_head(desk, "test:fails")
    answer = entered[Role.BRANCH_HEAD].post(f"/approvals/{asked.pk}/", {"do": "approve"}, follow=True)
    assert state(asked) == "failed" and "无此审批操作" in answer.content.decode()
    assert Notice.objects.filter(person=desk[Role.TEAM_HEAD]).get().text.count("could not be done") == 1


def test_who_may_not_see_it(desk: dict[str, Person], entered: dict[str, Client], kind: ApprovalKind) -> None:
    asked = asked_by_team_head(desk)
    barred = asked_by_team_head(desk, "test:barred")
    for role in (Role.TELLER, Role.ANALYST, Role.ADMINISTRATOR, Role.RISK, Role.CUSTOMER_MANAGER):
        for ask_for in (entered[role].get, entered[role].post):
            assert ask_for(f"/approvals/{asked.pk}/", {"do": "approve"}).status_code == 404
    assert state(asked) == "asked"
    assert entered[Role.BRANCH_HEAD].get(f"/approvals/{barred.pk}/").status_code == 404
    page = entered[Role.BRANCH_HEAD].get(f"/approvals/{asked.pk}/").content.decode()
    assert "&lt;b&gt;all&lt;/b&gt;" in page and "<b>all" not in page


def test_the_menu_shows_it_to_whom_it_concerns(entered: dict[str, Client], kind: ApprovalKind) -> None:
    for role, seen in ((Role.TEAM_HEAD, True), (Role.RISK, True), (Role.TELLER, False)):
        assert ('href="/approvals/"' in entered[role].get("/").content.decode()) == seen
