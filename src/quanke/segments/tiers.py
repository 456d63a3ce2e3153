"""Tiers as tags: today's tier, since when, why, how near the next one, and how it moved.

A tier is a state that is carried from night to night. It moves only when a month-end has passed since
the night before (the night of the month's last day counts as such), however many nights were run in
between: month-ends that no night followed are one. In the first night a customer is seen in, the tier is
what his basis says. A hold set by hand with an expiry is not part of the scheme: a bank records it as an
event, and the plan for it belongs to the desk.
"""

from __future__ import annotations

from collections.abc import Sequence

from quanke.customers.tags.person import is_person
from quanke.language import (
    Expression,
    Tag,
    as_of,
    band,
    earlier,
    month,
    month_end,
    nothing,
    when,
    year,
    yuan,
)
from quanke.language.expressions import Operators
from quanke.language.types import DATE, INTEGER, MONEY, TEXT
from quanke.segments.scheme import DEFAULT_SCHEME, Overlay, TierScheme


def _months_over(day: Operators) -> Expression:
    """Number of calendar months that are over at the end of a day, counted from year 0."""
    return year(day) * 12 + month(day) - when(day == month_end(day), 0).otherwise(1)


as_of_day = Tag(
    name="as_of_day",
    title_zh="数据日期",
    title_en="As-of day of the night",
    value=as_of(),
    unit="date",
    note_zh="供下一夜判断其间是否跨月末。",
    note_en="Tells the next night whether a month-end lies between.",
)
month_ended = Tag(
    name="month_ended",
    title_zh="距上一夜已过月末",
    title_en="A month-end has passed since the night before",
    value=(_months_over(as_of()) > _months_over(earlier("as_of_day", DATE))).otherwise(False),
    note_zh="首夜为否；层级只在其为真时升降。",
    note_en="False in the first night; tiers move only where it is true.",
)


def _counted(condition: Operators, counter: str) -> Expression:
    """A count of month-ends running at which a condition held: one more, none, or as it was."""
    return (
        when(month_ended & condition, earlier(counter, INTEGER).otherwise(0) + 1)
        .when(month_ended, 0)
        .otherwise(earlier(counter, INTEGER).otherwise(0))
    )


def _named(scheme: TierScheme, place: Operators) -> Expression:
    """A tier's name by its rank."""
    first, *others = enumerate(scheme.names)
    chain = when(place == first[0], first[1])
    for number, name in others:
        chain = chain.when(place == number, name)
    return chain.otherwise(None)


def _ranks(scheme: TierScheme) -> tuple[Tag, Tag]:
    """Tiers by the basis of today and of the last month-end, without any memory."""
    raw = Tag(
        name="tier_raw_rank",
        title_zh="当日层级序号（不含升降规则）",
        title_en="Rank of the tier the basis falls in today",
        value=when(is_person, band(scheme.basis, scheme.floors)).otherwise(None),
        unit="rank",
        note_zh="按层级口径当日值划分，边界归上档；机构客户为空（TIER-1）。",
        note_en="By today's basis; a boundary belongs upward; null for organisations (TIER-1).",
    )
    settled = Tag(
        name="tier_month_rank",
        title_zh="月末层级序号（不含升降规则）",
        title_en="Rank of the tier the last month-end falls in",
        value=when(is_person, band(scheme.settled, scheme.floors)).otherwise(None),
        unit="rank",
    )
    return raw, settled


def _moving(scheme: TierScheme, raw: Tag, settled: Tag) -> tuple[Tag, ...]:
    """The tier that is carried forward, with its two counters and its reason."""
    before = earlier("tier_rank", INTEGER)
    above = _counted(settled > before, "tier_hits")
    below = _counted(settled < before, "tier_misses")
    rises = month_ended & (above >= scheme.upgrade_after.expression())
    falls = month_ended & (below >= scheme.downgrade_after.expression())
    reason = Tag(
        name="tier_reason",
        title_zh="层级判定原因",
        title_en="Why the customer is in this tier",
        value=when(raw.is_null(), None)
        .when(before.is_null(), "first_seen")
        .when(rises, "raised")
        .when(falls, "lowered")
        .when(below > 0, "in_grace")
        .when(above > 0, "waiting_to_rise")
        .otherwise("kept"),
        unit="code",
        note_zh="first_seen首次入库、raised升级、lowered降级、in_grace宽限、waiting_to_rise待升、kept保持。",
        note_en="In grace: month-ends below are counted but too few to fall (TIER-3).",
    )
    rank = Tag(
        name="tier_rank",
        title_zh="层级序号",
        title_en="Rank of the tier, 0 is the lowest",
        value=when(reason == "first_seen", raw)
        .when(reason.one_of("raised", "lowered"), settled)
        .when(reason.is_known(), before)
        .otherwise(None),
        unit="rank",
        note_zh="月末高于现层级即升，连续未达标满规定次数才降（TIER-3）。",
        note_en="Rises after a month-end above, falls only after several month-ends below running (TIER-3).",
    )
    moved = reason.one_of("first_seen", "raised", "lowered")
    hits = Tag(
        name="tier_hits",
        title_zh="连续达标月末数",
        title_en="Month-ends running above the tier",
        value=when(reason.is_null(), None).when(moved, 0).otherwise(above),
        unit="month-ends",
    )
    misses = Tag(
        name="tier_misses",
        title_zh="连续未达标月末数",
        title_en="Month-ends running below the tier",
        value=when(reason.is_null(), None).when(moved, 0).otherwise(below),
        unit="month-ends",
    )
    return reason, rank, hits, misses


def _shown(scheme: TierScheme, rank: Tag, reason: Tag) -> tuple[Tag, ...]:
    """The tier by name, how it moved in this night, and since when."""
    titles = "、".join(f"{tier.name}{tier.title_zh}" for tier in scheme.tiers)
    before = earlier("tier_rank", INTEGER)
    tier = Tag(
        name="tier",
        title_zh="客户层级",
        title_en="Tier",
        value=_named(scheme, rank),
        unit="code",
        note_zh=f"{titles}；机构客户为空（TIER-1）。",
        note_en="One of " + ", ".join(scheme.names) + "; null for organisations (TIER-1).",
    )
    move = Tag(
        name="tier_move",
        title_zh="层级变动",
        title_en="Move between tiers in this night",
        value=when(rank.is_null(), None)
        .when(before.is_null(), "new")
        .when(rank > before, "up")
        .when(rank < before, "down")
        .otherwise("same"),
        unit="code",
    )
    since = Tag(
        name="tier_since",
        title_zh="进入层级日期",
        title_en="In this tier since",
        value=when(rank.is_null(), None).when(rank == before, earlier("tier_since", DATE)).otherwise(as_of()),
        unit="date",
    )
    return tier, move, since


def _overlaid(scheme: TierScheme, overlays: Sequence[Overlay]) -> Expression:
    """Name of the overlay today's basis lies in; null for organisations and where there is none."""
    value: Expression = nothing(TEXT)
    for overlay in reversed(overlays):
        inside: Operators = is_person
        if overlay.low is not None:
            inside = inside & (scheme.basis >= overlay.low)
        if overlay.high is not None:
            inside = inside & (scheme.basis < overlay.high)
        value = when(inside, overlay.name).otherwise(value)
    return value


def _listed(overlays: Sequence[Overlay]) -> str:
    return "、".join(f"{overlay.name}{overlay.title_zh}" for overlay in overlays)


def _overlays(scheme: TierScheme) -> tuple[Tag, Tag]:
    """Flags beside the tier: edges, and the key groups of S11."""
    edge = Tag(
        name="edge",
        title_zh="临界标志",
        title_en="Edge: about to rise",
        value=_overlaid(scheme, scheme.edges),
        unit="code",
        note_zh=f"按层级口径当日值：{_listed(scheme.edges)}；是标志而非层级（TIER-1）。",
        note_en="By today's basis; a flag beside the tier, not a tier (TIER-1).",
    )
    group = Tag(
        name="key_group",
        title_zh="四大重点客群",
        title_en="Key group",
        value=_overlaid(scheme, scheme.key_groups),
        unit="code",
        note_zh=f"按层级口径当日值：{_listed(scheme.key_groups)}；其余及机构客户为空（S11）。",
        note_en="By today's basis; null for organisations and between the groups (S11).",
    )
    return edge, group


def _care(scheme: TierScheme, raw: Tag, rank: Tag) -> tuple[Tag, ...]:
    """The way to the next tier, and the standard of care that goes with this one."""
    gap: Expression = nothing(MONEY)
    for number, floor in enumerate(scheme.floors):
        gap = when(raw == number, yuan(floor) - scheme.basis).otherwise(gap)
    standard: Expression = nothing(INTEGER)
    required = rank < 0
    for number, each in enumerate(scheme.tiers):
        if each.contact_days is not None:
            standard = when(rank == number, each.contact_days).otherwise(standard)
        if each.needs_owner:
            required = required | (rank == number)
    return (
        Tag(
            name="tier_gap",
            title_zh="距上一档差额",
            title_en="Amount missing to the next tier",
            value=gap,
            note_zh="当日口径所在层级的上限减当日值；最高档为空。",
            note_en="Floor above today's basis less the basis; null at the top.",
        ),
        Tag(
            name="contact_standard_days",
            title_zh="接触频度标准（天）",
            title_en="Contact standard: days allowed without one",
            value=standard,
            unit="days",
            note_zh="线上服务的层级为空（BK-3）。",
            note_en="Null where care is digital (BK-3).",
        ),
        Tag(
            name="owner_required",
            title_zh="须有主管户",
            title_en="Must have a primary manager",
            value=required.otherwise(False),
            note_zh="该层级客户须有人管（BK-1）。",
            note_en="Customers of this tier must be looked after by a manager (BK-1).",
        ),
    )


def tier_definitions(scheme: TierScheme = DEFAULT_SCHEME) -> tuple[Tag, ...]:
    """All tags of a tier scheme: `tier`, `tier_rank`, `tier_raw_rank`, `tier_month_rank`,
    `tier_misses`, `tier_hits`, `tier_move`, `tier_since`, `tier_reason`, `tier_gap`, `edge`,
    `key_group`, `contact_standard_days`, `owner_required`, `as_of_day`, `month_ended`.

    They read the standard tags and must stand in one catalogue with them.
    """
    raw, settled = _ranks(scheme)
    reason, rank, hits, misses = _moving(scheme, raw, settled)
    return (
        as_of_day,
        month_ended,
        raw,
        settled,
        reason,
        rank,
        hits,
        misses,
        *_shown(scheme, rank, reason),
        *_overlays(scheme),
        *_care(scheme, raw, rank),
    )


TIER_TAGS: dict[str, Tag] = {tag.name: tag for tag in tier_definitions()}
"""Tags of the default scheme by name, for figures and checks to refer to."""
