"""Forms of movements: everything about a movement that does not differ from row to row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quanke.bank.contracts import TRANSACTION_KINDS

CHANNELS = ("counter", "atm", "mobile", "web", "pos", "third_party", "batch")
BANKS = (
    "own", "CCB", "ABC", "BOC", "CMB", "BOCOM", "PSBC", "PAB", "CITIC", "SPDB", "WEBANK", "ALIPAY", "TENPAY",
    "OVERSEAS",
)  # fmt: skip
"""Codes of counterparty banks; `own` is this bank."""


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of movement. `own_name`: yes, no, or unknown where nobody stands on the other side."""

    name: str
    kind: str
    channel: str
    initiated: bool
    own_name: bool | None = None
    memo: str = ""
    merchant_code: str = ""


FORMS = (
    Form("salary", "salary", "batch", False, False, "工资"),
    Form("bonus", "salary", "batch", False, False, "年终奖"),
    Form("payroll_out", "transfer", "batch", True, False, "代发工资"),
    Form("pension", "pension", "batch", False, False, "养老金"),
    Form("in_own", "transfer", "mobile", True, True, "转账"),
    Form("out_own", "transfer", "mobile", True, True, "转账"),
    Form("in_other", "transfer", "mobile", False, False, "转账"),
    Form("out_other", "transfer", "mobile", True, False, "转账"),
    Form("out_counter", "transfer", "counter", True, True, "汇款"),
    Form("between_own", "transfer", "mobile", True, True, "本人账户互转"),
    Form("cash_in", "cash", "counter", True, None, "现金存入"),
    Form("cash_out", "cash", "counter", True, None, "现金支取"),
    Form("atm_out", "cash", "atm", True, None, "ATM取款"),
    Form("third_out", "third_party_payment", "third_party", True, False, "快捷支付"),
    Form("third_in", "third_party_payment", "third_party", False, False, "收款结算"),
    Form("red_packet", "third_party_payment", "third_party", True, False, "红包"),
    Form("pos_food", "card_payment", "pos", True, False, "消费", "5812"),
    Form("pos_shop", "card_payment", "pos", True, False, "消费", "5411"),
    Form("pos_fuel", "card_payment", "pos", True, False, "消费", "5541"),
    Form("pos_health", "card_payment", "pos", True, False, "消费", "8062"),
    Form("pos_baby", "card_payment", "pos", True, False, "消费", "5641"),
    Form("pos_travel", "card_payment", "pos", True, False, "消费", "4722"),
    Form("card_online", "card_payment", "third_party", True, False, "网上消费", "5999"),
    Form("utilities", "utilities", "batch", False, False, "水电燃气费"),
    Form("tax", "tax", "mobile", True, False, "个人所得税"),
    Form("interest", "interest", "batch", False, None, "结息"),
    Form("closing", "transfer", "counter", True, True, "销户"),
    Form("first_cash", "cash", "counter", True, None, "开户存入"),
    Form("first_transfer", "transfer", "mobile", True, True, "开户转入"),
    Form("term_open_out", "term_open", "mobile", True, True, "定期存入"),
    Form("term_open_in", "term_open", "mobile", True, True, "定期存入"),
    Form("term_interest", "interest", "batch", False, None, "定期利息"),
    Form("term_out", "term_mature", "batch", False, True, "定期到期"),
    Form("term_in", "term_mature", "batch", False, True, "定期到期"),
    Form("term_broken_out", "term_mature", "mobile", True, True, "定期提前支取"),
    Form("term_broken_in", "term_mature", "mobile", True, True, "定期提前支取"),
    Form("buy_out", "wealth_purchase", "mobile", True, True, "购买产品"),
    Form("buy_in", "wealth_purchase", "mobile", True, True, "购买产品"),
    Form("redeem_out", "wealth_redemption", "mobile", True, True, "赎回"),
    Form("redeem_in", "wealth_redemption", "mobile", True, True, "赎回"),
    Form("premium_out", "insurance_premium", "batch", False, True, "保险费"),
    Form("premium_in", "insurance_premium", "batch", False, True, "保险费"),
    Form("card_repay_out", "card_repayment", "batch", False, True, "信用卡自动还款"),
    Form("card_repay_in", "card_repayment", "batch", False, True, "信用卡自动还款"),
    Form("card_repay_other", "card_repayment", "third_party", True, True, "他行还款"),
    Form("loan_interest", "interest", "batch", False, None, "贷款利息"),
    Form("loan_repay_out", "loan_repayment", "batch", False, True, "贷款扣款"),
    Form("loan_repay_in", "loan_repayment", "batch", False, True, "贷款扣款"),
    Form("drawdown_out", "loan_drawdown", "counter", True, True, "贷款发放"),
    Form("drawdown_in", "loan_drawdown", "counter", False, True, "贷款发放"),
    Form("house", "house_purchase", "counter", True, False, "购房款"),
    Form("tuition", "tuition", "batch", True, False, "学费"),
    Form("etc", "etc_toll", "batch", False, False, "ETC通行费"),
    Form("escrow_out", "escrow", "counter", True, True, "转入监管账户"),
    Form("escrow_in", "escrow", "counter", True, True, "转入监管账户"),
    Form("release_out", "escrow", "batch", False, True, "监管资金释放"),
    Form("release_in", "escrow", "batch", False, True, "监管资金释放"),
    Form("fx_buy_out", "fx_purchase", "mobile", True, True, "购汇"),
    Form("fx_buy_in", "fx_purchase", "mobile", True, True, "购汇"),
    Form("fx_sell_out", "fx_settlement", "mobile", True, True, "结汇"),
    Form("fx_sell_in", "fx_settlement", "mobile", True, True, "结汇"),
    Form("abroad_out", "overseas_payment", "mobile", True, False, "境外汇款"),
    Form("abroad_in", "transfer", "batch", False, False, "境外汇入"),
    Form("fx_cash_out", "cash", "counter", True, None, "外币取现"),
    Form("refund", "refund", "third_party", False, False, "退款"),
    Form("business_in", "transfer", "web", False, False, "货款"),
    Form("business_out", "transfer", "web", True, False, "货款"),
)  # fmt: skip

FORM = {form.name: number for number, form in enumerate(FORMS)}
"""Number of a form by its name."""

KIND_OF = np.array([TRANSACTION_KINDS.index(form.kind) for form in FORMS], dtype=np.int32)
CHANNEL_OF = np.array([CHANNELS.index(form.channel) for form in FORMS], dtype=np.int32)
INITIATED_OF = np.array([form.initiated for form in FORMS])
OWN_NAME_OF = np.array(
    [-1 if form.own_name is None else int(form.own_name) for form in FORMS], dtype=np.int32
)
MEMOS = tuple(dict.fromkeys(form.memo for form in FORMS))
MEMO_OF = np.array([MEMOS.index(form.memo) for form in FORMS], dtype=np.int32)
MERCHANT_CODES = tuple(dict.fromkeys(form.merchant_code for form in FORMS if form.merchant_code))
MERCHANT_OF = np.array(
    [MERCHANT_CODES.index(form.merchant_code) if form.merchant_code else -1 for form in FORMS], dtype=np.int32
)
