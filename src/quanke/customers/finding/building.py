"""Writing the index a search asks: three groups of files, each there whole or not at all.

    finding/finding.json   format, how many customer numbers, the key's name, what each group is made of
    finding/records/       phone, phone_tail, document, party, name, reading, initials, organisation;
                           sources.json
    finding/accounts/      account
    finding/cards/         card, card_tail

A group whose makings are those of an earlier night's gets that one's files as links.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.keys import key_name
from quanke.customers.finding.forms import KEYED_TYPES, name_form, number_form, readings_of, suffixes_of
from quanke.customers.finding.keyed import Keyed, Tokens
from quanke.customers.finding.postings import NOBODY, Customers, write_numbers, write_texts
from quanke.kernel.identifiers.document import match_id_number

FORMAT = 1
SHEET, SOURCES = "finding.json", "sources.json"
GROUPS = ("records", "accounts", "cards")
ROWS = 1 << 19
"""Rows read at a time."""
_NAMES = 50_000
_CODE = slice(8, 17)
"""Where the organisation code stands in a unified social credit code (GB 32100)."""


@dataclass(frozen=True, slots=True)
class Makings:
    """What an index is made of. Files are arranged tables by name (`parties`, `organisations`, `accounts`,
    `cards`); `customer` is the customer of each party today, `rows` how many customer numbers are given out,
    `digests` something that changes whenever the rows of a group or its customers do."""

    files: Mapping[str, Sequence[Path]]
    customer: Customers
    rows: int
    key: bytes
    digests: Mapping[str, str]


def write_finding(
    folder: Path, makings: Makings, earlier: Path | None = None, advance: Callable[[], None] = lambda: None
) -> None:
    """Write the index into `folder`, or what is missing of it there; `advance` is called for each group.

    `folder` may be read by its owner alone, for names stand in it.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    made = {group: f"{makings.digests[group]} {key_name(makings.key)}" for group in GROUPS}
    before = _made(earlier)

    def one(group: str) -> None:
        target, beside = folder / group, folder / f"{group}.making"
        if not target.exists():
            shutil.rmtree(beside, ignore_errors=True)  # of a run that was killed
            if earlier is not None and before.get(group) == made[group]:
                shutil.copytree(earlier / group, beside, copy_function=os.link)
            else:
                beside.mkdir()
                _WRITERS[group](beside, makings)
            beside.replace(target)
        advance()

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(one, GROUPS))
    sheet = {"format": FORMAT, "rows": makings.rows, "key": key_name(makings.key), "made_of": made}
    beside = folder / f"{SHEET}.part"
    beside.write_text(json.dumps(sheet, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(folder / SHEET)


def _made(earlier: Path | None) -> dict[str, str]:
    if earlier is None or not (earlier / SHEET).exists():
        return {}
    sheet = json.loads((earlier / SHEET).read_text(encoding="utf-8"))
    return dict(sheet["made_of"]) if sheet["format"] == FORMAT else {}


def _read(
    makings: Makings, table: str, columns: list[str]
) -> Iterator[tuple[Mapping[str, pa.Array], Customers]]:
    """Columns of a table some rows at a time, with the customers of today."""
    for path in makings.files.get(table, ()):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, columns=["party", *columns]):
                found = {name: batch.column(name) for name in columns}
                yield found, makings.customer[batch.column("party").to_numpy()]


class _Taken:
    """Digests and customers that are gathered for one kind of number."""

    def __init__(self) -> None:
        self.tokens: list[Tokens] = [np.empty(0, np.uint64)]
        self.customers: list[Customers] = [NOBODY]

    def add(self, keyed: Keyed, texts: pa.Array, customers: Customers) -> None:
        """Rows of a column."""
        tokens, there = keyed.tokens(texts)
        whole = bool(there.all())
        self.tokens.append(tokens if whole else tokens[there])
        self.customers.append(customers if whole else customers[there])

    def write(self, folder: Path, name: str) -> None:
        """Write them, and let go of them."""
        tokens, customers = np.concatenate(self.tokens), np.concatenate(self.customers)
        self.tokens, self.customers = [], []
        write_numbers(folder, name, tokens, customers)


def _write_records(folder: Path, makings: Makings) -> None:
    key = makings.key
    kinds = {"phone": Keyed(key, "phone", mobile=True), "document": Keyed(key, "document")}
    kinds["phone_tail"] = Keyed(key, "phone_tail", mobile=True, tail=True)
    taken = {kind: _Taken() for kind in (*kinds, "party")}
    sources: set[str] = set()
    people, bodies = _Names(), _Names()
    columns = ["source", "party_id", "name", "phone", "id_number", "id_type", "id_valid"]
    for rows, customers in _read(makings, "parties", columns):
        taken["phone"].add(kinds["phone"], rows["phone"], customers)
        taken["phone_tail"].add(kinds["phone_tail"], rows["phone"], customers)
        taken["document"].add(kinds["document"], rows["id_number"], customers)
        taken["document"].add(kinds["document"], *_document_keys(rows, customers))
        sources |= _add_parties(taken["party"], key, rows, customers)
        people.add(rows["name"], customers)
    for rows, customers in _read(makings, "organisations", ["source", "party_id", "name", "uscc"]):
        taken["document"].add(kinds["document"], rows["uscc"], customers)
        codes = pc.if_else(pc.equal(pc.utf8_length(rows["uscc"]), 18), rows["uscc"], None)
        cut = pc.utf8_slice_codeunits(codes, _CODE.start, _CODE.stop)
        taken["document"].add(kinds["document"], cut, customers)
        sources |= _add_parties(taken["party"], key, rows, customers)
        bodies.add(rows["name"], customers)
    (folder / SOURCES).write_text(json.dumps(sorted(sources)) + "\n", encoding="utf-8")
    for kind in list(taken):
        taken.pop(kind).write(folder, kind)
    _write_people(folder, people)
    _write_bodies(folder, bodies)


def _document_keys(rows: Mapping[str, pa.Array], customers: Customers) -> tuple[pa.Array, Customers]:
    """What a document may be asked by beside the number that stands: 15 digits in their 18, permits without
    what changes on renewal."""
    numbers, types = rows["id_number"], rows["id_type"].cast(pa.string())
    short = pc.less(pc.utf8_length(numbers), 18)
    keyed = pc.and_(pc.is_in(types, value_set=pa.array(KEYED_TYPES)), pc.and_(rows["id_valid"], short))
    at = np.flatnonzero(keyed.fill_null(False).to_numpy(zero_copy_only=False))
    pairs = zip(*(column.take(pa.array(at)).to_pylist() for column in (types, numbers)), strict=True)
    keys = [match_id_number(id_type, number_form(number)) for id_type, number in pairs]
    return pa.array(keys, pa.string()), customers[at]


def _add_parties(taken: _Taken, key: bytes, rows: Mapping[str, pa.Array], customers: Customers) -> set[str]:
    """Digests of party numbers, by source; which sources there were."""
    sources = rows["source"].cast(pa.string())
    found = set(pc.unique(sources.drop_null()).to_pylist())
    for source in sorted(found):
        at = np.flatnonzero(pc.equal(sources, source).fill_null(False).to_numpy(zero_copy_only=False))
        texts = rows["party_id"] if len(at) == len(sources) else rows["party_id"].take(pa.array(at))
        taken.add(Keyed(key, "party", source), texts, customers[at])
    return found


class _Names:
    """Names in their form, each once, and who bears them."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self.codes: list[Customers] = [NOBODY]
        self.customers: list[Customers] = [NOBODY]

    def add(self, names: pa.Array, customers: Customers) -> None:
        """Rows of a column; what has no letter or character in it is no name."""
        encoded = names.cast(pa.string()).dictionary_encode()
        known = self._codes
        forms = [name_form(name) for name in encoded.dictionary.to_pylist()]
        places = np.array([known.setdefault(f, len(known)) if f else -1 for f in forms] + [-1], np.int32)
        codes = places[encoded.indices.fill_null(len(forms)).to_numpy()]
        self.codes.append(codes[codes >= 0])
        self.customers.append(customers[codes >= 0])

    def taken(self) -> tuple[list[str], Customers, Customers]:
        """The names, and for each row the place of its name and its customer. They are let go of."""
        names, codes, customers = (
            list(self._codes),
            np.concatenate(self.codes),
            np.concatenate(self.customers),
        )
        self._codes, self.codes, self.customers = {}, [], []
        return names, codes, customers


def _write_people(folder: Path, people: _Names) -> None:
    names, codes, customers = people.taken()
    write_texts(folder, "name", pa.array(names, pa.string()), codes, customers)
    read = [readings_of(name) for name in names]
    there = np.array([each is not None for each in read] + [False])
    place = (np.cumsum(there) - 1).astype(np.int32)
    kept = there[codes]
    codes, customers = place[codes[kept]], customers[kept]
    for at, name in enumerate(("reading", "initials")):
        texts = pa.array([each[at] for each in read if each is not None], pa.string())
        write_texts(folder, name, texts, codes, customers)


def _write_bodies(folder: Path, bodies: _Names) -> None:
    names, codes, customers = bodies.taken()
    counts = np.array([len(name) for name in names], np.int64)  # the whole, and all suffixes but the last
    first = np.concatenate([[0], np.cumsum(counts)])
    pieces = [names[at : at + _NAMES] for at in range(0, len(names), _NAMES)]
    texts = pa.chunked_array(  # a piece at a time: as Python's strings they would be ten times as large
        [pa.array([text for name in piece for text in suffixes_of(name)], pa.string()) for piece in pieces],
        pa.string(),
    )
    many = counts[codes]
    within = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    rows = (np.repeat(first[codes], many) + within).astype(np.int32)
    write_texts(folder, "organisation", texts, rows, np.repeat(customers, many))


def _write_accounts(folder: Path, makings: Makings) -> None:
    taken, keyed = _Taken(), Keyed(makings.key, "account")
    for rows, customers in _read(makings, "accounts", ["account_id"]):
        taken.add(keyed, rows["account_id"], customers)
    taken.write(folder, "account")


def _write_cards(folder: Path, makings: Makings) -> None:
    whole, tail = _Taken(), _Taken()
    keyed, keyed_tail = Keyed(makings.key, "card"), Keyed(makings.key, "card_tail", tail=True)
    for rows, customers in _read(makings, "cards", ["card_id"]):
        whole.add(keyed, rows["card_id"], customers)
        tail.add(keyed_tail, rows["card_id"], customers)
    whole.write(folder, "card")
    tail.write(folder, "card_tail")


_WRITERS: dict[str, Callable[[Path, Makings], Any]] = {
    "records": _write_records,
    "accounts": _write_accounts,
    "cards": _write_cards,
}
