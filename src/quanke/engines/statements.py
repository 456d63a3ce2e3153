"""One SQL statement for many definitions: the planner shared by the SQL engines.

Aggregates of one table share one scan and one grouping, whatever number of definitions they stand
in; expressions follow in layers, each reading the names of the layers before it, so that nothing is
computed twice and no expression is copied into another.

The dialect (`engines/duckdb`, `engines/spark`) says how a scalar operation is written; this module
says what is asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from quanke.engines.dialect import Dialect
from quanke.language.definitions import Definition
from quanke.language.facts import table_of
from quanke.language.nodes import (
    ALWAYS,
    Aggregate,
    AsOf,
    Call,
    Column,
    Grain,
    Literal,
    Node,
    Rank,
    Reduce,
    Reference,
    children,
    type_of,
    walk,
)
from quanke.language.types import Kind, Type

ONCE = frozenset(
    [
        "negate",
        "absolute",
        "equal",
        "not_equal",
        "less",
        "at_most",
        "greater",
        "at_least",
        "both",
        "either",
        "opposite",
        "is_null",
        "coalesce",
        "case",
        "one_of",
        "least",
        "greatest",
        "concat",
        "starts_with",
        "ends_with",
        "contains",
        "length",
    ]
)
"""Operations whose SQL names each argument once. The others would copy a compound argument, and copies
of copies grow without end, so their compound arguments get a column of their own."""


@dataclass(frozen=True)
class Step:
    """One computed column of a statement: a definition, or an argument several operations share."""

    column: str
    expression: Node
    type: Type


@dataclass(frozen=True)
class Plan:
    """What a set of definitions asks of the tables.

    `aggregates`: by fact table, each aggregate with the name of its column. `layers`: steps that read
    only columns of earlier layers (or known beforehand). `named`: subexpressions with a column.
    `known` are definitions that a source `profile` already holds; `ranks` are places that a source
    `ranks` already holds.
    """

    definitions: tuple[Definition, ...]
    known: frozenset[str]
    aggregates: dict[str, dict[Aggregate, str]] = field(hash=False)
    layers: tuple[tuple[Step, ...], ...]
    named: dict[Node, str] = field(hash=False)
    columns: dict[str, tuple[str, ...]] = field(hash=False)
    before: tuple[str, ...]
    ranks: dict[Rank, str] = field(default_factory=dict, hash=False)

    @property
    def tables(self) -> tuple[str, ...]:
        """Fact tables that are read."""
        return tuple(self.aggregates)


def plan(
    definitions: Iterable[Definition], known: Iterable[str] = (), ranks: Mapping[Rank, str] | None = None
) -> Plan:
    """Plan definitions given in computing order (of a Catalogue). Grain customer only."""
    ordered = tuple(definitions)
    have = frozenset(known)
    aggregates: dict[str, dict[Aggregate, str]] = {}
    columns: dict[str, dict[str, None]] = {
        name: {} for name in ("customers", "models", "graph", "scores", "profile")
    }
    before: dict[str, None] = {}
    for definition in ordered:
        for node in _above_rows(definition.expression, ranks or {}):
            if isinstance(node, Aggregate):
                table = aggregates.setdefault(node.table, {})
                table.setdefault(node, f"{node.table}_{len(table)}")
            elif isinstance(node, Column):
                columns[node.table][node.name] = None
            elif isinstance(node, Reference):
                if node.earlier:
                    before[node.name] = None
                elif node.name in have:
                    columns["profile"][node.name] = None
    named = _named(ordered, ranks or {})
    steps = [Step(name, node, type_of(node)) for node, name in named.items()]
    steps += [Step(column(d.name), d.expression, d.result) for d in ordered]
    return Plan(
        ordered,
        have,
        aggregates,
        layers(steps, {column(n) for n in have}, named),
        named,
        {table: tuple(names) for table, names in columns.items()},
        tuple(before),
        dict(ranks or {}),
    )


def _above_rows(node: Node, ranks: Mapping[Rank, str]) -> Iterable[Node]:
    """Nodes at customer grain: what stands inside an aggregate is the scan's business, and what
    stands inside a known place has been read already."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        if not isinstance(top, Aggregate) and top not in ranks:
            stack.extend(children(top))


def _named(ordered: Sequence[Definition], ranks: Mapping[Rank, str]) -> dict[Node, str]:
    """Compound arguments of operations that would copy them, each with a column name."""
    found: dict[Node, str] = {}
    for definition in ordered:
        for node in _above_rows(definition.expression, ranks):
            if isinstance(node, Call) and node.operation not in ONCE:
                for argument in node.arguments:
                    if isinstance(argument, Call) or (isinstance(argument, Rank) and argument not in ranks):
                        found.setdefault(argument, f"n_{len(found)}")
    return found


def layers(
    steps: Sequence[Step], known: Iterable[str], named: Mapping[Node, str]
) -> tuple[tuple[Step, ...], ...]:
    """Steps by how many others stand below them: each layer reads only the ones before it.

    Raises ValueError where a step reads a definition that is neither among them nor known.
    """
    by_name = {step.column: step for step in steps}
    have = set(known)
    level: dict[str, int] = {}

    def below(step: Step) -> list[str]:
        names: list[str] = []
        stack = [step.expression]
        while stack:
            node = stack.pop()
            if node in named and node is not step.expression:
                names.append(named[node])
                continue
            if isinstance(node, Reference) and not node.earlier and node.grain is not Grain.ROW:
                names.append(column(node.name))
            if not isinstance(node, Aggregate):
                stack.extend(children(node))
        return [n for n in names if n not in have]

    for start in steps:
        stack = [start]
        while stack:
            step = stack[-1]
            unknown = [n for n in below(step) if n not in by_name]
            if unknown:
                raise ValueError(f"{step.column} reads {unknown[0]}, which stands nowhere")
            waiting = [n for n in below(step) if n not in level]
            if not waiting:
                level[step.column] = 1 + max((level[n] for n in below(step)), default=-1)
                stack.pop()
            else:
                stack.append(by_name[waiting[0]])
    depth = 1 + max(level.values(), default=-1)
    return tuple(tuple(s for s in steps if level[s.column] == i) for i in range(depth))


def lower(
    node: Node,
    dialect: Dialect,
    as_of: dt.date,
    name: Callable[[Node], str],
    named: Mapping[Node, str] | None = None,
) -> str:
    """SQL of an expression. `name` gives the SQL of columns, references, aggregates and ranks;
    `named` are subexpressions that have a column already."""
    if isinstance(node, (Literal, AsOf)):
        return dialect.literal(node, as_of)
    if isinstance(node, Call):
        arguments = [
            named[a] if named and a in named else lower(a, dialect, as_of, name, named)
            for a in node.arguments
        ]
        return dialect.lower(node, arguments)
    return name(node)


def scan(table: str, wanted: Mapping[Aggregate, str], source: str, dialect: Dialect, as_of: dt.date) -> str:
    """One grouping over one fact table that answers all aggregates on it.

    `source` is SQL of a relation with `customer` and the table's fields (`balances`: `delta`).
    """
    parts = [
        f"{sql} AS {name}_{number}"
        for node, name in wanted.items()
        for number, sql in enumerate(aggregate_sql(node, dialect, as_of))
    ]
    lines = ",\n         ".join(parts)
    return (
        f"SELECT customer,\n         {lines}\n    FROM {source}\n"
        f"    WHERE {reach_sql(table, wanted, as_of)}\n    GROUP BY customer"
    )


def _day(value: dt.date) -> str:
    return f"DATE '{value.isoformat()}'"


def reach_sql(table: str, wanted: Iterable[Aggregate], as_of: dt.date) -> str:
    """The days any aggregate can see, for the scan to skip the rest."""
    own = table_of(table).date
    firsts = [
        dt.date.min
        if node.window.field or node.window == ALWAYS or node.reduce in (Reduce.LEVEL, Reduce.DAILY_MEAN)
        else node.window.days(as_of)[0]
        for node in wanted
    ]
    reach = f"{own} <= {_day(as_of)}"
    if min(firsts) > dt.date.min:
        reach += f" AND {own} >= {_day(min(firsts))}"
    return reach


def aggregate_sql(node: Aggregate, dialect: Dialect, as_of: dt.date) -> list[str]:
    """What the scan has to add up for one aggregate: one SQL aggregate, for a mean its sum and count."""

    def name(inner: Node) -> str:
        assert isinstance(inner, Column), inner
        return dialect.quote(inner.name)

    first, last = node.window.days(as_of)
    day = dialect.quote(node.window.field or table_of(node.table).date)
    where = [] if node.where is None else [lower(node.where, dialect, as_of, name)]
    if node.reduce in (Reduce.LEVEL, Reduce.DAILY_MEAN):
        return [_balance_sql(node, dialect, where, (first, last), as_of)]
    if node.window != ALWAYS or node.window.field:
        if node.window.field or first > dt.date(1900, 1, 1):
            where.append(f"{day} >= {_day(first)}")
        if node.window.field or last < as_of:
            where.append(f"{day} <= {_day(last)}")
    condition = " AND ".join(f"({w})" for w in where)
    value = lower(node.value, dialect, as_of, name) if node.value is not None else "1"
    return reduce_sql(node, dialect, condition, value, day, (first, last))


def _where(condition: str, value: str) -> str:
    return f"CASE WHEN {condition} THEN {value} END" if condition else value


def reduce_sql(
    node: Aggregate, dialect: Dialect, condition: str, value: str, day: str, window: tuple[dt.date, dt.date]
) -> list[str]:
    """SQL aggregates of a node whose condition, value and day are already SQL."""
    chosen = _where(condition, value)
    reduce = node.reduce
    if reduce is Reduce.SUM:
        return [f"sum({chosen})"]
    if reduce is Reduce.MEAN:
        return [f"sum({chosen})", f"count({chosen})"]
    if reduce is Reduce.DISTINCT_DAYS:
        return [dialect.distinct_days(condition, day, *window)]
    if reduce is Reduce.LAST:
        known = f"({value}) IS NOT NULL AND {day} IS NOT NULL"
        return [dialect.last_by(f"{condition} AND {known}" if condition else known, day, value)]
    if reduce is Reduce.DISTINCT:
        return [f"count(DISTINCT {chosen})"]
    name = {Reduce.COUNT: "count", Reduce.MIN: "min", Reduce.MAX: "max", Reduce.ANY: "bool_or"}[reduce]
    return [f"{name}({chosen})"]


def finish_sql(node: Aggregate, dialect: Dialect, as_of: dt.date, parts: Sequence[str]) -> str:
    """The aggregate's value out of what the scan added up, with its default for absent rows."""
    reduce = node.reduce
    if reduce is Reduce.MEAN:
        divide = dialect.half_up_division if node.type.kind is Kind.MONEY else dialect.rate_division
        return divide(*parts)
    if reduce is Reduce.DAILY_MEAN:
        first, last = node.window.days(as_of)
        sql = dialect.half_up_division(parts[0], str((last - first).days + 1))
    elif reduce in (Reduce.SUM, Reduce.LEVEL):
        # the default inside: a sum of rates that is out of range must stay unknown
        return dialect.total(f"coalesce({parts[0]}, 0)", node.type)
    else:
        sql = parts[0]
    default = DEFAULTS.get(reduce)
    return f"coalesce({sql}, {default})" if default else sql


def _balance_sql(
    node: Aggregate, dialect: Dialect, where: list[str], window: tuple[dt.date, dt.date], as_of: dt.date
) -> str:
    """Levels and daily means from the change ledger. A change on day d adds itself to every day from
    d on, so its share of the window's sum is `delta * days from max(d, first) to last`: one linear
    sum, no ordering, no window function."""
    first, last = window
    if last < as_of:
        where = [*where, f"date <= {_day(last)}"]
    condition = " AND ".join(f"({w})" for w in where)
    if node.reduce is Reduce.LEVEL:
        return f"sum({_where(condition, 'delta')})"
    after = f"{dialect.day_number(_day(last))} + 1"
    if first <= dt.date(1900, 1, 1):
        raise ValueError("a daily mean has a window")
    held = f"({after} - {dialect.day_number(f'greatest(date, {_day(first)})')})"
    return f"sum({_where(condition, f'delta * {held}')})"


DEFAULTS = {
    # what an aggregate is for a customer of whom no row speaks; the others are unknown
    Reduce.SUM: "0",
    Reduce.COUNT: "0",
    Reduce.ANY: "false",
    Reduce.DISTINCT: "0",
    Reduce.DISTINCT_DAYS: "0",
    Reduce.LEVEL: "0",
    Reduce.DAILY_MEAN: "0",
}


@dataclass(frozen=True)
class Sources:
    """SQL of the relations a statement reads. Each fact relation has `customer`; `customers` has one
    row for every customer and decides which rows come out; `models`, `graph`, `profile`, `ranks`,
    `scores` and `before` (the earlier night) have at most one."""

    facts: Mapping[str, str]
    customers: str
    models: str = ""
    profile: str = ""
    before: str = ""
    ranks: str = ""
    graph: str = ""
    scores: str = ""


def statement(
    planned: Plan,
    sources: Sources,
    dialect: Dialect,
    as_of: dt.date,
    only: Sequence[str] = (),
    ordered: bool = True,
) -> str:
    """The statement: `customer` and one column per definition (or `only` those), by customer.

    `ordered` False leaves the order to the engine and to whoever takes the rows: a sort carries all
    columns through it, which for a wide profile costs a seventh of the statement.
    """
    parts = [
        f"{table}_facts AS (\n  {scan(table, wanted, sources.facts[table], dialect, as_of)}\n)"
        for table, wanted in planned.aggregates.items()
    ]
    parts.append(f"wide AS (\n  {_wide(planned, sources, dialect, as_of)}\n)")
    last = "wide"
    for number, layer in enumerate(planned.layers):
        lines = [f"{step_sql(step, planned, dialect, as_of)} AS {step.column}" for step in layer]
        parts.append(
            f"layer_{number} AS (\n  SELECT *,\n    " + ",\n    ".join(lines) + f"\n  FROM {last}\n)"
        )
        last = f"layer_{number}"
    names = ", ".join(
        f"{column(n)} AS {dialect.quote(n)}" for n in (only or [d.name for d in planned.definitions])
    )
    order = "\nORDER BY customer" if ordered else ""
    return "WITH " + ",\n".join(parts) + f"\nSELECT customer, {names}\nFROM {last}{order}"


def column(name: str) -> str:
    """Column of a definition inside a statement; the prefix keeps names clear of key words."""
    return f"t_{name}"


def step_sql(step: Step, planned: Plan, dialect: Dialect, as_of: dt.date) -> str:
    """SQL of one step over the columns of the layers before it."""

    def name(node: Node) -> str:
        if isinstance(node, Aggregate):
            return f"a_{planned.aggregates[node.table][node]}"
        if isinstance(node, Reference):
            return f"before_{node.name}" if node.earlier else column(node.name)
        if isinstance(node, Rank):
            return planned.ranks.get(node) or _rank_sql(node, dialect, as_of, name)
        assert isinstance(node, Column), node
        return f"{node.table}_{node.name}"

    sql = lower(step.expression, dialect, as_of, name, planned.named)
    return f"CAST({sql} AS {dialect.sql_type(step.type)})"


def _rank_sql(node: Rank, dialect: Dialect, as_of: dt.date, name: Callable[[Node], str]) -> str:
    value = lower(node.value, dialect, as_of, name)
    within = [lower(w, dialect, as_of, name) for w in node.within]
    groups = ", ".join([*within, f"({value}) IS NULL"])
    order = "DESC" if node.descending else "ASC"
    place = f"row_number() OVER (PARTITION BY {groups} ORDER BY {value} {order}, customer)"
    if node.parts:
        known = f"count(*) OVER (PARTITION BY {groups})"
        product = f"(({place}) - 1) * {node.parts}"
        place = f"1 + ({product} - ({product}) % ({known})) / ({known})"
    return f"CASE WHEN ({value}) IS NULL THEN NULL ELSE CAST({place} AS BIGINT) END"


def _wide(planned: Plan, sources: Sources, dialect: Dialect, as_of: dt.date) -> str:
    """Everything known of a customer before expressions: one row each."""
    columns = ["c.customer AS customer"]
    columns += [f"c.{n} AS customers_{n}" for n in planned.columns["customers"]]
    joins = [f"FROM {sources.customers} AS c"]
    for table, wanted in planned.aggregates.items():
        for node, name in wanted.items():
            parts = [f"{table}_facts.{name}_{i}" for i in range(2 if node.reduce is Reduce.MEAN else 1)]
            columns.append(f"{finish_sql(node, dialect, as_of, parts)} AS a_{name}")
        joins.append(f"LEFT JOIN {table}_facts ON {table}_facts.customer = c.customer")
    for letter, names, source, alias in (
        ("m", planned.columns["models"], sources.models, "models_{}"),
        ("g", planned.columns["graph"], sources.graph, "graph_{}"),
        ("s", planned.columns["scores"], sources.scores, "scores_{}"),
        ("p", planned.columns["profile"], sources.profile, "t_{}"),
        ("b", planned.before, sources.before, "before_{}"),
        ("r", tuple(planned.ranks.values()), sources.ranks, "{}"),
    ):
        if not names:
            continue
        if source:
            joins.append(f"LEFT JOIN {source} AS {letter} ON {letter}.customer = c.customer")
            columns += [f"{letter}.{dialect.quote(n)} AS {alias.format(n)}" for n in names]
        else:
            table = {"m": "models", "g": "graph", "s": "scores"}.get(letter, "")
            columns += [f"{_unknown(planned, n, dialect, table)} AS {alias.format(n)}" for n in names]
    return "SELECT " + ",\n    ".join(columns) + "\n  " + "\n  ".join(joins)


def _unknown(planned: Plan, name: str, dialect: Dialect, table: str) -> str:
    """A typed null for a value no source holds (the first night has no earlier one): a column of a
    table, or without a table another definition's value."""
    for definition in planned.definitions:
        for node in walk(definition.expression):
            if (
                isinstance(node, (Reference, Column))
                and node.name == name
                and getattr(node, "table", "") == table
            ):
                return f"CAST(NULL AS {dialect.sql_type(node.type)})"
    raise KeyError(name)
