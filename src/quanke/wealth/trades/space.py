"""What the kernel reads, and the room a thread works in, one customer after another.

Two tables of whole numbers, so that a call hands over two addresses: `h`, the house's (shelf, models, rules;
read only), and `w`, the customer's. Each row is one named column of it: `w[NOW, c]` is what is held of
class c now. An *item* is one possible trade: a position that can be sold, or a product that can be bought.
Its amounts are A, A + STEP ... B, and FULL where a position may also be sold whole (-1: not). An *option* is
a set of items of one class. Amounts are fen; X of a class is what is bought less what is sold.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from quanke.wealth.trades.inputs import CLASSES

MOST_ITEMS, MOST_OPTIONS, MOST_TRADES, OF_CLASS = 160, 480, 16, 4
"""Items and options of a customer, trades of a proposal, items of a class traded together, at most."""
ROW = MOST_TRADES + 1
NEVER = 1 << 60

# rows of h. By product:
(
    S_CLASS, S_ISSUER, S_LEAST, S_LOT, S_FEE, S_SALE, S_INSURED, S_INTEREST, S_CAP, S_RANK, S_ORDER,
) = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14)  # fmt: skip
"""S_RANK and S_ORDER: a row for each customer class."""
# by class (BEGINS: where its products begin in S_ORDER; WEIGHTS, BANDS: a row for each customer class), by
# issuer, the rules in the order of TradeRules, and sizes; then two rows for each step of the exit fee
H_BEGINS, H_WEIGHTS, H_BANDS, H_ISSUER_CAP, H_RULES, H_SIZES, H_STEPS = 19, 20, 25, 30, 31, 32, 33
LEAST_TRADE, WORTH, WORTH_PPM, HORIZON, QUIET_DAYS, FEE_BUDGET, INSURED_CAP, MOST_COUNT = range(8)
N_CLASSES, N_ISSUERS, N_STEPS, N_PRODUCTS = range(4)

# row 0 of w: numbers of the customer
(
    WHOLE, CASH, DEMAND, KEEP, SPENT, RISK_CLASS, HOLDINGS, TOLERANCE, BUDGET, ITEMS, LIQUID, LIQUID_END,
    OPTIONS, DEPTHS, CHOSEN, BEST_COUNT, BEST_OUTSIDE, BEST_FEE, BEST_FAR, BEST_RANK, BEST_BAD, FEES_BIND,
    CLIPPED, LEAVES, FEE_NOW, WRONG, TIED, GOAL, GRAIN, FROZEN, TAKEN,
    TURNED, BUYING,
) = range(33)  # fmt: skip
# other rows of w. By class: value, band, target, bits of why not, x, first option, items from, middle, to
NOW, LOW, HIGH, TARGET, WHY, X, FIRST, SPAN, LATELY = 1, 2, 3, 4, 5, 6, 7, 8, 11
# by product and issuer (insured deposits of each after all issuers)
HELD, OF_ISSUER, ROOM, USED, ALLOWED = 12, 13, 14, 15, 16
# by position; DUE: days until it is cash, -1 not within the horizon
P_PRODUCT, P_VALUE, P_DAYS, P_LOCKED, P_DUE = 17, 18, 19, 20, 21
# by item
SIGN, CLASS, PRODUCT, A, B, STEP, FULL, FEE, ISSUER, INSURED, INTEREST, RANK, BAD = range(22, 35)
ITEM_ROWS = (22, 35)
# by option: trades, least violation, range of x that has it, fee at least, unsuitable ones sold, items
TRADES, OUTSIDE, LEAST, MOST, FEES, UNSUITABLE, MEMBER = 35, 36, 37, 38, 39, 40, 41
OPTION_ROWS = (35, 41 + OF_CLASS)
# the search: classes in order, next option by depth, sums by depth, three bounds by depth and trades left
ORDER, NEXT, SUM, SUMS = 45, 46, 47, 53
# trades looked at, and the best; room to choose items in
LEAF, AMOUNT, UPTO, BY_FEE, BEST, BEST_AMOUNT, KEPT, PICKED, MONEY, BEFORE = range(56, 66)
"""MONEY: demand money with so many sales of near-cash."""
ROWS = 66
# why a class cannot be moved: bits
IS_LOCKED, IS_QUIET, HAS_SUITABLE, IS_CAPPED, IS_LUMPY = 1, 2, 4, 8, 16


class Parts(NamedTuple):
    """The house's table, and the columns of customers and of their positions."""

    h: Any
    risk_class: Any
    cash: Any
    keep: Any
    allowed: Any
    group: Any
    spent: Any
    lately: Any
    start: Any
    product: Any
    value: Any
    days_held: Any
    locked: Any
    matures: Any


def space(parts: Parts) -> Any:
    """Fresh room for a thread."""
    holdings = int(np.diff(parts.start).max(initial=0))
    issuers = 2 * int(parts.h[H_SIZES, N_ISSUERS])
    width = max(parts.h.shape[1], issuers, MOST_OPTIONS, (CLASSES + 1) * ROW, holdings)
    # rows begin on different lines of the processor's cache
    return np.zeros((ROWS, -(-width // 8) * 8 + 8), np.int64)
