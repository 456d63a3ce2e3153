"""Campaigns with control groups whose true effect is built into the data and written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.sample.book import Book
from quanke.bank.sample.draws import Bools, Ints
from quanke.bank.sample.people import FAR, NEVER, YUAN, LifeEvent, Persona
from quanke.bank.sample.text import blank, coded, dates, digits, strings, tagged

MEANS = ("call", "sms", "wecom", "push", "email")


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign. `start` month and day; `share` of those who fit take part, `treated` in a hundred of
    them.

    `persuaded` in a thousand bring `gain` yuan (percent of assets where `gain` is below 100) when treated;
    `annoyed` in a thousand take as much away; `base` and `lifted` are conversions in a thousand without and
    with treatment; `reach` in a hundred of the treated are reached at all.
    """

    code: str
    means: str
    start: tuple[int, int]
    share: float
    treated: int
    reach: int
    persuaded: int
    annoyed: int
    gain: int
    base: int
    lifted: int


CAMPAIGNS = (
    Campaign("tier_edge_autumn", "call", (9, 8), 0.8, 80, 72, 260, 10, 9_000, 30, 210),
    Campaign("new_year_deposits", "sms", (1, 12), 0.16, 85, 96, 90, 5, 20, 40, 90),
    Campaign("fund_spring", "push", (3, 9), 0.2, 70, 88, 0, 0, 0, 15, 46),
    Campaign("card_activation", "sms", (11, 3), 0.75, 75, 97, 0, 0, 0, 100, 190),
    Campaign("win_back_calls", "call", (5, 11), 0.3, 50, 60, 0, 120, 6, 50, 50),
)
"""The last one does harm: it costs balances and converts nobody who would not have come anyway."""

WINDOW = 30


@dataclass(slots=True)
class Effects:
    """What the campaigns do elsewhere: purchases of funds and activations of cards, by person; -1 none."""

    fund_day: Ints
    card_day: Ints
    pushes: list[Pushed]


@dataclass(slots=True)
class Pushed:
    """Participants of one campaign, by row; days are positions, -1 none."""

    campaign: int
    who: Ints
    day: Ints
    treated: Bools
    reached: Ints
    converted: Ints
    effect: Ints
    converts: NDArray[np.bool_]
    converts_treated: NDArray[np.bool_]


def plan_campaigns(book: Book) -> Effects:
    """Draw participants, arms and potential outcomes, and move the money the true effects bring."""
    size = book.people.size
    effects = Effects(np.full(size, NEVER, dtype=np.int64), np.full(size, NEVER, dtype=np.int64), [])
    span = book.world.span
    for number, campaign in enumerate(CAMPAIGNS):
        starts = {span.position(date(m.year, *campaign.start)) for m in span.months}
        for start in sorted(s for s in starts if s >= 5 and s + WINDOW + 12 < book.days):
            effects.pushes.append(_run(book, effects, number, campaign, start))
    return effects


def _fits(book: Book, campaign: Campaign, start: int) -> Bools:
    """Who the campaign is for."""
    people = book.people
    fits: Bools = (book.main >= 0) & (people.opened < start - 40) & (people.until == FAR) & (people.staff < 0)
    fits &= np.isin(people.event, [LifeEvent.NONE, LifeEvent.CHILD, LifeEvent.JOB_CHANGE])
    rules: dict[str, Bools] = {
        "tier_edge_autumn": (people.wealth >= 36_000 * YUAN) & (people.wealth < 50_000 * YUAN),
        "new_year_deposits": people.band >= 3,
        "fund_spring": (people.band >= 3) & people.on_mobile,
        "card_activation": people.has_credit,
        "win_back_calls": (people.band >= 4) & (people.persona == Persona.QUIET),
    }
    return fits & rules[campaign.code]


def _run(book: Book, effects: Effects, number: int, campaign: Campaign, start: int) -> Pushed:
    draws = book.draws(f"campaign {campaign.code} {start}")
    people = book.people
    who = np.flatnonzero(_fits(book, campaign, start))
    who = who[draws.chance(campaign.share, len(who))]
    if campaign.code == "card_activation":
        # only holders of cards that would else lie unused take part
        who = who[draws.chance(0.12, len(who))]
    count = len(who)
    day = start + draws.below(5, count)
    treated = draws.below(100, count) < campaign.treated
    reached = treated & (draws.below(100, count) < campaign.reach)
    reached_on = np.where(reached, day + draws.below(4, count), NEVER)
    sort = draws.below(1_000, count)
    percent = campaign.gain < 100
    gain = (
        np.minimum(people.wealth[who], 400_000 * YUAN) // 100 * campaign.gain
        if percent
        else np.full(count, campaign.gain * YUAN)
    )
    gain = gain // 100 * draws.between(60, 140, count) // (100 * YUAN) * (100 * YUAN)
    sign = np.where(
        sort < campaign.persuaded, 1, np.where(sort < campaign.persuaded + campaign.annoyed, -1, 0)
    )
    effect = gain * sign
    when = np.where(reached & (effect != 0), reached_on + draws.between(1, 9, count), NEVER)
    second = book.world.span.draw_seconds(draws, "day", count)
    main, away = book.main[who], book.elsewhere(who)
    book.moves.add(main, np.where(effect > 0, when, NEVER), second, effect, "in_own", away, steady=False)
    book.moves.add(main, np.where(effect < 0, when, NEVER), second, effect, "out_own", away, steady=False)
    luck = draws.below(1_000, count)
    converts, converts_treated = luck < campaign.base, luck < campaign.lifted
    converts_treated |= effect > 0
    did = np.where(reached, converts_treated, converts)
    converted = np.where(did, np.maximum(reached_on, day) + draws.between(1, WINDOW - 6, count), NEVER)
    converted = np.where(reached & (effect > 0), when, converted)
    if campaign.code == "fund_spring":
        effects.fund_day[who[did]] = converted[did]
    if campaign.code == "card_activation":
        effects.card_day[who] = np.where(did, converted, FAR)
    return Pushed(number, who, day, treated, reached_on, converted, effect, converts, converts_treated)


def pushes_table(
    book: Book, effects: Effects, source: pa.Array, party_ids: pa.Array, first_id: int
) -> pa.Table | None:
    """The contract's rows; numbers of pushes are given from `first_id` on."""
    tables = []
    offset = book.world.span.offset
    for pushed in effects.pushes:
        count = len(pushed.who)
        campaign = CAMPAIGNS[pushed.campaign]
        ids = strings(tagged("U", digits(first_id + np.arange(count), 10)))
        first_id += count
        year = book.world.span.date_of(int(pushed.day[0])).year if count else 0
        rows = pa.array(pushed.who)
        tables.append(
            pa.table(
                {
                    "push_id": ids,
                    "campaign": coded([f"{campaign.code}_{year}"], np.zeros(count, dtype=np.int32)),
                    "source": source.take(rows),
                    "party_id": party_ids.take(rows),
                    "date": dates(pushed.day + offset),
                    "arm": coded(["treated", "control"], (~pushed.treated).astype(np.int32)),
                    "means": blank(coded(MEANS, np.full(count, MEANS.index(campaign.means))), pushed.treated),
                    "reached_on": dates(pushed.reached + offset, pushed.reached >= 0),
                    "converted_on": dates(pushed.converted + offset, pushed.converted >= 0),
                }
            )
        )
        _note(book, pushed, f"{campaign.code}_{year}")
    return pa.concat_tables(tables).unify_dictionaries() if tables else None


def _note(book: Book, pushed: Pushed, code: str) -> None:
    count = len(pushed.who)
    book.note(
        "treatment_effects",
        {
            "campaign": coded([code], np.zeros(count, dtype=np.int32)),
            "person": pa.array(book.people.person[pushed.who]),
            "arm": coded(["treated", "control"], (~pushed.treated).astype(np.int32)),
            "reached": pa.array(pushed.reached >= 0),
            "effect_fen": pa.array(pushed.effect),
            "converts_untreated": pa.array(pushed.converts),
            "converts_treated": pa.array(pushed.converts_treated),
        },
    )
