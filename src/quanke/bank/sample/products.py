"""Products of the sample bank, their daily unit values, and exchange rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from quanke.bank.contracts import ASSET_CLASSES, CATEGORIES
from quanke.bank.sample.days import Span, is_quiet
from quanke.bank.sample.draws import Draws, Ints
from quanke.bank.sample.text import coded, dates, decimals

# code, name, category, risk class, term in days, annual rate and margin and daily swing in millionths
_PRODUCTS = (
    ("D0001", "活期储蓄", "demand", "", 0, 500, 14_000, 0),
    ("D0002", "Ⅱ类电子账户活期", "demand", "", 0, 500, 14_000, 0),
    ("D0003", "外币活期储蓄", "demand", "", 0, 500, 9_000, 0),
    ("D0004", "单位活期存款", "demand", "", 0, 500, 13_000, 0),
    ("W0001", "e钱包零钱账户", "wallet", "", 0, 500, 14_000, 0),
    ("T0003", "整存整取三个月", "term", "", 90, 6_500, 10_000, 0),
    ("T0006", "整存整取六个月", "term", "", 180, 8_500, 9_500, 0),
    ("T0012", "整存整取一年", "term", "", 365, 9_500, 9_000, 0),
    ("T0024", "整存整取二年", "term", "", 730, 10_500, 8_500, 0),
    ("T0036", "整存整取三年", "term", "", 1_095, 12_500, 8_000, 0),
    ("L0001", "天天利现金管理类理财", "wealth", "R1", 0, 16_000, 3_000, 15),
    ("L0002", "稳享月月盈", "wealth", "R2", 30, 21_000, 4_000, 120),
    ("L0003", "稳享季季盈", "wealth", "R2", 90, 23_000, 4_500, 150),
    ("L0004", "固收增强一年封闭", "wealth", "R2", 365, 28_000, 5_000, 260),
    ("L0005", "混合优选十八个月", "wealth", "R3", 540, 35_000, 7_000, 900),
    ("L0006", "权益进取理财", "wealth", "R4", 0, 42_000, 9_000, 2_600),
    ("F0001", "现金宝货币基金A", "fund", "R1", 0, 13_000, 2_500, 10),
    ("F0002", "双利债券基金A", "fund", "R2", 0, 30_000, 6_000, 380),
    ("F0003", "均衡配置混合基金", "fund", "R3", 0, 55_000, 10_000, 2_400),
    ("F0004", "沪深三百指数基金", "fund", "R4", 0, 70_000, 6_000, 4_200),
    ("F0005", "科技创新股票基金", "fund", "R5", 0, 90_000, 12_000, 6_500),
    ("F0006", "全球精选QDII基金", "fund", "R4", 0, 75_000, 12_000, 4_000),
    ("I0001", "福满堂两全保险", "insurance", "R1", 1_825, 20_000, 15_000, 0),
    ("I0002", "金彩年年年金保险", "insurance", "R2", 3_650, 22_000, 20_000, 0),
    ("I0003", "鑫享终身寿险", "insurance", "R2", 0, 23_000, 24_000, 0),
    ("B0001", "储蓄国债（电子式）三年", "bond", "R1", 1_095, 19_300, 1_500, 0),
    ("B0002", "储蓄国债（电子式）五年", "bond", "R1", 1_825, 20_000, 1_500, 0),
    ("M0001", "积存金", "metal", "R3", 0, 60_000, 8_000, 3_800),
    ("C0001", "湾区通信用卡金卡", "credit_card", "", 0, 182_500, 50_000, 0),
    ("C0002", "白金信用卡", "credit_card", "", 0, 182_500, 45_000, 0),
    ("H0001", "个人住房按揭贷款", "mortgage", "", 0, 32_000, 9_000, 0),
    ("H0002", "个人住房公积金组合贷款", "mortgage", "", 0, 28_500, 6_000, 0),
    ("N0001", "e快贷消费贷款", "consumer_loan", "", 1_080, 38_000, 20_000, 0),
    ("G0001", "经营快贷", "business_loan", "", 1_080, 39_000, 18_000, 0),
    ("S0001", "E存管监管账户", "escrow", "", 0, 500, 10_000, 0),
)

# asset class, issuer, smallest first purchase and step in yuan, fee of purchase and of early redemption in
# millionths, days from which redemption is free, days locked
_TERMS = {
    "D0001": ("cash", "own", 1, 1, 0, 0, 0, 0),
    "D0002": ("cash", "own", 1, 1, 0, 0, 0, 0),
    "T0003": ("deposit", "own", 50, 1, 0, 0, 0, 0),
    "T0006": ("deposit", "own", 50, 1, 0, 0, 0, 0),
    "T0012": ("deposit", "own", 50, 1, 0, 0, 0, 0),
    "T0024": ("deposit", "own", 50, 1, 0, 0, 0, 0),
    "T0036": ("deposit", "own", 50, 1, 0, 0, 0, 0),
    "L0001": ("cash", "wealth_arm", 1, 1, 0, 0, 0, 0),
    "L0002": ("fixed_income", "wealth_arm", 1, 1, 0, 0, 0, 30),
    "L0003": ("fixed_income", "wealth_arm", 1, 1, 0, 0, 0, 90),
    "L0004": ("fixed_income", "wealth_arm", 10_000, 1_000, 0, 0, 0, 365),
    "L0005": ("balanced", "wealth_arm", 10_000, 1_000, 0, 0, 0, 540),
    "L0006": ("equity", "wealth_arm", 10_000, 1_000, 3_000, 5_000, 180, 7),
    "F0001": ("cash", "fund_a", 10, 1, 0, 0, 0, 0),
    "F0002": ("fixed_income", "fund_a", 10, 1, 800, 15_000, 7, 0),
    "F0003": ("balanced", "fund_a", 10, 1, 1_500, 7_500, 30, 0),
    "F0004": ("equity", "fund_b", 10, 1, 1_200, 7_500, 30, 0),
    "F0005": ("equity", "fund_b", 10, 1, 1_500, 7_500, 180, 0),
    "F0006": ("overseas", "fund_b", 10, 1, 1_500, 7_500, 180, 0),
    "I0001": ("protection", "insurer_a", 10_000, 1_000, 0, 50_000, 1_825, 0),
    "I0002": ("protection", "insurer_a", 10_000, 1_000, 0, 60_000, 3_650, 0),
    "I0003": ("protection", "insurer_b", 10_000, 1_000, 0, 80_000, 3_650, 0),
    "B0001": ("fixed_income", "treasury", 100, 100, 0, 1_000, 1_095, 180),
    "B0002": ("fixed_income", "treasury", 100, 100, 0, 1_000, 1_825, 180),
    "M0001": ("gold", "own", 700, 1, 4_000, 4_000, 36_500, 0),
}
"""What advice must know of the products that may be advised."""
_LOADINGS = {
    "fixed_income": (-60, 0),
    "balanced": (500, 30),
    "equity": (950, 0),
    "overseas": (420, 0),
    "gold": (-40, 850),
}
"""How much of its swing an asset class has in common with others (shares, gold), in thousandths."""
_ISSUER_RATES_HIGHER = ("F0003",)
"""Products their issuer rates riskier than the bank does: the higher class counts (SUI-1)."""
HISTORY = 1_096
"""Days before the span for which unit values are handed over."""

_RATES = {
    "USD": 7_160_000,
    "HKD": 912_000,
    "EUR": 8_330_000,
    "JPY": 48_600,
    "GBP": 9_700_000,
    "AUD": 4_680_000,
}
_RATE_SWING = {"USD": 900, "HKD": 900, "EUR": 3_600, "JPY": 4_200, "GBP": 3_500, "AUD": 4_400}

UNIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Products:
    """Columns by product position; `value` is (products, days): value of one unit in millionths of a yuan."""

    ids: pa.StringArray
    category: Ints
    term_days: Ints
    rate: Ints
    risk: Ints
    value: Ints
    table: pa.Table
    history: pa.Table

    def of(self, category: str) -> Ints:
        """Positions of the products of a category."""
        return np.flatnonzero(self.category == CATEGORIES.index(category))


def build_products(seed: int, span: Span) -> Products:
    """The product list with unit values for each day of the span."""
    columns = list(zip(*_PRODUCTS, strict=True))
    ids = pa.array(columns[0])
    risks = ["R1", "R2", "R3", "R4", "R5"]
    risk = np.array([risks.index(r) if r else -1 for r in columns[3]], dtype=np.int64)
    rate, margin = (np.array(columns[n], dtype=np.int64) for n in (5, 6))
    term = np.array(columns[4], dtype=np.int64)
    count = len(ids)
    draws = Draws(seed, "products")
    since = span.offset - draws.between(400, 4_000, count)
    category = np.array([CATEGORIES.index(c) for c in columns[2]], dtype=np.int64)
    table = pa.table(
        {
            "product_id": ids,
            "name": pa.array(columns[1]),
            "category": coded(CATEGORIES, category),
            "risk_class": coded(risks, risk),
            "term_days": pa.array(term, pa.int64()),
            "annual_rate": decimals(rate),
            "margin": decimals(margin),
            "on_sale_from": dates(since),
            "on_sale_to": pa.nulls(count, pa.date32()),
            **_terms(columns[0], risk),
        }
    )
    swing = np.array(columns[7], dtype=np.int64)
    value = _unit_values(draws, span, rate, swing)
    history = _handed_over(seed, span, columns[0], rate, swing, value)
    return Products(ids, category, term, rate, risk, value, table, history)


def _terms(ids: tuple[str, ...], risk: Ints) -> dict[str, pa.Array]:
    """Columns of the products' terms; null for what is never advised."""
    rows = [_TERMS.get(each) for each in ids]
    known = np.array([row is not None for row in rows])
    filled = [row or ("", "", 0, 0, 0, 0, 0, 0) for row in rows]
    classes, issuers, *numbers = zip(*filled, strict=True)
    least, step, bought, back, free, locked = (np.array(each, dtype=np.int64) for each in numbers)
    higher = np.array([each in _ISSUER_RATES_HIGHER for each in ids])
    theirs = np.where(known & (risk >= 0), np.minimum(risk + higher, 4), -1)
    names = sorted({each for each in issuers if each})
    place = np.array([names.index(each) if each else -1 for each in issuers])
    kinds = np.array([ASSET_CLASSES.index(each) if each else -1 for each in classes])
    return {
        "asset_class": coded(ASSET_CLASSES, kinds),
        "issuer": coded(names, place),
        "issuer_risk_class": coded(["R1", "R2", "R3", "R4", "R5"], theirs),
        "advised": pa.array(
            known & (kinds != ASSET_CLASSES.index("cash")) | np.isin(ids, ["L0001", "F0001"])
        ),
        "minimum_fen": pa.array(least * 100, mask=~known),
        "increment_fen": pa.array(step * 100, mask=~known),
        "purchase_fee": decimals(bought, known),
        "redemption_fee": decimals(back, known),
        "redemption_free_days": pa.array(free, mask=~known),
        "lock_days": pa.array(locked, mask=~known),
    }


def _handed_over(
    seed: int, span: Span, ids: tuple[str, ...], rate: Ints, swing: Ints, value: Ints
) -> pa.Table:
    """Unit values on working days of the span and of three years before it, of products whose value moves
    and of what only bears interest. The years before go backwards from the first day of the span."""
    draws = Draws(seed, "product history")
    own = draws.between(-1_000, 1_000, 3 * len(ids) * HISTORY).reshape(3, len(ids), HISTORY).sum(axis=0)
    common = draws.between(-1_000, 1_000, 6 * HISTORY).reshape(3, 2, HISTORY).sum(axis=0)
    loading = np.array([_LOADINGS.get(_TERMS[each][0] if each in _TERMS else "", (0, 0)) for each in ids])
    alone = 1_000 - np.abs(loading).sum(axis=1) // 2
    noise = (own * alone[:, None] + loading @ common) // 1_000
    before = np.empty((len(ids), HISTORY), dtype=np.int64)
    now = value[:, 0].copy()
    for back in range(HISTORY):
        moved = 0 if is_quiet(span.date_of(-back)) else swing * noise[:, back] // 1_000
        now = now * 1_000_000 // (1_000_000 + rate // 365 + moved)
        before[:, HISTORY - 1 - back] = now
    whole = np.concatenate([before, value], axis=1)
    days = np.array([day for day in range(-HISTORY, span.days) if not is_quiet(span.date_of(day))])
    rows = np.array([at for at, each in enumerate(ids) if each in _TERMS])
    return pa.table(
        {
            "product_id": coded([ids[row] for row in rows], np.repeat(np.arange(len(rows)), len(days))),
            "date": dates(np.tile(days + span.offset, len(rows))),
            "value": decimals(whole[rows][:, days + HISTORY].ravel()),
        }
    )


def _unit_values(draws: Draws, span: Span, rate: Ints, swing: Ints) -> Ints:
    """A walk with drift rate/365 on natural days and a swing on working days, in millionths."""
    count = len(rate)
    value = np.empty((count, span.days), dtype=np.int64)
    now = UNIT + draws.below(300_000, count) * (swing > 0)
    for day in range(span.days):
        noise = draws.between(-1_000, 1_000, 3 * count).reshape(3, count).sum(axis=0)
        moved = 0 if span.quiet[day] else swing * noise // 1_000
        now = now + (now * (rate // 365 + moved)) // 1_000_000
        value[:, day] = now
    return value


@dataclass(frozen=True, slots=True)
class FxRates:
    """`rate[currency]`: fen-preserving base value of one unit in millionths, by day of the span."""

    rate: dict[str, Ints]
    table: pa.Table


def build_fx_rates(seed: int, span: Span) -> FxRates:
    """A rate for every currency and working day from 30 days before the span; holidays carry the last one."""
    draws = Draws(seed, "fx")
    lead = 30
    series = {}
    for currency, start in _RATES.items():
        noise = draws.between(-1_000, 1_000, 2 * (span.days + lead)).reshape(2, -1).sum(axis=0)
        level = np.empty(span.days + lead, dtype=np.int64)
        now = start
        for day in range(span.days + lead):
            if not is_quiet(span.date_of(day - lead)):
                now = now + now * (_RATE_SWING[currency] * int(noise[day]) // 1_000 - 40) // 1_000_000
            level[day] = now
        series[currency] = level
    working = np.array([not is_quiet(span.date_of(day - lead)) for day in range(span.days + lead)])
    working[0] = True
    days = np.flatnonzero(working)
    names = list(_RATES)
    table = pa.table(
        {
            "currency": coded(names, np.repeat(np.arange(len(names)), len(days))),
            "date": dates(np.tile(days - lead + span.offset, len(names))),
            "rate": decimals(np.concatenate([series[name][days] for name in names])),
        }
    )
    return FxRates({name: level[lead:] for name, level in series.items()}, table)
