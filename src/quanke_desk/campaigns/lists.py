"""Lists of customers that are brought as a file: read, made blind at once, looked up by a long job.

What stands in the file is a customer's value. It is made keyed digests while the request runs, in memory, and
never written anywhere: the job knows digests and row numbers, and what it tells of a row is its number and a
reason.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quanke.kernel.errors import QuankeError
from quanke.kernel.identifiers.document import check_id_number
from quanke.kernel.identifiers.phone import check_mobile
from quanke_desk.campaigns import audience_actions
from quanke_desk.campaigns.models import AudienceKind
from quanke_desk.customers import queries as customers
from quanke_desk.foundation import jobs
from quanke_desk.foundation.analytic import home_path
from quanke_desk.foundation.jobs import Cancelled, Running
from quanke_desk.foundation.models import Job, Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May

JOB = "campaigns.list"
MOST_ROWS, MOST_BYTES = 100_000, 5 * 2**20
KINDS: dict[str, Promise] = {
    "phone": _("Phone numbers"), "document": _("Numbers of identity documents"),
    "party": _("Numbers of a source system, as core:1234"),
}  # fmt: skip
REASONS: dict[str, Promise] = {
    "malformed": _("not a number of this kind"), "repeated": _("stands in an earlier row"),
    "not_found": _("no customer has it"), "several": _("several customers have it"),
    "same": _("the customer of an earlier row"),
}  # fmt: skip
_PROOF = re.compile(r"[A-Za-z0-9\u4e00-\u9fff〔〕\[\]()（）._/-]{3,200}\Z")
_DOCUMENT = re.compile(r"[0-9A-Z]{5,24}\Z")
_AT_ONCE = 2_000
_KEPT = 86_400
"""Seconds a file of digests may lie where its job never ran."""


def bring_list(
    title: str, kind: str, column: int, proof: str, file: UploadedFile[Any] | None, *, by: Person
) -> Job:
    """Begins to look up a list. Raises NotAllowed with the rule that was broken."""
    if not by.may(May.CAMPAIGN):
        raise NotAllowed("your role may not save audiences")
    said = audience_actions.titled(title)
    if kind not in KINDS:
        raise NotAllowed("a list is of phones, documents or numbers of a source")
    if not _PROOF.match(proof.strip()) or re.search(r"\d{15,}", proof):
        raise NotAllowed("a list needs its proof: the number of the consents or of the contract")
    if file is None:
        raise NotAllowed("choose a file")
    if (file.size or 0) > MOST_BYTES:
        raise NotAllowed("a list has at most 5 MB")
    arrays = _blinded(kind, list(_rows(file.read(MOST_BYTES + 1), column)))
    path = _folder() / f"{secrets.token_hex(16)}.npz"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        np.savez(out, **arrays)
    try:
        arguments = {"title": said, "kind": kind, "proof": proof.strip(), "digests": path.name}
        return jobs.begin(JOB, arguments, by=by)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _rows(raw: bytes, column: int) -> Iterator[str]:
    """What stands in a column, row by row, without a heading. Raises NotAllowed."""
    text = _decoded(raw)
    first = text.split("\n", 1)[0]
    sign = max(",;\t", key=first.count) if any(s in first for s in ",;\t") else ","
    count = 0
    try:
        for at, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=sign)):
            value = row[column - 1].strip() if 0 < column <= len(row) else ""
            if at == 0 and not any(c.isdigit() for c in value):
                continue
            if not row:
                continue
            count += 1
            if count > MOST_ROWS:
                raise NotAllowed("a list has at most 100,000 rows")
            yield value
    except csv.Error:
        raise NotAllowed("the file is no CSV") from None
    if not count:
        raise NotAllowed("the list has no rows")


def _decoded(raw: bytes) -> str:
    if len(raw) > MOST_BYTES:
        raise NotAllowed("a list has at most 5 MB")
    if b"\x00" in raw:
        raise NotAllowed("the file is no CSV")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotAllowed("the file is neither UTF-8 nor GB 18030")


def _blinded(kind: str, values: list[str]) -> dict[str, Any]:
    """Digests of the rows with their numbers (from 1), and rows that are none of the kind or repeated."""
    try:
        made = customers.blind(kind, (v if _well_formed(kind, v) else "" for v in values))
    except QuankeError:
        raise NotAllowed("there is no search to look a list up in: ask who runs the nights") from None
    seen: set[int] = set()
    digests, of_row, malformed, repeated = [], [], [], []
    for number, tokens in enumerate(made, 1):
        if not tokens:
            malformed.append(number)
        elif seen.intersection(tokens):
            repeated.append(number)
        else:
            digests += tokens
            of_row += [number] * len(tokens)
        seen.update(tokens)
    return {
        "digests": np.array(digests, np.uint64), "of_row": np.array(of_row, np.int32),
        "malformed": np.array(malformed, np.int32), "repeated": np.array(repeated, np.int32),
        "rows": np.array([len(values)], np.int32),
    }  # fmt: skip


def _well_formed(kind: str, value: str) -> bool:
    if len(value) > 64:
        return False
    if kind == "phone":
        return bool(value) and check_mobile(value) is None
    if kind == "party":
        return ":" in value
    number = value.replace(" ", "").replace("-", "").upper()
    if len(number) in (15, 18) and number[:14].isdecimal():
        return check_id_number("resident_id", number) is None
    return bool(_DOCUMENT.match(number))


def look_up(running: Running, title: str, kind: str, proof: str, digests: str) -> dict[str, Any]:
    """Looks a list up and saves who was found; run again after a kill, it goes on from what was kept."""
    path = _folder() / Path(digests).name
    try:
        if "result" not in running.place:
            _look_up(running, title, kind, proof, path)
        result: dict[str, Any] = running.place["result"]
    except (NotAllowed, Cancelled):
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
    return result


def _look_up(running: Running, title: str, kind: str, proof: str, path: Path) -> None:
    if running.by is None:
        raise NotAllowed("your role may not save audiences")
    if not path.is_file():
        raise NotAllowed("what was brought is no longer there: bring the list again")
    with np.load(path) as held:
        digests, of_row = held["digests"], held["of_row"]
        left = {name: held[name].tolist() for name in ("malformed", "repeated")}
        rows = int(held["rows"][0])
    numbers, starts = np.unique(of_row, return_index=True)
    tokens = [part.tolist() for part in np.split(digests, starts[1:])] if len(numbers) else []
    left |= {"not_found": [], "several": [], "same": []}
    found: set[int] = set()
    for at, (number, who) in enumerate(zip(numbers.tolist(), customers.by_blind(kind, tokens), strict=True)):
        if at % _AT_ONCE == 0:
            running.step(_("Looking up rows"), at, len(numbers))
        if len(who) == 1 and who[0] not in found:
            found.add(who[0])
        else:
            left["not_found" if not who else "several" if len(who) > 1 else "same"].append(number)
    with transaction.atomic():
        members = np.array(sorted(found), np.int64)
        made = audience_actions.keep_members(title, members, AudienceKind.LIST, "", proof, by=running.by)
        link = f"{reverse('audience', args=[made.pk])}?list={running.number}"
        running.keep({"result": {"link": link, "rows": rows, "taken": len(found), "left": left}})


def left_rows(job: Job) -> list[tuple[int, str]]:
    """Rows of a list that were not taken, by their number, each with its reason."""
    left = job.result.get("left", {}) if job.kind == JOB else {}
    return sorted((number, str(REASONS[reason])) for reason, rows in left.items() for number in rows)


def left_counts(job: Job) -> list[tuple[str, int]]:
    """How many rows were not taken, by reason."""
    left = job.result.get("left", {}) if job.kind == JOB else {}
    return [(str(REASONS[reason]), len(rows)) for reason, rows in left.items() if rows]


def _folder() -> Path:
    """Where digests of lists lie until their job has run; nobody else of the machine reads them."""
    folder = home_path() / "desk" / "lists"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.npz"):
        if time.time() - path.stat().st_mtime > _KEPT:
            path.unlink(missing_ok=True)
    return folder
