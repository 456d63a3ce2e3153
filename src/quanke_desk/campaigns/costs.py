"""What a campaign has cost: messages that were sent and tasks that were done, at what each cost on its day.

Costs are parameters (`campaign.cost.*`): fen per thousand messages (of text messages: of the parts each was
sent as), fen a call or a visit, fen a minute of
staff. Of a campaign that was not run by the desk, the pushes that were loaded are what is known of it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
from django.db.models import Count, F, Sum

from quanke.bank.arranged import facts_sql
from quanke_desk.campaigns.effect_words import means_word
from quanke_desk.campaigns.models import JourneyVersion, Receipt, ReceiptKind, Send, SendState
from quanke_desk.campaigns.named import enrolled, version_of
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.parameters import PARAMETERS, value
from quanke_desk.work.queries import tasks_of_campaign

_OFFSET = 8 * 3600
"""Seconds by which days of Shanghai begin before those of 1970's clock."""
_EPOCH = dt.date(1970, 1, 1)
PERSONAL = frozenset({"call", "visit"})


@dataclass(frozen=True)
class CostLine:
    """One means: how many messages or tasks, and what they cost together (fen); `parts`: as how many messages
    they were paid for."""

    means: str
    task: bool
    count: int
    fen: int
    parts: int = 0

    @property
    def words(self) -> str:
        """The means in words."""
        return means_word(self.means)

    @property
    def many(self) -> bool:
        """Whether more was paid for than messages were sent."""
        return self.parts > self.count


@dataclass(frozen=True)
class ChannelLine:
    """What went by one means, and what came back: sent, delivered, opened or clicked, refused."""

    means: str
    sent: int
    delivered: int
    clicked: int
    refused: int

    @property
    def words(self) -> str:
        """The means in words."""
        return means_word(self.means)


def cost_lines(campaign: str) -> list[CostLine]:
    """What a campaign cost, by means, the dearest first."""
    version = version_of(campaign)
    lines = _pushed(campaign) if version is None else [*_sent(campaign, version), *_tasks(campaign)]
    return sorted(lines, key=lambda line: (-line.fen, line.means))


def channel_lines(campaign: str, version: JourneyVersion) -> list[ChannelLine]:
    """What went by each means of a campaign, and what came back."""
    sends = Send.objects.filter(state=SendState.SENT, **enrolled(campaign, version))
    sent = dict(sends.values_list("means").annotate(n=Count("id")).order_by())
    told = Receipt.objects.filter(send__in=sends).values_list("send__means", "kind")
    back = {(m, k): n for m, k, n in told.annotate(n=Count("id")).order_by()}

    def of(means: str, *kinds: str) -> int:
        return sum(back.get((means, str(kind)), 0) for kind in kinds)

    return [
        ChannelLine(
            means, count, of(means, ReceiptKind.DELIVERED), of(means, ReceiptKind.CLICKED),
            of(means, ReceiptKind.REFUSED),
        )
        for means, count in sorted(sent.items(), key=lambda pair: -pair[1])
    ]  # fmt: skip


def _sent(campaign: str, version: JourneyVersion) -> list[CostLine]:
    sends = Send.objects.filter(state=SendState.SENT, **enrolled(campaign, version))
    rows = sends.annotate(day=(F("decided") + _OFFSET) / 86_400).values_list("means", "day")
    counted = rows.annotate(n=Count("id"), paid=Sum("parts")).order_by()
    return _messages(
        (means, _EPOCH + dt.timedelta(days=int(day)), n, paid) for means, day, n, paid in counted
    )


def _pushed(campaign: str) -> list[CostLine]:
    """Pushes that were loaded: messages by the thousand (as how many parts each was sent nobody tells), calls
    and visits as tasks without a known length."""
    sql = (
        f"SELECT means, date, count(*) FROM ({facts_sql(base().bank.home, 'pushes')})"
        " WHERE campaign = $campaign AND arm = 'treated' AND means IS NOT NULL GROUP BY 1, 2"
    )
    with duckdb.connect() as connection:
        rows = connection.execute(sql, {"campaign": campaign}).fetchall()
    personal = [(means, day, n, 0) for means, day, n in rows if means in PERSONAL]
    messages = [(means, day, n, n) for means, day, n in rows if means not in PERSONAL]
    return [*_messages(messages), *_done(personal)]


def _tasks(campaign: str) -> list[CostLine]:
    _given, done = tasks_of_campaign(campaign)
    return _done((task.means, task.day, task.count, task.seconds) for task in done)


def _messages(rows: Iterable[tuple[str, dt.date, int, int]]) -> list[CostLine]:
    counts: dict[str, int] = defaultdict(int)
    parts: dict[str, int] = defaultdict(int)
    thousandths: dict[str, int] = defaultdict(int)
    for means, day, count, paid in rows:
        counts[means] += count
        parts[means] += paid
        thousandths[means] += paid * _at(f"campaign.cost.{means}", day)
    # rounded once for all messages of a means: half up
    return [CostLine(m, False, n, (thousandths[m] + 500) // 1_000, parts[m]) for m, n in counts.items()]


def _done(rows: Iterable[tuple[str, dt.date, int, int]]) -> list[CostLine]:
    counts: dict[str, int] = defaultdict(int)
    sixtieths: dict[str, int] = defaultdict(int)
    for means, day, count, seconds in rows:
        counts[means] += count
        if means in PERSONAL:  # the others have a price by the thousand
            sixtieths[means] += 60 * count * _at(f"campaign.cost.{means}", day)
        sixtieths[means] += seconds * _at("campaign.cost.minute", day)
    return [CostLine(m, True, n, (sixtieths[m] + 30) // 60) for m, n in counts.items()]


def _at(name: str, day: dt.date) -> int:
    """What a parameter was on a day; nothing for a means that has no cost of its own."""
    return value(name, day) if name in PARAMETERS else 0
