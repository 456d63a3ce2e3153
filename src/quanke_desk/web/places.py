"""Where the desk keeps what is its own: its database and the key that signs its sessions."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def database(home: str, address: str) -> dict[str, Any]:
    """Django's entry for the database: `address` is a postgresql:// address or a path of an SQLite file;
    empty: `desk/desk.sqlite3` in the home. Raises ValueError for another kind of address."""
    parts = urlsplit(address)
    if parts.scheme in ("postgresql", "postgres"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "OPTIONS": dict(parse_qsl(parts.query)),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    if "://" in address:
        raise ValueError(f"QUANKE_DESK_DATABASE: {parts.scheme}:// is neither postgresql:// nor a path")
    path = Path(address) if address else Path(home or ".") / "desk" / "desk.sqlite3"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            # One writer at a time: a writer says so when it begins, and others wait instead of failing.
            # So a page is no transaction (reading would wait for writing): every change is one of its own.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        },
    }


def secret(home: str) -> str:
    """The key of sessions: QUANKE_DESK_SECRET, else of a file of the home that is made once, mode 0600."""
    given = os.environ.get("QUANKE_DESK_SECRET")
    if given:
        return given
    if not home:
        return secrets.token_urlsafe(50)  # nothing outlives this process
    path = Path(home) / "desk" / "secret"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text().strip()
