"""Pairs of records weighed by Splink's DuckDB backend with the numbers of an `IdentityModel`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.sql import literal
from quanke.customers.identity.comparisons import COLUMNS, FIELDS, Field
from quanke.customers.identity.model import IdentityModel

Connection: TypeAlias = duckdb.DuckDBPyConnection

_SHARE_OF_MEMORY = 4, 10
_PAIRS_IN_SLICE = 400_000


Normalised: TypeAlias = pa.Table | Path
"""A normalised table, in memory or as one Parquet file: the file of a large bank would not fit."""


@contextmanager
def connected(normalised: Normalised) -> Iterator[Connection]:
    """A connection that knows the normalised table as `records`, each row with its `position`.

    What does not fit in its memory is spilled to a folder that goes away with it.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    part, whole = _SHARE_OF_MEMORY
    limit = min(5_000, memory * part // whole // 1_000_000)
    with TemporaryDirectory(prefix="quanke-identity-") as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": cores,
            "memory_limit": f"{limit}MB",
            "temp_directory": spill,
        }
        with duckdb.connect(config=config) as connection:
            connection.execute("set preserve_insertion_order = false")
            connection.execute("set enable_progress_bar = false")  # it would be printed among the results
            if isinstance(normalised, Path):
                connection.execute(
                    "create view records as select * exclude (file_row_number), file_row_number::integer as"
                    f" position from read_parquet({literal(str(normalised))}, file_row_number = true)"
                )
            else:
                positions = pa.array(np.arange(normalised.num_rows, dtype=np.int32))
                connection.register("records", normalised.append_column("position", positions))
            yield connection


def rows_of(normalised: Normalised) -> int:
    """How many rows a normalised table has."""
    if isinstance(normalised, Path):
        return int(pq.read_metadata(normalised).num_rows)
    return int(normalised.num_rows)


def comparison_settings(field: Field, model: IdentityModel) -> dict[str, Any]:
    """One field as Splink wants it, with the model's m and u."""
    levels: list[dict[str, Any]] = [
        {"sql_condition": field.unknown, "label_for_charts": "unknown", "is_null_level": True}
    ]
    for level, m, u in zip(field.levels, model.m[field.name], model.u[field.name], strict=True):
        one: dict[str, Any] = {
            "sql_condition": level.condition.upper() if level.condition == "else" else level.condition,
            "label_for_charts": level.label,
            "m_probability": m,
            "u_probability": u,
        }
        if (field.name, level.label) == ("name", "same"):
            one |= {"tf_adjustment_column": "name_key", "tf_adjustment_weight": 1.0}
        levels.append(one)
    return {"output_column_name": field.name, "comparison_levels": levels}


def splink_linker(connection: Connection, table: str, model: IdentityModel, fields: tuple[Field, ...]) -> Any:
    """A Splink linker over a table of the connection that has `position` and the compared columns."""
    from splink import DuckDBAPI, Linker, SettingsCreator  # half a second: only where pairs are weighed

    logging.getLogger("splink").setLevel(logging.ERROR)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="position",
        probability_two_random_records_match=model.prior,
        comparisons=[comparison_settings(field, model) for field in fields],
        blocking_rules_to_generate_predictions=[],
        retain_matching_columns=True,  # the only way to be given the levels as well as the probability
        max_iterations=25,
    )
    database = DuckDBAPI(connection)
    return Linker(database.register(table), settings, log_level=None, validate_settings=False)


def pin_terms(connection: Connection, linker: Any, table: str, model: IdentityModel) -> None:
    """Give Splink the model's shares of names, so that they do not depend on the records at hand."""
    known = pa.table(
        {
            "name_key": pa.array(list(model.terms), pa.string()),
            "share": pa.array(list(model.terms.values()), pa.float64()),
        }
    )
    connection.register("known_terms", known)
    connection.execute(
        f"create or replace table pinned_terms as select name_key, coalesce(share, {model.rare_term!r}) as"
        f" tf_name_key from (select distinct name_key from {table} where name_key is not null)"
        " left join known_terms using (name_key)"
    )
    lookup = linker._db_api.register("pinned_terms")
    linker.table_management.register_term_frequency_lookup(lookup, "name_key")


def score(connection: Connection, model: IdentityModel) -> None:
    """Weigh the pairs of the table `pairs` (left_row, right_row): makes the table `scores`.

    One row per pair: `left_row`, `right_row`, `probability`, and for each field `g_<field>`: the strength of
    agreement (0 none, -1 unknown). Slice by slice, as Splink carries every compared column along.
    """
    connection.execute(
        "create or replace table numbered as select *, (row_number() over () - 1) // "
        f"{_PAIRS_IN_SLICE} as slice from pairs"
    )
    strengths = "".join(f", g_{field.name} tinyint" for field in FIELDS)
    connection.execute(
        f"create or replace table scores (left_row integer, right_row integer, probability double{strengths})"
    )
    slices = connection.sql("select coalesce(max(slice) + 1, 0) from numbered").fetchall()[0][0]
    for number in range(slices):
        _score_slice(connection, model, number)


def _score_slice(connection: Connection, model: IdentityModel, number: int) -> None:
    wanted = ", ".join(("position", *COLUMNS))
    connection.execute(
        "create or replace table blocked as select left_row as join_key_l, right_row as join_key_r,"
        f" '0' as match_key from numbered where slice = {number}"
    )
    connection.execute(
        f"create or replace table compared as select {wanted} from records where position in"
        " (select join_key_l from blocked union select join_key_r from blocked)"
    )
    linker = splink_linker(connection, "compared", model, FIELDS)
    pin_terms(connection, linker, "compared", model)
    blocked = linker._db_api.register("blocked")
    linker.table_management.register_blocked_pairs_for_predict(blocked)
    found = linker.inference.predict(warning_mode="never")
    strengths = ", ".join(f"gamma_{field.name}" for field in FIELDS)
    connection.execute(
        f"insert into scores select position_l, position_r, match_probability, {strengths}"
        f" from {found.physical_name}"
    )
    found.drop_table_from_database_and_remove_from_cache()
