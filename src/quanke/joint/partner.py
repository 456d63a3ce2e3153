"""The partner's side: a list of its own in, an answer out; later a result in, its own matched rows out.

The mask is made for one answer and forgotten with it. What is kept in the state folder is that a question was
answered (each is answered once) and which row of the list each point was, no identifiers.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from quanke.joint.contract import Sheet, normal, today
from quanke.joint.messages import Header, Round, read_message, row_numbers, split, write_message
from quanke.joint.points import Mask, Told
from quanke.joint.rounds import Mode, answer
from quanke.kernel.errors import InputError


@dataclass(frozen=True)
class OwnList:
    """A partner's list: identifiers, each once, with their rows (from 1, the heading not counted); how many
    rows were left out because they are none of the kind, stand there twice, or lack the consent."""

    texts: list[str]
    rows: list[int]
    malformed: int
    repeated: int
    without_consent: int


_NO_PROOF = frozenset(
    {
        "no", "n", "not", "none", "null", "nil", "false", "f", "off", "-", "--", "/", "n/a", "na", "nan", "x",
        "refused", "withdrawn", "pending", "否", "无", "没有", "未", "不", "不同意", "未同意", "未授权",
        "拒绝", "已拒绝", "撤回", "已撤回", "空", "×",
    }
)  # fmt: skip
"""What stands in a column of consents for a person who gave none."""


def read_list(path: Path, kind: str, column: str, consent: str = "") -> OwnList:
    """A CSV with a heading (UTF-8 or GB 18030). With `consent`, rows whose column of that name is empty or
    says no are left out: it holds the number of the person's consent to be compared with the bank. Raises
    InputError."""
    rows = _rows(path)
    heading = rows[0] if rows else []
    for name in filter(None, (column, consent)):
        if name not in heading:
            raise InputError("the heading has no column of this name", file=path.name, field=name)
    at, proof = heading.index(column), heading.index(consent) if consent else -1
    found: dict[str, int] = {}
    malformed = repeated = without = 0
    for number, row in enumerate(rows[1:], 1):
        text = normal(kind, row[at]) if at < len(row) else None
        if text is None:
            malformed += 1
        elif consent and not (proof < len(row) and _proves(row[proof])):
            without += 1
        elif text in found:
            repeated += 1
        else:
            found[text] = number
    return OwnList(list(found), list(found.values()), malformed, repeated, without)


def _proves(cell: str) -> bool:
    said = cell.strip().casefold()
    return bool(said.strip("0.")) and said not in _NO_PROOF


def _rows(path: Path) -> list[list[str]]:
    try:
        raw = path.read_bytes()
    except OSError:
        raise InputError("cannot be read", file=path.name) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise InputError("is neither UTF-8 nor GB 18030", file=path.name)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error:
        raise InputError("is no CSV", file=path.name) from None


def answer_question(
    question: Path,
    sheet: Sheet,
    own_list: Path,
    column: str,
    out: Path,
    state: Path,
    *,
    consent: str = "",
    told: Told | None = None,
    workers: int = 1,
) -> tuple[Header, OwnList]:
    """Answers a question file from a list, once. Raises InputError naming the file and the rule: a message
    that is not right, a contract that does not cover it, a list too small or too large, a file that is there
    already."""
    header, body = read_message(question, sheet, Round.QUESTION)
    sheet.check(header.purpose, header.kind, today())
    kept = state / f"{header.question}.json"
    if kept.exists():
        raise InputError("was answered before: a question is answered once", file=question.name)
    if out.exists():
        raise InputError("is there already: name another file", file=out.name)
    if header.rows < sheet.minimum:
        raise InputError("asks about fewer customers than the contract's minimum", file=question.name)
    if header.mode is Mode.MATCH and not consent:
        raise InputError("asks for matches: name the column of consents", file=question.name, field="consent")
    listed = read_list(own_list, header.kind, column, consent)
    if len(listed.texts) < sheet.minimum:
        raise InputError("has fewer rows that count than the contract's minimum", file=own_list.name)
    if len(listed.texts) > sheet.most_rows:
        raise InputError("has more rows than the contract allows", file=own_list.name)
    key = sheet.hash_key(header.kind)
    made = answer(header.mode, Mask(), key, split(body), listed.texts, told, workers)
    reply = Header(
        header.contract, header.question, Round.ANSWER, header.mode, header.kind, header.purpose,
        header.expires, header.rows, len(made.own),
    )  # fmt: skip
    _created(out).close()  # the message is renamed into it
    try:
        _keep(kept, own_list, [listed.rows[place] for place in made.places])
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    try:
        write_message(out, reply, [*made.again, *made.own], sheet)
    except OSError:
        kept.unlink()
        out.unlink(missing_ok=True)
        raise InputError("cannot be written", file=out.name) from None
    return reply, listed


def _created(path: Path) -> TextIO:
    """A file that was not there before. Raises InputError."""
    try:
        return os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline=""
        )
    except FileExistsError:
        raise InputError("is there already: name another file", file=path.name) from None
    except OSError:
        raise InputError("cannot be written", file=path.name) from None


def _keep(kept: Path, own_list: Path, rows: list[int]) -> None:
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = {"list": hashlib.sha256(own_list.read_bytes()).hexdigest(), "rows": rows}
    try:
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError("was answered before: a question is answered once", file=kept.stem) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(held, out)


def take_result(result: Path, sheet: Sheet, own_list: Path, state: Path, out: Path | None) -> Header:
    """Reads a result; of a match, writes the rows of the partner's own list that are on both to `out`.
    Raises InputError naming the file and the rule."""
    header, body = read_message(result, sheet, Round.RESULT)
    sheet.check(header.purpose, header.kind, today())
    if header.mode is Mode.COUNT or out is None:
        return header
    kept = state / f"{header.question}.json"
    if not kept.exists():
        raise InputError("belongs to a question that was not answered from here", file=result.name)
    held = json.loads(kept.read_text(encoding="utf-8"))
    if held["list"] != hashlib.sha256(own_list.read_bytes()).hexdigest():
        raise InputError("is not the list the question was answered from", file=own_list.name)
    numbers = row_numbers(body)
    if any(number >= len(held["rows"]) for number in numbers):
        raise InputError("names rows the answer did not have", file=result.name)
    rows = _rows(own_list)
    wanted = sorted(held["rows"][number] for number in numbers)
    with _created(out) as file:
        csv.writer(file, lineterminator="\n").writerows([rows[0], *(rows[number] for number in wanted)])
    return header
