"""Calling a gateway by HTTP: signed JSON, no detours, a limit of time, and a breaker that lets it rest.

What matters most is what a failure leaves open. A gateway that could not be reached, or said 429 or 503, took
nothing; one that fell silent after it was spoken to may have taken all, so nobody sends that again unasked.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from quanke_desk.campaigns.channels.channel import ChannelDown

FAILURES = 5
"""Failures one after the other after which a gateway is left alone."""
REST = 30
LONGEST_WAIT = 900
MOST_BYTES = 5_000_000


class Unsure(Exception):
    """The gateway was spoken to, and what it did is not known."""


class Refused(Exception):
    """The gateway refuses the whole request, and would again."""


class _NoDetour(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_asked: Any) -> None:
        return None


@dataclass
class Gateway:
    """One gateway: its address, the shared secret of its signature, and how it has been lately."""

    url: str
    secret: bytes = field(default=b"", repr=False)
    patience: float = 10.0
    failures: int = 0
    rests_until: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for an address that is not https: personal data does not travel in the open."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
            raise ValueError("a gateway is spoken to over https only")
        self._open = urllib.request.build_opener(_NoDetour)

    def post(self, path: str, told: Any) -> Any:
        """Sends JSON and answers JSON. Raises ChannelDown, Unsure, Refused."""
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        moment = str(int(time.time()))
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if self.secret:
            signed = hmac.new(self.secret, moment.encode() + b"\n" + body, hashlib.sha256).hexdigest()
            headers |= {"X-Quanke-Time": moment, "X-Quanke-Sign": signed}
        return self.call(urllib.request.Request(self.url + path, body, headers, method="POST"))

    def get(self, path: str) -> Any:
        """Answers JSON. Raises ChannelDown, Unsure, Refused."""
        return self.call(urllib.request.Request(self.url + path))

    def call(self, asked: urllib.request.Request) -> Any:
        """One call under the breaker."""
        left = self.rests_until - time.monotonic()
        if left > 0:
            raise ChannelDown("the gateway is left alone for a while", int(left) + 1)
        try:
            with self._open.open(asked, timeout=self.patience) as answer:
                read = json.loads(answer.read(MOST_BYTES))
        except urllib.error.HTTPError as error:
            raise self._said_no(error) from None
        except urllib.error.URLError as error:
            # before a connection stood nothing was said; of a timeout urllib does not tell which it was
            if isinstance(error.reason, (ConnectionRefusedError, ssl.SSLError)) or _unknown_host(error):
                raise self._down("the gateway cannot be reached", REST) from None
            raise self._unsure() from None
        except (OSError, http.client.HTTPException, ValueError):
            raise self._unsure() from None
        self.failures = 0
        return read

    def _said_no(self, error: urllib.error.HTTPError) -> Exception:
        if error.code in (429, 503):
            given = error.headers.get("Retry-After", "")
            wait = int(given) if given.isdecimal() and len(given) < 6 else REST
            return self._down(f"the gateway says {error.code}", min(max(wait, 1), LONGEST_WAIT))
        if error.code in (401, 403):
            return self._down(f"the gateway says {error.code}: its key is not right", LONGEST_WAIT)
        if 400 <= error.code < 500:
            self.failures = 0
            return Refused(f"the gateway says {error.code}")
        return self._unsure()

    def _down(self, why: str, wait: int) -> ChannelDown:
        self._failed()
        return ChannelDown(why, wait)

    def _unsure(self) -> Unsure:
        self._failed()
        return Unsure("the gateway was spoken to and did not answer")

    def _failed(self) -> None:
        self.failures += 1
        if self.failures >= FAILURES:
            self.rests_until = time.monotonic() + REST
            self.failures = FAILURES - 1  # one more failure after the rest is enough for another


def _unknown_host(error: urllib.error.URLError) -> bool:
    import socket

    return isinstance(error.reason, socket.gaierror)
