"""Where the bank's own keys are: a port, and the key file that stands behind it until an HSM or KMS does.

`QUANKE_DESK_KEY_STORE` names another class ("package.module:Class", made without arguments).
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import secrets
from functools import cache
from pathlib import Path
from typing import Protocol

from django.conf import settings

from quanke_desk.foundation.ciphers import KEY_BYTES, VaultError, cipher, open_sealed, sealed


class KeyStore(Protocol):
    """What wraps data keys and keeps the key of look-up digests. Wrapping keys never leave it."""

    def wrap(self, data_key: bytes, context: str) -> tuple[bytes, str]:
        """A data key wrapped, and the name of the key that did it. `context` has to be given again."""
        ...

    def unwrap(self, wrapped: bytes, by: str, context: str) -> bytes:
        """The data key. Raises VaultError where the key is not there or the context is another."""
        ...

    def index_key(self) -> bytes:
        """The key of look-up digests: 32 bytes, never changed."""
        ...

    def new_key(self) -> str:
        """Makes the key that wraps from now on; earlier ones still unwrap. Its name."""
        ...


class KeyFile:
    """Keys in a file of mode 0600: QUANKE_DESK_KEYS, else `desk/keys` in the home. Made once. Whoever has the
    file and the database has everything: keep it on another disk, and its copy in another safe."""

    def __init__(self) -> None:
        self.path = key_path()
        self._make()
        if self.path.stat().st_mode & 0o077:
            raise VaultError("the key file can be read by others: chmod 600")
        self._held = json.loads(self.path.read_text(encoding="utf-8"))

    def wrap(self, data_key: bytes, context: str) -> tuple[bytes, str]:
        """See KeyStore."""
        name = str(self._held["current"])
        algorithm, key = self._key(name)
        return sealed(algorithm, key, data_key, f"wrap|{name}|{context}"), name

    def unwrap(self, wrapped: bytes, by: str, context: str) -> bytes:
        """See KeyStore."""
        algorithm, key = self._key(by)
        return open_sealed(algorithm, key, wrapped, f"wrap|{by}|{context}")

    def index_key(self) -> bytes:
        """See KeyStore."""
        return base64.b64decode(self._held["index"])

    def new_key(self) -> str:
        """See KeyStore."""
        name = str(1 + max(int(n) for n in self._held["keys"]))
        self._held["keys"][name] = _fresh()
        self._held["current"] = name
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        _write(beside, json.dumps(self._held, indent=1))
        beside.replace(self.path)
        return name

    def _key(self, name: str) -> tuple[str, bytes]:
        if name not in self._held["keys"]:
            self._held = json.loads(self.path.read_text(encoding="utf-8"))  # made by another process since
        if name not in self._held["keys"]:
            raise VaultError(f"the key file has no key {name}")
        held = self._held["keys"][name]
        return held["algorithm"], base64.b64decode(held["key"])

    def _make(self) -> None:
        if self.path.exists():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        index = base64.b64encode(secrets.token_bytes(32)).decode()
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        _write(
            beside,
            json.dumps({"version": 1, "current": "1", "index": index, "keys": {"1": _fresh()}}, indent=1),
        )
        try:
            os.link(beside, self.path)  # whole, and only where there is none yet: two may begin together
        except FileExistsError:
            pass
        finally:
            beside.unlink()


def key_path() -> Path:
    """Where the key file is. Raises VaultError where neither it nor a home is named."""
    if named := os.environ.get("QUANKE_DESK_KEYS"):
        return Path(named)
    if not settings.QUANKE_HOME:
        raise VaultError("QUANKE_DESK_KEYS names the key file, or QUANKE_HOME a home that holds it")
    return Path(settings.QUANKE_HOME) / "desk" / "keys"


def key_store() -> KeyStore:
    """The bank's key store."""
    named = os.environ.get("QUANKE_DESK_KEY_STORE", "")
    return _named(named) if named else _file(key_path())


@cache
def _named(name: str) -> KeyStore:
    module, _, attribute = name.partition(":")
    store: KeyStore = getattr(importlib.import_module(module), attribute)()
    return store


@cache
def _file(path: Path) -> KeyStore:
    return KeyFile()


def _fresh() -> dict[str, str]:
    algorithm = cipher()
    return {
        "algorithm": algorithm,
        "key": base64.b64encode(secrets.token_bytes(KEY_BYTES[algorithm])).decode(),
    }


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
