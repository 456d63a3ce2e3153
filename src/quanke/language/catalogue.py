"""The catalogue: definitions that fit together, in an order in which they can be computed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from quanke.bank.contracts import Purpose, Sensitivity
from quanke.language.definitions import WALLED, Check, Definition, Metric, Tag, Trigger
from quanke.language.facts import field_of
from quanke.language.nodes import Column, Reference, references, walk
from quanke.language.places import refuse


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a definition stands on. `fields` are `table.field`; `uses` and `used_by` are names."""

    name: str
    expression: str
    uses: tuple[str, ...]
    fields: tuple[str, ...]
    all_uses: tuple[str, ...]
    all_fields: tuple[str, ...]
    used_by: tuple[str, ...]


class Catalogue(Mapping[str, Definition]):
    """Definitions by name, in computing order.

    Refuses (DefinitionError) a name that stands twice, a reference to nothing or to something that
    has changed its type, a circle, and a use that a purpose walls off, by way of others as well: a
    campaign's tag may not read through a service tag what it may not read itself.
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        given: dict[str, Definition] = {}
        for definition in definitions:
            if definition.name in given:
                first = given[definition.name].where
                raise refuse(f"it is already defined at {first}", definition.name, definition.where)
            given[definition.name] = definition
        self._by_name = MappingProxyType(_ordered(given))
        self._sensitivity = self._inherited()
        self._walls = self._field_walls()

    def __getitem__(self, name: str) -> Definition:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def with_more(self, definitions: Iterable[Definition]) -> Catalogue:
        """A larger catalogue."""
        return Catalogue((*self.values(), *definitions))

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags, in computing order."""
        return tuple(d for d in self.values() if isinstance(d, Tag))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics, in computing order."""
        return tuple(d for d in self.values() if isinstance(d, Metric))

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """The triggers."""
        return tuple(d for d in self.values() if isinstance(d, Trigger))

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks, in computing order."""
        return tuple(d for d in self.values() if isinstance(d, Check))

    @property
    def fingerprint(self) -> str:
        """Digest of all definitions: equal when and only when all compute the same."""
        parts = sorted(f"{d.name}:{d.fingerprint}" for d in self.values())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def sensitivity(self, name: str) -> Sensitivity:
        """Class of the definition, what it uses included."""
        return self._sensitivity[name]

    def purposes(self, name: str) -> frozenset[Purpose]:
        """Purposes that may read the definition: by its own purpose, and by every field it stands on."""
        return WALLED[self[name].purpose] & self._walls[name]

    def needed(self, names: Iterable[str]) -> tuple[Definition, ...]:
        """The named definitions and all they stand on, in computing order."""
        wanted: set[str] = set()
        stack = list(names)
        while stack:
            name = stack.pop()
            if name not in wanted:
                wanted.add(name)
                stack.extend(r.name for r in references(self[name].expression) if not r.earlier)
        return tuple(d for name, d in self.items() if name in wanted)

    def lineage(self, name: str) -> Lineage:
        """What a definition stands on, directly and in all."""
        expression = self[name].expression
        everything = self.needed([name])
        return Lineage(
            name,
            self[name].words,
            tuple(dict.fromkeys(r.name for r in references(expression))),
            _fields([self[name]]),
            tuple(d.name for d in everything if d.name != name),
            _fields(everything),
            tuple(d.name for d in self.values() if name in {r.name for r in references(d.expression)}),
        )

    def _field_walls(self) -> dict[str, frozenset[Purpose]]:
        """Purposes that may read every field a definition stands on, directly or by way of others."""
        found: dict[str, frozenset[Purpose]] = {}
        for name, definition in self.items():
            allowed = frozenset(Purpose)
            for node in (n for tree in definition.trees for n in walk(tree)):
                source = field_of(node) if isinstance(node, Column) else None
                allowed &= source.purposes if source is not None else allowed
            for reference in references(definition.expression):
                # an earlier value of one that is not computed yet was walled in the night it was made
                behind = found.get(reference.name, allowed)
                if definition.purpose not in behind:
                    only = ", ".join(sorted(behind))
                    reason = f"it is made for {definition.purpose}, and {reference.name} stands on fields for"
                    raise refuse(f"{reason} {only} only", name, definition.where)
                allowed &= behind
            found[name] = allowed
        return found

    def _inherited(self) -> dict[str, Sensitivity]:
        found: dict[str, Sensitivity] = {}
        for name, definition in self.items():
            below = [found[r.name] for r in references(definition.expression) if r.name in found]
            found[name] = max([definition.sensitivity, *below])
        return found


def _fields(definitions: Iterable[Definition]) -> tuple[str, ...]:
    columns = (n for d in definitions for t in d.trees for n in walk(t) if isinstance(n, Column))
    return tuple(sorted({f"{c.table}.{c.name}" for c in columns}))


def _ordered(given: dict[str, Definition]) -> dict[str, Definition]:
    """Definitions after all they use; otherwise in the order given."""
    done: dict[str, Definition] = {}
    for start in given.values():
        path: list[str] = []
        stack: list[tuple[Definition, Iterator[Reference]]] = []

        def enter(
            definition: Definition,
            path: list[str] = path,
            stack: list[tuple[Definition, Iterator[Reference]]] = stack,
        ) -> None:
            path.append(definition.name)
            stack.append((definition, iter(references(definition.expression))))

        if start.name not in done:
            enter(start)
        while stack:
            definition, waiting = stack[-1]
            reference = next(waiting, None)
            if reference is None:
                stack.pop()
                path.pop()
                done[definition.name] = definition
                continue
            used = _used(definition, reference, given)
            if reference.earlier or used.name in done:
                continue
            if used.name in path:
                circle = " -> ".join([*path[path.index(used.name) :], used.name])
                raise refuse(f"it is circular: {circle}", definition.name, definition.where)
            enter(used)
    return done


def _used(definition: Definition, reference: Reference, given: dict[str, Definition]) -> Definition:
    used = given.get(reference.name)
    if used is None:
        raise refuse(f"it uses {reference.name}, which nobody defines", definition.name, definition.where)
    if used.result != reference.type:
        reason = f"it uses {reference.name} as {reference.type}, but that is {used.result}"
        raise refuse(reason, definition.name, definition.where)
    if definition.purpose not in WALLED[used.purpose]:
        reason = f"it is made for {definition.purpose} and may not use {used.name}, made for {used.purpose}"
        raise refuse(reason, definition.name, definition.where)
    return used


def purposes_of(definitions: Iterable[Definition]) -> frozenset[Purpose]:
    """Purposes that may read all of these values together."""
    allowed = frozenset(Purpose)
    for definition in definitions:
        allowed &= WALLED[definition.purpose]
    return allowed
