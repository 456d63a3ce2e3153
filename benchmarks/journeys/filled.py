"""Tables as they stand after a year of campaigns: a block list, and what was sent in the last ninety days."""

from __future__ import annotations

from typing import Any

BLOCKS, SENDS = 200_000, 3_000_000
"""For a million enrolments; fewer of them have fewer."""
DAYS = 90
_NUMBERS = {
    "postgresql": "SELECT generate_series(0::bigint, %s - 1) AS n",
    "sqlite": "WITH RECURSIVE each(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM each WHERE n < %s - 1)"
    " SELECT n FROM each",
}


def fill(size: int, customers: int, now: int) -> dict[str, int]:
    """Writes blocks (by a means, or by any), and marketing that was sent, spread over customers and days
    before a moment, in one statement each. Numbers are mixed by a multiplication: neighbours differ."""
    blocks, sends = BLOCKS * size // 1_000_000, SENDS * size // 1_000_000
    means = "CASE n %% 4 WHEN 0 THEN 'any' WHEN 1 THEN 'push' ELSE 'sms' END"
    _write(
        "INSERT INTO campaigns_block (customer, means, since, until, reason, at)"
        f" SELECT n * 5 %% %s, {means}, '2026-05-01', NULL, 'asked', '2026-05-01 00:00:00' FROM",
        [customers],
        blocks,
    )
    by = "CASE n %% 3 WHEN 0 THEN 'push' ELSE 'sms' END"
    _write(
        "INSERT INTO campaigns_send (key, customer, template, means, others, purpose, priority, state, wake,"
        " rule, tries, gateway, made, decided)"
        f" SELECT 'before' || n, n * 7919 %% %s, 'before', {by}, '', 'marketing', 5, 't', 0, '', 1, '',"
        " %s - 1 - n * 104729 %% %s, %s - 1 - n * 104729 %% %s FROM",
        [customers, now, DAYS * 86_400, now, DAYS * 86_400],
        sends,
    )
    return {"blocks": blocks, "sent_before": sends}


def _write(text: str, given: list[Any], count: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"{text} ({_NUMBERS[connection.vendor]}) AS numbers", [*given, count])
        cursor.execute("ANALYZE")
