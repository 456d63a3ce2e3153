"""Addresses of sources and sinks, and the one connection to NATS both use.

    PATH                                               a file or a folder that is watched
    http://127.0.0.1:8080                              a door to post events to
    nats://HOST:4222/STREAM?subject=S&durable=D        a JetStream stream
    kafka://HOST:9092/TOPIC?group=G                    a Kafka topic
    amqp://USER@HOST:5672/VHOST?queue=Q                a RabbitMQ queue

`{share}` in a subject, topic, queue or path is replaced by the number of the share, from 0. A password is
taken from the environment variable QUANKE_BROKER_PASSWORD, so that it is in no list of processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from quanke.kernel.errors import QuankeError

PASSWORD = "QUANKE_BROKER_PASSWORD"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    user: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def password(self) -> str | None:
        """What the environment says."""
        return os.environ.get(PASSWORD)

    def option(self, name: str, default: str) -> str:
        """An option of the address."""
        return self.options.get(name) or default


_PORTS = {"http": 8080, "nats": 4222, "kafka": 9092, "amqp": 5672}


def address(text: str, share: int = 0) -> Address | None:
    """The parts of an address; None for a path. Raises QuankeError for an address nobody understands."""
    scheme, found, _ = text.partition("://")
    if not found:
        return None
    if scheme not in _PORTS:
        raise QuankeError(
            f"{scheme}:// is no source or sink: there are {', '.join(f'{s}://' for s in _PORTS)}"
        )
    try:
        parts = urlsplit(text.replace("{share}", str(share)))
        port = _PORTS[scheme] if parts.port is None else parts.port
    except ValueError:
        raise QuankeError(f"the address {scheme}://… cannot be read") from None
    if parts.password:
        raise QuankeError(f"a password does not stand in an address: put it into {PASSWORD}")
    options = dict(parse_qsl(parts.query))
    path = unquote(parts.path.lstrip("/"))
    return Address(scheme, parts.hostname or "127.0.0.1", port, path, parts.username or "", options)


def client(module: str, package: str) -> ModuleType:
    """A broker's client library. Raises QuankeError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise QuankeError(
            f"{package} is not installed: it comes with the extra, pip install 'quanke[broker]'"
        ) from None


class NatsConnection:
    """A connection to NATS that lives in a thread of its own, so that it receives while the engine works."""

    def __init__(self, where: Address, on_reconnect: Callable[[], Awaitable[None]] | None = None) -> None:
        self._where = where
        self._nats = client("nats", "nats-py")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self._on_reconnect = on_reconnect
        self.disturbances = 0
        try:
            self.connection: Any = self.call(self._connect(), 15)
        except Exception as error:
            self._stop()
            raise QuankeError(f"no NATS answers at {where.server} ({type(error).__name__})") from None

    async def _connect(self) -> Any:
        options: dict[str, Any] = {
            "servers": [f"nats://{self._where.server}"],
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.2,
            "connect_timeout": 5,
            "error_cb": self._mended,
            "allow_reconnect": True,
        }
        if self._where.user:
            options |= {"user": self._where.user, "password": self._where.password}
        if "creds" in self._where.options:
            options["user_credentials"] = self._where.options["creds"]
        if self._on_reconnect is not None:
            options["reconnected_cb"] = self._on_reconnect
        # The first connection is tried for a few seconds only; once it stood it is tried for ever.
        options["max_reconnect_attempts"] = 10
        connection = await self._nats.connect(**options)
        connection.options["max_reconnect_attempts"] = -1
        return connection

    async def _mended(self, _: Exception) -> None:
        """Disconnections are mended by reconnecting; they are counted, not shouted."""
        self.disturbances += 1

    def call(self, work: Coroutine[Any, Any, _T], timeout: float | None = None) -> _T:
        """Run a coroutine in the connection's thread and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def soon(self, work: Callable[[], object]) -> None:
        """Run a function in the connection's thread some time."""
        self._loop.call_soon_threadsafe(work)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine in the connection's thread without waiting."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Send what is left and disconnect."""
        with contextlib.suppress(Exception):
            self.call(self.connection.close(), 5)
        self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
