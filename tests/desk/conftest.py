"""A desk over the sample home of June, with branches, posts and people brought."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from pytest_django import DjangoDbBlocker

from quanke_desk.foundation.brought import bring_bank
from quanke_desk.foundation.demo import demo_people
from quanke_desk.foundation.models import Person


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    after_june: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The bank is brought once; each test goes back to that. Keys are made outside the home tests share."""
    os.environ["QUANKE_DESK_KEYS"] = str(tmp_path_factory.mktemp("keys") / "keys")
    settings.QUANKE_HOME = str(after_june)
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    with django_db_blocker.unblock():
        bring_bank()
        demo_people()


@pytest.fixture(autouse=True)
def nobodys_language() -> Iterator[None]:
    """A request leaves its language behind; whoever asks without a request is asked in the desk's own."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture
def desk(db: None) -> dict[str, Person]:
    """People by role: one of each."""
    return {p.role: p for p in Person.objects.filter(username__startswith="demo-")}


@pytest.fixture
def entered(desk: dict[str, Person]) -> dict[str, Client]:
    """A client of each role, logged in through the login page's own session."""
    clients = {}
    for role, person in desk.items():
        clients[role] = Client()
        clients[role].force_login(person)
    return clients
