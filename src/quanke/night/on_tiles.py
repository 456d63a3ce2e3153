"""The night carried from the night before: tiles brought to the day, definitions computed where they changed.

Where there are no tiles of the night before (the first night, another catalogue of parts, a jump of months),
everything is computed from all rows as on DuckDB, and tiles are made for the next night. The values are the
same either way, bit for bit; which way was taken stands in the manifest under `tiles`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.contracts import CONTRACTS
from quanke.customers.survivorship import SOURCE_PRIORITY, SURVIVORSHIP
from quanke.engines.duckdb import without_values
from quanke.engines.duckdb.golden import customers_sql
from quanke.engines.duckdb.relations import arrow_type, files_sql
from quanke.engines.store import Night, write_json
from quanke.engines.store.files import write_parquet
from quanke.engines.tiles import (
    Carried,
    CarriedPart,
    PartBefore,
    Range,
    TilePart,
    Tiling,
    advance,
    advance_balances,
    anchor_keys,
    default,
    link,
)
from quanke.engines.tiles.columns import zero
from quanke.kernel.errors import QuankeError
from quanke.language import Definition
from quanke.language.nodes import Aggregate, walk
from quanke.language.types import INTEGER, Type
from quanke.night.engine import Done
from quanke.night.moved import by_account
from quanke.night.on_duckdb import OnDuckDB
from quanke.night.steps import (
    Run,
    golden_fields,
    over_parts,
    prepare,
    prepare_foreign,
    prepare_moved,
    profile_parts,
    split,
)
from quanke.night.tile_parts import GoldenPart, NightPart, moved_accounts, told_definitions
from quanke.night.tile_rows import HomeRows, TableFiles
from quanke.night.tile_store import CUSTOMERS, FORMAT, TileFolder, TileStore, files_of

LONGEST = 62
"""Days between two nights beyond which everything is computed from all rows."""
GOLDEN_TABLES = ("parties", "organisations")
Numbers = NDArray[np.int64]


class OnTiles(OnDuckDB):
    """DuckDB and the tiles of the night before. `full` leaves them aside and makes new ones."""

    def __init__(self, full: bool = False) -> None:
        self.full = full
        self._step: _Step | None = None

    def customers(self, run: Run) -> None:
        """Golden customers: those of the night before where no record of theirs came or moved."""
        step = self._of(run)
        if step.before is None:
            prepare(run)
        else:
            step.prepare()

    def profile(self, run: Run, group: str, definitions: Sequence[Definition], done: Done) -> None:
        """The base group by tiles; what waits for ranks, models or the graph by statement."""
        if group != "base":
            super().profile(run, group, definitions, done)
            return
        step = self._of(run)
        if step.before is None:
            profile_parts(run, group, definitions, done)
        else:
            step.make()

    def keep(self, run: Run) -> None:
        """Tiles for the next night: those the carried night made, or made now from all rows."""
        step = self._of(run)
        if step.before is None:
            step.make()
        step.put_aside()
        run.tiles.update(step.told())

    def _of(self, run: Run) -> _Step:
        if self._step is None or self._step.run is not run:
            self._step = _Step(run, self.full)
        return self._step


@dataclass
class _Step:
    """The base group of one night."""

    run: Run
    full: bool
    because: str = field(default="", init=False)
    store: TileStore = field(init=False)
    before: TileFolder | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.store = TileStore(self.run.inputs.home)
        self.because = self._why_not()
        if not self.because:
            assert self.run.earlier is not None
            self.before = self.store.of(self.run.earlier.day)

    def _why_not(self) -> str:
        """Why the night before cannot be carried on; empty where it can."""
        run, earlier = self.run, self.run.earlier
        if self.full:
            return "asked for"
        if earlier is None:
            return "no night before"
        held = self.store.of(earlier.day).manifest
        if held.get("format") != FORMAT:
            return f"no tiles of {earlier.day}"
        if any(earlier.manifest.get(k) != v for k, v in held["plan"].items()):
            return f"the tiles of {earlier.day} belong to another night"
        if not 0 < (run.day - earlier.day).days <= LONGEST:
            return f"{(run.day - earlier.day).days} days since the night before"
        now = self._plan
        for key in ("bucket", "currency", "survivorship", "format", "quanke"):
            if held["plan"].get(key) != now.get(key):
                return f"another {key}"
        if held["golden"] != sorted(golden_fields(run.catalogue)):
            return "other golden fields are read"
        return ""

    @cached_property
    def _plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = json.loads((self.run.working.path / "plan.json").read_text(encoding="utf-8"))
        return plan

    @cached_property
    def working(self) -> TileFolder:
        """Tiles being made."""
        plan = {**self._plan, "carried": self.before is not None}
        return self.store.begin(self.run.day, plan)

    @cached_property
    def tiling(self) -> Tiling:
        """What is kept: aggregates of the base group."""
        base, _ = split(self.run.catalogue)
        return Tiling.of(n for d in base for n in walk(d.expression) if isinstance(n, Aggregate))

    def told(self) -> dict[str, Any]:
        """For the manifest: which way was taken, and how much was looked at."""
        if self.before is None:
            return {"way": "from all rows", "because": self.because}
        notes = [self._note(p) for p in range(self.run.inputs.parts)]
        looked: dict[str, int] = {}
        for note in notes:
            for table, count in note["looked_at"].items():
                looked[table] = looked.get(table, 0) + count
        assert self.run.earlier is not None
        return {
            "way": "carried",
            "from": self.run.earlier.day.isoformat(),
            "values_computed": sum(note["computed"] for note in notes),
            "customers_looked_at_again": dict(sorted(looked.items())),
            "parts_from_all_rows": [p for p, note in enumerate(notes) if note["because"]],
        }

    def _note(self, part: int) -> dict[str, Any]:
        path = self._finished.part(part) / "note.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    @property
    def _finished(self) -> TileFolder:
        """Tiles of the day, whether their making is over or not."""
        done = self.store.of(self.run.day)
        return self.working if not self._over(done) else done

    def _over(self, done: TileFolder) -> bool:
        made = not self.run.working.missing("base", self.run.inputs.parts)
        return made and done.manifest.get("plan") == self._plan and self.working_is_gone

    @property
    def working_is_gone(self) -> bool:
        """Whether the tiles of the day were already put in place."""
        return not (self.store.folder / f".{self.run.day.isoformat()}.working").exists()

    # --- who is who, golden customers

    @cached_property
    def again(self) -> Numbers:
        """Customers whose rows may all have moved, rising: their records are somebody else's than in the
        night before, or their numbers are new."""
        assert self.before is not None
        register = self.run.inputs.register
        then = self.before.customers
        given = int(self.before.manifest["plan"]["customers"])
        found: list[NDArray[Any]] = [np.arange(given, self.run.inputs.customers)]
        now = register.customer
        other = np.flatnonzero(now[: len(then)] != then)
        found += [now[other], then[other], register.loaded[other]]
        fresh = np.arange(len(then), len(now))
        found += [now[fresh], register.loaded[fresh]]
        found.append(self._accounts_moved())
        return np.unique(np.concatenate(found).astype(np.int64))

    def _accounts_moved(self) -> Numbers:
        """Customers whose accounts are read under another number than in the night before."""
        assert self.before is not None and self.run.inputs.moved is not None
        then, now = (moved_accounts(folder) for folder in (self.before.moved, self.run.inputs.moved))
        if then.equals(now):
            return np.empty(0, np.int64)
        with duckdb.connect() as connection:
            connection.register("moved_then", then)
            connection.register("moved_now", now)
            connection.execute(
                "CREATE TEMP TABLE apart AS SELECT account, a.customer AS one, b.customer AS other "
                "FROM moved_then AS a FULL JOIN moved_now AS b USING (account) "
                "WHERE a.customer IS DISTINCT FROM b.customer"
            )
            parts = ["SELECT one AS customer FROM apart", "SELECT other FROM apart"]
            for table in CONTRACTS:
                files = self.run.inputs.files(table)
                if by_account(table) and files:
                    rows = files_sql(files)
                    parts.append(f"SELECT customer FROM {rows} SEMI JOIN apart USING (account)")
            query = f"SELECT DISTINCT customer FROM ({' UNION ALL '.join(parts)}) WHERE customer IS NOT NULL"
            found = connection.sql(query).to_arrow_table()["customer"]
            return np.asarray(found.to_numpy(), dtype=np.int64)

    def prepare(self) -> None:
        """Moved rows, golden customers and foreign balances, with what can be kept of the night before."""
        run = self.run
        assert self.before is not None and run.inputs.moved is not None
        self._link_moved()
        prepare_moved(run)
        missing = run.working.missing("customers", run.inputs.parts)
        over_parts(run, "one row per customer", missing, self._golden)
        prepare_foreign(run)

    def _link_moved(self) -> None:
        """Moved rows of files that stood, where the same records are moved."""
        run, before = self.run, self.before
        assert before is not None and run.inputs.moved is not None
        register = run.inputs.register
        then, target = before.customers, run.inputs.moved
        same = len(then) == len(register.customer) and np.array_equal(then, register.customer)
        parties = before.moved / "parties.parquet"
        if not same or target.exists() or not parties.exists():
            return
        if not TableFiles(run.inputs, "accounts", before).same:
            return
        for path in sorted(before.moved.rglob("*.parquet")):
            inside = path.relative_to(before.moved)
            table = inside.parts[0].removeprefix("rows-")
            if len(inside.parts) == 1 or path.name in {
                f.name for f in TableFiles(run.inputs, table, before).stood()
            }:
                link(path, target / inside)

    def _golden(self, connection: duckdb.DuckDBPyConnection, part: int) -> None:
        run, before = self.run, self.before
        assert before is not None
        low, high = run.inputs.reach(part)
        target, old = run.golden(part), before.golden(part)
        touched = self._touched_records(connection, low, high)
        if touched is not None and not len(touched) and old.exists():
            link(old, target)
            return
        fields = golden_fields(run.catalogue)
        parties, bodies = (run.inputs.relation(t) for t in GOLDEN_TABLES)
        if touched is not None and old.exists() and len(touched) < (high - low) // 2:
            wanted = pa.table({"customer": pa.array(touched.astype(np.int32))})
            connection.register("golden_wanted", wanted)
            parties, bodies = (
                f"(SELECT t.* FROM {r} AS t SEMI JOIN golden_wanted USING (customer))" if r else ""
                for r in (parties, bodies)
            )
            sql = customers_sql(parties, bodies, SURVIVORSHIP, SOURCE_PRIORITY, low, high, fields)
            some = f"SELECT * FROM ({sql}) WHERE customer IN (SELECT customer FROM golden_wanted)"
            kept = f"SELECT * FROM {files_sql([old])} ANTI JOIN golden_wanted USING (customer)"
            query = f"SELECT * FROM ({kept} UNION ALL BY NAME {some}) ORDER BY customer"
        else:
            query = customers_sql(parties, bodies, SURVIVORSHIP, SOURCE_PRIORITY, low, high, fields)
        write_parquet(target, connection.sql(query).to_arrow_table())

    def _touched_records(self, connection: duckdb.DuckDBPyConnection, low: int, high: int) -> Numbers | None:
        """Customers of a range of whom a record came, changed or moved; None where all may have."""
        found = [self.again[(self.again >= low) & (self.again < high)]]
        for table in GOLDEN_TABLES:
            files = TableFiles(self.run.inputs, table, self.before)
            fields = [f.name for f in CONTRACTS[table] if f.name not in ("source", "party_id")]
            fields += ["source", "party_id"]
            handed = HomeRows(files, low, high).handed(connection, fields)
            if handed is None:
                return None
            found.append(handed)
        return np.unique(np.concatenate(found))

    # --- tiles and values

    def make(self) -> None:
        """Bring the tiles to the day, and where the night is carried, the values with them."""
        if self._over(self.store.of(self.run.day)):
            return
        run = self.run
        definitions, _ = split(run.catalogue)
        numbers = [
            p
            for p in range(run.inputs.parts)
            if not (self.working.part(p) / "note.json").exists() or not run.working.part("base", p).exists()
        ]
        carried = self._carried(definitions)
        title = "tiles" if self.before is None else f"{len(definitions)} tags and checks carried"
        over_parts(run, title, numbers, lambda connection, part: self._part(connection, part, carried))

    def _carried(self, definitions: Sequence[Definition]) -> list[Carried]:
        if self.before is None:
            return []
        assert self.run.earlier is not None
        told = {d["name"]: d["fingerprint"] for d in told_definitions(self.run.earlier)}
        held = self._held_types(self.run.earlier)
        return [
            Carried.of(d, told.get(d.name) != d.fingerprint or held.get(d.name) != arrow_type(d.result))
            for d in definitions
        ]

    @staticmethod
    def _held_types(night: Night) -> dict[str, pa.DataType]:
        found = {}
        for group in night.groups:
            schema = pq.read_schema(night.parts(group)[0])
            found.update({f.name: f.type for f in schema})
        return found

    def _part(self, connection: duckdb.DuckDBPyConnection, part: int, carried: Sequence[Carried]) -> None:
        because = ""
        if self.before is not None:
            try:
                with without_values():
                    self._carry(connection, part, carried)
                return
            except (OverflowError, QuankeError) as error:
                # all rows may yet give a value: an overflow in a branch that nobody takes is none there
                because = type(error).__name__
        try:
            with without_values():
                self._from_all_rows(connection, part)
        except (OverflowError, QuankeError) as error:
            # a sum that is kept may leave 64 bits where no value does: then the part has no tiles
            because = type(error).__name__
            self.working.part(part).mkdir(parents=True, exist_ok=True)
        if self.before is not None:
            base, _ = split(self.run.catalogue)
            self.run.working.part("base", part).unlink(missing_ok=True)
            profile_parts(self.run, "base", base, {}, only=[part])
        self._write_note(part, 0, {}, because)

    def _rows(self, low: int, high: int) -> dict[str, HomeRows]:
        own = f"currency = '{self.run.inputs.home.currency}'"
        return {
            table: HomeRows(
                TableFiles(self.run.inputs, table, self.before),
                low,
                high,
                own if table == "balances" else "",
            )
            for table in self.tiling.by_table
        }

    def _from_all_rows(self, connection: duckdb.DuckDBPyConnection, part: int) -> None:
        low, high = self.run.inputs.reach(part)
        tiles = TilePart(self.working.part(part), None, high - low)
        asked = Range(low, high, None, self.run.day, np.empty(0, np.int64))
        rows = self._rows(low, high)
        made = advance(asked, self.tiling, rows, tiles, connection)
        if "balances" in rows:
            advance_balances(made, rows["balances"], ("", ""), connection)
        tiles.write(self._keys(high - low))

    def _carry(self, connection: duckdb.DuckDBPyConnection, part: int, carried: Sequence[Carried]) -> None:
        run, before = self.run, self.before
        assert before is not None and run.earlier is not None
        low, high = run.inputs.reach(part)
        old = before.part(part) if any(before.part(part).glob("*.arrow")) else None
        again = self.again[(self.again >= low) & (self.again < high)]
        asked = Range(low, high, run.earlier.day if old else None, run.day, again)
        tiles = TilePart(self.working.part(part), old, high - low)
        rows = self._rows(low, high)
        made = advance(asked, self.tiling, rows, tiles, connection)
        if "balances" in rows:
            foreign = (self._foreign(before.foreign, low, high), self._foreign(self._valued, low, high))
            advance_balances(made, rows["balances"], foreign, connection)
        forced = np.zeros(high - low, np.bool_)
        forced[again - low] = True
        if old is None:
            forced[:] = True
        gone = np.zeros(high - low, np.bool_)
        numbers = run.absorbed.numbers
        gone[numbers[(numbers >= low) & (numbers < high)] - low] = True
        held = CarriedPart(made, self._before(part, old is not None), forced, gone, run.day, connection)
        table = held.carry(carried)
        write_parquet(run.working.part("base", part), table)
        tiles.write(self._keys(high - low))
        self._write_note(part, held.computed, made.looked_at, "")

    @property
    def _valued(self) -> Path:
        return self.run.working.file("foreign.parquet")

    def _foreign(self, path: Path, low: int, high: int) -> str:
        if not path.exists():
            return ""
        return f"(SELECT * FROM {files_sql([path])} WHERE customer >= {low} AND customer < {high})"

    def _keys(self, rows: int) -> dict[str, tuple[Type, Any]]:
        keys: dict[str, tuple[Type, Any]] = {}
        for each in self.tiling.kept:
            for key, of in each.columns.items():
                keys[key] = (of, default(each, key, rows))
        for key in anchor_keys(self.tiling.anchors(self.run.day)):
            keys[key] = (INTEGER, zero(rows, INTEGER))
        return keys

    def _before(self, part: int, there: bool) -> PartBefore:
        run, before = self.run, self.before
        assert before is not None and run.earlier is not None
        nothing = NightPart({}, run.catalogue, whole=True)
        values = NightPart.of_night(run.earlier, part, run.catalogue, whole=True) if there else nothing
        told = run.earlier.manifest.get("earlier")
        earlier: NightPart | None = None
        if told and there and self._earlier_night(told):
            earlier = NightPart.of_night(self._earlier_night(told), part, run.catalogue, whole=False)
        golden_now = GoldenPart(run.golden(part))
        same = before.golden(part).exists() and before.golden(part).samefile(run.golden(part))
        golden = None if same or not there else GoldenPart(before.golden(part)).read
        return PartBefore(
            values.read, golden, golden_now.read, earlier.read if earlier else (lambda name: None)
        )

    def _earlier_night(self, told: str) -> Night | None:
        path = self.run.inputs.home.path / "nights" / told
        night = Night(path) if path.is_dir() else None
        # parts of another size hold other customers; a night made again may hold other values than were read
        assert self.before is not None
        if night is None or night.bucket != self.run.inputs.bucket:
            return None
        return night if _sheet(night) == self.before.manifest.get("earlier") else None

    def _write_note(self, part: int, computed: int, looked_at: Mapping[str, int], because: str) -> None:
        note = {"computed": computed, "looked_at": dict(sorted(looked_at.items())), "because": because}
        write_json(self.working.part(part) / "note.json", note)

    def put_aside(self) -> None:
        """What the next night starts from."""
        if self._over(self.store.of(self.run.day)):
            return
        run, working = self.run, self.working
        for part in range(run.inputs.parts):
            link(run.golden(part), working.golden(part))
        if self._valued.exists():
            link(self._valued, working.foreign)
        if run.inputs.moved is not None and run.inputs.moved.exists():
            for path in sorted(run.inputs.moved.rglob("*.parquet")):
                link(path, working.moved / path.relative_to(run.inputs.moved))
        np.save(working.path / CUSTOMERS, run.inputs.register.customer)
        tables = sorted({*self.tiling.by_table, *GOLDEN_TABLES, "accounts"})
        manifest = {
            "plan": self._plan,
            "golden": sorted(golden_fields(run.catalogue)),
            "earlier": _sheet(run.earlier) if run.earlier is not None else "",
            "files": {table: files_of(run.inputs.home, table) for table in tables},
        }
        self.store.finish(working, run.day, manifest)


def _sheet(night: Night) -> str:
    """SHA-256 of a night's manifest: another one where the night was made again from other rows."""
    return hashlib.sha256((night.path / "manifest.json").read_bytes()).hexdigest()
