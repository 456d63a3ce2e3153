"""A desk over the sample home of June, with branches, posts and people brought."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from quanke_desk.foundation.brought import bring_bank
from quanke_desk.foundation.demo import demo_people
from quanke_desk.foundation.models import Person


@pytest.fixture
def desk(db: None, settings: LazySettings, after_june: Path) -> dict[str, Person]:
    """People by role: one of each."""
    settings.QUANKE_HOME = str(after_june)
    settings.SECURE_SSL_REDIRECT = False
    bring_bank()
    return {p.role: p for p in demo_people()}


@pytest.fixture
def entered(desk: dict[str, Person]) -> dict[str, Client]:
    """A client of each role, logged in through the login page's own session."""
    clients = {}
    for role, person in desk.items():
        clients[role] = Client()
        clients[role].force_login(person)
    return clients
