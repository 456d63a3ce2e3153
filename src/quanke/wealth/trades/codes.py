"""What a trade is for, and why somebody's portfolio stays outside the band: codes with their words."""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """Direction of a trade, seen from the customer."""

    SELL = -1
    BUY = 1


class TradeReason(IntEnum):
    """What a trade is for."""

    OVER = 1
    FUNDS = 2
    RESERVE = 3
    LIQUID = 4
    UNDER = 5
    SPARE = 6

    @property
    def zh(self) -> str:
        """The reason in Chinese."""
        return _WORDS[self][0]

    @property
    def en(self) -> str:
        """The reason in English."""
        return _WORDS[self][1]


_WORDS = {
    TradeReason.OVER: ("该类资产高于配置区间", "more of this class than the band allows"),
    TradeReason.FUNDS: ("为补足不足的类别筹资", "pays for what is lacking elsewhere"),
    TradeReason.RESERVE: ("补足应留的活钱", "brings back the cash that should be kept"),
    TradeReason.LIQUID: ("现金管理类转为可用资金", "turns near-cash into money that can be spent"),
    TradeReason.UNDER: ("该类资产低于配置区间", "less of this class than the band asks for"),
    TradeReason.SPARE: ("闲置资金高于配置区间", "more idle cash than the band allows"),
}


class Remains(IntEnum):
    """How a proposal left a customer, and where he is still outside the band, the first reason why."""

    INSIDE = 0
    REACHED = 1
    SMALL = 2
    LOCKED = 3
    NOTHING_SUITABLE = 4
    CAPS = 5
    LOTS = 6
    FEES = 7
    QUIET = 8
    NO_CLASS = 9
    NOTHING_TO_INVEST = 10

    @property
    def zh(self) -> str:
        """The state in Chinese."""
        return _REMAINS[self][0]

    @property
    def en(self) -> str:
        """The state in English."""
        return _REMAINS[self][1]


_REMAINS = {
    Remains.INSIDE: ("已在区间内，无须调整", "within the band: nothing to do"),
    Remains.REACHED: ("按建议调整后进入区间", "within the band after the trades"),
    Remains.SMALL: ("余下偏离很小，不值得再交易", "what lies outside is too small to trade for"),
    Remains.LOCKED: ("部分资产在锁定期或封闭期内", "some holdings cannot be sold yet"),
    Remains.NOTHING_SUITABLE: ("该类别无适当的在售产品", "nothing suitable of a class is on sale"),
    Remains.CAPS: ("受单品、单一发行人或新增存款限额约束", "limits per product, issuer or of new deposits"),
    Remains.LOTS: ("起购金额或递增单位所限", "minimum purchases and lots are too large"),
    Remains.FEES: ("费用预算所限", "the budget for fees is used up"),
    Remains.QUIET: ("近期刚做过反向交易，静默期内不折返", "traded the other way lately: left in peace"),
    Remains.NO_CLASS: ("无有效风险测评", "no valid risk assessment"),
    Remains.NOTHING_TO_INVEST: ("资金均应留作日常与近期支出", "all of it is needed as cash"),
}
