"""One block of customers from nothing to finished tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.contracts import CATEGORIES, CONTRACTS, FieldType
from quanke.bank.sample import dirt
from quanke.bank.sample.activity import channel_events, contacts_table
from quanke.bank.sample.advice import advice_consents, risk_assessments_table, sales_table
from quanke.bank.sample.book import CURRENCIES, UNKNOWN, Accounts, Book, Moves, Parties
from quanke.bank.sample.campaigns import Effects, plan_campaigns, pushes_table
from quanke.bank.sample.counterparties import Counterparties, fill_pool
from quanke.bank.sample.credit import add_credit_cards, add_loans
from quanke.bank.sample.days import DAY_SECONDS
from quanke.bank.sample.deposits import add_term_deposits
from quanke.bank.sample.draws import Draws, Ints
from quanke.bank.sample.foreign import add_foreign
from quanke.bank.sample.forms import (
    BANKS,
    CHANNEL_OF,
    CHANNELS,
    FORM,
    FORMS,
    INITIATED_OF,
    KIND_OF,
    MEMO_OF,
    MEMOS,
    MERCHANT_CODES,
    MERCHANT_OF,
    OWN_NAME_OF,
)
from quanke.bank.sample.income import add_pensions, add_wages, find_jobs
from quanke.bank.sample.ledger import Balances, Movements, settle
from quanke.bank.sample.organisations import block_businesses
from quanke.bank.sample.parties import SOURCES, Records, build_records
from quanke.bank.sample.people import FAR, NEVER, YUAN, LifeEvent, build_people
from quanke.bank.sample.planted import add_churn, add_misconduct
from quanke.bank.sample.portfolio import Portfolio, spread
from quanke.bank.sample.positions import (
    Positions,
    add_positions,
    holdings_table,
    open_positions,
    position_balances,
)
from quanke.bank.sample.relationship import (
    assign_posts,
    cards_table,
    consents_asked_later,
    consents_table,
    owner_choices_table,
    ownership_table,
    relations_table,
)
from quanke.bank.sample.spending import (
    add_bills,
    add_escrow,
    add_merchants,
    add_outings,
    add_quiet,
    add_second_accounts,
    even_out,
)
from quanke.bank.sample.text import coded, dates, decimals, digits, instants, packed, strings, tagged
from quanke.bank.sample.world import BLOCK, World

_CARD_USE = np.array(
    [f.kind in ("card_payment", "third_party_payment") or f.channel == "atm" for f in FORMS], dtype=np.bool_
)


@dataclass(slots=True)
class Output:
    """Finished tables of one block: whole ones, and by month of the span; known truth beside them."""

    whole: dict[str, pa.Table] = field(default_factory=dict)
    monthly: dict[str, list[pa.Table]] = field(default_factory=dict)
    truth: dict[str, pa.Table] = field(default_factory=dict)


def generate_block(world: World, block: int) -> Output:
    """All tables of a block; the same whoever calls and in whatever order."""
    book, who = _open_book(world, block)
    conduct = add_misconduct(book, who)
    portfolio = spread(book.draws("portfolio"), book.people, book.days)
    _open_main(book, portfolio)
    effects = plan_campaigns(book)
    jobs = find_jobs(book)
    add_wages(book, who, jobs)
    add_pensions(book, who)
    add_outings(book, who)
    add_quiet(book, who)
    add_merchants(book, who)
    add_bills(book, who)
    credit = add_credit_cards(book, who, effects.card_day)
    add_loans(book, who)
    add_term_deposits(book, portfolio)
    positions = _all_positions(book, portfolio, effects)
    add_foreign(book, who)
    add_second_accounts(book, who)
    add_escrow(book)
    add_churn(book)
    even_out(book)
    book.accounts.close_books()
    moves, balances = _settled(book, positions)
    account_ids = strings(book.accounts.numbers())
    records = build_records(book, jobs, positions)
    output = Output()
    output.monthly["transactions"] = _transactions(book, moves, account_ids)
    output.monthly["balances"] = _balances(book, balances, account_ids)
    output.monthly["channel_events"] = channel_events(book, records, conduct)
    post = assign_posts(book, conduct)
    last_use, owed = _card_state(book, moves, balances)
    consents = consents_table(book, records)
    output.whole = {
        "parties": records.table,
        "organisations": book.businesses.table,
        "relations": relations_table(book, records, jobs),
        "consents": pa.concat_tables(
            [consents, advice_consents(book, records), consents_asked_later(book, consents)]
        ).unify_dictionaries(),
        "ownership": ownership_table(book, records, post),
        "owner_choices": owner_choices_table(book, records, post),
        "accounts": _accounts(book, records, account_ids),
        "cards": cards_table(book, records, credit, account_ids, last_use, owed),
        "holdings": holdings_table(book, positions, account_ids),
        "contacts": contacts_table(book, records, post, conduct, effects),
        "risk_assessments": risk_assessments_table(book, records),
        "sales": sales_table(book, records, positions),
    }
    _add_pushes(book, output, effects, records)
    _spoil(book, output, records)
    _finish_truth(book, output, records, account_ids)
    return output


def _open_book(world: World, block: int) -> tuple[Book, Counterparties]:
    people = build_people(world, block)
    size = people.size
    businesses = block_businesses(
        Draws(world.seed, block, "businesses"),
        world.span,
        world.branches,
        block,
        max(4, size // 220),
        max(4, size // 250),
    )
    pool, who = fill_pool(world, block)
    main = np.where(people.in_core, np.arange(size, dtype=np.int64), NEVER)
    return Book(world, block, people, businesses, Accounts(block), pool, Moves(), main), who


def _open_main(book: Book, portfolio: Portfolio) -> None:
    """First accounts: position i belongs to person i (unused, and never written, where he has none)."""
    people = book.people
    draws = book.draws("first accounts")
    here = book.main >= 0
    opened = np.where(here, people.opened, FAR)
    book.accounts.open(
        np.arange(people.size), "demand", opened, klass=0, product=0, rate=500, opening=portfolio.demand,
        closed=np.where(here, people.closed, NEVER),
    )  # fmt: skip
    new = np.flatnonzero(here & (people.opened >= 0))
    first = np.maximum(portfolio.demand[new], 1 * YUAN)
    cash = draws.chance(0.4, len(new))
    form = np.where(cash, FORM["first_cash"], FORM["first_transfer"])
    party = np.where(cash, NEVER, book.elsewhere(new))
    second = 9 * 3_600 + draws.below(28_000, len(new))
    book.moves.add(new, people.opened[new], second, first, form, party, steady=False)


def _all_positions(book: Book, portfolio: Portfolio, effects: Effects) -> Positions:
    """The portfolio's positions and those a campaign led to."""
    draws = book.draws("campaign positions")
    buyers = np.flatnonzero((effects.fund_day >= 0) & (effects.fund_day < book.days - 1))
    amount = np.maximum(book.people.wealth[buyers] // 20, 1_000 * YUAN) // (100 * YUAN) * (100 * YUAN)
    funds = book.world.products.of("fund")
    product = funds[draws.below(2, len(buyers))]
    led = open_positions(book, draws, "fund", buyers, amount, product, effects.fund_day[buyers])
    return Positions.joined([add_positions(book, portfolio), led])


def _settled(book: Book, positions: Positions) -> tuple[Movements, Balances]:
    """Cash accounts through the ledger, positions by their unit values; both together."""
    accounts = book.accounts
    moves = book.moves.all()
    is_position = accounts.is_position()
    on_position = is_position[moves.account]
    cash = accounts.cash()
    # positions are not the ledger's: hide them, so that it neither opens nor closes them
    cash.opened[is_position] = FAR
    cash.closed[is_position] = NEVER
    settled, balances = settle(
        cash, moves.take(~on_position), book.world.span.interest_days(), FORM["interest"], FORM["closing"]
    )
    valued = position_balances(book, positions)
    both = Balances(
        np.concatenate([balances.account, valued.account]),
        np.concatenate([balances.day, valued.day]),
        np.concatenate([balances.balance, valued.balance]),
    )
    return settled.with_others(moves.take(on_position)), both


def _sorted_by(first: NDArray[np.int32] | Ints) -> Ints:
    bits = len(first).bit_length()
    keys = (first.astype(np.int64) << bits) | np.arange(len(first), dtype=np.int64)
    keys.sort()
    return keys & ((1 << bits) - 1)


def _transactions(book: Book, moves: Movements, account_ids: pa.StringArray) -> list[pa.Table]:
    """Movements in order of time within the block, by month."""
    order = _sorted_by(moves.second)
    account, second, amount = moves.account[order], moves.second[order], moves.amount[order]
    form = moves.form[order]
    parties = book.counterparties(book.people.names, _holder_names(book), account_ids)
    place = parties.place(moves.party[order])
    place = np.where((form == FORM["closing"]) & (place < 0), parties.elsewhere_from + account, place)
    ids = strings(tagged("T", digits(book.block * 10_000_000 + np.arange(len(order), dtype=np.int64), 11)))
    bounds = np.searchsorted(
        book.world.span.month_of[second // DAY_SECONDS], np.arange(len(book.world.span.months) + 1)
    )
    names = parties.names.dictionary_encode()
    tables = []
    for low, high in pairwise(bounds.tolist()):
        cut = slice(low, high)
        tables.append(
            _month_of_transactions(
                book, ids.slice(low, high - low), account[cut], second[cut], amount[cut], form[cut],
                place[cut], account_ids, parties, names,
            )
        )  # fmt: skip
    return tables


def _month_of_transactions(
    book: Book, ids: pa.StringArray, account: NDArray[np.int32], second: NDArray[np.int32], amount: Ints,
    form: NDArray[np.int16], place: NDArray[np.int32], account_ids: pa.StringArray, parties: Parties,
    names: pa.DictionaryArray,
) -> pa.Table:  # fmt: skip
    offset = book.world.span.offset
    day = second // DAY_SECONDS
    own = OWN_NAME_OF[form]
    name = np.where(place < 0, -1, names.indices.to_numpy()[place])
    no_account = ~parties_with_account(parties)[place]
    return pa.table(
        {
            "transaction_id": ids,
            "account_id": packed(account_ids, account),
            "date": dates(day.astype(np.int64) + offset),
            "at": instants(second.astype(np.int64) + offset * DAY_SECONDS),
            "direction": coded(["in", "out"], (amount < 0).astype(np.int32)),
            "amount_fen": pa.array(np.abs(amount)),
            "kind": coded(CONTRACTS["transactions"]["kind"].values, KIND_OF[form]),
            "channel": coded(CHANNELS, CHANNEL_OF[form]),
            "initiated": pa.array(INITIATED_OF[form]),
            "counterparty_account": packed(parties.accounts, np.where(no_account, -1, place)),
            "counterparty_name": packed(names.dictionary, name),
            "counterparty_bank": coded(BANKS, np.where(place < 0, -1, parties.banks[place])),
            "own_name": pa.array(own == 1, mask=own < 0),
            "merchant_code": coded(MERCHANT_CODES, MERCHANT_OF[form]),
            "memo": coded(MEMOS, MEMO_OF[form]),
        }
    )


def parties_with_account(parties: Parties) -> NDArray[np.bool_]:
    """Whether each counterparty has an account number; a False behind them for "none"."""
    known = pc.is_valid(parties.accounts).to_numpy(zero_copy_only=False)
    return np.concatenate([known, [False]])


def _holder_names(book: Book) -> pa.StringArray:
    names = pa.concat_arrays([book.people.names, book.businesses.names])
    return names.take(pa.array(book.accounts.holder))


def _balances(book: Book, balances: Balances, account_ids: pa.StringArray) -> list[pa.Table]:
    """End-of-day balances in order of day and account, by month."""
    order = _sorted_by(balances.day.astype(np.int64) * (1 << 18) + balances.account)
    account, day, balance = balances.account[order], balances.day[order], balances.balance[order]
    bounds = np.searchsorted(book.world.span.month_of[day], np.arange(len(book.world.span.months) + 1))
    tables = []
    for low, high in pairwise(bounds.tolist()):
        cut = slice(low, high)
        tables.append(
            pa.table(
                {
                    "account_id": packed(account_ids, account[cut]),
                    "date": dates(day[cut].astype(np.int64) + book.world.span.offset),
                    "balance_fen": pa.array(balance[cut]),
                }
            )
        )
    return tables


def _accounts(book: Book, records: Records, account_ids: pa.StringArray) -> pa.Table:
    """Accounts that exist, with the record of the source that keeps them."""
    accounts, people, offset = book.accounts, book.people, book.world.span.offset
    rows = np.flatnonzero(accounts.opened < FAR)
    holder, category = accounts.holder[rows], accounts.category[rows]
    person = holder < people.size
    who = np.where(person, holder, 0)
    is_card = category == CATEGORIES.index("credit_card")
    record = np.where(is_card, records.row["cards"][who], records.primary[who])
    source, party = records.keys(record)
    orgs = book.businesses.party_ids
    org = np.where(person, 0, holder - people.size)
    party = pc.if_else(pa.array(person), party, orgs.take(pa.array(org)))
    source = coded(SOURCES, np.where(person, records.source[record], 0))
    branch = np.where(person, people.branch[who], book.businesses.branch[org])
    matures, rate, limit, closed = (
        getattr(accounts, n)[rows] for n in ("matures", "rate", "limit", "closed")
    )
    klass, product = accounts.klass[rows], accounts.product[rows]
    employed = person & (klass == 0) & (accounts.currency[rows] == 0) & (people.persona[who] == 2)
    return pa.table(
        {
            "account_id": account_ids.take(pa.array(rows)),
            "source": source,
            "party_id": party,
            "product_id": coded(book.world.products.ids.to_pylist(), product),
            "category": coded(CATEGORIES, category),
            "account_class": coded(["I", "II", "III"], klass),
            "currency": coded(CURRENCIES, accounts.currency[rows]),
            "branch_id": packed(book.world.branches.ids, branch),
            "opened_on": dates(offset + accounts.opened[rows]),
            "closed_on": dates(offset + closed, closed >= 0),
            "matures_on": dates(offset + matures, matures != UNKNOWN),
            "annual_rate": decimals(rate, rate >= 0),
            "credit_limit_fen": pa.array(limit, mask=limit < 0),
            "employer_opened": pa.array(employed & (rows % 3 == 0)),
        }
    )


def _card_state(book: Book, moves: Movements, balances: Balances) -> tuple[Ints, Ints]:
    """Day of the last use by card and what is owed at the end (raising limits to the highest debt)."""
    last_use = np.full(book.accounts.count, UNKNOWN, dtype=np.int64)
    rows = np.flatnonzero(_CARD_USE[moves.form])
    np.maximum.at(last_use, moves.account[rows], moves.second[rows] // DAY_SECONDS)
    owed = np.zeros(book.accounts.count, dtype=np.int64)
    order = _sorted_by(balances.account.astype(np.int64) * 4_096 + balances.day)
    owed[balances.account[order]] = np.maximum(0, -balances.balance[order])
    highest = np.zeros(book.accounts.count, dtype=np.int64)
    np.maximum.at(highest, balances.account, -balances.balance)
    cards = book.accounts.category == CATEGORIES.index("credit_card")
    needed = -(-highest // (1_000 * YUAN)) * 1_000 * YUAN
    book.accounts.limit = np.where(cards, np.maximum(book.accounts.limit, needed), book.accounts.limit)
    return last_use, owed


def _add_pushes(book: Book, output: Output, effects: Effects, records: Records) -> None:
    every = np.arange(book.people.size, dtype=np.int64)
    source, party = records.keys(records.primary[every])
    pushes = pushes_table(book, effects, source, party, book.block * 1_000_000)
    if pushes is not None:
        output.whole["pushes"] = pushes


def _spoil(book: Book, output: Output, records: Records) -> None:
    """Dirty the finished tables and write down where."""
    draws = book.draws("dirt")
    whole, monthly = output.whole, output.monthly
    found: list[pa.Table] = []
    primary = np.zeros(len(records.who), dtype=np.bool_)
    primary[records.primary[records.primary >= 0]] = True
    free = (records.source == SOURCES.index("partner")) & ~primary
    last_day = book.world.span.offset + book.days - 1
    whole["parties"], more = dirt.spoil_parties(draws, whole["parties"], free, last_day)
    found += more
    whole["organisations"], more = dirt.spoil_organisations(draws, whole["organisations"])
    found += more
    whole["accounts"], more = dirt.spoil_accounts(draws, whole["accounts"], book.block)
    found += more
    for month in range(len(book.world.span.months)):
        table = monthly["transactions"][month]
        monthly["transactions"][month], more = dirt.spoil_transactions(draws, table, book.block, month)
        found += more
        monthly["balances"][month], more = dirt.spoil_balances(draws, monthly["balances"][month])
        found += more
    if found:
        output.truth["dirty_records"] = pa.concat_tables(found)


def _finish_truth(book: Book, output: Output, records: Records, account_ids: pa.StringArray) -> None:
    """Known truth with the numbers a reader can join on."""
    people, first = book.people, book.block * BLOCK
    eventful = np.flatnonzero(people.event != LifeEvent.NONE)
    book.note(
        "life_events",
        {
            "person": pa.array(people.person[eventful]),
            "date": dates(people.event_day[eventful] + book.world.span.offset),
            "event": coded([event.name.lower() for event in LifeEvent], people.event[eventful]),
        },
    )
    for name, parts in book.truth.items():
        table = pa.concat_tables(parts).unify_dictionaries()
        if "account" in table.column_names:
            place = table.schema.get_field_index("account")
            table = table.set_column(place, "account_id", account_ids.take(table["account"].combine_chunks()))
        if name != "who_is_who":
            rows = records.primary[table["person"].to_numpy() - first]
            source, party = records.keys(rows)
            table = table.append_column("source", source).append_column("party_id", party)
        output.truth[name] = table


def ordered(name: str, table: pa.Table) -> pa.Table:
    """Columns in the order of the contract; a column the contract does not know is a mistake here."""
    columns = [f"{f.name}_fen" if f.type is FieldType.MONEY else f.name for f in CONTRACTS[name]]
    strange = set(table.column_names) - set(columns)
    if strange:
        raise ValueError(
            f"the sample bank writes columns {sorted(strange)} that contract {name} does not know"
        )
    return table.select([column for column in columns if column in table.column_names])
