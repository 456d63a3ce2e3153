"""Different days of a long window: more of them than a byte counts, the same on every engine."""

from __future__ import annotations

import datetime as dt

from quanke.language import Tag, days, distinct_days, facts
from tests.spec.banks import InDuckDB, InMemory
from tests.spec.cases.facts import facts_case

AS_OF = dt.date(2026, 6, 30)
