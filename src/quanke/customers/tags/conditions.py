"""Conditions and small formulas that several tags share.

Sharing matters twice: the words mean the same everywhere, and engines compute an equal condition once
per row of the scan.
"""

from __future__ import annotations

from quanke.bank.contracts import ASSET_CATEGORIES, LOAN_CATEGORIES
from quanke.language import Expression, as_of, facts, when
from quanke.language.expressions import Operators

ASSETS: Expression = facts.balances.category.one_of(*ASSET_CATEGORIES)
"""Balances that count towards AUM: deposits, wealth, funds, insurance, bonds, metals, wallet. Escrow is
owned by others and loans are owed; neither counts (domain.md section 4)."""

LOANS: Expression = facts.balances.category.one_of(*LOAN_CATEGORIES)
"""Balances that are owed to the bank."""

DEPOSITS: Expression = facts.balances.category.one_of("demand", "wallet", "term")
"""Balances that are deposits."""

OPEN_ACCOUNT: Expression = facts.accounts.closed_on.is_null() | (facts.accounts.closed_on > as_of())
"""Accounts that were not closed on the as-of day."""

OPEN_CARD: Expression = facts.cards.closed_on.is_null() | (facts.cards.closed_on > as_of())
"""Cards that were not cancelled on the as-of day."""

INITIATED: Expression = facts.transactions.initiated
"""Movements the customer started himself: no interest, fee, standing order or salary."""

SWITCHES = (
    "term_open",
    "term_mature",
    "wealth_purchase",
    "wealth_redemption",
    "insurance_premium",
    "interest",
    "fee",
    "refund",
)
"""Kinds of movement that change the form of money at the bank, not how much of it is there."""

FLOWS: Expression = (
    facts.transactions.category.one_of(*ASSET_CATEGORIES)
    & ~facts.transactions.kind.one_of(*SWITCHES)
    & ~(
        facts.transactions.own_name.otherwise(False)
        & (facts.transactions.counterparty_bank.otherwise("") == "own")
    )
)
"""Movements on asset accounts that bring money to the bank's books for the customer or take it away:
no switches between products, no moves between his own accounts here."""

INFLOW: Expression = FLOWS & (facts.transactions.direction == "in")
OUTFLOW: Expression = FLOWS & (facts.transactions.direction == "out")
ELSEWHERE: Expression = (facts.transactions.direction == "out") & (
    facts.transactions.counterparty_bank != "own"
)
"""Outgoing movements whose other party is known to bank elsewhere."""


def growth(now: Operators, before: Operators) -> Expression:
    """Relative change; null where `before` is not above zero (domain.md APR-3)."""
    return when(before > 0, (now - before) / before).otherwise(None)


def flag(condition: Operators) -> Expression:
    """1 where the condition is true, else 0: for counting how many hold."""
    return when(condition, 1).otherwise(0)
