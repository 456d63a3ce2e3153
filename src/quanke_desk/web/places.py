"""What the environment says: where the desk keeps what is its own, and who else may say who comes in."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
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


def sign_on(environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What `foundation.single_sign_on.Provider` is made of; null where the bank has set no provider. Raises
    ValueError for what is missing or cannot be."""
    issuer = environment.get("QUANKE_DESK_OIDC_ISSUER", "")
    if not issuer:
        return None
    if urlsplit(issuer).scheme != "https" and urlsplit(issuer).hostname not in ("localhost", "127.0.0.1"):
        raise ValueError("QUANKE_DESK_OIDC_ISSUER: only https")
    needed = ("QUANKE_DESK_OIDC_CLIENT", "QUANKE_DESK_OIDC_SECRET_FILE")
    for name in needed:
        if not environment.get(name):
            raise ValueError(f"{name} is needed beside QUANKE_DESK_OIDC_ISSUER")
    match = environment.get("QUANKE_DESK_OIDC_MATCH", "staff_id")
    if match not in ("staff_id", "email", "username"):
        raise ValueError("QUANKE_DESK_OIDC_MATCH: staff_id, email or username")
    roles = dict(
        pair.split("=", 1) for pair in environment.get("QUANKE_DESK_OIDC_ROLES", "").split(",") if "=" in pair
    )
    role_claim = environment.get("QUANKE_DESK_OIDC_ROLE_CLAIM", "")
    if bool(role_claim) != bool(roles):
        raise ValueError("QUANKE_DESK_OIDC_ROLE_CLAIM and QUANKE_DESK_OIDC_ROLES: both, or neither")
    return {
        "issuer": issuer,
        "client": environment[needed[0]],
        "secret": Path(environment[needed[1]]).read_text(encoding="utf-8").strip(),
        "claim": environment.get("QUANKE_DESK_OIDC_CLAIM", "email" if match == "email" else "sub"),
        "match": match,
        "role_claim": role_claim,
        "roles": roles,
    }


def channels(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Gateways of pushes by means, for `campaigns.channels.configured` (docs/how-to/connect-channels.md).
    Raises ValueError for what is missing or cannot be."""

    def secret_of(name: str) -> str:
        path = environment.get(f"QUANKE_DESK_{name}_SECRET_FILE", "")
        return Path(path).read_text(encoding="utf-8").strip() if path else ""

    def needed(name: str) -> str:
        if not environment.get(f"QUANKE_DESK_{name}"):
            raise ValueError(f"QUANKE_DESK_{name} is needed")
        return environment[f"QUANKE_DESK_{name}"]

    found: dict[str, dict[str, Any]] = {}
    if url := environment.get("QUANKE_DESK_WEBHOOK_URL"):
        for means in environment.get("QUANKE_DESK_WEBHOOK_MEANS", "").split(","):
            if means not in ("sms", "push", "wecom", "email"):
                raise ValueError("QUANKE_DESK_WEBHOOK_MEANS: of sms, push, wecom and email, with commas")
            found[means] = {"kind": "webhook", "url": url, "sign": secret_of("WEBHOOK")}
    for means in ("sms", "push"):
        if url := environment.get(f"QUANKE_DESK_{means.upper()}_URL"):
            found[means] = {"kind": means, "url": url.rstrip("/"), "sign": secret_of(means.upper())}
    if environment.get("QUANKE_DESK_WECOM_CORP"):
        url = environment.get("QUANKE_DESK_WECOM_URL", "https://qyapi.weixin.qq.com")
        found["wecom"] = {
            "kind": "wecom", "url": url.rstrip("/"), "corp": needed("WECOM_CORP"),
            "secret": secret_of("WECOM"), "sender": needed("WECOM_SENDER"),
        }  # fmt: skip
        # what WeCom signs and locks its own calls with
        told = {"token": secret_of("WECOM_TOKEN"), "lock": secret_of("WECOM_AES")}
        if any(told.values()) and not all(told.values()):
            raise ValueError("QUANKE_DESK_WECOM_TOKEN_SECRET_FILE and ..._WECOM_AES_SECRET_FILE: both")
        found["wecom"] |= {name: value for name, value in told.items() if value}
    if server := environment.get("QUANKE_DESK_SMTP"):
        host, _colon, port = server.partition(":")
        found["email"] = {
            "kind": "smtp", "host": host, "port": int(port or 587), "sender": needed("SMTP_SENDER"),
            "user": environment.get("QUANKE_DESK_SMTP_USER", ""), "password": secret_of("SMTP"),
            "tls": environment.get("QUANKE_DESK_SMTP_TLS", "1") == "1",
        }  # fmt: skip
    for told in found.values():
        parts = urlsplit(told.get("url", "https://"))
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
            raise ValueError("gateways of pushes: only https")
    return found


def mailbox(environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What `campaigns.channels.mailbox.Mailbox` is made of; null where the bank has set none. Raises
    ValueError for what is missing or cannot be."""
    server = environment.get("QUANKE_DESK_IMAP", "")
    if not server:
        return None
    host, _colon, port = server.partition(":")
    needed = ("QUANKE_DESK_IMAP_USER", "QUANKE_DESK_IMAP_SECRET_FILE")
    for name in needed:
        if not environment.get(name):
            raise ValueError(f"{name} is needed beside QUANKE_DESK_IMAP")
    tls = environment.get("QUANKE_DESK_IMAP_TLS", "1") == "1"
    if not tls and host not in ("localhost", "127.0.0.1"):
        raise ValueError("QUANKE_DESK_IMAP: only with TLS")
    return {
        "host": host, "port": int(port or 993), "user": environment[needed[0]], "tls": tls,
        "password": Path(environment[needed[1]]).read_text(encoding="utf-8").strip(),
        "folder": environment.get("QUANKE_DESK_IMAP_FOLDER", "INBOX"),
    }  # fmt: skip
