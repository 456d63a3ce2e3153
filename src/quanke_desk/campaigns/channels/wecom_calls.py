"""What WeCom calls with: signed, and locked with a key both sides know (its scheme for callbacks).

A call bears `msg_signature`, the SHA-1 of the token, time, nonce and locked text in order; the text is
AES-256 in CBC mode, and holds sixteen random bytes, its length, the message, and the corporation it is for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_LOCKED = re.compile(rb"<Encrypt>\s*(?:<!\[CDATA\[)?([A-Za-z0-9+/=]+)(?:\]\]>)?\s*</Encrypt>")
_BLOCK = 32


class NotWeCom(Exception):
    """A call that does not come from WeCom, or not to this corporation."""


@dataclass(frozen=True)
class Calls:
    """Opens calls; `lock` is the EncodingAESKey of 43 characters."""

    corp: str
    token: str = field(repr=False)
    lock: str = field(repr=False)

    def opened(self, signature: str, time: str, nonce: str, locked: str) -> bytes:
        """The message of a call. Raises NotWeCom."""
        parts = "".join(sorted((self.token, time, nonce, locked)))
        made = hashlib.sha1(parts.encode(), usedforsecurity=False).hexdigest()
        if not hmac.compare_digest(made.encode(), signature.encode()):
            raise NotWeCom("the signature is not right")
        try:
            key = base64.b64decode(self.lock + "=", validate=True)
            held = base64.b64decode(locked, validate=True)
            opener = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
            plain = opener.update(held) + opener.finalize()
        except (ValueError, binascii.Error):
            raise NotWeCom("it cannot be opened") from None
        plain = plain[: -plain[-1]] if plain and 1 <= plain[-1] <= _BLOCK else b""
        size = int.from_bytes(plain[16:20], "big")
        message, corp = plain[20 : 20 + size], plain[20 + size :]
        if len(message) != size or corp.decode(errors="replace") != self.corp:
            raise NotWeCom("it is for another corporation")
        return message


def locked_text(body: bytes) -> str:
    """The locked text of a call's body. Raises NotWeCom."""
    found = _LOCKED.search(body)
    if found is None:
        raise NotWeCom("there is no locked text")
    return found[1].decode("ascii")


def fields(message: bytes) -> dict[str, str]:
    """The fields of an opened message: WeCom's own, so it is no stranger's XML. Raises NotWeCom."""
    try:
        return {each.tag: each.text or "" for each in ET.fromstring(message)}
    except ET.ParseError:
        raise NotWeCom("the message cannot be read") from None
