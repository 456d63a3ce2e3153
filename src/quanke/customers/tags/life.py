"""Life-cycle hints: what stage of life a customer seems to be in.

They are guesses for marketing, not facts: every one carries that purpose, which keeps it out of risk and
compliance, and minors have none (domain.md PI-3, PI-4).
"""

from __future__ import annotations

from quanke.customers.tags.flows import house_purchase_90d, pays_tuition
from quanke.customers.tags.income import has_pension, has_salary
from quanke.customers.tags.person import age, is_person
from quanke.customers.tags.products import HOLDS
from quanke.language import Purpose, Tag, when

is_home_owner = Tag(
    name="is_home_owner",
    title_zh="有房客群",
    title_en="Owns a home, as far as seen",
    value=HOLDS["mortgage"] | house_purchase_90d,
    purpose=Purpose.MARKETING,
)
has_schoolchild = Tag(
    name="has_schoolchild",
    title_zh="子女就学家庭",
    title_en="Family with a child at school, as far as seen",
    value=pays_tuition & age.between(26, 61),
    purpose=Purpose.MARKETING,
    note_zh="26至60岁且近一年缴学费。",
    note_en="Aged 26 to 60 and paid tuition in 365 days.",
)
is_young_family = Tag(
    name="is_young_family",
    title_zh="年轻家庭",
    title_en="Young family, as far as seen",
    value=age.between(25, 41) & (is_home_owner | pays_tuition),
    purpose=Purpose.MARKETING,
    note_zh="25至40岁且有房贷、购房或缴学费。",
    note_en="Aged 25 to 40 with a mortgage, a house purchase or tuition.",
)
is_retiring = Tag(
    name="is_retiring",
    title_zh="临近退休",
    title_en="Near retirement, as far as seen",
    value=age.between(53, 64) & has_salary & ~has_pension,
    purpose=Purpose.MARKETING,
    note_zh="53至63岁、有代发工资且尚无养老金；法定退休年龄正逐步延迟，故取宽区间。",
    note_en="Aged 53 to 63, wages and no pension yet; wide, because the legal age is rising step by step.",
)
is_retired = Tag(
    name="is_retired",
    title_zh="已退休",
    title_en="Retired, as far as seen",
    value=has_pension | (age >= 65),
    purpose=Purpose.MARKETING,
)
life_phase = Tag(
    name="life_phase",
    title_zh="人生阶段",
    title_en="Phase of life",
    value=when(age.is_null() | ~is_person | (age < 18), None)
    .when(is_retired, "retired")
    .when(is_retiring, "retiring")
    .when(is_young_family, "young_family")
    .when(has_schoolchild, "family")
    .when(age < 25, "starting")
    .when(age < 35, "career")
    .otherwise("established"),
    purpose=Purpose.MARKETING,
    unit="code",
    note_zh="starting初入社会、career事业起步、young_family年轻家庭、family子女就学、established成熟、"
    "retiring临近退休、retired已退休；未成年人为空。",
    note_en="Null for minors and where the age is unknown.",
)

TAGS = (is_home_owner, has_schoolchild, is_young_family, is_retiring, is_retired, life_phase)
