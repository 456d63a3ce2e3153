"""A model learnt from the records themselves, without anybody telling which of them are one person.

u comes from pairs taken blindly by content, m from Splink's expectation maximisation within blocks. All of
it is counted over records of distinct content in the order of their digests, and rounded: the same set of
records gives the same model in any order, on any number of threads, and when a file comes twice.
"""

from __future__ import annotations

from typing import Any

from quanke.customers.identity.comparisons import COLUMNS, FIELDS, Field
from quanke.customers.identity.model import SMALLEST, IdentityModel, default_model
from quanke.customers.identity.scoring import Connection, Normalised, connected, pin_terms, splink_linker

FEWEST_RECORDS = 500
"""Distinct records below which nothing is learnt and the shipped model is used."""

_MOST_RECORDS = 150_000
_BLIND_PAIRS = 750_000
_MOST_PAIRS_IN_BLOCK = 400_000
_FEWEST_PAIRS_IN_BLOCK = 100
_FREQUENT = 20
"""Records from which on a name is frequent enough to be kept in a model; rarer ones would tell of people."""

_MOST_ALIKE = 50
_LEAST_M = 0.002
_BLOCKS = (("name_key", "birth"), ("phone",), ("number",), ("address",), ("name_key", "postcode"))
"""Columns that agree within a block; the fields they belong to are learnt in the other blocks."""

_FOUND_BY_RULE = 0.9
"""Share of the true pairs that `_sure_pairs` is taken to find."""


def train(normalised: Normalised) -> IdentityModel:
    """The model of the persons in a normalised table (or a Parquet file of one); the shipped one where they
    are too few.

    Terms are pinned for names that at least 20 records have. About 10 seconds for a million records.
    """
    shipped = default_model()
    with connected(normalised) as connection:
        connection.execute(
            "create table distinct_records as select arg_min(position, record_id) as position from records"
            " where not organisation group by digest"
        )
        wanted = ", ".join(COLUMNS)
        connection.execute(
            f"create table learning as select (row_number() over (order by digest) - 1)::integer as position,"
            f" {wanted} from records join distinct_records using (position) order by digest"
            f" limit {_MOST_RECORDS}"
        )
        count = _count(connection, "learning")
        if count < FEWEST_RECORDS:
            return shipped
        terms, rare = _terms(connection)
        connection.execute("create or replace temp view records as select * from learning")
        prior = _prior(connection, count, shipped)
        u = _blind(connection, shipped, count)
        start = IdentityModel(prior, shipped.m, u, terms, rare)
        m = _learnt(connection, start)
        documents = _count(connection, "learning where family is not null") > 0
    return IdentityModel(prior, m, u, terms, rare, documents=documents, trained_on=count)


def _count(connection: Connection, table: str) -> int:
    return int(connection.sql(f"select count(*) from {table}").fetchall()[0][0])


def rounded(share: float, least: float = SMALLEST) -> float:
    """Four digits: more would depend on the order in which threads add."""
    return float(f"{min(max(share, least), 1.0):.4g}")


def _terms(connection: Connection) -> tuple[dict[str, float], float]:
    """Shares of frequent names, and the share of the name of a record whose name is not frequent."""
    connection.execute(
        "create table names as select name_key, count(*) as n from records join distinct_records using"
        " (position) where name_key is not null group by name_key"
    )
    total = connection.sql("select coalesce(sum(n), 1) from names").fetchall()[0][0]
    frequent = connection.sql(f"select name_key, n from names where n >= {_FREQUENT} order by 1").fetchall()
    rare = connection.sql(
        f"select coalesce(sum(n * n) / sum(n), 1) from names where n < {_FREQUENT}"
    ).fetchall()[0][0]
    return {name: rounded(n / int(total)) for name, n in frequent}, rounded(float(rare) / int(total))


def _prior(connection: Connection, count: int, shipped: IdentityModel) -> float:
    """Chance that two records are of one person, from pairs that two strong fields agree on."""
    rules = (("number",), ("name_key", "birth"), ("name_key", "phone"), ("name_key", "address"))
    found = _count(connection, f"({' union '.join(map(_sure_pairs, rules))})")
    if not found:
        return rounded(1 / count)
    return rounded(found / _FOUND_BY_RULE / (count * (count - 1) / 2))


def _sure_pairs(columns: tuple[str, ...]) -> str:
    """Pairs that agree in some columns, unless many records do: a filled-in value would be millions."""
    key, using = ", ".join(columns), " and ".join(f"l.{column} = r.{column}" for column in columns)
    free = f"(select {key} from learning group by {key} having count(*) between 2 and {_MOST_ALIKE})"
    return (
        f"select l.position as a, r.position as b from {free} join learning l using ({key}) join learning r"
        f" on {using} where l.position < r.position"
    )


def _blind(connection: Connection, shipped: IdentityModel, count: int) -> dict[str, tuple[float, ...]]:
    """u of every level: shares among pairs of neighbours in the order of digests, which is blind.

    Pairs that two strong fields agree on are left out: in a small set some are of one person.
    """
    reach = max(1, min(count // 2, _BLIND_PAIRS // count))
    sides = ", ".join(f"{side}.{name} as {name}_{side}" for name in COLUMNS for side in "lr")
    strengths = ", ".join(f"{_strength(field)} as g_{field.name}" for field in FIELDS)
    connection.execute(
        f"create or replace table blind as select {strengths} from (select {sides} from learning l join"
        f" (select *, unnest(range(1, {reach + 1})) as step from learning) r"
        f" on l.position = r.position - step)"
    )
    strong = " + ".join(
        f"(g_{name} = {top})::integer"
        for name, top in (("name", 4), ("birth", 3), ("phone", 2), ("address", 3), ("email", 2))
    )
    connection.execute(f"delete from blind where g_number = 3 or {strong} >= 2")
    found = {}
    for field in FIELDS:
        rows = connection.sql(
            f"select g_{field.name}, count(*) from blind where g_{field.name} >= 0 group by all"
        ).fetchall()
        counts = dict(rows)
        total = sum(counts.values())
        if not total:
            found[field.name] = shipped.u[field.name]
            continue
        levels = range(len(field.levels) - 1, -1, -1)
        found[field.name] = tuple(rounded((counts.get(g, 0) + 0.2) / (total + 1)) for g in levels)
    return found


def _strength(field: Field) -> str:
    """A field's level as a number, as Splink has it: -1 unknown, 0 for the last level."""
    cases = [f"when {field.unknown} then -1"]
    cases += [f"when {level.condition} then {field.strength(level.label)}" for level in field.levels[:-1]]
    return f"(case {' '.join(cases)} else 0 end)::tinyint"


def _learnt(connection: Connection, start: IdentityModel) -> dict[str, tuple[float, ...]]:
    """m of every level by Splink's expectation maximisation; the start's where no block teaches a field."""
    from splink import block_on

    linker = splink_linker(connection, "learning", start, FIELDS)
    pin_terms(connection, linker, "learning", start)
    taught: set[str] = set()
    for block in _BLOCKS:
        if _pairs_in_block(connection, block) < _FEWEST_PAIRS_IN_BLOCK:
            continue
        try:
            session = linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*block), estimate_without_term_frequencies=True, max_pairs=_MOST_PAIRS_IN_BLOCK
            )
        except ValueError:
            # Splink refuses a level whose share falls to nothing on the way: such a block teaches nothing
            continue
        taught |= {one.output_column_name for one in session.core_model_settings.comparisons}
    learnt = dict(start.m)
    for comparison in linker.misc.save_model_to_json()["comparisons"]:
        name = comparison["output_column_name"]
        shares = [level.get("m_probability") for level in comparison["comparison_levels"][1:]]
        if name in taught and all(isinstance(share, float) for share in shares):
            learnt[name] = _smoothed(shares)
    return learnt


def _pairs_in_block(connection: Connection, block: tuple[str, ...]) -> int:
    columns = ", ".join(block)
    known = " and ".join(f"{column} is not null" for column in block)
    found: Any = connection.sql(
        "select coalesce(sum(n * (n - 1) / 2), 0) from (select count(*) as n from learning"
        f" where {known} group by {columns})"
    ).fetchall()[0][0]
    return int(found)


def _smoothed(shares: list[float]) -> tuple[float, ...]:
    raised = [max(share, _LEAST_M) for share in shares]
    return tuple(rounded(share / sum(raised)) for share in raised)
