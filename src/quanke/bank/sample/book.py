"""Where the generators of one block write: its accounts, counterparties and movements."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.contracts import CATEGORIES
from quanke.bank.sample.days import DAY_SECONDS
from quanke.bank.sample.draws import Bools, Draws, Ints
from quanke.bank.sample.forms import FORM
from quanke.bank.sample.ledger import CashAccounts, Movements
from quanke.bank.sample.organisations import Organisations
from quanke.bank.sample.people import NEVER, People
from quanke.bank.sample.text import account_numbers, digits, scattered, strings, tagged
from quanke.bank.sample.world import BLOCK, World

CURRENCIES = ("CNY", "USD", "HKD")
ACCOUNTS_PER_BLOCK = 399_989
"""Room for account numbers of a block; a prime, so that numbers scatter without repeating."""
UNKNOWN = -1_000_000
"""A day nobody knows (no maturity)."""

_FLOORED = [CATEGORIES.index(name) for name in ("demand", "wallet", "escrow", "term")]
_INTEREST = [CATEGORIES.index(name) for name in ("demand", "wallet")]
_POSITIONS = [CATEGORIES.index(name) for name in ("wealth", "fund", "insurance", "bond", "metal")]


@dataclass(slots=True)
class Accounts:
    """Accounts of a block by position; columns grow by `open` until `close_books`.

    `holder` is a person's position, or the size of the block plus an organisation's position.
    Days are positions in the span. `limit` -1 and `matures` `UNKNOWN` mean none.
    """

    block: int
    parts: dict[str, list[Ints]] = field(default_factory=dict)
    count: int = 0
    holder: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    category: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    klass: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    currency: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    product: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    opened: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    closed: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    matures: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    rate: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    limit: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    opening: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def open(self, holder: Ints, category: str, opened: Ints, **columns: int | Ints) -> Ints:
        """Open accounts; returns their positions. Other columns: klass, currency, product, closed, matures,
        rate, limit, opening (fen at the start of the span, only for accounts opened before it)."""
        defaults: dict[str, int] = {
            "klass": NEVER, "currency": 0, "product": NEVER, "closed": NEVER, "matures": UNKNOWN,
            "rate": NEVER, "limit": NEVER, "opening": 0,
        }  # fmt: skip
        values = defaults | columns | {"category": CATEGORIES.index(category)}
        size = len(holder)
        for name, value in {**values, "holder": holder, "opened": opened}.items():
            column = np.broadcast_to(np.asarray(value, dtype=np.int64), (size,))
            self.parts.setdefault(name, []).append(column)
        first = self.count
        self.count += size
        return np.arange(first, self.count, dtype=np.int64)

    def close_books(self) -> None:
        """Put the columns together; nothing can be opened afterwards."""
        if self.count > ACCOUNTS_PER_BLOCK:
            raise ValueError("more accounts in a block than numbers set aside for it")
        for name, pieces in self.parts.items():
            setattr(self, name, np.concatenate(pieces))
        self.parts = {}

    def numbers(self) -> NDArray[np.uint8]:
        """Account numbers as ASCII, shape (accounts, 19)."""
        local = scattered(np.arange(self.count, dtype=np.int64), ACCOUNTS_PER_BLOCK, 7_919)
        return account_numbers(self.block * 400_000 + local)

    def is_position(self) -> Bools:
        """Whether an account is a position with a market value rather than cash."""
        return np.isin(self.category, _POSITIONS)

    def cash(self) -> CashAccounts:
        """What the ledger must know."""
        return CashAccounts(
            np.where(self.opened < 0, self.opening, 0), self.opened.copy(), self.closed.copy(),
            np.isin(self.category, _FLOORED), np.isin(self.category, _INTEREST) & (self.currency == 0),
        )  # fmt: skip


@dataclass(slots=True)
class Pool:
    """Counterparties by position: name, account number (may be null), bank."""

    names: list[pa.Array] = field(default_factory=list)
    accounts: list[pa.Array] = field(default_factory=list)
    banks: list[NDArray[np.int32]] = field(default_factory=list)
    count: int = 0

    def add(self, names: pa.Array, accounts: pa.Array | None, banks: int | NDArray[np.int32] | Ints) -> int:
        """Add counterparties; returns the position of the first."""
        size = len(names)
        self.names.append(names)
        self.accounts.append(pa.nulls(size, pa.string()) if accounts is None else accounts)
        self.banks.append(np.broadcast_to(np.asarray(banks, dtype=np.int32), (size,)))
        first = self.count
        self.count += size
        return first


@dataclass(slots=True)
class Moves:
    """Movements as the generators write them. `steady` ones count when flows are balanced out."""

    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], Ints, NDArray[np.int16], NDArray[np.int32]]] = (
        field(default_factory=list)
    )
    steady: list[tuple[Ints, Ints]] = field(default_factory=list)

    def add(
        self, account: Ints, day: Ints, second: Ints, amount: Ints, form: str | Ints,
        party: int | Ints = NEVER, *, steady: bool = True,
    ) -> None:  # fmt: skip
        """Write movements: signed fen, `second` of the day; zero amounts and negative days are left out."""
        kept = np.flatnonzero((amount != 0) & (day >= 0) & (account >= 0))
        number = FORM[form] if isinstance(form, str) else form
        moment = (day * DAY_SECONDS + second)[kept]
        size = (len(account),)
        self.parts.append(
            (
                account[kept].astype(np.int32),
                moment.astype(np.int32),
                amount[kept].astype(np.int64),
                np.broadcast_to(np.asarray(number, dtype=np.int16), size)[kept],
                np.broadcast_to(np.asarray(party, dtype=np.int32), size)[kept],
            )
        )
        if steady:
            self.steady.append((account[kept], amount[kept]))

    def steady_by_account(self, accounts: int) -> Ints:
        """Sum of the steady movements per account; fen."""
        total = np.zeros(accounts, dtype=np.int64)
        for account, amount in self.steady:
            # float64 sums are exact here: amounts of one account stay far below 2**53
            total += np.bincount(account, weights=amount, minlength=accounts).astype(np.int64)
        return total

    def all(self) -> Movements:
        """Everything written, as one."""
        account, second, amount, form, party = zip(*self.parts, strict=True)
        return Movements(
            np.concatenate(account),
            np.concatenate(second),
            np.concatenate(amount),
            np.concatenate(form),
            np.concatenate(party),
        )


@dataclass(slots=True)
class Book:
    """One block being generated.

    `main` is each person's first demand account (-1 without); counterparties are numbered: the pool first,
    then every own account (`own`), then each person's namesake account at another bank (`elsewhere`).
    """

    world: World
    block: int
    people: People
    businesses: Organisations
    accounts: Accounts
    pool: Pool
    moves: Moves
    main: Ints
    truth: dict[str, list[pa.Table]] = field(default_factory=dict)
    families: list[Ints] = field(default_factory=list)

    OWN = 1_000_000
    ELSEWHERE = 2_000_000

    @property
    def days(self) -> int:
        """Days of the span."""
        return self.world.span.days

    def draws(self, name: str) -> Draws:
        """The stream of draws of one generator."""
        return Draws(self.world.seed, self.block, name)

    def own(self, account: Ints) -> Ints:
        """Counterparty numbers of accounts of this block."""
        return account + self.OWN

    def elsewhere(self, who: Ints) -> Ints:
        """Counterparty numbers of the persons' own accounts at other banks."""
        return who + self.ELSEWHERE

    def between(
        self, source: Ints, target: Ints, day: Ints, second: Ints, amount: Ints, out: str, into: str,
        *, received: Ints | None = None,
    ) -> None:  # fmt: skip
        """A transfer between own accounts: both legs, each naming the other. Not steady."""
        good = amount > 0
        day = np.where(good, day, NEVER)
        credit = amount if received is None else received
        self.moves.add(source, day, second, -amount, out, self.own(target), steady=False)
        self.moves.add(target, day, second + 1, credit, into, self.own(source), steady=False)

    def note(self, table: str, columns: dict[str, pa.Array]) -> None:
        """Write rows of known truth."""
        self.truth.setdefault(table, []).append(pa.table(columns))

    def counterparties(
        self, persons: pa.StringArray, holders: pa.StringArray, ids: pa.StringArray
    ) -> Parties:
        """Names, accounts and banks of all counterparties, and where each range begins."""
        count = len(persons)
        number = self.block * BLOCK + np.arange(count, dtype=np.int64)
        away = strings(tagged("621700", digits(scattered(number, 9_999_999_967, 314_159), 13)))
        away_bank = (1 + number * 7 % 10).astype(np.int32)
        banks = np.concatenate([*self.pool.banks, np.zeros(len(ids), dtype=np.int32), away_bank])
        return Parties(
            pa.chunked_array([*self.pool.names, holders, persons]).combine_chunks(),
            pa.chunked_array([*self.pool.accounts, ids, away]).combine_chunks(),
            banks,
            self.pool.count,
            self.pool.count + len(ids),
        )


@dataclass(frozen=True, slots=True)
class Parties:
    """All counterparties of a block in one numbering."""

    names: pa.StringArray
    accounts: pa.StringArray
    banks: NDArray[np.int32]
    own_from: int
    elsewhere_from: int

    def place(self, party: NDArray[np.int32]) -> NDArray[np.int32]:
        """Positions for the numbers used while generating; -1 stays -1."""
        found = party.copy()
        own = (party >= Book.OWN) & (party < Book.ELSEWHERE)
        found[own] += self.own_from - Book.OWN
        found[party >= Book.ELSEWHERE] += self.elsewhere_from - Book.ELSEWHERE
        return found
