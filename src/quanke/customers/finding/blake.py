"""BLAKE2b (RFC 7693) of whole columns of short texts, compiled: the same digests as `hashlib.blake2b`.

hashlib takes a second for a million numbers; a bank has a hundred million. A keyed digest of a text of up to
128 bytes is two blocks, of which the first holds the key alone and is worked through once for a whole column.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import uint64

BLOCK = 128
"""Bytes of a block."""
START = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_ORDER = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.uint8,
)
"""Which words of the message each round mixes in."""
WHOLE, TAIL, SKIP, ODD = 0, 1, 2, 3
"""What is made of a row: a digest of all of it, of its last four digits, none, or none here (`tokens`)."""


def _compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code without Python's lock, kept on disk where that can be written."""
    made = numba.njit(nogil=True, boundscheck=False)(function)
    with suppress(RuntimeError):
        made.enable_caching()
    return made


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _turned(word: Any, bits: Any) -> Any:
    return (word >> uint64(bits)) | (word << uint64(64 - bits))


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _mixed(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> Any:
    a = a + b + x
    d = _turned(d ^ a, 32)
    c = c + d
    b = _turned(b ^ c, 24)
    a = a + b + y
    d = _turned(d ^ a, 16)
    c = c + d
    b = _turned(b ^ c, 63)
    return a, b, c, d


@_compiled
def compressed(h: Any, m: Any, count: Any, last: Any) -> Any:
    """The state after a block: `h` (8 words) before it, `m` the block's 16 words, `count` bytes so far."""
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11 = START[0], START[1], START[2], START[3]
    v12, v13, v14, v15 = START[4] ^ uint64(count), START[5], START[6], START[7]
    if last:
        v14 = ~v14
    for turn in range(12):
        s = _ORDER[turn]
        v0, v4, v8, v12 = _mixed(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = _mixed(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = _mixed(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = _mixed(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = _mixed(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = _mixed(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = _mixed(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = _mixed(v3, v4, v9, v14, m[s[14]], m[s[15]])
    return (
        h[0] ^ v0 ^ v8, h[1] ^ v1 ^ v9, h[2] ^ v2 ^ v10, h[3] ^ v3 ^ v11,
        h[4] ^ v4 ^ v12, h[5] ^ v5 ^ v13, h[6] ^ v6 ^ v14, h[7] ^ v7 ^ v15,
    )  # fmt: skip


@_compiled
def tokens(data: Any, offsets: Any, state: Any, tail: Any, mobile: Any, out: Any, kinds: Any) -> None:
    """The first eight bytes of each row's digest into `out`, as a little-endian number.

    A row is the bytes `data[offsets[i]:offsets[i + 1]]` in the form of `number_form` (of `mobile_form` where
    `mobile`); with `tail` the last four digits of that. `state` is the state after the key. `kinds[i]` says
    what was done: ODD rows have other than printable ASCII signs, or too many, and are left to Python; SKIP
    rows are empty, or have no tail.
    """
    block = np.zeros(BLOCK, np.uint8)
    words = block.view(np.uint64)
    for row in range(len(out)):
        used = 0
        kind = WHOLE
        for place in range(offsets[row], offsets[row + 1]):
            sign = data[place]
            if sign == 32 or sign == 45:
                continue
            if sign < 32 or sign > 126 or used == BLOCK:
                kind = ODD
                break
            block[used] = sign - 32 if 97 <= sign <= 122 else sign
            used += 1
        start = 0
        if mobile and kind == WHOLE:
            if used >= 3 and block[0] == 43 and block[1] == 56 and block[2] == 54:
                start = 3
            elif used >= 4 and block[0] == 48 and block[1] == 48 and block[2] == 56 and block[3] == 54:
                start = 4
        if kind == WHOLE and tail:
            kind = TAIL if used - start >= 8 else SKIP
            start = max(start, used - 4)
            for place in range(start, used):
                if not 48 <= block[place] <= 57:
                    kind = SKIP
        if used == start and kind != ODD:
            kind = SKIP
        kinds[row] = kind
        if kind <= TAIL:
            for place in range(start, used):
                block[place - start] = block[place]
            for place in range(used - start, used):
                block[place] = 0
            out[row] = compressed(state, words, BLOCK + used - start, True)[0]
        for place in range(used):
            block[place] = 0


def keyed_state(key: bytes, kind: bytes, scope: bytes, size: int) -> npt.NDArray[np.uint64]:
    """The state after the block of the key: shape (8,). `kind` and `scope` (up to 16 bytes each) are
    BLAKE2b's personalisation and salt, `size` the digest's bytes."""
    parameters = bytes([size, len(key), 1, 1]) + bytes(28) + scope.ljust(16, b"\0") + kind.ljust(16, b"\0")
    begun = START ^ np.frombuffer(parameters, np.uint64)
    words = np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint64)
    return np.array(compressed(begun, words, BLOCK, False), np.uint64)
