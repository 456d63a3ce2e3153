"""Applying a proposal, and taking it back: rows of the table `ownership`, loaded like any other hand-over.

What is to be loaded is written beside the proposal before it is marked as being applied. A process that dies
in between leaves the mark; the same call again loads the same rows, and a row that is there already changes
nothing. To apply is to end an interval and to begin another on the effective day; to undo is the same, back:
from the effective day itself (then the new intervals never held), or from a later day on.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import OWNERSHIP, TEAM_ROLES
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.bank.sql import parquet
from quanke.books.lifecycle import Standing
from quanke.books.proposal import Proposal
from quanke.books.store import ProposalStore, StoredProposal
from quanke.customers.register import register_of
from quanke.kernel.errors import BookError
from quanke.kernel.progress import Progress, SilentProgress

_FIELDS = ", ".join(field.name for field in OWNERSHIP)
_FORWARD, _BACK, _KEPT = "apply.parquet", "undo.parquet", "before.parquet"
FURTHEST_DAYS = 92
"""A proposal holds at most so many days after the night it stands on: a later day is a slip of the pen."""


def apply_proposal(
    home: Home,
    stored: StoredProposal,
    *,
    by: str,
    effective: dt.date,
    at: dt.datetime | None = None,
    progress: Progress | None = None,
) -> Standing:
    """Make the approved version true from `effective` on.

    Raises BookError where it is not approved, where the day lies before the proposal's or before one that is
    decided already, where another proposal is half-way, and where somebody's manager, a book, or who is who
    changed since it was proposed (propose again); HomeError where the home is being written.
    """
    standing = stored.standing
    if standing.state == "approved":
        proposal = stored.version()
        _refuse_day(home, proposal.day, effective)
        _refuse_busy(home, stored)
        rows, before = _forward(home, stored.id, proposal, effective)
        _write(stored.path / _KEPT, before)
        _write(stored.path / _FORWARD, rows)
    elif standing.effective == effective.isoformat() and _left_behind(home, stored):
        # begun and not loaded: what it was to be loaded onto may have changed meanwhile
        rows, _ = _forward(home, stored.id, stored.version(), effective)
        if not rows.equals(pq.read_table(stored.path / _FORWARD)):
            raise BookError("the books have changed since it was begun: refuse it and propose again")
    stored.note("applying", by, at, effective=effective.isoformat())
    _load(home, stored, _FORWARD, effective, progress)
    return stored.note("applied", by, at)


def _left_behind(home: Home, stored: StoredProposal) -> bool:
    """Whether it was begun to be applied, and none of its rows was taken."""
    if stored.standing.state != "applying":
        return False
    rows = stored.path / _FORWARD
    return _missing(home, rows) == int(pq.read_metadata(rows).num_rows) > 0


def refuse_proposal(home: Home, stored: StoredProposal, *, by: str, reason: str) -> Standing:
    """Refuse a proposal for good. Raises BookError where its rows were taken, or that may not happen now."""
    if stored.standing.state == "applying" and not _left_behind(home, stored):
        raise BookError("its rows have been taken: run `quanke books apply` again, then undo it")
    return stored.note("refused", by, reason=reason)


def undo_proposal(
    home: Home,
    stored: StoredProposal,
    *,
    by: str,
    effective: dt.date | None = None,
    at: dt.datetime | None = None,
    progress: Progress | None = None,
) -> Standing:
    """Take an applied proposal back from a day on (default: its effective day, as if it had never been).

    Raises BookError where it is not applied, where the day lies before, or where an interval it made has
    been changed since.
    """
    standing = stored.standing
    if standing.state == "applied":
        begun = dt.date.fromisoformat(standing.effective)
        day = effective or begun
        if day < begun:
            raise BookError(f"it holds from {begun}: it cannot be undone from an earlier day")
        _write(stored.path / _BACK, _backward(home, stored, begun, day))
    until = {} if effective is None else {"until": effective.isoformat()}
    stored.note("undoing", by, at, **until)
    _load(home, stored, _BACK, effective or dt.date.min, progress)
    return stored.note("undone", by, at)


def _refuse_day(home: Home, night: dt.date, effective: dt.date) -> None:
    decided = ProposalStore(home).decided_until(night)
    if effective < night:
        raise BookError(f"the books are those of {night}: they cannot hold from an earlier day")
    if effective < decided:
        raise BookError(f"until {decided} it is decided who looks after whom: choose that day or a later one")
    if (effective - night).days > FURTHEST_DAYS:
        raise BookError(
            f"the books are those of {night}: {effective} is more than {FURTHEST_DAYS} days later"
        )


def _refuse_busy(home: Home, stored: StoredProposal) -> None:
    """Refuse before anything is written down where the home, or another proposal, is being worked on."""
    for other in ProposalStore(home).all():
        if other.id != stored.id and other.standing.state in ("applying", "undoing"):
            raise BookError(f"proposal {other.id} is half-way: finish that first")
    with home.writing():
        pass


def _forward(home: Home, name: str, proposal: Proposal, effective: dt.date) -> tuple[pa.Table, pa.Table]:
    """Rows to load, and the rows they replace. Raises BookError where the proposal is stale."""
    with duckdb.connect() as connection:
        _open(connection, home)
        moved = pc.not_equal(
            pc.fill_null(proposal.assigned["from_post"], ""), pc.fill_null(proposal.assigned["to_post"], "")
        )
        merged = pc.equal(proposal.assigned["reason"], "merged")
        wanted = proposal.assigned.filter(pc.or_(moved, merged))
        connection.register("moves", wanted.select(["customer", "from_post", "to_post", "reason"]))
        teams = proposal.books.filter(pc.is_in(proposal.books["role"], value_set=pa.array(TEAM_ROLES)))
        connection.register("teams", teams.select(["post"]))
        decided = ProposalStore(home).decided_until(proposal.day)
        connection.execute(_PRESENT.format(day=effective.isoformat(), decided=decided.isoformat()))
        _refuse_stale(connection, effective)
        connection.register("assigned", proposal.assigned.select(["customer", "to_post"]))
        _refuse_posts(connection, home, effective)
        before = connection.sql(f"SELECT {_FIELDS} FROM ending ORDER BY ownership_id").to_arrow_table()
        ends = f"SELECT * REPLACE (DATE '{effective}' AS to_date) FROM ending"
        rows = connection.sql(
            f"SELECT {_FIELDS} FROM ({ends}) UNION ALL {_opening(name, effective)} ORDER BY ownership_id"
        ).to_arrow_table()
    return rows, before


def _open(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Views: `numbers` (party, customer), `names` (party, source, party_id), `owned` (as handed over)."""
    register = register_of(home)
    numbers = {"party": np.arange(len(register.customer), dtype=np.int32), "customer": register.customer}
    connection.register("numbers", pa.table(numbers))
    connection.execute(
        f"CREATE VIEW names AS SELECT party, source, party_id FROM {parquet(home.numbers('parties'))}"
    )
    connection.execute(
        "CREATE VIEW owned AS SELECT n.customer AS number, names.source, names.party_id, o.* "
        f"FROM ({facts_sql(home, 'ownership')}) AS o JOIN numbers AS n USING (party) JOIN names USING (party)"
    )


_PRESENT = """
CREATE TEMP TABLE open_now AS
    SELECT o.* EXCLUDE (customer), o.number AS customer,
        row_number() OVER (PARTITION BY o.number ORDER BY o.from_date DESC, o.ownership_id DESC) AS place
    FROM owned AS o JOIN moves AS m ON m.customer = o.number
    WHERE o.duty = 'primary'
        AND (o.to_date IS NULL OR (o.to_date > DATE '{decided}' AND o.to_date > o.from_date));
CREATE TEMP TABLE ending AS
    SELECT p.* FROM open_now AS p JOIN moves AS m USING (customer)
    WHERE NOT (m.reason = 'merged' AND p.place = 1) AND (p.to_date IS NULL OR p.to_date > DATE '{day}');
"""


def _refuse_stale(connection: duckdb.DuckDBPyConnection, effective: dt.date) -> None:
    # merged with another since: nobody goes by that number, so there is no record to load his interval for
    gone = connection.execute(
        "SELECT count(*) FROM moves ANTI JOIN numbers USING (customer) WHERE to_post IS NOT NULL"
    ).fetchall()[0][0]
    if gone:
        raise BookError(f"{gone} customers were merged with others since it was proposed: propose again")
    changed = connection.execute(
        "SELECT count(*) FROM moves AS m LEFT JOIN open_now AS p ON p.customer = m.customer AND p.place = 1 "
        "WHERE m.from_post IS DISTINCT FROM p.post_id"
    ).fetchall()[0][0]
    if changed:
        raise BookError(f"{changed} customers have another manager than when it was proposed: propose again")
    later = connection.execute(
        f"SELECT count(*) FROM ending WHERE from_date > DATE '{effective}'"
    ).fetchall()[0][0]
    if later:
        raise BookError(f"{later} customers got their manager after {effective}: choose a later day")


def _refuse_posts(connection: duckdb.DuckDBPyConnection, home: Home, effective: dt.date) -> None:
    """Posts that are no more on the day, and books that others have been put into since."""
    closed = connection.execute(
        f"SELECT count(DISTINCT m.to_post) FROM moves AS m "
        f"LEFT JOIN ({facts_sql(home, 'posts')}) AS p ON p.post_id = m.to_post "
        f"LEFT JOIN ({facts_sql(home, 'branches')}) AS b USING (branch_id) "
        f"WHERE m.to_post IS NOT NULL AND (p.post_id IS NULL OR b.closed_on <= DATE '{effective}')"
    ).fetchall()[0][0]
    if closed:
        raise BookError(f"{closed} posts it gives customers to are closed on {effective}: propose again")
    others = connection.execute(
        "SELECT count(*) FROM owned AS o JOIN assigned AS a ON a.customer = o.number "
        "WHERE o.duty = 'primary' AND o.post_id IS DISTINCT FROM a.to_post "
        f"AND (o.to_date IS NULL OR (o.to_date > DATE '{effective}' AND o.to_date > o.from_date)) "
        "AND o.post_id IN (SELECT to_post FROM moves) "
        "AND o.ownership_id NOT IN (SELECT ownership_id FROM ending)"
    ).fetchall()[0][0]
    if others:
        raise BookError(
            f"{others} customers were put into books it fills since it was proposed: propose again"
        )


def _opening(name: str, effective: dt.date) -> str:
    """SQL of the intervals that begin, of the record of the interval that ends, else of the first record."""
    return f"""
    SELECT '{name}-' || m.customer AS ownership_id, coalesce(p.source, names.source) AS source,
        coalesce(p.party_id, names.party_id) AS party_id, m.to_post AS post_id, 'primary' AS duty,
        DATE '{effective}' AS from_date, NULL::DATE AS to_date,
        CASE WHEN m.to_post IN (SELECT post FROM teams) THEN 'team' ELSE 'post' END AS care,
        m.reason, '{name}' AS proposal
    FROM moves AS m LEFT JOIN open_now AS p ON p.customer = m.customer AND p.place = 1
        LEFT JOIN (SELECT customer, min(party) AS party FROM numbers GROUP BY customer) AS f
            ON f.customer = m.customer
        LEFT JOIN names ON names.party = f.party
    WHERE m.to_post IS NOT NULL AND m.reason <> 'merged'
    """


def _backward(home: Home, stored: StoredProposal, begun: dt.date, day: dt.date) -> pa.Table:
    """Rows that take it back. Raises BookError where something was changed since."""
    forward, before = (pq.read_table(stored.path / name) for name in (_FORWARD, _KEPT))
    with duckdb.connect() as connection:
        _open(connection, home)
        connection.register("forward", forward)
        connection.register("former", before)
        changed = connection.execute(
            "SELECT count(*) FROM forward AS f LEFT JOIN owned AS o USING (ownership_id) "
            "WHERE o.to_date IS DISTINCT FROM f.to_date OR o.post_id IS DISTINCT FROM f.post_id"
        ).fetchall()[0][0]
        if changed:
            raise BookError(f"{changed} intervals it made or ended have been changed since: it stays applied")
        taken = connection.execute(
            "SELECT count(DISTINCT o.number) FROM former AS f JOIN owned AS g USING (ownership_id) "
            "JOIN owned AS o ON o.number = g.number WHERE o.duty = 'primary' "
            "AND o.ownership_id NOT IN (SELECT ownership_id FROM forward) "
            f"AND (o.to_date IS NULL OR (o.to_date > DATE '{day}' AND o.to_date > o.from_date)) "
            "AND (f.to_date IS NULL OR o.from_date < f.to_date)"
        ).fetchall()[0][0]
        if taken:
            raise BookError(f"{taken} customers it let go have another manager since: it stays applied")
        made = f"SELECT * REPLACE (DATE '{day}' AS to_date) FROM forward WHERE proposal = '{stored.id}'"
        # an interval of another proposal that this one ended is among them too: it has that one's number
        made += f" AND ownership_id LIKE '{stored.id}-%'"
        if day == begun:
            again = "SELECT * FROM former"
        else:
            again = (
                "SELECT * REPLACE (ownership_id || '-' || lower(proposed) AS ownership_id, "
                f"DATE '{day}' AS from_date, 'undone' AS reason, proposed AS proposal) "
                f"FROM (SELECT *, '{stored.id}' AS proposed FROM former) "
                f"WHERE to_date IS NULL OR to_date > DATE '{day}'"
            )
        return connection.sql(
            f"SELECT {_FIELDS} FROM ({made}) UNION ALL SELECT {_FIELDS} FROM ({again}) ORDER BY ownership_id"
        ).to_arrow_table()


def _write(path: Path, table: pa.Table) -> None:
    beside = path.with_name(path.name + ".part")
    pq.write_table(table, beside, compression="zstd")
    beside.replace(path)


def _load(
    home: Home, stored: StoredProposal, name: str, effective: dt.date, progress: Progress | None
) -> None:
    """Hand the rows over, dated so that they stand above what was handed over before; check that they do."""
    rows = stored.path / name
    expected = pq.read_metadata(rows).num_rows
    if not expected:
        return
    dated = [unit.business_date for unit in home.book("ownership") if unit.business_date is not None]
    day = max([effective, *dated])
    if not _there(home, rows):
        with tempfile.TemporaryDirectory() as folder:
            # letters only: digits in a row would be taken for a business date
            letters = (stored.id + name[0]).translate(str.maketrans("0123456789", "ghijklmnop"))
            target = Path(folder) / "ownership" / f"{letters}_{day.isoformat()}.parquet"
            target.parent.mkdir()
            shutil.copyfile(rows, target)
            report = load(home, Path(folder), progress=progress or SilentProgress(), only=["ownership"])
        errors = report.tables["ownership"].errors
        if errors or not _there(home, rows):
            raise BookError("the rows were not taken: " + "; ".join(errors or ["see quarantine"]))


def _there(home: Home, rows: Path) -> bool:
    """Whether the table `ownership` says what the rows say."""
    return not _missing(home, rows)


def _missing(home: Home, rows: Path) -> int:
    """How many of the rows the table `ownership` does not say."""
    with duckdb.connect() as connection:
        missing: int = connection.execute(
            f"SELECT count(*) FROM {parquet([rows])} AS r LEFT JOIN ({facts_sql(home, 'ownership')}) AS o "
            "USING (ownership_id) WHERE o.ownership_id IS NULL OR o.to_date IS DISTINCT FROM r.to_date "
            "OR o.from_date <> r.from_date OR o.post_id <> r.post_id"
        ).fetchall()[0][0]
    return missing
