"""The desk as a bank runs it: Django's own check, what goes to the browser; no secret in the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from quanke_desk.foundation.models import Person

ROOT = Path(__file__).parents[2]
SECRETS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/]{20}",
    "an access key of AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "an access key of Alibaba": r"\bLTAI[0-9A-Za-z]{12,24}\b",
    "a token of GitHub": r"\bgh[pousr]_[0-9A-Za-z]{36}\b|\bgithub_pat_[0-9A-Za-z_]{40,}",
    "a token of PyPI": r"\bpypi-AgEI[0-9A-Za-z_-]{40,}",
    "a token of Slack": r"\bxox[abprs]-[0-9A-Za-z-]{20,}",
    "a signed token": r"\beyJ[0-9A-Za-z_-]{20,}\.eyJ[0-9A-Za-z_-]{20,}\.[0-9A-Za-z_-]{20,}",
    "a password in an address": r"\b(?:postgres(?:ql)?|amqps?|rediss?|nats|https?)"
    r"://[^\s/:@\"'{}<>]+:[^\s/@\"'{}<>]{3,}@",
    "a secret that is set": r"(?i)\b(?:secret_key|api_key|access_token|client_secret)\s*"
    r"""[:=]\s*["'][^"'\s{}<>$]{16,}["']""",
}  # fmt: skip
# What a test makes up, and what is written to show a form.
KNOWN = re.compile(r"localhost|127\.0\.0\.1|example|//(?:user|who|me|quanke|guest|postgres):|test[-_ ]", re.I)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("QUANKE_DESK", "DJANGO"))}
    command = [str(Path(sys.executable).with_name("quanke-desk")), *words]
    return subprocess.run(command, env=env | environment, capture_output=True, text=True, timeout=120)


def test_djangos_check_is_clean(tmp_path: Path) -> None:
    words = ("check", "--deploy", "--fail-level", "WARNING")
    done = run(*words, QUANKE_HOME=str(tmp_path), QUANKE_DESK_HOSTS="desk.example")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    open_one = run(*words, QUANKE_HOME=str(tmp_path), QUANKE_DESK_HTTPS="0")
    assert open_one.returncode != 0, "the check sees something"
    assert (tmp_path / "desk" / "secret").stat().st_mode & 0o777 == 0o600


def test_no_migration_is_missing(tmp_path: Path) -> None:
    done = run("makemigrations", "--check", "--dry-run", QUANKE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout


def test_what_goes_to_the_browser(desk: dict[str, Person], settings: Any) -> None:
    """As settings say it behind the bank's proxy."""
    code = (
        "import json, django; django.setup(); from django.conf import settings as s;"
        "print(json.dumps({n: getattr(s, n) for n in dir(s) if n.startswith(('SECURE', 'SESSION_C', 'CSRF_C',"
        " 'LANGUAGE_C', 'X_F', 'DEBUG'))}, default=str))"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("QUANKE_DESK")}
    env["DJANGO_SETTINGS_MODULE"] = "quanke_desk.web.settings"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    import json

    held = json.loads(done.stdout)
    assert held["DEBUG"] is False
    for name, value in held.items():
        if name != "DEBUG" and name.startswith(("SECURE", "SESSION_C", "CSRF_C", "X_F")):
            setattr(settings, name, value)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    there = {"x-forwarded-proto": "https"}
    client = Client()
    assert client.get("/login/")["Location"].startswith("https://")
    page = client.get("/login/", headers=there)
    assert page["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert page["Referrer-Policy"] == "same-origin" and page["X-Content-Type-Options"] == "nosniff"
    assert page["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["Cross-Origin-Opener-Policy"] == "same-origin"
    from quanke_desk.foundation.demo import PASSWORD

    words = {"username": "demo-analyst", "password": PASSWORD}
    client.post("/login/", words, headers=there)
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Lax", name


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60)
    if done.returncode:
        pytest.skip("no git here: an unpacked archive")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def test_no_secret_in_the_repository() -> None:
    found = []
    for path in tracked():
        if not path.is_file() or path.stat().st_size > 2_000_000 or path.suffix in (".png", ".mo", ".lock"):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        for what, pattern in SECRETS.items():
            for hit in re.finditer(pattern, text):
                if not KNOWN.search(text[max(0, hit.start() - 40) : hit.end() + 40]):
                    found.append(f"{path.relative_to(ROOT)}: {what}")
        if path.name in (".env", "secret", "id_rsa") or path.suffix in (".pem", ".key", ".p12", ".pfx"):
            found.append(f"{path.relative_to(ROOT)}: by its name")
    assert not found


def test_the_patterns_find_something() -> None:
    made = {
        "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEowIBAAKCAQEAxx1234",
        "a token of GitHub": "gh" + "p_" + "a1" * 18,
        "a password in an address": "postgresql://desk:" + "hunter2@db.bank/desk",
        "a secret that is set": "SECRET_KEY = '" + "k3" * 12 + "'",
    }
    for what, text in made.items():
        assert re.search(SECRETS[what], text), what
