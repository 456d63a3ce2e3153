"""Audiences as questions: how many, by which tag, ten of them; who was saved as what, and when.

Counts come from the night's index, which stays open in the process. Sizes below the bank's bound are not
told, nor are rows of so few.
"""

from __future__ import annotations

import datetime as dt
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from quanke.bank.contracts import Purpose
from quanke.kernel.errors import AudienceError, NightError
from quanke.language import Expression
from quanke.language.types import Kind
from quanke.night.audience import compile_audience
from quanke.night.index import open_index
from quanke.segments.index.hiding import shown
from quanke_desk.campaigns.fault_words import fault_in_words
from quanke_desk.campaigns.joint_terms import still_covered
from quanke_desk.campaigns.models import Audience, AudienceKind, AudienceVersion
from quanke_desk.customers import queries as customers
from quanke_desk.foundation.analytic import Base, base
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.scope import scope_of

if TYPE_CHECKING:
    from quanke.segments.index import AudienceIndex, Members

SAMPLE = 10
LONGEST = 10_000
_indexes: dict[Path, AudienceIndex] = {}
_opening = threading.Lock()


@dataclass(frozen=True)
class Fault:
    """Why a text is none: the reason, and two lines that point at the place."""

    reason: str
    column: int = 0
    pointer: str = ""

    @property
    def words(self) -> str:
        """The reason in the language of who looks."""
        return fault_in_words(self.reason)


@dataclass(frozen=True)
class Answer:
    """How many an audience has. `size` is null where the text cannot be counted, or the size is hidden
    (`hidden`: below the bank's bound); `share` of all customers."""

    text: str
    size: int | None = None
    hidden: bool = False
    share: float | None = None
    day: dt.date | None = None
    fault: Fault | None = None
    expression: Expression | None = None


def bound() -> int:
    """Sizes below it are not told."""
    return value("audience.hide_below")


def index_of(of: Base | None = None) -> AudienceIndex:
    """The audience index of a night, opened once in a process: of an older night without one its columns are
    indexed now."""
    held = of or base()
    found = _indexes.get(held.night.path)
    if found is not None:
        return found
    with _opening:  # what counts takes seconds to load: who comes meanwhile waits for it, and loads no second
        found = _indexes.get(held.night.path)
        if found is None:
            found = open_index(held.night, [n for n in held.known if n != "customer"])
            _indexes.clear()
            _indexes[held.night.path] = found
    return found


def made_ready(of: Base) -> threading.Thread | None:
    """Opens the index beside the page that will ask it, so that the first answer does not wait for it; null
    where it is open."""
    if of.night.path in _indexes:
        return None
    thread = threading.Thread(target=_make_ready, args=(of,), name="audience-index", daemon=True)
    thread.start()
    return thread


def _make_ready(held: Base) -> None:
    index = index_of(held)
    name = next(iter(index.columns.entries), None)
    if name is not None:
        index.breakdown(name)


def understood(text: str, of: Base | None = None) -> Expression:
    """The condition a text says, by what marketing may use. Raises AudienceError."""
    held = of or base()
    return compile_audience(text, held.bank.catalogue, held.night, held.bank.home, Purpose.MARKETING)


def among(text: str, of: Base | None = None) -> Members:
    """Customers a text is true for whose data may be used. Raises AudienceError, NightError."""
    held = of or base()
    expression = understood(text, held)
    try:
        return usable(expression, held)
    except OverflowError:
        raise NightError("a value does not fit its type (64 bits for whole numbers and money)") from None


def usable(expression: Expression, of: Base) -> Members:
    """Customers a condition is true for whose data may be used. Raises OverflowError for a value that does
    not fit."""
    found = index_of(of).members(expression.node)
    return found - _gone(of) if customers.hidden() else found


def of_numbers(numbers: Iterable[int] | NDArray[np.int64], of: Base | None = None) -> Members:
    """A set of some customer numbers of a night."""
    from quanke.segments.index import Members

    index = index_of(of)
    given = np.asarray(list(numbers) if not isinstance(numbers, np.ndarray) else numbers, np.int64)
    return Members.of(given[(given >= 0) & (given < index.rows)], index.there)


def counted(text: str, of: Base | None = None) -> Answer:
    """How many customers a text is true for; or what is wrong with it."""
    held = of or base()
    if not text.strip():
        return Answer(text, day=held.day)
    try:
        expression = understood(text, held)
        size = index_of(held).count(expression.node)
        if customers.hidden():
            size = len(usable(expression, held))
    except AudienceError as error:
        return Answer(text, day=held.day, fault=Fault(error.reason, error.column, error.pointer()))
    except OverflowError:
        return Answer(text, day=held.day, fault=Fault("a value does not fit 64 bits"))
    except NightError as error:
        return Answer(text, day=held.day, fault=Fault(error.message))
    return _answered(text, size, held, expression)


def counted_version(version: AudienceVersion, of: Base | None = None) -> Answer:
    """How many a saved version has tonight."""
    held = of or base()
    if version.kind == AudienceKind.LIVE:
        return counted(version.text, held)
    return _answered(version.text, len(members_of(version, held)), held, None)


def _answered(text: str, size: int, held: Base, expression: Expression | None) -> Answer:
    told = shown(size, bound())
    share = None if told is None else told / max(1, held.night.customers)
    return Answer(text, told, told is None, share, held.day, None, expression)


def _gone(held: Base) -> Members:
    return of_numbers(list(customers.hidden()), held)


def pack(members: NDArray[np.int64]) -> bytes:
    """Customer numbers, ascending, as `AudienceVersion.members` keeps them."""
    return zlib.compress(np.ascontiguousarray(np.unique(members).astype("<i4")).tobytes(), 6)


def unpacked(held: bytes) -> NDArray[np.int64]:
    """What `pack` packed."""
    return np.frombuffer(zlib.decompress(held), "<i4").astype(np.int64)


def members_of(version: AudienceVersion, of: Base | None = None) -> NDArray[np.int64]:
    """Customer numbers of a version, ascending: of a live one by the last night, else those that were kept,
    each under the number he goes by now. Who may not be used any more, is no longer there, or came of a
    contract with a partner that is over or no longer has his consent, is left out.
    Raises AudienceError where a text is no longer understood, NightError where there is no night."""
    held = of or base()
    if version.kind == AudienceKind.LIVE:
        return among(version.text, held).numbers()
    numbers = unpacked(bytes(version.members)) if version.members is not None else np.zeros(0, np.int64)
    absorbed = held.night.absorbed
    if absorbed:
        old = numbers[np.isin(numbers, np.fromiter(absorbed, np.int64, len(absorbed)))]
        into = [absorbed[int(n)] for n in old]
        numbers = np.concatenate([np.setdiff1d(numbers, old), [n for n in into if n is not None]])
    found = (of_numbers(numbers.astype(np.int64), held) - _gone(held)).numbers()
    return still_covered(version.audience_id, found, held)


def set_of(text: str, version: AudienceVersion | None = None, of: Base | None = None) -> Members:
    """Members of a text, or of a version that keeps its customers."""
    if version is not None and version.kind != AudienceKind.LIVE:
        return of_numbers(members_of(version, of), of)
    return among(text if version is None else version.text, of)


def sampled(person: Person, found: Members, seed: int = 0) -> list[dict[str, Any]] | None:
    """Ten of an audience as the person may see them, drawn anew for each `seed`; null where the audience is
    too small to show rows of it."""
    if len(found) < max(bound(), 1):
        return None
    held = base()
    drawn = [int(n) for n in found.sample(SAMPLE, seed)]
    return customers.lines(drawn, scope_of(person), held)


def everything(put_away: bool = False) -> QuerySet[Audience]:
    """Saved audiences with who made them."""
    return Audience.objects.filter(put_away_at__isnull=not put_away).select_related("made_by")


def current(audience: Audience) -> AudienceVersion:
    """The version in force. Raises NotAllowed where there is none."""
    found = audience.versions.order_by("-number").select_related("by").first()
    if found is None:
        raise NotAllowed("this audience has no version")
    return found


def current_of(audiences: Iterable[Audience]) -> dict[int, AudienceVersion]:
    """The versions in force of several, without what they keep."""
    numbers = [a.pk for a in audiences]
    rows = AudienceVersion.objects.filter(audience__in=numbers).defer("members").order_by("number")
    return {row.audience_id: row for row in rows}


def kind_of(name: str, of: Base | None = None) -> Kind | None:
    """The type of a tag of the catalogue; null for none."""
    catalogue = (of or base()).bank.catalogue
    return catalogue[name].result.kind if name in catalogue else None
