"""Compiling kernels to machine code, and the loads and stores they are written with.

Kernels work on addresses, not on arrays: one kernel, compiled once and kept on disk, runs every program
over any number of mapped columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic

_intrinsic: Callable[[Callable[..., Any]], Any] = intrinsic


def _sources() -> str:
    """What tells one version of all kernels from another."""
    state = hashlib.sha256()
    for name in ("machine.py", "lanes.py", "kernels.py", "arithmetic_kernel.py"):
        state.update((Path(__file__).parent / name).read_bytes())
    return state.hexdigest()


SOURCES = _sources()


class _Kept(FunctionCache):  # type: ignore[misc]
    """Machine code on disk that is only taken for the sources it was made of. numba by itself looks at the
    file a function stands in, not at those it takes its parts from."""

    def _index_key(self, *told: Any) -> Any:
        return (*super()._index_key(*told), SOURCES)


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code that runs without Python's lock. What was compiled is kept beside the
    module, or in the user's cache folder; where neither can be written it is compiled in each process."""
    made = numba.njit(nogil=True, boundscheck=False)(function)
    with suppress(RuntimeError):
        made._cache = _Kept(function)
    return made


def inlined(function: Callable[..., Any]) -> Any:
    """The function as part of whatever kernel calls it."""
    return numba.njit(nogil=True, boundscheck=False)(function)


def _pointer(builder: Any, address: Any, place: Any, bits: int) -> Any:
    base = builder.inttoptr(address, ir.IntType(bits).as_pointer())
    return builder.gep(base, [place])


def _loader(bits: int) -> Any:
    @_intrinsic
    def load(typing: Any, address: Any, place: Any) -> Any:
        """The unsigned number at a place of an array that begins at an address, as 64 bits."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = builder.load(_pointer(builder, arguments[0], arguments[1], bits))
            return value if bits == 64 else builder.zext(value, ir.IntType(64))

        return types.uint64(types.int64, types.int64), code

    return load


load8, load16, load32, load64 = _loader(8), _loader(16), _loader(32), _loader(64)


def _storer(bits: int) -> Any:
    @_intrinsic
    def store(typing: Any, address: Any, place: Any, value: Any) -> Any:
        """Put the low bits of a number at a place of an array that begins at an address."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address, place, value = arguments
            if bits != 64:
                value = builder.trunc(value, ir.IntType(bits))
            builder.store(value, _pointer(builder, address, place, bits))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.uint64), code

    return store


store8, store16, store32, store64 = _storer(8), _storer(16), _storer(32), _storer(64)


@_intrinsic
def ones(typing: Any, word: Any) -> Any:
    """How many bits of a word are set."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


@_intrinsic
def lowest(typing: Any, word: Any) -> Any:
    """The place of the lowest bit that is set; one must be."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@_intrinsic
def taken(typing: Any, address: Any) -> Any:
    """The number at an address, which becomes one more: no two threads get the same."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(types.int64), code


@_intrinsic
def finished(typing: Any, address: Any, place: Any, value: Any) -> Any:
    """Put a number at a place of an array, after everything this thread has written before."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, place, value = arguments
        builder.store_atomic(value, _pointer(builder, address, place, 64), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), code


@_intrinsic
def seen(typing: Any, address: Any, place: Any) -> Any:
    """What `finished` has put at a place; then what was written before it is seen as well."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, place = arguments
        return builder.load_atomic(_pointer(builder, address, place, 64), "acquire", 8)

    return types.int64(types.int64, types.int64), code


_LONG, _INT = ir.IntType(64), ir.IntType(32)
_LINE = ir.VectorType(_LONG, 8)
LINE = 8
"""Words that are worked on at once: a line of the processor's cache."""
AHEAD = 12
"""So many lines of customers before they are needed, planes are asked of the memory."""


def _fetched(builder: Any, pointer: Any) -> None:
    """Ask the memory for a line, without waiting."""
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, _INT, _INT, _INT])
    name = "llvm.prefetch.p0i8"
    builder.call(
        cgutils.get_or_insert_function(builder.module, kind, name), [pointer, _INT(0), _INT(3), _INT(1)]
    )


@_intrinsic
def fetched(typing: Any, address: Any, place: Any) -> Any:
    """Ask the memory for the line that holds the byte at a place, without waiting."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _fetched(builder, _pointer(builder, arguments[0], arguments[1], 8))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), code


class _Lines:
    """Writes code that goes through lines of customers, and skips those where nobody is in question."""

    def __init__(self, builder: Any, planes: Any, count: Any) -> None:
        self.builder = builder
        self.planes = planes
        self.count = count

    def number(self, value: int) -> Any:
        return ir.Constant(_LONG, value)

    def at(self, address: Any, word: Any) -> Any:
        """Where the line lies that begins at a word."""
        base = self.builder.inttoptr(address, _LONG.as_pointer())
        return self.builder.bitcast(self.builder.gep(base, [word]), _LINE.as_pointer())

    def load(self, address: Any, word: Any) -> Any:
        return self.builder.load(self.at(address, word), align=8)

    def store(self, value: Any, address: Any, word: Any) -> None:
        self.builder.store(value, self.at(address, word), align=8)

    def spread(self, address: Any, word: Any) -> Any:
        """One word eight times."""
        builder, nothing = self.builder, ir.Constant(_LINE, ir.Undefined)
        base = builder.inttoptr(address, _LONG.as_pointer())
        one = builder.insert_element(nothing, builder.load(builder.gep(base, [word])), _INT(0))
        return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_INT, 8), [0] * 8))

    def times(self, count: Any) -> Any:
        return cgutils.for_range(self.builder, count, intp=_LONG)

    def plane(self, line: Any, plane: Any) -> Any:
        """The word a plane of a line begins at."""
        builder = self.builder
        return builder.mul(builder.add(builder.mul(line, self.count), plane), self.number(LINE))

    def through(self, lines: Any, mask: Any, inside: Any, doubt: Any, work: Any) -> None:
        """`work(line, asked)` gives the lines of `inside` and `doubt`; nobody where the mask has nobody."""
        builder, nobody = self.builder, ir.Constant(_LINE, [0] * LINE)
        with self.times(lines) as loop:
            word = builder.mul(loop.index, self.number(LINE))
            asked = self.load(mask, word)
            self.store(nobody, inside, word)
            self.store(nobody, doubt, word)
            whole = builder.bitcast(asked, ir.IntType(512))
            with builder.if_then(builder.icmp_unsigned("!=", whole, ir.IntType(512)(0)), likely=True):
                with self.times(self.count) as planes:
                    later = self.plane(builder.add(loop.index, self.number(AHEAD)), planes.index)
                    line = self.at(self.planes, later)
                    _fetched(builder, builder.bitcast(line, ir.IntType(8).as_pointer()))
                within, unsure = work(loop.index, asked)
                self.store(within, inside, word)
                self.store(unsure, doubt, word)


@_intrinsic
def sifted(
    typing: Any, planes: Any, count: Any, lines: Any, bounds: Any, limits: Any, singles: Any,
    mask: Any, inside: Any, doubt: Any,
) -> Any:  # fmt: skip
    """Say of the numbers whose bits lie in planes which belong to a set, and which are in doubt.

    `planes`: address of `lines` lines of customers, `count` planes for each. Of the customers in `mask`,
    `inside` becomes those of the set, `doubt` those in doubt.

    The set is written as limits ("at least n") and single numbers ("n"); each turns the answer round for the
    customers it is true for. `bounds`: a word to begin with; then `limits` pairs of limits and `singles`
    pairs of numbers, each as four words (all ones where the first turns round who is inside; the same for
    the second; where they turn round who is in doubt) and for each plane, the lowest first, two words: zeros
    where the number has that bit, else all ones. With that, "at least" is the majority of plane, what the
    planes below said, and this word.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        planes, count, lines, bounds, limits, singles, mask, inside, doubt = arguments
        write = _Lines(builder, planes, count)
        size = builder.add(builder.mul(count, write.number(2)), write.number(4))

        def at_least(plane: Any, zero: Any, so_far: Any) -> Any:
            unequal = builder.xor(plane, zero)  # where it is, the lower planes decide
            return builder.or_(builder.and_(unequal, so_far), builder.and_(builder.not_(unequal), plane))

        def equal(plane: Any, zero: Any, so_far: Any) -> Any:
            return builder.and_(so_far, builder.xor(plane, zero))

        def work(line: Any, asked: Any) -> Any:
            answers = [cgutils.alloca_once(builder, _LINE) for _ in range(2)]
            builder.store(write.spread(bounds, write.number(0)), answers[0])
            builder.store(ir.Constant(_LINE, [0] * LINE), answers[1])
            states = [cgutils.alloca_once(builder, _LINE) for _ in range(2)]
            for pairs, before, step in ((limits, None, at_least), (singles, limits, equal)):
                with write.times(pairs) as outer:
                    pair = outer.index if before is None else builder.add(before, outer.index)
                    start = builder.add(builder.mul(pair, size), write.number(1))
                    for state in states:
                        builder.store(ir.Constant(_LINE, [2**64 - 1] * LINE), state)
                    with write.times(count) as loop:
                        plane = write.load(planes, write.plane(line, loop.index))
                        place = builder.add(
                            builder.add(start, write.number(4)), builder.mul(loop.index, write.number(2))
                        )
                        for n, state in enumerate(states):
                            zero = write.spread(bounds, builder.add(place, write.number(n)))
                            builder.store(step(plane, zero, builder.load(state)), state)
                    for a, answer in enumerate(answers):
                        turned = builder.load(answer)
                        for n, state in enumerate(states):
                            turns = write.spread(bounds, builder.add(start, write.number(2 * a + n)))
                            turned = builder.xor(turned, builder.and_(builder.load(state), turns))
                        builder.store(turned, answer)
            return tuple(builder.and_(builder.load(answer), asked) for answer in answers)

        write.through(lines, mask, inside, doubt, work)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 9), code


@_intrinsic
def chosen(
    typing: Any, planes: Any, count: Any, lines: Any, nodes: Any, size: Any, within: Any, unsure: Any,
    mask: Any, inside: Any, doubt: Any, scratch: Any,
) -> Any:  # fmt: skip
    """The same of a set written as a decision diagram.

    `nodes` holds for each of `size` nodes, numbered from 2, three words: a plane, the node where it is set,
    the node where it is not; node 0 is nobody, node 1 everybody. `within` and `unsure` are the nodes that
    say who is inside and who is in doubt. `scratch`: `size + 2` lines.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        planes, count, lines, nodes, size, within, unsure, mask, inside, doubt, scratch = arguments
        write = _Lines(builder, planes, count)

        def held(node: Any) -> Any:
            return builder.mul(node, write.number(LINE))

        def work(line: Any, asked: Any) -> Any:
            write.store(ir.Constant(_LINE, [0] * LINE), scratch, write.number(0))
            write.store(ir.Constant(_LINE, [2**64 - 1] * LINE), scratch, write.number(LINE))
            base = builder.inttoptr(nodes, _LONG.as_pointer())
            with write.times(size) as loop:
                first = builder.mul(loop.index, write.number(3))
                told = [
                    builder.load(builder.gep(base, [builder.add(first, write.number(n))])) for n in range(3)
                ]
                plane = write.load(planes, write.plane(line, told[0]))
                high, low = (write.load(scratch, held(node)) for node in told[1:])
                found = builder.xor(low, builder.and_(plane, builder.xor(high, low)))
                write.store(found, scratch, held(builder.add(loop.index, write.number(2))))
            return tuple(builder.and_(write.load(scratch, held(n)), asked) for n in (within, unsure))

        write.through(lines, mask, inside, doubt, work)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 11), code
