"""Campaigns whose true effects are known, put into a home of the sample bank as pushes of its own parties."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.kernel.progress import SilentProgress

STARTED, SPRING = dt.date(2026, 4, 7), dt.date(2026, 3, 17)
"""First days of the campaigns."""
FUND, HARM, FEW, CALLS = "fund_push_april", "win_back_april", "term_sms_april", "fund_calls_march"
MEANS = {FUND: "push", HARM: "call", FEW: "sms", CALLS: "call"}


def with_campaigns(home: Path, files: Path, scratch: Path) -> None:
    """Load the campaigns. Whom `FUND` persuades was born before 1985: 40 points more, others none; `HARM`
    takes 10 points of conversions away from everybody; `FEW` has hardly any participants."""
    parties = pq.read_table(next(files.glob("parties_*.parquet")))
    people = parties.filter(pc.and_(pc.equal(parties["source"], "core"), pc.is_valid(parties["birth_date"])))
    year = pc.year(people["birth_date"]).to_numpy()
    random = np.random.default_rng(5)
    size = people.num_rows
    made = []
    for name, first, share, base, gain in (
        (FUND, STARTED, 0.7, 0.15, np.where(year < 1985, 0.4, 0.0)),
        (HARM, STARTED, 0.6, 0.20, np.full(size, -0.1)),
        (FEW, STARTED, 0.02, 0.5, np.zeros(size)),
        (CALLS, SPRING, 0.3, 0.2, np.full(size, 0.1)),
    ):
        who = np.flatnonzero(random.random(size) < share)
        treated = random.random(len(who)) < 0.5
        did = random.random(len(who)) < base + treated * gain[who]
        day = np.datetime64(first) + random.integers(0, 3, len(who))
        made.append(
            pa.table(
                {
                    "push_id": [f"{name}-{i}" for i in range(len(who))],
                    "campaign": [name] * len(who),
                    "source": people["source"].take(who),
                    "party_id": people["party_id"].take(who),
                    "date": pa.array(day),
                    "arm": np.where(treated, "treated", "control").tolist(),
                    "means": pa.array(np.where(treated, MEANS[name], "").tolist(), pa.string()),
                    "reached_on": pa.array(day, mask=~treated),
                    "converted_on": pa.array(day + random.integers(1, 25, len(who)), mask=~did),
                }
            )
        )
    rows = pa.concat_tables([table.cast(table.schema) for table in made], promote_options="permissive")
    means = pc.if_else(pc.equal(rows["means"], ""), None, rows["means"])
    rows = rows.set_column(rows.schema.get_field_index("means"), "means", means)
    scratch.mkdir()
    pq.write_table(rows, scratch / "pushes_2026-06-30.parquet")
    load(Home.open(home), scratch, progress=SilentProgress())
