"""UCI bank marketing (Moro, Cortez and Rita, 2014): 41,188 calls of a Portuguese bank, May 2008 to November
2010, in the order they were made, and whether a term deposit came of each.

`duration` is left out: nobody knows how long a call will be before it is made. Calls are cut by time: the
first 60 in a hundred to learn from, the next 20 to choose and calibrate by, the last 20 to report on.
"""

from __future__ import annotations

import csv
import io
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from quanke.plans.scores.fitting import Sheet

SOURCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "bank_marketing"
FILE = "bank-additional/bank-additional-full.csv"
NUMBERS = (
    "age", "campaign", "pdays", "previous", "emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m",
    "nr.employed",
)  # fmt: skip
CUTS = (0.6, 0.8)


def read(source: Path = SOURCE) -> tuple[Sheet, Sheet, Sheet]:
    """Sheets to learn from, to calibrate by and to report on. Codes become a column of 0 and 1 for each value
    that the first sheet has; `pdays` 999 means never called and is unknown."""
    with zipfile.ZipFile(source / "bank-additional.zip") as archive, archive.open(FILE) as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, "utf-8"), delimiter=";"))
    happened = np.array([row["y"] == "yes" for row in rows])
    cuts = [0, *(round(len(rows) * c) for c in CUTS), len(rows)]
    columns = [np.array([float(row[name]) for row in rows]) for name in NUMBERS]
    never = columns[NUMBERS.index("pdays")]
    never[never == 999] = np.nan
    for name in rows[0]:
        if name not in (*NUMBERS, "duration", "y"):
            values = np.array([row[name] for row in rows])
            columns += [(values == value).astype(float) for value in np.unique(values[: cuts[1]])]
    table = np.column_stack(columns)
    made = [Sheet(table[a:b], happened[a:b]) for a, b in pairwise(cuts)]
    return made[0], made[1], made[2]
