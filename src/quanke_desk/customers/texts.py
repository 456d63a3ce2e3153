"""Texts customers agree to, by version; what a customer was shown is proven by the digest of its text.

A changed text is a new version: who agreed to the old one is asked again where purpose, means or classes of
data change (personal information protection law, article 14). A bank puts its own texts here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from quanke_desk.customers.models import ConsentPurpose


@dataclass(frozen=True)
class ConsentText:
    """One version of the text for a purpose, in both languages; the Chinese one is agreed to."""

    purpose: str
    version: str
    zh: str
    en: str

    @property
    def digest(self) -> str:
        """SHA-256 of purpose, version and Chinese text, as 64 hex digits."""
        return hashlib.sha256(f"{self.purpose}\n{self.version}\n{self.zh}".encode()).hexdigest()


TEXTS: dict[str, ConsentText] = {
    t.purpose: t
    for t in (
        ConsentText(
            ConsentPurpose.MARKETING, "2026-01",
            "我同意本行以所选方式向我介绍产品和活动。我可以随时以同样便利的方式撤回，撤回不影响本行为我办理业务。",
            "I agree that the bank tells me of products and events by the means chosen. I can withdraw at any time, as easily; it does not affect the services I am given.",  # noqa: E501
        ),
        ConsentText(
            ConsentPurpose.PROFILING, "2026-01",
            "我同意本行依据我在本行的账户、交易和渠道使用情况生成客户标签和评分，用于个性化服务和推荐。不使用征信数据。我可以随时拒绝，拒绝后不再生成评分，仍可获得非个性化的服务。",
            "I agree that the bank makes tags and scores from my accounts, transactions and use of channels, for personal service and suggestions. No bureau data is used. I can refuse at any time; no score is made then, and services that are not personal stay.",  # noqa: E501
        ),
        ConsentText(
            ConsentPurpose.ADVICE, "2026-01",
            "我同意本行依据我的风险测评结果和在本行的持有情况向我提供资产配置建议。建议不构成收益承诺，是否采纳由我决定。",
            "I agree that the bank gives me investment advice from my risk assessment and what I hold here. Advice promises no return; I decide.",  # noqa: E501
        ),
        ConsentText(
            ConsentPurpose.SHARING, "2026-01",
            "我单独同意本行向所列接收方提供我的姓名和客户关系信息，用于所列目的。接收方的名称、联系方式、处理目的和方式、信息种类已向我告知。",
            "I separately agree that the bank gives my name and the fact that I am a customer to the recipient named, for the purpose named. I was told the recipient, how to reach it, purpose, means and kinds of data.",  # noqa: E501
        ),
    )
}  # fmt: skip
