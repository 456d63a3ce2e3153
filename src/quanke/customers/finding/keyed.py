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
import pyarrow.compute as pc

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
        forms = self._forms(texts.cast(pa.string()))
        there = forms.is_valid().to_numpy(zero_copy_only=False)
        if self.tail:  # ten thousand digests answer for all rows
            coded = forms.dictionary_encode()
            made = self._digests(coded.dictionary)
            codes = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)
            return (made[codes] if len(made) else np.zeros(len(forms), np.uint64)), there
        found = np.zeros(len(forms), np.uint64)
        found[there] = self._digests(forms.drop_null())
        return found, there

    def _forms(self, texts: pa.Array) -> pa.Array:
        """`form` of each row. Most numbers stand in their form: those are told by their signs, at once."""
        signs = r"\A[1-9A-Z][0-9A-Z]*\z" if self.mobile else r"\A[0-9A-Z]+\z"  # a prefix begins with + or 00
        plain = pc.match_substring_regex(texts, signs).fill_null(True)
        forms = texts
        if self.tail:
            long = pc.match_substring_regex(texts, r"\A.{4,}[0-9]{4}\z")
            forms = pc.if_else(long, pc.utf8_slice_codeunits(texts, -4), pa.scalar(None, pa.string()))
        if pc.all(plain).as_py():
            return forms
        odd = [self.form(text) for text in texts.filter(pc.invert(plain)).to_pylist()]
        return pc.replace_with_mask(forms, pc.invert(plain), pa.array(odd, pa.string()))

    def _digests(self, forms: pa.Array) -> Tokens:
        """`token` of each form. The key is worked in once."""
        keyed = hashlib.blake2b(key=self.key, digest_size=SIZE, salt=self._scope, person=self.kind.encode())
        made = bytearray()
        for form in forms.cast(pa.binary()).to_pylist():
            digest = keyed.copy()
            digest.update(form)
            made += digest.digest()
        return np.frombuffer(bytes(made), "<u8")
