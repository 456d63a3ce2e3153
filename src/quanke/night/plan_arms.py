"""Who a plan's action was suggested for, and who was kept from it: a campaign called `plan.<action>`.

Plans are made night after night, so a cohort is looked at: everybody for whom the action was chosen for the
first time on one of a few nights. Both arms were chosen on the same terms (`quanke.plans.arms`), and the
effect is looked for from the morning after the first of those nights.
"""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quanke.bank.contracts import CATEGORIES
from quanke.bank.home import Home
from quanke.customers.register import register_of
from quanke.effects.groups import CONTROL, TREATED
from quanke.engines.store import NightStore
from quanke.kernel.errors import EffectError
from quanke.language import Catalogue
from quanke.night.effect_facts import Ints, Labels, Participants
from quanke.night.plan import FOLDER, RECORD, program_of
from quanke.segments.control import WHOLE
from quanke.segments.dated import Dated

EPOCH = dt.date(1970, 1, 1)
PREFIX = "plan."
COHORT_DAYS = Dated.of(7)
"""Nights whose first suggestions are looked at together."""
_COLUMNS = ("customer", "action", "suggested_on", "state", "tried_on", "arm")


def is_planned(campaign: str) -> bool:
    """Whether a name speaks of an action of the plan."""
    return campaign.startswith(PREFIX)


def product_of(home: Home, catalogue: Catalogue, campaign: str) -> str:
    """Category of the product the action offers, "" for none. Raises EffectError where there is no action of
    that name."""
    name = campaign.removeprefix(PREFIX)
    known = {action.name: action.offer for action in program_of(home, catalogue).actions}
    if name not in known:
        raise EffectError(f"the plan has no action of that name; it has {', '.join(sorted(known))}")
    return known[name] if known[name] in CATEGORIES else ""


def planned_participants(home: Home, campaign: str, until: dt.date, window: int) -> Participants:
    """The last cohort whose window of `window` days is over by `until`; where none is, the first there is.

    `reached`: tried by the end; customers who are one today count once, and not at all where they were in
    both arms. Raises EffectError where the action was never chosen with a control group.
    """
    rows = _suggestions(home, campaign.removeprefix(PREFIX), until)
    if not rows.num_rows:
        raise EffectError("no night has suggested this action and kept controls yet")
    customer = register_of(home).goes_by[rows["customer"].to_numpy()]
    on = rows["suggested_on"].cast(pa.int32()).to_numpy().astype(np.int64)
    control = pc.equal(rows["arm"], "control").to_numpy(zero_copy_only=False)
    tried = pc.is_valid(rows["tried_on"]).to_numpy(zero_copy_only=False)
    order = np.lexsort((on, customer))
    customer, on, control, tried = customer[order], on[order], control[order], tried[order]
    numbers, first, count = np.unique(customer, return_index=True, return_counts=True)
    begins = _cohort(np.unique(on[first]), (until - EPOCH).days, window)
    ends = begins + COHORT_DAYS.on(until)
    kept = (on[first] >= begins) & (on[first] < ends)
    of = np.repeat(np.arange(len(numbers)), count)
    inside = on < ends
    clean = np.ones(len(numbers), np.bool_)
    clean[of[inside & (control != control[first][of])]] = False
    reached = np.zeros(len(numbers), np.bool_)
    reached[of[inside & tried & ~control]] = True
    arm = control[first]
    found = Participants(
        customers=numbers.astype(np.int64),
        arm=Labels((~arm).astype(np.int64), (CONTROL, TREATED)),
        reached=reached & ~arm,
        pushed=~arm,
        converted=np.zeros(len(numbers), np.bool_),
        told=np.zeros(len(numbers), np.bool_),
        first=EPOCH + dt.timedelta(days=int(begins) + 1),
        conflicts=int((kept & ~clean).sum()),
        expected=_treated_share(home, EPOCH + dt.timedelta(days=int(begins))),
    )
    return found.only(kept & clean)


def _suggestions(home: Home, action: str, until: dt.date) -> pa.Table:
    """Every suggestion of an action that has an arm, as the last night up to a day knows it."""
    store = NightStore(home.path / "nights")
    tables = []
    for day in store.days():
        path = store.folder / str(day) / FOLDER / RECORD
        if day <= until and path.exists() and "arm" in pq.read_schema(path).names:
            found = pq.read_table(path, columns=list(_COLUMNS), filters=[("action", "==", action)])
            tables.append(found.filter(pc.is_valid(found["arm"])))
    if not tables:
        return pa.table({name: [] for name in _COLUMNS})
    whole = pa.concat_tables(tables)
    last = pa.table({"row": np.arange(whole.num_rows), **{n: whole[n] for n in ("customer", "suggested_on")}})
    kept = last.group_by(["customer", "suggested_on"]).aggregate([("row", "max")])["row_max"]
    return whole.take(kept.combine_chunks())


def _treated_share(home: Home, day: dt.date) -> float | None:
    """The share of the treated that the plan of a night meant."""
    store = NightStore(home.path / "nights")
    sheet = json.loads((store.folder / str(day) / FOLDER / "plan.json").read_text(encoding="utf-8"))
    kept = sheet.get("withheld", {}).get("share_ppm")
    return 1 - kept / WHOLE if kept else None


def _cohort(days: Ints, until: int, window: int) -> int:
    """The night with which a cohort begins: the last whose window is over, else the first."""
    over = days[days + window <= until]
    return int(over[-1] if len(over) else days[0])
