"""Figures of the first page: how many customers of a scope are in each tier, key group and stage."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language

from quanke.customers.stages import STAGES
from quanke.segments import DEFAULT_SCHEME
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.scope import Scope, rows

WORDS = {
    "tier": {t.name: (t.title_zh, t.title_en) for t in DEFAULT_SCHEME.tiers},
    "key_group": {g.name: (g.title_zh, g.title_en) for g in DEFAULT_SCHEME.key_groups},
    "stage": STAGES,
}


def home_figures(scope: Scope) -> dict[str, Any]:
    """`count` of customers in a scope, and `groups`: per column its title and lines with title and count, in
    the order of the scheme; who is in none of a column is left out. Raises NightError before any night."""
    held = base()
    seen = rows(scope, held)
    language = 1 if (get_language() or "").startswith("en") else 0
    groups = []
    for column, words in WORDS.items():
        if column in held.known and seen.any():
            counts = held.counts(column, seen)
            order = [*words, *sorted(set(counts) - set(words))]  # a bank's own tiers go by their names
            called = {n: words[n][language] if n in words else n for n in order}
            lines = [{"title": called[n], "count": counts.get(n, 0)} for n in order]
            tag = held.bank.catalogue[column]
            title = tag.title_en if language else tag.title_zh
            groups.append({"title": title, "lines": lines, "most": max([1, *counts.values()])})
    return {"count": int(seen.sum()), "groups": groups}
