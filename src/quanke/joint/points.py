"""Identifiers as points of the curve P-256, and the mask a side lays over them.

A masked identifier is the x-coordinate of k·H(identifier), 32 bytes; masks of two sides commute, so that
a(b·H(x)) = b(a·H(x)) says whether two identifiers are the same and nothing else (Meadows 1986; Huberman,
Franklin, Hogg 1999: private set intersection by Diffie-Hellman). No arithmetic of the curve stands here:
decompressing a point, with its check that the point lies on the curve, and multiplying it are public
calls of `cryptography` (`from_encoded_point`, `ECDH`). P-256 has prime order: no small subgroup, and a
masked point tells nothing of its class. Taking x alone is right because x(k·P) = x(k·(-P)).

H is hash and increment under a key of the contract (RFC 9380, appendix A, names it): its time depends on the
identifier, which matters only to who can time this machine.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from quanke.kernel.errors import QuankeError

POINT = 32
"""Bytes of a masked identifier."""
AT_ONCE = 5_000
Told = Callable[[int, int], None]
"""Told how many of how many are done."""

_Shared = TypeVar("_Shared")
_Value = TypeVar("_Value")
_CURVE, _ECDH = ec.SECP256R1(), ec.ECDH()
_EVEN = b"\x02"


class PointError(QuankeError):
    """Bytes that are no point of the curve. Says no bytes."""


class Mask:
    """One side's secret of one question: a number that points are multiplied by. It is used for this
    question and thrown away."""

    def __init__(self, number: int | None = None) -> None:
        self._key = (
            ec.generate_private_key(_CURVE) if number is None else ec.derive_private_key(number, _CURVE)
        )

    @classmethod
    def of_hex(cls, text: str) -> Mask:
        """The mask `to_hex` wrote."""
        return cls(int(text, 16))

    def to_hex(self) -> str:
        """The secret, for a vault and for nothing else."""
        return f"{self._key.private_numbers().private_value:064x}"

    def __repr__(self) -> str:
        return "Mask(•••)"

    def over_texts(self, key: bytes, texts: Iterable[str]) -> Iterator[bytes]:
        """Identifiers, hashed to the curve under a contract's key and masked."""
        exchange = self._key.exchange
        for text in texts:
            yield exchange(_ECDH, _hashed(key, text.encode()))

    def over_points(self, points: Iterable[bytes]) -> Iterator[bytes]:
        """Points the other side masked, masked again. Raises PointError."""
        exchange, read = self._key.exchange, ec.EllipticCurvePublicKey.from_encoded_point
        for point in points:
            try:
                yield exchange(_ECDH, read(_CURVE, _EVEN + point))
            except ValueError:
                raise PointError("a point that does not lie on the curve") from None


def _hashed(key: bytes, text: bytes) -> ec.EllipticCurvePublicKey:
    """H: the first keyed digest of (0, text), (1, text), ... that is the x of a point; half of all are."""
    for count in range(256):
        x = hmac.digest(key, bytes([count]) + text, "sha256")
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, _EVEN + x)
        except ValueError:
            continue
    raise PointError("no point for an identifier")  # one in 2**256


def masked(
    mask: Mask, key: bytes, texts: Sequence[str], told: Told | None = None, workers: int = 1
) -> list[bytes]:
    """Identifiers masked, in their order; by several processes where `workers` is more than 1."""
    return _in_parts(_texts_part, (mask.to_hex(), key), texts, told, workers)


def masked_again(
    mask: Mask, points: Sequence[bytes], told: Told | None = None, workers: int = 1
) -> list[bytes]:
    """Points masked again, in their order. Raises PointError."""
    return _in_parts(_points_part, (mask.to_hex(),), points, told, workers)


def key_for(secret: bytes, what: str) -> bytes:
    """A key of its own for each use of a contract's secret."""
    return hmac.digest(secret, b"quanke-joint|" + what.encode(), hashlib.sha256)


def _texts_part(shared: tuple[str, bytes], part: Sequence[str]) -> list[bytes]:
    return list(Mask.of_hex(shared[0]).over_texts(shared[1], part))


def _points_part(shared: tuple[str], part: Sequence[bytes]) -> list[bytes]:
    return list(Mask.of_hex(shared[0]).over_points(part))


def _in_parts(
    work: Callable[[_Shared, Sequence[_Value]], list[bytes]],
    shared: _Shared,
    values: Sequence[_Value],
    told: Told | None,
    workers: int,
) -> list[bytes]:
    parts = [values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE)]
    done: list[bytes] = []
    if workers <= 1 or len(parts) <= 1:
        for part in parts:
            done += work(shared, part)
            if told:
                told(len(done), len(values))
        return done
    # fork would copy locks of threads that stand still in the child
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for made in pool.map(work, [shared] * len(parts), parts):
            done += made
            if told:
                told(len(done), len(values))
    return done
