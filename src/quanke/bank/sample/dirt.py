"""Dirty records: about one party record in two hundred, fewer elsewhere, each written down in truth/.

Parties and organisations are spoilt in place, but beyond use only where nothing hangs on the record.
Events and balances get extra rows, so that what is good still adds up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.sample.draws import Bools, Draws, Ints
from quanke.bank.sample.text import dates

Found = list[pa.Table]


def _listed(found: Found, table: str, keys: pa.Array | pa.ChunkedArray, kind: str) -> None:
    count = len(keys)
    if count:
        flat = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
        name, why = (pa.array([value] * count) for value in (table, kind))
        found.append(pa.table({"table": name, "key": flat.cast(pa.string()), "kind": why}))


def _set(table: pa.Table, name: str, rows: Bools, values: pa.Array | pa.Scalar) -> pa.Table:
    """The table with `values` in the given rows of a column, in the column's own type."""
    new = pc.if_else(pa.array(rows), values, _plain(table[name]))
    if pa.types.is_dictionary(table.schema.field(name).type):
        new = new.dictionary_encode()
    return table.set_column(table.schema.get_field_index(name), name, new)


@dataclass(frozen=True, slots=True)
class Extra:
    """Copies of some rows with columns replaced: one value for all copies, or an array."""

    rows: Ints
    replaced: dict[str, str | int | pa.Array]


def _with(table: pa.Table, extras: list[Extra]) -> pa.Table:
    """The table with extra rows behind it. Dictionaries are extended, not rebuilt: tables are large."""
    if not any(len(extra.rows) for extra in extras):
        return table
    columns = {name: _extended(table[name].combine_chunks(), name, extras) for name in table.column_names}
    return pa.table(columns)


def _extended(column: pa.Array, name: str, extras: list[Extra]) -> pa.Array:
    if not pa.types.is_dictionary(column.type):
        return pa.concat_arrays([column, *(_new_values(column, name, extra) for extra in extras)])
    words, pieces = [column.dictionary], [column.indices]
    known = len(column.dictionary)
    for extra in extras:
        value = extra.replaced.get(name)
        if value is None:
            pieces.append(column.indices.take(pa.array(extra.rows)))
        else:
            words.append(pa.array([str(value)]))
            pieces.append(pa.array(np.full(len(extra.rows), known, dtype=np.int32)))
            known += 1
    return pa.DictionaryArray.from_arrays(pa.concat_arrays(pieces), pa.concat_arrays(words))


def _new_values(column: pa.Array, name: str, extra: Extra) -> pa.Array:
    value = extra.replaced.get(name)
    if value is None:
        return column.take(pa.array(extra.rows))
    if isinstance(value, pa.Array):
        return value
    return pa.array([value] * len(extra.rows), column.type)


def _wrong_check(numbers: pa.Array) -> pa.Array:
    """Numbers with another last character."""
    last = pc.utf8_slice_codeunits(numbers, -1)
    other = pc.if_else(pc.equal(last, "7"), "3", "7")
    return pc.binary_join_element_wise(pc.utf8_slice_codeunits(numbers, 0, -1), other, "")


def spoil_parties(draws: Draws, table: pa.Table, free: Bools, last_day: int) -> tuple[pa.Table, Found]:
    """Nine kinds of spoilt party record. What costs a record its place (no name, an unknown branch or code)
    only befalls `free` ones, on which no account, event or relation hangs."""
    found: Found = []
    count = table.num_rows
    lot, free_lot = draws.below(10_000, count), draws.below(1_000, count)
    id_type, number = (_plain(table[name]) for name in ("id_type", "id_number"))
    resident = pc.fill_null(pc.equal(id_type, "resident_id"), False).to_numpy(zero_copy_only=False)
    resident = resident & pc.is_valid(number).to_numpy(zero_copy_only=False)
    keys = pc.binary_join_element_wise(_plain(table["source"]), _plain(table["party_id"]), "|")
    birth = pc.fill_null(table["birth_date"].combine_chunks().view(pa.int32()), 0).to_numpy() + 366
    everybody = np.ones(count, dtype=np.bool_)
    nothing = pa.scalar(None, pa.string())
    future = pa.scalar(last_day + 400, pa.int32()).cast(pa.date32())
    rules: list[tuple[str, int, Bools, str, pa.Array | pa.Scalar]] = [
        ("bad_id_checksum", 14, resident, "id_number", _wrong_check(number)),
        ("missing_phone", 13, everybody, "phone", nothing),
        ("malformed_phone", 6, everybody, "phone", pa.scalar("12345")),
        ("birth_date_not_of_id", 8, resident, "birth_date", dates(birth)),
        ("opened_in_future", 4, free, "opened_on", future),
        ("missing_name", 15, free, "name", nothing),
        ("unknown_branch", 10, free, "branch_id", pa.scalar("999999999")),
        ("unknown_sex", 10, free, "sex", pa.scalar("X")),
    ]
    low = {id(lot): 0, id(free_lot): 0}
    for kind, share, fits, column, value in rules:
        mine = free_lot if fits is free else lot
        rows = fits & (mine >= low[id(mine)]) & (mine < low[id(mine)] + share)
        low[id(mine)] += share
        if kind == "birth_date_not_of_id":
            rows &= pc.is_valid(table["birth_date"].combine_chunks()).to_numpy(zero_copy_only=False)
        table = _set(table, column, rows, value)
        _listed(found, "parties", keys.filter(pa.array(rows)), kind)
    twice = np.flatnonzero(lot >= 9_995)
    table = _with(table, [Extra(twice, {})])
    _listed(found, "parties", keys.take(pa.array(twice)), "duplicate_key")
    return table, found


def _plain(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def spoil_organisations(draws: Draws, table: pa.Table) -> tuple[pa.Table, Found]:
    """Half a percent of credit codes with a wrong check character."""
    found: Found = []
    rows = draws.chance(0.005, table.num_rows)
    table = _set(table, "uscc", rows, _wrong_check(table["uscc"].combine_chunks()))
    keys = pc.binary_join_element_wise("core", table["party_id"].combine_chunks(), "|")
    _listed(found, "organisations", keys.filter(pa.array(rows)), "bad_uscc")
    return table, found


def spoil_accounts(draws: Draws, table: pa.Table, block: int) -> tuple[pa.Table, Found]:
    """Extra accounts whose holder nobody knows."""
    return _extras(
        draws, "accounts", table, "account_id", f"400009{block:05d}", 8, 0.0005,
        (("unknown_party", {"party_id": "C9999999999"}), ("unknown_category", {"category": "cheque"})),
    )  # fmt: skip


def spoil_transactions(draws: Draws, table: pa.Table, block: int, month: int) -> tuple[pa.Table, Found]:
    """Extra movements: without an account, of nothing, of an unknown kind; and some delivered twice."""
    table, found = _extras(
        draws, "transactions", table, "transaction_id", f"TX{block:04d}{month:02d}", 6, 0.0004,
        (
            ("unknown_account", {"account_id": "4000029999999999999"}),
            ("amount_not_positive", {"amount_fen": 0}),
            ("unknown_kind", {"kind": "misc"}),
            ("duplicate_key", None),
        ),
    )  # fmt: skip
    return table, found


def spoil_balances(draws: Draws, table: pa.Table) -> tuple[pa.Table, Found]:
    """Extra balances of unknown accounts, and some delivered twice."""
    found: Found = []
    rows = np.flatnonzero(draws.chance(0.0001, table.num_rows))
    twice, strange = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    extras = [Extra(twice, {})]
    _listed(found, "balances", _balance_keys(table, twice), "duplicate_key")
    if len(strange):
        # one row a day at most, or the strange account's rows would be duplicates of each other as well
        day = table["date"].combine_chunks().take(pa.array(strange)).cast(pa.int32()).to_numpy()
        strange = strange[np.flatnonzero(np.diff(day, prepend=-1))]
        number = f"400002999999{int(draws.below(9_999_999, 1)[0]):07d}"
        extras.append(Extra(strange, {"account_id": number}))
        days = table["date"].combine_chunks().take(pa.array(strange)).cast(pa.string())
        _listed(found, "balances", pc.binary_join_element_wise(number, days, "|"), "unknown_account")
    return _with(table, extras), found


def _balance_keys(table: pa.Table, rows: Ints) -> pa.Array:
    account = table["account_id"].combine_chunks().take(pa.array(rows)).dictionary_decode()
    days = table["date"].combine_chunks().take(pa.array(rows)).cast(pa.string())
    return pc.binary_join_element_wise(account, days, "|")


def _extras(
    draws: Draws, name: str, table: pa.Table, key: str, prefix: str, width: int, share: float,
    kinds: tuple[tuple[str, dict[str, str | int] | None], ...],
) -> tuple[pa.Table, Found]:  # fmt: skip
    """Copies of some rows under new keys with something wrong; a kind without replacement repeats the key."""
    found: Found = []
    rows = np.flatnonzero(draws.chance(share, table.num_rows))
    extras: list[Extra] = []
    used = 0
    for number, (kind, replaced) in enumerate(kinds):
        mine = rows[number :: len(kinds)]
        if replaced is None:
            extras.append(Extra(mine, {}))
            ids: pa.Array = table[key].combine_chunks().take(pa.array(mine))
        else:
            ids = pa.array([f"{prefix}{used + n:0{width}d}" for n in range(len(mine))], pa.string())
            extras.append(Extra(mine, {**replaced, key: ids}))
            used += len(mine)
        _listed(found, name, ids, kind)
    return _with(table, extras), found
