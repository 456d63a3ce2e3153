"""An old home under a newer desk: what its tables held is kept through all migrations, and its pages open."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.desk_at import BEGIN, in_desk
from tests.faults.old_desk import LANDED
from tests.faults.test_desk_on_postgresql import database as database

DROPPED = {
    "foundation_factor": "its secret moves into the vault: who had one sets it up again",
    "books_departedcustomer": "assets and outcome move into the vault, and the tier nobody read goes",
}
"""Rows an older version's migration let go of, on purpose; no version that landed had any."""

MIGRATED = """
from tests.faults import old_desk
tables = old_desk.make("%s")
before = old_desk.rows(tables)
call_command("migrate", verbosity=0)
after = old_desk.rows(tables)
from collections import Counter
lost = []
for table, rows in before.items():
    assert rows, f"{table} was empty"
    columns = [c for c in rows[0] if after[table] and c in after[table][0]]
    # a migration may add rows (a data key, what the audit says of it), and takes none away
    was, now = (Counter(tuple(row[c] for c in columns) for row in them) for them in (rows, after[table]))
    if was - now or len(columns) < len(rows[0]):
        lost.append(table)
from quanke_desk.foundation.brought import bring_bank
from quanke_desk.foundation.demo import demo_people
bring_bank()
demo_people()
from django.conf import settings
settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
settings.ALLOWED_HOSTS = ["*"]
from django.test import Client
from django.urls import reverse
from quanke_desk.foundation.models import Person
from tests.desk.test_addresses import address, addresses
opened, broken = 0, []
for person in Person.objects.filter(username__startswith="demo-").order_by("username"):
    client = Client(raise_request_exception=False)
    client.force_login(person)
    for pattern in addresses():
        may = pattern.callback.may
        if may is not None and person.may(may):
            # numbers in an address are those of rows the old desk had
            one = Person(pk=1)
            status = client.get(address(pattern, one)).status_code
            opened += status == 200
            if status >= 500:
                broken.append([pattern.name, person.role])
from quanke_desk.campaigns.models import Journey
from quanke_desk.work.models import FollowUp
tasks = sorted(set(FollowUp.objects.values_list("journey", "campaign")))
played = [list(Journey.objects.values_list("name", "play")), tasks]
from quanke_desk.campaigns.moving import move_due
Journey.objects.filter(state="paused").update(state="running")
steps = move_due(2_000_000_000).steps
tell([len(tables), lost, opened, broken, played, steps])
"""


def check(home: Path, tmp_path: Path, database: str, version: str) -> None:
    shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("desk"))
    (tmp_path / "home" / "desk").mkdir()
    text = MIGRATED % version
    count, lost, opened, broken, played, steps = in_desk(
        tmp_path / "home", text, database, begin=BEGIN, seconds=1_000
    )
    assert not set(lost) - set(DROPPED), f"rows or columns were lost: {lost}"
    assert not broken and opened > 150, f"{opened} pages opened; these did not: {broken}"
    if "campaigns" in LANDED[version]:
        journeys, tasks = played
        assert count > 40 and ["birthday_2", "birthday"] in journeys, "by its name its play is known"
        assert tasks == [["birthday_2", "birthday_2"]]
        assert steps > 0, "who was under way goes on"


@pytest.mark.slow
@pytest.mark.timeout(1_000)
@pytest.mark.parametrize("version", LANDED)
def test_an_old_home(after_june: Path, tmp_path: Path, version: str) -> None:
    check(after_june, tmp_path, "", version)


@pytest.mark.slow
@pytest.mark.timeout(1_000)
@pytest.mark.service
@pytest.mark.parametrize("version", LANDED)
def test_an_old_home_on_postgresql(after_june: Path, tmp_path: Path, database: str, version: str) -> None:
    check(after_june, tmp_path, database, version)
