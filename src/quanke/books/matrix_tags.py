"""The service matrix as tags: which row decides for a customer, what it promises, and what is due when.

Occasions are carried from night to night: the night that first sees a large outflow, a maturity or a visit
sets the day by which somebody must have talked to the customer; a later effective contact closes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from quanke.books.matrix import DEFAULT_MATRIX, ServiceMatrix, ServiceStandard
from quanke.customers.stages import stage
from quanke.customers.tags.activity import cluster, in_scope
from quanke.customers.tags.flows import large_outflow
from quanke.customers.tags.products import first_account_on
from quanke.customers.tags.service import (
    PRIMARY_NOW,
    has_owner,
    last_effective_contact_on,
    last_visit_on,
    owner_since,
)
from quanke.language import (
    Expression,
    Metric,
    Purpose,
    Tag,
    as_of,
    days_between,
    earlier,
    facts,
    greatest,
    iso_weekday,
    least,
    nothing,
    some,
    when,
)
from quanke.language.expressions import Operators
from quanke.language.types import BOOLEAN, DATE, INTEGER, TEXT
from quanke.segments import TIER_TAGS, Dated
from quanke.segments.dated import ALWAYS_SINCE
from quanke.segments.metrics.population import share_of

_tier = TIER_TAGS["tier"]
_tier_since = TIER_TAGS["tier_since"]


def _among(tag: Tag, names: tuple[str, ...]) -> Expression:
    return tag == names[0] if len(names) == 1 else tag.one_of(*names)


def _condition(row: ServiceStandard) -> Operators:
    """Whether a row is for the customer on the as-of day."""
    parts: list[Operators] = [in_scope]
    parts += [
        _among(tag, names)
        for tag, names in ((_tier, row.tiers), (cluster, row.clusters), (stage, row.stages))
        if names
    ]
    if row.since > ALWAYS_SINCE:
        parts.append(as_of() >= row.since)
    if row.until is not None:
        parts.append(as_of() < row.until)
    return reduce(lambda a, b: a & b, parts)


def _cell(matrix: ServiceMatrix) -> Tag:
    first, *others = matrix.ordered
    chain = when(_condition(first), first.name)
    for row in others:
        chain = chain.when(_condition(row), row.name)
    return Tag(
        name="service_cell",
        title_zh="服务矩阵单元",
        title_en="Row of the service matrix that decides",
        value=chain.otherwise(None),
        unit="code",
        note_zh="层级×聚类×阶段中最具体的一行（S09）；不在管范围为空："
        + "、".join(f"{row.name}{row.title_zh}" for row in matrix.rows),
        note_en="The most specific row for tier, cluster and stage; null out of scope (S09): "
        + "; ".join(f"{row.name}: {row.title_en}" for row in matrix.rows),
    )


def _by_row(
    matrix: ServiceMatrix, cell: Tag, told: Callable[[ServiceStandard], str | int | None], empty: Expression
) -> Expression:
    """What each row says, rows that say the same together."""
    said: dict[str | int, list[str]] = {}
    for row in matrix.rows:
        value = told(row)
        if value is not None and value != "":
            said.setdefault(value, []).append(row.name)
    if not said:
        return empty
    (value, names), *others = said.items()
    chain = when(_among(cell, tuple(names)), value)
    for value, names in others:
        chain = chain.when(_among(cell, tuple(names)), value)
    return chain.otherwise(None)


def _standards(matrix: ServiceMatrix, cell: Tag) -> tuple[Tag, ...]:
    """What the deciding row promises."""
    care = Tag(
        name="service_care",
        title_zh="服务方式",
        title_en="Who is to look after the customer: post, team or digital",
        value=_by_row(matrix, cell, lambda row: row.care, nothing(TEXT)),
        unit="code",
        note_zh="post岗位、team团队、digital线上；不在管范围为空（BK-1、BK-3）。",
        note_en="Digital care is an explained absence of a post; null out of scope (BK-1, BK-3).",
    )
    role = Tag(
        name="service_role",
        title_zh="服务责任角色",
        title_en="Role responsible by the service matrix",
        value=_by_row(matrix, cell, lambda row: row.role, nothing(TEXT)),
        unit="code",
        note_zh="线上服务为空（S09）。",
        note_en="Null where care is digital (S09).",
    )
    grade = Tag(
        name="service_grade",
        title_zh="服务最低职级",
        title_en="Least grade by the service matrix",
        value=_by_row(matrix, cell, lambda row: row.grade, nothing(TEXT)),
        unit="code",
        note_zh="不限职级为空。",
        note_en="Null where any grade will do.",
    )
    channels = Tag(
        name="service_channels",
        title_zh="服务渠道（按优先顺序）",
        title_en="Channels of the service standard, preferred first",
        value=_by_row(matrix, cell, lambda row: ",".join(row.channels), nothing(TEXT)),
        unit="code",
        note_zh="逗号分隔；拒绝与免打扰另行校验（MKT-1）。",
        note_en="Separated by commas; refusals and quiet hours are checked at sending (MKT-1).",
    )
    rhythm = Tag(
        name="service_contact_days",
        title_zh="服务矩阵接触频度（天）",
        title_en="Days allowed without a contact by the service matrix",
        value=_by_row(matrix, cell, lambda row: row.contact_days, nothing(INTEGER)),
        unit="days",
        note_zh="线上服务为空（BK-3）。",
        note_en="Null where care is digital (BK-3).",
    )
    return care, role, grade, channels, rhythm


def _workdays_from_now(count: Dated) -> Expression:
    """The n-th day from tonight on which banks usually work: Saturdays and Sundays are left out, public
    holidays are not. Their tables are loaded by year, and a night of a year without one must not stop."""
    n = count.expression()
    weekday = iso_weekday(as_of())
    over = (weekday <= 5) & (weekday + n > 5)
    return when(over, as_of() + n + 2).when(weekday == 6, as_of() + n + 1).otherwise(as_of() + n)


def _carried(name: str, zh: str, en: str, begins: Operators, days: Dated) -> Tag:
    """By when somebody must have talked to the customer about something that begins tonight. It is carried
    until an effective contact comes, at most 30 days past the day."""
    before = earlier(name, DATE)
    begun = earlier(f"{name}_since", DATE)
    answered = (last_effective_contact_on >= begun).otherwise(False)
    open_still = before.is_known() & ~answered & (days_between(before, as_of()) <= 30)
    return Tag(
        name=name,
        title_zh=zh,
        title_en=en,
        value=when(open_still.otherwise(False), before)
        .when(begins, _workdays_from_now(days))
        .otherwise(None),
        unit="date",
        note_zh="首见之夜起算，跳过周末（不计法定节假日）；有效接触后或逾期30日后为空（BK-3）。",
        note_en="Week days from the night that first saw it; null once answered, or 30 days late (BK-3).",
    )


def _since(due: Tag, zh: str, en: str) -> Tag:
    return Tag(
        name=f"{due.name}_since",
        title_zh=zh,
        title_en=en,
        value=when(due.is_null(), None)
        .when(due == earlier(due.name, DATE), earlier(f"{due.name}_since", DATE))
        .otherwise(as_of()),
        unit="date",
    )


def _occasions(matrix: ServiceMatrix, care: Tag) -> tuple[Tag, ...]:
    """Contacts that are due because of something that happened, of customers somebody looks after."""
    rules = matrix.occasions
    personal = care.one_of("post", "team").otherwise(False)
    fell = large_outflow & ~earlier("large_outflow", BOOLEAN).otherwise(False)
    matured = earlier("next_maturity_on", DATE) <= as_of()
    visited = last_visit_on.is_known() & (last_visit_on > earlier("as_of_day", DATE))
    outflow = _carried(
        "outflow_due_on", "大额流出应联系日", "Contact due after a large outflow",
        personal & fell, rules.outflow_workdays,
    )  # fmt: skip
    maturity = _carried(
        "maturity_due_on", "到期应联系日", "Contact due after a maturity",
        personal & matured, rules.maturity_workdays,
    )  # fmt: skip
    visit = _carried(
        "visit_due_on", "到店应回访日", "Call-back due after a branch visit",
        personal & visited, rules.visit_workdays,
    )  # fmt: skip
    newcomer = Tag(
        name="newcomer_due_on",
        title_zh="新客应联系日",
        title_en="First contact due for a new customer",
        value=when(
            personal
            & (stage == "new")
            & (last_effective_contact_on.is_null() | (last_effective_contact_on < first_account_on)),
            first_account_on + rules.newcomer_days.expression(),
        ).otherwise(None),
        unit="date",
        note_zh="首次开户后7日内（BK-3）；已有有效接触为空。",
        note_en="Within 7 days of the first account (BK-3); null once there was an effective contact.",
    )
    begun = (
        _since(outflow, "大额流出首见日", "Large outflow first seen on"),
        _since(maturity, "到期首见日", "Maturity first seen on"),
        _since(visit, "到店首见日", "Branch visit first seen on"),
    )
    return outflow, maturity, visit, newcomer, *begun


def _due(rhythm: Tag, occasions: tuple[Tag, ...]) -> tuple[Tag, ...]:
    """When the next contact is due, why, and how late it is."""
    outflow, maturity, visit, newcomer = occasions
    begin = greatest(last_effective_contact_on, owner_since)
    by_rhythm = when(begin.is_known(), begin).otherwise(_tier_since) + rhythm
    due = Tag(
        name="contact_due_on",
        title_zh="应接触日期",
        title_en="Next contact due on",
        value=when(rhythm.is_null(), None).otherwise(least(by_rhythm, *occasions)),
        unit="date",
        note_zh="频度（自最近有效接触或接管日，均无则自进入层级日）与各事由取最早（BK-3）；线上服务为空。",
        note_en="The earliest of rhythm (from the last effective contact or hand-over) and occasions (BK-3).",
    )
    why = Tag(
        name="contact_due_for",
        title_zh="应接触事由",
        title_en="What the next contact is due for",
        value=when(due.is_null(), None)
        .when(due == outflow, "outflow")
        .when(due == maturity, "maturity")
        .when(due == newcomer, "newcomer")
        .when(due == visit, "visit")
        .otherwise("rhythm"),
        unit="code",
        note_zh="outflow大额流出、maturity到期、newcomer新客、visit到店、rhythm频度（BK-3）。",
        note_en="Outflow, maturity, newcomer, visit or rhythm (BK-3).",
    )
    late = Tag(
        name="contact_overdue_days",
        title_zh="接触逾期天数",
        title_en="Days the next contact is late",
        value=when(due.is_null(), None).otherwise(greatest(days_between(due, as_of()), 0)),
        unit="days",
        note_zh="未到期为0，线上服务为空（BK-3）。",
        note_en="0 until it is due, null where care is digital (BK-3).",
    )
    return due, why, late


def _covered(care: Tag) -> Tag:
    by_team = some(PRIMARY_NOW & (facts.ownership.care == "team"))
    return Tag(
        name="covered_by",
        title_zh="由谁覆盖",
        title_en="Who looks after the customer now: post, team or digital",
        value=when(~in_scope, None)
        .when(has_owner & by_team, "team")
        .when(has_owner, "post")
        .when(care == "digital", "digital")
        .otherwise(None),
        unit="code",
        note_zh="在管范围客户为空即无说明的空档（BK-1）；线上服务是有说明的无岗位。",
        note_en="Null for somebody in scope is an unexplained gap (BK-1); digital care is an explained one.",
    )


def matrix_definitions(matrix: ServiceMatrix = DEFAULT_MATRIX) -> tuple[Tag, ...]:
    """All tags of a service matrix: `service_cell`, `service_care`, `service_role`, `service_grade`,
    `service_channels`, `service_contact_days`, `outflow_due_on`, `maturity_due_on`, `visit_due_on`,
    `newcomer_due_on` (and since when the first three), `contact_due_on`, `contact_due_for`,
    `contact_overdue_days`, `covered_by`.

    They read the standard tags and those of the tiers and must stand in one catalogue with them.
    """
    cell = _cell(matrix)
    care, role, grade, channels, rhythm = _standards(matrix, cell)
    outflow, maturity, visit, newcomer, *begun = _occasions(matrix, care)
    occasions = (outflow, maturity, visit, newcomer)
    due = _due(rhythm, occasions)
    return (cell, care, role, grade, channels, rhythm, *occasions, *begun, *due, _covered(care))


def matrix_metrics(matrix: ServiceMatrix = DEFAULT_MATRIX) -> tuple[Metric, ...]:
    """Figures of a service matrix for any group: `covered_rate`, `service_on_time_rate`. They stand in one
    catalogue with `matrix_definitions` of the same matrix."""
    tags = {tag.name: tag for tag in matrix_definitions(matrix)}
    covered, late = tags["covered_by"], tags["contact_overdue_days"]
    return (
        Metric(
            name="covered_rate",
            title_zh="客户有人管比例",
            title_en="Share looked after by a post, a team or digital care",
            value=share_of(covered.is_known(), in_scope),
            purpose=Purpose.STATISTICS,
            note_zh="在管范围客户中有岗位、团队或按标准线上服务者占比（BK-1、S12）。",
            note_en="Of those in scope, at a post, with a team or in digital care by standard (BK-1, S12).",
        ),
        Metric(
            name="service_on_time_rate",
            title_zh="服务标准达标率",
            title_en="Share whose next contact is not late by the service matrix",
            value=share_of(late == 0, late.is_known()),
            purpose=Purpose.STATISTICS,
            note_zh="按服务矩阵须有人接触的客户中，未逾期者占比（BK-3）。",
            note_en="Of those somebody has to talk to by the matrix, those not overdue (BK-3).",
        ),
    )
