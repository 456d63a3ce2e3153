"""Who may call an operation of the API: `auth=may(May.X)`, people by their session; and machines by a key:
`auth=[may(May.X), ByMachine(May.X, find)]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import APIKeyCookie, APIKeyHeader

from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import May


class BySession(APIKeyCookie):
    """A person logged in at the desk, whose role allows `may`; changes carry the form token as well."""

    param_name = "sessionid"

    def __init__(self, allowed: May) -> None:
        super().__init__(csrf=True)
        self.may = allowed

    def authenticate(self, request: HttpRequest, key: str | None) -> Person | None:
        """The person; null (401) for nobody. Raises HttpError 403 where the role may not."""
        person: Any = request.user
        if not isinstance(person, Person) or not person.is_authenticated:
            return None
        if not person.may(self.may):
            raise HttpError(403, "your role may not")
        return person


class ByMachine(APIKeyHeader):
    """A machine that sends its key in the header X-Quanke-Key. `find` answers the machine of a key, or null:
    then somebody may still be logged in, or the call is refused (401). `may`: what it stands in for; null:
    no person may."""

    param_name = "X-Quanke-Key"

    def __init__(self, allowed: May | None, find: Callable[[str], Any]) -> None:
        super().__init__()
        self.may = allowed
        self.find = find

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """The machine of the key."""
        return self.find(key) if key else None


def may(allowed: May) -> BySession:
    """For `auth=` of an operation."""
    return BySession(allowed)
