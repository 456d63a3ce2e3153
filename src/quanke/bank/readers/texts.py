"""The bytes of a CSV file as a stream of UTF-8: unpacked, decoded, checked, in bounded memory.

Encoding: a byte-order mark decides; otherwise the first piece that is not plain ASCII does. If it is valid
UTF-8 the file is UTF-8. If it is nearly so it is UTF-8 with a fault, which is reported with its byte
position rather than read as something else. Otherwise it is GB18030 (GBK and GB2312 are parts of it) if
its characters look like Chinese text. `bank.json` may name the encoding and end the guessing.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from quanke.kernel.errors import InputError

ENCODINGS = ("utf-8", "gb18030")

LARGEST_RATIO = 200
"""Unpacked bytes per packed byte from which a packed file is taken for a bomb. Bank data packs 5 to 40
times; deflate cannot exceed 1,032."""

HARMLESS = 256 * 1024 * 1024
"""A file may unpack to this many bytes whatever the ratio."""

_PIECE = 1 << 20
_FOREIGN = {
    b"PK\x03\x04": "is a ZIP or Excel file, not CSV: save it as CSV, or name it .zip",
    b"PAR1": "is a Parquet file: name it .parquet",
    b"\x1f\x8b": "is a gz file: name it .csv.gz",
    b"\xd0\xcf\x11\xe0": "is an old Excel file, not CSV: save it as CSV",
    b"\xff\xfe": "is UTF-16: save it as UTF-8 or GB18030",
    b"\xfe\xff": "is UTF-16: save it as UTF-8 or GB18030",
}


@contextmanager
def open_packed(path: Path, file: str) -> Iterator[Readable]:
    """The unpacked bytes of `path` (.csv, .csv.gz, .zip of one file)."""
    name = path.name.lower()
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive, archive.open(_only_member(archive, file)) as stream:
                yield _Bounded(stream, path.stat().st_size, file)
        elif name.endswith(".gz"):
            with gzip.open(path) as stream:
                yield _Bounded(stream, path.stat().st_size, file)
        else:
            with open(path, "rb") as plain:
                yield plain
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile):
        raise InputError("cannot be unpacked: it is cut off or damaged", file=file) from None
    except (RuntimeError, NotImplementedError) as error:
        raise InputError("cannot be unpacked: it is encrypted or packed in a rare way", file=file) from error


def _only_member(archive: zipfile.ZipFile, file: str) -> zipfile.ZipInfo:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise InputError(f"holds {len(members)} files; a zip must hold exactly one CSV", file=file)
    if members[0].flag_bits & 1:
        raise InputError("is encrypted: hand it over without a password", file=file)
    return members[0]


class Readable(Protocol):
    """As much of a file as is needed here."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class _Bounded:
    """A stream that refuses to unpack without end."""

    def __init__(self, stream: Readable, packed: int, file: str) -> None:
        self._stream = stream
        self._limit = max(HARMLESS, packed * LARGEST_RATIO)
        self._file = file
        self._count = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` unpacked bytes. Raises InputError past the limit."""
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > self._limit:
            raise InputError(
                f"unpacks to more than {LARGEST_RATIO} times its size: refused as a possible zip bomb",
                file=self._file,
            )
        return data


class Utf8Stream(io.RawIOBase):
    """The text of `stream` as UTF-8 bytes.

    Reading raises InputError with the position of the first byte that does not belong to the encoding.
    """

    def __init__(self, stream: Readable, file: str, encoding: str = "") -> None:
        self._stream = stream
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)() if encoding else None
        self._position = 0
        self._ready = bytearray()
        self._tail = b""
        self._ended = False

    @property
    def encoding(self) -> str:
        """The encoding in use; empty while everything was plain ASCII."""
        return self._encoding

    def readable(self) -> bool:
        """True: Arrow asks."""
        return True

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, or fewer at the end, without taking them."""
        self._fill(size)
        return bytes(self._ready[:size])

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes of the text, then of its tail."""
        self._fill(size if size >= 0 else 1 << 62)
        if self._ended:
            self._ready += self._tail
            self._tail = b""
        taken = bytes(self._ready[:size] if size >= 0 else self._ready)
        del self._ready[: len(taken)]
        return taken

    def finish_with(self, tail: bytes) -> None:
        """Put `tail` after the end of the text."""
        self._tail = tail

    def _fill(self, size: int) -> None:
        while len(self._ready) < size and not self._ended:
            piece = self._stream.read(_PIECE)
            if not piece:
                self._ended = True
                self._ready += self._utf8(b"", last=True)
                return
            if self._position == 0:
                piece = self._without_mark(piece)
            self._ready += self._utf8(piece)
            self._position += len(piece)

    def _without_mark(self, piece: bytes) -> bytes:
        for magic, message in _FOREIGN.items():
            if piece.startswith(magic):
                raise InputError(message, file=self._file)
        if piece.startswith(codecs.BOM_UTF8):
            self._use("utf-8")
            self._position = len(codecs.BOM_UTF8)
            return piece[len(codecs.BOM_UTF8) :]
        return piece

    def _use(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def _utf8(self, piece: bytes, last: bool = False) -> bytes:
        if self._decoder is None:
            if piece.isascii():
                return piece
            self._use(self._guess(piece))
        assert self._decoder is not None
        kept = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            position = self._position - kept + error.start
            raise InputError(
                f"byte {position + 1} is not {self._encoding.upper()}: the file is in another encoding, "
                "or damaged",
                file=self._file,
            ) from None
        return text.encode()

    def _guess(self, piece: bytes) -> str:
        good, bad = _utf8_characters(piece)
        if bad <= good:
            return "utf-8"
        if _looks_chinese(piece):
            return "gb18030"
        start = self._position + next(at for at, byte in enumerate(piece) if byte >= 0x80)
        raise InputError(
            f"from byte {start + 1} on it is neither UTF-8 nor GB18030: name its encoding in bank.json, "
            "or save it as UTF-8",
            file=self._file,
        )


_UTF8_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_GB18030_CHARACTER = re.compile(rb"[\x81-\xfe](?:[\x40-\x7e\x80-\xfe]|[\x30-\x39][\x81-\xfe][\x30-\x39])")
_GB2312_CHARACTER = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]|[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def _utf8_characters(piece: bytes) -> tuple[int, int]:
    """How many characters beyond ASCII are whole UTF-8, and how many bytes are not part of one.

    A character the piece cuts off at its end counts for neither.
    """
    leftover, good = _UTF8_CHARACTER.subn(b"", piece)
    cut_off = re.search(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z", leftover)
    bad = len(_BEYOND_ASCII.findall(leftover)) - (len(cut_off[0]) if cut_off else 0)
    return good, bad


def _looks_chinese(piece: bytes) -> bool:
    """Whether bytes beyond ASCII pair up as GB18030, most of them as everyday characters (GB2312)."""
    characters = _GB18030_CHARACTER.findall(piece)
    everyday = sum(1 for character in characters if _GB2312_CHARACTER.fullmatch(character))
    unpaired = len(_BEYOND_ASCII.findall(_GB18030_CHARACTER.sub(b"", piece)))
    return everyday * 2 >= len(characters) > 0 and unpaired <= 1
