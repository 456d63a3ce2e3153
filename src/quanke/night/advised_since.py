"""What stops advice since the night that made it: what was loaded after it about one customer.

Everything on file counts, of whatever day: who withdrew, died, left or said no is not advised on the word of
an older night.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.customers.golden import golden_record
from quanke.wealth.advisable import ADVICE_STOPS, AdviceStop
from quanke.wealth.record import declined_lately, proposals_followed

Facts = Callable[[str], str]
"""SQL of the rows of a table that are about the customer, by the name of the table."""
_SAID = ", ".join(
    f"max(granted_on) FILTER (purpose = '{purpose}' AND withdrawn_on IS NULL) AS {purpose}_on, "
    f"max(withdrawn_on) FILTER (purpose = '{purpose}') AS {purpose}_off"
    for purpose in ("advice", "profiling")
)
_NO_CONSENT = "(advice_on IS NULL OR coalesce(advice_off >= advice_on, false))"
_REFUSED = "(profiling_off IS NOT NULL AND coalesce(profiling_off >= profiling_on, true))"
"""A withdrawal on the day of a grant, or after it, ends it, whichever consent it was of."""
_STOPS = {each.id: each for each in ADVICE_STOPS}


def stopped_since(facts: Facts) -> AdviceStop | None:
    """The first rule that stops a customer by what is on file now; None where nothing does. It asks for
    consent, refused profiling, death and the end of the relationship, by the rules of the tags of those
    names."""
    ended, died = _gone(facts)
    consent, refused = _agreed(facts)
    found = {
        "ADV.closed": ended,
        "ADV.deceased": died,
        "ADV.no_consent": not consent,
        "ADV.refused_profiling": refused,
    }
    return next((_STOPS[name] for name, stops in found.items() if stops), None)


def _gone(facts: Facts) -> tuple[bool, bool]:
    """Whether the relationship ended, and whether he is known to have died."""
    with duckdb.connect() as connection:
        persons = connection.sql(
            f"SELECT source, party_id, closed_on, deceased FROM {facts('parties')}"
        ).to_arrow_table()
        bodies = connection.sql(
            f"SELECT source, party_id, closed_on FROM {facts('organisations')}"
        ).to_arrow_table()
    held = {each.name: each.value for each in golden_record(persons, bodies)}
    return held.get("closed_on") is not None, bool(held.get("deceased"))


def _agreed(facts: Facts) -> tuple[bool, bool]:
    """Whether a consent to advice stands, and whether profiling is refused."""
    with duckdb.connect() as connection:
        found = connection.sql(
            f"SELECT NOT ({_NO_CONSENT}), {_REFUSED} FROM (SELECT {_SAID} FROM {facts('consents')})"
        ).fetchall()
    return bool(found[0][0]), bool(found[0][1])


def no_longer_agreed(consents: str, parties: pa.Table) -> NDArray[np.int64]:
    """Customers, rising, of `parties` (`party, customer`) who are not to be advised by what is on file of
    consents (SQL of their rows): no consent to advice stands, or profiling is refused."""
    with duckdb.connect() as connection:
        connection.register("parties", parties)
        found = connection.sql(
            f"SELECT customer FROM (SELECT p.customer, {_SAID} FROM parties AS p "
            f"LEFT JOIN (SELECT party, purpose, granted_on, withdrawn_on FROM ({consents})) USING (party) "
            f"GROUP BY p.customer) WHERE {_NO_CONSENT} OR {_REFUSED} ORDER BY customer"
        ).to_arrow_table()
    return np.asarray(found["customer"].to_numpy(), np.int64)


def declined_since(facts: Facts, record: pa.Table, day: dt.date, rest: int) -> NDArray[np.bool_]:
    """Whether he (customer 0 of a record of his own) declined a proposal fewer than `rest` days before the
    day, or since then: one flag."""
    with duckdb.connect() as connection:
        answers = connection.sql(
            f"SELECT 0::INTEGER AS customer, proposed_on, date, kind FROM {facts('advice_answers')} "
            'WHERE proposed_on IS NOT NULL ORDER BY date, "at" NULLS FIRST, answer_id'
        ).to_arrow_table()
    last = max([day, *answers["date"].to_pylist()])
    none = pa.table(
        {
            name: pa.array([], kind)
            for name, kind in (
                ("customer", pa.int32()), ("proposed_on", pa.date32()), ("date", pa.date32()),
                ("amount", pa.int64()),
            )
        }
    )  # fmt: skip
    return declined_lately(proposals_followed(record, answers, none, last), last, rest, 1)
