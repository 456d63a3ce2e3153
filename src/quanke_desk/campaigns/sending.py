"""Sending: what is queued passes the gate by sets, goes over to its gateways, and is never sent twice.

A row is *queued* or *held*, then *handed over*, then *sent*, *refused* or *failed*; some are *given* to
staff, who send them (`by_staff`). Before a message leaves, its row says so and that is committed; who finds
such a row of a process that died asks the gateway before anything is sent again. `tries` counts takings by
one means; together they tell one taking from the next: what a process writes after another took the row
over finds that it is not its own.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from django.db.models import Case, F, QuerySet, SmallIntegerField, When
from django.utils import timezone

from quanke_desk.campaigns.addresses import addresses
from quanke_desk.campaigns.channels import (
    Channel,
    ChannelDown,
    Fate,
    HoldsOpen,
    Message,
    Outcome,
    Sure,
    channel_of,
)
from quanke_desk.campaigns.due import due, is_urgent, lay_down, locked, next_rows, stopped, waiting
from quanke_desk.campaigns.gateway_numbers import note_numbers
from quanke_desk.campaigns.gating import candidates, is_late, may_go_again
from quanke_desk.campaigns.joint_terms import no_longer_covered
from quanke_desk.campaigns.known import among
from quanke_desk.campaigns.links import click_address, refusal_address
from quanke_desk.campaigns.models import Refusal, Send, SendState, TemplateVersion
from quanke_desk.campaigns.policy import RULES, SERVICE, decide
from quanke_desk.campaigns.pushes_home import alone, tell_home
from quanke_desk.campaigns.tally import Done
from quanke_desk.campaigns.template_queries import usable_texts
from quanke_desk.campaigns.texts import parts_sent, whole, words_for

LEASE = 120
"""Seconds after which a row that was handed over counts as left behind: longer than any call of a gateway."""
BATCH = 1_000
ONE_BY_ONE = 50
"""Of what goes over one by one, how many are taken together: soon what the gate said of the last is old."""
FRESH = 30
"""Seconds for which what the gate said holds: who says no meanwhile gets nothing that leaves later."""
TRIES = 8
FIRST_WAIT, LONGEST_WAIT = 15, 900
HANDED = "?"
"""Stands for the gateway's number from the moment before a message may leave."""
_log = logging.getLogger(__name__)
Rows = list[Send]


@dataclass
class _Taken:
    """What one taking leaves to be handed over, with the text of each row."""

    rows: Rows = field(default_factory=list)
    texts: dict[int, TemplateVersion] = field(default_factory=dict)
    at: int = 0


@dataclass(frozen=True)
class _Handing:
    """How rows go over: when the gate was asked, who writes down what became of them, and who takes them
    back."""

    asked: int
    record: Callable[[Rows, Mapping[str, Outcome], Done], None]
    back: Callable[[Rows, int, Done], None]

    @property
    def stale(self) -> bool:
        """Whether the gate has to be asked anew."""
        return _now() - self.asked > FRESH


def send_due(seconds: float = 45.0) -> Done:
    """Sends what is due until nothing is, or the time is up. Several may do it at once."""
    done, ends = Done(), time.monotonic() + seconds
    lay_down(_now())
    most = BATCH
    while time.monotonic() < ends:
        asked = _recover(done)
        taken, looked_at = _take(done, most)
        before = done.left
        _hand_over(taken, done)
        if taken.rows and done.left == before and _now() - taken.at > FRESH:
            most = max(most // 4, 1)  # so slow a machine that a batch is old before its first part leaves
        if not asked and not looked_at:
            break
    return done


def _now() -> int:
    return int(timezone.now().timestamp())


def _of(rows: Iterable[Send]) -> QuerySet[Send]:
    numbers = np.array([row.pk for row in rows], np.int64)
    return among(Send.objects.all(), "pk", numbers)


def _take(done: Done, most: int) -> tuple[_Taken, int]:
    """Takes a batch of what is due through the gate: one transaction, one statement an outcome."""
    taken = _Taken()
    if not waiting(_now()).exists():
        return taken, 0
    with transaction.atomic():
        alone()
        now = _now()
        found = next_rows(now, most)
        _refuse([row for row in found if is_late(row, now)], "late", now, done)
        rows = [row for row in found if not is_late(row, now)]
        texts = usable_texts(rows)
        decided = decide(candidates(rows, texts))
        for rule, places in decided.rows_by_rule().items():
            hit = [rows[n] for n in places]
            if RULES[rule].holds:
                until = int(decided.until[places[0]])
                _of(hit).update(state=SendState.HELD, wake=until, rule=rule)
                done.held += len(hit)
            else:
                _refuse(hit, rule, now, done)
        open_rows = [rows[n] for n in np.flatnonzero(decided.allowed)]
        lapsed = no_longer_covered(open_rows)
        _refuse([row for row in open_rows if row.pk in lapsed], "joint", now, done)
        open_rows = [row for row in open_rows if row.pk not in lapsed]
        by = {means: channel_of(means) for means in {row.means for row in open_rows}}
        _refuse([row for row in open_rows if by[row.means] is None], "no_channel", now, done)
        taken.rows, taken.at = _as_many_as_go(open_rows, by), now
        taken.texts = {row.pk: texts[row.pk].version for row in taken.rows}
        _mark_taken(taken, now)
    return taken, len(found)


def _as_many_as_go(rows: Rows, by: Mapping[str, Channel | None]) -> Rows:
    """Those of some rows that are taken now, by the channels of their means."""
    room = {means: ONE_BY_ONE if c.at_once == 1 else BATCH for means, c in by.items() if c is not None}
    found: Rows = []
    for row in rows:
        if room.get(row.means, 0):
            room[row.means] -= 1
            found.append(row)
    return found


def _mark_taken(taken: _Taken, now: int) -> None:
    by_version: dict[int, Rows] = defaultdict(list)
    for row in taken.rows:
        by_version[taken.texts[row.pk].pk].append(row)
    for version, rows in by_version.items():
        _of(rows).update(
            state=SendState.SENDING, wake=now + LEASE, decided=now, rule="", gateway="", version=version,
            tries=F("tries") + 1,
        )  # fmt: skip
    for row in taken.rows:
        row.tries += 1


def _refuse(rows: Rows, rule: str, now: int, done: Done, state: str = SendState.REFUSED) -> None:
    """Refuses rows by a rule, or tries the next of their other means where another may pass; that this one
    was refused is kept."""
    other: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in rows:
        if row.others and rule in RULES and RULES[rule].by_means:
            first, _comma, rest = row.others.partition(",")
            other[first, rest].append(row)
    for (means, others), those in other.items():
        _of(those).update(
            state=SendState.QUEUED, means=means, others=others, wake=now, rule="", gateway="", tries=0
        )
        done.other_means += len(those)
    moved = {row.pk for those in other.values() for row in those}
    kept = [
        Refusal(
            key=row.key,
            customer=row.customer,
            means=row.means,
            rule=rule,
            at=now,
            journey=row.journey_id,
        )
        for row in rows
        if row.pk in moved
    ]
    Refusal.objects.bulk_create(kept, ignore_conflicts=True, batch_size=BATCH)
    left = [row for row in rows if row.pk not in moved]
    if left:
        _of(left).update(state=state, rule=rule, decided=now, gateway="")
        if state == SendState.FAILED:
            done.failed += len(left)
        else:
            done.refused += len(left)


def _hand_over(taken: _Taken, done: Done) -> None:
    by_means: dict[tuple[bool, str], Rows] = defaultdict(list)
    for row in taken.rows:
        by_means[not is_urgent(row), row.means].append(row)
    for (_last, means), rows in sorted(by_means.items(), key=lambda each: each[0][0]):
        channel = channel_of(means)
        if channel is None:  # its settings went since: what was not handed over is found again
            continue
        messages = _messages(means, rows, taken.texts, done)
        ready = [row for row in rows if row.pk in messages]
        with _open(channel):
            _in_parts(channel, ready, messages, done, _Handing(taken.at, _record, _put_back))


def _open(channel: Channel) -> AbstractContextManager[object]:
    return closing(channel) if isinstance(channel, HoldsOpen) else nullcontext()


def _in_parts(
    channel: Channel, ready: Rows, messages: Mapping[int, Message], done: Done, how: _Handing
) -> None:
    for start in range(0, len(ready), channel.at_once):
        if how.stale:  # a gateway that takes its time
            how.back(ready[start:], 0, done)
            return
        try:
            _send_part(channel, ready[start : start + channel.at_once], messages, done, how)
        except ChannelDown as down:
            _log.warning("channel %s: %s", ready[0].means, down)
            how.back(ready[start:], down.wait, done)
            return


def _messages(
    means: str, rows: Rows, texts: Mapping[int, TemplateVersion], done: Done, left: bool = False
) -> dict[int, Message]:
    """What each row says; who has no address by this means, or lacks a value, is refused. Of what may have
    `left` already nobody will know any more."""
    at = addresses(sorted({row.customer for row in rows}), means)
    by_text: dict[int, Rows] = defaultdict(list)
    for row in rows:
        by_text[texts[row.pk].pk].append(row)
    made: dict[int, Message] = {}
    homeless: Rows = []
    wordless: Rows = []
    for those in by_text.values():
        version = texts[those[0].pk]
        words = words_for(version, sorted({row.customer for row in those}))
        for row in those:
            said = words[row.customer]
            if said is None:
                wordless.append(row)
            elif row.customer not in at:
                homeless.append(row)
            else:
                link = click_address(row.pk, row.key, version.link)
                sells = row.purpose != SERVICE
                made[row.pk] = Message(
                    key=row.key, means=means, address=at[row.customer], subject=said.subject, link=link,
                    body=whole(said.body, means, sells, link, said.english),
                    refuse=refusal_address(row.pk, row.key) if sells else "",
                )  # fmt: skip
    for hit, rule in ((homeless, "no_address"), (wordless, "no_value")):
        if left:
            _ours(hit, lambda those: _give_up(those, done))
        else:
            _ours(hit, lambda those, by=rule: _refuse(those, by, _now(), done))  # type: ignore[misc]
    return made


def _ours(rows: Rows, do: Callable[[Rows], object], state: str = SendState.SENDING) -> Rows:
    """Does something, in one transaction, to those of the rows that are still this taking's; answers them."""
    if not rows:
        return []
    with transaction.atomic():
        held = _of(rows).filter(state=state).select_for_update()
        at = {pk: taking for pk, *taking in held.values_list("pk", "tries", "means")}
        mine = [row for row in rows if at.get(row.pk) == [row.tries, row.means]]
        if mine:
            do(mine)
        return mine


def _send_part(
    channel: Channel, part: Rows, messages: Mapping[int, Message], done: Done, how: _Handing
) -> None:
    """Hands over one part. That it may have left is committed before it can have; the lease begins anew, so
    that whoever waits for it does not take over what is just being sent. What the gate was asked of too long
    ago, and what belongs to a journey that was stopped since, goes back."""
    goes: Rows = []
    returned: Rows = []

    def handed(those: Rows) -> None:
        gone = set(stopped())
        for row in those:
            (returned if how.stale or row.journey_id in gone else goes).append(row)
        by_parts: dict[int, Rows] = defaultdict(list)
        for row in goes:
            by_parts[parts_sent(messages[row.pk].body, row.means)].append(row)
        for parts, same in by_parts.items():
            _of(same).update(wake=_now() + LEASE, gateway=HANDED, parts=parts)

    _ours(part, handed)
    if returned:
        how.back(returned, 0, done)
    if goes:
        how.record(goes, {o.key: o for o in channel.send([messages[row.pk] for row in goes])}, done)


def became(rows: Rows, outcomes: Sequence[Outcome], done: Done) -> None:
    """Writes down what became of rows that were given to staff."""
    _record(rows, {outcome.key: outcome for outcome in outcomes}, done, SendState.GIVEN)


def taken_back(rows: Rows, rule: str, done: Done) -> None:
    """Refuses rows that were given to staff, by the rule for which they were taken back."""
    _ours(rows, lambda mine: _refuse(mine, rule, _now(), done), SendState.GIVEN)


def _record(rows: Rows, outcomes: Mapping[str, Outcome], done: Done, state: str = SendState.SENDING) -> None:
    """Writes down what became of rows; what nobody knows stays handed over, and is asked for soon."""
    found: dict[Fate, Rows] = defaultdict(list)
    for row in rows:
        found[outcomes.get(row.key, Outcome(row.key, Fate.UNSURE)).fate].append(row)

    def sent(those: Rows) -> None:
        note_numbers([(row.pk, outcomes[row.key].gateway) for row in those])
        tell_home(those)
        done.sent += len(those)

    def given(those: Rows) -> None:
        note_numbers([(row.pk, outcomes[row.key].gateway) for row in those], SendState.GIVEN)
        _of(those).update(wake=_now() + FIRST_WAIT)
        done.given += len(those)

    def failed(those: Rows) -> None:
        _refuse(those, "gateway", _now(), done, SendState.FAILED)

    def unsure(those: Rows) -> None:
        _of(those).update(wake=_now() + FIRST_WAIT)
        done.asked += len(those)

    _ours(found[Fate.SENT], sent, state)
    _ours(found[Fate.GIVEN], given)
    _ours(found[Fate.FAILED], failed, state)
    _ours(found[Fate.UNSURE], unsure)
    given_up = [row for row in found[Fate.LATER] if row.tries >= TRIES]
    _ours(given_up, failed)
    by_wait: dict[int, Rows] = defaultdict(list)
    for row in found[Fate.LATER]:
        if row.tries < TRIES:
            asked = outcomes[row.key].wait or FIRST_WAIT
            by_wait[min(asked * 2 ** (row.tries - 1), LONGEST_WAIT)].append(row)
    for wait, those in by_wait.items():
        _ours(those, lambda mine, wait=wait: _queue(mine, wait, done))  # type: ignore[misc]


def _queue(rows: Rows, wait: int, done: Done) -> None:
    _of(rows).update(state=SendState.QUEUED, wake=_now() + wait, gateway="")
    done.later += len(rows)


def _put_back(rows: Rows, wait: int, done: Done) -> None:
    """The gateway took none of these, which is no fault of theirs: it does not count as a try."""

    def back(those: Rows) -> None:
        less = Case(When(tries__gt=0, then=F("tries") - 1), default=0, output_field=SmallIntegerField())
        _of(those).update(state=SendState.QUEUED, wake=_now() + wait, gateway="", tries=less)
        done.later += len(those)

    _ours(rows, back)


def _recover(done: Done) -> int:
    """What a process that died, or a gateway that fell silent, left handed over. Answers how many rows."""
    now = _now()
    if not due([SendState.SENDING], now).exists():
        return 0
    with transaction.atomic():
        rows = locked(due([SendState.SENDING], now), BATCH)
        _of(rows).update(wake=now + LEASE, tries=F("tries") + 1)
    for row in rows:
        row.tries += 1
    by_means: dict[str, Rows] = defaultdict(list)
    for row in rows:
        by_means[row.means if row.gateway == HANDED else ""].append(row)
    for means, those in by_means.items():
        channel = channel_of(means) if means else None
        if not means:  # never handed over: it passes the gate again
            _ours(those, lambda mine: _queue(mine, 0, done))
        elif channel is None or channel.sure is Sure.NEITHER:
            _ours(those, lambda mine: _give_up(mine, done))
        elif channel.sure is Sure.KEYED:
            _once_more(channel, those, done)
        else:
            _ask(channel, those, done)
    return len(rows)


def _give_up(rows: Rows, done: Done) -> None:
    _refuse(rows, "unsure", _now(), done, SendState.FAILED)


def _once_more(channel: Channel, rows: Rows, done: Done) -> None:
    """Hands over again, to a gateway that takes a key once, what may have left: the same text by the same
    means, if the gate says so as of now; what it holds waits, and what it refuses is given up, for another
    means might reach whom this one has reached already. Of a journey that has stopped nothing leaves."""
    gone, asked = set(stopped()), _now()
    tried = [row for row in rows if row.tries <= TRIES and row.journey_id not in gone]
    again = may_go_again(tried)
    waits = again.texts.keys() | again.until.keys()
    lost = [row for row in rows if row not in tried or row.pk not in waits]
    _ours(lost, lambda mine: _give_up(mine, done))
    for moment in sorted(set(again.until.values())):
        _leave([row for row in tried if again.until.get(row.pk) == moment], moment - asked, done)
    rows = [row for row in tried if row.pk in again.texts]
    messages = _messages(rows[0].means, rows, again.texts, done, left=True) if rows else {}
    ready = [row for row in rows if row.pk in messages]
    with _open(channel):
        _in_parts(channel, ready, messages, done, _Handing(asked, _record_again, _leave))


def _record_again(rows: Rows, outcomes: Mapping[str, Outcome], done: Done) -> None:
    """What became of rows that were handed over again: sent, or unsure, or handed over once more later."""
    fates = {key: outcome.fate for key, outcome in outcomes.items()}
    _record([row for row in rows if fates.get(row.key) is Fate.SENT], outcomes, done)
    _ours([row for row in rows if fates.get(row.key) is Fate.FAILED], lambda mine: _give_up(mine, done))
    _wait([row for row in rows if fates.get(row.key) not in (Fate.SENT, Fate.FAILED)])


def _wait(rows: Rows) -> None:
    """Each time twice as long."""
    by_tries: dict[int, Rows] = defaultdict(list)
    for row in rows:
        by_tries[row.tries].append(row)
    for tries, those in by_tries.items():
        wait = min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
        _ours(those, lambda mine, wait=wait: _of(mine).update(wake=_now() + wait))  # type: ignore[misc]


def _leave(rows: Rows, wait: int, done: Done) -> None:
    """The gateway took none of what it may have taken before: no try, and nothing else is tried."""
    _ours(rows, lambda mine: _of(mine).update(wake=_now() + wait, tries=F("tries") - 1))
    done.later += len(rows)


def _ask(channel: Channel, rows: Rows, done: Done) -> None:
    try:
        outcomes = {o.key: o for o in channel.asked([row.key for row in rows])}
    except ChannelDown as down:
        _log.warning("channel %s: %s", rows[0].means, down)
        _leave(rows, down.wait, done)  # that it could not be asked is no try
        return
    done.asked += len(rows)
    unseen = {key for key, outcome in outcomes.items() if outcome.fate is Fate.UNSEEN}
    _record([row for row in rows if row.key in outcomes and row.key not in unseen], outcomes, done)
    _ours([row for row in rows if row.key in unseen], lambda mine: _queue(mine, 0, done))
    # of these it said nothing: that it never saw them is not said either
    untold = [row for row in rows if row.key not in outcomes]
    _ours([row for row in untold if row.tries >= TRIES], lambda mine: _give_up(mine, done))
    _wait([row for row in untold if row.tries < TRIES])
