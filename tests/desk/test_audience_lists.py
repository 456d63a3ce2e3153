"""Lists that are brought: found by their numbers, told by row numbers only, and nothing typed is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from quanke_desk.campaigns import audiences, lists
from quanke_desk.campaigns.models import Audience
from quanke_desk.customers.at_night import reading
from quanke_desk.foundation.analytic import base, home_path
from quanke_desk.foundation.models import AuditEntry, Job, JobState, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.working import run, take


def golden(field: str, count: int) -> list[tuple[int, str]]:
    """Customers with a field's value that is theirs alone."""
    found: dict[str, list[int]] = {}
    for customer in np.flatnonzero(base().there)[:400].tolist():
        value = {f.name: f.value for f in reading().golden(customer)}.get(field)
        if value:
            found.setdefault(str(value), []).append(customer)
    from quanke_desk.customers.queries import blind, by_blind

    alone = []
    for value, customers in found.items():
        [who] = by_blind(
            "phone" if field == "phone" else "document",
            blind("phone" if field == "phone" else "document", [value]),
        )
        if who == customers and len(who) == 1:
            alone.append((who[0], value))
    return alone[:count]


def brought(text: str | bytes, by: Person, **other: Any) -> Job:
    raw = text.encode() if isinstance(text, str) else text
    asked = {"title": "List", "kind": "phone", "column": 1, "proof": "CONSENT-2026/7", **other}
    return lists.bring_list(file=SimpleUploadedFile("x.csv", raw), by=by, **asked)


def done(job: Job) -> Job:
    taken = take()
    assert taken is not None and taken.pk == job.pk
    run(taken)
    job.refresh_from_db()
    return job


def test_a_list_of_phones(desk: dict[str, Person], entered: dict[str, Client]) -> None:
    client = entered[Role.ANALYST]
    client.post("/language/", {"language": "en"})
    known = golden("phone", 12)
    values = [v for _c, v in known]
    rows = [*values, values[0], "12345", "13800000001", "", f"+86 {values[1]}"]
    file = SimpleUploadedFile("p.csv", ("\ufeffphone\n" + "\n".join(r or '""' for r in rows)).encode())
    asked = {"title": "School", "kind": "phone", "column": "1", "proof": "授权2026-7", "file": file}
    answer = client.post("/audiences/lists/", asked)
    job = done(Job.objects.get())
    assert answer["Location"] == f"/jobs/{job.pk}/" and job.state == JobState.DONE
    version = audiences.current(Audience.objects.get(title="School"))
    assert audiences.members_of(version).tolist() == sorted(c for c, _v in known)
    assert (version.kind, version.proof, version.text) == ("list", "授权2026-7", "")
    left = job.result["left"]
    assert left == {"malformed": [14, 16], "repeated": [13, 17], "not_found": [15], "several": [], "same": []}
    page = client.get(job.result["link"]).content.decode()
    assert "12 customers of 17 rows" in page
    told = client.get(f"/audiences/lists/{job.pk}/rows/").content.decode("utf-8-sig")
    assert told.splitlines()[:3] == [
        "Row number,Reason",
        "13,stands in an earlier row",
        "14,not a number of this kind",
    ]
    assert entered[Role.COMMITTEE].get(f"/audiences/lists/{job.pk}/rows/").status_code == 403
    kept = json.dumps([job.arguments, job.result, job.place]) + told + page
    kept += "".join(json.dumps(e.detail) + e.subject for e in AuditEntry.objects.all())
    assert not any(v in kept for v in values), "no value of a customer anywhere"
    assert not list((home_path() / "desk" / "lists").glob("*.npz")), "digests are gone, too"


def test_digests_tell_nothing(desk: dict[str, Person]) -> None:
    [(_customer, value)] = golden("phone", 1)
    job = brought(value, desk[Role.ANALYST])
    [path] = (home_path() / "desk" / "lists").glob("*.npz")
    try:
        assert path.name == job.arguments["digests"] and path.stat().st_mode & 0o077 == 0
        assert value.encode() not in path.read_bytes()
    finally:
        path.unlink()
    assert done(job).state == JobState.FAILED and "bring the list again" in job.error


def test_documents_and_numbers_of_a_source(desk: dict[str, Person]) -> None:
    by = desk[Role.ANALYST]
    known = golden("id_number", 3)
    text = "name;id\n" + "\n".join(f"x;{v.lower()}" for _c, v in known)
    job = done(brought(text, by, kind="document", column=2))
    version = audiences.current(Audience.objects.get())
    assert audiences.members_of(version).tolist() == sorted(c for c, _v in known), job.error
    records = reading().rows_of("parties", [c for c, _v in known], ["source", "party_id"]).to_pylist()
    text = "\n".join(f"{r['source']}:{r['party_id']}" for r in records) + "\nnowhere:1\n123"
    job = done(brought(text, by, kind="party", title="Records"))
    version = audiences.current(Audience.objects.get(title="Records"))
    assert audiences.members_of(version).tolist() == sorted({r["customer"] for r in records})
    assert job.result["left"]["malformed"] == [len(records) + 1, len(records) + 2]
    assert len(job.result["left"]["same"]) == len(records) - len({r["customer"] for r in records})


def test_a_job_that_was_killed_makes_one_audience(
    desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = golden("phone", 2)
    job = brought("\n".join(v for _c, v in known), desk[Role.ANALYST])
    unlink = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise OSError

    monkeypatch.setattr(Path, "unlink", killed)
    taken = take()
    assert taken is not None and run(taken) == JobState.WAITING
    monkeypatch.setattr(Path, "unlink", unlink)
    Job.objects.update(wake_at=None)
    assert done(job).state == JobState.DONE and Audience.objects.count() == 1


def test_rules_of_a_list(desk: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    by = desk[Role.ANALYST]
    for given, more, rule in (
        ("", {}, "no rows"), ("phone\n", {}, "no rows"), (b"\x00\x01", {}, "no CSV"),
        (b"\xff\xff1", {}, "neither"),
        ("13800000001", {"proof": " "}, "needs its proof"), ("13800000001", {"kind": "name"}, "of phones"),
        ("13800000001", {"title": ""}, "1 to 80"), ("1\n" * 100_001, {}, "100,000 rows"),
        (b"1" * (5 * 2**20 + 1), {}, "5 MB"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed, match=rule):
            brought(given, by, **more)
    with pytest.raises(NotAllowed, match="your role"):
        brought("13800000001", desk[Role.COMMITTEE])
    with pytest.raises(NotAllowed, match="choose a file"):
        lists.bring_list("T", "phone", 1, "P-1", None, by=by)
    job = done(brought("13800000001\n13800000002", by))
    assert job.state == JobState.FAILED and job.error == "nobody is in it" and not Audience.objects.exists()
    assert not list((home_path() / "desk" / "lists").glob("*.npz"))
