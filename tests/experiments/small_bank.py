"""A bank of some hundred persons, made by hand, in which everything a campaign changed is known.

Everybody is born equal: 10,000 yuan on one demand account in one branch, no login, no product. The campaign
`made_by_hand` begins on FIRST; 40 are treated and 40 are not. On the fifth day of its window:

    treated 0-9     receive 1,000 yuan each from another bank
    treated 10      receives 5,000 from his wife, who has an account here and takes no part
    treated 11      receives 4,000 from a customer of the same branch
    treated 12      receives 700 from a customer of another branch
    treated 13      receives 600 from an account of the same name of somebody else's number
    control 0       sends 300 to his wife
    control 1       receives 200 from another bank

Treated 0-7 and control 0 buy a fund, treated 20-29 and controls 20-24 log in, treated 0-5 convert as the
pushes tell, half of the treated are reached, control 5 is called.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

FIRST = dt.date(2026, 4, 1)
MOVED = dt.date(2026, 4, 5)
LAST = dt.date(2026, 4, 30)
END = dt.date(2026, 5, 31)
ARM = 40
PERSONS = 200
OTHERS = 2 * ARM
"""Number of the first person who takes no part."""
YUAN = 100


def party(number: int) -> str:
    """Number of a person in the core system; treated are 0 to 39, controls 40 to 79."""
    return f"C{number:04d}"


def account(number: int) -> str:
    """His demand account."""
    return f"A{number:04d}"


WIFE_OF_TREATED, WIFE_OF_CONTROL, NEIGHBOUR, FAR_AWAY, SAME_NAME = range(OTHERS, OTHERS + 5)
MOVES = (
    *((None, each, 1_000, False) for each in range(10)),
    (WIFE_OF_TREATED, 10, 5_000, False),
    (NEIGHBOUR, 11, 4_000, False),
    (FAR_AWAY, 12, 700, False),
    (SAME_NAME, 13, 600, True),
    (ARM, WIFE_OF_CONTROL, 300, False),
    (None, ARM + 1, 200, False),
)
"""From (None: another bank), to, yuan, same name."""


def write_bank(folder: Path) -> Path:
    """Write the bank's files."""
    folder.mkdir(parents=True)
    persons = range(PERSONS)
    _write(folder, "branches", [{"branch_id": b, "name": b, "kind": "outlet"} for b in ("B1", "B2")])
    _write(
        folder, "parties",
        [
            {
                "source": "core", "party_id": party(n), "name": f"某{n}", "birth_date": "1980-05-05",
                "branch_id": "B2" if n == FAR_AWAY else "B1", "opened_on": "2020-01-01",
            }
            for n in persons
        ],
    )  # fmt: skip
    _write(folder, "accounts", _accounts())
    _write(folder, "balances", _balances())
    _write(folder, "transactions", _transactions())
    _write(folder, "relations", _relations())
    _write(folder, "consents", [
        {"consent_id": f"K{n}", "source": "core", "party_id": party(n), "purpose": "marketing",
         "means": "any", "granted_on": "2021-01-01"} for n in persons
    ])  # fmt: skip
    _write(folder, "channel_events", [
        {"event_id": f"E{n}", "source": "core", "party_id": party(n), "date": MOVED, "channel": "mobile",
         "kind": "login"} for n in (*range(20, 30), *range(ARM + 20, ARM + 25))
    ])  # fmt: skip
    _write(folder, "contacts", [
        {"contact_id": "T1", "source": "core", "party_id": party(ARM + 5), "date": MOVED, "means": "call"}
    ])  # fmt: skip
    _write(folder, "pushes", _pushes())
    return folder


def _accounts() -> list[dict[str, Any]]:
    rows = [
        {"account_id": account(n), "source": "core", "party_id": party(n), "category": "demand",
         "currency": "CNY", "branch_id": "B1", "opened_on": "2020-01-01"} for n in range(PERSONS)
    ]  # fmt: skip
    return rows + [
        {"account_id": f"F{n:04d}", "source": "core", "party_id": party(n), "category": "fund",
         "currency": "CNY", "branch_id": "B1", "opened_on": MOVED} for n in (*range(8), ARM)
    ]  # fmt: skip


def _balances() -> list[dict[str, Any]]:
    held = dict.fromkeys(range(PERSONS), 10000)
    rows = [{"account_id": account(n), "date": "2026-01-01", "balance": 10_000} for n in held]
    for source, target, amount, _ in MOVES:
        for number, sign in ((source, -1), (target, 1)):
            if number is not None:
                held[number] += sign * amount
                rows.append({"account_id": account(number), "date": MOVED, "balance": held[number]})
    # the facts go on, so that nobody takes the window for unfinished
    rows.append({"account_id": account(PERSONS - 1), "date": END, "balance": 10_001})
    return rows


def _transactions() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for source, target, amount, same in MOVES:
        for mine, other, direction in ((source, target, "out"), (target, source, "in")):
            if mine is None:
                continue
            rows.append(
                {
                    "transaction_id": f"X{len(rows)}", "account_id": account(mine), "date": MOVED,
                    "direction": direction, "amount": amount, "kind": "transfer",
                    "own_name": str(same).lower(),
                    "counterparty_account": "6222000000000000" if other is None else account(other),
                    "counterparty_bank": "ABC" if other is None else "own",
                }
            )  # fmt: skip
    rows.append(
        {"transaction_id": "XEND", "account_id": account(PERSONS - 1), "date": END, "direction": "in",
         "amount": 1, "kind": "cash"}
    )  # fmt: skip
    return rows


def _relations() -> list[dict[str, Any]]:
    pairs = ((10, WIFE_OF_TREATED), (ARM, WIFE_OF_CONTROL))
    return [
        {"relation_id": f"R{one}", "from_source": "core", "from_party_id": party(one), "to_source": "core",
         "to_party_id": party(other), "kind": "family", "from_date": "2010-01-01", "evidence": "declared"}
        for one, other in pairs
    ]  # fmt: skip


def _pushes() -> list[dict[str, Any]]:
    rows = []
    for number in range(2 * ARM):
        treated = number < ARM
        rows.append(
            {
                "push_id": f"U{number}", "campaign": "made_by_hand", "source": "core",
                "party_id": party(number), "date": FIRST, "arm": "treated" if treated else "control",
                "means": "call" if treated else "",
                "reached_on": "2026-04-02" if number < ARM // 2 else "",
                "converted_on": MOVED if number < 6 else "",
            }
        )  # fmt: skip
    return rows


def _write(folder: Path, table: str, rows: list[dict[str, Any]]) -> None:
    with (folder / f"{table}_{END}.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
