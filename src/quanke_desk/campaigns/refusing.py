"""Refusals that no push bears, kept with their rule: once for each key, means and rule."""

from __future__ import annotations

from collections.abc import Mapping

from quanke_desk.campaigns.models import Refusal

PART = 500


def note_refusals(found: Mapping[tuple[str, str, int], str], now: int, *, journey: int | None = None) -> None:
    """Writes down the rule that refused each, by key, means and customer; `journey`: whose they are. What is
    known already is looked for first: a place of the app asks the same all day, and reading is cheaper than
    writing."""
    asked = list(found.items())
    for start in range(0, len(asked), PART):
        part = asked[start : start + PART]
        known = set(
            Refusal.objects.filter(key__in=[key for (key, _m, _c), _rule in part]).values_list(
                "key", "means", "rule"
            )
        )
        new = [
            Refusal(key=key, customer=customer, means=means, rule=rule, at=now, journey=journey)
            for (key, means, customer), rule in part
            if (key, means, rule) not in known
        ]
        if new:
            Refusal.objects.bulk_create(new, ignore_conflicts=True)
