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

Facts = Callable[[str], pa.Table]
"""Rows of a table that are about the customer, by the name of the table."""
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
    persons = facts("parties").select(["source", "party_id", "closed_on", "deceased"])
    bodies = facts("organisations").select(["source", "party_id", "closed_on"])
    held = {each.name: each.value for each in golden_record(persons, bodies)}
    return held.get("closed_on") is not None, bool(held.get("deceased"))


def _agreed(facts: Facts) -> tuple[bool, bool]:
    """Whether a consent to advice stands, and whether profiling is refused: as `_NO_CONSENT`, `_REFUSED`."""
    rows = facts("consents").select(["purpose", "granted_on", "withdrawn_on"]).to_pylist()

    def last(purpose: str) -> tuple[dt.date | None, dt.date | None]:
        mine = [r for r in rows if r["purpose"] == purpose]
        on = (r["granted_on"] for r in mine if r["withdrawn_on"] is None and r["granted_on"] is not None)
        off = (r["withdrawn_on"] for r in mine if r["withdrawn_on"] is not None)
        return max(on, default=None), max(off, default=None)

    on, off = last("advice")
    agreed = on is not None and (off is None or off < on)
    on, off = last("profiling")
    return agreed, off is not None and (on is None or off >= on)


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
    rows = [row for row in facts("advice_answers").to_pylist() if row["proposed_on"] is not None]
    rows.sort(key=lambda r: (r["date"], r["at"] is not None, r["at"] or dt.datetime.min, r["answer_id"]))
    answers = pa.table(
        {
            "customer": pa.array(np.zeros(len(rows), np.int32)),
            "proposed_on": pa.array([r["proposed_on"] for r in rows], pa.date32()),
            "date": pa.array([r["date"] for r in rows], pa.date32()),
            "kind": pa.array([r["kind"] for r in rows], pa.string()),
        }
    )
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
