"""Definitions in files: analysts' YAML, and a bank's own Python.

    purpose: marketing
    tags:
      salary_30d:
        zh: 近30天工资
        en: Wages in 30 days
        total: transactions.amount
        where: direction == "in" and kind == "salary"
        within: 30 days

Each definition has titles (`zh`, `en`), may have `purpose`, `class`, `owner`, `unit`, `note_zh`,
`note_en` (the first three also for the whole file), and exactly one form:

* `condition`: yes or no (also of checks, with `severity`, and of triggers: with `on`, the table whose rows
  arrive; without it, looked at once a day; and with `unless` and `within: 7 days` or `within: 48 hours`,
  and `unless_on` where that is another table, for a row that does not come);
* `value`: any expression;
* `band` with `edges` and, if the bands have names, `labels`;
* `ratio` with `to`;
* an aggregate: `total`, `mean`, `smallest`, `largest`, `latest`, `distinct` of a field (of a tag, in
  metrics), `some` of a condition, `count` and `distinct_days` of a table, `level` and `daily_mean` of
  balances.balance; each with `where` and `within` if wanted.

Expressions are audience text (`audience.py`). A file is compiled to the same frozen objects as
definitions in Python, in any order of lines.
"""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.kernel.errors import AudienceError, DefinitionError
from quanke.language import aggregates
from quanke.language.aggregates import AggregateExpression
from quanke.language.audience import names_in, parse_expression, parse_value
from quanke.language.audience_scope import Scope, near
from quanke.language.declared_windows import window_of
from quanke.language.declared_yaml import Entries, Part, Row, Words, read_yaml
from quanke.language.definitions import Check, Definition, Metric, Tag, Trigger
from quanke.language.expressions import Expression, band
from quanke.language.facts import FactTable, customers, facts, graph, scores
from quanke.language.types import Kind

MOST_DEFINITIONS = 1_000

_Read = TypeVar("_Read")
_Choice = TypeVar("_Choice", bound=StrEnum)
_SECTIONS: dict[str, type[Definition]] = {
    "tags": Tag,
    "metrics": Metric,
    "checks": Check,
    "triggers": Trigger,
}
_WHOLE_FILE = ("purpose", "class", "owner")
_TITLES = ("zh", "en", "purpose", "class", "owner", "unit", "note_zh", "note_en")
_OF_VALUES: dict[str, Callable[[Expression], AggregateExpression]] = {
    "total": aggregates.total,
    "mean": aggregates.mean,
    "smallest": aggregates.smallest,
    "largest": aggregates.largest,
    "latest": aggregates.latest,
    "distinct": aggregates.distinct,
    "some": aggregates.some,
    "level": aggregates.level,
    "daily_mean": aggregates.daily_mean,
}
_OF_TABLES: dict[str, Callable[[FactTable], AggregateExpression]] = {
    "count": aggregates.count,
    "distinct_days": aggregates.distinct_days,
}
_WITH: dict[str, tuple[str, ...]] = {
    "value": (),
    "condition": (),
    "band": ("edges", "labels"),
    "ratio": ("to",),
    **dict.fromkeys((*_OF_VALUES, *_OF_TABLES), ("where", "within")),
}
"""Forms, each with the keys it understands beside its own."""
_HOURS = re.compile(r"(\d{1,5}) hours?")
_OF_TRIGGERS = ("on", "unless", "unless_on", "within")
_TABLES: Mapping[str, FactTable] = {
    **facts.tables,
    "customers": customers,
    "graph": graph,
    "scores": scores,
}


def read_definitions(
    path: Path | str, known: Mapping[str, Definition] | None = None, *, currency: str = "CNY"
) -> list[Definition]:
    """The definitions of an analyst's YAML file, in the order of the file.

    `known` are definitions it may build on (a catalogue). Raises DefinitionError with file, line and
    reason.
    """
    file = _File(Path(path), known or {}, currency)
    return file.definitions()


def load_python(path: Path | str) -> list[Definition]:
    """The definitions that stand at the top level of a bank's own Python file, in its order.

    The file is **executed with all rights of the process**: it is the bank's own trusted code, like
    a plug-in, and must be reviewed as such; what comes from others belongs in YAML. What the file
    imports from elsewhere is not counted as its own. Raises DefinitionError with the line.
    """
    path = Path(path)
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source, str(path))
    except OSError as error:
        raise DefinitionError(path.name, f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DefinitionError(path.name, "the file is not UTF-8: save it as UTF-8", str(path)) from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise DefinitionError(path.name, "this is not Python", f"{path}:{line}") from None
    module = types.ModuleType(f"quanke_definitions_{path.stem}")
    module.__file__ = str(path)
    try:
        exec(compile(tree, str(path), "exec"), module.__dict__)
    except DefinitionError:
        raise
    except (Exception, SystemExit) as error:
        line = _line_in(path, error)
        reason = f"it stopped with {type(error).__name__}: {error}"
        raise DefinitionError(path.name, reason, f"{path}:{line}") from error
    return _own(path, tree, module.__dict__)


def _own(path: Path, tree: ast.Module, names: Mapping[str, object]) -> list[Definition]:
    """Definitions under names that were not imported, each once."""
    imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
    imported = {a.asname or a.name for n in imports for a in n.names}
    found: dict[int, Definition] = {}
    for name, value in names.items():
        if not isinstance(value, Definition) or name in imported:
            continue
        if "*" in imported and not value.where.startswith(f"{path}:"):
            continue
        found.setdefault(id(value), value)
    return list(found.values())


def _line_in(path: Path, error: BaseException) -> int:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


class _File:
    """One YAML file being compiled."""

    def __init__(self, path: Path, known: Mapping[str, Definition], currency: str) -> None:
        self.path = path
        self.known = known
        self.currency = currency
        self.done: dict[str, Definition] = {}
        self.defaults: dict[str, str] = {}
        self.lines: dict[str, int] = {}

    def refuse(self, name: str, line: int, reason: str) -> DefinitionError:
        return DefinitionError(name, reason, f"{self.path}:{line}")

    def definitions(self) -> list[Definition]:
        declared = self.declared()
        for name in self.in_order(declared):
            self.done[name] = declared[name].compiled({**self.known, **self.done})
        return [self.done[name] for name in declared]

    def declared(self) -> dict[str, _Declared]:
        """Everything the file declares, not yet compiled."""
        whole = read_yaml(self.path)
        found: dict[str, _Declared] = {}
        for key, part in whole.parts.items():
            line = whole.lines[key]
            if key in _WHOLE_FILE and isinstance(part, Words):
                self.defaults[key] = part.text.strip()
                self.lines[key] = line
            elif key not in _SECTIONS:
                hint = near(key, [*_SECTIONS, *_WHOLE_FILE])
                raise self.refuse(self.path.name, line, f"there is no section {key[:64]!r}{hint}")
            elif not isinstance(part, Entries):
                raise self.refuse(key, line, "a section holds definitions, each under its name")
            else:
                for name, body in part.parts.items():
                    self.declare(found, key, name, body, part.lines[name])
        if len(found) > MOST_DEFINITIONS:
            raise self.refuse(self.path.name, 1, f"a file declares at most {MOST_DEFINITIONS:,} definitions")
        return found

    def declare(self, found: dict[str, _Declared], section: str, name: str, body: Part, line: int) -> None:
        if not isinstance(body, Entries):
            raise self.refuse(name[:64], line, "a definition has keys of its own: zh, en and a form")
        if name in self.known:
            raise self.refuse(name, line, f"it is already defined at {self.known[name].where}")
        if name in found:
            raise self.refuse(name, line, f"it is already defined in line {found[name].line}")
        found[name] = _Declared(self, _SECTIONS[section], name, body, line)

    def in_order(self, declared: Mapping[str, _Declared]) -> list[str]:
        """Names after all they use."""
        titles = {d.title: name for name, d in declared.items()}
        needs = {name: d.needs(declared, titles) for name, d in declared.items()}
        order: dict[str, None] = {}
        for start in declared:
            path = [start]
            while path:
                top = path[-1]
                waiting = next((n for n in needs[top] if n not in order), None)
                if waiting is None:
                    order[path.pop()] = None
                elif waiting in path:
                    circle = " -> ".join([*path[path.index(waiting) :], waiting])
                    raise self.refuse(top, declared[top].line, f"it is circular: {circle}")
                else:
                    path.append(waiting)
        return list(order)


class _Declared:
    """One definition of a file."""

    def __init__(self, file: _File, made: type[Definition], name: str, body: Entries, line: int) -> None:
        self.file = file
        self.made = made
        self.name = name
        self.body = body
        self.line = line
        self.form = self.check_keys()

    def refuse(self, key: str, reason: str) -> DefinitionError:
        return self.file.refuse(self.name[:64], self.body.lines.get(key, self.line), reason)

    def check_keys(self) -> str:
        """The one form, with nothing beside it that it does not understand."""
        own = {Check: ("severity",), Trigger: _OF_TRIGGERS}.get(self.made, ())
        forms = [key for key in self.body.parts if key in _WITH]
        allowed = ("condition",) if self.made in (Check, Trigger) else tuple(_WITH)
        if len(forms) != 1 or forms[0] not in allowed:
            unknown = [key for key in self.body.parts if key not in (*_TITLES, *own, *_WITH)]
            hint = next(filter(None, (near(key, allowed) for key in unknown)), "")
            found = f"it has {' and '.join(forms)}" if forms else f"it has none{hint}"
            where = forms[-1] if forms else (unknown[0] if hint else "")
            raise self.refuse(where, f"one of {', '.join(allowed)} says what it is; {found}")
        fitting = (*_TITLES, *own, forms[0], *_WITH[forms[0]])
        for key, part in self.body.parts.items():
            if key not in fitting:
                raise self.refuse(
                    key, f"the key {key[:64]!r} is not understood beside `{forms[0]}`{near(key, fitting)}"
                )
            if isinstance(part, Entries) or (isinstance(part, Row) and key not in ("edges", "labels")):
                raise self.refuse(key, f"`{key}` takes one text")
            if isinstance(part, Words) and not part.text.strip():
                raise self.refuse(key, f"nothing stands after `{key}`")
        return forms[0]

    @property
    def title(self) -> str:
        """The Chinese title."""
        return self.text("zh")

    def text(self, key: str, otherwise: str = "") -> str:
        """What stands under a key, on one line."""
        part = self.body.parts.get(key)
        return part.text.strip() if isinstance(part, Words) else otherwise

    def needs(self, declared: Mapping[str, _Declared], titles: Mapping[str, str]) -> list[str]:
        """Definitions of the same file it uses. Fields of a fact table are no definitions."""
        keys = [self.form, *(["to"] if self.form == "ratio" else [])]
        if self.made is Metric:
            keys.append("where")
        fields = facts.tables[self.text("on")].fields if self.text("on") in facts.tables else {}
        found: dict[str, None] = {}
        for key in keys:
            read = partial(names_in, self.text(key), titles, currency=self.file.currency)
            used = self.understood(key, read)
            for name in sorted(used):
                name = name if name in declared else titles.get(name, "")
                if name and name not in fields:
                    found[name] = None
        return list(found)

    def understood(self, key: str, read: Callable[[], _Read]) -> _Read:
        """What `read` gives; an error in a text is told with the key, the line and the column."""
        try:
            return read()
        except AudienceError as error:
            raise self.refuse(key, f"`{key}`, column {error.column}: {error.reason}") from None
        except DefinitionError as error:
            raise self.refuse(key, error.reason) from None

    def compiled(self, known: Mapping[str, Definition]) -> Definition:
        """The frozen definition."""
        value = self.value(known)
        options = {key: self.text(key) for key in ("unit", "note_zh", "note_en") if self.text(key)}
        owner = self.text("owner", self.file.defaults.get("owner", ""))
        if owner:
            options["owner"] = owner
        if self.made is Check and self.text("severity"):
            options["severity"] = self.text("severity")
        wait = self.wait(known) if self.made is Trigger else {}
        purpose = self.choice("purpose", Purpose, Purpose.SERVICE)
        sensitivity = self.choice("class", Sensitivity, Sensitivity.C1)
        try:
            return self.made(
                name=self.name,
                title_zh=self.text("zh"),
                title_en=self.text("en"),
                value=value,
                purpose=purpose,
                sensitivity=sensitivity,
                where=f"{self.file.path}:{self.line}",
                **options,
                **wait,
            )
        except DefinitionError as error:
            raise self.file.refuse(self.name, self.line, error.reason) from None

    def wait(self, known: Mapping[str, Definition]) -> dict[str, Any]:
        """What a trigger waits for, and how long."""
        if "unless" not in self.body.parts:
            for key in ("unless_on", "within"):
                if key in self.body.parts:
                    raise self.refuse(key, f"`{key}` goes with `unless`: the row that must come in time")
            return {}
        scope = self.of_rows("unless_on" if "unless_on" in self.body.parts else "on", known)
        unless = self.expression("unless", scope)
        hours = _HOURS.fullmatch(self.text("within"))
        if hours:
            return {"unless": unless, "hours": int(hours[1])}
        return {
            "unless": unless,
            "within": self.understood("within", partial(window_of, self.text("within"))),
        }

    def choice(self, key: str, kinds: type[_Choice], otherwise: _Choice) -> _Choice:
        """A purpose or a class, from the definition or the file."""
        word = self.text(key, self.file.defaults.get(key, ""))
        if word and word not in set(kinds):
            line = self.body.lines.get(key, self.file.lines.get(key, self.line))
            raise self.file.refuse(self.name, line, f"`{key}` is one of {', '.join(kinds)}")
        return kinds(word) if word else otherwise

    def value(self, known: Mapping[str, Definition]) -> Expression:
        """The expression the form says."""
        form = self.form
        if form in _OF_VALUES or form in _OF_TABLES:
            return self.aggregate(known)
        if form == "band":
            return self.bands(known)
        value = self.expression(form, self.scope(known))
        if form == "ratio":
            if "to" not in self.body.parts:
                raise self.refuse(form, "a ratio has a `to`")
            over = self.expression("to", self.scope(known))
            value = self.understood(form, lambda: value / over)
            if value.type.kind is not Kind.RATE:
                raise self.refuse(form, "a ratio divides money by money, or a number by a number")
        if form == "condition" and value.type.kind is not Kind.BOOLEAN:
            raise self.refuse(form, f"a condition says yes or no, this is {value.type}")
        return value

    def scope(self, known: Mapping[str, Definition]) -> Scope:
        """What names mean in a value, a condition, a ratio."""
        if self.made is Metric:
            return Scope(known, tables=_TABLES, usable=(Metric,))
        if self.made is not Trigger or "on" not in self.body.parts:
            return Scope(known, tables=_TABLES)
        return self.of_rows("on", known)

    def of_rows(self, key: str, known: Mapping[str, Definition]) -> Scope:
        """What names mean in a condition on the rows of the table under a key."""
        table = self.text(key)
        if table not in facts.tables:
            raise self.refuse(key, f"`{key}` names the table whose rows arrive: {', '.join(facts.tables)}")
        return Scope(known, facts.tables[table], {table: facts.tables[table], "customers": customers}, True)

    def expression(self, key: str, scope: Scope) -> Expression:
        """What the text under a key says."""
        text, currency = self.text(key), self.file.currency
        return self.understood(key, lambda: parse_expression(text, scope, currency=currency))

    def bands(self, known: Mapping[str, Definition]) -> Expression:
        """`band: aum`, `edges: [50_000, 200_000]`, `labels: [low, middle, high]`."""
        value = self.expression("band", self.scope(known))
        edges = [
            self.understood("edges", partial(parse_value, text, currency=self.file.currency))
            for text in self.row("edges")
        ]
        labels = self.row("labels") if "labels" in self.body.parts else None
        return self.understood("band", lambda: band(value, edges, labels))

    def row(self, key: str) -> list[str]:
        """The texts of a sequence."""
        part = self.body.parts.get(key)
        if not isinstance(part, Row) or not all(isinstance(p, Words) for p in part.parts):
            raise self.refuse(key, f"`{key}` takes a list: [..., ...]")
        return [p.text for p in part.parts if isinstance(p, Words)]

    def aggregate(self, known: Mapping[str, Definition]) -> Expression:
        """`total: transactions.amount` and the like, with `where` and `within`."""
        form = self.form
        if form in _OF_TABLES:
            table = self.text(form)
            if table not in _TABLES:
                raise self.refuse(form, f"there is no table of this name{near(table, _TABLES)}")
            made = self.understood(form, lambda: _OF_TABLES[form](_TABLES[table]))
        else:
            value = self.expression(form, Scope(known, tables=_TABLES))
            made = self.understood(form, lambda: _OF_VALUES[form](value))
        if "where" in self.body.parts:
            table = made.aggregate.table
            scope = Scope(known, _TABLES[table], {table: _TABLES[table]}, table != "customers")
            condition = self.expression("where", scope)
            made = self.understood("where", partial(made.where, condition))
        if "within" in self.body.parts:
            window = self.understood("within", partial(window_of, self.text("within")))
            made = self.understood("within", partial(made.within, window))
        return made
