"""The peer: Splink as its documentation uses it, at its own best. `bank FOLDER` or `febrl N`.

Parameters are learnt as in Splink's FEBRL example: u from random pairs, m by expectation maximisation in
blocks. Then every threshold is tried *with the truth at hand* and the best F1 after connected components is
taken: no run without labels can know that threshold, so this is more than Splink gives in earnest.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import splink.comparison_library as cl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

if not __package__:  # called as a script, in its own process
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.identity.ours import false_merges
from benchmarks.identity.records import febrl_columns, febrl_truth
from quanke.customers.identity import quality

WEIGHTS = range(-25, 41)
"""Match weights tried as thresholds."""


def learnt(linker: Any, sure: list[Any], recall: float, blocks: list[Any], pairs: float) -> None:
    """Splink's usual order of training."""
    linker.training.estimate_probability_two_random_records_match(sure, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=pairs, seed=1)
    for block in blocks:
        linker.training.estimate_parameters_using_expectation_maximisation(block)


def best(
    predictions: pa.Table, truth: Any, weights: range, wrong: Callable[[Any], int] | None = None
) -> tuple[dict[str, float], int]:
    """The best scores over all thresholds, and the threshold.

    `wrong` counts customers that hold two different valid numbers: of the best, and what the best F1 is among
    the thresholds where there are none.
    """
    left, right = (predictions[f"row_{side}"].to_numpy() for side in "lr")
    weight = predictions["match_weight"].to_numpy()
    found: tuple[dict[str, float], int] = ({"f1": -1.0}, 0)
    clean: tuple[float, int] = (-1.0, 0)
    for least in weights:
        kept = weight >= least
        graph = coo_array(
            (np.ones(int(kept.sum()), np.int8), (left[kept], right[kept])), shape=(len(truth),) * 2
        )
        label = connected_components(graph, directed=False)[1]
        scores = quality(truth, label)
        if wrong is not None:
            scores["false_merges_of_valid_ids"] = wrong(label)
            if not scores["false_merges_of_valid_ids"]:
                clean = max(clean, (scores["f1"], least))
        if scores["f1"] > found[0]["f1"]:
            found = (scores, least)
    if wrong is not None:
        found[0].update(f1_without_false_merges=clean[0], weight_without_false_merges=clean[1])
    return found


def told(linker: Any, truth: Any, begin: float, wrong: Callable[[Any], int] | None = None) -> dict[str, Any]:
    """Predict, note the time, then look for the best threshold, which is not counted."""
    predictions = linker.inference.predict(threshold_match_weight=WEIGHTS[0], warning_mode="never")
    table = predictions.as_duckdbpyrelation().select("row_l, row_r, match_weight").to_arrow_table()
    linker.clustering.cluster_pairwise_predictions_at_threshold(predictions, threshold_match_weight=10)
    seconds = round(time.perf_counter() - begin, 2)
    scores, weight = best(table, truth, WEIGHTS, wrong)
    return {"seconds": seconds, "weight": weight, **{name: round(value, 6) for name, value in scores.items()}}


def bank(folder: Path) -> dict[str, Any]:
    """The sample bank's records."""
    begin = time.perf_counter()
    wanted = ["name", "id_number", "birth_date", "phone", "address", "email", "sex", "district"]
    records = pq.read_table(folder / "records.parquet", columns=wanted)
    records = records.append_column("row", pa.array(np.arange(records.num_rows)))
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="row",
        retain_matching_columns=False,
        blocking_rules_to_generate_predictions=[
            block_on("id_number"),
            block_on("phone"),
            block_on("name", "birth_date"),
            block_on("name", "address"),
        ],
        comparisons=[
            cl.LevenshteinAtThresholds("name", [1]).configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("birth_date", input_is_string=False),
            cl.DamerauLevenshteinAtThresholds("id_number", [1, 2]),
            cl.LevenshteinAtThresholds("phone", [1, 2]),
            cl.JaroWinklerAtThresholds("address", [0.95, 0.88]),
            cl.ExactMatch("email"),
            cl.ExactMatch("sex"),
            cl.ExactMatch("district"),
        ],
    )
    linker = Linker(DuckDBAPI().register(records), settings, log_level=None)
    sure = [block_on("id_number"), block_on("name", "phone"), block_on("name", "birth_date", "address")]
    learnt(
        linker, sure, 0.95, [block_on("id_number"), block_on("name", "birth_date"), block_on("phone")], 2e6
    )
    truth = pq.read_table(folder / "truth.parquet")["person"].to_numpy()
    numbers = pq.read_table(folder / "records.parquet", columns=["id_type", "id_number"])
    return told(linker, truth, begin, lambda label: false_merges(numbers, label))


def febrl(number: int) -> dict[str, Any]:
    """One FEBRL set, with the comparisons of Splink's own FEBRL example."""
    begin = time.perf_counter()
    given = {name: [value or None for value in column] for name, column in febrl_columns(number).items()}
    records = pa.table({**given, "row": np.arange(len(given["rec_id"]))})
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="row",
        blocking_rules_to_generate_predictions=[
            block_on("soc_sec_id"),
            block_on("given_name"),
            block_on("surname"),
            block_on("date_of_birth"),
            block_on("postcode"),
        ],
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        ],
    )
    linker = Linker(DuckDBAPI().register(records), settings, log_level=None)
    sure = [
        block_on("soc_sec_id"),
        block_on("given_name", "surname", "date_of_birth"),
    ]
    learnt(linker, sure, 0.7, [block_on("date_of_birth"), block_on("postcode")], 1e7)
    return told(linker, febrl_truth(number), begin)


def main() -> None:
    """Do the job named and print what it gave, on a line of its own behind Splink's warnings."""
    job, what = sys.argv[1:3]
    print(json.dumps(bank(Path(what)) if job == "bank" else febrl(int(what))))


if __name__ == "__main__":
    main()
