"""What people ask of the desk: one kind of question a scenario, each answer checked to be the page."""

from __future__ import annotations

import json
import random
import re
import sys
import threading
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

import quanke
from benchmarks.desk.asking import Question
from benchmarks.desk.served import Desk, Person
from quanke.bank.arranged import facts_sql

NAMES = 2_000


@dataclass(frozen=True)
class Drawn:
    """Of a home: some names, customers of each post, cards with their outlet."""

    names: list[str]
    of_post: dict[str, list[int]]
    cards: dict[str, list[str]]


def drawn(desk: Desk, posts: list[str]) -> Drawn:
    """Draws what is asked for out of the home."""
    bank: Any = quanke.open(desk.home)
    owner = bank.night().read(["owner_post"])["owner_post"].to_numpy(zero_copy_only=False)
    with duckdb.connect() as connection:
        names = connection.sql(
            f"SELECT name FROM ({facts_sql(bank.home, 'parties')}) USING SAMPLE {NAMES} ROWS (reservoir, 1)"
        ).fetchall()
        cards = connection.sql(
            f"SELECT branch_id, card_id FROM ({facts_sql(bank.home, 'cards')}) JOIN "
            f"(SELECT party, branch_id FROM ({facts_sql(bank.home, 'parties')})) "
            f"USING (party) USING SAMPLE 20000 ROWS (reservoir, 1)"
        ).fetchall()
    at: dict[str, list[str]] = {}
    for branch, card in cards:
        at.setdefault(branch, []).append(card)
    return Drawn([n for (n,) in names], {p: np.flatnonzero(owner == p).tolist() for p in posts}, at)


def page(person: Person, path: str, mark: str, headers: dict[str, str] | None = None) -> str:
    """A page, which must be the one that was asked for."""
    status, text = person.ask("GET", path, headers=headers)
    if status != 200 or mark not in text:
        sys.exit(f"{path.partition('?')[0]} answered {status}: {text[:300]}")
    return text


def dashboard(person: Person) -> Question:
    """The first page: figures of the scope."""

    def ask(draw: random.Random) -> None:
        page(person, "/", 'id="count"')

    return ask


def search(person: Person, found: Drawn) -> Question:
    """A name, its first two characters, a surname alone, or the number of a card, typed into the search by a
    head of the whole bank: nobody's search is wider."""
    cards = [card for some in found.cards.values() for card in some]

    def ask(draw: random.Random) -> None:
        name = draw.choice(found.names)
        text = (name, name[:2], draw.choice(cards), name[:1])[draw.randrange(4)]
        status, body = person.ask("POST", "/customers/", {"text": text})
        if status != 200 or "<table" not in body:
            sys.exit(f"a search answered {status}: {body[:300]}")

    return ask


def portrait(person: Person, book: list[int]) -> Question:
    """The page of a customer of one's own book."""
    return lambda draw: seen(person, f"/customers/{draw.choice(book)}/", "part/money")


def portrait_whole(person: Person, book: list[int]) -> Question:
    """The same with its parts, as the browser asks for them one after the other."""

    def ask(draw: random.Random) -> None:
        number = draw.choice(book)
        text = page(person, f"/customers/{number}/", "part/money")
        for part in sorted(set(re.findall(rf"/customers/{number}/part/(\w+)/", text))):
            page(person, f"/customers/{number}/part/{part}/", "<", {"HX-Request": "true"})

    return ask


CONDITIONS = (
    "aum >= %d元",
    'tier == "core" and aum >= %d元',
    'tier in ("core", "wealth") and not (aum < %d元)',
    'stage == "at_risk" or (aum >= %d元 and has_wealth)',
)


def audience(person: Person) -> Question:
    """The live answer of the builder: one edit of a condition, and the size and the breakdown after it."""

    def ask(draw: random.Random) -> None:
        text = draw.choice(CONDITIONS) % draw.randrange(1_000, 500_000)
        status, body = person.ask("POST", "/audiences/ask/?by=text", {"text": text})
        if status != 200 or 'id="size"' not in body or 'role="alert"' in body:
            sys.exit(f"an edit was answered {status}: {body[:300]}")

    return ask


def morning(person: Person) -> Question:
    """The list of today."""
    return lambda draw: seen(person, "/work/", "<h1")


def seen(person: Person, path: str, mark: str) -> None:
    """A page that is read and thrown away."""
    page(person, path, mark)


@dataclass
class Tickets:
    """Numbers of tickets nobody had, over all threads."""

    given: int = 0

    def next(self) -> str:
        """Another one."""
        with _LOCK:
            self.given += 1
            return f"B{self.given}"


_LOCK = threading.Lock()


@dataclass
class Machine:
    """A ticket machine of an outlet, which knows cards of its customers."""

    line: Person
    key: str
    outlet: str
    cards: list[str]
    tickets: Tickets

    def announce(self, draw: random.Random) -> tuple[str, int]:
        """Tells of an arrival: the ticket and the number of the arrival."""
        ticket = self.tickets.next()
        told = {"outlet": self.outlet, "ticket": ticket, "kind": "card", "value": draw.choice(self.cards)}
        headers = {"X-Quanke-Key": self.key, "Content-Type": "application/json"}
        asked = json.dumps(told).encode()
        status, body = self.line.ask("POST", "/api/work/arrivals", body=asked, headers=headers)
        if status != 200 or not json.loads(body)["known"]:
            sys.exit(f"an arrival answered {status}: {body[:300]}")
        return ticket, json.loads(body)["arrival"]


def insertions(line: Person, key: str, parties: list[str]) -> Question:
    """What the app is to show a customer at a place, by the night's plan and all rules of contact: the places
    of the app ask one after the other, and again. Whoever has nothing to see is answered so."""
    headers = {"X-Quanke-Key": key, "Content-Type": "application/json"}

    def ask(draw: random.Random) -> None:
        asked = {"party": draw.choice(parties), "slot": draw.choice(("home", "cards", "wealth")), "count": 1}
        status, body = line.ask(
            "POST", "/api/campaigns/insertions", body=json.dumps(asked).encode(), headers=headers
        )
        if status != 200 or "show" not in json.loads(body):
            sys.exit(f"an insertion point was answered {status}: {body[:300]}")

    return ask


@dataclass(frozen=True)
class Tablet:
    """Who holds the tablet of a lobby, and the ticket machine beside him."""

    username: str
    machine: Machine


def lobby(person: Person, machine: Machine) -> Question:
    """From the call of the ticket machine to the card on the tablet: both answers, one after the other."""

    def ask(draw: random.Random) -> None:
        ticket, arrival = machine.announce(draw)
        page(person, f"/lobby/cards/?after={arrival - 1}", ticket)

    return ask
