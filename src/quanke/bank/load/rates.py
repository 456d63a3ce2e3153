"""Exchange rates as movements need them: one rate per foreign currency and day, the last known one."""

from __future__ import annotations

from quanke.bank.contracts import CONTRACTS
from quanke.bank.home import Home
from quanke.bank.load.lookups import account_currencies
from quanke.bank.load.rules import enum_name
from quanke.bank.session import Connection
from quanke.bank.sql import literal, parquet
from quanke.kernel.money import minor_unit_exponent

_MILLION = 10**6


def rated_step(home: Home, connection: Connection, source: str, date_value: str) -> str:
    """SQL that adds `home_amount` and `fx_missing` to movements; empty where nothing is foreign.

    `source` is a SELECT of the unit's raw cells and `date_value` the booking date over them: they bound the
    days for which the table `daily_rates` (currency, date, multiplier, divisor) is made here. Both sides
    count minor units: home amount = amount * multiplier / divisor, rounded half up once. Amounts of
    movements are above zero, so adding half the divisor before the division is half up.
    """
    foreign = sorted(account_currencies(home, connection) - {home.currency})
    if not foreign:
        return ""
    currency = enum_name(CONTRACTS["accounts"]["currency"])
    divisors = ", ".join(
        f"({literal(code)}, {_MILLION * 10 ** minor_unit_exponent(code)}::HUGEINT)" for code in foreign
    )
    multiplier = f"(rate * {_MILLION})::HUGEINT * {10 ** minor_unit_exponent(home.currency)}"
    files = home.facts("fx_rates")
    rates = (
        f"SELECT currency, date, {multiplier} AS multiplier FROM {parquet(files)}"
        if files
        else "SELECT NULL::VARCHAR AS currency, NULL::DATE AS date, NULL::HUGEINT AS multiplier"
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE daily_rates AS
        WITH span AS (
            SELECT min(day) AS first, max(day) AS last
            FROM (SELECT {date_value} AS day FROM ({source}))
            WHERE day BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'),
        days AS (SELECT unnest(generate_series(first, last, INTERVAL 1 DAY))::DATE AS date FROM span),
        wanted AS (
            SELECT code, divisor, date FROM (VALUES {divisors}) AS divisors(code, divisor), days)
        SELECT wanted.code::{currency} AS currency, wanted.date, rates.multiplier, wanted.divisor
        FROM wanted ASOF JOIN ({rates}) AS rates
        ON wanted.code = rates.currency AND wanted.date >= rates.date
        """
    )
    ours = f"{literal(home.currency)}::{currency}"
    return (
        f"SELECT typed.*, d.divisor IS NULL AND a_currency <> {ours} AS fx_missing, "
        f"CASE WHEN a_currency = {ours} THEN v_amount ELSE try_cast("
        "(2 * v_amount::HUGEINT * d.multiplier + d.divisor) // (2 * d.divisor) AS BIGINT) END AS home_amount "
        "FROM typed LEFT JOIN daily_rates AS d ON d.currency = a_currency AND d.date = v_date"
    )
