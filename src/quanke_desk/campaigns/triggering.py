"""Triggers told to journeys: read from the live engine as it decides, or told by the bank's own systems.

What was told is written down first, once for each journey that goes by it, together with how far was read;
then the journeys are told and the rows marked, in one transaction. Killed anywhere, nothing is lost and
nothing happens twice. For a journey that is paused the rows wait, so many hours (a parameter). A trigger that
is too old by then lets nobody enter (`moments`): its row stays and says so.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from quanke.engines.live.sinks.following import Place, end_of, read_on
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import QuankeError
from quanke_desk.campaigns.entering import enter
from quanke_desk.campaigns.graph import GraphError, read_graph
from quanke_desk.campaigns.hearing import heard
from quanke_desk.campaigns.models import Journey, JourneyState, JourneyVersion, ReadPlace, Told, ToldState
from quanke_desk.campaigns.moments import HOUR, is_past
from quanke_desk.campaigns.standing import MOVING, held_state, stands_still
from quanke_desk.foundation.analytic import home_path
from quanke_desk.foundation.parameters import value

PART = 20_000
KEPT = 30 * 86_400
"""How long is known what was told already: longer than the live engine's own memory of a week."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger that fired for a customer. `id` tells it from every other, in the words of who tells;
    `moment` (seconds since 1970) is null where he did not say when: then it is as old as the telling."""

    trigger: str
    customer: int
    id: str
    moment: int | None = None


def follow(now: int | None = None) -> int:
    """Reads what the live engine decided since, and tells the journeys; how many customers entered or went
    on. The first time it only looks how far the engine is: journeys go by what happens from then on."""
    at = int(time.time()) if now is None else now
    folder = home_path() / "live" / "decisions"
    shares = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    if not ReadPlace.objects.filter(share="").exists():
        with transaction.atomic():
            for share in shares:
                end = end_of(folder / share)
                ReadPlace.objects.get_or_create(share=share, defaults={"file": end.file, "read": end.read})
            ReadPlace.objects.get_or_create(share="")
        return 0
    places = {held.share: Place(held.file, held.read) for held in ReadPlace.objects.all()}
    for share in shares:
        place = places.get(share, Place())
        while True:
            found, after = read_on(folder / share, place)
            if after == place:
                break
            _read(share, place, after, [_fired(row) for row in found], at)
            place = after
    return tell(at)


def _fired(row: Mapping[str, object]) -> Fired:
    moment = None
    if at := row.get("at"):
        moment = int(dt.datetime.fromisoformat(str(at)).replace(tzinfo=SHANGHAI).timestamp())
    return Fired(str(row["trigger"]), int(str(row["customer"])), str(row["id"]), moment)


def _read(share: str, before: Place, after: Place, found: list[Fired], now: int) -> None:
    """Writes down what was read and how far; what another worker read meanwhile is left as he wrote it."""
    with transaction.atomic():
        held, _made = ReadPlace.objects.select_for_update().get_or_create(share=share)
        if Place(held.file, held.read) != before:
            return
        note(found, now)
        held.file, held.read = after.file, after.read
        held.save(update_fields=["file", "read"])


def note(fired: Iterable[Fired], now: int) -> int:
    """Writes down triggers for every journey that goes by them, each once; how many rows are new."""
    by_event = _who_goes_by(now)
    keys = {each: _key(each.id) for each in fired}
    wanted = {
        (journey, key): (f"trigger:{each.trigger}", each.customer, each.moment)
        for each, key in keys.items()
        for journey in by_event.get(f"trigger:{each.trigger}", ())
    }
    if not wanted:
        return 0
    with transaction.atomic():
        known = Told.objects.filter(key__in=list({key for _journey, key in wanted}))
        for pair in known.values_list("journey", "key"):
            wanted.pop(pair, None)
        Told.objects.bulk_create(
            [
                Told(journey_id=journey, key=key, event=event, customer=customer, at=now, moment=moment)
                for (journey, key), (event, customer, moment) in wanted.items()
            ],
            ignore_conflicts=True,
            batch_size=2_000,
        )
    return len(wanted)


def _key(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _who_goes_by(now: int) -> dict[str, set[int]]:
    """Journeys by the events they enter by or wait for; whoever is paused hears of them later."""
    states = (*MOVING, JourneyState.PAUSED)
    found: dict[str, set[int]] = defaultdict(set)
    versions = JourneyVersion.objects.filter(journey__state__in=states, started_at__isnull=False)
    for version in versions.only("graph", "journey_id"):
        try:
            events = read_graph(version.graph).events()
        except GraphError as error:
            stands_still(f"journey {version.journey_id}", error, now)
            continue
        for event in events:
            found[event].add(version.journey_id)
    return found


def purposes_of(events: Collection[str]) -> dict[str, str]:
    """For what purposes journeys that are under way go by events, with commas between them; those no journey
    goes by are not among them."""
    by_event = _who_goes_by(int(time.time()))
    current = Journey.objects.filter(pk__in=set().union(*(by_event.get(event, ()) for event in events)))
    of = dict(current.values_list("pk", "current__purpose"))
    return {
        event: ",".join(sorted({of[journey] for journey in by_event[event] if of.get(journey)}))
        for event in events
        if event in by_event
    }


def tell(now: int | None = None) -> int:
    """Tells journeys that move of what waits for them: customers enter, or go on. Answers how many did. What
    waited longer than the parameter says has lapsed, and nobody enters by what is past (`moments`). What one
    journey cannot hear keeps no other waiting."""
    at = int(time.time()) if now is None else now
    waiting = Told.objects.filter(state=ToldState.WAITING, journey__state__in=MOVING)
    pairs = list(waiting.values_list("journey", "event").distinct())
    done = 0
    for journey, event in pairs:
        try:
            done += _tell(journey, event, at)
        except (QuankeError, ValueError) as error:
            stands_still(f"journey {journey}, {event}", error, at)
    return done


def _tell(journey: int, event: str, now: int) -> int:
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        if held_state(journey)[0] not in MOVING:  # paused since it was looked at: the rows wait for it
            return 0
        rows = Told.objects.filter(journey=journey, event=event, state=ToldState.WAITING)
        rows.filter(at__lt=now - value("journeys.trigger_hours") * HOUR).update(state=ToldState.LAPSED)
        taken = rows.order_by("id").select_for_update(skip_locked=skip)
        found = list(taken.values_list("id", "customer", "moment", "at")[:PART])
        done = heard(event, customers=[row[1] for row in found], journey=journey, now=now)
        current = (
            Journey.objects.select_related("current__journey", "current__audience").get(pk=journey).current
        )
        past: set[int] = set()
        if current is not None and current.graph.get("entry") == event:
            graph = read_graph(current.graph)
            past = {
                pk for pk, _c, moment, at in found if is_past(graph, at if moment is None else moment, now)
            }
            fresh = [customer for pk, customer, _m, _at in found if pk not in past]
            done += enter(current, np.array(fresh, np.int64), now)
        Told.objects.filter(pk__in=[row[0] for row in found]).update(state=ToldState.DONE)
        Told.objects.filter(pk__in=past).update(state=ToldState.PAST)
        return done


def forget(now: int | None = None) -> int:
    """Lets go of what journeys went by long ago. What was refused for its age stays, as enrolments do: it is
    the record that somebody did not enter, and why."""
    at = int(time.time()) if now is None else now
    gone, _ = Told.objects.filter(at__lt=at - KEPT, state=ToldState.DONE).delete()
    return gone
