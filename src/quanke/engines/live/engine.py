"""The live engine: triggers and tags of the customers whom events touch, in micro-batches.

**What a trigger sees.** The tags as a night of the day being lived would compute them, had the day ended
with this row: the opening of the day and every row that came before it for this customer, in the order of
coming, and the row itself. How rows are cut into batches makes no difference. `as_of` is the day being
lived, also for a late row; the row's own date and moment are its fields.

**Where a row counts.** By its own date. A late row counts in every window its date lies in. A row dated
after the day being lived waits until that day comes (`turn_day`).

**What stays as of the night.** Fields of `customers`, tables that the bank hands over whole (accounts,
cards, holdings, consents, ownership), balances in foreign currency, and tags that stand on a rank, a model or
the graph. `earlier(...)` is the value of the night.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.engines.live.batch import Batch, Rows
from quanke.engines.live.columns import Array, Column
from quanke.engines.live.decisions import Titles, decisions, no_decisions
from quanke.engines.live.dense import Dense, Held, Texts, arrow_of, dense_of, on_board
from quanke.engines.live.formulas import Formulas
from quanke.engines.live.journal import Journal
from quanke.engines.live.judging import Judge
from quanke.engines.live.opening import Openings
from quanke.engines.live.reading import is_live, reading_of, row_fields
from quanke.engines.live.scalar import held_day
from quanke.engines.live.single import Hit, Seen, Single, array_of
from quanke.engines.live.state import State
from quanke.engines.live.waits import Waits, moment
from quanke.kernel.errors import QuankeError
from quanke.language.catalogue import Catalogue
from quanke.language.definitions import Occasion, Trigger
from quanke.language.facts import table_of
from quanke.language.nodes import Aggregate, AsOf, Node, Reference, walk
from quanke.language.nodes import Column as Field
from quanke.language.types import Type

EVERYBODY = 262_144
"""Customers looked at in one piece by the triggers on a day."""
SINGLY = 8
"""Up to so many rows are taken one at a time; more are quicker together."""
REPLAYED = 131_072
"""Rows added in one piece when a state is made anew."""


class LiveEngine:
    """One partition of customers: the night's profile as base, the running state, all triggers.

    `profile`: row i is customer i, with the columns `LiveEngine.reads(...)` names (`Night.read`); one that is
    not there is unknown for everybody. `openings`: see `Openings`. `day`: the business date being lived, the
    night's day and one at first. `keep`: tags kept up beside those the triggers read, for `tags`.

    Not safe for threads: one engine, one thread.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        triggers: Sequence[Trigger],
        profile: pa.Table,
        openings: Openings,
        day: dt.date,
        *,
        currency: str = "CNY",
        keep: Iterable[str] = (),
    ) -> None:
        self.day = day
        self.currency = currency
        self.triggers = tuple(triggers)
        self._openings = openings
        self._catalogue = catalogue
        self._reading = reading_of(catalogue, self.triggers, keep)
        self.tables: frozenset[str] = self._reading.tables
        night: dict[Any, Dense] = _profile(profile, self._reading.profile)
        night.update(openings.customers(self._reading.customers))
        self._night = on_board(night)
        self._state = State(self._reading.aggregates, is_live)
        self._judges = {table: self._judge(table) for table in sorted(self.tables)}
        self._singles = {
            table: Single(table, self._state, judge, self._dense) for table, judge in self._judges.items()
        }
        self.singly = SINGLY
        self._daily = Judge([t for t in self.triggers if t.occasion is Occasion.DAY], self._reading.live)
        self._waits = {t.name: Waits(t) for t in self.triggers if t.occasion is Occasion.ABSENCE}
        self._journals = {table: Journal(table) for table in sorted(self.tables)}
        self._ahead: list[tuple[str, pa.Table]] = []
        self._everybody = profile.num_rows
        self._fields = {table: self._needed(table) for table in self.tables}
        self._state.open(openings.on(day, self._reading.aggregates))
        self._wait_from_home()

    @staticmethod
    def reads(catalogue: Catalogue, triggers: Sequence[Trigger], keep: Iterable[str] = ()) -> list[str]:
        """Columns of the night's profile that an engine of these triggers reads."""
        return sorted(reading_of(catalogue, triggers, keep).profile)

    def _judge(self, table: str) -> Judge:
        mine = [t for t in self.triggers if table in (t.table, t.unless_table)]
        return Judge(mine, self._reading.live, table)

    def _needed(self, table: str) -> frozenset[str]:
        nodes = [tree for t in self.triggers for tree in t.trees]
        read = row_fields(table, [*nodes, *self._reading.live.values()])
        if table == "balances":
            read = read - {"balance"} | {"delta", "currency"}
        return read | {"customer", "event_id", table_of(table).date}

    def fields(self, table: str) -> frozenset[str]:
        """Columns it needs of the rows of a table: `customer`, `event_id`, the table's date, and what its
        conditions read; the moment `at` is looked at where it is there, and so is nothing else."""
        return self._fields.get(table, frozenset())

    # --- rows

    def take(self, table: str, rows: pa.Table) -> pa.Table:
        """Take rows in the order of their coming; returns the Decisions (`DECISIONS`) they make.

        `rows` are arranged (`quanke.bank.arranged`), checked, numbered and each given once: `customer`
        int32, `event_id` text, the table's fields; balances have `delta`. Rows of a table not in `tables`
        change nothing. Raises QuankeError for a field that is missing, and OverflowError where a whole
        number does not fit 64 bits; nothing has changed then.
        """
        if table not in self.tables or rows.num_rows == 0:
            return no_decisions()
        rows = self._chosen(table, rows)
        if table == "balances":
            rows = rows.filter(pc.equal(rows["currency"], self.currency))
        if rows.num_rows <= self.singly:
            return self._one_by_one(table, rows)
        date = rows[table_of(table).date]
        if date.null_count:
            raise QuankeError(f"rows of {table} have no {table_of(table).date}")
        later = pc.greater(date, pa.scalar(self.day))
        if pc.any(later).as_py():
            made = self._live(table, rows.filter(pc.invert(later)))
            self._ahead.append((table, rows.filter(later)))
            return made
        return self._live(table, rows)

    def _chosen(self, table: str, rows: pa.Table) -> pa.Table:
        names = set(rows.column_names)
        missing = sorted(self._fields[table] - names)
        if missing:
            raise QuankeError(f"rows of {table} lack the field {missing[0]}")
        optional = ["at"] if "at" in names else []
        return rows.select(sorted(self._fields[table] | set(optional)))

    def _live(self, table: str, rows: pa.Table) -> pa.Table:
        """Rows of the day being lived or before."""
        if rows.num_rows == 0:
            return no_decisions()
        batch = Batch(Rows(table, rows), self._state, self._read, self.day)
        judge = self._judges[table]
        with np.errstate(all="ignore"):
            batch.add()
            found = judge.formulas.run(batch.read, self.day, batch.rows.count, batch.rows.ones)
            made = judge.rows(found, batch.rows, self.day)
            armed = judge.armed(found, batch.rows)
            called = judge.called(found)
        batch.keep()
        for name, places, values in armed:
            ids = batch.rows.event_ids.take(pa.array(places)).to_pylist()
            at = batch.rows.at[places].astype(np.int64)
            self._waits[name].arm(batch.rows.customer[places], ids, at, values)
        for name, where in called:
            self._waits[name].call_off(batch.rows.customer, batch.rows.at.astype(np.int64), where)
        if is_live(table):
            self._journals[table].add(rows)
        return made

    def _one_by_one(self, table: str, rows: pa.Table) -> pa.Table:
        """Few rows, in the order of coming."""
        single, date, today = self._singles[table], table_of(table).date, held_day(self.day)
        held = single.rows(rows)
        if any(row[date] is None or row["customer"] is None for row in held):
            raise QuankeError(f"rows of {table} have no {date} or no customer")
        fired: list[Hit] = []
        seen: list[Seen] = []
        taken: list[int] = []
        try:
            for place, row in enumerate(held):
                if row[date] <= today:
                    seen.append(single.take(row, self.day))
                    seen[-1].keep()
                    taken.append(place)
        except OverflowError:
            for one in reversed(seen):
                one.undo()
            raise
        for one in seen:
            fired += one.fired
            for hit in one.armed:
                waits = self._waits[single.judge.triggers[hit.number].name]
                waits.arm(
                    np.array([hit.row["customer"]]), [hit.row["event_id"]], np.array([hit.at]), [hit.values]
                )
            for hit in one.called:
                waits = self._waits[single.judge.triggers[hit.number].name]
                waits.call_off(np.array([hit.row["customer"]]), np.array([hit.at]), np.ones(1, np.bool_))
        if len(taken) < len(held):
            later = [n for n in range(len(held)) if n not in taken]
            self._ahead.append((table, rows.take(pa.array(later))))
            rows = rows.take(pa.array(taken, pa.int64()))
        if is_live(table):
            self._journals[table].add(rows)
        if not fired:
            return no_decisions()
        numbers, customers, ids, at, values = array_of(fired)
        moments = at.view("datetime64[us]")
        return decisions(
            single.judge.titles, numbers, customers, pa.array(ids, pa.string()), moments, self.day, values
        )

    def _dense(self, node: Node) -> Held:
        """What stands as of the night."""
        return self._night[node.name if isinstance(node, Reference) else node]

    def _read(self, node: Node, customers: Array, ones: Array) -> Column | Texts:
        """What stands as of the night, for customers: fields of the golden record, earlier values, tags that
        only a night works out."""
        return self._dense(node).gather(customers, ones)

    # --- days

    def open_day(self) -> pa.Table:
        """Decisions that belong to the beginning of `day`: waits that end with the day before, and the
        triggers on a day, over everybody. Call it once when the engine begins; `turn_day` does it for the
        days after."""
        made = [self._ended(moment(self.day))]
        if self._daily.triggers:
            count = max(self._everybody, self._state.highest)
            with np.errstate(all="ignore"):
                for low in range(0, count, EVERYBODY):
                    customers = np.arange(low, min(low + EVERYBODY, count))
                    found = self._over(self._daily.formulas, customers)
                    made.append(self._daily.customers(found, customers, self.day))
        return pa.concat_tables(made)

    def _over(self, formulas: Formulas, customers: Array) -> Any:
        """An evaluation over customers as they stand."""
        ones = np.ones(len(customers), np.bool_)

        def read(node: Node) -> Column | Texts:
            if isinstance(node, Aggregate):
                held = self._state.held[node]
                return held.finish(self._state.look(held, customers), self.day, ones)
            return self._read(node, customers, ones)

        return formulas.run(read, self.day, len(customers), ones)

    def turn_day(self, day: dt.date) -> pa.Table:
        """Midnight: windows move on to `day`, waits that ended are decided, the triggers on a day are looked
        at, and rows dated `day` that came before it are taken. Returns all Decisions of that.

        Days left out are not made up for. Nothing changes for a day not after the one being lived, and where
        CalendarError is raised: the holidays of a year that a trigger counts with are not loaded.
        """
        if day <= self.day:
            return no_decisions()
        for tree in (*self._reading.live.values(), *(tree for t in self.triggers for tree in t.trees)):
            for node in walk(tree):
                if isinstance(node, AsOf):
                    node.on(day)  # CalendarError now, and not half-way
        opening = self._openings.on(day, self._reading.aggregates)
        self.day = day
        self._state.open(opening)
        self._replay()
        made = [self.open_day()]
        for waits in self._waits.values():
            waits.prune(day)
        ahead, self._ahead = self._ahead, []
        for table, rows in ahead:
            made.append(self.take(table, rows))
        return pa.concat_tables(made)

    def _replay(self) -> None:
        """Add the rows taken since the night to a state just opened."""
        for table, journal in self._journals.items():
            for piece in journal:
                for low in range(0, piece.num_rows, REPLAYED):
                    batch = Batch(Rows(table, piece.slice(low, REPLAYED)), self._state, self._read, self.day)
                    with np.errstate(all="ignore"):
                        batch.add()
                    batch.keep()

    # --- waits

    def due(self, now: dt.datetime) -> pa.Table:
        """Decisions of waits that end by `now` (Asia/Shanghai), at the latest with the day before the one
        being lived."""
        until = int(np.datetime64(now.replace(tzinfo=None), "us").astype(np.int64))
        return self._ended(min(until, moment(self.day + dt.timedelta(days=1)) - 1))

    def _ended(self, until: int) -> pa.Table:
        tables = []
        for waits in self._waits.values():
            ended = waits.due(until)
            if ended:
                tables.append(
                    decisions(
                        Titles([waits.trigger]),
                        np.zeros(len(ended), np.int32),
                        np.array([w.customer for w in ended], np.int32),
                        pa.array([w.event_id for w in ended], pa.string()),
                        np.array([w.due for w in ended], "datetime64[us]"),
                        self.day,
                        [w.values for w in ended],
                    )
                )
        return pa.concat_tables(tables) if tables else no_decisions()

    def _wait_from_home(self) -> None:
        """Waits that began before the engine did, from the home's rows. Tags that an arming condition reads
        are seen as they stand at the opening of the day."""
        for waits in self._waits.values():
            trigger = waits.trigger
            since = self.day - dt.timedelta(days=waits.reach)
            for table in sorted({trigger.table, trigger.unless_table}):
                held = self._openings.rows(table, sorted(self._fields[table] | _at(table)), since)
                self._arm_from(waits, table, held)
            began = moment(self.day)
            waits.pending = {key: wait for key, wait in waits.pending.items() if wait.due >= began}

    def _arm_from(self, waits: Waits, table: str, held: pa.Table) -> None:
        judge = Judge([waits.trigger], self._reading.live, table)
        for low in range(0, held.num_rows, REPLAYED):
            rows = Rows(table, held.slice(low, REPLAYED))
            customers = rows.customer

            def read(node: Node, rows: Rows = rows, customers: Array = customers) -> Column | Texts:
                if isinstance(node, Field) and node.table == rows.table:
                    return rows.read(node)
                if isinstance(node, Aggregate):
                    known = self._state.held[node]
                    return known.finish(self._state.look(known, customers), self.day, rows.ones)
                return self._read(node, customers, rows.ones)

            with np.errstate(all="ignore"):
                found = judge.formulas.run(read, self.day, rows.count, rows.ones)
                armed, called = judge.armed(found, rows), judge.called(found)
            at = rows.at.astype(np.int64)
            for _, places, values in armed:
                ids = rows.event_ids.take(pa.array(places)).to_pylist()
                waits.arm(customers[places], ids, at[places], values)
            for _, where in called:
                waits.call_off(customers, at, where)

    # --- asking and keeping

    def tags(self, customers: Array, names: Sequence[str]) -> pa.Table:
        """`customer` and current values of tags (of triggers, or named in `keep`), one row for each number
        given. Raises QuankeError for a tag that is not kept up."""
        known = {*self._reading.live, *self._reading.profile}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise QuankeError(f"the tag {unknown[0]} is not kept up: name it in `keep`")
        numbers = np.asarray(customers, np.int64)
        formulas = Formulas([self._catalogue[name].node for name in names], self._reading.live)
        columns = {"customer": pa.array(numbers, pa.int32())}
        with np.errstate(all="ignore"):
            found = self._over(formulas, numbers)
            for name, place in zip(names, formulas.outputs, strict=True):
                columns[name] = _arrow(found, place, self._catalogue[name].result)
        return pa.table(columns)

    def save(self, folder: Path, since: Path | None = None) -> None:
        """Write everything that differs from the opening of the first day into an empty folder.

        `since`: an earlier snapshot of this engine; what has not changed is linked, not written again. The
        caller makes the folder durable.
        """
        folder.mkdir(parents=True, exist_ok=True)
        told: dict[str, Any] = {"format": 1, "day": self.day.isoformat(), "journals": {}, "ahead": []}
        for table, journal in self._journals.items():
            told["journals"][table] = [journal.save(folder, since), journal.sealed]
        for number, (table, rows) in enumerate(self._ahead):
            told["ahead"].append(table)
            _write(folder / f"ahead-{number:06d}.arrow", rows)
        for name, waits in self._waits.items():
            _write(folder / f"waits-{name}.arrow", waits.table())
            calls = waits.calls
            who = np.concatenate([w for w, _ in calls]) if calls else np.zeros(0, np.int64)
            when = np.concatenate([w for _, w in calls]) if calls else np.zeros(0, np.int64)
            _write(folder / f"calls-{name}.arrow", pa.table({"customer": who, "at": when}))
        (folder / "engine.json").write_text(json.dumps(told), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take a snapshot up: an engine just made of the same night goes on exactly where `save` left it.

        Raises QuankeError where the snapshot has another format.
        """
        told = json.loads((folder / "engine.json").read_text(encoding="utf-8"))
        if told.get("format") != 1:
            raise QuankeError("the snapshot has a format this Quanke does not read")
        day = dt.date.fromisoformat(told["day"])
        for table, journal in self._journals.items():
            names, sealed = told["journals"].get(table, [[], 0])
            journal.load(folder, names, sealed)
        if day != self.day:
            self.day = day
            self._state.open(self._openings.on(day, self._reading.aggregates))
        self._replay()
        self._ahead = [
            (table, _load(folder / f"ahead-{number:06d}.arrow")) for number, table in enumerate(told["ahead"])
        ]
        for name, waits in self._waits.items():
            if (folder / f"waits-{name}.arrow").exists():
                waits.take_up(_load(folder / f"waits-{name}.arrow"))
                calls = _load(folder / f"calls-{name}.arrow")
                waits.calls = [(calls["customer"].to_numpy(), calls["at"].to_numpy())]


def _at(table: str) -> frozenset[str]:
    return frozenset({"at"}) & table_of(table).fields.keys()


def _profile(profile: pa.Table, wanted: Any) -> dict[str, Dense]:
    made = {}
    for name, of in wanted.items():
        there = name in profile.column_names
        made[name] = dense_of(profile[name], of) if there else _unknown(of)
    return made


def _unknown(of: Type) -> Dense:
    return dense_of(pa.nulls(0).cast(pa.string()), of) if of.kind == "text" else dense_of(pa.nulls(0), of)


def _arrow(found: Any, place: int, of: Type) -> pa.Array:
    """A step's values as Arrow, texts by their codes where they are held so."""
    step = found.formulas.steps[place]
    if step.text == place:
        texts = found.texts(place)
        if texts is not None:
            return arrow_of(texts, of)
    return arrow_of(found.column(place), of)


def _write(path: Path, rows: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as out:
        out.write_table(rows)


def _load(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
