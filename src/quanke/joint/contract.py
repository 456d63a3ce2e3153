"""The sheet of a contract that both sides hold, as a JSON file: what may be asked, how long, and the key.

The key goes to the partner once, by another way than the messages. Whoever has it can make messages of this
contract and hash identifiers as both sides do; he can open no mask.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quanke.joint.points import key_for
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import InputError
from quanke.kernel.identifiers.document import check_id_number, match_id_number
from quanke.kernel.identifiers.phone import bare_mobile, check_mobile

FORMAT = "quanke-joint-contract 1"
KINDS = ("phone", "document")
"""What lists are compared by: mobile numbers of the mainland, numbers of resident identity cards."""
_KEY_BYTES = 32


@dataclass(frozen=True)
class Sheet:
    """A contract as both sides hold it. `minimum`: a list of fewer rows is not compared, and a count below
    it is not told; `most_rows`: of the partner's list at most; days include both ends."""

    contract: str
    bank: str
    partner: str
    purposes: tuple[str, ...]
    kinds: tuple[str, ...]
    since: dt.date
    until: dt.date
    minimum: int
    most_rows: int
    key: bytes = field(repr=False)

    def seal_key(self) -> bytes:
        """The key messages are sealed with."""
        return key_for(self.key, "seal")

    def hash_key(self, kind: str) -> bytes:
        """The key identifiers of a kind are hashed under."""
        return key_for(self.key, f"hash|{kind}")

    def check(self, purpose: str, kind: str, on: dt.date) -> None:
        """Raises InputError with the rule where the contract does not cover a question on a day."""
        if not self.since <= on <= self.until:
            raise InputError("the contract is not in force today", field="contract")
        if purpose not in self.purposes:
            raise InputError("the contract does not name this purpose", field="purpose")
        if kind not in self.kinds:
            raise InputError("the contract does not allow this kind of identifier", field="kind")

    def to_json(self) -> str:
        """The sheet as its file has it, key included."""
        held: dict[str, Any] = {
            "format": FORMAT, "contract": self.contract, "bank": self.bank, "partner": self.partner,
            "purposes": list(self.purposes), "kinds": list(self.kinds), "since": self.since.isoformat(),
            "until": self.until.isoformat(), "minimum": self.minimum, "most_rows": self.most_rows,
            "key": self.key.hex(),
        }  # fmt: skip
        return json.dumps(held, ensure_ascii=False, indent=2) + "\n"


def read_sheet(path: Path) -> Sheet:
    """The contract of a file. Raises InputError naming file and rule."""
    name = path.name
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["format"] != FORMAT:
            raise InputError("is no contract sheet of this version", file=name)
        sheet = Sheet(
            str(held["contract"]), str(held["bank"]), str(held["partner"]), tuple(map(str, held["purposes"])),
            tuple(map(str, held["kinds"])), dt.date.fromisoformat(held["since"]),
            dt.date.fromisoformat(held["until"]), int(held["minimum"]), int(held["most_rows"]),
            bytes.fromhex(held["key"]),
        )  # fmt: skip
    except OSError:
        raise InputError("cannot be read", file=name) from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise InputError("is no contract sheet", file=name) from None
    if len(sheet.key) != _KEY_BYTES or not set(sheet.kinds) <= set(KINDS):
        raise InputError("is no contract sheet", file=name)
    return sheet


def normal(kind: str, text: str) -> str | None:
    """An identifier as both sides write it before it is hashed; null for what is none of the kind."""
    if kind == "phone":
        return bare_mobile(text) if check_mobile(text) is None else None
    if check_id_number("resident_id", text) is not None:
        return None
    return match_id_number("resident_id", text)


def today() -> dt.date:
    """The day in Shanghai."""
    return dt.datetime.now(SHANGHAI).date()
