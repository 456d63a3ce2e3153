"""Campaigns customers enter one by one: registered when the days of entering are over.

Nobody chooses an arm here either, and nobody could have: a customer's arm is a salted hash of his number, of
a salt that stood before he entered, so it can be computed again from nothing but the design. That is what
lets such a campaign be registered after its days, where an audience's arms must stand before the first
contact (`quanke.night.campaigns`). Both arms enter by the same event, and only who entered is compared.
While the days of entering run, those who entered so far can be looked at the same way, registered nowhere.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.effects.groups import (
    ARMS,
    CONTROL,
    Arm,
    CampaignRegister,
    Design,
    RegisteredCampaign,
    effect_rules,
)
from quanke.engines.store import Night, NightStore
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import EffectError
from quanke.segments.control import WHOLE, in_control, salted_hash

UNKNOWN, TREATED = "-", "treated"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredCampaign:
    """Who entered from `first` to `last` (`customers`: numbers, both arms), and by what (`entry`, in words).
    `metrics`: outcomes, the first one looked at first. `control_ppm` of a million were controls by `salt`
    (`quanke.segments.control.in_control`)."""

    name: str
    entry: str
    customers: NDArray[np.int64]
    first: dt.date
    last: dt.date
    salt: str
    control_ppm: int
    title_zh: str = ""
    title_en: str = ""
    offer: str = ""
    product: str = ""
    metrics: tuple[str, ...] = ()
    approval: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class EnteredSoFar:
    """A campaign whose days of entering run: its design and the arms (`ARMS`) of who entered until now."""

    design: Design
    arms: pa.Table


def register_entered(home: Home, entered: EnteredCampaign) -> RegisteredCampaign:
    """Registers a campaign of those who entered. Tiers and branches are those of the last night before its
    first day (else of the first there is). Raises EffectError where an arm is smaller than the rules allow,
    where there is no night, and where the name is taken."""
    found, register = entered_so_far(home, entered), CampaignRegister(home.path)
    with register.deciding():
        return register.keep(found.design, found.arms)


def entered_so_far(home: Home, entered: EnteredCampaign) -> EnteredSoFar:
    """The same for an early look, registered nowhere: `last` is the last day of entering, and customers come
    until then. Raises EffectError as `register_entered` does."""
    night = _night_before(home, entered.first)
    customers = np.unique(entered.customers)
    customers = customers[(customers >= 0) & ~np.isin(customers, list(night.absorbed))]
    control = in_control(customers, entered.salt, entered.control_ppm)
    rules = effect_rules(home.path)
    least = rules.least_arm.on(entered.first)
    if min(int(control.sum()), int((~control).sum())) < least:
        raise EffectError(f"an arm of {entered.name} has fewer than {least:,} customers")
    now = dt.datetime.now(SHANGHAI).replace(tzinfo=None)
    design = Design(
        name=entered.name,
        title_zh=entered.title_zh or entered.name,
        title_en=entered.title_en or entered.name,
        offer=entered.offer,
        audience=entered.entry,
        arms=(Arm(CONTROL, entered.control_ppm), Arm(TREATED, WHOLE - entered.control_ppm)),
        salt=entered.salt,
        first_contact=entered.first,
        until=entered.last,
        night=night.day,
        window_days=rules.window_days.on(entered.first),
        # entries run beside all audiences; their arms are independent of those of any other campaign
        lane=entered.name,
        strata=(),
        product=entered.product,
        metrics=entered.metrics,
        approval=entered.approval,
        by=entered.by or os.environ.get("USER", ""),
        made_at=now.isoformat(sep=" ", timespec="seconds"),
    )
    return EnteredSoFar(design, _arms(night, customers, control, entered.salt))


def _night_before(home: Home, day: dt.date) -> Night:
    store = NightStore(home.path / "nights")
    found = store.latest(before=day)
    if found is not None:
        return found
    if not (days := store.days()):
        raise EffectError("no night is published yet: `quanke night --on DATE` first")
    return store.open(days[0])


def _arms(night: Night, customers: NDArray[np.int64], control: NDArray[np.bool_], salt: str) -> pa.Table:
    hashes = salted_hash(customers, salt)
    rank = np.empty(len(customers), np.int32)
    rank[np.argsort(hashes, kind="stable")] = np.arange(len(customers), dtype=np.int32)
    tags = night.read(["tier", "branch"])
    # who came after that night is in no tier by it
    place = pa.array(customers, mask=customers >= night.rows)
    texts = {name: _texts(tags[name].take(place)) for name in ("tier", "branch")}
    return pa.table(
        {
            "customer": pa.array(customers.astype(np.int32)),
            "arm": pa.array(np.where(control, CONTROL, TREATED)),
            "unit": pa.array(customers).cast(pa.string()),
            "stratum": pa.array([""] * len(customers), pa.string()),
            **texts,
            "hash": pa.array(hashes),
            "rank": pa.array(rank),
            "size": pa.array(np.full(len(customers), len(customers), np.int32)),
        },
        schema=ARMS,
    )


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return pc.fill_null(column.combine_chunks().cast(pa.string()), UNKNOWN)
