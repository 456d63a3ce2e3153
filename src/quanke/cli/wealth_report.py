"""Advice in the report of a night: to how many trades are proposed, and how near they bring them."""

from __future__ import annotations

import json

from rich.console import RenderableType
from rich.text import Text

from quanke.engines.store import Night
from quanke.kernel.money import format_amount
from quanke.night.wealth import FOLDER, SHEET


def advice_part(night: Night) -> RenderableType | None:
    """What the night proposes; None where it has no advice, or nobody agreed to any."""
    path = night.path / FOLDER / SHEET
    if not path.exists():
        return None
    sheet = json.loads(path.read_text(encoding="utf-8"))
    if not sheet["advised"]:
        return None
    told = f"; 须告知评级上调 to tell of a higher rating: {sheet['told']:,}" if sheet["told"] else ""
    return Text.assemble(
        ("配置建议 Advice on investments  ", "bold"),
        f"{sheet['status'].get('proposed', 0):,} 位客户有建议 customers have a proposal; "
        f"区间内 within the band {sheet['within_band_before']:,} -> {sheet['within_band_after']:,} of "
        f"{sheet['advised']:,}; 费用 fees {format_amount(sheet['fees'])} 元{told}",
    )
