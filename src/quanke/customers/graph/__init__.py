"""The G-B-C graph: typed, dated links between government bodies, businesses and persons.

Links come from relations, payroll and transfers (`derive`), lie in an embedded store (`store`), and answer
questions through `Graph`. Each kind of link says which purposes may see it (`kinds`).
"""

from __future__ import annotations

from quanke.customers.graph.kinds import KINDS, LinkKind
from quanke.customers.graph.neighbourhood import Around
from quanke.customers.graph.portrait import Household, Portrait
from quanke.customers.graph.queries import Graph
from quanke.customers.graph.reach import Reach
from quanke.customers.graph.rules import GraphRules, SplitRule
from quanke.customers.graph.store import GraphStore

__all__ = [
    "KINDS",
    "Around",
    "Graph",
    "GraphRules",
    "GraphStore",
    "Household",
    "LinkKind",
    "Portrait",
    "Reach",
    "SplitRule",
]
