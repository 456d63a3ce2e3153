"""The two ciphers of the vault: AES-256-GCM and SM4-GCM, both with a nonce of 12 and a tag of 16 bytes.

`QUANKE_DESK_CIPHER` says which encrypts from now on: aes (default) or sm4. Both open always.
"""

from __future__ import annotations

import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

NONCE, TAG = 12, 16
KEY_BYTES = {"aes": 32, "sm4": 16}


class VaultError(ValueError):
    """A value or key that cannot be opened, or a vault that is not set up. Says no value and no key."""


def cipher() -> str:
    """The cipher that encrypts from now on. Raises VaultError for one nobody knows."""
    named = os.environ.get("QUANKE_DESK_CIPHER", "aes").lower()
    if named not in KEY_BYTES:
        raise VaultError("QUANKE_DESK_CIPHER is aes or sm4")
    return named


def sealed(algorithm: str, key: bytes, plain: bytes, context: str) -> bytes:
    """nonce + ciphertext + tag; it opens with the same context only."""
    nonce, aad = secrets.token_bytes(NONCE), context.encode()
    if algorithm == "aes":
        return nonce + AESGCM(key).encrypt(nonce, plain, aad)
    encryptor = Cipher(SM4(key), GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return nonce + encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def open_sealed(algorithm: str, key: bytes, held: bytes, context: str) -> bytes:
    """What was sealed. Raises VaultError where it was changed, or the key or context is another."""
    nonce, aad = held[:NONCE], context.encode()
    try:
        if algorithm == "aes":
            return AESGCM(key).decrypt(nonce, held[NONCE:], aad)
        decryptor = Cipher(SM4(key), GCM(nonce, held[-TAG:])).decryptor()
        decryptor.authenticate_additional_data(aad)
        return decryptor.update(held[NONCE:-TAG]) + decryptor.finalize()
    except (InvalidTag, ValueError):
        raise VaultError("a value that does not open: changed, or from another row or column") from None
