"""Numbers gateways gave to pushes they took."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection

from quanke_desk.campaigns.models import SendState


def note_numbers(rows: Sequence[tuple[int, str]], state: str = SendState.SENT) -> None:
    """Notes that rows were sent, or given to staff, each with the gateway's number of it. In one statement:
    Django's CASE of a thousand branches takes longer to write than to carry out."""
    if connection.vendor == "postgresql":
        of = "unnest(%s::bigint[], %s::text[]) AS told(id, number)"
        given: list[Any] = [[number for number, _g in rows], [gateway for _n, gateway in rows]]
    else:
        one = "SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS number"
        of, given = f"({one} FROM json_each(%s)) AS told", [json.dumps(rows)]
    text = (
        "UPDATE campaigns_send SET state = %s, rule = '', gateway = told.number "
        f"FROM {of} WHERE campaigns_send.id = told.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(text, [str(state), *given])
