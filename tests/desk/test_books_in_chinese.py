"""Why books cannot be changed, and what tags are in and whose they are: in Chinese on Chinese pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import Client, RequestFactory
from django.utils import translation

from quanke.kernel.errors import BookError
from quanke_desk.books import fault_words, proposing
from quanke_desk.books.pages import done
from quanke_desk.customers.words import called
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import Job, JobState, Person
from quanke_desk.foundation.roles import Role
from tests.desk.test_customers import first_of
from tests.desk.test_said_in_chinese import english_on

SOURCES = Path(__file__).parents[2] / "src"
FOLDERS = ("quanke/books", "quanke/night", "quanke_desk/books")
NOT_SAID = {"a proposal knows no event", "a period has 1 to", "a growth is too large"}
"""What no page of the desk can bring about: faults of whoever calls the library."""


def faults() -> Iterator[str]:
    """Every sentence a BookError is raised with, `7` for what stands in it."""
    for folder in FOLDERS:
        for path in sorted((SOURCES / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BookError":
                    said = _text(node.args[0])
                    if not said.startswith(tuple(NOT_SAID)):
                        yield said


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "7"


def test_every_reason_has_its_chinese() -> None:
    found = list(faults())
    assert len(found) > 40
    for reason in found:
        reason = reason.replace("there is no such proposal7", "there is no such proposal")
        if reason.startswith("somebody's manager"):
            reason = reason.replace("7", "propose again")
        said = fault_words.book_fault(reason)
        assert re.search("[一-鿿]", said), reason
        assert not said.startswith("未能办理"), reason
        with translation.override("en"):
            assert fault_words.book_fault(reason) == reason


def test_what_stands_in_a_reason_is_chinese_too() -> None:
    for reason, said in (
        ("the proposal cannot be applied: it has not been approved", "方案不能生效：尚未批准"),
        (
            "customer 7 may not go there: post W-7 may look after nobody",
            "客户7不能调整到该岗位：岗位W-7不能管户",
        ),
        (
            "customer 7 may not go there: a wealth_manager (post W-7) may not stand for a private_banker, "
            "whom his service standard asks for",
            "客户7不能调整到该岗位：岗位W-7（理财经理）不能代替服务标准要求的私人银行经理",
        ),
        ("nothing anybody wrote", "未能办理：nothing anybody wrote"),
    ):
        assert fault_words.book_fault(reason) == said


def test_pages_say_it(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    held = Job.objects.create(
        kind=proposing.APPLY_JOB, by=desk[Role.BRANCH_HEAD], state=JobState.FAILED,
        error="12 customers have another manager than when it was proposed: propose again",
    )  # fmt: skip
    page = entered[Role.BRANCH_HEAD].get(f"/jobs/{held.pk}/").content.decode()
    assert "提出方案后有12位客户的管户经理已变化，请重新提出" in page


def test_a_change_that_is_refused_says_why(rf: RequestFactory) -> None:
    def change() -> None:
        raise BookError("no other post he may go to has room")

    request = rf.post("/")
    request.session = {}  # type: ignore[assignment]
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    done(request, change, "/")
    assert [str(m) for m in get_messages(request)] == ["未完成：没有其他可调入且有余量的岗位。"]


def test_units_and_owners_of_every_tag() -> None:
    for tag in base().bank.catalogue.tags:
        for kind, code in (("unit", tag.unit), ("owner", tag.owner)):
            assert not code or re.search("[一-鿿]", called(kind, code)), (tag.name, code)
            with translation.override("en"):
                assert called(kind, code) == code


@pytest.mark.parametrize("name", ["churn_risk", "tier", "aum", "age"])
def test_the_panel_of_a_figure(desk: dict[str, Person], entered: dict[str, Client], name: str) -> None:
    customer, _ = first_of(desk[Role.WEALTH_MANAGER])
    client = entered[Role.WEALTH_MANAGER]
    for at in (f"/customers/{customer}/tag/{name}/", f"/customers/tags/{name}/"):
        page = client.get(at)
        if page.status_code == 404:
            continue
        text = page.content.decode().split('id="content"')[1]
        assert "personal banking" not in text and "个人金融部" in text and "probability" not in text
        assert not english_on(text)
