"""The night on Spark: the same statements through Spark's dialect, the same kernels in its tasks.

A step is one statement, or one for every `AT_ONCE` parts of a large home; its rows go to one task per part,
which writes the part into the store. Nothing that has a row per customer comes to the driver, except where
the graph is made and a register of who is who is kept: those have their one place on the driver, as on one
machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from quanke.bank.survivorship import NOT_GOLDEN
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.engines.duckdb.relations import arrow_type
from quanke.engines.golden_statement import Records, golden_statement
from quanke.engines.metric_statements import metric_statement
from quanke.engines.spark.engine import DIALECT
from quanke.engines.spark.golden import SparkRecords
from quanke.engines.spark.parts import Parts, write_parts
from quanke.engines.spark.session import open_session, without_values
from quanke.engines.statements import Sources, plan, statement
from quanke.engines.store import WorkingNight
from quanke.kernel.errors import NightError
from quanke.language import Definition, Expression, Metric, Tag
from quanke.language.facts import customers as customers_table
from quanke.language.nodes import Column, Rank, type_of
from quanke.language.types import OF_FIELD
from quanke.night.absorbed import absorbed_of
from quanke.night.engine import Done
from quanke.night.findings import long_absorbed, metric_reads
from quanke.night.spark_inputs import SparkInputs
from quanke.night.spark_kernels import label_parts, score_parts, write_findings, write_moves
from quanke.night.steps import (
    ASIDE,
    Run,
    by_customer,
    golden_fields,
    rank_names,
    ranked_inputs,
    write_absorbed,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AT_ONCE = 64
"""Parts of one statement. More of them want more room to shuffle, and are more to do again after a kill."""


class OnSpark:
    """The NightEngine for a base that outgrows one machine.

    `master` is a master URL ("": what spark-submit says, else all cores of this machine); `memory` that of
    Spark's process here, like "3g"; `settings` more of Spark's own. With `session` that one is used and
    left open.
    """

    name = "spark"
    full = False

    def __init__(
        self,
        master: str = "",
        memory: str = "",
        settings: Mapping[str, str] | None = None,
        session: SparkSession | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        self.master, self.memory, self.settings = master, memory, dict(settings or {})
        self._given, self.at_once = session, at_once
        self._session: SparkSession | None = session

    @property
    def session(self) -> SparkSession:
        """The session while the night works. Raises NightError before and after."""
        if self._session is None:
            raise NightError("Spark is not begun")
        return self._session

    @contextmanager
    def working(self, spill: Path) -> Iterator[None]:
        """Begin Spark, and end it again if it was begun here."""
        self._session = self._given or open_session(
            self.master, memory=self.memory, scratch=spill, more=self.settings
        )
        try:
            with without_values():
                yield
        finally:
            if self._given is None:
                self._session.stop()
                self._session = None

    def customers(self, run: Run) -> None:
        """Rows of merged records, golden customers, foreign balances: each a statement."""
        inputs = SparkInputs(self.session, run)
        write_absorbed(run)
        foreign, done = run.working.file("foreign.parquet"), run.working.file("foreign.done")
        if not done.exists():
            inputs.write_moved()
            if not foreign.exists():
                inputs.write_foreign(foreign)
            done.touch()
        fields = golden_fields(run.catalogue)
        kept = {n: f for n, f in customers_table.fields.items() if n in fields - NOT_GOLDEN}
        typed = [(name, arrow_type(OF_FIELD[field.type])) for name, field in kept.items()]
        schema = pa.schema([("customer", pa.int32()), *typed])
        records = Records(
            inputs.relation("parties"), inputs.relation("organisations"), SURVIVORSHIP, SOURCE_PRIORITY
        )

        def sql(parts: range) -> str:
            low, high = _reach(run, parts)
            return golden_statement(records, low, high, fields, SparkRecords(), ordered=False)

        self._write(run, "customers", "one row per customer", schema, sql)

    def profile(self, run: Run, group: str, definitions: Sequence[Definition], done: Done) -> None:
        """One statement for many parts, written by a task per part."""
        inputs = SparkInputs(self.session, run)
        known = {g: names for g, names in done.items() if g not in ASIDE}
        places = rank_names(run.catalogue, done.get("ranks", []))
        planned = plan(definitions, [n for names in known.values() for n in names], places)

        def beside(name: str, columns: Sequence[str], parts: range) -> str:
            return inputs.columns({name: done[name]}, columns, parts) if name in done else ""

        def sql(parts: range) -> str:
            sources = Sources(
                inputs.facts(*_reach(run, parts)),
                inputs.made("customers", parts),
                models=beside("models", planned.columns["models"], parts),
                profile=inputs.columns(known, planned.columns["profile"], parts),
                before=inputs.before(run.earlier, run.catalogue, planned.before, parts),
                ranks=beside("ranks", tuple(planned.ranks.values()), parts),
                graph=beside("graph", planned.columns["graph"], parts),
                scores=beside("scores", planned.columns["scores"], parts),
            )
            return statement(planned, sources, DIALECT, run.day, ordered=False)

        title = f"{len(definitions)} tags and checks"
        self._write(run, group, title, schema_of(definitions), sql)

    def ranks(self, run: Run, nodes: Mapping[Rank, str], done: Done) -> None:
        """What is ranked goes into a group of its own; the places are windows over everybody."""
        if not run.working.missing("ranks", run.inputs.parts):
            return
        ranked, names = ranked_inputs(nodes)
        self.profile(run, "ranked", ranked, done)

        def column(node: object) -> Column:
            return Column("models", names[node], type_of(node))  # type: ignore[index,arg-type]

        places = [
            Tag(
                name=name,
                title_zh="名次",
                title_en="Place",
                value=Expression(
                    replace(node, value=column(node.value), within=tuple(map(column, node.within)))
                ),
            )
            for node, name in nodes.items()
        ]
        inputs, everybody = SparkInputs(self.session, run), range(run.inputs.parts)
        view = inputs.made("ranked", everybody)
        every = statement(plan(places), Sources({}, view, models=view), DIALECT, run.day, ordered=False)

        def sql(parts: range) -> str:
            low, high = _reach(run, parts)
            return f"SELECT * FROM ({every}) WHERE customer >= {low} AND customer < {high}"

        self._write(run, "ranks", "places of everybody", schema_of(places), sql, run.inputs.parts)

    def clusters(self, run: Run, done: Done) -> None:
        """Fitted on the driver on a sample, applied in tasks."""
        label_parts(run, self.session, done)

    def scores(self, run: Run, done: Done) -> bool:
        """A task per part, with the models it needs."""
        return score_parts(run, self.session, done)

    def metrics(self, run: Run, metrics: Sequence[Metric], by: Sequence[str], done: Done) -> pa.Table:
        """One statement."""
        inputs, everybody = SparkInputs(self.session, run), range(run.inputs.parts)
        now, before = metric_reads(metrics)
        profile = inputs.columns(done, {*now, *by}, everybody)
        absorbed = long_absorbed(run)
        if pq.read_metadata(absorbed).num_rows:
            gone = inputs.stored("q_absorbed", [absorbed])
            profile = (
                f"(SELECT t.* FROM {profile} AS t LEFT ANTI JOIN {gone} AS k ON k.customer = t.customer)"
            )
        sql = metric_statement(
            metrics,
            profile,
            inputs.before(run.comparison, run.catalogue, before, everybody),
            inputs.made("customers", everybody),
            DIALECT,
            run.day,
            by,
        )
        return self.session.sql(sql).toArrow()

    def moves(self, run: Run, done: Done) -> None:
        """A task per part; what they found is put together in order."""
        write_moves(run, self.session, done)

    def keep(self, run: Run) -> None:
        """No tiles: a night on Spark computes everything, and its manifest says so."""
        run.tiles.update({"way": "from all rows", "because": "on Spark"})

    def findings(self, run: Run, done: Done) -> None:
        """A task per part."""
        write_findings(run, self.session, done)

    def _write(
        self,
        run: Run,
        group: str,
        title: str,
        schema: pa.Schema,
        sql: Callable[[range], str],
        at_once: int = 0,
    ) -> None:
        """Make the parts of a group that are missing, `at_once` with one statement."""
        missing = run.working.missing(group, run.inputs.parts)
        absorbed = run.absorbed_file if group != "customers" else None
        parts = Parts(
            partial(_path, run.working, group), schema, run.inputs.bucket, partial(_finished, absorbed)
        )
        with run.progress.step(title, len(missing)) as step:
            for these in runs_of(missing, at_once or self.at_once):
                rows = write_parts(self.session.sql(sql(these)), parts, these[0], these[-1])
                for part in these:
                    low, high = run.inputs.reach(part)
                    if rows.get(part) != high - low:
                        raise NightError(f"customers {low} to {high - 1} do not have one row each")
                step.advance(len(these))


def schema_of(definitions: Sequence[Definition]) -> pa.Schema:
    """Columns of a group as nights store them."""
    return pa.schema([("customer", pa.int32()), *((d.name, arrow_type(d.result)) for d in definitions)])


def runs_of(numbers: Sequence[int], longest: int) -> list[range]:
    """Rising numbers as unbroken ranges of at most `longest`."""
    runs: list[range] = []
    for number in numbers:
        if runs and runs[-1].stop == number and len(runs[-1]) < longest:
            runs[-1] = range(runs[-1].start, number + 1)
        else:
            runs.append(range(number, number + 1))
    return runs


def _reach(run: Run, parts: range) -> tuple[int, int]:
    return run.inputs.reach(parts[0])[0], run.inputs.reach(parts[-1])[1]


def _path(working: WorkingNight, group: str, part: int) -> Path:
    return working.part(group, part)


def _finished(absorbed: Path | None, table: pa.Table, first: int) -> pa.Table:
    """A part with the rows of absorbed customers empty. Raises NightError unless it has one row each."""
    whole = by_customer(table, first, first + table.num_rows)
    return whole if absorbed is None else absorbed_of(absorbed).emptied(whole, first)
