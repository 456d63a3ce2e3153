"""The effect of a campaign of a home: facts and kernel brought together."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from quanke.bank.contracts import ASSET_CATEGORIES
from quanke.bank.home import Home
from quanke.customers.tags.assets import aum
from quanke.effects.breakdown import effects_within, natural_flow
from quanke.effects.estimates import (
    BalanceRow,
    Estimate,
    SampleRatio,
    balance,
    estimate_many,
    resembles_random,
)
from quanke.effects.groups import CONTROL, CampaignRegister, Design, EffectRules, effect_rules
from quanke.effects.netting import Moved, moved_inside
from quanke.effects.outcomes import AUM, CONVERTED, Outcome, catalogue_outcome, contacted, standard_outcomes
from quanke.effects.report import CampaignEffect, Funnel, GroupEffect, MeasuredOutcome, NaturalFlow
from quanke.effects.returns import Gain, gain_of, weighted_margin
from quanke.effects.stopping import Advice, advise
from quanke.engines.store import Night, NightStore
from quanke.kernel.errors import EffectError, NightError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.language import Catalogue, Definition
from quanke.night.catalogue import catalogue_of
from quanke.night.effect_cautions import (
    NEW_YEAR,
    NO_CONTROLS,
    NO_DESIGN,
    NO_GRAPH,
    method_of,
    not_ended,
    of_kernel,
    spoiled,
    unlike,
)
from quanke.night.effect_facts import (
    EPOCH,
    UNKNOWN,
    Belonging,
    Bools,
    Floats,
    Ints,
    Labels,
    OfCampaign,
    Participants,
    belonging,
    facts_of,
    known_until,
    other_campaigns,
    participants_of,
    transfers_of,
)
from quanke.night.effect_groups import channels_asked, dimensions_of
from quanke.night.effect_hold_out import METRICS, held_out_participants
from quanke.night.effect_hold_out import NAME as HOLD_OUT
from quanke.night.entered import EnteredSoFar
from quanke.night.plan_arms import is_planned, planned_participants, product_of
from quanke.night.sheets import products_of
from quanke.night.uplift_outlook import outlook_of
from quanke.plans.scores.honest import leaks, looks_back, too_early
from quanke.plans.scores.targets import HELD
from quanke.segments.scheme import DEFAULT_SCHEME

BALANCED = ("age", "tenure_months", "aum_90d", "product_count", "logins_90d")
"""Tags of the day before that arms are compared by, as far as they can be known of a past day."""
TIER = "tier_raw_rank"
THICK = 10
"""Customers of each arm that make a stratum worth weighing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectQuestion:
    """What is asked of a campaign.

    `on`: with what was known then (None: all that is loaded). `window`: days after the first contact (None:
    as designed, else as the rules say). `metrics`: standard outcomes (`aum_mean`, `aum_end`, `bought`,
    `login`, `kept`, `converted`), tags and metrics of the catalogue, the first one first (empty: as designed,
    else the standard ones). `product`: category offered, where no design says. `arm`: only this one beside
    the control. `peek`: intervals that hold however often one looks; always so while the window has not
    ended.
    """

    on: dt.date | None = None
    window: int | None = None
    metrics: tuple[str, ...] = ()
    product: str = ""
    arm: str = ""
    peek: bool = False
    level: float = 0.95


def measure(
    home: Home,
    campaign: str,
    asked: EffectQuestion | None = None,
    progress: Progress | None = None,
    so_far: EnteredSoFar | None = None,
) -> CampaignEffect:
    """The effect of a campaign, by its register where it has one, else by who entered it `so_far`, else by
    its pushes; of `hold-out` that of all campaigns of the year together, on whoever could be marketed to; of
    `plan.<action>` by the control groups of the plan.

    Raises EffectError where there is nothing to measure.
    """
    asked = asked or EffectQuestion()
    night = NightStore(home.path / "nights").latest()
    if night is None:
        raise EffectError(
            "effects need to know who is who: `quanke night --on DATE` first",
            "测量效果需先识别客户身份：请先运行 `quanke night --on DATE`",
        )
    rules = effect_rules(home.path)
    with facts_of(home, catalogue_of(home), progress or SilentProgress()) as sheets:
        as_of, design = known_until(sheets, asked.on), None
        if campaign == HOLD_OUT:
            who = held_out_participants(sheets, rules.hold_out, as_of)
            length = asked.window or (as_of - who.first).days + 1
            asked = replace(asked, window=length, metrics=asked.metrics or METRICS, peek=True)
        elif is_planned(campaign):
            asked = replace(asked, product=asked.product or product_of(home, sheets.catalogue, campaign))
            window = asked.window or rules.window_days.on(as_of)
            who = planned_participants(home, campaign, as_of, window)
        else:
            registered = CampaignRegister(home.path).get(campaign) or so_far
            who = participants_of(sheets, campaign, as_of, registered)
            design = registered.design if registered else None
        return _Measuring(campaign, sheets, night, design, rules, asked, who, as_of).effect()


@dataclass
class _Measuring:
    campaign: str
    sheets: OfCampaign
    night: Night
    design: Design | None
    rules: EffectRules
    asked: EffectQuestion
    who: Participants
    as_of: dt.date
    warnings: list[str] = field(default_factory=list)
    stratified: str = ""

    def __post_init__(self) -> None:
        self._choose_arms()
        first = self.who.first
        self.before = first - dt.timedelta(days=1)
        self.closes = self._closes()
        self.last = min(self.closes, self.as_of)
        if self.last < first:
            raise EffectError(
                f"the first contact is on {first} and facts are known until {self.as_of}: it is too early",
                f"首次接触在 {first}，数据只到 {self.as_of}：现在测量为时过早",
            )
        self.window = (self.last - self.before).days
        self.running = self.last < self.closes
        # a window of one's own choosing may be one of many looks while the campaign runs
        self.sequential = self.asked.peek or self.running or self.as_of < self._meant_to_close()
        self.sheets.customers = self.who.customers
        self.treated: Bools = ~self.who.control
        self.outcomes = self._outcomes()

    def _choose_arms(self) -> None:
        name = self.asked.arm
        if name:
            known = [arm for arm in self.who.arm.present if arm != CONTROL]
            if name not in known:
                raise EffectError(f"the campaign has no arm of that name; it has {', '.join(known)}")
            self.who = self.who.only(self.who.arm.are(name) | self.who.control)
        if not self.who.control.any() or self.who.control.all():
            raise EffectError(
                "an effect needs treated customers and controls: one of the arms is empty",
                "测量效果需要实验组和对照组：其中一组没有客户",
            )

    def _meant_to_close(self) -> dt.date:
        """The last day of the window that was planned, whatever window is asked for."""
        if self.campaign == HOLD_OUT:
            return self.as_of
        if self.design is not None:
            return max(self.design.closes, self.before + dt.timedelta(days=self.design.window_days))
        return self.before + dt.timedelta(days=self.rules.window_days.on(self.who.first))

    def _closes(self) -> dt.date:
        """The last day of the whole window."""
        if self.asked.window is None:
            return self._meant_to_close()
        if not 1 <= self.asked.window <= 3_660:
            raise EffectError("a window has from 1 to 3,660 days")
        return self.before + dt.timedelta(days=self.asked.window)

    def _outcomes(self) -> dict[str, Outcome]:
        product = self.asked.product or (self.design.product if self.design else "")
        standard = standard_outcomes(self.campaign, self.window, self.last, product)
        wanted = self.asked.metrics or (self.design.metrics if self.design else ()) or tuple(standard)
        catalogue = self.sheets.catalogue
        found = {n: standard[n] if n in standard else catalogue_outcome(catalogue, n) for n in wanted}
        # where some controls have no row, nobody knows which of the others converted
        if CONVERTED in found and not self.who.told[self.who.control].all():
            del found[CONVERTED]
            if not is_planned(self.campaign):
                self.warnings.append(NO_CONTROLS)
            if not found:
                raise EffectError(
                    "the pushes hold no controls: nobody knows which of them converted",
                    "推送中没有对照客户：无从得知其中谁转化了",
                )
        return found

    def effect(self) -> CampaignEffect:
        """All of it."""
        before, after = self._values()
        moved = self._moved()
        values = {
            name: after[each.value.name] - (moved[name].both if each.money else 0.0)
            for name, each in self.outcomes.items()
        }
        strata = self._strata(before)
        measured = self._measured(values, before, after, strata)
        rows, design = self._balance(before), self.design
        self.warnings += [
            *spoiled(self.campaign, self.who, self.window, after),
            *unlike(rows, self._title_zh),
            *of_kernel(measured),
        ]
        return CampaignEffect(
            campaign=self.campaign,
            title_zh=design.title_zh if design else self.campaign,
            title_en=design.title_en if design else self.campaign,
            design=design.fingerprint if design else "",
            arm=self.asked.arm,
            before=self.before,
            first=self.who.first,
            last=self.last,
            closes=self.closes,
            as_of=self.as_of,
            running=self.running,
            outcomes=measured,
            flow=self._flow(before, after, moved, measured),
            funnel=self._funnel(),
            groups=self._groups(values, before, strata),
            balance=rows,
            ratio=self._ratio(),
            overlaps=tuple(self._overlaps()),
            warnings=tuple(dict.fromkeys(self._running() + self._over_new_year() + self.warnings)),
            method=method_of(measured[0].estimate.method, self.stratified),
            hidden_below=self.rules.least_shown.on(self.last),
            facts=self._digest(),
            advice=self._advice(measured),
            gain=self._gain(measured, after),
            learning=outlook_of(self.sheets.home, self.campaign, self.design, self.who, self.as_of),
        )

    def _title_zh(self, name: str) -> str:
        """Of a tag arms are compared by."""
        known = self.sheets.catalogue
        return next((known[n].title_zh for n in (f"effect_{name}", name) if n in known), name)

    def _advice(self, measured: tuple[MeasuredOutcome, ...]) -> Advice | None:
        """None where looking early was not allowed for (a window of one's own choosing), and where nobody
        said whether more of the first outcome is good."""
        running = self.as_of < self._meant_to_close()
        if running and not self.sequential:
            return None
        cluster = self.who.cluster
        return advise(
            measured,
            running=running,
            days_left=(self._meant_to_close() - self.as_of).days,
            harmed=standard_outcomes(self.campaign, self.window, self.last).keys(),
            clusters=None if cluster is None else len(np.unique(cluster)),
        )

    def _gain(self, measured: tuple[MeasuredOutcome, ...], after: Mapping[str, Floats]) -> Gain | None:
        """The margin earned on the increment, by what the participants hold; None where the bank states no
        margins, or the daily mean of assets was not asked for."""
        found = next((each.estimate for each in measured if each.name == AUM), None)
        held = {c: float(np.nansum(after[HELD[c].name])) for c in ASSET_CATEGORIES}
        margin = weighted_margin(held, products_of(self.sheets.home))
        return None if found is None or margin is None else gain_of(found, margin, self.window)

    def _values(self) -> tuple[Mapping[str, Floats], Mapping[str, Floats]]:
        """Values on the day before and on the last day."""
        catalogue = self.sheets.catalogue
        after: list[Definition] = [*contacted(self.campaign, self.window, self.who.means)]
        after += [HELD[category] for category in ASSET_CATEGORIES]
        before: list[Definition] = [aum, *self._balanced(catalogue), catalogue[TIER]]
        before += channels_asked(catalogue, self.who)
        for each in self.outcomes.values():
            after += [tag for tag in (each.value, each.below) if tag is not None]
            before += [tag for tag in (each.before,) if tag is not None]
        more = {each.name: each for each in (*before, *after) if each.name not in catalogue}
        self.sheets.catalogue = catalogue.with_more(more.values())
        first = self.sheets.rows(self.before, before, keep=[aum.name])
        return first, self.sheets.rows(self.last, after, before=self.before)

    def _balanced(self, catalogue: Catalogue) -> list[Definition]:
        begins = {table: first for table, (first, _) in self.sheets.reach.items()}
        known = (n for n in BALANCED if n in catalogue and not leaks(catalogue, n))
        return [catalogue[n] for n in known if not too_early(looks_back(catalogue, n), begins, self.before)]

    def _measured(
        self,
        values: Mapping[str, Floats],
        before: Mapping[str, Floats],
        after: Mapping[str, Floats],
        strata: Ints,
    ) -> tuple[MeasuredOutcome, ...]:
        named = self.outcomes.items()
        found: dict[str, Estimate] = estimate_many(
            values,
            self.treated,
            self._covariates(before),
            strata,
            self.who.cluster,
            self.asked.level,
            denominator={n: after[o.below.name] for n, o in named if o.below is not None},
            sequential=self.sequential,
            expected=self._expected() if self.who.cluster is None else None,
            unit={n: o.unit for n, o in named},
            reached=self.who.reached if self.who.reached.any() else None,
        )
        return tuple(
            MeasuredOutcome(name=n, title_zh=o.title_zh, title_en=o.title_en, unit=o.unit, estimate=found[n])
            for n, o in named
        )

    def _covariates(self, before: Mapping[str, Floats]) -> dict[str, Floats]:
        """What each outcome was before; of a value that is the same for everybody nothing can be learned."""
        own = {n: before[o.before.name] for n, o in self.outcomes.items() if o.before is not None}
        return {n: x for n, x in own.items() if np.nanmin(x, initial=np.inf) < np.nanmax(x, initial=-np.inf)}

    def _tier(self, before: Mapping[str, Floats]) -> Labels:
        if self.who.tier is not None:
            return self.who.tier
        names = (*DEFAULT_SCHEME.names, UNKNOWN)
        places = np.nan_to_num(before[TIER], nan=len(names) - 1).astype(np.int64)
        return Labels(np.minimum(places, len(names) - 1), names)

    @cached_property
    def _branch(self) -> Labels:
        if self.who.branch is not None:
            return self.who.branch
        held = self._belonging
        if held is None:
            return Labels(np.zeros(len(self.who.customers), np.int64), (UNKNOWN,))
        codes = held.branch[self.who.customers]
        return Labels(np.where(codes < 0, len(held.branches), codes), (*held.branches, UNKNOWN))

    def _strata(self, before: Mapping[str, Floats]) -> Ints:
        tier = self._tier(before)
        fine = self.who.strata if self.who.strata is not None else tier.beside(self._branch)
        for name, labels in (
            ("as dealt out" if self.who.strata is not None else "tier, branch", fine),
            ("tier", tier),
        ):
            codes: Ints = np.unique(labels.codes, return_inverse=True)[1].reshape(-1)
            if thick(codes, self.treated):
                self.stratified = name
                return codes
        self.stratified = "none, all are thin"
        return np.zeros(len(self.treated), np.int64)

    @cached_property
    def _belonging(self) -> Belonging | None:
        """Households and branches, None where the night holds no graph."""
        try:
            return belonging(self.night, self.before, self.sheets.home.counts().customers)
        except NightError:
            self.warnings.append(NO_GRAPH)
            return None

    def _moved(self) -> dict[str, Moved]:
        """For each outcome in money, what moved inside."""
        money = [name for name, outcome in self.outcomes.items() if outcome.money]
        held, customers = self._belonging, self.who.customers
        if not money:
            return {}
        if held is None:
            nothing = np.zeros(len(customers))
            return dict.fromkeys(money, Moved(nothing, nothing))
        transfers = transfers_of(self.sheets, customers, self.who.first, self.last)
        first, last = ((day - EPOCH).days for day in (self.who.first, self.last))
        homes = held.household, held.branch, held.person
        return {n: moved_inside(transfers, customers, *homes, first, last, daily=n == AUM) for n in money}

    def _flow(
        self,
        before: Mapping[str, Floats],
        after: Mapping[str, Floats],
        moved: Mapping[str, Moved],
        measured: Sequence[MeasuredOutcome],
    ) -> NaturalFlow | None:
        for each in measured:
            outcome = self.outcomes[each.name]
            if outcome.money and outcome.before is not None:
                grown = after[outcome.value.name] - before[outcome.before.name]
                return natural_flow(each.name, grown, moved[each.name], self.treated, each.estimate.total)
        return None

    def _funnel(self) -> Funnel:
        treated, who = self.treated, self.who
        told = bool(who.told[~treated].any())
        return Funnel(
            targeted=int(treated.sum()),
            pushed=int((treated & who.pushed).sum()),
            reached=int((treated & who.reached).sum()),
            converted=int((treated & who.converted).sum()) if who.told[treated].any() else None,
            control=int((~treated).sum()),
            control_converted=int((~treated & who.converted).sum()) if told else None,
        )

    def _groups(
        self, values: Mapping[str, Floats], before: Mapping[str, Floats], strata: Ints
    ) -> tuple[GroupEffect, ...]:
        """The first metric within groups that were fixed before the first contact."""
        name, outcome = next(iter(self.outcomes.items()))
        if outcome.below is not None:
            return ()
        dimensions = dimensions_of(
            self.sheets, self.who, self._tier(before), self._branch, before, self.before
        )  # fmt: skip
        own = before[outcome.before.name] if outcome.before is not None else None
        found: list[GroupEffect] = []
        for dimension, members in dimensions.items():
            found += effects_within(
                dimension, members, values[name], own, self.treated, strata, self.who.cluster,
                self.rules.least_shown.on(self.last), self.asked.level, self.sequential, outcome.unit,
            )  # fmt: skip
        return tuple(found)

    def _balance(self, before: Mapping[str, Floats]) -> tuple[BalanceRow, ...]:
        names = {
            n: n.removeprefix("effect_")
            for n in before
            if n not in (TIER, aum.name, "effect_aum_before") and not n.startswith("agrees_")
        }
        return balance({shown: before[n] for n, shown in names.items()}, self.treated)

    def _expected(self) -> float | None:
        """The planned share of the treated among those compared."""
        if self.who.expected is not None:
            return self.who.expected
        if self.design is None:
            return None
        shares = {arm.name: arm.share_ppm for arm in self.design.arms}
        treated = sum(s for n, s in shares.items() if n != CONTROL and self.asked.arm in ("", n))
        return treated / (treated + shares[CONTROL])

    def _ratio(self) -> SampleRatio | None:
        expected = self._expected()
        if expected is None:
            self.warnings.append(NO_DESIGN)
            return None
        rows = slice(None) if self.who.cluster is None else np.unique(self.who.cluster, return_index=True)[1]
        return resembles_random(self.treated[rows], expected)

    def _overlaps(self) -> list[tuple[str, str, int]]:
        return other_campaigns(self.sheets, self.campaign, self.who.customers, self.who.first, self.last)

    def _over_new_year(self) -> list[str]:
        """Controls of the plan and the hold-out are drawn anew each year."""
        if self.design is not None or self.last.year == self.who.first.year or self.who.expected is None:
            return []
        return [NEW_YEAR]

    def _running(self) -> list[str]:
        if not self.running:
            return []
        whole = (self.closes - self.before).days
        return [not_ended(self.window, whole)]

    def _digest(self) -> str:
        text = repr(sorted(self.sheets.run.inputs.fingerprint().items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def thick(codes: Ints, treated: Bools) -> bool:
    """Whether strata hold enough: nine customers in ten stand in one with `THICK` of each arm. Weighing by
    thinner strata costs more than it takes out; sizes alone decide, before any outcome is looked at."""
    count = int(codes.max()) + 1 if len(codes) else 0
    arms = np.bincount(codes, treated, count), np.bincount(codes, ~treated, count)
    enough = np.minimum(*arms) >= THICK
    return bool(enough[codes].mean() >= 0.9) if len(codes) else False
