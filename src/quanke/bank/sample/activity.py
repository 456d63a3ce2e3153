"""What persons do in channels, and how the bank contacts them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.sample.book import Book
from quanke.bank.sample.campaigns import CAMPAIGNS, Effects
from quanke.bank.sample.draws import Bools, Choice, Choices, Draws, Ints, Level
from quanke.bank.sample.parties import SOURCES, Records
from quanke.bank.sample.people import NEVER, Persona
from quanke.bank.sample.planted import Conduct
from quanke.bank.sample.relationship import row_ids
from quanke.bank.sample.spending import car_owners
from quanke.bank.sample.text import blank, coded, dates, digits, hexes, instants, packed, strings, tagged

CHANNELS = ("mobile", "web", "branch", "call_centre", "wechat", "atm")
KINDS = (
    "login", "ticket", "view_product", "search", "bind_card", "bind_etc", "open_account", "complaint",
    "message_click",
)  # fmt: skip
_TOPICS = (
    "wealth",
    "fund",
    "term",
    "credit_card",
    "insurance",
    "consumer_loan",
    "mortgage",
    "etc",
    "fx",
    "social_card",
)
_ONLINE = Choice([66, 0, 16, 7, 2, 0, 0, 0, 9])
_LOGINS = {
    Persona.DORMANT: Level((0, 0), (800_000, 0), (1_000_000, 3)),
    Persona.QUIET: Level((0, 0), (300_000, 1), (800_000, 6), (1_000_000, 30)),
    Persona.EMPLOYEE: Level((0, 0), (200_000, 3), (700_000, 12), (1_000_000, 60)),
    Persona.MERCHANT: Level((0, 1), (500_000, 12), (1_000_000, 80)),
    Persona.PENSIONER: Level((0, 0), (500_000, 3), (1_000_000, 24)),
    Persona.STUDENT: Level((0, 1), (600_000, 12), (1_000_000, 60)),
    Persona.PAYER: Level((0, 2), (500_000, 16), (1_000_000, 90)),
    Persona.INVESTOR: Level((0, 2), (500_000, 18), (1_000_000, 120)),
    Persona.PROSPECT: Level((0, 0), (800_000, 1), (1_000_000, 6)),
}


def channel_events(book: Book, records: Records, conduct: Conduct) -> list[pa.Table]:
    """Events by month of the span, in order of time within the block."""
    draws = book.draws("channel events")
    parts = [_online(book, draws), _tickets(book, draws), _complaints(book, draws), _tags(book, draws)]
    parts.append(_proxies(book, draws, conduct))
    who, moment, channel, kind, device = (np.concatenate([part[n] for part in parts]) for n in range(5))
    bits = len(who).bit_length()
    keys = (moment << bits) | np.arange(len(who))
    keys.sort()
    order = keys & ((1 << bits) - 1)
    who, moment, channel, kind, device = (column[order] for column in (who, moment, channel, kind, device))
    ids = strings(tagged("V", digits(book.block * 10_000_000 + np.arange(len(who)), 11)))
    months = book.world.span.month_of[moment // 86_400]
    bounds = np.searchsorted(months, np.arange(len(book.world.span.months) + 1))
    devices = _devices(book)
    topic = np.where(np.isin(kind, [2, 3, 8]), draws.below(len(_TOPICS), len(who)), NEVER)
    tables = []
    for low, high in pairwise(bounds.tolist()):
        cut = slice(low, high)
        tables.append(
            _event_table(
                book, records, ids.slice(low, high - low), who[cut], moment[cut], channel[cut], kind[cut],
                topic[cut], packed(devices, device[cut]),
            )
        )  # fmt: skip
    return tables


_Part = tuple[Ints, Ints, Ints, Ints, Ints]


def _part(
    book: Book, who: Ints, day: Ints, second: Ints, channel: int | Ints, kind: int | Ints, device: Ints
) -> _Part:
    kept = np.flatnonzero((day >= 0) & (day < book.days) & book.people.alive(who, day))
    every = (len(who),)
    return (
        who[kept],
        (day * 86_400 + second)[kept],
        np.broadcast_to(np.asarray(channel, dtype=np.int64), every)[kept],
        np.broadcast_to(np.asarray(kind, dtype=np.int64), every)[kept],
        device[kept],
    )


def _online(book: Book, draws: Draws) -> _Part:
    owners = []
    for persona, level in _LOGINS.items():
        who = book.people.of(persona)
        who = who[book.people.on_mobile[who]]
        owners.append(np.repeat(who, draws.level(level, len(who))))
    who = np.concatenate(owners)
    day = book.world.span.draw_days(draws, "even", len(who))
    second = book.world.span.draw_seconds(draws, "day", len(who))
    kind = draws.pick(_ONLINE, len(who)).astype(np.int64)
    channel = np.where(draws.chance(0.9, len(who)), 0, np.where(draws.chance(0.5, len(who)), 1, 4))
    return _part(book, who, day, second, channel, kind, np.where(channel == 0, who, NEVER))


def _tickets(book: Book, draws: Draws) -> _Part:
    mean = np.array([0, 1, 1, 2, 4, 0, 0, 2, 0])[book.people.persona]
    here = np.flatnonzero(book.main >= 0)
    who = np.repeat(here, draws.below(mean[here] + 1, len(here)))
    day = book.world.span.draw_days(draws, "business", len(who))
    second = book.world.span.draw_seconds(draws, "office", len(who))
    return _part(book, who, day, second, 2, 1, np.full(len(who), NEVER))


def _complaints(book: Book, draws: Draws) -> _Part:
    upset = np.flatnonzero(book.people.churn_cause == 2)
    usual = np.flatnonzero((book.main >= 0) & draws.chance(0.006, book.people.size))
    who = np.concatenate([upset, usual])
    day = book.world.span.draw_days(draws, "even", len(who))
    day[: len(upset)] = book.people.event_day[upset] - draws.between(3, 18, len(upset))
    second = book.world.span.draw_seconds(draws, "office", len(who))
    return _part(book, who, day, second, 3, 7, np.full(len(who), NEVER))


def _tags(book: Book, draws: Draws) -> _Part:
    who = car_owners(book)
    who = who[book.people.on_mobile[who] & draws.chance(0.25, len(who))]
    day = book.world.span.draw_days(draws, "even", len(who))
    second = book.world.span.draw_seconds(draws, "day", len(who))
    return _part(book, who, day, second, 0, 5, who)


def _proxies(book: Book, draws: Draws, conduct: Conduct) -> _Part:
    """Logins of several customers from one member of staff's device (代客操作)."""
    victims = np.flatnonzero((conduct.device_of != NEVER) & book.people.on_mobile)
    who = np.repeat(victims, 3)
    day = book.world.span.draw_days(draws, "business", len(who))
    second = book.world.span.draw_seconds(draws, "office", len(who))
    return _part(book, who, day, second, 0, 0, book.people.size + conduct.device_of[who])


def _devices(book: Book) -> pa.StringArray:
    """Hashed devices: of each person of the block, then of each member of staff."""
    key = np.concatenate([book.people.person, 1_000_000_000 + np.arange(len(book.world.staff.ids))])
    mixed = (key.astype(np.uint64) + np.uint64(book.world.seed)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return strings(hexes(mixed ^ (mixed >> np.uint64(32))))


def _event_table(
    book: Book, records: Records, ids: pa.StringArray, who: Ints, moment: Ints, channel: Ints, kind: Ints,
    topic: Ints, device: pa.Array,
) -> pa.Table:  # fmt: skip
    mobile = records.row["mobile"][who]
    row = np.where(np.isin(channel, [0, 1, 4]) & (mobile >= 0), mobile, records.primary[who])
    offset = book.world.span.offset
    return pa.table(
        {
            "event_id": ids,
            "source": coded(SOURCES, records.source[row]),
            "party_id": packed(records.table["party_id"].chunk(0), row),
            "date": dates(moment // 86_400 + offset),
            "at": instants(moment + offset * 86_400),
            "channel": coded(CHANNELS, channel),
            "kind": coded(KINDS, kind),
            "topic": coded(_TOPICS, topic),
            "branch_id": packed(
                book.world.branches.ids, np.where(channel == 2, book.people.branch[who], NEVER)
            ),
            "device": device,
        }
    )


_MEANS = ("call", "sms", "wecom", "visit", "ticket", "push", "email")
_OUTCOMES = ("interested", "accepted", "declined", "no_answer", "call_back", "served")
_OUTCOME = Choices([[20, 12, 30, 0, 18, 20], [0, 0, 0, 100, 0, 0]])


def contacts_table(book: Book, records: Records, post: Ints, conduct: Conduct, effects: Effects) -> pa.Table:
    """Contacts of managers with their customers, calls of campaigns, and contacts that never took place."""
    draws = book.draws("contacts")
    people = book.people
    managed = np.flatnonzero(post != NEVER)
    often = np.array([2, 2, 2, 3, 4, 7, 14], dtype=np.int64)[people.band[managed]]
    who = np.repeat(managed, draws.below(often + 1, len(managed)))
    day = book.world.span.draw_days(draws, "business", len(who))
    means = draws.pick(Choice([52, 12, 24, 7, 5]), len(who)).astype(np.int64)
    met: Bools = draws.chance(np.where(means == 0, 0.62, 0.85), len(who))
    parts: list[tuple[Ints, Ints, Ints, Ints, Bools]] = [(who, post[who], day, means, met)]
    seats = book.world.posts.of("remote_seat")
    for pushed in effects.pushes:
        if CAMPAIGNS[pushed.campaign].means == "call":
            rows = np.flatnonzero(pushed.treated)
            when = np.where(pushed.reached[rows] >= 0, pushed.reached[rows], pushed.day[rows])
            seat = seats[draws.below(len(seats), len(rows))]
            parts.append((pushed.who[rows], seat, when, np.zeros(len(rows), "i8"), pushed.reached[rows] >= 0))
    who, by, day, means = (np.concatenate([part[n] for part in parts]) for n in range(4))
    met = np.concatenate([part[4] for part in parts])
    kept = people.alive(who, day)
    who, by, day, means, met = who[kept], by[kept], day[kept], means[kept], met[kept]
    second = book.world.span.draw_seconds(draws, "office", len(who))
    talked = met & (means == 0)
    seconds = np.where(talked, 20 + draws.below(160, len(who)) * draws.between(1, 4, len(who)), 0)
    outcome = draws.pick_by(_OUTCOME, (~met).astype(np.int64)).astype(np.int64)
    evidence = met & draws.chance(0.93, len(who))
    note = draws.longs(len(who))
    table = _contact_table(book, records, who, by, day, second, means, met, seconds, evidence, outcome, note)
    false = [_invented(book, records, draws, *each) for each in conduct.invented]
    if false:
        table = pa.concat_tables([table, *false]).unify_dictionaries()
    return table.set_column(0, "contact_id", row_ids("Q", book.block, table.num_rows)).combine_chunks()


def _invented(book: Book, records: Records, draws: Draws, post: int, members: Ints, start: int) -> pa.Table:
    """Ultra-short calls without proof, logged as success with one and the same note (虚假联系)."""
    count = len(members)
    day = start + np.arange(count, dtype=np.int64) * 2
    second = np.full(count, 17 * 3_600 + 1_500) + draws.below(600, count)
    true, note = np.ones(count, dtype=bool), np.repeat(draws.longs(1), count)
    zero = np.zeros(count, dtype=np.int64)
    return _contact_table(
        book,
        records,
        members,
        np.full(count, post),
        day,
        second,
        zero,
        true,
        draws.between(2, 9, count),
        ~true,
        zero,
        note,
    )


def _contact_table(
    book: Book, records: Records, who: Ints, post: Ints, day: Ints, second: Ints, means: Ints, met: Bools,
    seconds: Ints, evidence: Bools, outcome: Ints, note: NDArray[np.uint64],
) -> pa.Table:  # fmt: skip
    world, offset = book.world, book.world.span.offset
    source, party = records.keys(records.primary[who])
    count = len(who)
    return pa.table(
        {
            "contact_id": pa.nulls(count, pa.string()),
            "source": source,
            "party_id": party,
            "post_id": packed(world.posts.ids, post),
            "staff_id": packed(world.staff.ids, world.posts.staff[post]),
            "date": dates(day + offset),
            "at": instants(second + (day + offset) * 86_400),
            "means": coded(_MEANS, means),
            "connected": pa.array(met),
            "seconds": pa.array(seconds, mask=means != 0),
            "evidence": pa.array(evidence),
            "outcome": coded(_OUTCOMES, outcome),
            "note_hash": blank(strings(hexes(note)), met),
        }
    )
