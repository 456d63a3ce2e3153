"""What is wrong with a condition, in the language of who looks: the library tells it in English.

The sentences are the library's own, with names for what stands in them; each has its Chinese in this room's
translations. One that is not here is told as that the condition cannot be understood: the place is pointed at
anyway.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from quanke_desk.customers.queries import english
from quanke_desk.foundation.sentences import Sentences

SENTENCES = (
    _noop("an audience is a condition, not %(a)s: compare it"),
    _noop("a constant is expected here"),
    _noop("the condition is too large: give a part of it a name, as a tag of its own"),
    _noop("it never has this value; it can be %(a)s"),
    _noop("only a range can be chained, in one direction: 10 <= x < 20"),
    _noop("nothing compares with null: write `is null` or `is not null`"),
    _noop("a list has at most %(a)s values"),
    _noop("a list holds constants: numbers, days, texts in quotes"),
    _noop("a list holds no null: write `is null` or `is not null`"),
    _noop("this is no operation of the language"),
    _noop("this is a tag, no operation of the language"),
    _noop("`%(a)s` is written %(b)s"),
    _noop("an operation has at most %(a)s arguments"),
    _noop("`%(a)s` takes one value in its brackets"),
    _noop("one night is asked here; what changed between nights needs a tag"),
    _noop("`earlier` takes the name of a tag"),
    _noop("`%(a)s` takes a text in quotes: %(b)s"),
    _noop("this is no day; a day is written 2026-06-30"),
    _noop("`working_day` takes a whole number: %(a)s"),
    _noop("there is no such kind of value; there is %(a)s"),
    _noop("there is nothing here; an audience is a condition such as: aum >= 50_000"),
    _noop("a comma cannot stand here; thousands are written 50_000"),
    _noop('a list in round brackets is expected after `in`: ("深圳", "东莞")'),
    _noop("a comparison cannot follow this; put brackets around one of the two"),
    _noop("several have this title: write the name, %(a)s"),
    _noop("there is no tag or field of this name"),
    _noop("there is no tag or field of this name; `quanke tags` lists the tags"),
    _noop("there is no table of this name; there is %(a)s"),
    _noop("%(a)s has no field of this name"),
    _noop("this catalogue has no tags that tell what a customer holds (has_...)"),
    _noop("there is no such category of holding (known: %(a)s)"),
    _noop("`%(a)s` may be used for %(b)s only, not for %(c)s"),
    _noop("`%(a)s` may be read for %(b)s only, not for %(c)s"),
    _noop("`%(a)s` is a metric, one figure for many customers; here each customer is asked"),
    _noop("`%(a)s` is a trigger, about an arriving row; here each customer is asked"),
    _noop("`%(a)s` is a %(b)s, which cannot be used here"),
    _noop("the text is longer than %(a)s characters"),
    _noop("this `(` is never closed"),
    _noop("this `)` closes nothing"),
    _noop("brackets are nested more than %(a)s deep"),
    _noop("the character %(a)s cannot stand here"),
    _noop("this character cannot stand in a text"),
    _noop("`between` leaves open which end belongs: write low <= value < high"),
    _noop("this ` is never closed"),
    _noop("there is no name between the two `"),
    _noop("this quote is never closed"),
    _noop("a number has at most %(a)s digits"),
    _noop("the number is too large"),
    _noop('a number does not begin with 0; thousands have no comma; a code stands in quotes: "007"'),
    _noop("`%(a)s` does not take %(b)s"),
    _noop("amounts are in %(a)s here: write the number alone"),
    _noop("a number cannot run into letters; after it may stand %(a)s"),
    _noop("a day is written with ten signs: 2026-06-30"),
    _noop("there is no such day or time"),
    _noop("this sign has no meaning here"),
    _noop("this sign has no meaning here: %(a)s"),
    _noop("`%(a)s` takes conditions, and %(b)s is none: compare it with something"),
    _noop("%(a)s and %(b)s cannot be compared"),
    _noop("%(a)s and %(b)s cannot be compared; a text stands in quotes"),
    _noop("%(a)s and %(b)s cannot be compared; a day is written 2026-06-30"),
    _noop("%(a)s and %(b)s cannot be compared; an amount of money is written 50_000, or with its unit"),
    _noop("the night of %(a)s has no %(b)s"),
    _noop("a saved audience is named like a tag: a-z, 0-9 and _, a letter first"),
    _noop("no audience of this name is saved (saved: %(a)s)"),
    _noop("this saved audience stands inside itself, or too deep"),
    _noop("a value does not fit 64 bits"),
    _noop("a value does not fit its type (64 bits for whole numbers and money)"),
)
WORDS = (
    _noop("a condition (yes or no)"),
    _noop("a whole number"),
    _noop("a number"),
    _noop("an amount of money"),
    _noop("a rate"),
    _noop("a text"),
    _noop("a day"),
    _noop("a day with its time"),
    _noop("a moment"),
    _noop("marketing"),
    _noop("service"),
    _noop("risk"),
    _noop("a tag, a number, a text in quotes or `(`"),
    _noop("a comparison (== < <= > >= in, is null)"),
    _noop("the end"),
    _noop("`and`, `or`"),
)
"""What may stand in the sentences: kinds of values, purposes, what was expected."""
_SAID = Sentences(SENTENCES)
_HINT = re.compile(r"; did you mean (.+?)\?")
_OF_UNIT = "a number of "
_EXPECTED = re.compile(r"(?P<early>the text ends too early: )?expected (?P<words>.+)")


def fault_in_words(reason: str) -> str:
    """A reason of the library in the language of who looks."""
    if english():
        return reason
    hint = _HINT.search(reason)
    plain = _HINT.sub("", reason)
    said = _expected(plain) or _sentence(plain) or _("this condition cannot be understood here")
    if hint is None:
        return said
    return f"{said}；" + _("did you mean %(names)s?") % {"names": hint[1].replace(" or ", "、")}


def _sentence(reason: str) -> str:
    found = _SAID.find(reason)
    if found is None:
        return ""
    values = {name: _word(value) for name, value in found[1].items()}
    return _(found[0]) % values if values else _(found[0])


def _expected(reason: str) -> str:
    found = _EXPECTED.fullmatch(reason)
    if found is None:
        return ""
    rest = found["words"]
    words = [word for word in WORDS if word in rest]
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, _(word))
    said = _("expected %(words)s") % {"words": rest.replace(" or ", "、")}
    return f"{_('the text ends too early')}：{said}" if found["early"] else said


def _word(value: str) -> str:
    if value.startswith(_OF_UNIT):
        return _("a number of %(unit)s") % {"unit": _(value.removeprefix(_OF_UNIT))}
    parts = [_(part) if part in WORDS else part for part in value.split(", ")]
    return "、".join(parts) if any(part in WORDS for part in value.split(", ")) else value
