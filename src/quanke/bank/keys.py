"""The secret of a home: the key of the digests that the search of a night holds instead of numbers.

    find.key    32 random bytes, in hexadecimal; mode 0600

Whoever has the key and a night can try all phone numbers and learn which are customers. Without it a night's
search cannot be asked: it belongs into the backup of the home, and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from quanke.kernel.errors import HomeError

FIND_KEY = "find.key"
BYTES = 32
_OTHERS = 0o077 if os.name == "posix" else 0  # Windows keeps rights elsewhere, and tells none here


def make_find_key(home: Path) -> None:
    """Make the key of the home at `home`, unless it has one. Of two processes that make it one's stays."""
    if (home / FIND_KEY).exists():
        return
    handle, draft = tempfile.mkstemp(prefix=f"{FIND_KEY}.", dir=home)  # for its owner alone
    try:
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_hex(BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, home / FIND_KEY)  # refuses where one stands by now
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.rename(draft, home / FIND_KEY)
    finally:
        Path(draft).unlink(missing_ok=True)


def read_find_key(home: Path) -> bytes:
    """The key of the home at `home`. Raises HomeError where there is none, where others may read it, or where
    it is no key."""
    path = home / FIND_KEY
    try:
        with path.open("rb") as file:
            others = os.fstat(file.fileno()).st_mode & _OTHERS
            text = file.read(4 * BYTES)
    except FileNotFoundError:
        raise HomeError(
            f"{path} is missing: put it back from the backup, or compute a later night, which makes a new one"
        ) from None
    except OSError:
        raise HomeError(f"{path} cannot be read by this user") from None
    if others:
        raise HomeError(f"{path} may be read by others than its owner: chmod 600 it")
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != BYTES:
        raise HomeError(f"{path} is no key of {2 * BYTES} hexadecimal digits: put it back from the backup")
    return key


def key_name(key: bytes) -> str:
    """What tells one key from another without telling anything of it: 16 hexadecimal digits."""
    return hashlib.blake2b(key=key, digest_size=8, person=b"name of the key").hexdigest()
