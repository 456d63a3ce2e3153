"""A stream of Redis. Its protocol is a few lines for the commands used, so no client is needed."""

from __future__ import annotations

import os
import socket
from typing import Any
from urllib.parse import unquote, urlsplit

from quanke.engines.live.brokers import PASSWORD
from quanke.kernel.errors import QuankeError


class Refusal(bytes):
    """What Redis said instead of an answer."""


class Redis:
    """A connection, and the stream its address names. Raises QuankeError where Redis does not answer."""

    def __init__(self, where: str) -> None:
        parts = urlsplit(where)
        self.stream = unquote(parts.path.lstrip("/"))
        if not self.stream:
            raise QuankeError("Redis: the address names its stream, redis://HOST:6379/STREAM")
        if parts.password:
            raise QuankeError(f"a password does not stand in an address: put it into {PASSWORD}")
        try:
            self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), 10)
        except OSError as error:
            raise QuankeError(f"no Redis answers ({type(error).__name__})") from None
        self._answers = self._socket.makefile("rb")
        if password := os.environ.get(PASSWORD):
            name = [parts.username] if parts.username else []
            [said] = self.ask([["AUTH", *name, password]])
            if isinstance(said, Refusal):
                raise QuankeError(f"Redis refused: {said.split()[0].decode(errors='replace')}")

    def ask(self, commands: list[list[Any]]) -> list[Any]:
        """Answers of commands: numbers, bytes, lists of them, null, or what was said instead."""
        try:
            self._socket.sendall(b"".join(command(words) for words in commands))
            return [self._answer() for _ in commands]
        except OSError as error:
            raise QuankeError(f"Redis is gone ({type(error).__name__})") from None

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return Refusal(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self._bytes(int(rest))
        if kind == b"*":
            return None if int(rest) < 0 else [self._answer() for _ in range(int(rest))]
        return rest

    def _bytes(self, count: int) -> bytes:
        held = self._answers.read(count + 2)
        if len(held) < count + 2:
            raise ConnectionError
        return held[:-2]

    def close(self) -> None:
        """Disconnects."""
        self._answers.close()
        self._socket.close()


def command(words: list[Any]) -> bytes:
    """A command as Redis reads it."""
    parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
