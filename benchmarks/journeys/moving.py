"""Six steps of a journey for everybody, by some movers at once, on the database the environment names.

Writes one JSON object: seconds and steps of each day, what the gate of the contact policy takes for as many
candidates, and how fast what is queued passes it and leaves by the sandbox. The clock is given, so days of
waiting take no time.
"""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

if not __package__:  # called as `python benchmarks/journeys/moving.py`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

NOW = 1_783_307_100  # Monday 2026-07-06 11:05 in Shanghai
DAY = 86_400
SIX: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"do": "send", "template": "hello", "means": ["push", "sms"], "next": "rest"},
        "rest": {"do": "wait", "days": 1, "at": "10:00", "next": "rich"},
        "rich": {"do": "if", "when": "aum >= 50_000元", "then": "half", "else": "half"},
        "half": {"do": "split", "parts": [{"share": "50%", "next": n} for n in ("again", "heard")]},
        "again": {"do": "send", "template": "again", "means": ["sms"], "next": "heard"},
        "heard": {"do": "listen", "event": "clicked", "days": 2, "then": "end", "else": "end"},
        "end": {"do": "exit"},
    },
}  # fmt: skip
TASKS: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        **{name: SIX["nodes"][name] for name in ("hello", "rest", "heard", "end")},
        "rich": {"do": "if", "when": "aum >= 50_000元", "then": "call", "else": "again"},
        "call": {
            "do": "task", "who": "manager", "action": "call", "working_days": 2, "escalate_days": 1,
            "next": "heard",
        },
        "again": {**SIX["nodes"]["again"], "next": "heard"},
    },
}  # fmt: skip
"""As six steps: a push, a wait, a condition, a call of the manager with a deadline (or a second push), an
event that does not come, the end."""
SCENARIOS = {"plain": SIX, "full": TASKS}
SENDING = 20.0
"""Seconds in which what is queued may leave."""


def main() -> None:
    """See the module: enrolments, movers and the scenario are its words. In `full` some steps are tasks, and
    the block list and what was sent lately are as long as after a year."""
    count, movers, full = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "full"
    os.environ["DJANGO_SETTINGS_MODULE"] = "quanke_desk.web.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if full:
        _bring()
    before = _filled(count) if full else {}
    version, entering = _entered(count, SCENARIOS[sys.argv[3]])
    reading = _read()
    rounds: list[dict[str, Any]] = []
    for day in (0, 1, 4):
        begin = time.perf_counter()
        each = _at_once(movers, _move, NOW + day * DAY)
        rounds.append({"day": day, "seconds": round(time.perf_counter() - begin, 2), **_summed(each)})
    steps, seconds = sum(r["steps"] for r in rounds), sum(r["seconds"] for r in rounds)
    _check(count, steps, before.get("sent_before", 0))
    if full:
        before["tasks"] = sum(r["tasks"] for r in rounds)
        assert before["tasks"], "no step was a task"
    print(
        json.dumps({
            "enrolments": count, "movers": movers, "steps": steps, "sends": sum(r["sends"] for r in rounds),
            "seconds": round(seconds, 2), "steps_per_second": round(steps / seconds),
            "entering_seconds": round(entering, 2), "reading_seconds": round(reading, 2), "rounds": rounds,
            **before, **_gate(count, version), **_sending(movers),
            "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        })
    )  # fmt: skip


def _entered(count: int, graph: dict[str, Any]) -> tuple[Any, float]:
    import numpy as np
    from django.utils import timezone

    from quanke_desk.campaigns.entering import put_in
    from quanke_desk.campaigns.graph import read_graph
    from quanke_desk.campaigns.models import Arm, Journey, JourneyVersion, Template, TemplateVersion
    from quanke_desk.foundation.models import Person

    person = Person.objects.create(username="bench", name="bench", role="analyst")
    journey = Journey.objects.create(name="bench", title_zh="bench", state="running", made_by=person)
    day = dt.datetime.fromtimestamp(NOW, dt.UTC).date()
    version = JourneyVersion.objects.create(
        journey=journey, number=1, graph=graph, control_ppm=0, until=day + dt.timedelta(days=90), by=person,
        started_at=timezone.now(),
    )  # fmt: skip
    for code, means in (("hello", "push"), ("hello.sms", "sms"), ("again", "sms")):
        of = Template.objects.create(code=code, title=code, means=means, purpose="marketing", made_by=person)
        TemplateVersion.objects.create(
            template=of, number=1, subject_zh="您好", body_zh="{{ name }}您好", state="approved", by=person,
            valid_from=day, valid_until=day + dt.timedelta(days=90),
        )  # fmt: skip
    begun = time.perf_counter()
    put_in(version, read_graph(graph), np.arange(count), Arm.TREATED, NOW)
    return version, time.perf_counter() - begun


def _bring() -> None:
    """Posts and people, to whom tasks are given."""
    from quanke_desk.foundation.brought import bring_bank

    bring_bank()


def _filled(count: int) -> dict[str, int]:
    from benchmarks.journeys.filled import fill
    from quanke_desk.campaigns.known import night_facts

    return fill(count, night_facts().size, NOW)


def _read() -> float:
    """What a worker reads of a night once, when it is first asked."""
    import numpy as np

    from quanke_desk.campaigns.branching import holds_of
    from quanke_desk.campaigns.known import night_facts

    begun = time.perf_counter()
    holds_of(SIX["nodes"]["rich"]["when"], np.arange(10))
    night_facts()
    return time.perf_counter() - begun


def _at_once(processes: int, do: Any, *words: Any) -> list[Any]:
    """Does something in some processes at once, forks of this one, as workers do."""
    from django.db import connections

    connections.close_all()
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        return [asked.get() for asked in [pool.apply_async(do, words) for _ in range(processes)]]


def _summed(each: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: round(sum(one[name] for one in each), 2) for name in each[0]}


def _move(now: int) -> dict[str, float]:
    from quanke_desk.campaigns.moving import move_due

    begun, cpu = _server_processor(), time.process_time()
    done = move_due(now)
    return {
        "steps": done.steps, "sends": done.sends, "tasks": done.tasks,
        "processor_seconds": round(time.process_time() - cpu, 2),
        "server_processor_seconds": round(_server_processor() - begun, 2),
    }  # fmt: skip


def _server_processor() -> float:
    """Seconds of processor of the server's process for this connection; 0 where it is on another machine."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        told = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not told.exists():
        return 0.0
    user, system = told.read_text().rpartition(") ")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _check(count: int, steps: int, before: int) -> None:
    from quanke_desk.campaigns.models import Enrolment, Send, Step

    assert Enrolment.objects.filter(state="d").count() == count, "not everybody is through"
    assert Step.objects.count() == steps and Send.objects.values("key").distinct().count() > before + count


def _gate(count: int, version: Any) -> dict[str, Any]:
    """As many candidates as enrolments, all at once, judged with what the desk has recorded by now."""
    import numpy as np

    from quanke_desk.campaigns.known import MEANS, night_facts
    from quanke_desk.campaigns.policy import Candidates, decide

    each = np.arange(count)
    asked = Candidates(
        ids=each, customer=each % night_facts().size,
        means=np.full(count, MEANS.index("sms"), np.int8), purpose=np.zeros(count, np.int8),
        priority=np.full(count, 5, np.int16), risk=np.zeros(count, np.int8), usable=np.ones(count, np.bool_),
        journey=np.full(count, version.journey_id),
    )  # fmt: skip
    begun = time.perf_counter()
    decided = decide(asked, _moment())
    return {
        "gate_seconds": round(time.perf_counter() - begun, 2),
        "gate_allowed": int(decided.allowed.sum()),
        "gate_candidates": count,
    }


def _moment() -> dt.datetime:
    return dt.datetime.fromtimestamp(NOW + 4 * DAY, dt.UTC)


def _sending(senders: int) -> dict[str, Any]:
    begun = time.perf_counter()
    each = _at_once(senders, _send)
    seconds = time.perf_counter() - begun
    told = _summed(each)
    looked = sum(told.values())
    return {
        "sending": {"seconds": round(seconds, 2), **told},
        "pushes_decided_per_second": round(looked / seconds),
    }


def _send() -> dict[str, int]:
    from django.utils import timezone

    from quanke_desk.campaigns.sending import send_due

    timezone.now = _moment
    done = send_due(SENDING)
    return {"sent": done.sent, "refused": done.refused, "by_other_means": done.other_means}


if __name__ == "__main__":
    main()
