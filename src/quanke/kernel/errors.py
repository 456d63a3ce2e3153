"""Errors Quanke raises on purpose. `str(error)` is one clear sentence and never holds a customer's value.

All of them derive from `QuankeError`; the command line prints `.message` and ends with status 1. They
survive pickling, so that a worker process can hand one back.
"""

from __future__ import annotations


class QuankeError(Exception):
    """Something a user can understand and mend. `.message` is the sentence to show."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class InputError(QuankeError):
    """Something handed over cannot be taken: which file, row and field, and which rule it breaks.

    `rule` says what was expected ("amount has more than 2 decimals"), never what was found. `row` counts
    from 1, the header of a CSV not counted. Parts that are not known are left out of the sentence.
    """

    def __init__(
        self,
        rule: str,
        *,
        file: str = "",
        row: int | None = None,
        field: str = "",
    ) -> None:
        place = [file] if file else []
        if row is not None:
            place.append(f"row {row}")
        if field:
            place.append(f"field {field}")
        super().__init__(f"{', '.join(place)}: {rule}" if place else rule)
        self.rule = rule
        self.file = file
        self.row = row
        self.field = field
        self.args = (rule,)

    def at(self, *, file: str = "", row: int | None = None, field: str = "") -> InputError:
        """The same fault with its place filled in; what is known already stays."""
        return InputError(
            self.rule,
            file=self.file or file,
            row=self.row if self.row is not None else row,
            field=self.field or field,
        )


class DefinitionError(QuankeError):
    """A definition was refused when it was declared. `where` is `file:line` of the declaration."""

    def __init__(self, name: str, reason: str, where: str = "") -> None:
        super().__init__(f"{where}: {name}: {reason}" if where else f"{name}: {reason}")
        self.name = name
        self.reason = reason
        self.where = where
        self.args = (name, reason, where)


class AudienceError(QuankeError):
    """An audience expression was refused. `column` counts code points of `text` from 1."""

    def __init__(self, text: str, column: int, reason: str) -> None:
        super().__init__(f"column {column}: {reason}")
        self.text = text
        self.column = column
        self.reason = reason
        self.args = (text, column, reason)

    def pointer(self, width: int = 100) -> str:
        """Two lines: the part of the text around the fault, and a caret under it.

        Wide (East Asian) characters take two columns of a terminal, so the caret stands under the right
        one.
        """
        from unicodedata import east_asian_width

        start = max(0, self.column - 1 - width // 2)
        part = self.text[start : start + width].replace("\n", " ").replace("\t", " ")
        before = part[: self.column - 1 - start]
        indent = sum(2 if east_asian_width(char) in "WF" else 1 for char in before)
        return f"{part}\n{' ' * indent}^"


class HomeError(QuankeError):
    """The home on disk is missing, of another format, or not in a state to do this."""


class NightError(QuankeError):
    """A night cannot be run, resumed or read."""


class CalendarError(QuankeError):
    """A working-day question about a year whose holiday table is not loaded."""


class AssignmentError(QuankeError):
    """Edges or capacities of an assignment are wrong, or there is no assignment that keeps them."""


class AllocationError(QuankeError):
    """Values or limits of a plan are wrong, or the limits contradict each other.

    Where they do, `conflict` is a smallest set that does: (limit, row, "capacity" or "at_least"), ...; and
    `relaxation` the nearest one that does not: (limit, row, "capacity" or "at_least", by how much), ...
    """

    def __init__(
        self,
        message: str,
        conflict: tuple[tuple[str, int, str], ...] = (),
        relaxation: tuple[tuple[str, int, str, float], ...] = (),
    ) -> None:
        super().__init__(message)
        self.conflict = conflict
        self.relaxation = relaxation
        self.args = (message, conflict, relaxation)


class BookError(QuankeError):
    """A proposal of books cannot be made, changed, agreed to or applied."""


class ScoreError(QuankeError):
    """A score cannot be trained, kept, applied or explained: too little was seen, a wall stands, a file is
    not what was published."""


class SuitabilityError(QuankeError):
    """Facts that suitability is asked about cannot be what they say: which field, and which rule."""


class PortfolioError(QuankeError):
    """Returns, views or limits of a portfolio are wrong, or the limits contradict each other.

    Where they do, `conflict` names a smallest set that does, and `relaxation` the nearest way out: pairs of a
    limit's name and by how much (as a share of the portfolio) it has to give.
    """

    def __init__(
        self,
        message: str,
        conflict: tuple[str, ...] = (),
        relaxation: tuple[tuple[str, float], ...] = (),
    ) -> None:
        super().__init__(message)
        self.conflict = conflict
        self.relaxation = relaxation
        self.args = (message, conflict, relaxation)


class EffectError(QuankeError):
    """An effect cannot be measured: an arm is empty, lengths differ, a value is infinite or an argument is
    none. `message_zh`: the sentence in Chinese, of those that readers of a page meet; else in English."""

    def __init__(self, message: str, message_zh: str = "") -> None:
        super().__init__(message)
        self.message_zh = message_zh or message
        self.args = (message, self.message_zh)
