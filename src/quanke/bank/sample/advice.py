"""Advice on investments in the sample bank: risk assessments, sales with their recordings, consents.

Drawn from streams of their own, so that everything else of the bank is what it was without them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.sample.book import Book
from quanke.bank.sample.draws import Ints
from quanke.bank.sample.parties import Records
from quanke.bank.sample.positions import Positions
from quanke.bank.sample.text import blank, coded, constant, dates, digits, instants, strings, tagged

_ROOM = 1_000_000
_ADVICE_ROOM = 700_000
"""Numbers of consents to advice begin here within a block's: the others never come so far."""
_CLASSES = ("C1", "C2", "C3", "C4", "C5")
_PLACES = ("counter", "mobile")


def risk_assessments_table(book: Book, records: Records) -> pa.Table:
    """One row per assessment: the one a person's class rests on, and of one in six an older one."""
    draws = book.draws("risk_assessments")
    core = records.table.filter(
        pc.and_(pc.equal(records.table["source"], "core"), pc.is_valid(records.table["risk_class"]))
    )
    count = core.num_rows
    day = core["risk_assessed_on"].cast(pa.int32()).to_numpy().astype(np.int64)
    held = pc.index_in(core["risk_class"].cast(pa.string()), pa.array(_CLASSES)).to_numpy()
    older = draws.chance(0.17, count)
    before = day - draws.between(200, 500, count)
    lower = np.clip(held + draws.between(-1, 1, count), 0, 4)
    rows = np.concatenate([np.arange(count), np.flatnonzero(older)])
    days = np.concatenate([day, before[older]])
    classes = np.concatenate([held, lower[older]])
    total = len(rows)
    first = book.block * _ROOM
    place = draws.below(2, total)
    return pa.table(
        {
            "assessment_id": strings(tagged("RA", digits(first + np.arange(total), 10))),
            "source": core["source"].take(pa.array(rows)),
            "party_id": core["party_id"].take(pa.array(rows)),
            "date": dates(days),
            "at": instants(days * 86_400 + draws.between(32_400, 61_200, total)),
            "risk_class": coded(_CLASSES, classes.astype(np.int32)),
            "channel": coded(_PLACES, place),
            "confirmed": pa.array(np.ones(total, dtype=np.bool_)),
        }
    ).combine_chunks()


def sales_table(book: Book, records: Records, positions: Positions) -> pa.Table:
    """One row per position bought within the span: what was sold at the counter bears its recording."""
    draws = book.draws("sales")
    accounts = book.accounts
    holder, opened = accounts.holder[positions.account], accounts.opened[positions.account]
    rows = np.flatnonzero((opened >= 0) & (holder < book.people.size) & (positions.cost > 0))
    count = len(rows)
    day = book.world.span.offset + opened[rows]
    place = draws.below(2, count)
    at_counter = place == 0
    source, party = records.keys(records.primary[holder[rows]])
    first = book.block * _ROOM
    staff = book.world.staff
    seller = draws.below(len(staff.ids), count)
    recording = strings(tagged("V", digits(first + draws.shuffled(count), 10)))
    return pa.table(
        {
            "sale_id": strings(tagged("SL", digits(first + np.arange(count), 10))),
            "source": source,
            "party_id": party,
            "product_id": book.world.products.ids.take(pa.array(positions.product[rows])).dictionary_encode(),
            "date": dates(day),
            "at": instants(day * 86_400 + draws.between(32_400, 61_200, count)),
            "amount_fen": pa.array(positions.cost[rows]),
            "channel": coded(_PLACES, place),
            "staff_id": blank(staff.ids.take(pa.array(seller)), at_counter),
            "recording_id": blank(recording, at_counter),
            "proposed_on": pa.nulls(count, pa.date32()),
        }
    )


def advice_consents(book: Book, records: Records) -> pa.Table:
    """One row per consent to investment advice: most of those who were assessed gave it."""
    draws = book.draws("advice_consents")
    assessed = pc.is_valid(records.table["risk_class"]).to_numpy(zero_copy_only=False)
    agreed = np.flatnonzero((records.primary >= 0) & draws.chance(0.7, book.people.size))
    who: Ints = agreed[assessed[records.primary[agreed]]]
    count, offset, last = len(who), book.world.span.offset, book.days - 1
    given = np.minimum(np.maximum(book.people.opened[who], -700) + draws.below(300, count), last)
    withdrawn = draws.chance(0.04, count)
    back = np.minimum(given + draws.between(1, 400, count), last)
    source, party = records.keys(records.primary[who])
    first = book.block * _ROOM + _ADVICE_ROOM
    return pa.table(
        {
            "consent_id": strings(tagged("N", digits(first + np.arange(count), 10))),
            "source": source,
            "party_id": party,
            "purpose": constant("advice", count),
            "means": constant("any", count),
            "recipient": coded(["partner"], np.full(count, -1, dtype=np.int64)),
            "granted_on": dates(offset + given),
            "withdrawn_on": dates(offset + back, withdrawn),
            "text_hash": constant("c3d18e6f02b7a945", count),
            "channel": coded(["mobile", "counter"], (~book.people.on_mobile[who]).astype(np.int32)),
        }
    )
