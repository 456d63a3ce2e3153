"""Ownership, consents, relations, cards: who looks after whom, what was agreed, who belongs together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.contracts import ROLES
from quanke.bank.sample.book import UNKNOWN, Book
from quanke.bank.sample.credit import CreditCards
from quanke.bank.sample.draws import Draws, Ints
from quanke.bank.sample.income import Jobs
from quanke.bank.sample.parties import Records, managed_by_default
from quanke.bank.sample.people import NEVER, YUAN, Persona
from quanke.bank.sample.planted import Conduct
from quanke.bank.sample.spending import car_owners, pupils
from quanke.bank.sample.text import coded, constant, dates, digits, strings, tagged

_ROLE_BY_BAND = np.array([ROLES.index(name) for name in (
    "service_manager", "service_manager", "customer_manager", "customer_manager", "customer_manager",
    "wealth_manager", "wealth_adviser",
)])  # fmt: skip

BLOCK_ROOM = 1_000_000
"""Numbers of ownership, consents, relations and the like set aside for each block."""


_LATER_ROOM = 850_000
"""Numbers of consents that were asked later begin here within a block's, behind those to advice."""


def row_ids(prefix: str, block: int, count: int) -> pa.StringArray:
    """Running numbers that never meet those of another block."""
    return strings(tagged(prefix, digits(block * BLOCK_ROOM + np.arange(count, dtype=np.int64), 10)))


def assign_posts(book: Book, conduct: Conduct) -> Ints:
    """The post that looks after each person, -1 for the many nobody remembers."""
    draws = book.draws("ownership")
    people, world = book.people, book.world
    chosen = draws.below(1_000, people.size) < managed_by_default(book)
    chosen &= book.main >= 0
    post = np.full(people.size, NEVER, dtype=np.int64)
    role = _ROLE_BY_BAND[people.band]
    role[people.wealth >= 8_000_000 * YUAN] = ROLES.index("private_banker")
    seats = _seats(book)
    who = np.flatnonzero(chosen)
    home = people.branch[who]
    upper = np.isin(role[who], [ROLES.index("wealth_adviser"), ROLES.index("private_banker")])
    home = np.where(upper, world.branches.parent[home], home)
    first, count = seats[role[who], home, 0], seats[role[who], home, 1]
    # the first seat of a branch is the popular one
    place = np.minimum(
        draws.below(np.maximum(count, 1), len(who)), draws.below(np.maximum(count, 1), len(who))
    )
    order = np.lexsort((world.posts.branch, world.posts.role))
    found = order[np.minimum(first + place, len(order) - 1)]
    post[who] = np.where(count > 0, found, NEVER)
    return np.where(conduct.post_of != NEVER, conduct.post_of, post)


def _seats(book: Book) -> Ints:
    """First place and number of posts in (role, branch) order; shape (roles, branches, 2)."""
    posts = book.world.posts
    branches = len(book.world.branches.kind)
    key = np.sort(posts.role * branches + posts.branch)
    every = np.arange(len(ROLES) * branches)
    first = np.searchsorted(key, every)
    number = np.searchsorted(key, every, side="right") - first
    return np.stack([first, number], axis=1).reshape(len(ROLES), branches, 2)


def ownership_table(book: Book, records: Records, post: Ints) -> pa.Table:
    """Current intervals, and for one in eight the one before."""
    draws = book.draws("ownership dates")
    offset, days = book.world.span.offset, book.days
    who = np.flatnonzero(post != NEVER)
    since = np.minimum(book.people.opened[who] + 5 + draws.below(900, len(who)), days - 2)
    before = np.flatnonzero(draws.chance(0.12, len(who)) & (since > book.people.opened[who] + 60))
    earlier = since[before] - draws.between(30, 500, len(before))
    earlier = np.maximum(earlier, book.people.opened[who[before]] + 1)
    same_role = book.world.posts.of("customer_manager")
    former = same_role[draws.below(len(same_role), len(before))]
    person = np.concatenate([who, who[before]])
    source, party = records.keys(records.primary[person])
    count = len(person)
    posts = np.concatenate([post[who], former])
    ended = np.concatenate([np.full(len(who), UNKNOWN), since[before]])
    return pa.table(
        {
            "ownership_id": row_ids("W", book.block, count),
            "source": source,
            "party_id": party,
            "post_id": book.world.posts.ids.take(pa.array(posts)).dictionary_encode(),
            "duty": constant("primary", count),
            "from_date": dates(offset + np.concatenate([since, earlier])),
            "to_date": dates(offset + ended, ended != UNKNOWN),
            "care": constant("post", count),
            "reason": constant("assigned", count),
            "proposal": pa.nulls(count, pa.string()),
        }
    )


def owner_choices_table(book: Book, records: Records, post: Ints) -> pa.Table:
    """One in forty of who is looked after chose his manager himself; a fifth of them thought again. At least
    one in a block that has any."""
    draws = book.draws("owner choices")
    offset, days = book.world.span.offset, book.days
    owned = np.flatnonzero(post != NEVER)
    who = draws.some(owned, -(-len(owned) // 40))
    count = len(who)
    source, party = records.keys(records.primary[who])
    chosen = np.minimum(book.people.opened[who] + 5 + draws.below(900, count), days - 30)
    again = draws.chance(0.2, count)
    return pa.table(
        {
            "choice_id": row_ids("O", book.block, count),
            "source": source,
            "party_id": party,
            "post_id": book.world.posts.ids.take(pa.array(post[who])).dictionary_encode(),
            "chosen_on": dates(offset + chosen),
            "withdrawn_on": dates(offset + chosen + draws.between(1, 29, count), again),
        }
    )


def consents_table(book: Book, records: Records) -> pa.Table:
    """Recorded consents: service of half, marketing by one means or another, sharing of partners' people."""
    draws = book.draws("consents")
    people, offset, days = book.people, book.world.span.offset, book.days
    purposes = ("service", "marketing", "profiling", "sharing", "risk")
    means = ("sms", "call", "push", "wecom", "email", "any")
    rules = ((0, 5, 0.55), (1, 0, 0.4), (1, 2, 0.22), (1, 1, 0.1), (1, 3, 0.05), (2, 5, 0.2), (3, 5, 0.0))
    rows = []
    for why, how, share in rules:
        fits = draws.chance(share, people.size)
        if purposes[why] == "sharing":
            fits = people.by_partner
        if means[how] == "push":
            fits = fits & people.on_mobile
        who = np.flatnonzero(fits)
        rows.append((who, np.full(len(who), why), np.full(len(who), how)))
    who, purpose, way = (np.concatenate(column) for column in zip(*rows, strict=True))
    count = len(who)
    given = np.minimum(np.maximum(people.opened[who], -1_400) + draws.below(300, count), days - 1)
    withdrawn = (purpose > 0) & draws.chance(0.05, count)
    back = np.minimum(given + draws.between(1, 500, count), days - 1)
    source, party = records.keys(records.primary[who])
    return pa.table(
        {
            "consent_id": row_ids("N", book.block, count),
            "source": source,
            "party_id": party,
            "purpose": coded(purposes, purpose),
            "means": coded(means, way),
            "recipient": coded(["partner"], np.where(purpose == 3, 0, -1)),
            "granted_on": dates(offset + given),
            "withdrawn_on": dates(offset + back, withdrawn),
            "text_hash": coded(["5f1c9a0b7d2e4c68", "a07e33d1c4b95f20"], draws.below(2, count)),
            "channel": coded(["mobile", "counter"], (~people.on_mobile[who]).astype(np.int32)),
        }
    )


def consents_asked_later(book: Book, told: pa.Table) -> pa.Table:
    """Who agreed to offers by mail and WeCom: asked a while after he had agreed to texts (`told`: the
    recorded consents). Drawn from a stream of its own and numbered behind all others, so that everything
    else of the bank is what it was without it."""
    draws = book.draws("consents asked later")
    texts = told.filter(
        (pc.field("purpose") == "marketing")
        & (pc.field("means") == "sms")
        & pc.field("withdrawn_on").is_null()
    )
    by = [draws.chance(share, texts.num_rows) for share in (0.6, 0.5)]
    rows = np.concatenate([np.flatnonzero(agreed) for agreed in by])
    way = np.concatenate([np.full(int(agreed.sum()), n) for n, agreed in enumerate(by)])
    count, last = len(rows), book.world.span.offset + book.days - 1
    asked = texts.take(pa.array(rows))
    day = asked["granted_on"].cast(pa.int32()).to_numpy().astype(np.int64)
    given = np.minimum(day + draws.below(200, count), last)
    back = np.minimum(given + draws.between(1, 300, count), last)
    first = book.block * BLOCK_ROOM + _LATER_ROOM
    new = {
        "consent_id": strings(tagged("N", digits(first + np.arange(count, dtype=np.int64), 10))),
        "means": coded(("email", "wecom"), way),
        "granted_on": dates(given),
        "withdrawn_on": dates(back, draws.chance(0.05, count)),
    }
    return pa.table({name: new.get(name, asked[name]) for name in told.column_names})


_RELATION_KINDS = (
    "employs", "pays_wages", "owns", "legal_representative", "property_of", "studies_at", "family", "refers",
    "supplies", "supervises",
)  # fmt: skip


def relations_table(book: Book, records: Records, jobs: Jobs) -> pa.Table:
    """Employers, families, schools, estates, referrals; suppliers and supervision between organisations."""
    draws = book.draws("relations")
    people = book.people
    bodies, businesses = book.world.bodies, book.businesses
    orgs = pa.concat_arrays([businesses.party_ids, bodies.party_ids])
    every = records.table["party_id"].combine_chunks()
    person_ids = every.take(pa.array(np.maximum(records.primary, 0)))
    person_source = records.source[np.maximum(records.primary, 0)]
    ids = pa.concat_arrays([person_ids, orgs])
    source = np.concatenate([person_source, np.zeros(len(orgs), dtype=np.int64)])
    org, body = people.size, people.size + len(businesses.names)
    paid = np.flatnonzero((jobs.last > 0) & draws.chance(0.6, len(jobs.who)))
    owners = people.of(Persona.MERCHANT)
    owners = owners[draws.chance(0.3, len(owners))]
    shops = org + draws.below(len(businesses.names), len(owners))
    parents, school = pupils(book)
    living = np.flatnonzero((book.main >= 0) & draws.chance(0.03, people.size))
    estates = bodies.of("community")
    kin = _families(book, draws)
    referred = draws.some(np.flatnonzero(book.main >= 0), people.size // 80)
    half = len(referred) // 2
    companies = np.arange(len(businesses.names))
    parts = [
        (org + jobs.employer[paid], jobs.who[paid], 1),
        (owners, shops, 2),
        (owners[::3], shops[::3], 3),
        (living, body + estates[draws.below(len(estates), len(living))], 4),
        (parents, body + school, 5),
        (kin[0], kin[1], 6),
        (referred[:half], referred[half : 2 * half], 7),
        (org + companies, org + draws.below(len(companies), len(companies)), 8),
        (body + draws.below(10, len(companies)), org + companies, 9),
    ]
    start, end = (np.concatenate([part[n] for part in parts]) for n in (0, 1))
    kind = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    good = start != end
    start, end, kind = start[good], end[good], kind[good]
    since = -1 - draws.below(2_500, len(start))
    ended = np.full(len(start), UNKNOWN)
    first_jobs = np.arange(len(paid))
    gone = jobs.last[paid]
    ended[first_jobs] = np.where(gone < book.days, gone, UNKNOWN)
    since[first_jobs] = np.where(jobs.first[paid] >= 0, jobs.first[paid], since[first_jobs])
    offset = book.world.span.offset
    return pa.table(
        {
            "relation_id": row_ids("R", book.block, len(start)),
            "from_source": coded(("core", "cards", "mobile", "partner"), source[start]),
            "from_party_id": ids.take(pa.array(start)),
            "to_source": coded(("core", "cards", "mobile", "partner"), source[end]),
            "to_party_id": ids.take(pa.array(end)),
            "kind": coded(_RELATION_KINDS, kind),
            "from_date": dates(offset + since),
            "to_date": dates(offset + ended, ended != UNKNOWN),
            "evidence": coded(
                ["payroll", "register", "declared"], np.select([kind == 1, kind < 4], [0, 1], 2)
            ),
        }
    )


def _families(book: Book, draws: Draws) -> tuple[Ints, Ints]:
    """Pairs of relatives: neighbours in the block, and every pair of a planted family."""
    first = np.flatnonzero((book.main >= 0) & draws.chance(0.05, book.people.size))
    first = first[first + 1 < book.people.size]
    planted_from = [np.full(len(group) - 1, group[0]) for group in book.families]
    planted_to = [group[1:] for group in book.families]
    second = first + 1
    good = book.main[second] >= 0
    return np.concatenate([first[good], *planted_from]), np.concatenate([second[good], *planted_to])


_CARD_KINDS = ("debit", "credit", "social_security", "dual_currency", "etc")


def cards_table(
    book: Book, records: Records, credit: CreditCards, account_ids: pa.StringArray, last_use: Ints, owed: Ints
) -> pa.Table:
    """Debit, social-security, ETC and credit cards. `last_use` and `owed` (fen) are by account."""
    draws = book.draws("cards")
    people, offset, days = book.people, book.world.span.offset, book.days
    main = np.flatnonzero(book.main >= 0)
    debit = main[draws.chance(0.62, len(main))]
    social = main[draws.chance(0.24, len(main)) & (people.document[main] == 0)]
    tags = car_owners(book)
    kinds = np.concatenate(
        [np.zeros(len(debit)), np.full(len(social), 2), np.full(len(tags), 4),
         np.where(draws.chance(0.06, len(credit.who)), 3, 1)]
    ).astype(np.int64)  # fmt: skip
    who = np.concatenate([debit, social, tags, credit.who])
    account = np.concatenate([book.main[debit], book.main[social], book.main[tags], credit.account])
    count, plain = len(who), len(who) - len(credit.who)
    low = np.maximum(people.opened[who], -2_400)
    issued = np.minimum(low + draws.below(np.maximum(1, days - 3 - low), count), days - 3)
    issued[plain:] = book.accounts.opened[credit.account]
    ready = np.where(
        draws.chance(np.where(kinds == 2, 0.7, 0.95), count), issued + draws.below(15, count), UNKNOWN
    )
    ready[plain:] = credit.activated
    ready = np.where((ready < days) & (ready >= issued), ready, UNKNOWN)
    used = np.where(ready != UNKNOWN, last_use[account], UNKNOWN)
    used = np.where((used >= ready) & (used >= 0), used, UNKNOWN)
    is_credit = np.arange(count) >= plain
    limit = book.accounts.limit[account]
    on_cards = np.where(
        is_credit & (records.row["cards"][who] >= 0), records.row["cards"][who], records.primary[who]
    )
    source, party = records.keys(on_cards)
    closed = people.closed[who]
    return pa.table(
        {
            "card_id": row_ids("D", book.block, count),
            "source": source,
            "party_id": party,
            "account_id": account_ids.take(pa.array(account)),
            "kind": coded(_CARD_KINDS, kinds),
            "issued_on": dates(offset + issued),
            "activated_on": dates(offset + ready, ready != UNKNOWN),
            "last_used_on": dates(offset + used, used != UNKNOWN),
            "expires_on": dates(offset + issued + 3_650 - 1_825 * is_credit),
            "closed_on": dates(offset + closed, (closed >= 0) & (closed >= issued)),
            "credit_limit_fen": pa.array(limit, mask=~is_credit),
            "credit_used_fen": pa.array(owed[account], mask=~is_credit),
        }
    )
