"""Text of an audience cut into words and signs, each with its column.

Chinese input methods write full-width signs; outside quotes they are folded to their ASCII twins one
for one, so columns stay true. Everything a hostile text can do to a reader (length, nesting, control
characters, endless numbers) is stopped here, in one pass.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from lark import Token

from quanke.kernel.errors import AudienceError

LONGEST_TEXT = 10_000
DEEPEST_BRACKETS = 100
MOST_DIGITS = 28
"""So that every product with a unit is exact in decimal arithmetic."""

KEYWORDS: dict[str, str] = {
    "and": "AND",
    "or": "OR",
    "not": "NOT",
    "in": "IN",
    "is": "IS",
    "null": "NULL",
    "true": "TRUE",
    "false": "FALSE",
    "as_of": "AS_OF",
    "between": "BETWEEN",
}

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FOLD = _FULL_WIDTH | {
    0x3000: " ",  # ideographic space
    0x00A0: " ",  # what web pages and Word put for a blank
    0xFEFF: " ",
    0x3001: ",",  # 、
    0x2212: "-",  # minus sign
    0x00D7: "*",
    0x00F7: "/",
}
_QUOTES = {'"': '"', "'": "'", "“": "“”", "”": "“”", "‘": "‘’", "’": "‘’", "「": "」", "＂": "＂", "＇": "＇"}
_BODIES = {
    opening: re.compile(rf"((?:[^\\{closing}]|\\.)*)[{closing}]", re.DOTALL)
    for opening, closing in _QUOTES.items()
}
_BACKQUOTED = re.compile(r"`([^`]*)`")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_FACTORS = {"元": 1, "万元": 10_000, "亿元": 100_000_000, "万": 10_000, "亿": 100_000_000}

_SPACE = re.compile(r"[ \t\r\n]+")
_RUN = re.compile(r"\w+")
_NAME = re.compile(r"[^\W\d]\w*")
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?)?(?!\w)"
)
_NUMBER = re.compile(r"([0-9]+(?:_[0-9]+)*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_UNIT = re.compile(r"[ \t]*(万元|亿元|元|万|亿|[A-Z]{3})(?!\w)")
_SIGN = re.compile(r"==|!=|<>|<=|>=|//|[=<>≥≤≠+\-*/%(),.]")
_SIGNS: dict[str, tuple[str, str]] = {
    "==": ("COMPARE", "equal"),
    "=": ("COMPARE", "equal"),
    "!=": ("COMPARE", "not_equal"),
    "<>": ("COMPARE", "not_equal"),
    "≠": ("COMPARE", "not_equal"),
    "<": ("COMPARE", "less"),
    "<=": ("COMPARE", "at_most"),
    "≤": ("COMPARE", "at_most"),
    ">": ("COMPARE", "greater"),
    ">=": ("COMPARE", "at_least"),
    "≥": ("COMPARE", "at_least"),
    "+": ("PLUS", "add"),
    "-": ("MINUS", "subtract"),
    "*": ("TIMES", "multiply"),
    "/": ("TIMES", "divide"),
    "//": ("TIMES", "floor_divide"),
    "%": ("TIMES", "modulo"),
    "(": ("_LPAR", "("),
    ")": ("_RPAR", ")"),
    ",": ("_COMMA", ","),
    ".": ("_DOT", "."),
}
_ADVICE = {
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or `!=` for `differs from`",
    "~": "write `not`",
    "[": "a list stands in round brackets: (...)",
    "]": "a list stands in round brackets: (...)",
    "{": "a list stands in round brackets: (...)",
    "}": "a list stands in round brackets: (...)",
    ";": "conditions are joined with `and` or `or`",
    "。": "the text ends without a full stop",
    "\\": "a backslash stands only inside quotes",
}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units, as written with a unit of money."""

    major: Decimal


@dataclass(frozen=True, slots=True)
class Percent:
    """A rate written in per cent: 5% holds 0.05."""

    rate: Decimal


def tokens_of(text: str, *, currency: str = "CNY", titles: Container[str] = ()) -> list[Token]:
    """Words and signs of an audience, each a lark Token whose `value` holds what it means and whose
    `column` counts code points from 1. `titles` are names that may begin with a digit.

    Raises AudienceError at the first place that cannot be read.
    """
    return _Reader(text, currency, titles).read()


class _Reader:
    def __init__(self, text: str, currency: str, titles: Container[str]) -> None:
        self.text = text
        self.currency = currency
        self.titles = titles
        if len(text) > LONGEST_TEXT:
            self.place = LONGEST_TEXT
            self.refuse(f"the text is longer than {LONGEST_TEXT:,} characters")
        self.folded = text.translate(_FOLD)
        self.place = 0
        self.open: list[int] = []
        self.tokens: list[Token] = []

    def refuse(self, reason: str, place: int | None = None) -> NoReturn:
        at = self.place if place is None else place
        raise AudienceError(self.text[:LONGEST_TEXT], at + 1, reason)

    def read(self) -> list[Token]:
        self.check_characters()
        while True:
            blank = _SPACE.match(self.folded, self.place)
            if blank:
                self.place = blank.end()
            if self.place == len(self.text):
                break
            self.one()
        if self.open:
            self.refuse("this `(` is never closed", self.open[-1])
        return self.tokens

    def check_characters(self) -> None:
        for place, char in enumerate(self.text):
            if char.isprintable() or char in "\t\r\n":
                continue
            category = unicodedata.category(char)
            turns = "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"
            if category in ("Cc", "Cs") or turns:
                self.refuse(f"the character U+{ord(char):04X} cannot stand here", place)

    def add(self, kind: str, value: object, end: int) -> None:
        self.tokens.append(Token(kind, value, column=self.place + 1, start_pos=self.place))
        self.place = end

    def one(self) -> None:
        """The next word or sign."""
        char = self.text[self.place]
        if char in _QUOTES:
            self.quoted(char)
        elif char == "`":
            self.backquoted()
        elif "0" <= self.folded[self.place] <= "9":
            self.digits()
        elif name := _NAME.match(self.folded, self.place):
            self.name(name[0], name.end())
        else:
            self.sign()

    def name(self, name: str, end: int) -> None:
        keyword = KEYWORDS.get(name.lower())
        if keyword == "BETWEEN":
            self.refuse("`between` leaves open which end belongs: write low <= value < high")
        self.add(keyword or "NAME", name, end)

    def backquoted(self) -> None:
        match = _BACKQUOTED.match(self.text, self.place)
        if not match:
            self.refuse("this ` is never closed")
        if not match[1].strip():
            self.refuse("there is no name between the two `")
        self.add("NAME", match[1].strip(), match.end())

    def quoted(self, opening: str) -> None:
        match = _BODIES[opening].match(self.text, self.place + 1)
        if not match:
            self.refuse("this quote is never closed")
        self.add("TEXT", _ESCAPE.sub(self.escaped, match[1]), match.end())

    def escaped(self, match: re.Match[str]) -> str:
        code = match[1]
        place = self.place + 1 + match.start()
        if len(code) == 5:
            char = chr(int(code[1:], 16))
            if char == "\0" or unicodedata.category(char) == "Cs":
                self.refuse("this character cannot stand in a text", place)
            return char
        if code not in _QUOTES and code not in "\\」":
            self.refuse("a backslash stands before a quote, before another backslash, or in \\u4E2D", place)
        return code

    def digits(self) -> None:
        """A number, with its unit; a day, a moment; or a title that begins with a digit."""
        run = _RUN.match(self.folded, self.place)
        if run and run[0] in self.titles:
            return self.add("NAME", run[0], run.end())
        day = _DATE.match(self.folded, self.place)
        if day:
            return self.day(day)
        match = _NUMBER.match(self.folded, self.place)
        assert match is not None
        whole, decimals, exponent = match[1].replace("_", ""), match[2] or "", match[3]
        if len(whole) > 1 and whole[0] == "0":
            self.refuse(
                'a number does not begin with 0; thousands have no comma; a code stands in quotes: "007"'
            )
        if len(whole) + len(decimals) - 1 > MOST_DIGITS:
            self.refuse(f"a number has at most {MOST_DIGITS} digits")
        if exponent:
            return self.power(float(whole + decimals + exponent), match.end())
        return self.with_unit(Decimal(whole + decimals) if decimals else int(whole), match.end())

    def power(self, value: float, end: int) -> None:
        if not math.isfinite(value):
            self.refuse("the number is too large")
        self.no_letters(end)
        self.add("NUMBER", value, end)

    def with_unit(self, value: int | Decimal, end: int) -> None:
        if self.folded.startswith("%", end):
            self.no_letters(end + 1)
            return self.add("PERCENT", Percent(Decimal(value) / 100), end + 1)
        unit = _UNIT.match(self.folded, end)
        word = unit[1] if unit else ""
        if unit and word == self.currency:
            return self.add("MONEY", Money(Decimal(value)), unit.end())
        if unit and word in ("万", "亿"):
            times = Decimal(value) * _FACTORS[word]
            return self.add("NUMBER", int(times) if times == int(times) else times, unit.end())
        if unit and word in _FACTORS:
            if self.currency != "CNY":
                self.refuse(f"amounts are in {self.currency} here: write the number alone", unit.start(1))
            return self.add("MONEY", Money(Decimal(value) * _FACTORS[word]), unit.end())
        self.no_letters(end)
        self.add("NUMBER", value, end)

    def no_letters(self, end: int) -> None:
        if _RUN.match(self.folded, end):
            units = "元, 万元, 亿元, 万, 亿, %" if self.currency == "CNY" else f"万, 亿, %, {self.currency}"
            self.refuse(f"a number cannot run into letters; after it may stand {units}", end)

    def day(self, match: re.Match[str]) -> None:
        year, month, day, hour, minute, second, fraction = match.groups()
        if len(month) != 2 or len(day) != 2:
            self.refuse("a day is written with ten signs: 2026-06-30")
        try:
            if hour is None:
                return self.add("DATE", dt.date(int(year), int(month), int(day)), match.end())
            micro = int((fraction or "0").ljust(6, "0"))
            moment = dt.datetime(
                int(year), int(month), int(day), int(hour), int(minute), int(second or 0), micro
            )
        except ValueError:
            self.refuse("there is no such day or time")
        self.add("DATE", moment, match.end())

    def sign(self) -> None:
        match = _SIGN.match(self.folded, self.place)
        if not match:
            char = self.folded[self.place]
            advice = _ADVICE.get(char)
            self.refuse(f"this sign has no meaning here{': ' + advice if advice else ''}")
        kind, value = _SIGNS[match[0]]
        if kind == "_LPAR":
            self.open.append(self.place)
            if len(self.open) > DEEPEST_BRACKETS:
                self.refuse(f"brackets are nested more than {DEEPEST_BRACKETS} deep")
        if kind == "_RPAR":
            if not self.open:
                self.refuse("this `)` closes nothing")
            self.open.pop()
        self.add(kind, value, match.end())
