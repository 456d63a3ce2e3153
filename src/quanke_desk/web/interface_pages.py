"""The OpenAPI of the desk and a page to read it by, for who is logged in."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from quanke_desk.foundation.pages import page
from quanke_desk.foundation.roles import May
from quanke_desk.web.api import api

REFUSALS = {
    "400": "What was sent cannot be read",
    "401": "Nobody is logged in, or the key is not known",
    "403": "The role may not, or the customer is out of scope",
    "404": "No such thing",
    "409": "A rule forbids it; detail says which",
    "422": "What was sent does not fit; detail says where",
}
METHODS = ("get", "post", "put", "patch", "delete")


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI, with the refusals that every operation may answer."""
    held: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="/api/"))
    shape = {"type": "object", "properties": {"detail": {}}, "required": ["detail"]}
    for operation in _operations(held):
        for status, says in REFUSALS.items():
            answer = {"description": says, "content": {"application/json": {"schema": shape}}}
            operation["responses"].setdefault(status, answer)
        operation["responses"] = {str(k): v for k, v in operation["responses"].items()}
    return held


def _operations(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry[m] for entry in held["paths"].values() for m in METHODS if m in entry]


@page(May.OWN)
@require_GET
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI as JSON."""
    return JsonResponse(schema())


@page(May.OWN)
@require_GET
def reading(request: HttpRequest) -> HttpResponse:
    """Operations of the API in a table."""
    rows = [
        {
            "method": m.upper(),
            "path": path,
            "says": entry[m].get("description") or entry[m].get("summary", ""),
            "asks": [p["name"] for p in entry[m].get("parameters", []) if p["in"] != "cookie"],
            "room": ", ".join(entry[m].get("tags", [])),
        }
        for path, entry in schema()["paths"].items()
        for m in METHODS
        if m in entry
    ]
    return render(request, "desk/api.html", {"rows": rows})
