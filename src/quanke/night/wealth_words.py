"""A proposal in words: what the night holds of a customer, brought to `quanke.wealth.trades.words`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quanke.night.wealth_ground import AdviceGround, Asked
from quanke.night.wealth_rules import EDUCATION, PPM

if TYPE_CHECKING:
    from quanke.wealth.trades import TradeTold


@dataclass(frozen=True, slots=True)
class ClassHeld:
    """One asset class of a customer: fen he has in it, and its share of what can be invested beside the
    model's, in millionths."""

    asset_class: str
    value: int
    share: int
    model: int


@dataclass(frozen=True, slots=True)
class AdviceWords:
    """The paragraph in both languages, risks first; the sentence that stands beside deposits only (INT-3), ""
    where there are none; and the education item that goes with it (None: none)."""

    zh: str
    en: str
    deposit_zh: str = ""
    deposit_en: str = ""
    education: Mapping[str, Any] | None = None


def held_by(asked: Asked, ground: AdviceGround, row: Mapping[str, Any]) -> tuple[ClassHeld, ...]:
    """What one customer has by asset class. What falls due within the horizon is cash; shares are of what
    lies beside the cash that is kept; where cash does not even reach that, of what is not cash."""
    model, positions = ground.model, asked.positions
    value = np.zeros(len(model.classes), np.int64)
    due = positions.product >= len(asked.of_row) // 2
    kind = np.where(due, 0, asked.shelf.asset_class[positions.product])
    np.add.at(value, kind, positions.value)
    value[0] += int(asked.holders.cash[0])
    free = value.copy()
    free[0] -= row["keep"]
    investable = max(int(row["investable"]), 0)
    if free[0] < 0:  # what is short is no share of anything, and is told in fen
        free[0] = 0
        investable = int(free.sum())
    weights = model.weights[int(asked.holders.risk_class[0]) - 1]

    def share(fen: int) -> int:
        return fen * PPM // investable if investable > 0 else 0

    return tuple(
        ClassHeld(name, int(value[at]), share(int(free[at])), int(weights[at]))
        for at, name in enumerate(model.classes)
    )


def words_of(
    asked: Asked,
    ground: AdviceGround,
    row: Mapping[str, Any],
    trades: Sequence[Mapping[str, Any]],
    held: Sequence[ClassHeld],
) -> AdviceWords:
    """What is proposed to one customer, in words. `row` and `trades` as the night published them. Education
    items are the bank's own where an `education.yaml` lies beside the rules: in the night's folder for what
    it published, in the home for what is found again. Raises DefinitionError."""
    from quanke.wealth.trades import AdviceFacts, ClassStanding, Remains, trade_words
    from quanke.wealth.trades.education import own_education

    products = {each["product"]: each for each in ground.products.table.to_pylist()}
    told = [_told(each, products[each["product"]], ground.day) for each in trades]
    facts = AdviceFacts(
        classes=[ClassStanding(h.asset_class, h.value, h.share, h.model) for h in held],
        trades=told,
        keep=row["keep"],
        due=_due(asked),
        unsuitable=_unsuitable(asked, ground, row["risk_class"]),
        remains=Remains[row["remains"].upper()],
        deposits=_deposits(asked, ground, trades, products),
        insured=ground.rules.trades.insured.on(ground.day),
        short=max(row["keep"] - held[0].value, 0),
    )
    # of the night where its rules are the night's, of the home where advice is found again
    found = trade_words(facts, own_education(ground.rules.folder / EDUCATION))
    item = None if found.education is None else asdict(found.education)
    return AdviceWords(found.zh, found.en, found.deposit_zh, found.deposit_en, item)


def _told(trade: Mapping[str, Any], product: Mapping[str, Any], day: dt.date) -> TradeTold:
    from quanke.wealth.trades import TradeTold

    deposit = product["category"] == "term"
    return TradeTold(
        buys=trade["side"] == "buy",
        product=trade["product"],
        name=product["name"],
        asset_class=product["asset_class"],
        amount=trade["amount"],
        fee=trade["fee"],
        risk=product["rating"] or 5,
        lock_days=0 if deposit else product["lock_days"],
        on=trade["on"] if trade["on"] > day else None,
        deposit=deposit,
        exit_days=product["exit_days"] or 0,
        exit_ppm=product["exit_ppm"] or 0,
    )


def _due(asked: Asked) -> list[tuple[dt.date, int]]:
    """What falls due within the horizon, by day."""
    positions = asked.positions
    rows = np.flatnonzero(positions.product >= len(asked.of_row) // 2)
    found: dict[dt.date, int] = {}
    for row in rows:
        on = asked.day + dt.timedelta(int(positions.matures[row]))
        found[on] = found.get(on, 0) + int(positions.value[row])
    return sorted(found.items())


def _unsuitable(asked: Asked, ground: AdviceGround, risk_class: int) -> int:
    """Fen held in products rated above his class."""
    rating = ground.products.column("rating")[asked.of_row[asked.positions.product]]
    return int(asked.positions.value[rating > risk_class].sum())


def _deposits(
    asked: Asked,
    ground: AdviceGround,
    trades: Sequence[Mapping[str, Any]],
    products: Mapping[str, Mapping[str, Any]],
) -> int:
    """Deposits with the bank after the trades, with what their terms earn."""
    positions = asked.positions
    term = asked.shelf.insured[positions.product]
    interest = asked.shelf.interest_ppm[positions.product].astype(np.int64)
    whole = int(asked.holders.cash[0])
    whole += int((positions.value + positions.value * interest // PPM)[term].sum())
    for each in trades:
        sign = 1 if each["side"] == "buy" else -1
        product = products[each["product"]]
        whole -= sign * each["amount"] + each["fee"]
        if product["category"] == "term":
            whole += sign * each["amount"] * (PPM + product["interest_ppm"]) // PPM
    return max(whole, 0)
