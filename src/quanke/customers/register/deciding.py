"""Taking down a person's decision on who is who; the next night obeys it.

A decision is a row of the table `identity_decisions`, like those the desk hands over. It is loaded like any
other row, so it is checked, kept, and part of what the next night is made of. Deciding again, otherwise,
undoes it: of several decisions on one pair the latest counts.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
import tempfile
from pathlib import Path

import numpy as np

from quanke.bank.contracts import IDENTITY_DECISIONS
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.customers.register.asking import party_names, party_of
from quanke.kernel.errors import InputError, QuankeError
from quanke.kernel.progress import SilentProgress


def records_of_question(home: Home, question: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two records, each `(source, party_id)`, of a question of the review queue.

    It need not be open any more: a decision may be changed later. Raises InputError where it names no
    records.
    """
    match = re.fullmatch(r"Q(\d+)-(\d+)", question)
    parties = [int(part) for part in match.groups()] if match else []
    known = bool(parties) and max(parties) < home.counts().parties
    names = party_names(home, np.array(parties, dtype=np.int32)) if known else {}
    if len(names) != 2:
        raise InputError("is not the number of a question (as Q12-345)", field="one")
    return names[parties[0]], names[parties[1]]


def decide(
    home: Home,
    one: tuple[str, str],
    other: tuple[str, str],
    *,
    same: bool,
    by: str,
    reason: str = "",
    at: dt.datetime,
) -> str:
    """Record that two records, each `(source, party_id)`, are one customer or are not; the decision's number.

    `at` is wall-clock time in Asia/Shanghai. Raises InputError where a record is not known or stands twice,
    HomeError where the home is being written.
    """
    if not by.strip():
        raise InputError("who decides has to be said", field="decided_by")
    for side, record in (("one", one), ("other", other)):
        if party_of(home, *record) is None:
            raise InputError("no record of that number is known from that source", field=side)
    if one == other:
        raise InputError("the two records are the same record", field="other")
    decision = "same" if same else "different"
    text = "\x1f".join((*one, *other, decision, by, reason, at.isoformat()))
    number = "D" + hashlib.sha256(text.encode()).hexdigest()[:15]
    values = {
        "decision_id": number,
        "one_source": one[0],
        "one_party_id": one[1],
        "other_source": other[0],
        "other_party_id": other[1],
        "decision": decision,
        "reason": reason,
        "decided_by": by,
        "date": at.date().isoformat(),
        "at": at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"),
    }
    with tempfile.TemporaryDirectory() as folder:
        # letters only: digits in a row would be taken for a business date
        name = number.translate(str.maketrans("0123456789", "ghijklmnop"))
        target = Path(folder) / IDENTITY_DECISIONS.name / f"{name}.csv"
        target.parent.mkdir()
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(values))
            writer.writeheader()
            writer.writerow(values)
        report = load(home, Path(folder), progress=SilentProgress())
    taken = report.tables[IDENTITY_DECISIONS.name]
    if taken.errors or taken.taken != 1:
        raise QuankeError("the decision was not taken: " + "; ".join(taken.errors or ["see quarantine"]))
    return number
