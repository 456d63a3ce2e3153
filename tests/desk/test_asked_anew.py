"""What was allowed a while ago is asked anew before it leaves: the next part of a slow batch, and what a hub
may have taken already."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from quanke_desk.campaigns import journey_actions, sending
from quanke_desk.campaigns.channels.sms_http import SmsGateway
from quanke_desk.campaigns.models import Block, Journey, Send, TemplateVersion
from quanke_desk.campaigns.sending import send_due
from quanke_desk.campaigns.tally import Done
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.roles import Role
from tests.desk.gateway import Gateway
from tests.desk.test_policy import DAY, answered, sent
from tests.desk.test_sending import gateway, now, queued, reachable, states, template

__all__ = ["gateway", "now"]


class Hub:
    """A hub of the bank: takes a key once. It falls silent after the next `silent` messages."""

    def __init__(self) -> None:
        self.silent = 0
        self.posts: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hub.posts.append(told["key"])
                if hub.silent:
                    hub.silent -= 1
                    self.connection.close()
                    return
                self.send_response(200)
                self.send_header("Content-Length", "15")
                self.end_headers()
                self.wfile.write(b'{"number":"G1"}')

            def log_message(self, *_said: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hub(settings: Any) -> Iterator[Hub]:
    served = Hub()
    settings.QUANKE_CHANNELS = {"sms": {"kind": "webhook", "url": served.url}}
    yield served
    served.server.shutdown()
    served.server.server_close()


def _says_no(customer: int, people: dict[str, Person]) -> None:
    answered(customer, people[Role.COMPLIANCE], False)


def _is_blocked(customer: int, people: dict[str, Person]) -> None:
    Block.objects.create(customer=customer, means="any", since=DAY.date(), reason="court")


def _is_withdrawn(customer: int, people: dict[str, Person]) -> None:
    TemplateVersion.objects.update(state="withdrawn")


def _is_reached(customer: int, people: dict[str, Person]) -> None:
    for _ in range(value("contact.texts")):
        sent(customer)


@pytest.mark.parametrize("happens", [_says_no, _is_blocked, _is_withdrawn, _is_reached])
def test_what_a_hub_may_have_taken_is_not_told_to_it_again_against_the_policy(
    desk: dict[str, Person], now: Any, hub: Hub, happens: Callable[[int, dict[str, Person]], None]
) -> None:
    template(desk[Role.ANALYST])
    [me] = reachable()
    queued(me, "a")
    hub.silent = 1
    send_due()
    assert states() == {"s": 1} and hub.posts == ["a"]
    happens(me, desk)
    now["at"] += dt.timedelta(minutes=5)
    send_due()
    row = Send.objects.get(key="a")
    assert (row.state, row.rule) == ("f", "unsure") and hub.posts == ["a"]


def test_what_a_hub_may_have_taken_waits_for_the_morning(desk: dict[str, Person], now: Any, hub: Hub) -> None:
    template(desk[Role.ANALYST])
    queued(reachable()[0], "a")
    now["at"] = DAY.replace(hour=20, minute=29)
    hub.silent = 1
    send_due()
    now["at"] = DAY.replace(hour=22)
    send_due()
    assert states() == {"s": 1} and hub.posts == ["a"]
    now["at"] = DAY.replace(day=2, hour=9)
    send_due()
    assert states() == {"t": 1} and hub.posts == ["a", "a"]


def test_a_push_told_again_does_not_stand_in_its_own_way(desk: dict[str, Person], now: Any, hub: Hub) -> None:
    """The last place of the month is its own."""
    template(desk[Role.ANALYST])
    [me] = reachable()
    for _ in range(value("contact.texts") - 1):
        sent(me)
    queued(me, "a")
    hub.silent = 1
    send_due()
    now["at"] += dt.timedelta(minutes=5)
    send_due()
    assert Send.objects.get(key="a").state == "t" and hub.posts == ["a", "a"]


@pytest.mark.parametrize("what", ["no", "hours", "ended", "paused"])
def test_what_happens_while_a_batch_leaves_is_heard_by_its_next_part(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    by = desk[Role.ANALYST]
    template(by)
    journey = Journey.objects.create(name="mature", title_zh="到期", state="running", made_by=by)
    people = reachable(7)
    for n, customer in enumerate(people):
        queued(customer, f"k{n}", journey=journey)
    monkeypatch.setattr(SmsGateway, "at_once", 3)
    kept = SmsGateway.send

    def slow(channel: SmsGateway, batch: Any) -> Any:
        monkeypatch.setattr(SmsGateway, "send", kept)
        outcomes = kept(channel, batch)
        if what == "no":
            answered(people[5], by, False)
            now["at"] += dt.timedelta(seconds=sending.FRESH + 1)
        elif what == "hours":
            now["at"] = DAY.replace(hour=22)
        else:
            (journey_actions.end if what == "ended" else journey_actions.pause)(journey, by=by, reason="x")
        return outcomes

    monkeypatch.setattr(SmsGateway, "send", slow)
    send_due()
    first = {"k0", "k1", "k2"}
    if what == "no":
        assert set(gateway.got) == {f"k{n}" for n in range(7)} - {"k5"}
        assert Send.objects.get(key="k5").rule == "consent"
    else:
        assert set(gateway.got) == first
        send_due()
        assert set(gateway.got) == first
        assert states() == {"t": 3, {"hours": "h", "ended": "r", "paused": "q"}[what]: 4}
        rules = set(Send.objects.exclude(state="t").values_list("rule", flat=True))
        assert rules == {{"hours": "quiet", "ended": "stopped", "paused": ""}[what]}
    assert not Send.objects.filter(state="q", tries__gt=0).exists(), "no fault of theirs"


def test_of_what_goes_over_one_by_one_few_are_taken_at_once(
    desk: dict[str, Person], now: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    template(desk[Role.ANALYST])
    for n, customer in enumerate(reachable(7)):
        queued(customer, f"k{n}")
    monkeypatch.setattr(sending, "ONE_BY_ONE", 3)
    sending._take(Done(), sending.BATCH)
    assert states() == {"q": 4, "s": 3}
    send_due()
    assert states() == {"t": 4, "s": 3} and len(hub.posts) == 4, (
        "those of the others who took them are theirs"
    )


def test_on_a_machine_that_is_too_slow_for_a_batch_less_is_taken(
    desk: dict[str, Person], now: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its texts alone take longer than what the gate said holds: it would go round for ever."""
    template(desk[Role.ANALYST])
    for n, customer in enumerate(reachable(6)):
        queued(customer, f"k{n}")
    kept = sending.addresses

    def slow(customers: list[int], means: str) -> dict[int, str]:
        now["at"] += dt.timedelta(seconds=10 * len(customers))
        return kept(customers, means)

    monkeypatch.setattr(sending, "addresses", slow)
    monkeypatch.setattr(sending, "BATCH", 6)
    send_due()
    assert states() == {"t": 6} and set(gateway.got.values()) == {1}
