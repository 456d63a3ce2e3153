"""Whose an event is: parties, accounts and what else rows refer to, found by hash in memory.

The loader joins every unit with the home's files. A batch of some hundred events cannot pay for that, so
the numbers are read once and kept as sorted hashes: 12 bytes a party, 22 an account. Two keys of the home
with one hash are found while the index is made, and refused; that an unknown key meets a known one's hash
has a chance of one in 10^12 at ten million parties.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.arranged import names_account, names_party
from quanke.bank.contracts import CONTRACTS, Contract
from quanke.bank.home import Home
from quanke.engines.live.intake.hashes import Hashes, mixed, salted, text_hashes
from quanke.kernel.errors import QuankeError

Ints = npt.NDArray[np.int32]

_ROWS = 1_000_000


class KeyIndex:
    """Where a key stands among those it was made of: `find` gives its place, or -1."""

    def __init__(self, hashes: Hashes, what: str) -> None:
        order = np.argsort(hashes, kind="stable")
        self._sorted: Hashes = hashes[order]
        self._order = order.astype(np.int32)
        if len(hashes) and bool(np.any(self._sorted[1:] == self._sorted[:-1])):
            raise QuankeError(f"two {what} of the home cannot be told apart: load the home again")

    def __len__(self) -> int:
        return len(self._sorted)

    def find(self, hashes: Hashes) -> Ints:
        """The place of each hash, -1 where it is unknown. Shape (rows,)."""
        if not len(self._sorted):
            return np.full(len(hashes), -1, np.int32)
        at = np.searchsorted(self._sorted, hashes)
        at[at == len(self._sorted)] = 0
        return np.where(self._sorted[at] == hashes, self._order[at], np.int32(-1))


def party_hashes(source: pa.ChunkedArray, party_id: pa.ChunkedArray) -> Hashes:
    """Hashes of (source, party_id)."""
    return mixed(salted(text_hashes(source), "source") + salted(text_hashes(party_id), "party_id"))


@dataclass(frozen=True)
class Accounts:
    """The home's accounts, by place: number, holder today, category and currency (places in the lists)."""

    index: KeyIndex
    account: Ints
    customer: Ints
    category: npt.NDArray[np.int8]
    currency: npt.NDArray[np.int8]
    categories: tuple[str, ...]
    currencies: tuple[str, ...]


@dataclass(frozen=True)
class Numbers:
    """What rows may refer to. `customer` is today's customer of each party number."""

    parties: KeyIndex
    party: Ints
    customer: Ints
    accounts: Accounts
    others: dict[str, KeyIndex]

    def resolved(self, contract: Contract, rows: pa.Table) -> dict[str, pa.Array]:
        """What lookups would say of each row, as columns `<alias>_found`, `<alias>_customer` ...

        `rows` are the contract's fields as trimmed texts.
        """
        found: dict[str, pa.Array] = {}
        if names_party(contract):
            place = self.parties.find(party_hashes(rows["source"], rows["party_id"]))
            there = place >= 0
            party = self.party[place] if len(self.party) else np.zeros(len(place), np.int32)
            found["p_found"] = pa.array(there)
            found["p_party"] = pa.array(party, mask=~there)
            found["p_customer"] = pa.array(self.customer[party], mask=~there)
        if names_account(contract):
            found |= self._account(rows["account_id"])
        for field in contract:
            alias = f"x_{field.name}"
            if field.references and field.references.split(".")[0] in self.others:
                index = self.others[field.references.split(".")[0]]
                found[f"{alias}_found"] = pa.array(index.find(text_hashes(rows[field.name])) >= 0)
        return found

    def _account(self, account_id: pa.ChunkedArray) -> dict[str, pa.Array]:
        accounts = self.accounts
        place = accounts.index.find(text_hashes(account_id))
        there = place >= 0
        if not len(accounts.index):
            place = np.zeros(len(place), np.int32)

        def told(values: npt.NDArray[np.generic]) -> pa.Array:
            chosen = values[place] if len(values) else np.zeros(len(place), values.dtype)
            return pa.array(chosen, mask=~there)

        def named(values: npt.NDArray[np.int8], names: Sequence[str]) -> pa.Array:
            return pa.DictionaryArray.from_arrays(told(values), pa.array(names, pa.string())).cast(
                pa.string()
            )

        return {
            "a_found": pa.array(there),
            "a_account": told(accounts.account),
            "a_customer": told(accounts.customer),
            "a_category": named(accounts.category, accounts.categories),
            "a_currency": named(accounts.currency, accounts.currencies),
        }


def numbers_of(home: Home, customer: Ints) -> Numbers:
    """The index of a home as it stands. `customer` is today's customer of each party number."""
    hashes, numbers = [], []
    for batch in _batches(home.numbers("parties"), ["source", "party_id", "party"]):
        hashes.append(party_hashes(batch["source"], batch["party_id"]))
        numbers.append(batch["party"].to_numpy().astype(np.int32))
    index = KeyIndex(_joined(hashes, np.uint64), "parties")
    others = {}
    for field in {f.references for contract in CONTRACTS.values() for f in contract if f.references}:
        table, column = field.split(".")
        if table != "accounts" and home.facts(table):
            keys = [text_hashes(b[column]) for b in _batches(home.facts(table), [column])]
            others[table] = KeyIndex(np.unique(_joined(keys, np.uint64)), table)
    return Numbers(index, _joined(numbers, np.int32), customer, _accounts(home, customer), others)


def _accounts(home: Home, customer: Ints) -> Accounts:
    columns = ["account_id", "account", "party", "category", "currency"]
    hashes: list[Hashes] = []
    kept: dict[str, list[npt.NDArray[np.generic]]] = {
        "account": [],
        "party": [],
        "category": [],
        "currency": [],
    }
    names: dict[str, dict[str, int]] = {"category": {}, "currency": {}}
    for batch in _batches(home.facts("accounts"), columns):
        hashes.append(text_hashes(batch["account_id"]))
        for name in ("account", "party"):
            kept[name].append(batch[name].to_numpy().astype(np.int32))
        for name, known in names.items():
            coded = batch[name].combine_chunks().dictionary_encode()
            coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
            places = [known.setdefault(value, len(known)) for value in coded.dictionary.to_pylist()]
            kept[name].append(np.array(places, np.int8)[coded.indices.to_numpy()])
    party = _joined(kept["party"], np.int32)
    return Accounts(
        KeyIndex(_joined(hashes, np.uint64), "accounts"),
        _joined(kept["account"], np.int32),
        customer[party] if len(party) else party,
        _joined(kept["category"], np.int8),
        _joined(kept["currency"], np.int8),
        tuple(names["category"]),
        tuple(names["currency"]),
    )


def _batches(files: Sequence[Path], columns: list[str]) -> Iterator[pa.Table]:
    for file in files:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(_ROWS, columns=columns):
                yield pa.Table.from_batches([batch])


def _joined(pieces: Sequence[npt.NDArray[Any]], dtype: type[np.generic]) -> npt.NDArray[Any]:
    return np.concatenate(pieces) if pieces else np.empty(0, dtype)
