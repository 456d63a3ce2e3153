"""The step of a night that proposes trades for everybody who agreed to be advised.

`wealth/` of a night holds `proposals.parquet` (one row per customer who may be advised), `trades.parquet`
(one row per trade), `record.parquet` (what became of proposals), `told.parquet` (holders to tell of a product
that was rated higher), `products.parquet` and `positions.parquet` (what it was made from), `model.json`,
`wealth.yaml` and `education.yaml` where the bank has its own, and `wealth.json`, the sheet.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.engines.store import write_json
from quanke.engines.store.files import write_parquet
from quanke.night.kept import kept_from_marketing
from quanke.night.steps import Run, working_column
from quanke.night.wealth_ground import AdviceGround, Asked
from quanke.night.wealth_holders import TAGS, Everybody, assessed_on, spread
from quanke.night.wealth_positions import write_positions
from quanke.night.wealth_record import RECORD, TOLD, follow, told_holders
from quanke.night.wealth_rules import EDUCATION, FILE, WealthRules, wealth_rules
from quanke.night.wealth_shelf import products_on
from quanke.night.wealth_standard import model_of
from quanke.plans.worklist import working_day_after
from quanke.segments.control import in_control
from quanke.wealth.advisable import ADVICE_STOPS
from quanke.wealth.record import Tonight, trades_digest, with_measured

if TYPE_CHECKING:
    from quanke.wealth.trades import Proposals

FOLDER = "wealth"
SHEET = "wealth.json"
CONTROL_SALT = "quanke advice"
"""Who is in the control group of advice stays in it."""
PROPOSALS = pa.schema(
    [
        ("customer", pa.int32()),
        ("post", pa.string()),
        ("status", pa.string()),
        ("remains", pa.string()),
        ("risk_class", pa.int8()),
        ("cash", pa.int64()),
        ("keep", pa.int64()),
        ("investable", pa.int64()),
        ("outside_before", pa.int64()),
        ("outside_after", pa.int64()),
        ("worst_before", pa.int32()),
        ("worst_after", pa.int32()),
        ("trades", pa.int16()),
        ("fees", pa.int64()),
        ("unsuitable", pa.int64()),
        ("proved", pa.bool_()),
    ]
)
"""One row per customer who may be advised. `status`: proposed, inside (the band: nothing to do), stays (as he
is, `remains` says why) or withheld (proposed, and kept to compare with). Fen; `worst_*` the largest distance
of an asset class from its share, in millionths; `unsuitable` fen held that he could not buy today."""
TRADES = pa.schema(
    [
        ("customer", pa.int32()),
        ("place", pa.int16()),
        ("side", pa.string()),
        ("product", pa.string()),
        ("amount", pa.int64()),
        ("fee", pa.int64()),
        ("on", pa.date32()),
        ("reason", pa.string()),
    ]
)
"""One row per trade, in the order they are made. `on`: from when its money is there."""


def advise(run: Run, done: dict[str, list[str]]) -> None:
    """Propose trades on the columns of the groups that are `done`."""
    folder = run.working.path / FOLDER
    sheet = folder / SHEET
    if not sheet.exists():
        held = {name: group for group, names in done.items() for name in names}
        missing = [name for name in TAGS if name not in held]
        if missing:
            run.notes.append(f"no advice: a tag it stands on was not computed: {', '.join(missing)}")
            return
        folder.mkdir(exist_ok=True)
        _made(run, folder, held)
    # out of the file, so that a night that was killed says what an undisturbed one does
    run.notes.extend(json.loads(sheet.read_text(encoding="utf-8"))["notes"])


def _made(run: Run, folder: Path, held: dict[str, str]) -> None:
    from quanke.wealth.trades.education import own_education

    home, day = run.inputs.home, run.day
    rules = wealth_rules(home)
    model = model_of(home, day, run.earlier, folder, rules)
    products = products_on(home, day, model.classes, rules)
    write_parquet(folder / "products.parquet", products.table)
    horizon, new_money = rules.trades.horizon_days.on(day), rules.advice.new_money.on(day)
    write_positions(run, folder, products.table, horizon, new_money)
    positions = pq.read_table(folder / "positions.parquet")
    if rules.fingerprint:
        (folder / FILE).write_bytes((home.path / FILE).read_bytes())
    if own_education(home.path / EDUCATION) is not None:
        (folder / EDUCATION).write_bytes((home.path / EDUCATION).read_bytes())
    following = follow(run, rules)
    everybody = _everybody(run, folder, held, following.declined)
    stops = everybody.stopped(rules.advice.full_age.on(day))
    rows = np.flatnonzero(stops == 0)
    ground = AdviceGround(day, products, model, rules)
    with run.progress.step("trades for everybody", 1) as step:
        asked = ground.asked(everybody, rows, positions)
        made = asked.proposals()
        step.advance(1)
    withheld = withheld_on(home, rows, rules, day)
    posts = everybody.column("owner_post").take(pa.array(rows))
    proposals = proposals_table(asked, made, posts, withheld)
    trades = trades_table(asked, made, products.ids)
    write_parquet(folder / "proposals.parquet", proposals)
    write_parquet(folder / "trades.parquet", trades)
    tonight = _tonight(asked, made, products.ids, model.version, withheld)
    others = np.setdiff1d(following.due(), rows)
    if len(others):
        tonight = with_measured(tonight, _measured(ground, everybody, others, positions))
    write_parquet(folder / RECORD, following.with_tonight(tonight))
    told = told_holders(run, products.table, positions, everybody, rules)
    write_parquet(folder / TOLD, told)
    sheet = {
        "model": model.sheet,
        "rules": rules.in_force(day),
        "rules_file": rules.fingerprint,
        "products": _shelf_sheet(products.table, products.asset_class),
        "told": told.num_rows,
        **_counts(stops, proposals, trades, folder, positions),
    }
    write_json(folder / SHEET, {**sheet, "notes": _notes(model.sheet, sheet)})


def withheld_on(
    home: Home, customers: NDArray[np.integer], rules: WealthRules, day: dt.date
) -> NDArray[np.bool_]:
    """Whose proposal is found and shown to nobody: the controls of advice, and whom no marketing reaches, for
    a proposal would spoil what is measured on them."""
    withheld = in_control(customers, CONTROL_SALT, rules.advice.control.on(day))
    return withheld | kept_from_marketing(home, customers, working_day_after(day, 1))


def _tonight(
    asked: Asked, made: Proposals, ids: list[str], model: str, withheld: NDArray[np.bool_]
) -> Tonight:
    moved = np.concatenate([np.zeros(1, np.int64), np.cumsum(made.amount)])
    return Tonight(
        customer=asked.rows.astype(np.int64),
        trades=trades_digest(made.start, asked.of_row[made.product], made.side, ids),
        amount=moved[made.start[1:]] - moved[made.start[:-1]],
        fees=made.fees,
        outside=made.outside_before,
        worst=made.worst_before,
        aum=asked.value(),
        withheld=withheld,
        model=model,
    )


def _measured(
    ground: AdviceGround, everybody: Everybody, rows: NDArray[np.int64], positions: pa.Table
) -> Tonight:
    """Customers whom a rule stops tonight, as far as they are from their model: nothing is proposed."""
    asked = ground.asked(everybody, rows, positions)
    made = asked.proposals()
    none = np.zeros(len(rows), np.int64)
    return Tonight(
        customer=rows,
        trades=none,
        amount=none,
        fees=none,
        outside=made.outside_before,
        worst=np.where(asked.holders.risk_class > 0, made.worst_before, -1).astype(np.int32),
        aum=asked.value(),
        withheld=np.zeros(len(rows), np.bool_),
        model=ground.model.version,
    )


def _everybody(run: Run, folder: Path, held: dict[str, str], declined: NDArray[np.bool_]) -> Everybody:
    count = run.inputs.customers
    relation = run.inputs.relation("risk_assessments")
    assessed = spread_assessed(assessed_on(relation, run.day) if relation else None, count)
    foreign = spread(pq.read_table(folder / "foreign.parquet"), "foreign", count, np.int64)
    return Everybody(count, lambda name: working_column(run, held[name], name), *assessed, foreign, declined)


def spread_assessed(table: pa.Table | None, count: int) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Last assessed class, and whether it waits to be confirmed, of everybody."""
    if table is None:
        return np.zeros(count, np.int8), np.zeros(count, np.bool_)
    wait = table.set_column(2, "unconfirmed", table["unconfirmed"].cast(pa.int8()))
    return spread(table, "assessed", count, np.int8), spread(wait, "unconfirmed", count, np.bool_)


def proposals_table(
    asked: Asked, made: Proposals, posts: pa.ChunkedArray, withheld: NDArray[np.bool_]
) -> pa.Table:
    """What was found for each of the customers asked about, as `PROPOSALS`."""
    from quanke.wealth.trades import Remains

    trades = np.diff(made.start)
    names = pa.array([each.name.lower() for each in Remains], pa.string())
    inside = (made.remains == Remains.INSIDE) & (trades == 0)
    status = np.where(trades > 0, np.where(withheld, 3, 0), np.where(inside, 1, 2))
    columns: dict[str, Any] = {
        "customer": asked.rows.astype(np.int32),
        "post": posts,
        "status": pa.array(["proposed", "inside", "stays", "withheld"]).take(pa.array(status)),
        "remains": names.take(pa.array(made.remains)),
        "risk_class": asked.holders.risk_class,
        "cash": asked.holders.cash,
        "keep": asked.holders.keep,
        "trades": trades.astype(np.int16),
    }
    columns |= {name: getattr(made, name) for name in PROPOSALS.names if name not in columns}
    return pa.table({name: columns[name] for name in PROPOSALS.names}).cast(PROPOSALS)


def trades_table(asked: Asked, made: Proposals, ids: list[str]) -> pa.Table:
    """The trades of the customers asked about, as `TRADES`."""
    from quanke.wealth.trades import TradeReason

    names = {int(each): each.name.lower() for each in TradeReason}
    reasons = pa.array([names.get(code, "") for code in range(max(names) + 1)], pa.string())
    first = np.repeat(made.start[:-1], np.diff(made.start))
    on = (asked.day - dt.date(1970, 1, 1)).days + made.day.astype(np.int32)
    return pa.table(
        {
            "customer": asked.rows[made.customer].astype(np.int32),
            "place": (np.arange(len(first)) - first + 1).astype(np.int16),
            "side": pa.array(["sell", "buy"]).take(pa.array((made.side > 0).astype(np.int8))),
            "product": pa.array(ids, pa.string()).take(pa.array(asked.of_row[made.product])),
            "amount": made.amount,
            "fee": made.fee,
            "on": pa.array(on, pa.int32()).cast(pa.date32()),
            "reason": reasons.take(pa.array(made.reason)),
        }
    ).cast(TRADES)


def _shelf_sheet(table: pa.Table, asset_class: NDArray[np.int8]) -> dict[str, Any]:
    offered = pc.and_(table["on_sale"], table["advised"])
    return {
        "held": table.num_rows,
        "offered": int(pc.sum(offered).as_py() or 0),
        "without_class": [
            name
            for name, at in zip(table["product"].to_pylist(), asset_class.tolist(), strict=True)
            if at < 0
        ],
    }


def _counts(
    stops: NDArray[np.int8], proposals: pa.Table, trades: pa.Table, folder: Path, positions: pa.Table
) -> dict[str, Any]:
    """How many, by what stopped them and by what was found."""
    by_code = np.bincount(stops, minlength=len(ADVICE_STOPS) + 1).tolist()
    stopped = {each.id: by_code[at] for at, each in enumerate(ADVICE_STOPS, 1) if by_code[at]}
    # who has nothing to invest is neither within a band nor outside of it
    some = proposals.filter(pc.greater(proposals["investable"], 0))
    return {
        "advised": by_code[0],
        "stopped": stopped,
        "status": _valued(proposals["status"]),
        "remains": _valued(proposals["remains"]),
        "within_band_before": int(pc.sum(pc.equal(some["outside_before"], 0)).as_py() or 0),
        "within_band_after": int(pc.sum(pc.equal(some["outside_after"], 0)).as_py() or 0),
        "trades": trades.num_rows,
        "bought": _sum(trades.filter(pc.equal(trades["side"], "buy")), "amount"),
        "sold": _sum(trades.filter(pc.equal(trades["side"], "sell")), "amount"),
        "fees": _sum(proposals, "fees"),
        "unsuitable_customers": int(pc.sum(pc.greater(proposals["unsuitable"], 0)).as_py() or 0),
        "positions": positions.num_rows,
        "left_out": json.loads((folder / "left-out.json").read_text(encoding="utf-8")),
    }


def _valued(column: pa.ChunkedArray) -> dict[str, int]:
    return {each["values"]: each["counts"] for each in pc.value_counts(column).to_pylist()}


def _sum(table: pa.Table, name: str) -> int:
    return int(pc.sum(table[name]).as_py() or 0)


def _notes(model: dict[str, Any], sheet: dict[str, Any]) -> list[str]:
    """What whoever reads the night should know."""
    notes = []
    if model["source"] != "in_use":
        notes.append(
            f"advice stands on {model['source']} model portfolios: none are in use (quanke wealth models use)"
        )
    foreign = sheet["left_out"]["foreign_customers"]
    if foreign:
        notes.append(f"advice left out what {foreign:,} customers hold in foreign currency")
    lost = sheet["products"]["without_class"]
    if lost:
        notes.append(f"advice left out products of no asset class of the model: {', '.join(lost)}")
    return notes
