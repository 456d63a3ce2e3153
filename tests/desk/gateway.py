"""A gateway on this machine that plays what gateways do: slow, down, busy, silent, saying things twice."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Gateway:
    """Plays the two calls of `channels.sms_http`. `plays` names what it does with the next calls, one after
    the other; when none is left, it takes everything. `got` counts how often each key was really taken."""

    def __init__(self, secret: bytes = b"") -> None:
        self.plays: list[str] = []
        self.got: Counter[str] = Counter()
        self.messages: dict[str, dict[str, Any]] = {}
        self.asked: list[list[str]] = []
        self.calls = 0
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signed = hmac.new(
                    secret, self.headers.get("X-Quanke-Time", "").encode() + b"\n" + body, hashlib.sha256
                )
                if secret and self.headers.get("X-Quanke-Sign") != signed.hexdigest():
                    self._say(401, {})
                    return
                gateway.answer(self, json.loads(body))

            def _say(self, code: int, told: Any, **headers: str) -> None:
                body = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_said: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, call: Any, told: dict[str, Any]) -> None:
        self.calls += 1
        play = self.plays.pop(0) if self.plays else "takes"
        if play == "busy":
            call._say(429, {}, Retry_After="7")
        elif play == "closed":
            call._say(503, {})
        elif play == "refuses":
            call._say(400, {})
        elif play == "breaks":
            call._say(500, {})
        elif play == "babbles":
            self._take(told)
            call._say(200, b"<html>")
        elif play in ("silent", "slow"):
            self._take(told)
            if play == "slow":
                time.sleep(1.0)
            call.connection.close()
        else:
            results = self._take(told)
            if play == "twice":  # says everything twice, and of a message nobody sent
                results = [*results, *results, {"key": "stranger", "state": "accepted", "number": "x"}]
            if play == "half":
                results = results[: len(results) // 2]
            call._say(200, {"results": results})

    def _take(self, told: dict[str, Any]) -> list[dict[str, Any]]:
        if "keys" in told:
            self.asked.append(told["keys"])
            return [
                self._result(key) if key in self.messages else {"key": key, "state": "unknown"}
                for key in told["keys"]
            ]
        for message in told["messages"]:
            if message["to"].endswith("0000"):
                continue
            self.got[message["key"]] += 1
            self.messages[message["key"]] = message
        return [
            self._result(m["key"]) if m["key"] in self.messages else {"key": m["key"], "state": "refused"}
            for m in told["messages"]
        ]

    def _result(self, key: str) -> dict[str, Any]:
        return {"key": key, "state": "accepted", "number": f"G-{key}"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
