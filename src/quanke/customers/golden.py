"""Which source is believed first when several know the same customer.

The golden record takes each field from the first source in this order that knows it. Core banking
has checked identity documents at a counter; cards and mobile keep what customers typed; a partner's
file comes last. Sources not named here follow, by name.
"""

from __future__ import annotations

SOURCE_PRIORITY: tuple[str, ...] = ("core", "cards", "mobile", "partner")
