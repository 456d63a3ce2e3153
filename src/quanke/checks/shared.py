"""Findings of shared devices, telephones and addresses: they bear the purpose risk (domain.md PI-6).

A shared address is a family far more often than a fraud, so the figures that make a finding are high and
families of the graph are let pass.
"""

from __future__ import annotations

from quanke.customers.tags.graph import (
    household_size,
    shared_address_persons,
    shared_device_persons,
    shared_phone_persons,
)
from quanke.customers.tags.person import is_person
from quanke.language import Check, Purpose

DEVICE_PERSONS = 3
PHONE_PERSONS = 4
ADDRESS_PERSONS = 6
"""So many persons behind one device, telephone or address raise a question."""

device_shared = Check(
    name="device_shared",
    title_zh="多人共用设备",
    title_en="Device shared by many",
    value=is_person
    & (shared_device_persons >= DEVICE_PERSONS)
    & (shared_device_persons > household_size.otherwise(1)),
    purpose=Purpose.RISK,
    owner="risk",
    note_zh="一年内至少3人登录同一设备且多于家庭人数：疑似代操作或出租账户（AML）。",
    note_en="Three or more persons on one device in a year, more than the household has: accounts run by "
    "others, or rented out (AML).",
)
phone_shared = Check(
    name="phone_shared",
    title_zh="多人共用电话",
    title_en="Telephone shared by many",
    value=is_person
    & (shared_phone_persons >= PHONE_PERSONS)
    & (shared_phone_persons > household_size.otherwise(1)),
    purpose=Purpose.RISK,
    owner="risk",
    note_zh="至少4人登记同一手机号且多于家庭人数：核实实名（反电诈法）。",
    note_en="Four or more persons with one mobile number, more than the household has: verify who owns it.",
)
address_shared = Check(
    name="address_shared",
    title_zh="多人共用地址",
    title_en="Address shared by many",
    value=is_person
    & (shared_address_persons >= ADDRESS_PERSONS)
    & (shared_address_persons > household_size.otherwise(1)),
    purpose=Purpose.RISK,
    owner="risk",
    severity="info",
    note_zh="至少6人登记同一详细地址且多于家庭人数（AML）。",
    note_en="Six or more persons at one address, more than the household has (AML).",
)

SHARED_CHECKS = (device_shared, phone_shared, address_shared)
