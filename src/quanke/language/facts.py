"""The tables definitions read: `facts.transactions.amount`, `customers.birth_date`.

Facts are the arranged tables of a home: the fields of the bank's contracts, less the numbers of
parties and accounts (replaced by `customer`), plus a few that loading adds (`category`). `customers`
is the one-row-per-customer table, `graph` holds what the links between customers give each of them, and
`scores` what models in use say of them.
Amounts are in minor units of the home currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from quanke.bank.contracts import CONTRACTS, Field, FieldType, Purpose, Sensitivity
from quanke.bank.contracts.schema import C2, RISK_ONLY, boolean, integer, money, rate
from quanke.language.expressions import Expression
from quanke.language.nodes import Column
from quanke.language.places import refuse
from quanke.language.types import OF_FIELD, Type

KEYS = frozenset(
    ["source", "party_id", "account_id", "from_source", "from_party_id", "to_source", "to_party_id"]
)
"""Fields that loading replaces by dense numbers."""


@dataclass(frozen=True)
class FactTable:
    """A table definitions can read. Attribute access gives a field as an expression."""

    name: str
    date: str
    fields: dict[str, Field] = field(hash=False)
    title_zh: str = ""
    title_en: str = ""

    def __getattr__(self, name: str) -> Expression:
        if name.startswith("_"):
            raise AttributeError(name)
        return Expression(self.column(name))

    @property
    def day(self) -> Expression:
        """The table's own date as an expression: the day a movement was booked, an account opened."""
        return Expression(self.column(self.date))

    def column(self, name: str) -> Column:
        """Node of a field. Raises DefinitionError for one the table does not have."""
        if name not in self.fields:
            near = ", ".join(sorted(self.fields))
            raise refuse(f"the table {self.name} has no field {name!r}; it has {near}")
        return Column(self.name, name, OF_FIELD[self.fields[name].type])


def _added(name: str, kind: FieldType, zh: str, en: str) -> Field:
    return Field(name, kind, zh, en, sensitivity=Sensitivity.C1)


_CATEGORY = _added("category", FieldType.CODE, "产品类别", "Category of the account or product")
_ADDED: dict[str, tuple[Field, ...]] = {
    "transactions": (_CATEGORY, _added("currency", FieldType.CODE, "账户币种", "Currency of the account")),
    "balances": (
        _CATEGORY,
        _added("currency", FieldType.CODE, "账户币种", "Currency of the account"),
    ),
    "holdings": (_CATEGORY,),
}
_PARTY_TABLES = (
    "accounts", "cards", "balances", "transactions", "holdings",
    "channel_events", "contacts", "pushes", "consents", "ownership",
)  # fmt: skip


def _fact(name: str) -> FactTable:
    contract = CONTRACTS[name]
    fields = {f.name: f for f in contract.fields if f.name not in KEYS}
    fields.update({f.name: f for f in _ADDED.get(name, ())})
    return FactTable(name, contract.date, fields, contract.title_zh, contract.title_en)


class Facts:
    """Every fact table, by name."""

    def __init__(self) -> None:
        self.tables = {name: _fact(name) for name in _PARTY_TABLES}

    def __getattr__(self, name: str) -> FactTable:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self.tables:
            raise refuse(f"there is no fact table {name!r}; there are {', '.join(self.tables)}")
        return self.tables[name]


def _customers() -> FactTable:
    persons = CONTRACTS["parties"]
    drop = {"source", "party_id", "updated_at"}
    fields = {f.name: replace(f, required=False, references="") for f in persons.fields if f.name not in drop}
    organisations = CONTRACTS["organisations"]
    for extra in ("sector", "headcount", "uscc"):
        fields[extra] = organisations[extra]
    fields["kind"] = Field(
        "kind",
        FieldType.CODE,
        "客户类别",
        "Kind of customer",
        values=("person", *organisations["kind"].values),
    )
    fields["sources"] = _added(
        "sources", FieldType.INTEGER, "来源系统数", "Source systems that know the customer"
    )
    return FactTable("customers", "", fields, "客户", "Customers, one row each")


_FAMILY: dict[str, frozenset[Purpose]] = {"purposes": frozenset(Purpose) - {Purpose.MARKETING}}
"""What family links give serves no campaign: it speaks of others than the customer himself."""


def _graph() -> FactTable:
    """What the links between customers give, per customer (`quanke.customers.graph`)."""
    fields = (
        integer("employer_number", "用人单位客户编号", "Customer number of the employer", **C2),
        boolean("employer_covered", "用人单位在我行开户", "The employer has an open account here"),
        integer("employer_people_known", "用人单位已知员工数", "Its people that the bank knows"),
        integer("employer_people_covered", "用人单位已开户员工数", "Its people with an open account"),
        boolean("wages_from_body", "工资由本行机构客户代发", "A body pays the wages from an account here"),
        integer("household", "家庭编号", "Household: smallest customer number in it", **C2, **_FAMILY),
        integer("household_size", "家庭人数", "Persons in the household", **C2, **_FAMILY),
        boolean("household_head", "家庭代表", "Has the most assets of the household", **C2, **_FAMILY),
        money("household_aum", "家庭资产", "Assets of all persons of the household", **_FAMILY),
        integer("referrals_made", "推荐人数", "Persons the customer referred"),
        integer("referrals_converted", "推荐成功人数", "Of those, persons who opened an account afterwards"),
        boolean("referred", "由他人推荐", "Somebody referred the customer"),
        integer("bodies_linked", "关联机构数", "Bodies whose person the customer is; no hospitals"),
        integer("brought_by", "来源机构客户编号", "Customer number of the body that brought him", **C2),
        integer("brought_by_government", "来源政府客户编号", "Government body above that body", **C2),
        boolean("brought_with_consent", "来源时已同意共享", "Consent to sharing held on the opening day"),
        integer("people_known", "机构已知人员数", "People of the body that the bank knows; of bodies only"),
        integer("people_covered", "机构已开户人员数", "Of those, with an open account; of bodies only"),
        integer("device_group_size", "共用设备人数", "Persons on one device, or 0", **C2, **RISK_ONLY),
        integer("address_group_size", "共用地址人数", "Persons at one address, or 0", **C2, **RISK_ONLY),
        integer("phone_group_size", "共用电话人数", "Persons with one telephone, or 0", **C2, **RISK_ONLY),
    )  # fmt: skip
    return FactTable(
        "graph", "", {f.name: f for f in fields}, "关系图谱", "The graph, one row for each customer"
    )


SCORED_CATEGORIES = (
    "term", "wealth", "fund", "insurance", "bond", "metal", "credit_card", "consumer_loan", "mortgage",
)  # fmt: skip
"""Product categories for which a model may say how likely a customer is to open one."""

UPLIFT_OFFERS = (
    "term", "fund", "fund_call", "wealth", "wealth_call", "insurance", "credit_card", "consumer_loan",
    "tier_lift", "win_back", "card_activation",
)  # fmt: skip
"""Offers for which past campaigns with control groups may say whom contacting changes."""

_SCORED: dict[str, frozenset[Purpose]] = {
    "purposes": frozenset({Purpose.MARKETING, Purpose.SERVICE, Purpose.STATISTICS})
}
"""A score learned to sell and to serve decides nothing about risk or compliance."""


def _scores() -> FactTable:
    """What the models in use say of each customer tonight (`quanke.plans.scores`)."""
    fields = (
        *(
            rate(f"propensity_{c}", f"开立倾向（{c}）", f"Probability to open: {c}", **C2, **_SCORED)
            for c in SCORED_CATEGORIES
        ),
        rate("churn_risk", "流失概率", "Probability to leave or to take most assets away", **C2, **_SCORED),
        money("expected_value", "预期贡献", "Expected margin over a year", **_SCORED),
        rate(
            "payments_expected_90d", "预期支付天数", "Expected days with a payment, 90 days", **C2, **_SCORED
        ),
        rate("payer_alive", "仍在支付的概率", "Probability to still pay here", **C2, **_SCORED),
        *(
            rate(f"uplift_{o}", f"联系增量（{o}）", f"Added chance by contacting: {o}", **C2, **_SCORED)
            for o in UPLIFT_OFFERS
        ),
    )
    return FactTable("scores", "", {f.name: f for f in fields}, "模型评分", "Scores, one row per customer")


facts = Facts()
customers = _customers()
graph = _graph()
scores = _scores()


def found_by_model(name: str, type_: Type) -> Expression:
    """A value per customer that a model finds in the night (a cluster), as an expression."""
    return Expression(Column("models", name, type_))


def table_of(name: str) -> FactTable:
    """The table of that name, `customers`, `graph` and `scores` included. Raises DefinitionError for an
    unknown one."""
    return {"customers": customers, "graph": graph, "scores": scores}.get(name) or getattr(facts, name)


def field_of(column: Column) -> Field | None:
    """The contract field behind a column; None for what models find."""
    if column.table == "models":
        return None
    return table_of(column.table).fields[column.name]
