"""What is asked several times while one page is made is asked once.

A page of a manager asks for the same parameters, the same scope and the same restrictions a dozen times, each
from its own place. Only while a page is read (GET, HEAD): what changes something asks anew, after its locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.http import HttpRequest, HttpResponse

P = ParamSpec("P")
T = TypeVar("T")
_answers: ContextVar[dict[Any, Any] | None] = ContextVar("asked_once", default=None)


def asked_once(question: Callable[P, T]) -> Callable[P, T]:
    """A question whose answer stays the same while one page is read. Its arguments can be hashed, and its
    answer is not changed by who asks."""

    @wraps(question)
    def ask(*args: P.args, **more: P.kwargs) -> T:
        held = _answers.get()
        if held is None:
            return question(*args, **more)
        key = (question, args, tuple(sorted(more.items())))
        if key not in held:
            held[key] = question(*args, **more)
        return held[key]  # type: ignore[no-any-return]

    return ask


def remembered(*of: Any) -> dict[Any, Any] | None:
    """What was found of many things while one page is read, by what it is (`of`): who asks for further ones
    asks for those alone, and adds them. Null where nothing is kept."""
    held = _answers.get()
    return None if held is None else held.setdefault(("remembered", *of), {})


@contextmanager
def asking_once() -> Iterator[None]:
    """Within it each question is asked once."""
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


class AskedOnce:
    """Holds the answers for as long as one page is made."""

    def __init__(self, ask: Callable[[HttpRequest], HttpResponse]) -> None:
        self.ask = ask

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """What Django asks of a middleware."""
        if request.method not in ("GET", "HEAD"):
            return self.ask(request)
        with asking_once():
            return self.ask(request)
