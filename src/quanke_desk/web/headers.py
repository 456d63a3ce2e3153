"""What every answer says to the browser about what it may load and keep."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " img-src 'self' data:"
)


class SecurityHeaders:
    """Sets the content policy on every answer, and keeps pages with customers out of caches."""

    def __init__(self, ask: Callable[[HttpRequest], HttpResponse]) -> None:
        self.ask = ask

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.ask(request)
        answer.setdefault("Content-Security-Policy", POLICY)
        answer.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith("/static/"):
            answer.setdefault("Cache-Control", "no-store, private")
        return answer


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """The desk's own files from its packages; nothing is collected, so no folder of that need be there."""

    def __init__(self, ask: Callable[[HttpRequest], HttpResponse]) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="No directory at")
            super().__init__(ask)
