"""Hillstrom's e-mail test (MineThatData, 2008): 64,000 customers, two mails and none, drawn by lot; whether
they visited in the two weeks after, and what they spent.

Codes become a column of 0 and 1 for each value; `history_segment` says what `history` says and is left out.
"""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SOURCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
MAILS = {"women": "Womens E-Mail", "men": "Mens E-Mail"}
NONE = "No E-Mail"
NUMBERS = ("recency", "history", "mens", "womens", "newbie")
CODES = ("zip_code", "channel")


@dataclass(frozen=True)
class Mail:
    """Customers who got one mail or none: features (n, k), whether they got it, what came of it."""

    rows: NDArray[np.float64]
    treated: NDArray[np.bool_]
    visit: NDArray[np.float64]
    spend: NDArray[np.float64]

    def half(self, seed: int) -> NDArray[np.bool_]:
        """Which customers to learn from: half of those with each arm and visit."""
        random, inside = np.random.default_rng(seed), np.zeros(len(self.visit), np.bool_)
        kind = self.treated * 2 + (self.visit > 0)
        for one in np.unique(kind):
            own = np.flatnonzero(kind == one)
            inside[random.permutation(own)[: len(own) // 2]] = True
        return inside


def read(mail: str, source: Path = SOURCE) -> Mail:
    """The customers of a mail ("women", "men") and those without any."""
    with gzip.open(source) as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))
    rows = [row for row in rows if row["segment"] in (MAILS[mail], NONE)]
    columns = [np.array([float(row[name]) for row in rows]) for name in NUMBERS]
    for name in CODES:
        given = np.array([row[name] for row in rows])
        columns += [(given == value).astype(np.float64) for value in sorted(set(given))]
    return Mail(
        np.column_stack(columns),
        np.array([row["segment"] != NONE for row in rows]),
        np.array([float(row["visit"]) for row in rows]),
        np.array([float(row["spend"]) for row in rows]),
    )
