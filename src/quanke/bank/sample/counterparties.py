"""The other sides of payments: pay platforms, shops, other people, developers, schools abroad."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from quanke.bank.sample.book import Pool
from quanke.bank.sample.draws import Draws, Ints
from quanke.bank.sample.forms import BANKS, FORM
from quanke.bank.sample.names import foreign
from quanke.bank.sample.text import account_numbers, digits, join, strings, tagged
from quanke.bank.sample.words import listed, words
from quanke.bank.sample.world import World


def shop_of(draws: Draws, first: int, form: Ints) -> Ints:
    """A shop that fits each payment; `first` is `Counterparties.chains`. Other forms: -1."""
    found = np.full(len(form), -1, dtype=np.int64)
    word = draws.words(len(form)).astype(np.int64)
    names = _shops()
    for name, shops in words()["shops_by_form"].items():
        rows = np.flatnonzero(form == FORM[name])
        found[rows] = first + names.index(shops[0]) + (word[rows] * len(shops) >> 32)
    return found


def _shops() -> list[str]:
    """All shops, in the order of the forms of payment made there."""
    return [shop for shops in words()["shops_by_form"].values() for shop in shops]


@dataclass(frozen=True, slots=True)
class Counterparties:
    """First position in the pool of each group, and its size where it varies."""

    platforms: int
    utilities: int
    tolls: int
    tax: int
    chains: int
    developers: int
    developer_count: int
    off_list: int
    schools_abroad: int
    strangers: int
    stranger_count: int
    abroad: int
    abroad_count: int
    bodies: int


def fill_pool(world: World, block: int) -> tuple[Pool, Counterparties]:
    """The counterparties of one block; shared ones are the same in all blocks."""
    draws = Draws(world.seed, block, "counterparties")
    pool = Pool()
    names, banks = zip(*words()["pay_platforms"], strict=True)
    platforms = pool.add(pa.array(names), None, np.array([BANKS.index(bank) for bank in banks]))
    utilities = pool.add(pa.array(listed("utilities")), None, BANKS.index("CCB"))
    tolls = pool.add(pa.array(["广东联合电子服务股份有限公司"]), None, BANKS.index("CCB"))
    tax = pool.add(pa.array(["国家税务总局深圳市税务局"]), None, BANKS.index("own"))
    shops = _shops()
    chains = pool.add(pa.array(shops), None, 1 + np.arange(len(shops)) % 10)
    sellers, off_list_sellers = listed("developers"), listed("off_list_sellers")
    developers = pool.add(pa.array(sellers), _numbers(draws, len(sellers)), 1 + np.arange(len(sellers)) * 2)
    off_list = pool.add(
        pa.array(off_list_sellers), _numbers(draws, len(off_list_sellers)), BANKS.index("PAB")
    )
    overseas = BANKS.index("OVERSEAS")
    schools_abroad = listed("schools_abroad")
    schools = pool.add(pa.array(schools_abroad), _foreign_numbers(draws, len(schools_abroad)), overseas)
    people = max(40, world.block_size(block) // 25)
    strange = world.names.chinese(draws, draws.chance(0.5, people), np.full(people, 1982))
    strangers = pool.add(strange, _numbers(draws, people), draws.below(11, people))
    payers = max(20, people // 20)
    abroad = pool.add(foreign(draws, payers), _foreign_numbers(draws, payers), overseas)
    # the city's bodies bank elsewhere; what a company of the block pays comes from its account here
    bodies = pool.add(world.bodies.names, world.bodies.accounts, 1 + np.arange(len(world.bodies.names)) % 10)
    return pool, Counterparties(
        platforms, utilities, tolls, tax, chains, developers, len(sellers), off_list, schools,
        strangers, people, abroad, payers, bodies,
    )  # fmt: skip


def _numbers(draws: Draws, count: int) -> pa.StringArray:
    return strings(account_numbers(draws.below(2_000_000_000, count), "622588"))


def _foreign_numbers(draws: Draws, count: int) -> pa.StringArray:
    return join("GB29NWBK", strings(tagged("", digits(draws.below(2_000_000_000, count), 14))))
