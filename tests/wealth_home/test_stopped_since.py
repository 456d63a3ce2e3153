"""What was loaded after a night stops its advice: consent, profiling, death, the end, a proposal declined."""

from __future__ import annotations

import datetime as dt

import duckdb
import pyarrow as pa
import pytest

from quanke.night.advised_since import Facts, declined_since, no_longer_agreed, stopped_since
from quanke.wealth.record import SCHEMA

GRANTED = ("advice", "2026-01-01", None)
DAY = dt.date(2026, 6, 30)


def date(day: str | None) -> str:
    return f"DATE '{day}'" if day else "NULL::DATE"


def facts(
    consents: tuple[tuple[str, str, str | None], ...] = (GRANTED,),
    closed: tuple[str | None, ...] = (None,),
    deceased: str = "false",
    answers: tuple[tuple[str, str], ...] = (),
) -> Facts:
    """The tables of one customer: consents as (purpose, granted, withdrawn), the end of each of his records
    of the core, answers as (day, kind) to the proposal of `DAY`."""

    def rows(columns: str, *values: str) -> str:
        unions = " UNION ALL ".join(f"SELECT {each}" for each in values)
        return f"(SELECT * FROM ({unions}) AS t({columns}))"

    tables = {
        "consents": rows(
            "purpose, granted_on, withdrawn_on",
            *(f"'{purpose}', {date(on)}, {date(off)}" for purpose, on, off in consents),
        ),
        "parties": rows(
            "source, party_id, closed_on, deceased",
            *(f"'core', '{n}', {date(day)}, {deceased}" for n, day in enumerate(closed)),
        ),
        "organisations": "(SELECT '' AS source, '' AS party_id, NULL::DATE AS closed_on WHERE false)",
        "advice_answers": rows(
            'proposed_on, date, kind, "at", answer_id',
            *(f"{date(str(DAY))}, {date(on)}, '{kind}', NULL::TIMESTAMP, '{on}'" for on, kind in answers),
        ),
    }

    def read(table: str) -> pa.Table:
        with duckdb.connect() as connection:
            return connection.sql(f"SELECT * FROM {tables[table]}").to_arrow_table()

    return read


@pytest.mark.parametrize(
    ("loaded", "rule"),
    [
        (facts(), None),
        (facts(consents=(("advice", "2026-01-01", "2026-07-01"),)), "ADV.no_consent"),
        # a withdrawal beats an older grant, whichever consent it was of
        (facts(consents=(GRANTED, ("advice", "2025-01-01", "2026-07-01"))), "ADV.no_consent"),
        (facts(consents=(GRANTED, ("advice", "2025-01-01", "2025-12-31"))), None),
        (facts(consents=(GRANTED, ("profiling", "2025-01-01", "2026-07-01"))), "ADV.refused_profiling"),
        (facts(consents=(GRANTED, ("profiling", "2025-01-01", None))), None),
        (facts(deceased="true"), "ADV.deceased"),
        (facts(closed=("2026-07-01",)), "ADV.closed"),
        (facts(closed=("2026-07-01", None)), None),
    ],
)
def test_the_rule_that_speaks_of_what_was_loaded_since(loaded: Facts, rule: str | None) -> None:
    stop = stopped_since(loaded)
    assert (stop.id if stop else None) == rule


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ((GRANTED,), False),
        ((("advice", "2026-01-01", "2026-07-01"),), True),
        ((GRANTED, ("advice", "2025-01-01", "2026-07-01")), True),
        ((GRANTED, ("advice", "2025-01-01", "2025-12-31")), False),
        ((GRANTED, ("profiling", "2025-01-01", "2026-07-01")), True),
        ((GRANTED, ("profiling", "2025-01-01", None)), False),
        ((), True),
    ],
)
def test_of_many_those_drop_out_whom_the_same_rule_stops(
    said: tuple[tuple[str, str, str | None], ...], ends: bool
) -> None:
    rows = [(7, *GRANTED), *((at, *each) for at, each in enumerate(said))]
    union = " UNION ALL ".join(
        f"SELECT {party}::INTEGER AS party, '{purpose}' AS purpose, {date(on)} AS granted_on, "
        f"{date(off)} AS withdrawn_on"
        for party, purpose, on, off in rows
    )
    # parties 0 to 3 are one customer, party 7 is another
    now = pa.table({"party": pa.array([0, 1, 2, 3, 7], pa.int32()), "customer": pa.array([5, 5, 5, 5, 9])})
    assert no_longer_agreed(union, now).tolist() == ([5] if ends else [])


def test_a_proposal_declined_since_the_night_leaves_him_in_peace() -> None:
    row = {"customer": 0, "proposed_on": DAY, "last_on": DAY, "trades": 5, "state": "proposed"}
    record = pa.Table.from_pylist([row], SCHEMA)
    no = facts(answers=(("2026-07-01", "declined"),))
    assert declined_since(no, record, DAY, 30).tolist() == [True]
    other = facts(answers=(("2026-07-01", "declined"), ("2026-07-02", "accepted")))
    assert declined_since(other, record, DAY, 30).tolist() == [False]
