"""Writing the index a search asks: four groups of files, each there whole or not at all.

    finding/finding.json   format, how many customer numbers, the key's name, what each group is made of
    finding/records/       phone, phone_tail, document, party; sources.json
    finding/names/         name, reading, initials, organisation
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
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.keys import key_name
from quanke.customers.finding.forms import KEYED_TYPES, name_forms, number_form, readings_of, suffixes_of
from quanke.customers.finding.keyed import Keyed
from quanke.customers.finding.postings import NOBODY, Customers, write_numbers, write_texts
from quanke.kernel.identifiers.document import match_id_number

FORMAT = 1
SHEET, SOURCES = "finding.json", "sources.json"
GROUPS = ("names", "records", "accounts", "cards")
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
                shutil.copytree(earlier / group, beside, copy_function=_link)
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


def _link(source: str, target: str) -> None:
    try:
        os.link(Path(source), Path(target))
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


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


_Hashed: TypeAlias = Iterator[tuple[Keyed, pa.Array, Customers]]


def _write_hashed(folder: Path, name: str, rows: _Hashed, most: int) -> None:
    """Write all numbers of a kind, of which there are `most` at most; one kind at a time is in memory."""
    tokens = np.empty(most, np.uint64)  # what is never filled costs no memory
    customers = np.empty(most, np.int32)
    used = 0
    for keyed, texts, of in rows:
        found, there = keyed.tokens(texts)
        end = used + int(np.count_nonzero(there))
        tokens[used:end], customers[used:end] = found[there], of[there]
        used = end
    write_numbers(folder, name, tokens[:used], customers[:used])


def _rows(makings: Makings, *tables: str) -> int:
    """How many rows tables have together."""
    files = [path for table in tables for path in makings.files.get(table, ())]
    return sum(int(pq.read_metadata(path).num_rows) for path in files)


def _column(makings: Makings, table: str, column: str, keyed: Keyed) -> _Hashed:
    """All of a column."""
    return ((keyed, rows[column], customers) for rows, customers in _read(makings, table, [column]))


def _write_records(folder: Path, makings: Makings) -> None:
    phone = Keyed(makings.key, "phone", mobile=True)
    tail = Keyed(makings.key, "phone_tail", mobile=True, tail=True)
    sources: set[str] = set()
    people, bodies = _rows(makings, "parties"), _rows(makings, "organisations")
    _write_hashed(folder, "phone", _column(makings, "parties", "phone", phone), people)
    _write_hashed(folder, "phone_tail", _column(makings, "parties", "phone", tail), people)
    _write_hashed(folder, "document", _documents(makings), 2 * (people + bodies))
    _write_hashed(folder, "party", _parties(makings, sources), people + bodies)
    (folder / SOURCES).write_text(json.dumps(sorted(sources)) + "\n", encoding="utf-8")


def _documents(makings: Makings) -> _Hashed:
    keyed = Keyed(makings.key, "document")
    for rows, customers in _read(makings, "parties", ["id_number", "id_type", "id_valid"]):
        yield keyed, rows["id_number"], customers
        yield keyed, *_document_keys(rows, customers)
    for rows, customers in _read(makings, "organisations", ["uscc"]):
        yield keyed, rows["uscc"], customers
        codes = pc.if_else(pc.equal(pc.utf8_length(rows["uscc"]), 18), rows["uscc"], None)
        yield keyed, pc.utf8_slice_codeunits(codes, _CODE.start, _CODE.stop), customers


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


def _parties(makings: Makings, found: set[str]) -> _Hashed:
    """Numbers of records, by source; which sources there are goes into `found`."""
    for table in ("parties", "organisations"):
        for rows, customers in _read(makings, table, ["source", "party_id"]):
            sources = rows["source"].cast(pa.string())
            for source in pc.unique(sources).to_pylist():
                found.add(source)
                at = np.flatnonzero(pc.equal(sources, source).to_numpy(zero_copy_only=False))
                yield Keyed(makings.key, "party", source), rows["party_id"].take(pa.array(at)), customers[at]


def _names_of(makings: Makings, table: str) -> tuple[list[str], Customers, Customers]:
    """The names of a table in their form, and for each row that has one its place among them and its
    customer. What has no letter or character in it is no name."""
    read = [
        (rows["name"].cast(pa.string()), customers) for rows, customers in _read(makings, table, ["name"])
    ]
    if not read:
        return [], NOBODY, NOBODY
    encoded = pa.chunked_array([names for names, _ in read]).dictionary_encode().combine_chunks()
    customers = np.concatenate([customers for _, customers in read])
    del read
    known: dict[str, int] = {}
    forms = name_forms(encoded.dictionary)
    places = np.array([known.setdefault(f, len(known)) if f else -1 for f in forms] + [-1], np.int32)
    codes = places[encoded.indices.fill_null(len(forms)).to_numpy()]
    there = codes >= 0
    return list(known), codes[there], customers[there]


def _write_names(folder: Path, makings: Makings) -> None:
    _write_people(folder, *_names_of(makings, "parties"))
    _write_bodies(folder, *_names_of(makings, "organisations"))


def _write_people(folder: Path, names: list[str], codes: Customers, customers: Customers) -> None:
    write_texts(folder, "name", pa.array(names, pa.string()), codes, customers)
    read = [readings_of(name) for name in names]
    there = np.array([each is not None for each in read] + [False])
    place = (np.cumsum(there) - 1).astype(np.int32)
    kept = there[codes]
    codes, customers = place[codes[kept]], customers[kept]
    for at, name in enumerate(("reading", "initials")):
        texts = pa.array([each[at] for each in read if each is not None], pa.string())
        write_texts(folder, name, texts, codes, customers)


def _write_bodies(folder: Path, names: list[str], codes: Customers, customers: Customers) -> None:
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
    keyed = Keyed(makings.key, "account")
    rows = _column(makings, "accounts", "account_id", keyed)
    _write_hashed(folder, "account", rows, _rows(makings, "accounts"))


def _write_cards(folder: Path, makings: Makings) -> None:
    for name, tail in (("card", False), ("card_tail", True)):
        keyed = Keyed(makings.key, name, tail=tail)
        _write_hashed(folder, name, _column(makings, "cards", "card_id", keyed), _rows(makings, "cards"))


_WRITERS: dict[str, Callable[[Path, Makings], Any]] = {
    "names": _write_names,
    "records": _write_records,
    "accounts": _write_accounts,
    "cards": _write_cards,
}
