"""A campaign in a register."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa

from quanke.effects.groups import ARMS, Arm, CampaignRegister, Design


def campaign(home: Path, customers: list[int], arms: list[str]) -> None:
    """A campaign of July, in a register of its own: the home is shared with other tests."""
    design = Design(
        name="summer", title_zh="夏季", title_en="Summer", offer="", audience="true",
        arms=(Arm("control", 500_000), Arm("treated", 500_000)), salt="s", first_contact=dt.date(2026, 7, 1),
        until=dt.date(2026, 7, 31), night=dt.date(2026, 6, 30), window_days=30, lane="default",
    )  # fmt: skip
    n = len(customers)
    table = pa.table(
        {
            "customer": pa.array(customers, pa.int32()), "arm": arms, "unit": [str(c) for c in customers],
            "stratum": ["x"] * n, "tier": ["core"] * n, "branch": ["b"] * n,
            "hash": pa.array(range(n), pa.uint64()), "rank": pa.array(range(n), pa.int32()),
            "size": pa.array([n] * n, pa.int32()),
        },
        ARMS,
    )  # fmt: skip
    register = CampaignRegister(home)
    with register.deciding():
        register.keep(design, table)
