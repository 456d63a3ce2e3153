"""Numbers as keyed digests: what an index may hold of a phone, a document, an account.

There are only so many phone numbers: a plain digest of one is found by trying them all. So digests are keyed
(BLAKE2b, the key in a file of the home that nobody else may read), and a number of one kind has another
digest than the same number of another kind or source.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from quanke.customers.finding.forms import mobile_form, number_form, tail_of

Tokens: TypeAlias = npt.NDArray[np.uint64]
SIZE = 8
"""Bytes of a digest. Among a hundred million numbers a number that is none of them has one's digest with
a chance of 5 in 10**12."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """Digests of numbers of one kind (and, of a source system's own numbers, one source). `mobile` numbers go
    without their country's prefix; with `tail` only the last four digits count."""

    key: bytes
    kind: str
    source: str = ""
    mobile: bool = False
    tail: bool = False

    @property
    def _scope(self) -> bytes:
        return hashlib.blake2b(self.source.encode(), digest_size=16).digest() if self.source else b""

    def form(self, text: str) -> str | None:
        """What the digest is taken of; None where nothing is left, or there is no tail."""
        number = mobile_form(text) if self.mobile else number_form(text)
        return tail_of(number) if self.tail else number or None

    def token(self, form: str) -> int:
        """The digest of a form."""
        made = hashlib.blake2b(
            form.encode(), key=self.key, digest_size=SIZE, salt=self._scope, person=self.kind.encode()
        )
        return int.from_bytes(made.digest(), "little")

    def tokens(self, texts: pa.Array) -> tuple[Tokens, npt.NDArray[np.bool_]]:
        """The digest of each row (shape (rows,)), and which rows have one: empty ones have none."""
        from quanke.customers.finding import blake  # numba: only where an index is made

        texts = texts.cast(pa.string())
        found = np.zeros(len(texts), np.uint64)
        kinds = np.full(len(texts), blake.SKIP, np.uint8)
        buffers = texts.buffers()
        if len(texts) == texts.null_count or buffers[2] is None:
            return found, kinds != blake.SKIP
        offsets = np.frombuffer(buffers[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
        state = blake.keyed_state(self.key, self.kind.encode(), self._scope, SIZE)
        data = np.frombuffer(buffers[2], np.uint8)
        blake.tokens(data, offsets, state, self.tail, self.mobile, found, kinds)
        if texts.null_count:
            kinds[texts.is_null().to_numpy(zero_copy_only=False)] = blake.SKIP
        for row in np.flatnonzero(kinds == blake.ODD):
            form = self.form(texts[row].as_py())
            kinds[row] = blake.SKIP if form is None else blake.WHOLE
            found[row] = 0 if form is None else self.token(form)
        return found, kinds != blake.SKIP
