"""Balances of one block: from movements to end-of-day balances that cannot contradict them.

Generators write movements freely. Here they are put in order, and what must not go below nothing gets an
opening balance (or a first deposit) large enough; then demand interest is worked out from the balances by
the 积数 method (INT-1) and accounts that close are paid out. So the law

    end-of-day balance = opening balance + movements so far

holds by construction, to the fen, at every moment and not only at the end of a day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanke.bank.sample.days import DAY_SECONDS
from quanke.bank.sample.draws import Bools, Ints

INTEREST_SECOND = 3 * 3600
CLOSING_SECOND = DAY_SECONDS - 30
DEMAND_RATE = 500
"""Demand rate in millionths a year (0.05 %)."""
_LEAD_DAYS = 10
"""Days between the last interest day before the span and its first day, at the opening balance."""


@dataclass(frozen=True, slots=True)
class Movements:
    """Movements on accounts, one element each: account position, second since the span began, signed fen."""

    account: NDArray[np.int32]
    second: NDArray[np.int32]
    amount: Ints
    form: NDArray[np.int16]
    party: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.account)

    def take(self, rows: Ints | Bools) -> Movements:
        """Some of the movements, by position or mask."""
        return Movements(
            self.account[rows], self.second[rows], self.amount[rows], self.form[rows], self.party[rows]
        )

    def with_others(self, other: Movements) -> Movements:
        """These movements and others behind them."""
        return Movements(
            np.concatenate([self.account, other.account]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.amount, other.amount]),
            np.concatenate([self.form, other.form]),
            np.concatenate([self.party, other.party]),
        )


@dataclass(frozen=True, slots=True)
class Balances:
    """End-of-day balances on days with change: account position, day, fen."""

    account: NDArray[np.int32]
    day: NDArray[np.int32]
    balance: Ints


@dataclass(frozen=True, slots=True)
class CashAccounts:
    """What the ledger must know of each account, by position.

    `opening` fen at the start (accounts open before the span); `opened` and `closed` days (closed -1: not);
    `floor` may not go below zero; `interest` earns demand interest.
    """

    opening: Ints
    opened: Ints
    closed: Ints
    floor: Bools
    interest: Bools


def settle(
    accounts: CashAccounts, moves: Movements, interest_days: list[int], interest_form: int, closing_form: int
) -> tuple[Movements, Balances]:
    """All movements in order of account and time (interest and pay-outs added), and the balances."""
    rows = _with_reserved(accounts, moves, interest_days, interest_form, closing_form)
    rows = rows.take(_order(rows.account, rows.second))
    amount = rows.amount
    starts = np.flatnonzero(np.diff(rows.account, prepend=-1))
    owner = rows.account[starts]
    run = _running(amount, starts)
    raised = np.where(accounts.floor[owner], np.maximum(0, -np.minimum.reduceat(run, starts)), 0)
    amount[starts] += raised
    lengths = np.diff(starts, append=len(amount))
    run += np.repeat(raised, lengths)
    day = rows.second // DAY_SECONDS
    day[rows.form == _OPENING] = 0
    earned = rows.form == interest_form
    if earned.any():
        interest = _interest(rows.account, day, run, earned, interest_days)
        amount[earned] = interest
        paid = np.zeros(len(amount), dtype=np.int64)
        paid[earned] = interest
        run += _running(paid, starts)
    last = rows.form == closing_form
    amount[last] = -run[last]
    run[last] = 0
    return _results(rows, day, run)


_OPENING = -1


def _with_reserved(
    accounts: CashAccounts, moves: Movements, interest_days: list[int], interest_form: int, closing_form: int
) -> Movements:
    """Add rows for opening balances, interest and pay-outs; amounts of the last two are not known yet."""
    old = np.flatnonzero(accounts.opened < 0)
    parts = [(old, np.full(len(old), -1, dtype=np.int64), accounts.opening[old], _OPENING)]
    for day in interest_days:
        open_then = (accounts.opened < day) & ((accounts.closed < 0) | (accounts.closed > day))
        who = np.flatnonzero(accounts.interest & open_then)
        parts.append(
            (
                who,
                np.full(len(who), day * DAY_SECONDS + INTEREST_SECOND),
                np.zeros(len(who), "i8"),
                interest_form,
            )
        )
    gone = np.flatnonzero(accounts.floor & (accounts.closed >= 0))
    parts.append(
        (gone, accounts.closed[gone] * DAY_SECONDS + CLOSING_SECOND, np.zeros(len(gone), "i8"), closing_form)
    )
    accounts_of = np.concatenate([part[0] for part in parts])
    reserved = Movements(
        accounts_of.astype(np.int32),
        np.concatenate([part[1] for part in parts]).astype(np.int32),
        np.concatenate([part[2] for part in parts]),
        np.concatenate([np.full(len(part[0]), part[3], dtype=np.int16) for part in parts]),
        np.full(len(accounts_of), -1, dtype=np.int32),
    )
    return moves.with_others(reserved)


def _order(account: NDArray[np.int32], second: NDArray[np.int32]) -> Ints:
    """Positions in order of account, time and arrival; keys are unique, so any sort gives the same."""
    bits = len(account).bit_length()
    span = (int(second.max(initial=0)) + 2).bit_length()
    if int(account.max(initial=0)).bit_length() + span + bits > 63:
        return np.lexsort((second, account))
    keys = (account.astype(np.int64) << (span + bits)) | ((second.astype(np.int64) + 1) << bits)
    keys |= np.arange(len(account), dtype=np.int64)
    keys.sort()
    return keys & ((1 << bits) - 1)


def _running(amount: Ints, starts: Ints) -> Ints:
    """Running sums within the segments that begin at `starts`."""
    total = np.cumsum(amount)
    before = total[starts] - amount[starts]
    return total - np.repeat(before, np.diff(starts, append=len(amount)))


def _interest(
    account: NDArray[np.int32], day: NDArray[np.int32], run: Ints, earned: Bools, interest_days: list[int]
) -> Ints:
    """Interest in fen for each reserved row, in row order.

    Each row's balance (whole yuan, as INT-1 says) counts until the next row or the end of its quarter; the
    rows of a quarter are those between two postings, and interest posted earlier is part of the balance.
    """
    count = int(account[-1]) + 1
    bounds = np.array([*interest_days], dtype=np.int64)
    quarter = np.searchsorted(bounds, day, side="right")
    after = np.empty(len(day), dtype=np.int64)
    after[:-1] = np.where(account[1:] == account[:-1], day[1:], -1)
    after[-1] = -1
    held = np.where(after >= 0, after - day, 0)
    held[(quarter == 0) & (day == 0) & np.diff(account, prepend=-1).astype(bool)] += _LEAD_DAYS
    sofar = np.zeros(count, dtype=np.int64)
    interest = np.zeros(len(day), dtype=np.int64)
    for number in range(len(interest_days)):
        rows = np.flatnonzero((quarter == number) & (held > 0))
        whole_yuan = (run[rows] + sofar[account[rows]]) // 100
        products = np.bincount(account[rows], weights=whole_yuan * held[rows], minlength=count)
        posted = np.flatnonzero(earned & (quarter == number + 1) & (day == bounds[number]))
        # yuan * days * rate/1e6 / 360 yuan = sum * rate / 3.6e6 fen, half up
        scaled = products[account[posted]].astype(np.int64) * DEMAND_RATE
        interest[posted] = np.maximum(0, (2 * scaled + 3_600_000) // 7_200_000)
        sofar[account[posted]] += interest[posted]
    return interest[earned]


def _results(rows: Movements, day: NDArray[np.int32], run: Ints) -> tuple[Movements, Balances]:
    final = np.ones(len(day), dtype=np.bool_)
    final[:-1] = (rows.account[1:] != rows.account[:-1]) | (day[1:] != day[:-1])
    account, days, balance = rows.account[final], day[final], run[final]
    fresh = np.ones(len(account), dtype=np.bool_)
    fresh[1:] = (account[1:] != account[:-1]) | (balance[1:] != balance[:-1])
    kept = (rows.form != _OPENING) & (rows.amount != 0)
    return rows.take(kept), Balances(account[fresh], days[fresh], balance[fresh])
