"""Who is who: records of any source to customers, first by proof, then by likelihood, never in silence.

`resolve` does all of it in one call. The night does it in steps, with what it keeps from the last one:
`normalise` each new record once, pin an `IdentityModel`, `find_links` of the fresh records, `group`.
"""

from __future__ import annotations

from quanke.customers.identity.groups import DECISIONS, Grouping, group
from quanke.customers.identity.links import LINKS, find_links
from quanke.customers.identity.model import IdentityModel, default_model
from quanke.customers.identity.quality import quality
from quanke.customers.identity.records import NORMALISED, normalise
from quanke.customers.identity.resolving import resolve
from quanke.customers.identity.training import train

__all__ = [
    "DECISIONS",
    "LINKS",
    "NORMALISED",
    "Grouping",
    "IdentityModel",
    "default_model",
    "find_links",
    "group",
    "normalise",
    "quality",
    "resolve",
    "train",
]
