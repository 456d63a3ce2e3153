"""What is shown of a value to somebody who may not see the whole of it (defaults of domain.md, section 3).

Masks count code points, keep the length where it tells nothing, and show nothing of a value too short to
hide the rest of. They are for display; a masked value is never compared or stored.
"""

from __future__ import annotations

import re
from bisect import bisect_right

STAR = "*"
_DISTRICT = re.compile(r"^.*?(?:市辖区|区|县|旗)")
_CITY = re.compile(r"^.*?(?:市|州|盟)")

AMOUNT_BANDS_WAN = (0, 1, 5, 20, 50, 100, 300, 600, 1000)
"""Lower bounds of the bands an amount is shown in, in units of 10,000 (万元)."""


def mask_name(name: str, keep: str = "last") -> str:
    """A name with only its last character: `"张三"` -> `"*三"`. A single character is hidden.

    `keep="first"` shows the first character instead, the surname of most Chinese names (`"张*"`).
    """
    if keep not in ("last", "first"):
        raise ValueError("keep is 'last' or 'first'")
    if len(name) < 2:
        return STAR * len(name)
    return STAR * (len(name) - 1) + name[-1] if keep == "last" else name[0] + STAR * (len(name) - 1)


def mask_id(number: str, for_operations: bool = False) -> str:
    """A document's number with its first and last character; operations staff see first 3 and last 4."""
    return _ends(number, 3, 4) if for_operations else _ends(number, 1, 1)


def mask_phone(number: str) -> str:
    """A phone number with its first 3 and last 4 digits: `"138****8000"`."""
    return _ends(number, 3, 4)


def mask_card(number: str) -> str:
    """A card number with its first 6 and last 4 digits, which is what a receipt may show."""
    return _ends(number, 6, 4)


def mask_account(number: str) -> str:
    """An account number with its last 4 characters: its head would tell the branch."""
    return _ends(number, 0, 4)


def mask_address(address: str) -> str:
    """An address down to its district, else its city: `"深圳市南山区科技路1号"` -> `"深圳市南山区***"`."""
    match = _DISTRICT.match(address) or _CITY.match(address)
    return (match[0] if match else "") + STAR * 3


def mask_amount(fen: int, *, english: bool = False) -> str:
    """An amount as a band, for those who do not look after the customer: `"20-50万"`, `"≥1000万"`, `"<0"`; in
    English `"200k-500k"`, `"≥10m"`."""
    if fen < 0:
        return "<0"
    place = bisect_right([bound * 1_000_000 for bound in AMOUNT_BANDS_WAN], fen)
    low = AMOUNT_BANDS_WAN[place - 1]
    if english:
        return f"≥{_short(low)}" if place == len(AMOUNT_BANDS_WAN) else "-".join(
            map(_short, AMOUNT_BANDS_WAN[place - 1 : place + 1])
        )  # fmt: skip
    return f"≥{low}万" if place == len(AMOUNT_BANDS_WAN) else f"{low}-{AMOUNT_BANDS_WAN[place]}万"


def _short(wan: int) -> str:
    """So many ten thousands as English pages write them: `"500k"`, `"1m"`."""
    return f"{wan // 100}m" if wan and wan % 100 == 0 else f"{wan * 10}k" if wan else "0"


def _ends(value: str, head: int, tail: int) -> str:
    """`value` with `head` first and `tail` last characters; all hidden where less than a third would be."""
    hidden = len(value) - head - tail
    if hidden * 3 < len(value) or hidden < 1:
        return STAR * len(value)
    return value[:head] + STAR * hidden + value[len(value) - tail :]
