"""Whole numbers and truth values of a span of customers, worked on eight at a time.

A span's numbers are SPAN 64-bit integers; its truth values, and who is known, are SPAN bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_intrinsic: Callable[[Callable[..., Any]], Any] = intrinsic
SPAN = 1_024
"""Customers of a span."""
EIGHT = 8
_LONG, _BYTE, _INT = ir.IntType(64), ir.IntType(8), ir.IntType(32)
_LINE = ir.VectorType(_LONG, EIGHT)
_REALS = ir.VectorType(ir.DoubleType(), EIGHT)
Work = Callable[[Any, Any, Any], Any]
"""`(builder, a, b)`: what becomes of eight numbers and eight others."""


def _all(value: int) -> Any:
    return ir.Constant(_LINE, [value] * EIGHT)


def _at(builder: Any, address: Any, kind: Any, place: Any) -> Any:
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [place])


def _eight(builder: Any, address: Any, group: Any) -> Any:
    return builder.load(_at(builder, address, _LINE, group), align=8)


def _spread(builder: Any, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(_LINE, ir.Undefined), value, _INT(0))
    places = ir.Constant(ir.VectorType(_INT, EIGHT), [0] * EIGHT)
    return builder.shuffle_vector(one, ir.Constant(_LINE, ir.Undefined), places)


def _groups(builder: Any) -> Any:
    return cgutils.for_range(builder, ir.Constant(_LONG, SPAN // EIGHT), intp=_LONG)


def _each(work: Work) -> Any:
    """A kernel `(a, b, out)` that writes what becomes of the numbers at two addresses."""

    @_intrinsic
    def kernel(typing: Any, a: Any, b: Any, out: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, out = arguments
            with _groups(builder) as loop:
                found = work(builder, _eight(builder, a, loop.index), _eight(builder, b, loop.index))
                builder.store(found, _at(builder, out, _LINE, loop.index), align=8)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), code

    return kernel


def _marked(predicate: str, constant: bool = False) -> Any:
    """A kernel `(a, b, out)` that writes the bits of a comparison of the numbers at two addresses, or of
    those at one with a constant."""

    @_intrinsic
    def kernel(typing: Any, a: Any, b: Any, out: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, b, out = arguments
            with _groups(builder) as loop:
                other = _spread(builder, b) if constant else _eight(builder, b, loop.index)
                bits = builder.icmp_signed(predicate, _eight(builder, a, loop.index), other)
                builder.store(builder.bitcast(bits, _BYTE), _at(builder, out, _BYTE, loop.index))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), code

    return kernel


def _size(builder: Any, a: Any) -> Any:
    return builder.select(builder.icmp_signed("<", a, _all(0)), builder.neg(a), a)


def _floor(builder: Any, a: Any, b: Any) -> Any:
    """The greatest whole number not above a / b; both are below 2^52, where the quotient of floating-point
    numbers cannot be rounded up to a whole one it does not reach."""
    quotient = builder.fdiv(builder.sitofp(a, _REALS), builder.sitofp(b, _REALS))
    kind = ir.FunctionType(_REALS, [_REALS])
    floor = cgutils.get_or_insert_function(builder.module, kind, "llvm.floor.v8f64")
    return builder.fptosi(builder.call(floor, [quotient]), _LINE)


def _divisor(builder: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed("==", b, _all(0)), _all(1), b)


def _floored(builder: Any, a: Any, b: Any) -> Any:
    return _floor(builder, a, _divisor(builder, b))


def _left(builder: Any, a: Any, b: Any) -> Any:
    b = _divisor(builder, b)
    return builder.sub(a, builder.mul(b, _floor(builder, a, b)))


def _rounded(builder: Any, a: Any, b: Any) -> Any:
    """a / b rounded half away from zero."""
    b = _divisor(builder, b)
    above, below = _size(builder, a), _size(builder, b)
    quotient = _floor(builder, above, below)
    rest = builder.sub(above, builder.mul(quotient, below))
    up = builder.icmp_signed(">=", rest, builder.sub(below, rest))
    quotient = builder.add(quotient, builder.zext(up, _LINE))
    turned = builder.icmp_signed("<", builder.xor(a, b), _all(0))
    return builder.select(turned, builder.neg(quotient), quotient)


added = _each(lambda builder, a, b: builder.add(a, b))
subtracted = _each(lambda builder, a, b: builder.sub(a, b))
multiplied = _each(lambda builder, a, b: builder.mul(a, b))
sized = _each(lambda builder, a, b: _size(builder, a))
floored = _each(_floored)
left = _each(_left)
rounded = _each(_rounded)
equal, less, at_most = (_marked(predicate) for predicate in ("==", "<", "<="))
unlike = _marked("!=", constant=True)


@_intrinsic
def picked(typing: Any, bits: Any, a: Any, b: Any, out: Any) -> Any:
    """Write the numbers at `a` where a bit is set and those at `b` where not."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits, a, b, out = arguments
        with _groups(builder) as loop:
            byte = builder.load(_at(builder, bits, _BYTE, loop.index))
            which = builder.bitcast(byte, ir.VectorType(ir.IntType(1), EIGHT))
            found = builder.select(which, _eight(builder, a, loop.index), _eight(builder, b, loop.index))
            builder.store(found, _at(builder, out, _LINE, loop.index), align=8)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 4), code


def _read(width: int) -> Any:
    """A kernel `(codes, base, out)` that writes codes of `width` bytes, a number added to each."""

    @_intrinsic
    def kernel(typing: Any, codes: Any, base: Any, out: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            codes, base, out = arguments
            kind = ir.VectorType(ir.IntType(8 * width), EIGHT)
            with _groups(builder) as loop:
                found = builder.load(_at(builder, codes, kind, loop.index), align=width)
                if width < 8:
                    found = builder.zext(found, _LINE)
                found = builder.add(found, _spread(builder, base))
                builder.store(found, _at(builder, out, _LINE, loop.index), align=8)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), code

    return kernel


read8, read16, read32, read64 = _read(1), _read(2), _read(4), _read(8)


@_intrinsic
def summed(typing: Any, bits: Any, worth: Any, word: Any, out: Any) -> Any:
    """Add a number to eight words' worth of numbers, from a word on, where a bit of eight words is set."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits, worth, word, out = arguments
        first = builder.mul(word, ir.Constant(_LONG, 64 // EIGHT))
        with cgutils.for_range(builder, ir.Constant(_LONG, 64), intp=_LONG) as loop:
            byte = builder.load(_at(builder, bits, _BYTE, loop.index))
            which = builder.bitcast(byte, ir.VectorType(ir.IntType(1), EIGHT))
            place = _at(builder, out, _LINE, builder.add(first, loop.index))
            more = builder.select(which, _spread(builder, worth), _all(0))
            builder.store(builder.add(builder.load(place, align=8), more), place, align=8)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 4), code
