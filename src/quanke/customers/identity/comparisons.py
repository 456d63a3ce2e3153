"""How two records are compared: fields, and for each field levels of agreement from exact to none.

Levels are conditions in SQL over `column_l` and `column_r`, tried from the first; where a field is unknown
on either side the comparison says nothing. How much a level says is in the model, not here.
"""

from __future__ import annotations

from dataclasses import dataclass

_MANY_LETTERS = "length(first_l) > 2 and length(first_r) > 2"


def _near(left: str, right: str, least: float) -> str:
    return f"jaro_winkler_similarity({left}_l, {right}_r) >= {least}"


_GUARD = "coalesce(guard_l = guard_r, true)"
_WORDS = "not han_l and not han_r"
_BOTH_WORDS = (
    f"(({_near('first', 'first', 0.88)} and {_near('last', 'last', 0.88)})"
    f" or ({_near('first', 'last', 0.88)} and {_near('last', 'first', 0.88)}))"
)
_ONE_WORD = "(first_l = first_r or first_l = last_r or last_l = first_r or last_l = last_r)"
_ONE_NEAR = " or ".join(_near(a, b, 0.9) for a in ("first", "last") for b in ("first", "last"))
_HALF = "(length(number_l) // 2 - 1)"
_COMMON_WORDS = "len(list_intersect(address_words_l, address_words_r))"
_OVERLAP = f"{_COMMON_WORDS} >= {{share}} * (len(address_words_l) + len(address_words_r) - {_COMMON_WORDS})"


def _slips(column: str, most: int, ends: str) -> str:
    """At most so many slips of the keyboard, one end untouched (looked at first: slips are slow to count)."""
    ends_equal = f"left({column}_l, {ends}) = left({column}_r, {ends})"
    ends_equal += f" or right({column}_l, {ends}) = right({column}_r, {ends})"
    return f"({ends_equal}) and damerau_levenshtein({column}_l, {column}_r) <= {most}"


@dataclass(frozen=True, slots=True)
class Level:
    """One level: a short label and its condition."""

    label: str
    condition: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field compared: its name, when nothing can be said, and its levels; the last holds always."""

    name: str
    unknown: str
    levels: tuple[Level, ...]

    def strength(self, label: str) -> int:
        """Splink's number of a level: 0 for the last, one more for each level before it."""
        labels = [level.label for level in self.levels]
        return len(labels) - 1 - labels.index(label)


def _either_null(*columns: str) -> str:
    return " or ".join(f"{column}_l is null or {column}_r is null" for column in columns)


FIELDS = (
    Field(
        "name",
        _either_null("name_key"),
        (
            Level("same", "name_key_l = name_key_r"),
            Level(
                "near",
                f"{_GUARD} and (name_simple_l = name_simple_r or sound_l = sound_r"
                " or name_match_l like name_like_r or name_match_r like name_like_l"
                f" or ({_WORDS} and {_BOTH_WORDS}))",
            ),
            Level(
                "word",
                f"{_WORDS} and {_ONE_WORD} and"
                f" (last_l is null or last_r is null or {_near('name_simple', 'name_simple', 0.8)})",
            ),
            Level(
                "part",
                f"({_WORDS} and ({_ONE_WORD} or {_ONE_NEAR})) or (han_l and han_r and (first_l = first_r or"
                " (length(name_simple_l) > 2 and levenshtein(name_simple_l, name_simple_r) <= 1)))",
            ),
            Level("other", "else"),
        ),
    ),
    Field(
        "birth",
        _either_null("birth"),
        (
            Level("same", "birth_l = birth_r"),
            Level(
                "near",
                f"({_slips('birth', 1, '3')}) or (left(birth_l, 4) = left(birth_r, 4) and"
                " substr(birth_l, 5, 2) = substr(birth_r, 7, 2) and"
                " substr(birth_l, 7, 2) = substr(birth_r, 5, 2))",
            ),
            Level("part", _slips("birth", 2, "3")),
            Level("other", "else"),
        ),
    ),
    Field(
        "phone",
        _either_null("phone"),
        (
            Level("same", "phone_l = phone_r"),
            Level("near", _slips("phone", 1, "3")),
            Level("other", "else"),
        ),
    ),
    Field(
        "number",
        # numbers of two kinds of document say nothing about each other
        f"{_either_null('number')} or coalesce(family_l <> family_r, false)",
        (
            Level("same", "number_l = number_r"),
            # numbers given out one after the other are two people's: twins have such
            Level(
                "near",
                f"{_slips('number', 1, _HALF)} and not (length(number_l) = length(number_r)"
                " and left(number_l, length(number_l) - 2) = left(number_r, length(number_r) - 2))",
            ),
            Level(
                "part",
                f"{_slips('number', 2, 'length(number_l) // 3')}"
                " and least(length(number_l), length(number_r)) > 6",
            ),
            Level("other", "else"),
        ),
    ),
    Field(
        "address",
        _either_null("address"),
        (
            Level("same", "address_l = address_r"),
            Level("near", f"{_near('address', 'address', 0.92)} or {_OVERLAP.format(share=0.7)}"),
            Level("part", _OVERLAP.format(share=0.4)),
            Level("other", "else"),
        ),
    ),
    Field(
        "place",
        "coalesce(postcode_l, city_l) is null or coalesce(postcode_r, city_r) is null",
        (
            Level(
                "same",
                "coalesce(postcode_l = postcode_r, district_l = district_r, true)"
                f" and coalesce({_near('city', 'city', 0.85)}, true)",
            ),
            Level(
                "part", f"damerau_levenshtein(postcode_l, postcode_r) <= 1 or {_near('city', 'city', 0.9)}"
            ),
            Level("other", "else"),
        ),
    ),
    Field(
        "email",
        _either_null("email"),
        (
            Level("same", "email_l = email_r"),
            Level("near", "split_part(email_l, '@', 1) = split_part(email_r, '@', 1)"),
            Level("other", "else"),
        ),
    ),
    Field("sex", _either_null("sex"), (Level("same", "sex_l = sex_r"), Level("other", "else"))),
    Field(
        "employer",
        _either_null("employer"),
        (Level("same", "employer_l = employer_r"), Level("other", "else")),
    ),
)

BY_NAME = {field.name: field for field in FIELDS}

COLUMNS = (
    "family", "number", "name_match", "name_key", "name_simple", "name_like", "sound", "first", "last", "han",
    "guard", "birth", "phone", "email", "address", "address_words", "postcode", "city", "district", "sex",
    "employer",
)  # fmt: skip
"""Columns of a normalised table that the conditions read."""
