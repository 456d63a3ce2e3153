"""Senders and who hears of receipts, killed in every step, over gateways that play all they can.

    in_desk(home, "from tests.faults.senders import run; tell(run(fork, kill, 50))", database)

A text message goes by a gateway that can be asked, a push by another that refuses some (the next means is
tried then), a mail by the bank's hub, which cannot be asked and takes a key once.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone

from quanke_desk.campaigns import receiving, sending
from quanke_desk.campaigns.addresses import addresses
from quanke_desk.campaigns.channels import calling
from quanke_desk.campaigns.channels.sms_http import KeyedGateway, SmsGateway
from quanke_desk.campaigns.known import night_facts, recorded
from quanke_desk.campaigns.models import Receipt, Send, Template, TemplateVersion
from quanke_desk.foundation.models import Outgoing, Person
from tests.desk.gateway import Gateway
from tests.desk.test_policy import DAY, agreed

PATIENCE, LATER = 5.0, sending.LEASE + 10
"""Seconds a gateway is waited for; and those the desk's clock is put on when everybody is dead, so that what
they left behind is found: nobody alive is overtaken, and no call that still is under way, however slow the
machine."""
ROUNDS, EACH, OFFERS = 80, 24, 60
PLAYS = {
    "takes": 10, "twice": 3, "half": 1, "silent": 1, "slow": 1, "babbles": 1, "breaks": 1, "busy": 1,
    "closed": 1,
}  # fmt: skip
NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens."""
KINDS = ("delivered", "opened")
STEPS: dict[str, tuple[Any, str, bool]] = {
    "taken": (sending, "_take", False),
    "about to leave": (KeyedGateway, "send", True),
    "gone, not answered": (calling.Gateway, "call", False),
    "answered": (sending, "_record", True),
    "half written": (sending, "note_numbers", False),
    "written": (sending, "_record", False),
    "found left behind": (sending, "_ask", True),
    "asked": (KeyedGateway, "asked", False),
    "handed again": (sending, "_record_again", True),
    "next means": (sending, "_refuse", False),
    "put back": (sending, "_put_back", False),
    "receipt half noted": (receiving, "_tell", False),
}
"""Where a process kills itself: at the beginning of a function (true) or at its end. Three of them are inside
of transactions that are not committed yet."""


class Moody(Gateway):
    """Takes its time, is down, falls silent, says things twice, as drawn; `refuses` one in so many."""

    def __init__(self, seed: int, refuses: int = 0) -> None:
        super().__init__()
        self.draw, self.refuses, self.calm = random.Random(seed), refuses, False
        self.lock, self.open = threading.Lock(), 0
        accept, close = self.server.process_request, self.server.shutdown_request

        def accepted(*words: Any) -> None:
            with self.lock:
                self.open += 1
            accept(*words)

        def closed(*words: Any) -> None:
            close(*words)
            with self.lock:
                self.open -= 1

        self.server.process_request = accepted  # type: ignore[method-assign]
        self.server.shutdown_request = closed  # type: ignore[method-assign]

    def settle(self) -> None:
        """Waits until whatever was said to it is dealt with: calls are accepted in their order."""
        with socket.create_connection(self.server.server_address[:2]) as last:  # type: ignore[type-var]
            last.shutdown(socket.SHUT_WR)
            last.recv(1)  # it was accepted, and all before it
        while self.open:
            time.sleep(0.02)

    def answer(self, call: Any, told: dict[str, Any]) -> None:
        if not self.calm:
            time.sleep(self.draw.uniform(0.0, 0.1))
            self.plays.append(self.draw.choices(list(PLAYS), list(PLAYS.values()))[0])
        with suppress(OSError):  # who asked was killed
            super().answer(call, told)

    def _take(self, told: dict[str, Any]) -> list[dict[str, Any]]:
        with self.lock:
            if self.refuses and "messages" in told:
                some = [{**m, "to": "0000"} if self._no(m["key"]) else m for m in told["messages"]]
                told = {"messages": some}
            return super()._take(told)

    def _no(self, key: str) -> bool:
        return int(key[1:]) % self.refuses == 0


class Hub(Moody):
    """One message a call; a key that came before is known."""

    def _take(self, told: dict[str, Any]) -> list[dict[str, Any]]:
        with self.lock:
            if told["key"] not in self.messages:
                self.got[told["key"]] += 1
                self.messages[told["key"]] = told
        return []


class Killed:
    """Kills this process at a step, the `nth` time it comes by, and writes down where."""

    def __init__(self, step: str, nth: int, note: Path) -> None:
        self.step, self.left, self.note = step, nth, note
        owner, name, before = STEPS[step]
        real = getattr(owner, name)

        def watched(*words: Any, **more: Any) -> Any:
            if before:
                self.passes()
            done = real(*words, **more)
            if not before and (name != "_take" or done[0].rows):
                self.passes()
            return done

        setattr(owner, name, watched)

    def passes(self) -> None:
        """Counts, and ends all."""
        self.left -= 1
        if self.left <= 0:
            with self.note.open("a") as file:
                file.write(self.step + "\n")
            os.kill(os.getpid(), signal.SIGKILL)


def run(fork: Callable[[Callable[[], Any]], int], kill: Callable[[int], bool], kills: int) -> dict[str, Any]:
    """Rounds of two senders and one who notes receipts, until so many were killed; then all that is left is
    done undisturbed. What became of it."""
    _quickly()
    gateways = {"sms": Moody(1), "push": Moody(2, refuses=4), "email": Hub(3)}
    urls = {means: gateway.url for means, gateway in gateways.items()}
    made, killed, rounds = _Made(), 0, 0
    note = Path(os.environ["QUANKE_HOME"]) / "steps"
    note.touch()
    moments = random.Random(20_260_701)
    while (killed < kills or _missing(note)) and rounds < ROUNDS:
        made.more(EACH)
        missing = _missing(note) or list(STEPS)
        step, nth = missing[rounds % len(missing)], moments.randrange(1, 3)
        down, came = moments.random() < 0.2 or step == "put back", _came(gateways)

        def one(step: str = step, nth: int = nth, down: bool = down) -> None:
            _channels({**urls, "push": NOWHERE} if down else urls)
            if not step.startswith("receipt"):
                Killed(step, nth, note)
            sending.send_due(20)

        def other() -> None:
            _channels(urls)
            sending.send_due(20)

        def hearer(step: str = step, nth: int = nth, came: list[str] = came) -> None:
            if step.startswith("receipt"):
                Killed(step, nth * 5, note)
            _hear(came)

        some = [fork(one), fork(other), fork(hearer)]
        _wait(note, step, some[2 if step.startswith("receipt") else 0])
        time.sleep(moments.uniform(0.0, 0.4))
        killed += sum([kill(child) for child in some])
        rounds += 1
        _later(gateways)
    _to_the_end(gateways, urls)
    return {**made.told(gateways), "killed": killed, "rounds": rounds, "missing": _missing(note)}


def _wait(note: Path, step: str, child: int) -> None:
    """Until somebody died at a step at which nobody had, or the one who was to has ended by himself."""
    while step in _missing(note):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.02)


def _later(gateways: dict[str, Moody]) -> None:
    """Nobody is alive: what is under way arrives, and then it is late enough to look for what was left."""
    for gateway in gateways.values():
        gateway.settle()
    _clock[0] += dt.timedelta(seconds=LATER)


def _missing(note: Path) -> list[str]:
    """Steps at which nobody died yet."""
    seen = set(note.read_text().splitlines())
    return [step for step in STEPS if step not in seen]


_clock = [DAY]


def _quickly() -> None:
    started = time.monotonic()
    timezone.now = lambda: _clock[0] + dt.timedelta(seconds=time.monotonic() - started)
    sending.BATCH, sending.TRIES, SmsGateway.at_once = 40, 1_000, 5
    sending.FIRST_WAIT, calling.REST = sending.LEASE, 1


def _channels(urls: dict[str, str]) -> None:
    kinds = {"sms": "sms", "push": "push", "email": "webhook"}
    settings.QUANKE_CHANNELS = {
        means: {"kind": kinds[means], "url": url, "patience": PATIENCE} for means, url in urls.items()
    }


class _Made:
    """What is queued: service by three means, and at first an offer to some."""

    def __init__(self) -> None:
        self.by = Person.objects.create(username="p", name="p", role="analyst")
        for code, means in (("sms", "sms"), ("push", "push"), ("push.sms", "sms"), ("email", "email")):
            self._text(code, means, "service")
        self._text("offer", "sms", "marketing")
        facts = night_facts()
        people = np.flatnonzero(facts.there & ~facts.ended)[:900].tolist()
        sold_to = agreed(count=OFFERS + 10)
        at = {means: addresses(sorted({*people, *sold_to}), means) for means in ("sms", "push", "email")}
        phones = [c for c in people if not at["sms"].get(c, "0000").endswith("0000")]
        recorded(np.array(people), np.zeros(0, np.int64), DAY)  # read once, by who forks
        sold_to = [c for c in sold_to if not at["sms"].get(c, "0000").endswith("0000")]
        self.people = {
            "sms": phones, "push": [c for c in phones if c in at["push"]],
            "email": [c for c in people if c in at["email"]],
        }  # fmt: skip
        self.count, self.pushes = 0, list[str]()
        self._queue([(c, "offer", "sms", "marketing") for c in sold_to[:OFFERS]])
        assert all(self.people.values()), {m: len(p) for m, p in self.people.items()}

    def _text(self, code: str, means: str, purpose: str) -> None:
        of = Template.objects.create(code=code, title=code, means=means, purpose=purpose, made_by=self.by)
        until = DAY.date() + dt.timedelta(days=9)
        TemplateVersion.objects.create(
            template=of, number=1, subject_zh="您好", body_zh="您好", state="approved", by=self.by,
            valid_from=DAY.date(), valid_until=until,
        )  # fmt: skip

    def more(self, count: int) -> None:
        """Queues as many again."""
        rows = []
        for n in range(count):
            means = ("sms", "push", "email")[n % 3]
            some = self.people[means]
            rows.append((some[(self.count + n) % len(some)], means, means, "service"))
        self._queue(rows)

    def _queue(self, rows: list[tuple[int, str, str, str]]) -> None:
        now = int(timezone.now().timestamp())
        Send.objects.bulk_create(
            Send(key=f"k{self.count + n}", customer=customer, template=template, means=means, purpose=purpose,
                 others="sms" if means == "push" else "", wake=now, made=now)
            for n, (customer, template, means, purpose) in enumerate(rows)
        )  # fmt: skip
        self.pushes += [f"k{self.count + n}" for n, row in enumerate(rows) if row[2] == "push"]
        self.count += len(rows)

    def told(self, gateways: dict[str, Moody]) -> dict[str, Any]:
        """What reached gateways and tables."""
        got = sum((gateway.got for gateway in gateways.values()), Counter[str]())
        wanted = {f"k{n}" for n in range(self.count)}
        receipts = Counter(Receipt.objects.values_list("send__key", "kind"))
        home = Counter(Outgoing.objects.filter(table="pushes").values_list("customer", flat=True))
        moved = Send.objects.filter(key__in=self.pushes, means="sms")
        wrong = set(receipts) ^ {(key, kind) for key in wanted for kind in KINDS}
        return {
            "count": self.count,
            "states": dict(Counter(Send.objects.values_list("state", flat=True))),
            "twice": sorted(key for key, n in got.items() if n > 1),
            "never": sorted(wanted - set(got)),
            "receipts_wrong": len(wrong) + sum(n > 1 for n in receipts.values()),
            "home": [len(home), max(home.values())],
            "next_means": moved.count(),
            "again": Send.objects.filter(tries__gt=1).count(),
            "asked": sum(len(gateway.asked) for gateway in gateways.values()),
        }


def _came(gateways: dict[str, Moody]) -> list[str]:
    return [key for gateway in gateways.values() for key in list(gateway.got)]


def _hear(keys: list[str]) -> None:
    """All receipts that ever came, told once more."""
    now = int(timezone.now().timestamp())
    receiving.take_receipts([(key, kind, now) for key in reversed(keys) for kind in KINDS])


def _to_the_end(gateways: dict[str, Moody], urls: dict[str, str]) -> None:
    for gateway in gateways.values():
        gateway.calm = True
    _channels(urls)
    for _ in range(60):
        sending.send_due(600)
        if not Send.objects.filter(state__in=["q", "h", "s"]).exists():
            break
        _later(gateways)
    _hear(_came(gateways))
