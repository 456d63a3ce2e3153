"""What is proposed to a customer, in words: one plain paragraph in each language, risks first.

No word promises anything: texts are looked through by `quanke.wealth.suitability.promises_in`, and a
product's name that itself promises is replaced by its number. The cap of deposit insurance stands in a
sentence of its own, to be shown beside deposits only (INT-3).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from quanke.kernel.money import format_amount
from quanke.wealth.suitability import promises_in
from quanke.wealth.trades.codes import Remains
from quanke.wealth.trades.education import EducationItem, education_for

TITLES = {
    "cash": ("活钱", "cash"),
    "deposit": ("定期存款", "term deposits"),
    "fixed_income": ("固定收益类", "fixed income"),
    "balanced": ("混合类", "balanced products"),
    "equity": ("权益类", "shares"),
    "overseas": ("海外资产", "overseas assets"),
    "gold": ("黄金", "gold"),
    "protection": ("保险", "insurance"),
    "insurance": ("保险", "insurance"),
}
_INSURANCE = frozenset(["insurance", "protection"])
_ALWAYS = 50
"""A fee that is due for so many years is always due."""
_RISKS = {
    1: ("净值仍可能有小幅波动", "values may still move a little"),
    2: ("净值会波动，短期内可能出现亏损", "values move and can show a loss for a while"),
    3: ("可能出现较大波动并损失部分本金", "swings can be wide and part of what is put in can be lost"),
    4: ("波动大，可能损失较多本金", "swings are large and much of what is put in can be lost"),
    5: ("波动很大，可能损失大部分本金", "swings are very large and most of what is put in can be lost"),
}


@dataclass(frozen=True, slots=True)
class ClassStanding:
    """An asset class of a customer: fen held, its share now and in the model, in millionths."""

    asset_class: str
    value: int
    share: int
    model: int


@dataclass(frozen=True, slots=True)
class TradeTold:
    """A trade as it is told: `buys` or sells, product, amount and fee in fen, risk class 1..5, days a
    purchase is locked (0: not), the day its money is there (None: now), whether it is an insured deposit;
    `exit_ppm` of what is taken out is kept back within `exit_days` of the purchase (0 ppm: nothing)."""

    buys: bool
    product: str
    name: str
    asset_class: str
    amount: int
    fee: int
    risk: int
    lock_days: int = 0
    on: dt.date | None = None
    deposit: bool = False
    exit_days: int = 0
    exit_ppm: int = 0


@dataclass(frozen=True, slots=True)
class AdviceFacts:
    """What a paragraph is made from: classes, trades, cash to keep in fen, what falls due ((day, fen), ...),
    what is held that no longer suits (fen), how the customer is left, deposits with the bank after the trades
    (principal and interest, fen; None: not known), the insured amount of the day (fen; 0: none), and what
    cash is now short of what is to be kept (fen)."""

    classes: Sequence[ClassStanding]
    trades: Sequence[TradeTold]
    keep: int
    due: Sequence[tuple[dt.date, int]] = ()
    unsuitable: int = 0
    remains: Remains = Remains.REACHED
    deposits: int | None = None
    insured: int = 0
    short: int = 0


@dataclass(frozen=True, slots=True)
class TradeWords:
    """The paragraph, the sentence that stands beside deposits only ("" where there are none), and the
    education item that goes with it (None where there is none)."""

    zh: str
    en: str
    deposit_zh: str
    deposit_en: str
    education: EducationItem | None


def trade_words(facts: AdviceFacts, items: Sequence[EducationItem] | None = None) -> TradeWords:
    """A proposal in words."""
    zh, en = ["风险提示："], ["Risks first:"]
    for part in (_risk(facts), _standing(facts), _trades(facts), _cash(facts), _left(facts)):
        zh += [each for each, _ in part]
        en += [each for _, each in part]
    zh.append("以上为建议，不构成任何承诺，买卖由您决定。")
    en.append("This is a suggestion and no promise of any kind; you decide.")
    deposit = _deposits(facts)
    return TradeWords("".join(zh), " ".join(en), *deposit, education_for(_topics(facts), items))


def _yuan(fen: int) -> str:
    text = format_amount(fen)
    return text.removesuffix(".00")


def _title(asset_class: str) -> tuple[str, str]:
    return TITLES.get(asset_class, (asset_class, asset_class))


def _named(trade: TradeTold) -> str:
    return trade.product if promises_in(trade.name) or not trade.name else trade.name


def _risk(facts: AdviceFacts) -> list[tuple[str, str]]:
    bought = [t for t in facts.trades if t.buys and not t.deposit]
    found = []
    if bought:
        risk = max(t.risk for t in bought)
        zh, en = _RISKS[risk]
        found.append(
            (
                f"拟买入产品最高风险等级为R{risk}，{zh}；过往表现不代表未来。",
                f"what would be bought is of up to R{risk}: {en}; the past says nothing of the future.",
            )
        )
    else:
        found.append(
            (
                "投资有风险，产品净值会变化，过往表现不代表未来。",
                "investments carry risk, values change, and the past says nothing of the future.",
            )
        )
    locked = max((t.lock_days for t in bought), default=0)
    if locked:
        found.append(
            (
                f"其中有产品最长{locked}天内不能取出。",
                f"Some of it cannot be taken out for up to {locked} days.",
            )
        )
    return found + [_exit_told(each) for each in facts.trades if each.buys and each.exit_ppm]


def _exit_told(trade: TradeTold) -> tuple[str, str]:
    """What leaving a product early costs, as a sentence."""
    zh, en = _exit(trade)
    return f"其中“{_named(trade)}”{zh}。", f"Of {_named(trade)}: {en}."


def _exit(trade: TradeTold) -> tuple[str, str]:
    share = f"{trade.exit_ppm / 10_000:g}"
    years, rest = divmod(trade.exit_days, 365)
    within_zh, within_en = f"{trade.exit_days}天内", f" within {trade.exit_days} days"
    if years and not rest:
        within_zh, within_en = f"{years}年内", f" within {years} year{'s' if years > 1 else ''}"
    out = _out(trade)
    if not trade.exit_days or years >= _ALWAYS:
        within_zh = within_en = ""
        out = out[0], out[1].removeprefix("early ")
    return f"{within_zh}{out[0]}最多扣{share}%", f"{out[1]}{within_en} costs up to {share} %"


def _out(trade: TradeTold) -> tuple[str, str]:
    """How leaving a product is called."""
    insurance = trade.asset_class in _INSURANCE
    return ("退保", "early surrender") if insurance else ("赎回", "early redemption")


def _fees(trade: TradeTold) -> tuple[str, str]:
    """What a trade costs now and later. Nothing is called free that costs something to leave."""
    zh = [f"费用{_yuan(trade.fee)}元"] if trade.fee else []
    en = [f"fee {_yuan(trade.fee)} yuan"] if trade.fee else []
    if trade.buys and trade.exit_ppm:
        zh.append(_exit(trade)[0])
        en.append(_exit(trade)[1])
    if not zh and not trade.exit_ppm:
        return "，无申赎费用", ", no fee"
    return "".join(f"，{each}" for each in zh), "".join(f", {each}" for each in en)


def _standing(facts: AdviceFacts) -> list[tuple[str, str]]:
    def told(rows: list[ClassStanding], zh: str, en: str) -> list[tuple[str, str]]:
        if not rows:
            return []
        parts_zh = "、".join(
            f"{_title(c.asset_class)[0]}占{c.share / 10_000:.0f}%（参考{c.model / 10_000:.0f}%）"
            for c in rows
        )
        parts_en = ", ".join(
            f"{_title(c.asset_class)[1]} {c.share / 10_000:.0f}% (model {c.model / 10_000:.0f}%)"
            for c in rows
        )
        return [(f"{zh}{parts_zh}。", f"{en} {parts_en}.")]

    if not any(c.share for c in facts.classes):
        return []  # nothing is invested, so that no share says anything
    far = sorted(facts.classes, key=lambda c: -abs(c.share - c.model))[:3]
    over = [c for c in far if c.share - c.model >= 10_000]
    under = [c for c in far if c.model - c.share >= 10_000]
    return told(over, "与参考组合相比，偏多的有", "Beside the model there is more of") + told(
        under, "偏少的有", "There is less of"
    )


def _trades(facts: AdviceFacts) -> list[tuple[str, str]]:
    if not facts.trades:
        return [("本次不建议买卖。", "No trades are suggested.")]
    found = []
    for number, trade in enumerate(facts.trades, start=1):
        title = _title(trade.asset_class)
        fee_zh, fee_en = _fees(trade)
        out = "支取" if trade.deposit else _out(trade)[0]
        lock_zh = f"，买后{trade.lock_days}天内不能{out}" if trade.buys and trade.lock_days else ""
        lock_en = f", locked for {trade.lock_days} days" if trade.buys and trade.lock_days else ""
        when_zh = f"，待{trade.on:%Y-%m-%d}资金到期后办理" if trade.on else ""
        when_en = f", once money falls due on {trade.on:%Y-%m-%d}" if trade.on else ""
        verb = ("存入" if trade.deposit else "买入", "buy") if trade.buys else (out, "sell")
        found.append(
            (
                f"（{number}）{verb[0]}{title[0]}“{_named(trade)}”{_yuan(trade.amount)}元"
                f"{fee_zh}{lock_zh}{when_zh}。",
                f"({number}) {verb[1]} {_yuan(trade.amount)} yuan of {_named(trade)} ({title[1]})"
                f"{fee_en}{lock_en}{when_en}.",
            )
        )
    return found


def _cash(facts: AdviceFacts) -> list[tuple[str, str]]:
    found = [
        (f"到{day:%Y-%m-%d}有{_yuan(fen)}元到期。", f"{_yuan(fen)} yuan fall due on {day:%Y-%m-%d}.")
        for day, fen in sorted(facts.due)
    ]
    if facts.short:
        found.append(
            (
                f"目前活钱比日常和近期支出所需的{_yuan(facts.keep)}元少{_yuan(facts.short)}元。",
                f"Cash is now {_yuan(facts.short)} yuan short of the {_yuan(facts.keep)} yuan needed for "
                "daily life and what is known to come.",
            )
        )
        return found
    found.append(
        (
            f"日常和近期支出所需的{_yuan(facts.keep)}元留作活钱。",
            f"{_yuan(facts.keep)} yuan stay in cash for daily life and what is known to come.",
        )
    )
    return found


def _left(facts: AdviceFacts) -> list[tuple[str, str]]:
    found = []
    if facts.unsuitable:
        found.append(
            (
                f"另有{_yuan(facts.unsuitable)}元持仓的风险等级已高于您的测评结果，请留意，不再追加。",
                f"{_yuan(facts.unsuitable)} yuan are in products that no longer suit your assessment: "
                "mind them; nothing is added there.",
            )
        )
    if facts.remains not in (Remains.INSIDE, Remains.REACHED):
        found.append(
            (f"未能完全到位：{facts.remains.zh}。", f"Not all of the way is gone: {facts.remains.en}.")
        )
    return found


def _deposits(facts: AdviceFacts) -> tuple[str, str]:
    """The cap of deposit insurance, where a deposit is proposed."""
    if not facts.insured or not any(t.buys and t.deposit for t in facts.trades):
        return "", ""
    cap = _yuan(facts.insured)
    zh = f"存款保险对同一存款人在同一家银行的存款本息合计最高偿付{cap}元"
    en = f"deposit insurance pays one depositor at one bank up to {cap} yuan, principal and interest together"
    if facts.deposits is not None and facts.deposits > facts.insured:
        zh += f"，您在本行的存款将超过这一限额{_yuan(facts.deposits - facts.insured)}元"
        en += f"; your deposits here would be {_yuan(facts.deposits - facts.insured)} yuan above it"
    return f"{zh}。", f"{en[0].upper()}{en[1:]}."


def _topics(facts: AdviceFacts) -> list[str]:
    """What the customer should read about: the riskiest purchase, else the class furthest from the model."""
    bought = sorted((t for t in facts.trades if t.buys), key=lambda t: -t.risk)
    topics = []
    if bought:
        topics += ["R5"] if bought[0].risk == 5 else []
        topics += [bought[0].asset_class, f"R{bought[0].risk}"]
    topics += ["fees"] if any(not t.buys and t.fee for t in facts.trades) else []
    topics += [c.asset_class for c in sorted(facts.classes, key=lambda c: -abs(c.share - c.model))[:1]]
    return [*topics, "rebalance"]
