"""The design of a campaign: what was decided, and by whom, before anybody was contacted."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

import pyarrow as pa

from quanke.effects.groups.assigning import CONTROL, Arm, checked_arms
from quanke.kernel.errors import EffectError
from quanke.segments.control import WHOLE

FORMAT = 1
LONGEST = 3_660
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_DAYS = ("first_contact", "until", "night")

ARMS = pa.schema(
    [
        ("customer", pa.int32()),
        ("arm", pa.string()),
        ("unit", pa.string()),
        ("stratum", pa.string()),
        ("tier", pa.string()),
        ("branch", pa.string()),
        ("hash", pa.uint64()),
        ("rank", pa.int32()),
        ("size", pa.int32()),
    ]
)
"""One row per customer of the audience, by number: his arm, the unit that was dealt out and its stratum, his
tier and branch on that day, the unit's salted hash, its place by it in the stratum (from 0), and units
there."""


class ArmUnit(StrEnum):
    """What is dealt out to arms: everybody alone, or all customers of one household, post or branch
    together."""

    CUSTOMER = "customer"
    HOUSEHOLD = "household"
    POST = "post"
    BRANCH = "branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A campaign as it was planned. Raises EffectError for one that cannot be.

    `name` is the code its pushes bear. `product`: category of the product offered, "" for none. `audience`:
    the text that was asked for. `strata`: tags whose values are kept balanced. `metrics`: names of outcomes,
    the first is looked at first. The campaign contacts from `first_contact` to `until`; its effect is looked
    for in `window_days` from the first contact on. `lane`: campaigns of one lane want the same outcome and
    may not share customers. `night`: the as-of day of the night the audience was cut from. `held_out`,
    `not_marketed`, `without_unit`: customers of the audience who were left out, `excluded` those left to
    other campaigns. `counts` and `units` by arm; `arms_digest`: SHA-256 of the arms.
    """

    name: str
    title_zh: str
    title_en: str
    offer: str
    audience: str
    arms: tuple[Arm, ...]
    salt: str
    first_contact: dt.date
    until: dt.date
    night: dt.date
    window_days: int
    lane: str
    unit: ArmUnit = ArmUnit.CUSTOMER
    strata: tuple[str, ...] = ("tier", "branch")
    metrics: tuple[str, ...] = ()
    product: str = ""
    approval: str = ""
    by: str = ""
    made_at: str = ""
    held_out: int = 0
    not_marketed: int = 0
    without_unit: int = 0
    excluded: Mapping[str, int] = ()  # type: ignore[assignment]
    counts: Mapping[str, int] = ()  # type: ignore[assignment]
    units: Mapping[str, int] = ()  # type: ignore[assignment]
    arms_digest: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", checked_arms(self.arms))
        for name in ("excluded", "counts", "units"):
            object.__setattr__(self, name, dict(getattr(self, name)))
        if not _NAME.match(self.name):
            raise EffectError("a campaign is named like a tag: a-z, 0-9 and _, a letter first, 63 at most")
        if not _NAME.match(self.lane):
            raise EffectError("a lane is named like a tag: a-z, 0-9 and _, a letter first, 63 at most")
        if not 1 <= self.window_days <= LONGEST:
            raise EffectError(f"a window has from 1 to {LONGEST:,} days")
        if self.until < self.first_contact:
            raise EffectError("a campaign ends on the day of its first contact or later")
        if not self.salt:
            raise EffectError("arms need a salt")

    @property
    def closes(self) -> dt.date:
        """The last day on which its effect is looked for, or somebody is contacted."""
        return max(self.until, self.first_contact + dt.timedelta(days=self.window_days - 1))

    @property
    def treated_share(self) -> float:
        """Share of the units that are to be contacted."""
        return 1 - next(arm.share_ppm for arm in self.arms if arm.name == CONTROL) / WHOLE

    def meets(self, other: Design) -> bool:
        """Whether the two want the same outcome in days they share."""
        together = self.first_contact <= other.closes and other.first_contact <= self.closes
        return self.lane == other.lane and together

    def with_arms(self, arms: pa.Table, arms_digest: str) -> Design:
        """The same with the sizes and the digest of its arms."""
        rows = arms.group_by("arm").aggregate([("unit", "count"), ("unit", "count_distinct")]).to_pylist()
        counts = {row["arm"]: (row["unit_count"], row["unit_count_distinct"]) for row in rows}
        names = [arm.name for arm in self.arms]
        return replace(
            self,
            counts={name: counts[name][0] for name in names if name in counts},
            units={name: counts[name][1] for name in names if name in counts},
            arms_digest=arms_digest,
        )

    @property
    def fingerprint(self) -> str:
        """Digest of everything above, arms included."""
        return hashlib.sha256(_text(self.to_json()).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        plain = asdict(self)
        plain.update({name: getattr(self, name).isoformat() for name in _DAYS})
        plain["unit"] = str(self.unit)
        return {"format": FORMAT, **plain}

    def to_text(self) -> str:
        """The text of `design.json`."""
        return _text({**self.to_json(), "fingerprint": self.fingerprint})

    @classmethod
    def from_text(cls, text: str) -> Design:
        """The design of a `design.json`. Raises EffectError for one of another format."""
        try:
            plain = json.loads(text)
            seal = plain.pop("fingerprint")
            if plain.pop("format") != FORMAT:
                raise EffectError(
                    "the campaign was registered by another Quanke: this one cannot read it",
                    "该活动由另一版本的 Quanke 登记：本版本无法读取",
                )
            plain.update({name: dt.date.fromisoformat(plain[name]) for name in _DAYS})
            plain["arms"] = tuple(Arm(**arm) for arm in plain["arms"])
            plain["unit"] = ArmUnit(plain["unit"])
            plain.update({name: tuple(plain[name]) for name in ("strata", "metrics")})
            found = cls(**{field.name: plain[field.name] for field in fields(cls)})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise EffectError("the design of a campaign cannot be read", "有活动的设计无法读取") from None
        if found.fingerprint != seal:
            raise EffectError(
                f"the design of {found.name} is not the one that was registered",
                f"{found.name} 的设计与登记的不符",
            )
        return found


def _text(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
