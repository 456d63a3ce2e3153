"""Random values of every kind: ordinary ones mostly, and the odd ones that break things.

Everything is drawn from a `random.Random` of one seed; hypothesis chooses the seeds.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from quanke.language.types import Kind

AS_OF = dt.date(2026, 6, 30)
MOST = 2**63 - 1
LEAST = -(2**63)
SEEDS = st.integers(0, 2**48)

_WHOLE_EDGES = (
    MOST,
    MOST - 1,
    LEAST,
    LEAST + 1,
    10**12,
    -(10**12),
    10**12 - 1,
    2**53 + 1,
    2**31,
    2**62,
    10**18,
)
_RATE_EDGES = (10**18 - 1, 1 - 10**18, 10**15, 5 * 10**17)
_NUMBER_EDGES = (
    -0.0,
    5e-7,
    1.5e-6,
    1e12,
    -1e12,
    999999999999.5,
    1e300,
    1.7e308,
    -1.7e308,
    5e-324,
    700.0,
    701.0,
)
_DAY_EDGES = (dt.date.min, dt.date.max, dt.date(1970, 1, 1), dt.date(1969, 12, 31))
_TIMES = (
    dt.time(),
    dt.time(0, 0, 0, 1),
    dt.time(23, 59, 59, 999_999),
    dt.time(2, 30),
    dt.time(12, 0, 0, 500_000),
)
_LETTERS = "ab AB01%_.'\"\\${}\t\n-张三深é￿\u3000\u0301\u200d𠮷👍\U0010ffff"


def examples(usual: int) -> settings:
    """How often a test runs: `usual` times, or QUANKE_EXAMPLES times."""
    return settings(
        max_examples=int(os.environ.get("QUANKE_EXAMPLES", usual)),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def whole_number(r: Random) -> int:
    """A 64-bit integer, mostly small."""
    match r.randrange(12):
        case 0:
            return r.choice(_WHOLE_EDGES)
        case 1:
            return r.randint(LEAST, MOST) >> r.randrange(64)
        case 2 | 3 | 4:
            return r.randint(-(10**7), 10**7)
    return r.randint(-20, 20)


def rate(r: Random) -> Decimal:
    """A rate of six places, below a trillion."""
    match r.randrange(12):
        case 0:
            millionths = r.choice(_RATE_EDGES)
        case 1:
            millionths = r.randint(1 - 10**18, 10**18 - 1) >> r.randrange(60)
        case 2 | 3 | 4:
            millionths = r.randint(-6, 6) * 500_000
        case _:
            millionths = r.randint(-3_000_000, 3_000_000)
    return Decimal(millionths).scaleb(-6)


def number(r: Random) -> float:
    """A finite double."""
    match r.randrange(12):
        case 0:
            return r.choice(_NUMBER_EDGES)
        case 1:
            return r.uniform(-1, 1) * 10.0 ** r.randint(-300, 300)
        case 2 | 3 | 4:
            return r.randint(-8, 8) / 2
    return r.uniform(-1000, 1000)


def day(r: Random) -> dt.date:
    """A day from 1900 to 2199, ends of months and leap days more often, now and then the first or last
    day there is."""
    choice = r.randrange(12)
    if choice == 0:
        return r.choice(_DAY_EDGES)
    if choice < 6:
        first = dt.date(r.randint(2023, 2028), r.randint(1, 12), 1)
        return first + dt.timedelta(days=r.randint(-3, 1))
    return dt.date(1900, 1, 1) + dt.timedelta(days=r.randrange(109_573))


def instant(r: Random) -> dt.datetime:
    """A moment on such a day."""
    time = (
        r.choice(_TIMES) if r.random() < 0.5 else dt.time(r.randrange(24), r.randrange(60), r.randrange(60))
    )
    return dt.datetime.combine(day(r), time)


def text(r: Random) -> str:
    """Short text with what is odd in it."""
    if r.random() < 0.4:
        return "".join(r.choice("ab张") for _ in range(r.randrange(4)))
    odd = (
        r.choice(_LETTERS) if r.random() < 0.9 else chr(r.randrange(1, 0xD800)) for _ in range(r.randrange(6))
    )
    return "".join(odd)


KNOWN: dict[Kind, Callable[[Random], Any]] = {
    Kind.BOOLEAN: lambda r: r.random() < 0.5,
    Kind.INTEGER: whole_number,
    Kind.MONEY: whole_number,
    Kind.RATE: rate,
    Kind.NUMBER: number,
    Kind.TEXT: text,
    Kind.DATE: day,
    Kind.INSTANT: instant,
}
"""Known values by kind, as plain Python carries them."""


def maybe(r: Random, kind: Kind) -> Any:
    """A value, or one time in eight None."""
    return None if r.randrange(8) == 0 else KNOWN[kind](r)
