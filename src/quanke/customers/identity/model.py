"""The model of identity: how much each level of agreement says, and from where on a pair is linked.

The method is Fellegi and Sunter's (1969), as Splink applies it: a level adds log2(m/u) to the weight of a
pair, where m is how often it is seen among records of one person and u among records of two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import resources

from quanke.customers.identity.comparisons import FIELDS
from quanke.kernel.errors import InputError

SMALLEST = 1e-7
"""No level is rarer than this in a model: fewer pairs are never seen."""


@dataclass(frozen=True, slots=True)
class IdentityModel:
    """Numbers by which pairs are weighed; frozen, so that it can be pinned with a night.

    `m`, `u`: by field, one probability per level, the best level first. `prior`: chance that two records
    taken blindly are of one person. `terms`: share of records that have a frequent name; `rare_term` the
    share of any other name. `link`: from this probability on a corroborated pair is linked; `review`: from
    here on a pair is put before a person; `cohesion`: the least mean probability between two groups that
    are joined. `documents`: whether records carry documents with a rule; where none does, likelihood alone
    links people whose names are in letters. `trained_on`: distinct records the numbers are of (0: shipped).
    """

    prior: float
    m: Mapping[str, tuple[float, ...]]
    u: Mapping[str, tuple[float, ...]]
    terms: Mapping[str, float] = field(default_factory=dict)
    rare_term: float = 1e-5
    link: float = 0.95
    review: float = 0.6
    cohesion: float = 0.4
    documents: bool = True
    trained_on: int = 0
    effective_from: str = "2026-11-24"

    def __post_init__(self) -> None:
        for one in FIELDS:
            for table in (self.m, self.u):
                shares = table.get(one.name, ())
                if len(shares) != len(one.levels) or not all(0 < share <= 1 for share in shares):
                    raise InputError(
                        "one probability above 0 and up to 1 is wanted per level", field=one.name
                    )
        if not 0 < self.review <= self.link <= 1 or not 0 < self.prior < 1:
            raise InputError(
                "0 < review <= link <= 1 and 0 < prior < 1 are wanted", field="link, review, prior"
            )

    def to_json(self) -> str:
        """The model as JSON text with sorted keys; equal models give equal texts."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, indent=1)

    @staticmethod
    def from_json(text: str) -> IdentityModel:
        """The model of a text that `to_json` wrote; InputError where it is none."""
        try:
            content = json.loads(text)
            for name in ("m", "u"):
                content[name] = {one: tuple(shares) for one, shares in content[name].items()}
            return IdentityModel(**content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError("is not a model of identity", field="model") from error

    def fingerprint(self) -> str:
        """Digest that is equal when and only when the model is."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


@lru_cache(maxsize=1)
def default_model() -> IdentityModel:
    """The model that ships with Quanke, for record sets too small to learn from."""
    path = resources.files("quanke.customers.identity").joinpath("data/default_model.json")
    return IdentityModel.from_json(path.read_text("utf-8"))
