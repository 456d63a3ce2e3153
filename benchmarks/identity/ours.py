"""Quanke's side, each job in a process of its own: `full FOLDER`, `night FOLDER`, `home FOLDER` or
`febrl N`.

`full` resolves all records and keeps what a night keeps; `night` takes what was kept of all but the last
hundredth and adds that; both print one JSON object.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if not __package__:  # called as a script, in its own process
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.identity.records import febrl_records, febrl_truth
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.customers.identity import (
    IdentityModel,
    find_links,
    group,
    normalise,
    quality,
    resolve,
    train,
)
from quanke.customers.register import update_register
from quanke.kernel.identifiers import columns
from quanke.kernel.progress import SilentProgress

NEW = 100
"""One record in so many is new in a night."""


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._last = time.perf_counter()

    def note(self, step: str) -> None:
        now = time.perf_counter()
        self.steps[step] = round(now - self._last, 2)
        self._last = now

    @property
    def total(self) -> float:
        return round(sum(self.steps.values()), 2)


def full(folder: Path) -> dict[str, Any]:
    """All records to customers: seconds by step, quality, the queue, and what no run may ever show."""
    clock = Clock()
    records = pq.read_table(folder / "records.parquet")
    clock.note("read")
    normalised = normalise(records)
    clock.note("normalise")
    model = train(normalised)
    clock.note("train")
    links = find_links(normalised, model)
    clock.note("links")
    grouping = group(normalised, links, None, model.cohesion)
    clock.note("group")
    truth = pq.read_table(folder / "truth.parquet")["person"].to_numpy()
    pq.write_table(normalised, folder / "normalised.parquet")
    pq.write_table(links, folder / "links.parquet")
    (folder / "model.json").write_text(model.to_json(), encoding="utf-8")
    queued = grouping.links.filter(pa.compute.equal(grouping.links["settled"], "queued"))
    answered = group(normalised, links, answers(queued, truth), model.cohesion)
    outcomes = queued["outcome"].value_counts().to_pylist()
    return {
        "seconds": clock.total,
        "steps": clock.steps,
        **rounded(quality(truth, grouping.label)),
        "link_from": model.link,
        "review_from": model.review,
        "grey_zone": queued.num_rows,
        "grey_zone_by_outcome": {pair["values"]: pair["counts"] for pair in outcomes},
        "false_merges_of_valid_ids": false_merges(records, grouping.label),
        "f1_after_queue": rounded(quality(truth, answered.label))["f1"],
        "records": records.num_rows,
        "groups": len(np.unique(grouping.label)),
    }


def night(folder: Path) -> dict[str, Any]:
    """The last hundredth of the records as a night's new ones, with what is kept of the rest."""
    whole, stored = (pq.read_table(folder / f"{name}.parquet") for name in ("normalised", "links"))
    model = IdentityModel.from_json((folder / "model.json").read_text(encoding="utf-8"))
    first = whole.num_rows - whole.num_rows // NEW
    kept = stored.filter(pa.compute.less(stored["right"], first))
    pq.write_table(whole.slice(0, first), folder / "kept.parquet")
    new = pq.read_table(folder / "records.parquet").slice(first)
    del whole
    clock = Clock()
    known = pq.read_table(folder / "kept.parquet")
    clock.note("read")
    normalised = pa.concat_tables([known, normalise(new)])
    clock.note("normalise")
    fresh = np.arange(normalised.num_rows) >= first
    found = find_links(normalised, model, fresh)
    clock.note("links")
    grouping = group(normalised, pa.concat_tables([kept, found]), None, model.cohesion)
    clock.note("group")
    whole_run = group(normalised, stored, None, model.cohesion)
    return {
        "seconds": clock.total,
        "steps": clock.steps,
        "as_the_whole_run": bool(np.array_equal(grouping.label, whole_run.label)),
        "new_records": int(fresh.sum()),
    }


def home(folder: Path) -> dict[str, Any]:
    """The step of a night in a home: everybody for the first time, then with a hundredth of new records."""
    records = pq.read_table(folder / "records.parquet").drop_columns(["record_id"])
    first = records.num_rows - records.num_rows // NEW
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Home.create(Path(scratch) / "home")
        seconds = []
        for number, (start, count) in enumerate(((0, first), (first, records.num_rows - first)), 1):
            files = Path(scratch) / str(number)
            files.mkdir()
            pq.write_table(records.slice(start, count), files / f"parties_2026-06-0{number}.parquet")
            load(made, files, progress=SilentProgress())
            begin = time.perf_counter()
            register = update_register(made, dt.date(2026, 6, number), SilentProgress())
            seconds.append(round(time.perf_counter() - begin, 2))
        absorbed = register.absorbed.num_rows
    return {
        "seconds": seconds[0],
        "night_seconds": seconds[1],
        "customers": register.count - absorbed,
        "numbers_absorbed": absorbed,
    }


def answers(queued: pa.Table, truth: np.ndarray[Any, Any]) -> pa.Table:
    """Every question of the queue answered as the truth has it."""
    left, right = (queued[name].to_numpy() for name in ("left", "right"))
    decisions = np.where(truth[left] == truth[right], "same", "different").tolist()
    return pa.table(
        {"left": queued["left"], "right": queued["right"], "decision": pa.array(decisions, pa.string())}
    )


def false_merges(records: pa.Table, label: np.ndarray[Any, Any]) -> int:
    """Groups that hold two different numbers which both pass the check of their kind, by the kernel."""
    types, numbers = records["id_type"], records["id_number"]
    ruled = pa.compute.invert(pa.compute.is_in(types, value_set=pa.array(["other", "military_id"])))
    known = np.asarray(pa.compute.and_(ruled, numbers.is_valid()).fill_null(False).to_numpy(), np.bool_)
    rows = np.flatnonzero(known & columns.valid_id_numbers(types, numbers))
    keys = columns.match_id_numbers(types, numbers).take(pa.array(rows))
    kinds = pa.compute.replace_substring(
        types.combine_chunks().take(pa.array(rows)), "household_register", "resident_id"
    )
    whole = pa.compute.binary_join_element_wise(kinds.cast(pa.string()), keys, ":")
    codes = whole.dictionary_encode().indices.to_numpy()
    held = np.unique(np.stack([label[rows].astype(np.int64), codes.astype(np.int64)]), axis=1)[0]
    return int(np.sum(np.unique(held, return_counts=True)[1] > 1))


def febrl(number: int) -> dict[str, Any]:
    """One FEBRL set through plain `resolve`."""
    records = febrl_records(number)
    begin = time.perf_counter()
    found = resolve(records)
    seconds = round(time.perf_counter() - begin, 2)
    scores = rounded(quality(febrl_truth(number), found["customer"].to_numpy()))
    return {**scores, "seconds": seconds, "grey_zone": int(np.sum(found["outcome"].to_numpy() == "review"))}


def rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in scores.items()}


def main() -> None:
    """Do the job named and print what it gave."""
    job, what = sys.argv[1:3]
    jobs = {
        "full": lambda: full(Path(what)),
        "night": lambda: night(Path(what)),
        "home": lambda: home(Path(what)),
        "febrl": lambda: febrl(int(what)),
    }
    print(json.dumps(jobs[job]()))


if __name__ == "__main__":
    main()
