"""What a campaign is measured by, one value per customer, written in the language.

Each outcome is a tag as of the window's last day, beside the tag as of the day before the first contact that
it is compared with (its covariate): the same tag where the same length of time lies before as well. What is
asked of past days is what was known then (`quanke.plans.scores.honest`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from quanke.bank.contracts import CATEGORIES, Purpose
from quanke.customers.tags.conditions import ASSETS
from quanke.customers.tags.products import CATEGORY_TITLES, HOLDS
from quanke.kernel.errors import EffectError
from quanke.language import (
    Catalogue,
    Definition,
    Expression,
    Tag,
    as_of,
    count,
    daily_mean,
    days,
    facts,
    level,
    some,
    when,
)
from quanke.language.nodes import Aggregate, Call, Literal, Node, Reduce, Reference, type_of, walk
from quanke.language.types import CUSTOMERS, INTEGER, Kind
from quanke.plans.scores.honest import leaks
from quanke.plans.scores.targets import left

AUM = "aum_mean"
CONVERTED = "converted"
STANDARD = (AUM, "aum_end", "bought", "login", "kept", CONVERTED)
"""Names of the outcomes every campaign has. Of each more is better."""
_balance = facts.balances.balance
_UNITS = {Kind.MONEY: "fen", Kind.BOOLEAN: "people", Kind.RATE: "rate"}
_WHOLE = "effect_whole"
_HARMLESS = frozenset({"customers.", "customers.deceased"})
"""What is read as it is today and yet spoils no comparison of arms: customers are counted whatever the day,
and no campaign changes who has died."""
_MARKETED = ("call", "sms", "wecom", "push", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One measure. `value`: the tag on the last day; `before`: the tag on the day before the first contact
    that takes chance out of it, None for none; `below`: the denominator of a ratio. `unit`: fen, people, rate
    or "". `money`: whether what moved inside the family and the branch is taken off it."""

    name: str
    title_zh: str
    title_en: str
    value: Tag
    before: Tag | None
    unit: str
    below: Tag | None = None
    money: bool = False

    @property
    def after_names(self) -> tuple[str, ...]:
        """Names asked for as of the last day."""
        return (self.value.name,) if self.below is None else (self.value.name, self.below.name)


def _tag(name: str, zh: str, en: str, value: Expression) -> Tag:
    return Tag(name=name, title_zh=zh, title_en=en, value=value, purpose=Purpose.STATISTICS)


def _assets(window: int) -> tuple[Outcome, ...]:
    mean = _tag(
        "effect_aum_mean", "窗口AUM日均", "AUM, daily mean of the window",
        daily_mean(_balance).where(ASSETS).within(days(window)),
    )  # fmt: skip
    end = _tag("effect_aum_end", "期末AUM", "AUM on the last day", level(_balance).where(ASSETS))
    return (
        Outcome(
            name=AUM, title_zh="AUM日均", title_en="AUM, daily mean", value=mean, before=mean, unit="fen",
            money=True,
        ),
        Outcome(
            name="aum_end", title_zh="期末AUM", title_en="AUM on the last day", value=end, before=end,
            unit="fen", money=True,
        ),
    )  # fmt: skip


def _bought(window: int, category: str) -> Outcome:
    accounts = facts.accounts
    named = accounts.category == category if category else accounts.category != "demand"
    zh, en = CATEGORY_TITLES.get(category, ("产品", "any product but demand deposits"))
    value = _tag(
        "effect_bought", f"购买{zh}", f"Bought: {en}", count(accounts).where(named).within(days(window)) > 0
    )
    # who holds it already, or bought lately, buys more or less often: that is known before
    held = (
        HOLDS[category].otherwise(False) if category else count(accounts).where(named).within(days(365)) > 0
    )
    before = _tag("effect_held", f"原已持有{zh}", f"Held before: {en}", Expression(held.node))
    return Outcome(
        name="bought",
        title_zh=value.title_zh,
        title_en=value.title_en,
        value=value,
        before=before,
        unit="people",
    )


def _login(window: int) -> Outcome:
    did = facts.channel_events.kind == "login"
    value = _tag("effect_login", "登录", "Logged in", some(did).within(days(window)))
    return Outcome(
        name="login", title_zh="登录", title_en="Logged in", value=value, before=value, unit="people"
    )


def _kept(last: dt.date) -> Outcome:
    """Attrition of the KPI table, turned round: not closed, AUM not fallen as far as leaving means."""
    leaving = left(last)
    value = _tag("effect_kept", "留存", "Kept: neither left nor emptied", ~Expression(leaving.expression))
    trend = _tag("effect_aum_before", "期初AUM", "AUM before", level(_balance).where(ASSETS))
    return Outcome(name="kept", title_zh="留存", title_en="Kept", value=value, before=trend, unit="people")


def _converted(campaign: str) -> Outcome:
    pushes = facts.pushes
    value = _tag(
        "effect_converted", "转化", "Converted",
        some((pushes.campaign == campaign) & (pushes.converted_on <= as_of())),
    )  # fmt: skip
    return Outcome(
        name=CONVERTED, title_zh="推送转化", title_en="Converted, as pushes tell", value=value, before=None,
        unit="people",
    )  # fmt: skip


def standard_outcomes(campaign: str, window: int, last: dt.date, category: str = "") -> dict[str, Outcome]:
    """The outcomes every campaign has, by name, the first one first.

    `window`: days of it. `last`: its last day. `category`: of the product offered, "" for any but demand.
    Raises EffectError for a category nobody knows.
    """
    if category and category not in CATEGORIES:
        raise EffectError(f"there is no product category of that name: {', '.join(CATEGORIES)}")
    found = (
        *_assets(window), _bought(window, category), _login(window), _kept(last), _converted(campaign)
    )  # fmt: skip
    return {each.name: each for each in found}


def contacted(campaign: str, window: int, means: Sequence[str] = ()) -> tuple[Tag, Tag]:
    """Counts that tell of spoiled controls: contacts of the bank by the campaign's means (by any a campaign
    uses, where they are unknown), and pushes of other campaigns, within the window."""
    contacts, pushes = facts.contacts, facts.pushes
    return (
        _tag(
            "effect_contacts", "窗口内接触次数", "Contacts in the window",
            count(contacts).where(contacts.means.one_of(*(means or _MARKETED))).within(days(window)),
        ),
        _tag(
            "effect_other_pushes", "窗口内其他活动推送", "Pushes of other campaigns in the window",
            count(pushes)
            .where((pushes.arm == "treated") & (pushes.campaign != campaign))
            .within(days(window)),
        ),
    )  # fmt: skip


def catalogue_outcome(catalogue: Catalogue, name: str) -> Outcome:
    """A tag or metric of the catalogue as an outcome.

    A tag is compared by its mean; a metric that counts or adds up by the mean of what each customer adds to
    it; one that divides one such figure by another by their ratio (delta method). Raises EffectError for any
    other, and for what cannot be known as of a past day.
    """
    if name not in catalogue or catalogue[name].kind not in ("tag", "metric"):
        raise EffectError(f"the catalogue has no tag or metric named {name!r}")
    definition = catalogue[name]
    lost = [field for field in leaks(catalogue, name) if field not in _HARMLESS]
    if lost:
        raise EffectError(f"{name} cannot be measured: nobody knows {lost[0]} as of a past day")
    tag, below = (definition, None) if isinstance(definition, Tag) else _added_up(definition)
    kind = tag.result.kind
    if kind not in (*_UNITS, Kind.INTEGER, Kind.NUMBER):
        raise EffectError(f"{name} is no number: it cannot be compared by its mean")
    return Outcome(
        name=name, title_zh=definition.title_zh, title_en=definition.title_en, value=tag, before=tag,
        unit=_UNITS.get(kind, "") if isinstance(definition, Tag) else _unit(definition), below=below,
    )  # fmt: skip


def _unit(metric: Definition) -> str:
    """How a metric is spoken of: by what it gives, for what a customer adds to it may be of another kind."""
    node = metric.expression
    if isinstance(node, Aggregate):
        if node.reduce is Reduce.COUNT:
            return "people" if metric.result.unit == CUSTOMERS.unit else ""
        # a mean of whole numbers (products per customer) has the kind of a rate, and is none
        of_rates = node.value is not None and type_of(node.value).kind is Kind.RATE
        return "fen" if metric.result.kind is Kind.MONEY else "rate" if of_rates else ""
    if isinstance(node, Call) and metric.result.kind is Kind.RATE:
        above, under = (type_of(each) for each in node.arguments)
        return "rate" if (above.kind, above.unit) == (under.kind, under.unit) else ""
    return "fen" if metric.result.kind is Kind.MONEY else ""


def _added_up(metric: Definition) -> tuple[Tag, Tag | None]:
    """What one customer adds to a metric: above the line, and below it where it is a mean or a share."""
    node = metric.expression
    if isinstance(node, Aggregate) and node.reduce is Reduce.MEAN and node.value is not None:
        known: Node = (~Expression(node.value).is_null()).node
        some_of = known if node.where is None else (Expression(node.where) & Expression(known)).node
        whole = replace(node, reduce=Reduce.COUNT, value=None, where=some_of, type=INTEGER)
        return _part(metric, replace(node, reduce=Reduce.SUM), "effect_part"), _part(metric, whole, _WHOLE)
    if isinstance(node, Aggregate):
        return _part(metric, node, "effect_part"), None
    if isinstance(node, Call) and node.operation == "divide":
        above, under = node.arguments
        if isinstance(above, Aggregate) and isinstance(under, Aggregate):
            return _part(metric, above, "effect_part"), _part(metric, under, _WHOLE)
    raise EffectError(
        f"{metric.name} is no count, sum, mean or share over customers: it has no simple effect"
    )


def _part(metric: Definition, node: Aggregate, prefix: str) -> Tag:
    if node.reduce not in (Reduce.SUM, Reduce.COUNT) or any(
        isinstance(below, Reference) and below.earlier for below in walk(node)
    ):
        raise EffectError(f"{metric.name} is no count, sum, mean or share over customers of one day")
    one: Node = Literal(1, INTEGER) if node.value is None else node.value
    value = Expression(one).otherwise(0)
    if node.where is not None:
        value = when(Expression(node.where), value).otherwise(0)
    return _tag(f"{prefix}_{metric.name}"[:63], metric.title_zh, metric.title_en, value)


__all__ = [
    "AUM",
    "CONVERTED",
    "STANDARD",
    "Outcome",
    "catalogue_outcome",
    "contacted",
    "standard_outcomes",
]
