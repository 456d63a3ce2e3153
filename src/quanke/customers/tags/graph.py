"""What links tell of a customer: his household, his employer, referrals, the body that brought him.

The figures come from the graph of the night (`quanke.customers.graph`). Shared devices, addresses and
telephones are for risk only: their tags bear that purpose, and a tag of another one that reads them is
refused when it is declared.
"""

from __future__ import annotations

from quanke.language import Expression, Purpose, Tag, graph

household_size = Tag(
    name="household_size",
    title_zh="家庭人数",
    title_en="Persons in the household",
    value=graph.household_size,
    unit="persons",
    note_zh="以家人关系相连的个人客户，单独一人为1。",
    note_en="Persons connected by family links; 1 for whoever stands alone.",
)
household_head = Tag(
    name="household_head",
    title_zh="家庭代表",
    title_en="Head of the household",
    value=graph.household_head,
    note_zh="家庭中资产最多者，相同取客户编号最小者；家庭口径只计代表，不重复（KPI-1）。",
    note_en="The member with the most assets (ties: smallest number). Household figures are counted at heads "
    "and so only once (KPI-1).",
)
household_aum = Tag(
    name="household_aum",
    title_zh="家庭资产",
    title_en="Assets of the household",
    value=graph.household_aum,
    note_zh="家庭全体成员AUM之和；每位成员都带同一数值，汇总须只取家庭代表。",
    note_en="AUM of all members; every member bears the same figure, so totals take heads only.",
)
employer_covered = Tag(
    name="employer_covered",
    title_zh="工作单位为我行客户",
    title_en="Employer is a customer",
    value=graph.employer_covered,
    note_zh="用人单位（雇用或代发）在我行有未销户账户；无已知单位为空。",
    note_en="The body that employs or pays him has an open account here; null without a known one.",
)
employer_coverage_rate = Tag(
    name="employer_coverage_rate",
    title_zh="同单位员工开户率",
    title_en="Share of the employer's known people with an account",
    value=graph.employer_people_covered / graph.employer_people_known,
    note_zh="用人单位已知员工中有未销户账户者占比。",
    note_en="Of the employer's people whom the bank knows, those with an open account.",
)
wages_from_body = Tag(
    name="wages_from_body",
    title_zh="工资由本行机构客户代发",
    title_en="Wages come from a body's account here",
    value=graph.wages_from_body,
)
referrals_made = Tag(
    name="referrals_made",
    title_zh="推荐人数",
    title_en="Persons referred",
    value=graph.referrals_made,
    unit="persons",
)
referrals_converted = Tag(
    name="referrals_converted",
    title_zh="推荐成功人数",
    title_en="Persons referred who became customers",
    value=graph.referrals_converted,
    unit="persons",
    note_zh="被推荐后开立首个账户者。",
    note_en="Whose first account was opened on or after the day of the referral.",
)
was_referred = Tag(
    name="was_referred",
    title_zh="由他人推荐",
    title_en="Was referred by somebody",
    value=graph.referred,
)
reached_by_body = Tag(
    name="reached_by_body",
    title_zh="可经机构触达",
    title_en="Can be reached through a body",
    value=graph.bodies_linked > 0,
    note_zh="至少一个机构的员工、住户、学生或家长；就诊关系不计。未开户者仅为线索，须有共享同意（PI-2）。",
    note_en="One of the people of some body; patients are left out. Whoever has no account is a lead only: "
    "his consent must be proved (PI-2).",
)
brought_by_body = Tag(
    name="brought_by_body",
    title_zh="由机构带来",
    title_en="Was brought by a body",
    value=graph.brought_by.is_known(),
    note_zh="首次开户当日有成立的G→B→C链条，按规则只归一个机构。",
    note_en="A chain G -> B -> C held on the day of the first account; one body wins by rule.",
)
body_people_known = Tag(
    name="body_people_known",
    title_zh="机构已知人员数",
    title_en="People of the body that the bank knows",
    value=graph.people_known,
    unit="persons",
    note_zh="仅机构客户；个人为空。",
    note_en="Of bodies; null for persons.",
)
body_coverage_rate = Tag(
    name="body_coverage_rate",
    title_zh="机构人员开户率",
    title_en="Share of the body's known people with an account",
    value=graph.people_covered / graph.people_known,
    note_zh="仅机构客户；无已知人员为空。",
    note_en="Of bodies; null without known people.",
)


def _shared(name: str, title_zh: str, title_en: str, value: Expression) -> Tag:
    """A tag of persons who share something, for risk only."""
    return Tag(
        name=name,
        title_zh=title_zh,
        title_en=title_en,
        value=value,
        purpose=Purpose.RISK,
        owner="risk",
        unit="persons",
        note_zh="含本人；0为无共用。仅供风险与合规（PI-6）。",
        note_en="Himself included; 0 for none. For risk and compliance only (PI-6).",
    )


shared_device_persons = _shared(
    "shared_device_persons", "同设备人数", "Persons on the same device", graph.device_group_size
)
shared_address_persons = _shared(
    "shared_address_persons", "同地址人数", "Persons at the same address", graph.address_group_size
)
shared_phone_persons = _shared(
    "shared_phone_persons", "同电话人数", "Persons with the same telephone", graph.phone_group_size
)

TAGS = (
    household_size,
    household_head,
    household_aum,
    employer_covered,
    employer_coverage_rate,
    wages_from_body,
    referrals_made,
    referrals_converted,
    was_referred,
    reached_by_body,
    brought_by_body,
    body_people_known,
    body_coverage_rate,
    shared_device_persons,
    shared_address_persons,
    shared_phone_persons,
)
