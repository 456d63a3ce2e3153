"""Findings of conduct: how managers keep their books and contacts, and whether marketing kept its promises.

They are material for review, never a public naming (domain.md BK-6), and bear the purpose compliance: no
manager and no campaign may read them.
"""

from __future__ import annotations

import operator
from functools import reduce

from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.person import AGREES, is_minor, refused_on
from quanke.customers.tags.service import (
    COOL_DOWN_DAYS,
    HELD_ONCE,
    calls_7d,
    contacts_90d,
    effective_contacts_90d,
    has_owner,
    last_declined_on,
    last_effective_contact_on,
    messages_mtd,
    owner_since,
    owners,
)
from quanke.language import (
    Check,
    Expression,
    Purpose,
    as_of,
    count,
    days,
    days_between,
    facts,
    greatest,
    largest,
    some,
)
from quanke.segments import TIER_TAGS

NOTES_WITHOUT_PROOF = 3
"""So many noted contacts without a single proven one raise a question."""

ULTRA_SHORT_SECONDS = 10
"""A call shorter than this cannot have sold anything."""

CALLS_A_WEEK = 2
MESSAGES_A_MONTH = 4
"""Most calls and text messages a customer may get (domain.md MKT-3)."""

_contact = facts.contacts
_push = facts.pushes
_owned = facts.ownership
_due = TIER_TAGS["contact_standard_days"]
_last_push = largest(_push.day).where(_push.arm == "treated").within(days(90))
_primary = count(_owned).where((_owned.duty == "primary") & HELD_ONCE)

contact_overdue = Check(
    name="contact_overdue",
    title_zh="超期未联系",
    title_en="Not contacted within the standard",
    value=in_scope
    & has_owner
    & (days_between(greatest(last_effective_contact_on, owner_since), as_of()) > _due),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="距最近有效接触（或接管日，取较晚者）超过层级标准（BK-3、BK-6未联系）。",
    note_en="More days than the tier allows since the last effective contact or the hand-over (BK-3, BK-6).",
)
contacts_without_evidence = Check(
    name="contacts_without_evidence",
    title_zh="有记录无留痕",
    title_en="Contacts noted, none proven",
    value=(contacts_90d >= NOTES_WITHOUT_PROOF) & (effective_contacts_90d == 0),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="近90日至少3条接触记录而无一条有系统留痕（BK-4、BK-6虚假联系）。",
    note_en="Three or more contacts in 90 days, not one with proof in a system (BK-4, BK-6).",
)
failed_calls_as_success = Check(
    name="failed_calls_as_success",
    title_zh="未接通记为成功",
    title_en="Failed calls noted as a success",
    value=some(
        (_contact.means == "call")
        & _contact.outcome.one_of("interested", "accepted", "served")
        & (~_contact.connected | (_contact.seconds < ULTRA_SHORT_SECONDS))
    ).within(days(90)),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="high",
    note_zh="未接通或不足10秒的通话记为成功（BK-6虚假联系）。",
    note_en="A call not answered, or shorter than 10 seconds, with a successful outcome (BK-6).",
)
two_owners = Check(
    name="two_owners",
    title_zh="多个主管户",
    title_en="More than one primary manager",
    value=owners > 1,
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="任一时点应恰有一个主管户（BK-1）。",
    note_en="Exactly one at any instant (BK-1).",
)
owner_ping_pong = Check(
    name="owner_ping_pong",
    title_zh="管户频繁变更",
    title_en="Passed on again within the cooling period",
    value=(_primary.within(days(90)) >= 2) & (_primary >= 3),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="90日冷静期内两次变更主管户（BK-5）；首次分配不算变更。",
    note_en="Two transfers within the 90 cooling days (BK-5); the first assignment is no transfer.",
)


def _pushed_after_refusal() -> Expression:
    """A push by a means that was refused before and not agreed to again."""
    found = []
    for means, agrees in AGREES.items():
        pushed = largest(_push.day).where((_push.arm == "treated") & (_push.means == means)).within(days(90))
        found.append((~agrees & (pushed > refused_on(means))).otherwise(False))
    return reduce(operator.or_, found)


pushed_after_refusal = Check(
    name="pushed_after_refusal",
    title_zh="拒绝后仍营销",
    title_en="Marketed to after a refusal by the same means",
    value=_pushed_after_refusal(),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="high",
    note_zh="撤回同意后仍以同一方式推送（MKT-1，银保监会令2022年第9号）。",
    note_en="A campaign push by a means whose consent had been withdrawn (MKT-1).",
)
pushed_in_cool_down = Check(
    name="pushed_in_cool_down",
    title_zh="冷静期内营销",
    title_en="Marketed to in the cool-down",
    value=(_last_push > last_declined_on) & (days_between(last_declined_on, _last_push) < COOL_DOWN_DAYS),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="客户拒绝后14日内再次推送（MKT-3）。",
    note_en="Pushed again within 14 days of a no (MKT-3).",
)
minor_marketed = Check(
    name="minor_marketed",
    title_zh="向未成年人营销",
    title_en="Minor marketed to",
    value=is_minor & _last_push.is_known(),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    severity="high",
    note_zh="未成年人近90日被营销推送（ACC-10、PI-3、PI-4）。",
    note_en="A person under 18 was a target of a campaign in 90 days (ACC-10, PI-3, PI-4).",
)
contacted_too_often = Check(
    name="contacted_too_often",
    title_zh="接触过频",
    title_en="Contacted too often",
    value=(calls_7d > CALLS_A_WEEK) | (messages_mtd > MESSAGES_A_MONTH),
    purpose=Purpose.COMPLIANCE,
    owner="compliance",
    note_zh="近7日去电超过2次，或本月短信超过4次（MKT-3）。",
    note_en="More than 2 calls in 7 days, or 4 text messages this month (MKT-3).",
)

CONDUCT_CHECKS: tuple[Check, ...] = (
    contact_overdue,
    contacts_without_evidence,
    failed_calls_as_success,
    two_owners,
    owner_ping_pong,
    pushed_after_refusal,
    pushed_in_cool_down,
    minor_marketed,
    contacted_too_often,
)
