"""The page docs/reference/catalogue.md: every standard definition in words."""

from __future__ import annotations

from collections.abc import Iterable

from quanke.bank.contracts.schema import ALL_PURPOSES
from quanke.books import DEFAULT_MATRIX, matrix_definitions, matrix_metrics
from quanke.checks import ACCOUNT_CHECKS, CARE_CHECKS, CONDUCT_CHECKS, SHARED_CHECKS
from quanke.customers import REASONS, STAGE_TAGS, STAGES, STANDARD_TAGS, THEMES
from quanke.customers.graph import KINDS
from quanke.language import Catalogue, Check, Definition, Purpose, Trigger, graph
from quanke.segments import DEFAULT_SCHEME, tier_definitions, trigger_definitions
from quanke.segments import METRICS as SEGMENT_METRICS

PATH = "reference/catalogue.md"

TIERS = tier_definitions()
MATRIX = matrix_definitions()
METRICS = (*SEGMENT_METRICS, *matrix_metrics())
CHECKS = (*CARE_CHECKS, *CONDUCT_CHECKS, *ACCOUNT_CHECKS, *SHARED_CHECKS)
TRIGGERS = trigger_definitions()
CATALOGUE = Catalogue((*STANDARD_TAGS, *TIERS, *MATRIX, *METRICS, *CHECKS, *TRIGGERS))

THEME_TITLES = {
    "person": "The person 客户本人",
    "assets": "Assets 资产",
    "products": "Products 产品",
    "flows": "Money in and out 资金流",
    "income": "Income 收入",
    "cards": "Cards and cars 卡与车主",
    "cross_border": "Cross-border 跨境",
    "digital": "Channels 渠道",
    "service": "Service and campaigns 服务与营销",
    "activity": "Activity 活跃与价值",
    "life": "Life-cycle hints 人生阶段线索",
    "graph": "Households, employers, referrals 家庭、单位与推荐",
    "scores": "Scores of models 模型评分",
    "advice": "Investment advice 配置建议",
}

HEAD = f"""\
# The standard catalogue 标准口径目录

<!-- Written by docs/generate.py from quanke: customers, segments, books, checks. Do not edit. -->

{len(CATALOGUE.tags)} tags, {len(CATALOGUE.metrics)} metrics, {len(CATALOGUE.checks)} checks and
{len(TRIGGERS)} triggers come with Quanke; [Write a tag](../how-to/write-a-tag.md) adds a bank's own.
`quanke tags` lists them, and `quanke tags --lineage NAME` shows what one stands on. Codes such
as TIER-1, KPI-2 or BK-4 name the rules
of the domain rule book; amounts and lengths are parameters that each bank confirms for itself.

随产品提供 {len(CATALOGUE.tags)} 个标签、{len(CATALOGUE.metrics)} 个指标、
{len(CATALOGUE.checks)} 条检查、{len(TRIGGERS)} 个触发器；
银行可自行增加，见 [写一个标签](../how-to/write-a-tag.zh-CN.md)。
TIER-1、KPI-2、BK-4 等为业务规则编号；金额与天数均为参数，由各行确认。

## How to read it 读法

- **Class 分级** is that of the most sensitive field a definition stands on (C1, C2; JR/T 0171-2020).
  取所依据字段中的最高级。
- **Purpose 用途** says what a definition is for. What is made for marketing is never used for risk or
  compliance, and findings of compliance and risk are never shown to managers or campaigns.
  营销用途与风险、合规用途互相隔离。
- **In words 口径** is the definition itself, as `quanke explain` reads it. `earlier(x)` is the value of
  `x` in the night before (in a metric: in the comparison night, the end of last month). `within 30 days`
  ends with the as-of day. 即定义本身；`earlier(x)` 为上一夜（指标为对比夜，即上月末）的值。
- A zero denominator gives null, never 0. 分母为零得空值，不得零。

"""

TRIGGER_HEAD = """\
[The live engine](../explanation/live-engine.md) tells what a trigger sees and when. `row`: an arriving row of
the table; `absence`: a row that is not followed by another; `day`: looked at once a day. Amounts, shares
and lengths are `TriggerRules`, with the days from which they hold.
`row` 为该表到达的一行，`absence` 为应到而未到，`day` 为每日一次；
金额、比例与天数见 `TriggerRules`，按生效日取值。

"""


def cell(text: str) -> str:
    """Text that does not break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def note(definition: Definition) -> str:
    """Both notes, or nothing."""
    return f"{definition.note_zh} {definition.note_en}".strip()


def row(definition: Definition) -> str:
    """One definition as a row of its table."""
    severity = [definition.severity] if isinstance(definition, Check) else [definition.unit]
    if isinstance(definition, Trigger):
        severity = [" ".join(filter(None, (definition.occasion.value, definition.table)))]
    cells = [
        f"`{definition.name}`",
        definition.title_zh,
        definition.title_en,
        *severity,
        CATALOGUE.sensitivity(definition.name).value,
        definition.purpose.value,
        f"`{definition.words}`",
        note(definition),
    ]
    return "| " + " | ".join(cell(text) for text in cells) + " |\n"


def table(title: str, definitions: Iterable[Definition], third: str = "unit 单位") -> str:
    """A heading with a table of definitions."""
    head = f"| name | 中文 | English | {third} | class | purpose | in words 口径 | note 说明 |\n"
    return f"### {title}\n\n{head}|---|---|---|---|---|---|---|---|\n" + "".join(map(row, definitions)) + "\n"


def stages() -> str:
    """Stages and the reasons that lead to each."""
    lines = ["| stage | 中文 | English | reasons 原因 |\n|---|---|---|---|\n"]
    for name, (zh, en) in STAGES.items():
        reasons = "; ".join(f"`{c}` {z} {e}" for c, (of, z, e) in REASONS.items() if of == name)
        lines.append(f"| `{name}` | {zh} | {en} | {reasons} |\n")
    return "".join(lines) + "\n"


def scheme() -> str:
    """The default tier scheme as tables."""
    head = "| tier | 中文 | English | from 起点（元） | contact within 接触（天） | manager 管户 |\n"
    lines = [head, "|---|---|---|---|---|---|\n"]
    for tier in DEFAULT_SCHEME.tiers:
        days = "digital 线上" if tier.contact_days is None else str(tier.contact_days)
        owner = "required 须有" if tier.needs_owner else ""
        lines.append(
            f"| `{tier.name}` | {tier.title_zh} | {tier.title_en} | {tier.floor:,} | {days} | {owner} |\n"
        )
    lines.append("\n| overlay | 中文 | English | kind | from | below |\n|---|---|---|---|---|---|\n")
    for kind, overlays in (("edge", DEFAULT_SCHEME.edges), ("key_group", DEFAULT_SCHEME.key_groups)):
        for each in overlays:
            low, high = ("" if end is None else f"{end:,}" for end in (each.low, each.high))
            lines.append(f"| `{each.name}` | {each.title_zh} | {each.title_en} | {kind} | {low} | {high} |\n")
    return "".join(lines) + "\n"


def matrix() -> str:
    """The default service matrix as a table."""
    head = "| row | 中文 | English | tier | stage | care | role | grade 职级 | days 天 | channels 渠道 |\n"
    lines = [head, "|---|---|---|---|---|---|---|---|---|---|\n"]
    for each in DEFAULT_MATRIX.ordered:
        days = "" if each.contact_days is None else str(each.contact_days)
        where = (", ".join(each.tiers) or "all 全部", ", ".join(each.stages) or "all 全部")
        told = (each.care, each.role, each.grade or ("any 不限" if each.role else ""), days)
        cells = (f"`{each.name}`", each.title_zh, each.title_en, *where, *told, ", ".join(each.channels))
        lines.append("| " + " | ".join(cells) + " |\n")
    return "".join(lines) + "\n"


def graph_table() -> str:
    """Fields of the table `graph`, and the kinds of link with the purposes that may see them."""
    everything = len(ALL_PURPOSES)

    def purposes(allowed: Iterable[Purpose]) -> str:
        named = sorted(allowed)
        return "all 全部" if len(named) == everything else ", ".join(named)

    lines = [
        "### Fields of the table `graph` 图谱表字段\n\n| field | 中文 | English | class | purposes 用途 |\n"
    ]
    lines.append("|---|---|---|---|---|\n")
    for field in graph.fields.values():
        cells = (f"`graph.{field.name}`", field.title_zh, field.title_en, field.sensitivity.value)
        lines.append("| " + " | ".join([*cells, purposes(field.purposes)]) + " |\n")
    lines.append(
        "\n### Kinds of link 关系类型\n\n| kind | from A to B | from B to A | A | B | purposes 用途 |\n"
    )
    lines.append("|---|---|---|---|---|---|\n")
    for kind in KINDS:
        ahead, back = f"{kind.title_zh} {kind.title_en}", f"{kind.inverse_zh} {kind.inverse_en}"
        ends = (f"`{kind.name}`", ahead, back, kind.first, kind.second)
        lines.append("| " + " | ".join([*ends, purposes(kind.purposes)]) + " |\n")
    return "".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Tags 标签\n\n"]
    parts += [table(THEME_TITLES[theme], tags) for theme, tags in THEMES.items()]
    parts += [
        "## Life-cycle stages 生命周期阶段\n\n",
        stages(),
        table("Tags of the stages 阶段标签", STAGE_TAGS),
    ]
    parts += ["## Tiers 层级\n\n", scheme(), table("Tags of the tiers 层级标签", TIERS)]
    parts += ["## Service matrix 服务矩阵\n\n", matrix(), table("Tags of the matrix 服务矩阵标签", MATRIX)]
    parts += ["## The graph 关系图谱\n\n", graph_table()]
    parts += ["## Metrics 指标\n\n", table("Figures of any group of customers 客群指标", METRICS)]
    parts += ["## Checks 检查\n\n"]
    for title, checks in (
        ("Care 服务", CARE_CHECKS),
        ("Conduct 行为合规", CONDUCT_CHECKS),
        ("Accounts and holdings 账户与持仓", ACCOUNT_CHECKS),
        ("Shared devices, telephones, addresses 共用设备、电话、地址", SHARED_CHECKS),
    ):
        parts.append(table(title, checks, "severity 程度"))
    parts += ["## Triggers 触发器\n\n", TRIGGER_HEAD]
    parts.append(table("Moments to answer 触发时机", TRIGGERS, "on 时机"))
    return "".join(parts).rstrip("\n") + "\n"
