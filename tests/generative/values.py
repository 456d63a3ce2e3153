"""Random values of every kind: ordinary ones mostly, and the odd ones that break things."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from quanke.language.types import Kind

AS_OF = dt.date(2026, 6, 30)
MOST = 2**63 - 1
LEAST = -(2**63)

ALPHABET = st.one_of(
    st.sampled_from("ab AB01%_.'\"\\${}张三é￿\u3000\t\n"),
    st.sampled_from("𠮷👍\U0010ffff\u0301\u200d"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)


def examples(usual: int) -> settings:
    """How often a test runs: `usual` times, or QUANKE_EXAMPLES times."""
    return settings(
        max_examples=int(os.environ.get("QUANKE_EXAMPLES", usual)),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def whole_numbers() -> st.SearchStrategy[int]:
    """64-bit integers, mostly small."""
    ordinary = st.integers(-30, 30)
    edges = st.sampled_from([MOST, MOST - 1, LEAST, LEAST + 1, 10**12, -(10**12), 2**53 + 1, 2**31, 10**18])
    return st.one_of(ordinary, ordinary, ordinary, st.integers(-(10**7), 10**7), edges, st.integers(LEAST, MOST))


def rates() -> st.SearchStrategy[Decimal]:
    """Rates of six places, below a trillion."""
    millionths = st.one_of(
        st.integers(-3_000_000, 3_000_000),
        st.integers(-3_000_000, 3_000_000),
        st.sampled_from([0, 1, -1, 500_000, -500_000, 1_000_000, 10**18 - 1, 1 - 10**18, 10**15]),
        st.integers(1 - 10**18, 10**18 - 1),
    )
    return millionths.map(lambda m: Decimal(m).scaleb(-6))


def numbers() -> st.SearchStrategy[float]:
    """Finite doubles."""
    return st.one_of(
        st.floats(-1000, 1000, allow_nan=False),
        st.sampled_from([0.0, -0.0, 0.5, 1.5, -2.5, 1e-6, 5e-7, 1e12, -1e12, 1e300, 1.7e308, 5e-324]),
        st.floats(allow_nan=False, allow_infinity=False),
    )


def dates() -> st.SearchStrategy[dt.date]:
    """Days from 1900 to 2199, ends of months and leap days more often, and now and then the first or
    last day there is."""
    days = st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31))
    ends = st.builds(
        lambda year, month, back: dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=back),
        st.integers(2023, 2027),
        st.integers(0, 11),
        st.integers(-1, 3),
    )
    return st.one_of(days, ends, ends, st.sampled_from([dt.date.min, dt.date.max, dt.date(1970, 1, 1)]))


def instants() -> st.SearchStrategy[dt.datetime]:
    """Moments from 1900 to 2199."""
    return st.one_of(
        st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 12, 31, 23, 59, 59, 999_999)),
        st.builds(
            dt.datetime.combine,
            dates(),
            st.sampled_from([dt.time(), dt.time(0, 0, 0, 1), dt.time(23, 59, 59, 999_999), dt.time(2, 30)]),
        ),
    )


def texts() -> st.SearchStrategy[str]:
    """Short text with what is odd in it."""
    return st.text(ALPHABET, max_size=6)


KNOWN: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.BOOLEAN: st.booleans(),
    Kind.INTEGER: whole_numbers(),
    Kind.MONEY: whole_numbers(),
    Kind.RATE: rates(),
    Kind.NUMBER: numbers(),
    Kind.TEXT: texts(),
    Kind.DATE: dates(),
    Kind.INSTANT: instants(),
}
"""Known values by kind, as plain Python carries them."""


def maybe(kind: Kind) -> st.SearchStrategy[Any]:
    """A value, or one time in five None."""
    return st.one_of(st.none(), *[KNOWN[kind]] * 4)
