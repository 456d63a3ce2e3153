"""Books of a home: what the assignment needs out of its tables and its last night, and the daily draft."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.arranged import facts_sql
from quanke.bank.home import Home
from quanke.books.clients import Clients, clients_of
from quanke.books.costs import Costs
from quanke.books.posts import NOBODY, Ints, Posts, posts_on
from quanke.books.proposal import Proposal
from quanke.books.proposing import propose
from quanke.books.rules import BookRules
from quanke.books.rules_file import RULES_FILE, read_rules
from quanke.books.store import ProposalStore
from quanke.customers.graph.store import GraphStore
from quanke.customers.register import Register, register_of
from quanke.engines.duckdb import connect
from quanke.engines.store import Night
from quanke.engines.store.files import write_parquet
from quanke.kernel.errors import BookError
from quanke.kernel.progress import Progress
from quanke.night.steps import Run, working_column

TAGS = (
    "service_care", "service_role", "service_grade", "tier", "branch", "in_scope", "is_person",
    "last_effective_contact_on", "aum_mtd", "salary_amount", "is_cross_border", "loan_balance",
)  # fmt: skip
"""Tags the books stand on."""
MOVES = "book-moves.parquet"
"""What a night drafts, where books have been applied before."""


@dataclass(frozen=True)
class BookBasis:
    """What a proposal is made from: customers, posts and who may not meet, as of `day`."""

    home: Home
    day: dt.date
    clients: Clients
    posts: Posts
    conflicts: Ints
    rules: BookRules

    @cached_property
    def costs(self) -> Costs:
        """Costs before anybody's household or any book's potential is known."""
        return Costs(self.clients, self.posts, self.rules, self.conflicts)

    def within(self, branches: Collection[str]) -> BookBasis:
        """The basis of some branches alone: who is at a post there, or at none and at home there; nobody
        goes to a post elsewhere, and who chose one elsewhere himself is left out."""
        posts, clients = self.posts, self.clients
        inside = np.append(np.isin(np.array(posts.branches), [*branches]), False)
        ours = np.append(inside[posts.branch], False)
        mine = np.where(clients.present == NOBODY, inside[clients.branch], ours[clients.present])
        # a post that is no more has no branch, but its customers have
        mine &= (clients.chosen == NOBODY) | ours[clients.chosen]
        shut = replace(posts, capacity=np.where(ours[:-1], posts.capacity, 0))
        return replace(self, posts=shut, clients=clients.some(mine))

    def propose(self, scope: str, progress: Progress | None = None) -> Proposal:
        """See `quanke.books.propose`."""
        return propose(
            self.clients,
            self.posts,
            self.rules,
            scope=scope,
            conflicts=self.conflicts,
            progress=progress,
        )


def rules_of(home: Home) -> BookRules:
    """The parameters of a home: the bank's own (`book-rules.yaml`) on top of the default.

    Raises DefinitionError, naming the line, for a file that is none.
    """
    path = home.path / RULES_FILE
    return read_rules(path) if path.exists() else BookRules()


def rules_digest(home: Home) -> str:
    """Digest of the bank's own parameters, empty where it has none: what a night's draft depends on."""
    path = home.path / RULES_FILE
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def posts_of(home: Home, day: dt.date, rules: BookRules | None = None) -> Posts:
    """The posts of a home on any day, and who sits on them."""
    with duckdb.connect() as connection:
        posts, tenures, staff, branches = (
            connection.sql(facts_sql(home, name)).to_arrow_table()
            for name in ("posts", "tenures", "staff", "branches")
        )
    return posts_on(posts, tenures, staff, branches, day, rules or rules_of(home))


def basis_of(home: Home, night: Night, only: int | None = None) -> BookBasis:
    """The basis of a published night: tags of that night, ownership and posts as they stand now. `only`: one
    customer's, without reading everybody.

    Raises BookError for a night without the tags of the service matrix.
    """
    missing = [name for name in TAGS if name not in night.columns]
    if missing:
        raise BookError(f"the night of {night.day} has no tag {missing[0]}: run a later night first")
    household = GraphStore.open(night.path / "graph").people.household
    numbers = np.arange(night.rows, dtype=np.int32)
    tags: pa.Table
    if only is None:
        tags = night.read(TAGS)
    else:
        numbers, household = numbers[only : only + 1], household[only : only + 1]
        row, types = night.row(only, TAGS), _types(night)
        tags = pa.table({name: pa.array([row[name]], types[name]) for name in TAGS})
    with duckdb.connect() as connection:
        return _basis(home, connection, night.day, tags, numbers, household)


def _types(night: Night) -> dict[str, pa.DataType]:
    found: dict[str, pa.DataType] = {}
    for group in night.groups:
        schema = pq.read_schema(night.parts(group)[0])
        found.update({name: schema.field(name).type for name in schema.names if name in TAGS})
    return found


def draft_moves(run: Run, groups: dict[str, list[str]]) -> bool:
    """The step of a night: `book-moves.parquet` says who has to go to another post, and to which, where the
    bank's books come from a proposal that was applied. Nothing is moved by it. Whether it was written."""
    target = run.working.file(MOVES)
    of = {name: group for group, names in groups.items() for name in names}
    if target.exists():
        return True
    if not set(TAGS) <= set(of):
        return False

    with connect(threads=2, memory=run.memory, spill=run.working.path / "spill") as connection:
        home = run.inputs.home
        applied = connection.sql(
            f"SELECT count(*) FROM ({facts_sql(home, 'ownership')}) WHERE proposal IS NOT NULL"
        ).fetchall()
        if not applied[0][0]:
            return False
        household = GraphStore.open(run.working.file("graph")).people.household
        tags = pa.table({name: working_column(run, of[name], name) for name in TAGS})
        numbers = np.arange(tags.num_rows, dtype=np.int32)
        basis = _basis(home, connection, run.day, tags, numbers, household)
    if not len(basis.posts):
        return False
    write_parquet(target, basis.propose("changes", run.progress).moves)
    return True


def _basis(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    day: dt.date,
    tags: pa.Table,
    numbers: NDArray[np.int32],
    household: NDArray[np.int32],
) -> BookBasis:
    """The basis out of the tags of the customers `numbers` and their households."""
    register, rules = register_of(home), rules_of(home)
    posts = posts_of(home, day, rules)
    homes = pa.array(household.astype(np.int64), mask=household == NOBODY)
    everybody = tags.append_column("customer", pa.array(numbers)).append_column("household", homes)
    connection.register("everybody", everybody)
    parties = np.flatnonzero(np.isin(register.customer, numbers)) if len(numbers) == 1 else None
    if parties is None:
        parties = np.arange(len(register.customer))
    connection.register("numbers", pa.table({"party": parties, "customer": register.customer[parties]}))
    days = {"day": day, "decided": ProposalStore(home).decided_until(day)}
    table = connection.sql(_CLIENTS.format(**_sources(home)), params=days).to_arrow_table()
    clients = clients_of(table, posts, rules)
    return BookBasis(home, day, clients, posts, _conflicts(home, connection, posts, register), rules)


def _sources(home: Home) -> dict[str, str]:
    return {name: f"({facts_sql(home, name)})" for name in ("ownership", "owner_choices", "parties")}


_CLIENTS = """
WITH owned AS (
    SELECT n.customer, o.post_id, o.from_date, o.ownership_id
    FROM {ownership} AS o JOIN numbers AS n USING (party)
    WHERE o.duty = 'primary' AND (o.to_date IS NULL OR (o.to_date > $decided AND o.to_date > o.from_date))
), present AS (
    SELECT customer, count(*) AS owners,
        arg_max(post_id, (from_date, ownership_id)) AS present, max(from_date) AS since
    FROM owned GROUP BY customer
), chosen AS (
    SELECT n.customer, arg_max(c.post_id, (c.chosen_on, c.choice_id)) AS chosen
    FROM {owner_choices} AS c JOIN numbers AS n USING (party)
    WHERE c.chosen_on <= $day AND (c.withdrawn_on IS NULL OR c.withdrawn_on > $day) GROUP BY n.customer
), spoken AS (
    SELECT n.customer, min(p.language) AS language
    FROM {parties} AS p JOIN numbers AS n USING (party)
    WHERE p.language IS NOT NULL AND p.language <> 'zh' GROUP BY n.customer
)
SELECT e.customer, e.in_scope, e.service_role AS role, e.service_grade AS grade, e.tier, e.branch,
    present.present, present.since, coalesce(present.owners, 0) AS owners,
    e.last_effective_contact_on AS contact, e.household, e.aum_mtd AS aum,
    coalesce(e.aum_mtd, 0) + 12 * coalesce(e.salary_amount, 0) AS potential,
    coalesce(spoken.language, 'zh') AS language, e.is_cross_border AS needs_cross_border,
    e.loan_balance > 0 AS needs_lending, chosen.chosen
FROM everybody AS e LEFT JOIN present USING (customer) LEFT JOIN chosen USING (customer)
    LEFT JOIN spoken USING (customer)
WHERE e.is_person AND (present.customer IS NOT NULL OR (e.in_scope AND
    (e.service_care IN ('post', 'team') OR chosen.customer IS NOT NULL)))
ORDER BY e.customer
"""


def _conflicts(home: Home, connection: duckdb.DuckDBPyConnection, posts: Posts, register: Register) -> Ints:
    """Pairs (customer, member of staff) that may never meet: the same identity number, and declared family of
    that person (BK-6)."""
    everyone = {"party": np.arange(len(register.customer)), "customer": register.customer}
    connection.register("numbers", pa.table(everyone))
    connection.register("known_staff", pa.table({"staff_id": pa.array(posts.staff, pa.string())}))
    rows = connection.sql(
        f"""
        WITH own AS (
            SELECT DISTINCT n.customer, s.staff_id FROM ({facts_sql(home, "staff")}) AS s
            JOIN ({facts_sql(home, "parties")}) AS p ON upper(p.id_number) = upper(s.id_number)
            JOIN numbers AS n USING (party) SEMI JOIN known_staff AS k ON k.staff_id = s.staff_id
        ), family AS (
            SELECT a.customer AS one, b.customer AS other FROM ({facts_sql(home, "relations")}) AS r
            JOIN numbers AS a ON a.party = r.from_party JOIN numbers AS b ON b.party = r.to_party
            WHERE r.kind = 'family'
        )
        SELECT customer, staff_id FROM own
        UNION SELECT other, staff_id FROM own JOIN family ON one = customer
        UNION SELECT one, staff_id FROM own JOIN family ON other = customer
        ORDER BY ALL
        """
    ).to_arrow_table()
    staff = pc.index_in(rows["staff_id"], value_set=pa.array(posts.staff, pa.string())).to_numpy()
    return np.stack([rows["customer"].to_numpy(), staff], axis=1).astype(np.int64).reshape(-1, 2)
