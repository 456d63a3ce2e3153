"""Exports: the list as it stands on its page, marked, counted, on record, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.foundation import audit, working
from quanke_desk.foundation.exports import _write_csv, harmless, take
from quanke_desk.foundation.lists import Column, RowsSource, Taken
from quanke_desk.foundation.models import AuditEntry, Export, Job, JobState, ParameterValue, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role

WORDS = {"list": "audit", "path": "/audit/", "query": "page=1", "kind": "csv", "reason": "季度检查"}
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def file_of(client: Client, **words: Any) -> Any:
    answer = client.post("/exports/", {**WORDS, **words})
    assert answer.status_code == 200, answer.get("Location")
    return answer


def lines(answer: Any) -> list[list[str]]:
    content = b"".join(answer.streaming_content)
    assert content.startswith(b"\xef\xbb\xbf"), "Excel takes it for UTF-8"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def cells(answer: Any) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(sheet.iter(f"{SHEET}f")), "no formula"
    return [["".join(cell.itertext()) for cell in row] for row in sheet.iter(f"{SHEET}row")]


def entries(desk: dict[str, Person], *reasons: str) -> None:
    """Entries of the audit with reasons somebody wrote."""
    from quanke_desk.foundation.audit import record

    for reason in reasons:
        record(desk[Role.TELLER], "test.reason", "test:1", reason=reason)


def test_money_is_exact_to_the_fen(tmp_path: Path, desk: dict[str, Person]) -> None:
    fen = [100_000_000_000_000_001, -1, 0, None]
    taken = Taken(
        (Column("sum", "Sum", "money"),), RowsSource([{"sum": each} for each in fen]), "", False, ()
    )
    now, person = timezone.now(), desk[Role.COMPLIANCE]
    made = Export(pk=1, person=person, list_name="sums", kind="csv", reason="x", at=now)
    assert _write_csv(tmp_path / "sums.csv", taken, made, lambda done, total: None) == 4
    with (tmp_path / "sums.csv").open(encoding="utf-8-sig") as file:
        _mark, _head, *rows, _end = csv.reader(file)
    assert [row[0] if row else "" for row in rows] == ["1000000000000000.01", "-0.01", "0.00", ""]


def test_exactly_the_list_and_its_mark(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    entries(desk, "b", "a", "c")
    client, person = entered[Role.COMPLIANCE], desk[Role.COMPLIANCE]
    query = "action=test.reason&order=number&cols=reason,number"
    page = client.get("/audit/?" + query).context["listed"]
    answer = file_of(client, query=query)
    [mark, head, *rows, end] = lines(answer)
    assert head == [str(c.title) for c in page.columns] and len(head) == 2
    assert rows == [[str(r["number"]), r["reason"]] for r in page.rows]
    made = Export.objects.get()
    assert (made.person, made.rows, made.reason, made.list_name) == (person, 3, "季度检查", "audit")
    assert made.by == ["action", "order:number"], "what was asked by, and not what was asked"
    for told in (
        f"{made.pk}",
        person.name,
        person.username,
        f"{timezone.localtime(made.at):%Y-%m-%d}",
        "季度检查",
    ):
        assert told in mark[0]
    assert str(made.pk) in end[0] and "3" in end[0]
    name = answer["Content-Disposition"]
    assert f"-{made.pk}-{person.username}-" in name and "-3.csv" in name
    entry = AuditEntry.objects.filter(action="list.export").get()
    assert entry.subject == f"export:{made.pk}" and entry.reason == "季度检查" and entry.detail["rows"] == 3


def test_the_audit_says_which_field_and_for_what(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    by, client = desk[Role.RISK], entered[Role.COMPLIANCE]
    shown = {"field": "phone", "value": "13800138000", "phone": "13800138000"}
    audit.record(by, "customer.reveal", "customer:7", purpose="risk", reason="核查号码", detail=shown)
    audit.record(by, "people.role", "person:7", reason="调岗", detail={"from": "teller", "to": "risk"})
    audit.record(by, "customer.reveal", "customer:8", purpose="serve", reason="来行")
    listed = client.get("/audit/?purpose=risk&reason=号码").context["listed"]
    assert [row["detail"] for row in listed.rows] == ["field: phone"]
    answer = file_of(client, query="reason=调岗&cols=reason,detail")
    assert lines(answer)[2:-1] == [["调岗", "from: teller, to: risk"]]
    page = client.get("/audit/?reason=号码").content.decode()
    assert "field: phone" in page and "13800138000" not in page


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_cell_is_a_formula(desk: dict[str, Person], entered: dict[str, Client], kind: str) -> None:
    bad = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "=cmd|' /C calc'!A0",
        "＝1+1",
        "a=1",
        "https://x.example",
    ]
    entries(desk, *bad)
    answer = file_of(
        entered[Role.COMPLIANCE],
        query="action=test.reason&order=number&cols=reason",
        kind=kind,
        reason="=1+2",
    )
    [mark, _head, *rows, _end] = lines(answer) if kind == "csv" else cells(answer)
    assert not mark[0].startswith("=")
    found = [row[0].replace("\n", "\r").replace("_x000D_", "\r") for row in rows]
    assert found == ["'" + text for text in bad[:8]] + bad[8:]


def test_numbers_stay_numbers() -> None:
    assert harmless("-5") == "'-5" and harmless("5") == "5" and harmless("") == ""


def test_more_rows_than_allowed(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    entries(desk, "a", "b", "c")
    ParameterValue.objects.create(
        name="export.rows", value=2, since=timezone.localdate(), by=desk[Role.ADMINISTRATOR], reason="test"
    )
    client = entered[Role.COMPLIANCE]
    answer = client.post("/exports/", {**WORDS, "query": "action=test.reason"})
    assert answer.status_code == 302 and not Export.objects.exists()
    assert answer["Location"] == "/audit/?action=test.reason"
    page = client.get("/audit/?action=test.reason").content.decode()
    assert 'name="kind"' not in page, "the page says so before"
    entries(desk)
    assert len(lines(file_of(client, query="action=test.reason&cols=reason&person=nobody"))) == 3


def test_so_many_a_day(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    ParameterValue.objects.create(
        name="export.most", value=2, since=timezone.localdate(), by=desk[Role.ADMINISTRATOR], reason="test"
    )
    client = entered[Role.COMPLIANCE]
    for _ in range(2):
        b"".join(file_of(client).streaming_content)
    assert client.post("/exports/", WORDS).status_code == 302 and Export.objects.count() == 2


@pytest.mark.parametrize(
    "words",
    [
        {"reason": " "},
        {"reason": "x" * 201},
        {"kind": "exe"},
        {"list": "people"},
        {"path": "/nowhere/"},
        {"path": "https://elsewhere.example/audit/"},
        {"path": "/static/desk/desk.css"},
        {"path": "/logout/"},
        {"path": "/health/"},
    ],
)
def test_what_is_refused(entered: dict[str, Client], words: dict[str, str]) -> None:
    answer = entered[Role.COMPLIANCE].post("/exports/", {**WORDS, **words})
    assert answer.status_code == 302 and not Export.objects.exists()
    assert not AuditEntry.objects.filter(action="list.export").exists()


def test_who_may_not(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    assert entered[Role.LOBBY].post("/exports/", WORDS).status_code == 403, "no exports for this role"
    assert entered[Role.BRANCH_HEAD].post("/exports/", WORDS).status_code == 403, (
        "exports, but not of this page"
    )
    assert 'name="kind"' not in entered[Role.ADMINISTRATOR].get("/people/").content.decode()
    with pytest.raises(NotAllowed):
        take(desk[Role.COMPLIANCE], "people", "/audit/")


def test_a_big_list_is_read_in_parts(
    desk: dict[str, Person], entered: dict[str, Client], monkeypatch: Any
) -> None:
    monkeypatch.setattr("quanke_desk.foundation.exports.AT_ONCE", 3)
    entries(desk, *[f"r{n}" for n in range(9)])
    rows = cells(
        file_of(entered[Role.COMPLIANCE], query="action=test.reason&order=number&cols=reason", kind="xlsx")
    )
    assert [r[0] for r in rows[2:-1]] == [f"r{n}" for n in range(9)]


def test_a_long_one_is_a_job(
    desk: dict[str, Person], entered: dict[str, Client], monkeypatch: Any, tmp_path: Any
) -> None:
    ParameterValue.objects.create(
        name="export.at_once", value=2, since=timezone.localdate(), by=desk[Role.ADMINISTRATOR], reason="test"
    )
    entries(desk, "a", "=b", "c")
    client = entered[Role.COMPLIANCE]
    query = "action=test.reason&order=number&cols=reason"
    assert client.post("/exports/", {**WORDS, "query": query, "reason": ""})["Location"].startswith("/audit/")
    held = Job.objects.filter(kind="list.export")
    assert not held.exists()
    answer = client.post("/exports/", {**WORDS, "query": query})
    begun = held.get()
    assert answer["Location"] == f"/jobs/{begun.pk}/" and not Export.objects.exists()
    monkeypatch.setattr("quanke_desk.web.jobs.home_path", lambda: tmp_path)
    taken = working.take()
    assert taken is not None and taken.pk == begun.pk and working.run(taken) == JobState.DONE
    begun.refresh_from_db()
    made = Export.objects.get()
    assert begun.result == {"link": f"/exports/{made.pk}/", "rows": 3}
    assert (tmp_path / "desk" / "exports" / f"{made.pk}.csv").stat().st_mode & 0o077 == 0
    assert [row[0] for row in lines(client.get(f"/exports/{made.pk}/"))[2:-1]] == ["a", "'=b", "c"]
    assert AuditEntry.objects.filter(action="list.export_taken", subject=f"export:{made.pk}").exists()
    assert entered[Role.BRANCH_HEAD].get(f"/exports/{made.pk}/").status_code == 404, "another's"
    (tmp_path / "desk" / "exports" / f"{made.pk}.csv").unlink()
    assert client.get(f"/exports/{made.pk}/").status_code == 404
