"""Messages between bank and partner as files.

    quanke-joint 1
    {"contract": ..., "question": ..., "round": ..., ..., "digest": ..., "seal": ...}
    points, or row numbers

`digest` is SHA-256 of what follows the header; `seal` HMAC-SHA256 of the header without it, under the
contract's key: who has no key can neither make a message nor change one. Nothing in a message is an
identifier: its points are masked.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from quanke.joint.contract import KINDS, Sheet
from quanke.joint.points import POINT
from quanke.joint.rounds import Mode
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import InputError

MAGIC = b"quanke-joint 1\n"
SUFFIX = ".qjoint"
_LONGEST_HEADER = 4_096
_NAME = re.compile(r"[A-Za-z0-9_-]{1,48}\Z")


class Round(StrEnum):
    """Which of the three messages it is."""

    QUESTION = "question"
    ANSWER = "answer"
    RESULT = "result"


@dataclass(frozen=True)
class Header:
    """What a message says of itself. `rows`: points of the question (of a result: row numbers), `own`:
    points of the partner's list (answer only); `count`: what a result tells, null where it is below the
    minimum."""

    contract: str
    question: str
    round: Round
    mode: Mode
    kind: str
    purpose: str
    expires: dt.datetime
    rows: int
    own: int = 0
    count: int | None = None


def write_message(path: Path, header: Header, points: Sequence[bytes], sheet: Sheet) -> str:
    """Writes a message beside its place and renames it into it; the digest of its body. `points` are of one
    width each. The file is readable by its owner only."""
    body = hashlib.sha256()
    for point in points:
        body.update(point)
    held = _plain(header) | {"digest": body.hexdigest()}
    held["seal"] = _seal(held, sheet)
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(MAGIC + json.dumps(held, sort_keys=True).encode() + b"\n")
        out.writelines(points)
    beside.replace(path)
    return body.hexdigest()


def header_of(path: Path) -> Header:
    """What a message says of itself; nobody has checked its seal. Raises InputError naming file and rule."""
    with _opened(path) as file:
        return _header(file, path.name)[0]


def read_message(
    path: Path, sheet: Sheet, wanted: Round, *, now: dt.datetime | None = None
) -> tuple[Header, bytes]:
    """A message whose seal, contract, round, expiry, digest and length are right. Raises InputError naming
    file and rule."""
    name = path.name
    with _opened(path) as file:
        header, held = _header(file, name)
        if header.contract != sheet.contract:
            raise InputError("belongs to another contract", file=name)
        seal = str(held.get("seal")).encode("ascii", "replace")  # texts of other signs are not compared
        if not hmac.compare_digest(seal, _seal(held, sheet).encode()):
            raise InputError("was changed, or made by who has not the contract's key", file=name)
        if header.round is not wanted:
            raise InputError(f"is no {wanted} but a message of another round", file=name)
        if (now or dt.datetime.now(SHANGHAI)) >= header.expires:
            raise InputError("has expired", file=name)
        # before it is read: room is made for as many bytes as are asked for
        if os.fstat(file.fileno()).st_size - file.tell() != header_bytes(header):
            raise InputError("is shorter or longer than its header says", file=name)
        body = file.read(header_bytes(header))
    if hashlib.sha256(body).hexdigest() != held.get("digest"):
        raise InputError("was damaged: its digest is another", file=name)
    return header, body


def header_bytes(header: Header) -> int:
    """Bytes that follow a header."""
    if header.round is Round.RESULT:
        return header.rows * 4
    return (header.rows + header.own) * POINT


def split(body: bytes) -> list[bytes]:
    """The points of a body."""
    return [body[at : at + POINT] for at in range(0, len(body), POINT)]


def row_numbers(body: bytes) -> list[int]:
    """Row numbers of a result, from 0."""
    return [int.from_bytes(body[at : at + 4], "little") for at in range(0, len(body), 4)]


def as_rows(numbers: Sequence[int]) -> list[bytes]:
    """Row numbers as a result holds them."""
    return [number.to_bytes(4, "little") for number in numbers]


def _plain(header: Header) -> dict[str, Any]:
    return {
        "contract": header.contract, "question": header.question, "round": header.round.value,
        "mode": header.mode.value, "kind": header.kind, "purpose": header.purpose,
        "expires": header.expires.isoformat(timespec="seconds"), "rows": header.rows, "own": header.own,
        "count": header.count,
    }  # fmt: skip


def _seal(held: dict[str, Any], sheet: Sheet) -> str:
    rest = {name: value for name, value in held.items() if name != "seal"}
    return hmac.digest(sheet.seal_key(), json.dumps(rest, sort_keys=True).encode(), "sha256").hex()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError:
        raise InputError("cannot be read", file=path.name) from None


def _header(file: BinaryIO, name: str) -> tuple[Header, dict[str, Any]]:
    if file.readline(len(MAGIC)) != MAGIC:
        raise InputError("is no message of joint operations", file=name)
    line = file.readline(_LONGEST_HEADER)
    try:
        held = json.loads(line)
        count = held["count"]
        header = Header(
            str(held["contract"]), str(held["question"]), Round(held["round"]), Mode(held["mode"]),
            str(held["kind"]), str(held["purpose"]), dt.datetime.fromisoformat(held["expires"]),
            int(held["rows"]), int(held["own"]), None if count is None else int(count),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise InputError("has no header that can be read", file=name) from None
    named = _NAME.match(header.contract) and _NAME.match(header.question)
    if not named or header.kind not in KINDS or header.expires.tzinfo is None:
        raise InputError("has no header that can be read", file=name)
    if not (0 <= header.rows < 2**31 and 0 <= header.own < 2**31):
        raise InputError("has no header that can be read", file=name)
    return header, held
