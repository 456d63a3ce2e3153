"""Whatever an analyst's file holds, it is compiled or refused with its line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.kernel.errors import DefinitionError
from quanke.language.declarations import read_definitions
from tests.spec.audience_catalogue import CATALOGUE
from tests.spec.test_declarations import FILE

WORDS = """tags: value aum condition band where within zh en --- % { } [ ] " ' | > &a *a !t # ?"""
PIECES = st.sampled_from(WORDS.split()) | st.sampled_from(
    ["  x:", "    ", "\n", ": ", "- ", "30 days", "\t", "\x00", "\ufeff"]
)


def answer(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ours.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            read_definitions(path, CATALOGUE)
        except DefinitionError as error:
            assert error.where.startswith(str(path)) and error.reason


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(FILE)), st.integers(0, 30), st.lists(PIECES, max_size=3))
def test_a_damaged_file(place: int, lost: int, put: list[str]) -> None:
    answer(FILE[:place] + "".join(put) + FILE[place + lost :])


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES | st.text(max_size=5), max_size=25))
def test_any_pieces(pieces: list[str]) -> None:
    answer("".join(pieces))
