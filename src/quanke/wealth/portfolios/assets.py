"""Asset classes of a Chinese retail bank, and limits on their shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from quanke.kernel.errors import PortfolioError

RISK_CLASSES = (1, 2, 3, 4, 5)
"""Classes of customers, C1 to C5; a product of R1 to R5 suits its own class and those above (SUI-1)."""
MOST = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Something a model portfolio holds a share of: an asset class, or one product of it.

    `risk` 1..5: classes below it hold none of it (SUI-1). `risk_free`: counts to the part that falls from
    class to class. `at_most`: its own cap; `buy_cost` and `sell_cost`: ppm of what is bought or sold;
    `reference`: its part in the market portfolio that equilibrium means are read from.
    """

    name: str
    risk: int
    title_zh: str = ""
    title_en: str = ""
    asset_class: str = ""
    issuer: str = ""
    risk_free: bool = False
    at_most: float = MOST
    buy_cost: int = 0
    sell_cost: int = 0
    reference: float = 1.0

    def __post_init__(self) -> None:
        if self.risk not in RISK_CLASSES:
            raise PortfolioError(f"asset {self.name!r}: risk is 1 to 5")
        if not 0 <= self.at_most <= 1 or self.reference < 0 or min(self.buy_cost, self.sell_cost) < 0:
            raise PortfolioError(
                f"asset {self.name!r}: at_most is a share, and neither costs nor reference are below 0"
            )


@dataclass(frozen=True, slots=True)
class ShareLimit:
    """A limit on what some assets hold together, for some risk classes: shares of the portfolio, 0 to 1."""

    name: str
    assets: tuple[str, ...]
    at_least: float = 0.0
    at_most: float = MOST
    only: tuple[int, ...] = RISK_CLASSES

    def __post_init__(self) -> None:
        # a minimum above the maximum is a contradiction, and told as one with its way out
        if not (0 <= self.at_least <= 1 and 0 <= self.at_most <= 1):
            raise PortfolioError(f"limit {self.name!r}: at_least and at_most are shares, 0 to 1")
        if not self.assets or not set(self.only) <= set(RISK_CLASSES):
            raise PortfolioError(f"limit {self.name!r}: it needs assets, and risk classes 1 to 5")


def caps_by(assets: Sequence[Asset], what: str, caps: Mapping[str, float] | float) -> tuple[ShareLimit, ...]:
    """Caps per `issuer`, per `asset_class` or per `name` (product): one for all, or by its value."""
    if what not in ("issuer", "asset_class", "name"):
        raise PortfolioError("caps are by issuer, asset_class or name")
    groups: dict[str, list[str]] = {}
    for asset in assets:
        if value := getattr(asset, what):
            groups.setdefault(value, []).append(asset.name)
    found = []
    for value, names in groups.items():
        cap = caps.get(value) if isinstance(caps, Mapping) else caps
        if cap is not None:
            found.append(ShareLimit(f"{what} {value}", tuple(names), at_most=cap))
    return tuple(found)


STANDARD_ASSETS = (
    Asset(
        name="cash", title_zh="现金及货币类", title_en="Cash and money market",
        risk=1, risk_free=True, reference=0.15,
    ),
    Asset(
        name="deposit", title_zh="定期存款", title_en="Term deposits",
        risk=1, risk_free=True, reference=0.35,
    ),
    Asset(
        name="fixed_income", title_zh="固定收益类", title_en="Fixed income",
        risk=2, buy_cost=1_000, sell_cost=500, reference=0.22,
    ),
    Asset(
        name="balanced", title_zh="混合类", title_en="Balanced",
        risk=3, buy_cost=8_000, sell_cost=2_500, reference=0.06,
    ),
    Asset(
        name="equity", title_zh="权益类", title_en="Equity",
        risk=4, buy_cost=10_000, sell_cost=5_000, reference=0.06,
    ),
    Asset(
        name="overseas", title_zh="海外类", title_en="Overseas",
        risk=4, buy_cost=12_000, sell_cost=5_000, reference=0.03,
    ),
    Asset(
        name="gold", title_zh="黄金", title_en="Gold",
        risk=3, buy_cost=5_000, sell_cost=5_000, reference=0.03,
    ),
    Asset(
        name="protection", title_zh="储蓄型保险", title_en="Insurance with savings",
        risk=2, sell_cost=20_000, reference=0.10,
    ),
)  # fmt: skip
"""The contracts' asset classes with usual risk and costs [assume], in the contracts' order."""


def _by_class(name: str, assets: tuple[str, ...], most: Sequence[float]) -> tuple[ShareLimit, ...]:
    return tuple(
        ShareLimit(f"{name} of C{k}", assets, at_most=cap, only=(k,))
        for k, cap in zip(RISK_CLASSES, most, strict=True)
        if cap < 1
    )


STANDARD_LIMITS = (
    ShareLimit("cash kept", ("cash",), at_least=0.05),
    ShareLimit("protection", ("protection",), at_most=0.15),
    ShareLimit("gold", ("gold",), at_most=0.10),
    ShareLimit("overseas", ("overseas",), at_most=0.20),
    ShareLimit("balanced", ("balanced",), at_most=0.25),
    *_by_class("equity", ("equity",), (1, 1, 1, 0.30, 0.50)),
    *_by_class("free of risk", ("cash", "deposit"), (1, 0.80, 0.60, 0.40, 0.25)),
    *(
        ShareLimit(f"kept free of risk by C{k}", ("cash", "deposit"), at_least=least, only=(k,))
        for k, least in zip((2, 3, 4), (0.30, 0.20, 0.10), strict=True)
    ),
    *_by_class("equity and overseas", ("equity", "overseas"), (0, 0, 0, 0.40, 0.70)),
    *_by_class("what moves", ("balanced", "gold", "equity", "overseas"), (0, 0.0, 0.35, 0.65, 0.90)),
)
"""Caps and minima by risk class [assume]; a bank writes its own."""

_BY_CATEGORY = {
    "demand": "cash",
    "wallet": "cash",
    "term": "deposit",
    "bond": "fixed_income",
    "insurance": "protection",
    "metal": "gold",
}
_BY_RISK = {1: "cash", 2: "fixed_income", 3: "balanced", 4: "equity", 5: "equity"}


def asset_class_of(category: str, risk: int | None, name: str = "") -> str | None:
    """The standard asset class of a product by its category and risk (funds and wealth products; overseas by
    the letters QDII in the name); None for what is no asset, or whose risk is unknown."""
    if category in _BY_CATEGORY:
        return _BY_CATEGORY[category]
    if category not in ("wealth", "fund") or risk not in _BY_RISK:
        return None
    return "overseas" if "QDII" in name.upper() and risk >= 3 else _BY_RISK[risk]


def with_risk(assets: Sequence[Asset], risk: Mapping[str, int]) -> tuple[Asset, ...]:
    """The same with other risk classes, by name: of an asset class, the lowest of its products on sale."""
    return tuple(replace(a, risk=risk.get(a.name, a.risk)) for a in assets)


def limits_on(limits: Sequence[ShareLimit], assets: Sequence[Asset]) -> tuple[ShareLimit, ...]:
    """The limits as far as they name assets there are; those that name none are left out."""
    names = {a.name for a in assets}
    some = [
        replace(x, assets=tuple(n for n in x.assets if n in names)) for x in limits if names & {*x.assets}
    ]
    return tuple(some)
