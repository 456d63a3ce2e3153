"""Records to resolve, with the truth: the sample bank's persons in a shuffled order, and the FEBRL sets."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.process import quanke

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "benchmarks" / "data"
FEBRL = ROOT.parent / "shared" / "data" / "febrl"
FEBRL_SETS = (1, 2, 3)
_CUSTOMERS_PER_RECORD = 0.69
"""The sample bank keeps 1.455 records of a person on average; a few more are made and the rest cut."""


def sample_records(size: int) -> Path:
    """A folder with `records.parquet` and `truth.parquet` (person of each record, same order), made once.

    Records are those of the bank's parties file, dirt included, in an order drawn once: so the last
    hundredth of them is a fair night's worth of new records.
    """
    folder = DATA / f"identity-{size}"
    if not (folder / "truth.parquet").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        customers = max(500, int(size * _CUSTOMERS_PER_RECORD) + 50)
        files = folder / "files"
        quanke("sample", str(files), "--customers", str(customers), "--days", "90", "--json")
        _write(files, folder, size)
        shutil.rmtree(files)
    return folder


def _write(files: Path, folder: Path, size: int) -> None:
    parties = next(files.glob("parties_*.parquet"))
    with duckdb.connect() as connection:
        found = connection.sql(
            "select p.source || '|' || p.party_id || '|' || row_number() over (partition by p.source,"
            f" p.party_id) as record_id, p.*, w.person from read_parquet('{parties}') p join"
            f" (select distinct * from read_parquet('{files}/truth/who_is_who.parquet')) w"
            f" using (source, party_id) order by person, record_id limit {size}"
        ).to_arrow_table()
    order = np.random.default_rng(20260630).permutation(found.num_rows)
    found = found.take(pa.array(order))
    pq.write_table(found.select(["person"]), folder / "truth.parquet.part")
    pq.write_table(found.drop_columns(["person"]), folder / "records.parquet")
    (folder / "truth.parquet.part").rename(folder / "truth.parquet")


def febrl_columns(number: int) -> dict[str, list[str]]:
    """One FEBRL set as it lies in the file, by column, values without the blanks around them."""
    with (FEBRL / f"dataset{number}.csv").open(encoding="utf-8", newline="") as file:
        rows = [[value.strip() for value in row] for row in csv.reader(file)]
    return {name: [row[place] for row in rows[1:]] for place, name in enumerate(rows[0])}


def febrl_records(number: int) -> pa.Table:
    """One FEBRL set in the columns of `quanke.customers.resolve`; the number is of no kind known to it."""
    given = febrl_columns(number)

    def joined(*names: str) -> list[str]:
        return [
            " ".join(value for value in row if value) for row in zip(*(given[n] for n in names), strict=True)
        ]

    return pa.table(
        {
            "record_id": given["rec_id"],
            "name": joined("given_name", "surname"),
            "birth_date": given["date_of_birth"],
            "address": joined("street_number", "address_1", "address_2"),
            "city": given["suburb"],
            "postcode": given["postcode"],
            "district": given["state"],
            "id_number": given["soc_sec_id"],
            "id_type": ["other"] * len(given["rec_id"]),
        }
    )


def febrl_truth(number: int) -> list[int]:
    """The person of each record: `rec-17-org` and `rec-17-dup-2` are of person 17."""
    found = [re.match(r"rec-(\d+)-", rec_id) for rec_id in febrl_columns(number)["rec_id"]]
    return [int(match[1]) for match in found if match]
