"""Households, referrals, and people whom bodies bring: figures that stand on the graph."""

from __future__ import annotations

from quanke.customers.tags import graph, income
from quanke.customers.tags.activity import in_scope
from quanke.customers.tags.person import is_person
from quanke.customers.tags.products import accounts_open
from quanke.language import Metric, Purpose, total
from quanke.segments.metrics.population import number_of, of_persons, share_of

LINKED: tuple[Metric, ...] = (
    Metric(
        name="households",
        title_zh="家庭户数",
        title_en="Households",
        value=number_of(is_person & graph.household_head),
        purpose=Purpose.STATISTICS,
        note_zh="按家庭代表计数，单独一人亦为一户。",
        note_en="Counted at heads; a person alone is a household.",
    ),
    Metric(
        name="household_aum_total",
        title_zh="家庭资产总额",
        title_en="Total of household assets",
        value=total(graph.household_aum).where(is_person & graph.household_head),
        purpose=Purpose.STATISTICS,
        note_zh="只计家庭代表，各网点合计等于全体个人AUM（KPI-1）。",
        note_en="At heads only: the branches add up to the AUM of all persons (KPI-1).",
    ),
    Metric(
        name="body_people_unbanked",
        title_zh="机构人员未开户人数",
        title_en="People of bodies without an account",
        value=number_of(is_person & graph.reached_by_body & (accounts_open == 0)),
        purpose=Purpose.STATISTICS,
        note_zh="可经机构触达而无未销户账户的个人：仅为线索（PI-2）。",
        note_en="Persons who can be reached through a body and have no open account: leads only (PI-2).",
    ),
    Metric(
        name="wages_from_bodies_rate",
        title_zh="行内代发占代发客户比",
        title_en="Share of wage customers paid from a body's account here",
        value=share_of(graph.wages_from_body, in_scope & income.has_salary),
        purpose=Purpose.STATISTICS,
    ),
    Metric(
        name="customers_brought_by_bodies",
        title_zh="机构带来客户数",
        title_en="Customers brought by bodies",
        value=number_of(in_scope & graph.brought_by_body),
        purpose=Purpose.STATISTICS,
        note_zh="首次开户当日有成立的G→B→C链条（GBC归属）。",
        note_en="A chain G -> B -> C held on the day of the first account.",
    ),
    Metric(
        name="referrals_converted_total",
        title_zh="推荐成功总人数",
        title_en="Referrals that became customers",
        value=of_persons(graph.referrals_converted),
        purpose=Purpose.STATISTICS,
        unit="persons",
    ),
)
"""What links between customers add up to."""
