"""Compiling kernels to machine code, and the loads and stores they are written with.

Kernels work on addresses, not on arrays: one kernel, compiled once and kept on disk, runs every program
over any number of mapped columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_intrinsic: Callable[[Callable[..., Any]], Any] = intrinsic


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code that runs without Python's lock. What was compiled is kept beside the
    module, or in the user's cache folder; where neither can be written it is compiled in each process."""
    try:
        return numba.njit(nogil=True, cache=True, boundscheck=False)(function)
    except RuntimeError:
        return numba.njit(nogil=True, boundscheck=False)(function)


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


_LONG = ir.IntType(64)
_LINE = ir.VectorType(_LONG, 8)
LINE = 8
"""Words that are worked on at once: a line of the processor's cache."""


class _Lines:
    """Writes code that goes through the lines of a block, and skips those where nobody is in question."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

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
        one = builder.insert_element(nothing, builder.load(builder.gep(base, [word])), ir.IntType(32)(0))
        return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8))

    def times(self, count: Any) -> Any:
        return cgutils.for_range(self.builder, count, intp=_LONG)

    def through(self, lines: Any, mask: Any, outs: Any, work: Any) -> None:
        """`work(line, asked)` gives a line for each address of `outs`; zeros where the mask has nobody."""
        builder = self.builder
        with self.times(lines) as loop:
            word = builder.mul(loop.index, self.number(LINE))
            asked = self.load(mask, word)
            for out in outs:
                self.store(ir.Constant(_LINE, [0] * LINE), out, word)
            somebody = builder.icmp_unsigned(
                "!=", builder.bitcast(asked, ir.IntType(512)), ir.Constant(ir.IntType(512), 0)
            )
            with builder.if_then(somebody, likely=True):
                for out, value in zip(outs, work(loop.index, asked), strict=True):
                    self.store(value, out, word)


@_intrinsic
def bounded(
    typing: Any, planes: Any, count: Any, lines: Any, bounds: Any, mask: Any, inside: Any, doubt: Any
) -> Any:
    """Compare the numbers whose bits lie in planes with four bounds a <= b <= c <= d at once.

    `planes`: address of `lines` lines of customers, `count` planes for each. Of the customers in `mask`,
    `inside` becomes those with b <= x < c, `doubt` those with a <= x < b or c <= x < d. `bounds` holds four
    words to begin with (all ones; zeros for a bound above every number) and then for each plane, the lowest
    first, four words: zeros where the bound has that bit, else all ones. With that, "x is at least the bound"
    is the majority of plane, what the planes below said, and this word.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        planes, count, lines, bounds, mask, inside, doubt = arguments
        write = _Lines(builder)

        def work(line: Any, asked: Any) -> Any:
            state = [cgutils.alloca_once(builder, _LINE) for _ in range(4)]
            for n in range(4):
                builder.store(write.spread(bounds, write.number(n)), state[n])
            first = builder.mul(line, builder.mul(count, write.number(LINE)))
            with write.times(count) as loop:
                word = builder.add(first, builder.mul(loop.index, write.number(LINE)))
                plane = write.load(planes, word)
                place = builder.mul(builder.add(loop.index, write.number(1)), write.number(4))
                for n in range(4):
                    least = builder.load(state[n])
                    zero = write.spread(bounds, builder.add(place, write.number(n)))
                    either = builder.and_(zero, builder.or_(plane, least))
                    builder.store(builder.or_(builder.and_(plane, least), either), state[n])
            a, b, c, d = (builder.load(s) for s in state)
            within = builder.and_(b, builder.not_(c))
            around = builder.and_(builder.and_(a, builder.not_(d)), builder.not_(within))
            return builder.and_(within, asked), builder.and_(around, asked)

        write.through(lines, mask, (inside, doubt), work)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 7), code


@_intrinsic
def matched(
    typing: Any, planes: Any, count: Any, lines: Any, bits: Any, numbers: Any, mask: Any, inside: Any
) -> Any:
    """Of the customers in `mask`, `inside` becomes those whose number is one of some.

    `bits` holds for each of `numbers` numbers and each plane, the lowest first, a word: zeros where the
    number has that bit, else all ones. The rest is as in `bounded`.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        planes, count, lines, bits, numbers, mask, inside = arguments
        write = _Lines(builder)

        def work(line: Any, asked: Any) -> Any:
            found = cgutils.alloca_once(builder, _LINE)
            equal = cgutils.alloca_once(builder, _LINE)
            builder.store(ir.Constant(_LINE, [0] * LINE), found)
            first = builder.mul(line, builder.mul(count, write.number(LINE)))
            with write.times(numbers) as outer:
                builder.store(asked, equal)
                place = builder.mul(outer.index, count)
                with write.times(count) as loop:
                    word = builder.add(first, builder.mul(loop.index, write.number(LINE)))
                    other = builder.xor(
                        write.load(planes, word), write.spread(bits, builder.add(place, loop.index))
                    )
                    builder.store(builder.and_(builder.load(equal), other), equal)
                builder.store(builder.or_(builder.load(found), builder.load(equal)), found)
            return (builder.load(found),)

        write.through(lines, mask, (inside,), work)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 7), code
