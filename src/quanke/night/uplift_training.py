"""Learning from past campaigns whom contacting changes: participants and arms from the register where the
campaign is registered, else from the pushes; features as of the day before each campaign's first contact; one
model for each offer into the store of models."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.bank.home import Home
from quanke.customers.tags.scores import UPLIFT_TITLES
from quanke.effects.groups import CampaignRegister, RegisteredCampaign
from quanke.effects.groups.register import ARMS_FILE
from quanke.effects.uplift.card import uplift_card, uplift_papers
from quanke.effects.uplift.learning import Lesson, Participants, lesson
from quanke.effects.uplift.published import UPLIFT, PublishedUplift, parts_of
from quanke.effects.uplift.rules import DEFAULT_UPLIFT_RULES, MEANS, UpliftRules
from quanke.engines.store import NightStore
from quanke.kernel.errors import EffectError, ScoreError
from quanke.kernel.progress import Progress, SilentProgress
from quanke.language import Catalogue, Purpose, Tag, count, facts, smallest
from quanke.language.facts import UPLIFT_OFFERS
from quanke.language.types import Kind
from quanke.night.catalogue import catalogue_of
from quanke.night.effect_facts import participants_of
from quanke.night.sheets import Sheets, scratch_in
from quanke.plans.scores.drift import Steps
from quanke.plans.scores.features import Feature, chosen, matrix, numbers
from quanke.plans.scores.rules import DEFAULT_RULES
from quanke.plans.scores.store import ModelStore, Version
from quanke.plans.scores.targets import WALL

SAMPLE = 1_000_000
"""Customers looked at where nothing else is said."""
SEED = 20_260_630
TOLD_OF = 0.99
"""Share of each registered arm that pushes must tell of, or conversions are not theirs to tell."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RegisteredArms:
    """Who was dealt to which arm before anybody was contacted, whoever was then pushed: customers as they are
    one today, rising. `told`: pushes tell of them all, controls too, so whether they converted is theirs to
    say; otherwise it is whether an account of the campaign's product was opened."""

    customers: NDArray[np.int64]
    control: NDArray[np.bool_]
    told: bool
    in_both: int

    def of(self, numbers: NDArray[np.int64], control: bool) -> NDArray[np.bool_]:
        """Of customers by number, who is in the arm."""
        return np.isin(numbers, self.customers[self.control == control])


@dataclass(frozen=True)
class PastCampaign:
    """A campaign as its register tells it, or where it has none, its pushes. `product` and `arms`: of a
    registered one."""

    name: str
    offer: str
    first: dt.date
    last: dt.date
    means: tuple[str, ...]
    product: str = ""
    arms: RegisteredArms | None = None

    @property
    def anchor(self) -> dt.date:
        """The day its features are as of: the one before its first contact."""
        return self.first - dt.timedelta(days=1)


@dataclass(frozen=True)
class Taught:
    """What was learned: versions by score, the lessons behind them, and why other offers have none."""

    versions: dict[str, Version]
    lessons: dict[str, Lesson]
    skipped: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "versions": {score: version.name for score, version in self.versions.items()},
            "cards": {score: version.card for score, version in self.versions.items()},
            "skipped": self.skipped,
        }


def learn_uplift(
    home: Home,
    campaigns: Sequence[str] = (),
    *,
    offer: str = "",
    features: Sequence[str] = (),
    rules: UpliftRules = DEFAULT_UPLIFT_RULES,
    sample: int = SAMPLE,
    seed: int = SEED,
    use: bool = True,
    progress: Progress | None = None,
) -> Taught:
    """Learn from campaigns (none named: all whose design names an offer), publish a version for each offer
    and, with `use`, use it from the next night on.

    `offer`: what the named campaigns are for, where their designs do not say. `features`: names of tags
    (default: every tag that can be one). `sample`: about so many customers are looked at. The same data,
    rules and seed give the same bytes. Raises ScoreError where nothing can be learned, naming why.
    """
    if NightStore(home.path / "nights").latest() is None:
        raise ScoreError("campaigns need to know who is who: `quanke night --on DATE` first")
    if offer and offer not in UPLIFT_OFFERS:
        raise ScoreError(f"there is no offer {offer!r}; there are {', '.join(UPLIFT_OFFERS)}")
    if offer and not campaigns:
        raise ScoreError("an offer is given without campaigns: name those that are for it")
    by_offer = _by_offer(home, campaigns, offer)
    models = ModelStore(home.path)
    versions: dict[str, Version] = {}
    lessons: dict[str, Lesson] = {}
    skipped: dict[str, str] = {}
    with scratch_in(models.folder) as scratch:
        work = _Learning(home, rules, sample, seed, progress or SilentProgress(), scratch, tuple(features))
        for name, own in by_offer.items():
            try:
                made, found, papers = work.one(name, own)
            except (EffectError, ScoreError) as error:
                skipped[UPLIFT + name] = str(error)
                continue
            versions[made.score] = models.publish(made.score, made.until, made.text, papers)
            lessons[made.score] = found
    if not versions:
        raise ScoreError("nothing was learned: " + "; ".join(f"{s}: {why}" for s, why in skipped.items()))
    if use:
        for score, version in versions.items():
            models.use(score, version.name)
    return Taught(versions, lessons, skipped)


def _by_offer(home: Home, named: Sequence[str], offer: str) -> dict[str, list[PastCampaign]]:
    """Campaigns by offer, in order of their first day."""
    there = pushed_campaigns(home)
    found: dict[str, list[PastCampaign]] = {}
    for name in dict.fromkeys(named or sorted(there)):
        if name not in there:
            known = ", ".join(there) or "none"
            raise ScoreError(f"no push of a campaign {name!r} is loaded; there is {known}")
        for_what = offer or _designed(home, name)
        if for_what not in UPLIFT_OFFERS:
            if named:
                raise ScoreError(
                    f"{name}: what it offered is not known; --offer with one of {', '.join(UPLIFT_OFFERS)}"
                )
            continue
        first, last, means = there[name]
        if not set(means) <= MEANS[for_what]:
            raise ScoreError(
                f"{name}: it contacted by {', '.join(means)}, and {for_what} is learned from "
                f"{', '.join(sorted(MEANS[for_what]))}: what a call changes, a message does not"
            )
        made = PastCampaign(name, for_what, first, last, means)
        held = _registered(home, name)
        if held is not None:  # who is never pushed belongs to the days of the others
            of = held.design
            begun, over = min(first, of.first_contact), max(last, of.until)
            made = replace(made, first=begun, last=over, product=of.product)
        found.setdefault(for_what, []).append(made)
    if not found:
        raise ScoreError("no campaign's design names an offer: name campaigns, and their --offer")
    return {o: sorted(own, key=lambda c: (c.first, c.name)) for o, own in sorted(found.items())}


def pushed_campaigns(home: Home) -> dict[str, tuple[dt.date, dt.date, tuple[str, ...]]]:
    """First and last day, and means, of every campaign that has pushes."""
    files = home.facts("pushes")
    if not files:
        return {}
    pieces = [pq.read_table(f, columns=["campaign", "date", "means"]) for f in files]
    rows = pa.concat_tables(pieces, promote_options="default")  # null or not differs by delivery
    told = rows.group_by("campaign").aggregate([("date", "min"), ("date", "max"), ("means", "distinct")])
    return {
        row["campaign"]: (
            row["date_min"],
            row["date_max"],
            tuple(sorted(m for m in row["means_distinct"] if m is not None)),
        )
        for row in sorted(told.to_pylist(), key=lambda r: r["campaign"])
    }


def _designed(home: Home, name: str) -> str:
    """The offer a campaign's design names, "" where there is none."""
    try:
        told = json.loads((home.path / "campaigns" / name / "design.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(told.get("offer", "")) if isinstance(told, Mapping) else ""


def _registered(home: Home, name: str) -> RegisteredCampaign | None:
    """The campaign in the register, None where its arms were not dealt out there."""
    found = CampaignRegister(home.path).get(name)
    return found if found is not None and (found.path / ARMS_FILE).exists() else None


def _with_arms(sheets: Sheets, campaign: PastCampaign, known: dt.date) -> PastCampaign:
    """The campaign with the arms it was registered with. Raises ScoreError where nobody knows who converted:
    counting only those who were pushed would make every control one who did not."""
    held = _registered(sheets.home, campaign.name)
    if held is None:
        return campaign
    who = participants_of(sheets, campaign.name, known, held)
    both = (who.told[who.control], who.told[~who.control])
    told = all(len(arm) > 0 and bool(arm.mean() >= TOLD_OF) for arm in both)
    if not told and not campaign.product:
        raise ScoreError(
            f"{campaign.name}: its pushes do not tell of everybody in its arms, and its design names no "
            "product: who of the others converted is not known"
        )
    return replace(campaign, arms=RegisteredArms(who.customers, who.control, told, who.conflicts))


def _definitions(campaign: PastCampaign, number: int) -> dict[str, Tag]:
    """Who took part, in which arm, and when he converted: of each customer, whichever of his parties it
    was; of a registered campaign also when he first opened an account of its product."""
    own, accounts = facts.pushes.campaign == campaign.name, facts.accounts

    def tag(what: str, value: Any) -> Tag:
        name = f"push_{what}_{number}"
        return Tag(name=name, title_zh=name, title_en=name, value=value, purpose=Purpose.MARKETING)

    sold = (accounts.category == campaign.product) & (accounts.opened_on > campaign.anchor)
    opened = {"opened": tag("opened", smallest(accounts.opened_on).where(sold))} if campaign.product else {}
    return {
        **opened,
        "on": tag("on", smallest(facts.pushes.day).where(own)),
        "treated": tag("treated", count(facts.pushes).where(own & (facts.pushes.arm == "treated"))),
        "control": tag("control", count(facts.pushes).where(own & (facts.pushes.arm == "control"))),
        "converted": tag("converted", smallest(facts.pushes.converted_on).where(own)),
    }


@dataclass
class _Learning:
    home: Home
    rules: UpliftRules
    sample: int
    seed: int
    progress: Progress
    scratch: Path
    asked: tuple[str, ...]
    dropped: dict[str, int] = field(default_factory=dict)

    @cached_property
    def catalogue(self) -> Catalogue:
        return catalogue_of(self.home)

    def one(
        self, offer: str, campaigns: Sequence[PastCampaign]
    ) -> tuple[PublishedUplift, Lesson, dict[str, str]]:
        """One offer: the uplift, the lesson behind it, and its papers."""
        told = [_definitions(campaign, at) for at, campaign in enumerate(campaigns)]
        whole = self.catalogue.with_more([tag for one in told for tag in one.values()])
        folder = self.scratch / offer
        folder.mkdir()
        sheets = Sheets(self.home, whole, folder, self.progress, self.sample, self.seed)
        last = max((b for table, (_, b) in sheets.reach.items() if table == "pushes"), default=dt.date.min)
        known = max((b for _, b in sheets.reach.values()), default=last)
        window = self.rules.window.on(known)
        ends = [c.last + dt.timedelta(days=window) for c in campaigns]
        for campaign, end in zip(campaigns, ends, strict=True):
            if end > known:
                raise ScoreError(
                    f"{campaign.name}: it can be learned from once {end} is loaded, {window} days after its "
                    f"last push; the tables reach to {known}"
                )
        campaigns = [_with_arms(sheets, campaign, known) for campaign in campaigns]
        begins = {table: first for table, (first, _) in sheets.reach.items()}
        names, left_out = chosen(self.catalogue, begins, min(c.anchor for c in campaigns), self.asked)
        self.dropped = {}
        of = self._participants(sheets, campaigns, told, ends, window, names, known)
        self._enough(of, known)
        found = lesson(
            of,
            folds=self.rules.folds.on(known),
            level=self.rules.level.on(known) / 100,
            learned_from=self.rules.learned_from.on(known),
            seed=self.seed,
        )
        made = self._published(offer, campaigns, found, of, names, window, max(ends))
        card = uplift_card(
            made, found, of, UPLIFT_TITLES[offer], left_out, self.dropped, self.rules,
            [c.anchor.isoformat() for c in campaigns], self.catalogue.fingerprint, self.seed,
        )  # fmt: skip
        return made, found, uplift_papers(card)

    def _enough(self, of: Participants, known: dt.date) -> None:
        least = int(min(of.treated.sum(), (~of.treated).sum()))
        wanted = self.rules.least_arm.on(known)
        if least < wanted:
            raise ScoreError(f"its smaller arm has {least} customers to learn from, {wanted} are needed")
        came, needed = int(of.converted.sum()), self.rules.least_converted.on(known)
        if came < needed:
            raise ScoreError(f"{came} converted within the window, {needed} are needed")

    def _participants(
        self,
        sheets: Sheets,
        campaigns: Sequence[PastCampaign],
        told: Sequence[Mapping[str, Tag]],
        ends: Sequence[dt.date],
        window: int,
        names: Sequence[str],
        known: dt.date,
    ) -> Participants:
        """Participants of all campaigns, one under the other."""
        walls = [tag.name for tag in WALL]
        allowed = _allowed(sheets.of(known, walls), known)
        kinds = [self.catalogue[name].result.kind for name in names]
        pieces = []
        with self.progress.step("campaigns", len(campaigns)) as step:
            for at, (campaign, tags, end) in enumerate(zip(campaigns, told, ends, strict=True)):
                before = sheets.of(campaign.anchor, [*names, "may_be_profiled", "profiling_agreed", "aum"])
                after = sheets.of(end, [*(t.name for t in tags.values()), "aum"])
                pieces.append(self._piece(before, after, tags, allowed, names, kinds, campaign, window, at))
                step.advance(1)
        joined = {name: np.concatenate([p[name] for p in pieces]) for name in pieces[0]}
        return Participants(**joined)

    def _piece(
        self,
        before: pa.Table,
        after: pa.Table,
        tags: Mapping[str, Tag],
        allowed: NDArray[np.bool_],
        names: Sequence[str],
        kinds: Sequence[Kind],
        campaign: PastCampaign,
        window: int,
        at: int,
    ) -> dict[str, Any]:
        treated, control = (
            pc.fill_null(after[tags[arm].name], 0).to_numpy() > 0 for arm in ("treated", "control")
        )
        if campaign.arms is not None:
            numbered = after["customer"].to_numpy().astype(np.int64)
            treated, control = (campaign.arms.of(numbered, control=is_it) for is_it in (False, True))
            if campaign.arms.in_both:
                self.dropped[f"{campaign.name}: in both arms"] = campaign.arms.in_both
        there = treated | control
        there_once = treated ^ control
        may = allowed & _flags(before["may_be_profiled"])
        if DEFAULT_RULES.consent_required.on(campaign.anchor):
            may &= _flags(before["profiling_agreed"])
        keep = there_once & may
        for why, who in (("in both arms", there & ~there_once), ("behind a wall", there_once & ~may)):
            if who.any():
                self.dropped[f"{campaign.name}: {why}"] = int(who.sum())
        rows = pa.array(keep)
        kept, came = before.filter(rows), after.filter(rows)
        by_product = campaign.arms is not None and not campaign.arms.told
        came_by = "opened" if by_product else "converted"
        pushed, converted = (_days(came[tags[day].name]) for day in ("on", came_by))
        until = pushed + window
        if campaign.arms is not None:  # the same days for both arms: a control has no push
            pushed = np.full(len(came), float(_number(campaign.first)))
            until = np.full(len(came), float(_number(campaign.last) + window))
        arms = treated[keep]
        return {
            "rows": matrix(kept, names, kinds, campaign.anchor),
            "treated": arms,
            "converted": (converted >= pushed) & (converted <= until),
            "chance": np.full(len(arms), arms.mean() if len(arms) else 0.5),
            "campaign": np.full(len(arms), at),
            "before": numbers(kept["aum"], Kind.MONEY, campaign.anchor),
            "after": numbers(came["aum"], Kind.MONEY, campaign.anchor),
            "customer": kept["customer"].to_numpy().astype(np.int64),
        }

    def _published(
        self,
        offer: str,
        campaigns: Sequence[PastCampaign],
        found: Lesson,
        of: Participants,
        names: Sequence[str],
        window: int,
        end: dt.date,
    ) -> PublishedUplift:
        parts = () if found.model is None else parts_of(found.model.parts_)
        features = (
            ()
            if found.model is None
            else tuple(Feature.of(self.catalogue, n, of.rows[:, i]) for i, n in enumerate(names))
        )
        made = PublishedUplift(
            UPLIFT + offer,
            end.isoformat(),
            window,
            tuple(c.name for c in campaigns),
            tuple(sorted({m for c in campaigns for m in c.means})),
            features,
            found.average,
            self.rules.most.on(end) / 100,
            parts,
            Steps.of(np.empty(0)),
        )
        rows = of.rows if features else np.empty((len(of.rows), 0))
        if found.model is not None:
            # another scikit-learn may keep its trees otherwise: what it says and what is kept must be one
            wanted = found.model.predict(rows) - found.model.effect_ + found.average
            if not np.allclose(np.clip(wanted, -made.most, made.most), made.predict(rows), rtol=0, atol=2e-6):
                raise ScoreError("this scikit-learn keeps its trees in another way: no model was made")
        said = Steps.of(made.predict(rows))
        return PublishedUplift(**{**{n: getattr(made, n) for n in made.__dataclass_fields__}, "said": said})


def _allowed(now: pa.Table, day: dt.date) -> NDArray[np.bool_]:
    """Who may be learned from as things stand now: who refuses today is left out, whatever he said then."""
    refused = pc.fill_null(now["profiling_refused"], True).to_numpy(zero_copy_only=False)
    allowed = ~np.asarray(refused, np.bool_)
    if DEFAULT_RULES.consent_required.on(day):
        allowed &= _flags(now["profiling_agreed"])
    return allowed


def _flags(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)


def _number(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _days(column: pa.ChunkedArray) -> Floats:
    """Days since 1970, nan for unknown."""
    return -numbers(column, Kind.DATE, dt.date(1970, 1, 1))
