"""A desk as an older version made it: its tables by the migrations it had, a few rows in every one of them.

tables = make("first with campaigns")      # empty database in, old desk out
before = rows(tables)                      # what stands in it
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

from quanke_desk.foundation.models.secret import Encrypted
from tests.desk.test_journeys import SIX

OURS = ("foundation", "books", "customers", "work", "campaigns")
LANDED: dict[str, dict[str, str]] = {
    "foundation alone": {"foundation": "0002_audit_is_append_only"},
    "first with campaigns": {
        "foundation": "0008_factors_in_the_vault", "books": "0001_who_looks_after_whom",
        "customers": "0002_c_by_message", "work": "0005_uses_and_lobby_tasks", "campaigns": "0006_moving",
    },
}  # fmt: skip
"""The last migrations of versions that landed: of 2026-11-29 08:13 (b088374) and of the same day, 22:43
(f9b8739)."""
DAY = dt.date(2026, 7, 1)
AT = dt.datetime(2026, 7, 1, 2, 0, tzinfo=dt.UTC)
ROWS = 2
NAMED: dict[str, dict[str, Any]] = {
    "foundation.Person": {"role": "analyst", "is_active": True, "is_superuser": False, "password": "!"},
    "foundation.Branch": {"kind": "outlet"},
    "foundation.Post": {"role": "wealth_manager"},
    "foundation.Approval": {
        "kind": "journey.start",
        "arguments": {"version": 1},
        "state": "asked",
        "decided_by": None,
        "decided_at": None,
    },
    "foundation.Job": {"kind": "journeys.measure", "arguments": {"campaign": "none"}, "state": "done"},
    "foundation.ParameterValue": {"name": "contact.calls", "value": 2},
    "campaigns.Journey": {"state": "paused", "draft": None},
    "campaigns.JourneyVersion": {"graph": SIX, "control_ppm": 100_000, "until": dt.date(2030, 1, 1)},
    "campaigns.Enrolment": {"node": 0, "state": "w", "customer": 7},
    "campaigns.AudienceVersion": {"text": "aum >= 10_000元", "kind": "live"},
    "campaigns.Template": {"means": "sms", "purpose": "marketing"},
    "campaigns.TemplateVersion": {"state": "approved", "body_zh": "您好", "valid_until": dt.date(2030, 1, 1)},
    "campaigns.Send": {"means": "sms", "purpose": "marketing", "state": "t", "decided": 1_782_871_200},
    "work.FollowUp": {"kind": "follow_up", "journey": "birthday_2"},
    "work.Contact": {"means": "call"},
}
"""Values that a page looks at; the others are made up by their kind."""
PLAYED = "birthday_2"
"""The name of a journey that was begun from a play."""


def make(version: str) -> list[str]:
    """Migrates an empty database to how a version left it, and fills every table of ours; which there are."""
    executor, landed = MigrationExecutor(connection), LANDED[version]
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] not in OURS]
    targets = [*leaves, *landed.items()]
    executor.migrate(targets)
    apps: Any = executor.loader.project_state(targets).apps
    ours = [apps.get_model(label, name) for label in landed for name in apps.all_models[label]]
    made: dict[str, list[Any]] = {}
    with transaction.atomic():
        for model in ours:
            _fill(model, made)
    with connection.cursor() as cursor:
        for text in connection.ops.sequence_reset_sql(no_style(), ours):
            cursor.execute(text)
    return sorted(model._meta.db_table for model in ours)


def _fill(model: Any, made: dict[str, list[Any]]) -> list[Any]:
    label = model._meta.label
    if label not in made:
        made[label] = []
        for n in range(ROWS):
            told = {f.attname: _value(f, n, made) for f in model._meta.concrete_fields}
            one = model(**{name: value for name, value in told.items() if value is not None})
            models.Model.save_base(one, raw=True, force_insert=True)
            made[label].append(one)
    return made[label]


def _value(field: Any, n: int, made: dict[str, list[Any]]) -> Any:
    """A value of a field of the nth row; null: its default."""
    label = field.model._meta.label
    if label == "campaigns.Journey" and field.name == "name" and n:
        return PLAYED
    if field.name in NAMED.get(label, {}):
        return NAMED[label][field.name]
    if field.is_relation:
        of = field.related_model
        if of._meta.label == label or (field.null and of._meta.label not in made):
            return None
        rows = _fill(of, made)
        return rows[n].pk if len(rows) > n else None
    if field.primary_key and isinstance(field, models.AutoField):
        return None
    return _made_up(field, n)


def _made_up(field: Any, n: int) -> Any:
    if isinstance(field, Encrypted):
        return None  # the keys of before are of another home
    if field.choices:
        return field.choices[min(n, len(field.choices) - 1)][0]
    kinds: list[tuple[type[models.Field[Any, Any]], Any]] = [
        (models.BooleanField, n == 0), (models.DateTimeField, AT),
        (models.DateField, DAY + dt.timedelta(days=n)),
        (models.UUIDField, uuid.UUID(int=n + 1)), (models.BinaryField, b"x%d" % n),
        (models.JSONField, {"n": n}),
        (models.GenericIPAddressField, "127.0.0.1"), (models.URLField, ""), (models.IntegerField, n + 1),
        (models.FloatField, 0.5), (models.DurationField, dt.timedelta(seconds=n)),
    ]  # fmt: skip
    for kind, value in kinds:
        if isinstance(field, kind):
            return value
    return f"{field.name}{n}"[: field.max_length or 40]


def rows(tables: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Every row of some tables, by the columns they have, as text."""
    found: dict[str, list[dict[str, Any]]] = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            told = [dict(zip(names, map(_told, row), strict=True)) for row in cursor.fetchall()]
            found[table] = sorted(told, key=lambda row: json.dumps(row, sort_keys=True))
    return found


def _told(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else str(value)
