"""Customers of a sample bank as simulated campaigns need them: what they hold by day, where they belong."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.sample import write_sample
from quanke.kernel.progress import SilentProgress

HELD = ("demand", "term", "fund", "wealth", "insurance", "bond", "metal")
PRE, POST = 30, 90


@dataclass(frozen=True, slots=True, eq=False)
class Customers:
    """By customer: `daily` (n, days) end-of-day deposits in fen from `first` on, `branch` and `accounts`; the
    day of the simulated first contact is column `anchor`."""

    daily: NDArray[np.float64]
    branch: NDArray[np.int64]
    accounts: NDArray[np.float64]
    first: dt.date
    anchor: int

    pre: NDArray[np.float64]
    """Daily mean of the 30 days before the first contact."""
    post: NDArray[np.float64]
    """Daily mean of the 30 days from it on."""


def customers(size: int, scratch: Path, seed: int = 20260630) -> Customers:
    """Make a sample bank in `scratch` and read its customers' deposits around 1 December."""
    write_sample(scratch, customers=size, seed=seed, last_day=dt.date(2026, 6, 30), progress=SilentProgress())
    return read(scratch, dt.date(2025, 12, 1))


def read(files: Path, anchor: dt.date) -> Customers:
    """Deposits of everybody who has an account, from 30 days before `anchor` to 90 days after it."""
    first = anchor - dt.timedelta(days=PRE)
    accounts = pq.read_table(next(files.glob("accounts_*.parquet")))
    mine = pc.and_(pc.is_in(accounts["category"], pa.array(HELD)), pc.equal(accounts["currency"], "CNY"))
    accounts = accounts.filter(mine).filter(pc.less(pc.field("opened_on"), pa.scalar(first)))
    party = accounts["party_id"].combine_chunks().dictionary_encode()
    who = party.indices.to_numpy()
    place = dict(zip(accounts["account_id"].to_pylist(), who.tolist(), strict=True))
    balances = ds.dataset(files / "balances").to_table(
        filter=pc.field("date") < first + dt.timedelta(days=PRE + POST)
    )
    daily = _daily(balances, place, len(party.dictionary), first)
    branch = accounts["branch_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    home = np.zeros(len(party.dictionary), np.int64)
    home[who] = branch
    pre, post = daily[:, :PRE].mean(axis=1), daily[:, PRE : PRE + 30].mean(axis=1)
    return Customers(daily, home, np.bincount(who).astype(float), first, PRE, pre, post)


def _daily(balances: pa.Table, place: dict[str, int], size: int, first: dt.date) -> NDArray[np.float64]:
    """Balances are handed over on days on which they change: changes are added up along the days."""
    balances = balances.sort_by([("account_id", "ascending"), ("date", "ascending")])
    account = balances["account_id"].combine_chunks().dictionary_encode()
    code = account.indices.to_numpy()
    value = balances["balance_fen"].to_numpy().astype(float)
    change = value - np.where(np.r_[False, code[1:] == code[:-1]], np.r_[0.0, value[:-1]], 0.0)
    owner = np.array([place.get(name, -1) for name in account.dictionary.to_pylist()])[code]
    day = balances["date"].to_numpy().astype("datetime64[D]").astype(int) - (first - dt.date(1970, 1, 1)).days
    kept = owner >= 0
    daily = np.zeros((size, PRE + POST))
    np.add.at(daily, (owner[kept], np.maximum(day[kept], 0)), change[kept])
    return np.cumsum(daily, axis=1)


def told(found: Customers) -> dict[str, Any]:
    """What they are like, for a report."""
    pre = found.pre / 100
    return {
        "customers": len(pre),
        "branches": len(np.unique(found.branch)),
        "mean_yuan": round(float(pre.mean())),
        "median_yuan": round(float(np.median(pre))),
        "largest_yuan": round(float(pre.max())),
        "skew": round(float(((pre - pre.mean()) ** 3).mean() / pre.std() ** 3), 1),
    }
