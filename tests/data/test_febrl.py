"""FEBRL sets 1 to 3 (Freely Extensible Biomedical Record Linkage), whose duplicates are known.

They go through plain `resolve`. Floors are what was measured on 24 November 2026: at least the best F1 that
Splink reaches with the truth at hand (benchmarks/identity).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.identity.records import FEBRL, febrl_records, febrl_truth

from quanke.customers import resolve
from quanke.customers.identity import normalise, quality, train

pytestmark = pytest.mark.skipif(not FEBRL.is_dir(), reason=f"no FEBRL data: {FEBRL} is absent")

FLOORS = {1: 1.0, 2: 0.9992, 3: 0.9995}


@pytest.mark.parametrize("number", FLOORS)
def test_f1_is_at_least_what_splink_reaches_with_the_truth(number: int) -> None:
    records = febrl_records(number)
    if number == 2:  # the number serves as well where its kind is not told
        records = records.drop_columns(["id_type"])
    found = resolve(records)
    scores = quality(febrl_truth(number), found["customer"].to_numpy())
    assert scores["precision"] == 1.0
    assert scores["f1"] >= FLOORS[number]


def test_a_model_depends_on_the_set_of_records_alone() -> None:
    records = febrl_records(1)
    shuffled = records.take(pa.array(np.random.default_rng(7).permutation(records.num_rows)))
    again = shuffled.set_column(0, "record_id", pa.array([f"x{n}" for n in range(records.num_rows)]))
    model = train(normalise(records))
    assert model.trained_on > 900
    assert train(normalise(pa.concat_tables([shuffled, again]))) == model
