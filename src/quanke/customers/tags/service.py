"""How the bank looks after the customer: owner, contacts, visits, complaints, campaigns."""

from __future__ import annotations

from quanke.language import (
    Purpose,
    Tag,
    as_of,
    count,
    days,
    days_between,
    facts,
    largest,
    latest,
    month_to_date,
    some,
)

SHORTEST_CALL_SECONDS = 30
"""A call counts as a contact from this length on (domain.md BK-4)."""

COOL_DOWN_DAYS = 14
"""No marketing for so long after a "no" (domain.md MKT-3)."""

_contact = facts.contacts
_event = facts.channel_events
_push = facts.pushes
_owned = facts.ownership

EFFECTIVE = (
    (_contact.means == "ticket")
    | (_contact.evidence & _contact.means.one_of("wecom", "visit"))
    | (
        _contact.evidence
        & _contact.connected
        & (_contact.means == "call")
        & (_contact.seconds >= SHORTEST_CALL_SECONDS)
    )
)
"""Contacts the system can prove: a connected call of at least 30 seconds with recording, a two-way
chat, a signed visit, a branch ticket. What somebody typed counts for nothing (BK-4)."""

PRIMARY_NOW = (_owned.duty == "primary") & (_owned.to_date.is_null() | (_owned.to_date > as_of()))
"""Primary ownership in force; the last day is not included (BK-1)."""

HELD_ONCE = _owned.to_date.is_null() | (_owned.to_date > _owned.from_date)
"""Ownership that ends on the day it begins never held: a proposal was taken back."""

has_owner = Tag(
    name="has_owner",
    title_zh="有主管户",
    title_en="Has a primary manager",
    value=some(PRIMARY_NOW),
    note_zh="当日有生效的主管户关系（BK-1、管户率分子）。",
    note_en="A primary ownership in force on the day (BK-1; numerator of coverage).",
)
owners = Tag(
    name="owners",
    title_zh="主管户数",
    title_en="Primary managers at once",
    value=count(_owned).where(PRIMARY_NOW),
    note_zh="应恰为1（BK-1）。",
    note_en="Should be exactly one (BK-1).",
)
owner_post = Tag(
    name="owner_post",
    title_zh="管户岗位",
    title_en="Post that looks after the customer",
    value=latest(_owned.post_id).where(PRIMARY_NOW),
    unit="code",
)
owner_since = Tag(
    name="owner_since",
    title_zh="现管户起始日",
    title_en="Looked after by this post since",
    value=largest(_owned.from_date).where(PRIMARY_NOW),
    unit="date",
)
owner_changes_365d = Tag(
    name="owner_changes_365d",
    title_zh="近一年主管户变更次数",
    title_en="Primary ownerships begun in 365 days",
    value=count(_owned).where((_owned.duty == "primary") & HELD_ONCE).within(days(365)),
)
has_adviser = Tag(
    name="has_adviser",
    title_zh="有投顾或私银顾问",
    title_en="Has an adviser beside the manager",
    value=some(
        _owned.duty.one_of("adviser", "private_banking")
        & (_owned.to_date.is_null() | (_owned.to_date > as_of()))
    ),
)

contacts_90d = Tag(
    name="contacts_90d",
    title_zh="近90日接触次数",
    title_en="Contacts noted, 90 days",
    value=count(_contact).within(days(90)),
)
effective_contacts_90d = Tag(
    name="effective_contacts_90d",
    title_zh="近90日有效接触次数",
    title_en="Effective contacts, 90 days",
    value=count(_contact).where(EFFECTIVE).within(days(90)),
    note_zh="有系统留痕：接通≥30秒且录音、双向会话、签字拜访、网点取号（BK-4）。",
    note_en="With proof in a system: call of 30 s with recording, two-way chat, signed visit, ticket (BK-4).",
)
last_effective_contact_on = Tag(
    name="last_effective_contact_on",
    title_zh="最近有效接触日",
    title_en="Last effective contact",
    value=largest(_contact.day).where(EFFECTIVE).within(days(365)),
    unit="date",
    note_zh="一年内无有效接触为空。",
    note_en="Null where there was none in 365 days.",
)
last_declined_on = Tag(
    name="last_declined_on",
    title_zh="最近拒绝日",
    title_en="Last said no",
    value=largest(_contact.day).where(_contact.outcome == "declined").within(days(90)),
    unit="date",
)
in_cool_down = Tag(
    name="in_cool_down",
    title_zh="拒绝冷静期",
    title_en="In the cool-down after a no",
    value=(days_between(last_declined_on, as_of()) < COOL_DOWN_DAYS).otherwise(False),
    note_zh="拒绝后14日内不再营销（MKT-3）。",
    note_en="No marketing for 14 days after a no (MKT-3).",
)
calls_7d = Tag(
    name="calls_7d",
    title_zh="近7日去电次数",
    title_en="Calls made to the customer, 7 days",
    value=count(_contact).where(_contact.means == "call").within(days(7)),
    note_zh="频次上限每周2次（MKT-3）。",
    note_en="At most two a week (MKT-3).",
)
messages_mtd = Tag(
    name="messages_mtd",
    title_zh="本月短信次数",
    title_en="Text messages this month",
    value=count(_contact).where(_contact.means == "sms").within(month_to_date()),
    note_zh="频次上限每月4次（MKT-3）。",
    note_en="At most four a month (MKT-3).",
)
pushes_1d = Tag(
    name="pushes_1d",
    title_zh="当日推送次数",
    title_en="Push messages today",
    value=count(_contact).where(_contact.means == "push").within(days(1)),
    note_zh="频次上限每日1次（MKT-3）。",
    note_en="At most one a day (MKT-3).",
)

visits_90d = Tag(
    name="visits_90d",
    title_zh="近90日到店次数",
    title_en="Branch visits, 90 days",
    value=count(_event).where(_event.kind == "ticket").within(days(90)),
)
last_visit_on = Tag(
    name="last_visit_on",
    title_zh="最近到店日",
    title_en="Last branch visit",
    value=largest(_event.day).where(_event.kind == "ticket").within(days(365)),
    unit="date",
)
last_complaint_on = Tag(
    name="last_complaint_on",
    title_zh="最近投诉日",
    title_en="Last complaint",
    value=largest(_event.day).where(_event.kind == "complaint").within(days(90)),
    unit="date",
)
complained_90d = Tag(
    name="complained_90d",
    title_zh="近90日投诉",
    title_en="Complained in 90 days",
    value=last_complaint_on.is_known(),
    note_zh="投诉未了结前不宜营销。",
    note_en="No occasion for selling before it is settled.",
)

_treated = _push.arm == "treated"
_reached = _treated & (_push.reached_on <= as_of())
_converted = (_push.converted_on <= as_of()) & (days_between(_push.day, _push.converted_on) <= 30)

targeted_90d = Tag(
    name="targeted_90d",
    title_zh="近90日被营销推送",
    title_en="Targeted by a campaign in 90 days",
    value=some(_treated).within(days(90)),
    purpose=Purpose.MARKETING,
)
reached_90d = Tag(
    name="reached_90d",
    title_zh="近90日有效触达",
    title_en="Effectively reached by a campaign in 90 days",
    value=some(_reached).within(days(90)),
    purpose=Purpose.MARKETING,
    note_zh="推送名单中当日前已有效触达（触达率分子）。",
    note_en="Of those targeted, effectively reached by the day (numerator of reach).",
)
converted_90d = Tag(
    name="converted_90d",
    title_zh="近90日触达后转化",
    title_en="Reached and converted within 30 days, in 90 days",
    value=some(_reached & _converted).within(days(90)),
    purpose=Purpose.MARKETING,
    note_zh="推送后30日内转化（转化率分子）。",
    note_en="Converted within 30 days of the push (numerator of conversion).",
)
converted_treated_90d = Tag(
    name="converted_treated_90d",
    title_zh="近90日推送组转化",
    title_en="Targeted and converted, reached or not, in 90 days",
    value=some(_treated & _converted).within(days(90)),
    purpose=Purpose.MARKETING,
)
held_out_90d = Tag(
    name="held_out_90d",
    title_zh="近90日对照组",
    title_en="Held out as control in 90 days",
    value=some(_push.arm == "control").within(days(90)),
    purpose=Purpose.MARKETING,
)
converted_control_90d = Tag(
    name="converted_control_90d",
    title_zh="近90日对照组自然转化",
    title_en="Held out and converted all the same, in 90 days",
    value=some((_push.arm == "control") & _converted).within(days(90)),
    purpose=Purpose.MARKETING,
)
campaign_response_365d = Tag(
    name="campaign_response_365d",
    title_zh="近一年营销响应率",
    title_en="Share of campaigns answered, 365 days",
    value=count(_push).where(_treated & _converted).within(days(365))
    / count(_push).where(_treated).within(days(365)),
    purpose=Purpose.MARKETING,
    note_zh="未被推送为空。",
    note_en="Null where never targeted.",
)

TAGS = (
    has_owner,
    owners,
    owner_post,
    owner_since,
    owner_changes_365d,
    has_adviser,
    contacts_90d,
    effective_contacts_90d,
    last_effective_contact_on,
    last_declined_on,
    in_cool_down,
    calls_7d,
    messages_mtd,
    pushes_1d,
    visits_90d,
    last_visit_on,
    last_complaint_on,
    complained_90d,
    targeted_90d,
    reached_90d,
    converted_90d,
    converted_treated_90d,
    held_out_90d,
    converted_control_90d,
    campaign_response_365d,
)
