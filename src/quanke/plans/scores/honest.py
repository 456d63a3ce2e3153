"""What may be asked about a past day: only what a table still tells as it stood then.

A model learns from features as of past days. A table that is kept "as last delivered" answers with what is
true today: whoever later bought a fund has it among his holdings, whoever later complained has another risk
class. Such a feature predicts the past splendidly and the future not at all. So each field is listed as
*fixed* (known on the row's own day and never changed), or as *dated* (a day that was unknown until it came:
read as null before), and what is not listed cannot be learned from. The lists are cautious: where many core
systems write over a field (a maturity after a rollover), it is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from quanke.bank.contracts import CONTRACTS, Purpose, TableKind
from quanke.language import Catalogue
from quanke.language.facts import table_of
from quanke.language.nodes import ALWAYS, Aggregate, Column, Node, Rank, Reduce, Span, references, walk


@dataclass(frozen=True)
class History:
    """Fields of a table of which the past is known. `dated` are days, masked until they have come."""

    fixed: frozenset[str] = frozenset()
    dated: frozenset[str] = frozenset()


def _history(fixed: str, dated: str = "") -> History:
    return History(frozenset(fixed.split()), frozenset(dated.split()))


KEPT: Mapping[str, History] = {
    **{
        # rows of events, and changes of balances, never change once they are taken
        name: History(frozenset(table_of(name).fields))
        for name in ("transactions", "balances", "channel_events", "contacts")
    },
    "balances": History(frozenset({*table_of("balances").fields, "delta"})),
    "pushes": _history("push_id campaign date arm means", "reached_on converted_on"),
    "accounts": _history("product_id category currency branch_id opened_on employer_opened", "closed_on"),
    "cards": _history("card_id kind issued_on", "activated_on closed_on"),
    "consents": _history("consent_id purpose means recipient granted_on text_hash channel", "withdrawn_on"),
    "ownership": _history("ownership_id post_id duty from_date", "to_date"),
    "customers": _history("kind birth_date sex opened_on", "closed_on"),
}
"""By table. Not among them: `holdings`, `graph`, `models`, `scores`, which say how it is now."""


def leaks(catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """What a definition reads, itself or by way of others, that cannot be known as of a past day: fields
    (`holdings.value`), `earlier(x)` of nights that were not published, places among everybody. Empty where it
    can be learned from."""
    found: dict[str, None] = {}
    for definition in catalogue.needed([name]):
        for reference in references(definition.expression):
            if reference.earlier:
                found[f"earlier({reference.name})"] = None
        for node in walk(definition.expression):
            found.update(dict.fromkeys(_lost(node)))
    return tuple(found)


def _lost(node: Node) -> Iterator[str]:
    if isinstance(node, Rank):
        yield "a place among everybody"
    elif isinstance(node, Column):
        history = KEPT.get(node.table, History())
        if node.name not in history.fixed | history.dated:
            yield f"{node.table}.{node.name}"
    elif isinstance(node, Aggregate):
        history = KEPT.get(node.table, History())
        day = node.window.field or table_of(node.table).date
        if day not in history.fixed | history.dated:
            yield f"{node.table}.{day}"


def walled(catalogue: Catalogue, name: str) -> bool:
    """Whether what a definition stands on may not serve marketing: credit-bureau scores, devices collected
    against fraud, findings of compliance, links to the family (PI-6)."""
    return Purpose.MARKETING not in catalogue.purposes(name)


def looks_back(catalogue: Catalogue, name: str) -> Mapping[str, int | None]:
    """How many days before the as-of day a definition looks, by table of events or balances; None: to the
    beginning. Before a table's first day there is nothing, and what is counted over it grows by itself."""
    found: dict[str, int | None] = {}
    for definition in catalogue.needed([name]):
        for node in walk(definition.expression):
            if not isinstance(node, Aggregate) or CONTRACTS[node.table].kind is TableKind.SNAPSHOT:
                continue
            own = _back(node)
            held = found.get(node.table, 0)
            found[node.table] = None if own is None or held is None else max(own, held)
    return found


def _back(node: Aggregate) -> int | None:
    window = node.window
    if window == ALWAYS:
        return 0 if node.reduce is Reduce.LEVEL else None
    if window.span is Span.DAYS:
        # a level within a window is that of its last day
        return window.ago if node.reduce is Reduce.LEVEL else window.ago + window.length
    if window.span is Span.MONTHS:
        return 31 * (window.ago + window.length)
    return {Span.MONTH_TO_DATE: 31, Span.YEAR_TO_DATE: 366, Span.NEXT_DAYS: 0}.get(window.span)


def too_early(back: Mapping[str, int | None], begins: Mapping[str, dt.date], day: dt.date) -> bool:
    """Whether something that looks back so far would, on `day`, look beyond where a table begins. `begins`:
    first day of each table; a table without rows is no hindrance."""
    for table, length in back.items():
        if table in begins and (length is None or day - dt.timedelta(days=length) < begins[table]):
            return True
    return False
