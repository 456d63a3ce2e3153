"""LEVEL tables (balances): the state at the end of days becomes a ledger of changes that only grows.

For each account the days on which something was delivered are *known* days. The balance on any day is what
was delivered for the last known day up to it; a later delivery of the same account and day wins. The ledger
holds `delta`, so that the balance at day d is the sum of deltas up to d. Normally all days of a unit lie
after the account's last known day, and the delta is the difference to the day before, the first one to the
closing state of the account. A late or corrected day needs the account's known days: the deltas its days
should have are computed again, and what they differ from the deltas they have is added.

Known days without a change leave no row in the ledger, but a later correction of an earlier day must not
shine through them. They are kept apart as (account, date) in `levels/<table>/unchanged`, sorted and
delta-encoded: a full daily snapshot of 20 million accounts costs a few kilobytes a day there.

    levels/<table>/closing.parquet          (account, date, balance): each account's last known day
    levels/<table>/unchanged/<unit>.parquet (date, account)
"""

from __future__ import annotations

import pyarrow.parquet as pq

from quanke.bank.arranged import order
from quanke.bank.load.duplicates import drop_duplicates
from quanke.bank.load.task import Task, copy_scratch
from quanke.bank.loads import UnitRecord
from quanke.bank.session import arrow_batches, one_row
from quanke.bank.sql import parquet, quoted

_NO_CLOSING = "(SELECT NULL::INTEGER AS account, NULL::DATE AS date, NULL::BIGINT AS balance WHERE false)"


def load_levels(task: Task) -> UnitRecord:
    """Stage the unit's ledger rows, its unchanged days, the closing state and its quarantine."""
    unit = task.checked
    drop_duplicates(task.connection, unit)
    _read_given(task)
    task.quarantine()
    if not task.taken:
        return task.record()
    _create_changes(task)
    data = _stage_ledger(task)
    unchanged = _stage_unchanged(task)
    _stage_closing(task)
    first, last = one_row(task.connection, "SELECT min(date), max(date) FROM changes")
    return task.record(data=data, unchanged=unchanged, first=first, last=last)


def _folder(task: Task) -> str:
    return f"levels/{task.contract.name}"


def _closing(task: Task) -> str:
    path = task.home.path / _folder(task) / "closing.parquet"
    return parquet([path]) if path.exists() else _NO_CLOSING


def _read_given(task: Task) -> None:
    """The view `given` (account, customer, date, balance, category, currency): the unit's good rows."""
    unit = task.checked
    path = task.scratch / "given.parquet"
    query = (
        f"{unit.ctes()} SELECT a_account AS account, a_customer AS customer, v_date AS date, "
        "v_balance AS balance, a_category AS category, a_currency AS currency "
        f"FROM checked WHERE {unit.good}"
    )
    task.taken = copy_scratch(task.connection, query, path)
    task.connection.execute(f"CREATE OR REPLACE TEMP VIEW given AS FROM {parquet([path])}")


def _create_changes(task: Task) -> None:
    """The table `changes`: what each given day adds to the ledger, and the balance then known.

    (account, customer, date, balance, delta, category, currency, noted). `noted` says that the day was known
    before. Days of late accounts that are corrected by compensation stand there too.
    """
    task.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE late AS
        SELECT g.account FROM (SELECT account, min(date) AS first FROM given GROUP BY account) AS g
        JOIN {_closing(task)} AS c ON c.account = g.account AND c.date >= g.first
        """
    )
    any_late = one_row(task.connection, "SELECT count(*) FROM late")[0] > 0
    without_late = "WHERE g.account NOT IN (SELECT account FROM late)" if any_late else ""
    query = f"""
        SELECT g.account, g.customer, g.date, g.balance,
               g.balance - coalesce(lag(g.balance) OVER days, c.balance, 0) AS delta,
               g.category, g.currency, false AS noted
        FROM given AS g LEFT JOIN {_closing(task)} AS c ON c.account = g.account {without_late}
        WINDOW days AS (PARTITION BY g.account ORDER BY g.date)
        """
    if any_late:
        query += f" UNION ALL ({_late_changes(task)})"
    path = task.scratch / "changes.parquet"
    copy_scratch(task.connection, query, path)
    task.connection.execute(f"CREATE OR REPLACE TEMP VIEW changes AS FROM {parquet([path])}")


def _late_changes(task: Task) -> str:
    """The changes of late accounts, out of all their known days."""
    book = task.home.book(task.contract.name)
    ledger = [task.home.path / record.data for record in book if record.data]
    still = [task.home.path / record.unchanged for record in book if record.unchanged]
    late = "SEMI JOIN late USING (account)"
    days = [f"SELECT account, date, delta FROM {parquet(ledger)} {late}"] if ledger else []
    days += [f"SELECT account, date, 0 AS delta FROM {parquet(still)} {late}"] if still else []
    return f"""
        WITH known AS (
            SELECT account, date, sum(delta)::BIGINT AS delta FROM ({" UNION ALL ".join(days)}) GROUP BY ALL),
        before AS (
            SELECT account, date, delta,
                   (sum(delta) OVER (PARTITION BY account ORDER BY date))::BIGINT AS balance FROM known),
        given_late AS (FROM given {late}),
        people AS (SELECT account, any_value(customer) AS customer, any_value(category) AS category,
                          any_value(currency) AS currency FROM given_late GROUP BY account),
        after AS (
            SELECT account, date, coalesce(g.balance, b.balance) AS balance,
                   coalesce(b.delta, 0) AS old_delta, b.account IS NOT NULL AS noted
            FROM before AS b FULL JOIN given_late AS g USING (account, date))
        SELECT account, customer, date, balance,
               balance - coalesce(lag(balance) OVER (PARTITION BY account ORDER BY date), 0) - old_delta
               AS delta, category, currency, noted
        FROM after JOIN people USING (account)
        """


def _stage_ledger(task: Task) -> str:
    """Stage the rows that change something; the file's name, empty if there are none."""
    table = task.contract.name
    destination = f"tables/{table}/{task.stem}.parquet"
    by = ", ".join(quoted(name) for name in order(table))
    query = (
        "SELECT customer, account, date, delta, category, currency FROM changes "
        f"WHERE delta <> 0 ORDER BY {by}"
    )
    if task.copy(query, destination):
        return destination
    task.publication.drop(destination)
    return ""


def _stage_unchanged(task: Task) -> str:
    """Stage the days that are known now and change nothing; the file's name, empty if there are none.

    Arrow writes this one: its delta encoding makes runs of consecutive accounts almost free.
    """
    query = "SELECT date, account FROM changes WHERE delta = 0 AND NOT noted"
    if not one_row(task.connection, f"SELECT count(*) FROM ({query})")[0]:
        return ""
    destination = f"{_folder(task)}/unchanged/{task.stem}.parquet"
    reader = arrow_batches(task.connection, f"{query} ORDER BY date, account", 122_880)
    with pq.ParquetWriter(
        task.publication.stage(destination),
        reader.schema,
        compression="zstd",
        use_dictionary=["date"],
        column_encoding={"account": "DELTA_BINARY_PACKED"},
    ) as writer:
        for batch in reader:
            writer.write_batch(batch, row_group_size=122_880)
    return destination


def _stage_closing(task: Task) -> None:
    """Stage the closing state: each account's last known day, of this unit where it has a later one."""
    last = (
        "SELECT account, max(date) AS date, arg_max(balance, date) AS balance FROM changes GROUP BY account"
    )
    query = (
        f"SELECT account, date, balance FROM ({last}) UNION ALL "
        f"SELECT account, date, balance FROM {_closing(task)} ANTI JOIN changes USING (account)"
    )
    task.copy(f"FROM ({query}) ORDER BY account", f"{_folder(task)}/closing.parquet")
