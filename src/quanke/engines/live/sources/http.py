"""A small door to post events to, and to ask how the engine is doing.

    POST /events[?table=T]   one event, an array of them, or one on each line; JSON
    GET  /status             figures of the process

A post is answered when its events are written down and their decisions are out: 202 with how many were taken
and how many had come before; 422 with the rule each refused record breaks (the others are taken; refused ones
stand in quarantine too). 400: no JSON text; 401: the token of QUANKE_LIVE_TOKEN is missing; 413: too large;
429: too many wait. Nothing that was answered 202 or 422 is lost; what was not answered may be posted again.
"""

from __future__ import annotations

import hmac
import json
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from quanke.bank.load.rules import RULES
from quanke.engines.live.brokers import Address
from quanke.engines.live.intake.arrivals import Arrivals, read_messages
from quanke.engines.live.intake.reading import Judged
from quanke.engines.live.sources import Reading
from quanke.kernel.errors import QuankeError

TOKEN = "QUANKE_LIVE_TOKEN"
LARGEST = 8 * 1024 * 1024
"""Bytes of one post."""

WAITING = 256
"""Posts that may wait; more are asked to come again."""

_PATIENCE = 60.0
"""Seconds a post waits for its answer."""


@dataclass(slots=True)
class _Post:
    """One request with its events, waiting to be taken."""

    table: str
    body: bytes
    answered: threading.Event = field(default_factory=threading.Event)
    status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    answer: dict[str, Any] = field(default_factory=dict)


class HttpSource:
    """The door, in threads of its own."""

    def __init__(self, where: Address, status: Callable[[], dict[str, Any]]) -> None:
        self.name = "http"
        self._where = where
        self._status = status
        self._posts: queue.Queue[_Post] = queue.Queue(WAITING)
        self._server: ThreadingHTTPServer | None = None
        self._count = 0

    def open(self, position: Any) -> None:
        """Open the door. Raises QuankeError where the port is taken."""
        self._count = int(position or 0)
        handler = type("Handler", (_Handler,), {"posts": self._posts, "sheet": staticmethod(self._status)})
        try:
            self._server = ThreadingHTTPServer((self._where.host, self._where.port), handler)
        except OSError as error:
            raise QuankeError(f"no door can be opened at {self._where.server}: {error.strerror}") from None
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    @property
    def port(self) -> int:
        """The port of the door; another than asked for where that was 0."""
        assert self._server is not None
        return int(self._server.server_address[1])

    def read(self, limit: int, wait: float) -> Reading | None:
        """All posts that wait, each as one message."""
        try:
            posts = [self._posts.get(timeout=wait)]
        except queue.Empty:
            return None
        size = len(posts[0].body)
        while size < LARGEST and len(posts) < limit:
            try:
                posts.append(self._posts.get_nowait())
            except queue.Empty:
                break
            size += len(posts[-1].body)
        arrivals = Arrivals()
        first = self._count + 1
        place = 0
        for post in posts:
            self._count += 1
            found = read_messages([post.body], "http", [self._count], post.table, place)
            place += found.count
            arrivals.raws += found.raws
            arrivals.broken += found.broken
        return Reading(arrivals, self._count, (first, posts))

    def acknowledge(self, reading: Reading, judged: Judged) -> None:
        """Answer the posts."""
        first, posts = reading.receipt
        refused: dict[int, list[dict[str, Any]]] = {}
        for refusal in judged.refusals:
            told = {
                "table": refusal.table,
                "field": refusal.field,
                "rule": refusal.rule,
                "meaning": RULES[refusal.rule],
            }
            refused.setdefault(refusal.row, []).append(told)
        counts: dict[int, int] = {}
        for raw in reading.arrivals.raws:
            for row in raw.row.to_pylist():
                counts[row] = counts.get(row, 0) + 1
        for broken in reading.arrivals.broken:
            counts[broken.row] = counts.get(broken.row, 0) + 1
        for number, post in enumerate(posts, start=first):
            bad = refused.get(number, [])
            post.answer = {"accepted": counts.get(number, 0) - len(bad)}
            if bad:
                post.answer["refused"] = bad
            post.status = HTTPStatus.UNPROCESSABLE_ENTITY if bad else HTTPStatus.ACCEPTED
            post.answered.set()

    @property
    def exhausted(self) -> bool:
        """Whether no post waits."""
        return self._posts.empty()

    @property
    def lag(self) -> int | None:
        """Posts that wait."""
        return self._posts.qsize()

    def close(self) -> None:
        """Close the door. Posts that wait are answered 503."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        while not self._posts.empty():
            self._posts.get().answered.set()


class _Handler(BaseHTTPRequestHandler):
    """Requests of one connection. Set per source: `posts`, `sheet`."""

    protocol_version = "HTTP/1.1"
    posts: queue.Queue[_Post]
    sheet: Callable[[], dict[str, Any]]
    timeout = 30

    def do_GET(self) -> None:
        """Figures."""
        if not self._allowed():
            return
        if urlsplit(self.path).path != "/status":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "there are POST /events and GET /status"})
            return
        self._answer(HTTPStatus.OK, self.sheet())

    def do_POST(self) -> None:
        """Events."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._answer(HTTPStatus.LENGTH_REQUIRED, {"error": "Content-Length is missing"}, close=True)
            return
        if int(length) > LARGEST:
            told = {"error": f"a post has at most {LARGEST} bytes"}
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told, close=True)
            return
        body = self.rfile.read(int(length))
        if not self._allowed():
            return
        parts = urlsplit(self.path)
        if parts.path != "/events":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "there are POST /events and GET /status"})
        elif not _is_text(body):
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "the body is no JSON text"})
        else:
            self._post(_Post(parse_qs(parts.query).get("table", [""])[0], body))

    def _post(self, post: _Post) -> None:
        try:
            self.posts.put_nowait(post)
        except queue.Full:
            self._answer(HTTPStatus.TOO_MANY_REQUESTS, {"error": "too many posts wait: come again"})
            return
        post.answered.wait(_PATIENCE)
        self._answer(post.status, post.answer or {"error": "not taken yet: post it again"})

    def _allowed(self) -> bool:
        token = os.environ.get(TOKEN, "")
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token or hmac.compare_digest(token.encode(), given.encode()):
            return True
        self._answer(HTTPStatus.UNAUTHORIZED, {"error": "the token is missing or another"})
        return False

    def _answer(self, status: HTTPStatus, told: dict[str, Any], close: bool = False) -> None:
        body = json.dumps(told, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        """Requests are not logged: they hold customers' data."""
        del told


def _is_text(body: bytes) -> bool:
    try:
        return bool(body.decode().strip())
    except UnicodeDecodeError:
        return False
