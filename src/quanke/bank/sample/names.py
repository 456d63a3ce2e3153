"""Names: Chinese by sex and decade, compound surnames, rare characters, minorities, foreigners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanke.bank.sample.draws import Bools, Choice, Draws, Ints
from quanke.bank.sample.text import join
from quanke.bank.sample.words import listed, words

_AGES = ("old", "mid", "new")
"""Generations of given names: born before 1968, before 1996, later."""


@dataclass(frozen=True, slots=True)
class NameBook:
    """Pools of characters from which names are put together, each an Arrow array."""

    surnames: pa.Array
    surname_choice: Choice
    given: tuple[pa.Array, ...]
    rare: pa.Array

    @staticmethod
    def load() -> NameBook:
        """The built-in pools."""
        surnames: dict[str, int] = words()["surnames"]
        pools: dict[str, str] = words()["given_characters"]
        return NameBook(
            surnames=pa.array(list(surnames)),
            surname_choice=Choice(list(surnames.values())),
            given=tuple(pa.array(list(pools[f"{age}_{sex}"])) for age in _AGES for sex in ("women", "men")),
            rare=pa.array(listed("rare_characters")),
        )

    def chinese(self, draws: Draws, male: Bools, birth_year: Ints) -> pa.StringArray:
        """Names for people of the given sex and year of birth; older ones are oftener of two characters."""
        count = len(male)
        surname = self.surnames.take(pa.array(draws.pick(self.surname_choice, count)))
        decade = np.where(birth_year < 1968, 0, np.where(birth_year < 1996, 2, 4))
        pool = decade + male
        first = self._characters(draws, pool)
        second = self._characters(draws, pool)
        short = draws.chance(np.where(decade == 2, 0.28, 0.1), count)
        rare = draws.chance(0.0012, count)
        odd = self.rare.take(pa.array(draws.below(len(self.rare), count)))
        second = pc.if_else(pa.array(short), "", second)
        return join(surname, first, pc.if_else(pa.array(rare), odd, second))

    def _characters(self, draws: Draws, pool: Ints) -> pa.Array:
        lengths = np.array([len(p) for p in self.given], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        # the smaller of two draws: characters at the head of a pool are the commoner ones
        place = np.minimum(draws.below(lengths[pool], len(pool)), draws.below(lengths[pool], len(pool)))
        return pa.concat_arrays(self.given).take(pa.array(starts[pool] + place))


def minority(draws: Draws, count: int) -> pa.StringArray:
    """Names with an interpunct (U+00B7), as printed on the document."""
    return join(_taken(draws, "minority_given", count), "·", _taken(draws, "minority_father", count))


def foreign(draws: Draws, count: int) -> pa.StringArray:
    """Names in Latin capitals, family name first."""
    return join(_taken(draws, "foreign_family", count), " ", _taken(draws, "foreign_given", count))


def traditional(names: pa.StringArray) -> pa.StringArray:
    """The names in traditional characters where they differ, as on Hong Kong and Taiwan documents."""
    return _replaced(names, words()["traditional"])


def misspelt(names: pa.StringArray) -> pa.StringArray:
    """The names as another system might hold them: a last character that sounds alike, a lost rare
    character, another dot. Names without any of these stay as they are."""
    dotted = _replaced(pc.replace_substring(names, "·", "•"), words()["rare_written_otherwise"])
    last = _replaced(pc.utf8_slice_codeunits(dotted, -1), words()["homophones"])
    return join(pc.utf8_slice_codeunits(dotted, 0, -1), last)


def _replaced(names: pa.StringArray, table: dict[str, str]) -> pa.StringArray:
    """Replace one after the other; a replacement is never itself replaced, as no value is a later key."""
    for old, new in table.items():
        names = pc.replace_substring(names, old, new)
    return names


def _taken(draws: Draws, name: str, count: int) -> pa.Array:
    pool = listed(name)
    return pa.array(pool).take(pa.array(draws.below(len(pool), count)))
