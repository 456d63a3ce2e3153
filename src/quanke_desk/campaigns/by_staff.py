"""Pushes a gateway gave to a member of staff, who has to send them: WeCom does so with every message to a
customer. Nothing was sent until he did; what may not leave any more by then is taken back from him."""

from __future__ import annotations

import logging
from collections import defaultdict

from django.db import connection, transaction
from django.utils import timezone

from quanke_desk.campaigns.channels import ByStaff, ChannelDown, Fate, Outcome, channel_of
from quanke_desk.campaigns.gating import may_go_again
from quanke_desk.campaigns.models import Journey, JourneyState, Send, SendState
from quanke_desk.campaigns.sending import BATCH, became, taken_back
from quanke_desk.campaigns.tally import Done

AGAIN = 900
"""Seconds after which it is asked again whether it was sent."""
LONGEST = 2 * 86_400
"""Seconds a member of staff has: after that it is another day's message."""
_log = logging.getLogger(__name__)


def ask_staff() -> Done:
    """Asks what became of pushes that were given to staff and are due to be asked for."""
    done, now = Done(), int(timezone.now().timestamp())
    due = Send.objects.filter(state=SendState.GIVEN, wake__lte=now).order_by("wake", "id")
    if not due.exists():
        return done
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        rows = list(due.select_for_update(skip_locked=skip)[:BATCH])
        Send.objects.filter(pk__in=[row.pk for row in rows]).update(wake=now + AGAIN)
    by_means: dict[str, list[Send]] = defaultdict(list)
    for row in rows:
        by_means[row.means].append(row)
    for means, those in by_means.items():
        channel = channel_of(means)
        try:
            if isinstance(channel, ByStaff):
                _ask(channel, those, done)
        except ChannelDown as down:
            _log.warning("channel %s: %s", means, down)
    return done


def _ask(channel: ByStaff, rows: list[Send], done: Done) -> None:
    waits = []
    for row in rows:
        fate = channel.result(row.gateway)
        if fate is Fate.GIVEN:
            waits.append(row)
        elif fate is not Fate.UNSURE:
            became([row], [Outcome(row.key, fate, row.gateway)], done)
    for row, rule in _not_any_more(waits):
        channel.take_back(row.gateway)
        fate = channel.result(row.gateway)  # he may have sent it just before
        if fate in (Fate.SENT, Fate.FAILED):
            became([row], [Outcome(row.key, fate, row.gateway)], done)
        elif fate is Fate.GIVEN:
            taken_back([row], rule, done)


def _not_any_more(rows: list[Send]) -> list[tuple[Send, str]]:
    """Which of some rows staff may not send any more, each with the rule."""
    stopped = Journey.objects.filter(state__in=(JourneyState.PAUSED, JourneyState.ENDED))
    journeys, now = set(stopped.values_list("pk", flat=True)), int(timezone.now().timestamp())
    rules, found = may_go_again(rows).rules, []
    for row in rows:
        late = now - (row.decided or 0) > LONGEST
        rule = "stopped" if row.journey_id in journeys else rules.get(row.pk) or ("staff" if late else "")
        if rule:
            found.append((row, rule))
    return found
