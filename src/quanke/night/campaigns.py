"""Campaigns of a home before anybody is contacted: an audience cut from the last night, dealt out and
registered."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from quanke.bank.arranged import facts_sql
from quanke.bank.contracts import CATEGORIES, Purpose
from quanke.bank.home import Home
from quanke.customers.graph.store import GraphStore
from quanke.effects.groups import (
    ARMS,
    CONTROL,
    Arm,
    ArmUnit,
    CampaignRegister,
    Design,
    RegisteredCampaign,
    assign_arms,
    effect_rules,
)
from quanke.effects.outcomes import catalogue_outcome, standard_outcomes
from quanke.engines.store import Night, NightStore
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import EffectError
from quanke.language import Catalogue
from quanke.night.audience import compile_audience, members_of
from quanke.night.exports import write_export
from quanke.night.saved import expanded
from quanke.segments import HoldOut

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
UNKNOWN = "-"
_ASK = ("tier", "branch", "may_be_marketed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """What is asked for when a campaign is registered; see `quanke.effects.groups.Design`.

    `window_days` None: as the rules say. `salt` "": the campaign's name. `strata` None: tier and branch for
    customers and households, branch for posts, none for branches. `exclude`: leave customers whom another
    campaign of the lane has to that campaign, instead of being refused. `customers`: their numbers, where
    they are not cut out of the night (a list, a frozen audience); `audience` says in words who they are.
    """

    name: str
    audience: str
    first_contact: dt.date
    until: dt.date
    arms: tuple[Arm, ...]
    title_zh: str = ""
    title_en: str = ""
    offer: str = ""
    product: str = ""
    unit: ArmUnit = ArmUnit.CUSTOMER
    strata: tuple[str, ...] | None = None
    metrics: tuple[str, ...] = ()
    window_days: int | None = None
    lane: str = "default"
    salt: str = ""
    approval: str = ""
    by: str = ""
    exclude: bool = False
    customers: Ints | None = None


def register_campaign(
    home: Home, catalogue: Catalogue, night: Night, plan: CampaignPlan
) -> RegisteredCampaign:
    """Cut the audience out of a night, deal it out to arms and register the campaign, before its first
    contact.

    Left out are the bank's hold-out and who may not be marketed to. Raises EffectError where the first
    contact is no longer to come (by the night, or by movements that are loaded), where pushes of the
    campaign are loaded, and where the register refuses (`keep`).
    """
    design = _design(home, catalogue, night, plan)
    customers, tags, left = _audience(home, catalogue, night, design, plan.customers)
    register = CampaignRegister(home.path)
    with register.deciding():
        kept, excluded = _left_to_others(register, design, customers, plan.exclude)
        customers, tags = customers[kept], tags.filter(pa.array(kept))
        units, known = _units(night, customers, tags, design.unit)
        customers, tags, units = customers[known], tags.filter(pa.array(known)), units.filter(pa.array(known))
        if not len(customers):
            raise EffectError("nobody is left in the audience", "人群中没有剩下的客户")
        arms = _arms(
            customers, tags, units, design, effect_rules(home.path).least_arm.on(design.first_contact)
        )
        whole = replace(design, excluded=excluded, without_unit=int((~known).sum()), **left)
        return register.keep(whole, arms)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOutlook:
    """Who would be in a campaign were it registered now: `customers` (how many; `who`: their numbers), and
    how many of its audience are left out: whom the bank may not market to, its hold-out, and whom other
    campaigns of the lane have (`excluded`, by campaign)."""

    customers: int
    who: Ints = field(repr=False, compare=False)
    not_marketed: int
    held_out: int
    excluded: dict[str, int]


def campaign_outlook(home: Home, catalogue: Catalogue, night: Night, plan: CampaignPlan) -> CampaignOutlook:
    """Look who would be in a campaign before anybody decides about it; nothing is registered. Raises
    EffectError as `register_campaign` does for a plan that cannot be."""
    design = _design(home, catalogue, night, plan)
    customers, _tags, left = _audience(home, catalogue, night, design, plan.customers)
    kept, excluded = _left_to_others(CampaignRegister(home.path), design, customers, plan.exclude)
    return CampaignOutlook(
        customers=int(kept.sum()),
        who=customers[kept].astype(np.int64),
        not_marketed=left["not_marketed"],
        held_out=left["held_out"],
        excluded=excluded,
    )


def _left_to_others(
    register: CampaignRegister, design: Design, customers: Ints, exclude: bool
) -> tuple[Bools, dict[str, int]]:
    """Whom no other campaign of the lane has, and how many each of those has; without `exclude` everybody."""
    kept, excluded = np.ones(len(customers), np.bool_), {}
    for each in register.shared(design, customers.astype(np.int32)) if exclude else ():
        theirs = kept & np.isin(customers, each.customers)
        excluded[each.campaign] = int(theirs.sum())
        kept &= ~theirs
    return kept, excluded


def _design(home: Home, catalogue: Catalogue, night: Night, plan: CampaignPlan) -> Design:
    if plan.first_contact <= night.day:
        raise EffectError(
            f"arms are fixed before the first contact, and {plan.first_contact} is not after {night.day}",
            f"分组须在首次接触之前确定，而 {plan.first_contact} 不晚于 {night.day}",
        )
    known = last_known(home)
    if known is not None and plan.first_contact <= known:
        raise EffectError(
            f"arms are fixed before the first contact, and what customers did until {known} is loaded"
            " already",
            f"分组须在首次接触之前确定，而客户截至 {known} 的行为已经装载",
        )
    rows = pushes_of(home, plan.name)
    if rows:
        raise EffectError(
            f"{rows:,} pushes of {plan.name} are loaded: its arms can no longer be chosen",
            f"{plan.name} 已装载 {rows:,} 条推送：不能再分组",
        )
    if plan.product and plan.product not in CATEGORIES:
        raise EffectError(f"there is no product category of that name: {', '.join(CATEGORIES)}")
    rules = effect_rules(home.path)
    window = plan.window_days or rules.window_days.on(plan.first_contact)
    strata = plan.strata if plan.strata is not None else _usual_strata(plan.unit)
    missing = [name for name in (*_ASK, *strata) if name not in night.columns]
    if missing:
        raise EffectError(f"the night of {night.day} has no tag {missing[0]}")
    standard = standard_outcomes(plan.name, window, plan.until, plan.product)
    for name in plan.metrics:
        if name not in standard:
            catalogue_outcome(catalogue, name)
    now = dt.datetime.now(SHANGHAI).replace(tzinfo=None)
    return Design(
        name=plan.name,
        title_zh=plan.title_zh or plan.name,
        title_en=plan.title_en or plan.name,
        offer=plan.offer,
        audience=expanded(home, plan.audience) if plan.customers is None else plan.audience,
        arms=plan.arms,
        salt=plan.salt or plan.name,
        first_contact=plan.first_contact,
        until=plan.until,
        night=night.day,
        window_days=window,
        lane=plan.lane,
        unit=plan.unit,
        strata=strata,
        metrics=plan.metrics,
        product=plan.product,
        approval=plan.approval,
        by=plan.by or os.environ.get("USER", ""),
        made_at=now.isoformat(sep=" ", timespec="seconds"),
    )


def _usual_strata(unit: ArmUnit) -> tuple[str, ...]:
    return {ArmUnit.POST: ("branch",), ArmUnit.BRANCH: ()}.get(unit, ("tier", "branch"))


def last_known(home: Home) -> dt.date | None:
    """The last day of which movements are loaded; None where there are none."""
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT max(date) FROM ({facts_sql(home, 'transactions')})").fetchall()
    last: dt.date | None = found[0][0]
    return last


def pushes_of(home: Home, name: str) -> int:
    """How many rows of pushes of a campaign are loaded."""
    with duckdb.connect() as connection:
        sql = f"SELECT count(*) FROM ({facts_sql(home, 'pushes')}) WHERE campaign = $name"
        return int(connection.execute(sql, {"name": name}).fetchall()[0][0])


def held_out(hold_out: HoldOut, customers: Ints, first: dt.date, last: dt.date) -> Bools:
    """Whether each is in the bank's hold-out on a day of these: it is renewed when a year begins, and changes
    with its share."""
    found = hold_out.holds(customers, first)
    years = [dt.date(year, 1, 1) for year in range(first.year + 1, last.year + 1)]
    for day in (*years, *(day for day, _ in hold_out.share_ppm.values if first < day <= last)):
        found |= hold_out.holds(customers, day)
    return found


def _audience(
    home: Home, catalogue: Catalogue, night: Night, design: Design, given: Ints | None
) -> tuple[Ints, pa.Table, dict[str, Any]]:
    """Customers, by number, with their tags; and how many were left out, and why."""
    if given is None:
        condition = compile_audience(design.audience, catalogue, night, home, Purpose.MARKETING)
        customers = members_of(night, condition)[0].numbers()
    else:
        there = np.ones(night.rows, np.bool_)
        there[list(night.absorbed)] = False
        inside = np.unique(given[(given >= 0) & (given < night.rows)])
        customers = inside[there[inside]]
    more = ("owner_post",) if design.unit is ArmUnit.POST else ()
    tags = night.read(list(dict.fromkeys([*_ASK, *design.strata, *more]))).take(pa.array(customers))
    allowed = pc.fill_null(tags["may_be_marketed"], False).to_numpy(zero_copy_only=False).astype(np.bool_)
    rules = effect_rules(home.path)
    out = held_out(rules.hold_out, customers, design.first_contact, design.closes) & allowed
    kept = allowed & ~out
    left: dict[str, Any] = {"not_marketed": int((~allowed).sum()), "held_out": int(out.sum())}
    return customers[kept], tags.filter(pa.array(kept)), left


def _units(night: Night, customers: Ints, tags: pa.Table, unit: ArmUnit) -> tuple[pa.StringArray, Bools]:
    """What each customer is dealt out with, as text, and whether it is known."""
    if unit is ArmUnit.CUSTOMER:
        return pa.array(customers).cast(pa.string()), np.ones(len(customers), np.bool_)
    if unit is ArmUnit.HOUSEHOLD:
        homes = np.asarray(GraphStore.open(night.path / "graph").people.household)[customers]
        return pa.array(homes).cast(pa.string()), homes >= 0
    column = tags["owner_post" if unit is ArmUnit.POST else "branch"]
    known = column.combine_chunks().is_valid().to_numpy(zero_copy_only=False).astype(np.bool_)
    return _texts(column), known


def _texts(column: pa.ChunkedArray) -> pa.StringArray:
    """Values as texts, unknown ones as "-"."""
    return pc.fill_null(column.combine_chunks().cast(pa.string()), UNKNOWN)


def _arms(customers: Ints, tags: pa.Table, units: pa.StringArray, design: Design, least: int) -> pa.Table:
    """The arms: units are dealt out, and each customer goes where his unit goes."""
    columns = [_texts(tags[name]) for name in design.strata]
    stratum = pa.array([""] * len(customers), pa.string())
    if columns:
        stratum = pc.binary_join_element_wise(*columns, "/")
    keys: Any = customers
    place = first = np.arange(len(customers))
    if design.unit is not ArmUnit.CUSTOMER:
        encoded = units.dictionary_encode()
        keys, place = encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
        first = np.unique(place, return_index=True)[1]
    # a unit of several customers stands in the stratum of the one with the smallest number
    stratum = stratum.take(pa.array(first))
    found = assign_arms(keys, design.arms, design.salt, stratum, least)
    names = pa.array([arm.name for arm in found.arms])
    return pa.table(
        {
            "customer": pa.array(customers.astype(np.int32)),
            "arm": names.take(pa.array(found.arm[place])),
            "unit": units,
            "stratum": stratum.take(pa.array(place)),
            "tier": _texts(tags["tier"]),
            "branch": _texts(tags["branch"]),
            "hash": pa.array(found.hash[place]),
            "rank": pa.array(found.rank[place].astype(np.int32)),
            "size": pa.array(found.size[place].astype(np.int32)),
        },
        schema=ARMS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmExplanation:
    """Why a customer is in his arm: `cuts` says up to which place in the stratum each arm reaches."""

    campaign: str
    customer: int
    arm: str
    unit: str
    stratum: str
    hash: str
    rank: int
    size: int
    cuts: tuple[tuple[str, int], ...]


def explain_arm(home: Home, name: str, customer: int) -> ArmExplanation:
    """Why a customer is in his arm. Raises EffectError, saying why as far as it is known, where he is in
    none."""
    campaign = CampaignRegister(home.path).open(name)
    arms, design = campaign.arms, campaign.design
    mine = arms.filter(pc.equal(arms["customer"], customer)).to_pylist()
    if not mine:
        out = held_out(
            effect_rules(home.path).hold_out, np.array([customer]), design.first_contact, design.closes
        )[0]
        why = "he is in the bank's hold-out" if out else "he was not in the audience, or was left out of it"
        raise EffectError(f"the customer is in no arm of {name}: {why}")
    row = mine[0]
    same = arms.filter(pc.equal(arms["stratum"], row["stratum"]))
    reach = same.group_by("arm").aggregate([("rank", "max")]).to_pylist()
    cuts = sorted((each["arm"], each["rank_max"] + 1) for each in reach)
    return ArmExplanation(
        campaign=name,
        customer=customer,
        arm=row["arm"],
        unit=row["unit"],
        stratum=row["stratum"],
        hash=f"{row['hash']:016x}",
        rank=row["rank"] + 1,
        size=row["size"],
        cuts=tuple(sorted(cuts, key=lambda cut: cut[1])),
    )


def export_arms(
    home: Home, name: str, target: Path, arms: Sequence[str] = (), purpose: str = "marketing"
) -> int:
    """Write the numbers of an arm's customers for a channel, .csv or .parquet; recorded in the home's
    journal.

    `arms`: which (default: all but the control, whose customers no channel needs to know). For marketing
    whoever may no longer be marketed to by the last night is left out. Returns how many were written.
    """
    campaign = CampaignRegister(home.path).open(name)
    design = campaign.design
    known = [arm.name for arm in design.arms]
    wanted = list(arms) or [arm for arm in known if arm != CONTROL]
    unknown = [arm for arm in wanted if arm not in known]
    if unknown:
        raise EffectError(f"{name} has no arm of that name; it has {', '.join(known)}")
    if target.suffix not in (".csv", ".parquet"):
        raise EffectError(f"{target.name}: arms are exported as .csv or .parquet")
    if purpose == Purpose.MARKETING and CONTROL in wanted:
        raise EffectError("the controls of a campaign leave for no marketing: they are to get nothing")
    table = campaign.arms.filter(pc.is_in(campaign.arms["arm"], pa.array(wanted))).select(["customer", "arm"])
    if purpose == Purpose.MARKETING:
        table = table.filter(_still_marketed(home, table["customer"]))
    told = {"campaign": name, "design": design.fingerprint, "arms": wanted, "purpose": purpose}
    write_export(home, table, target, told, pcsv.write_csv)
    return int(table.num_rows)


def _still_marketed(home: Home, customers: pa.ChunkedArray) -> pa.Array:
    """Who may be marketed to by the last night: consent and life go on after arms are dealt out."""
    night = NightStore(home.path / "nights").latest()
    if night is None:
        raise EffectError("who may be contacted is known by a night: `quanke night --on DATE` first")
    now = pc.fill_null(night.read(["may_be_marketed"])["may_be_marketed"], False)
    return now.combine_chunks().take(customers.combine_chunks())


def known_campaigns(home: Home) -> list[dict[str, Any]]:
    """Campaigns that are registered or were pushed, by first day: `campaign, first, last, treated, control`,
    and `design` with the fingerprint of the registered design ("" for none)."""
    with duckdb.connect() as connection:
        sql = (
            "SELECT campaign, min(date) AS first, max(date) AS last, "
            "count(DISTINCT party) FILTER (arm = 'treated') AS treated, "
            "count(DISTINCT party) FILTER (arm = 'control') AS control "
            f"FROM ({facts_sql(home, 'pushes')}) GROUP BY campaign"
        )
        rows = connection.sql(sql).to_arrow_table().to_pylist()
    found = {row["campaign"]: {**row, "design": ""} for row in rows}
    for each in CampaignRegister(home.path).all():
        design = each.design
        treated = sum(count for arm, count in design.counts.items() if arm != CONTROL)
        found[design.name] = {
            "campaign": design.name,
            "first": design.first_contact,
            "last": design.until,
            "treated": treated,
            "control": design.counts.get(CONTROL, 0),
            "design": design.fingerprint,
        }
    whole = sorted(found.values(), key=lambda row: (row["first"], row["campaign"]))
    return [{**row, "first": row["first"].isoformat(), "last": row["last"].isoformat()} for row in whole]
