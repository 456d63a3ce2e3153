"""A proposal in words: one paragraph in each language, risks first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quanke.kernel.money import format_amount
from quanke.night.wealth_ground import AdviceGround, Asked

_TITLES = {
    "cash": ("活钱", "cash"), "deposit": ("存款", "deposits"), "fixed_income": ("固收", "fixed income"),
    "balanced": ("混合", "balanced"), "equity": ("权益", "equity"), "overseas": ("海外", "overseas"),
    "gold": ("黄金", "gold"), "protection": ("保险", "insurance"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AdviceWords:
    """The paragraph in both languages, and the education item that goes with it (None: none)."""

    zh: str
    en: str
    education: Mapping[str, Any] | None = None


def words_of(
    asked: Asked, ground: AdviceGround, row: Mapping[str, Any], trades: Sequence[Mapping[str, Any]]
) -> AdviceWords:
    """What is proposed to one customer, in words."""
    rows = {each["product"]: each for each in ground.products.table.to_pylist()}
    bought = [rows[each["product"]] for each in trades if each["side"] == "buy"]
    risk = max((each["rating"] for each in bought), default=0)
    zh = [f"风险提示：本次建议涉及的产品风险等级最高为R{risk}，非存款产品可能亏损本金。" if risk > 1 else
          "风险提示：非存款产品净值会波动，过往情况不代表未来。"]  # fmt: skip
    en = [f"Risks first: what is proposed is of up to R{risk}; what is no deposit may lose value." if risk > 1
          else "Risks first: what is no deposit moves in value, and the past does not foretell."]  # fmt: skip
    for each in trades:
        product = rows[each["product"]]
        title = _TITLES.get(product["asset_class"], (product["asset_class"],) * 2)
        days = product["lock_days"] if each["side"] == "buy" else 0
        lock_zh = f"，锁定{days}天" if days else ""
        lock_en = f", locked for {days} days" if days else ""
        verb = ("买入", "buy") if each["side"] == "buy" else ("赎回", "sell")
        amount, fee = format_amount(each["amount"]), format_amount(each["fee"])
        zh.append(f"{verb[0]}{title[0]}类{product['name']}{amount}元，费用{fee}元{lock_zh}。")
        en.append(f"{verb[1]} {amount} yuan of {product['product']} ({title[1]}), fee {fee}{lock_en}.")
    zh.append(f"另留{format_amount(row['keep'])}元活钱备用。")
    en.append(f"{format_amount(row['keep'])} yuan stay at hand.")
    return AdviceWords("".join(zh), " ".join(en))
