"""The kernel that computes expressions over whole numbers, a span of customers at a time.

A *register* holds what an expression is for a span: numbers, or truth values as bits, and bits of who has
a known one. Instructions read registers and write a new one; the first registers hold constants. What may
not fit 64 bits is not made a program (`arithmetic`), so nothing is checked here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64

from quanke.segments.index.kernels import MOST, following
from quanke.segments.index.lanes import (
    SPAN,
    added,
    at_most,
    equal,
    floored,
    left,
    less,
    multiplied,
    picked,
    read8,
    read16,
    read32,
    read64,
    rounded,
    sized,
    subtracted,
    summed,
    unlike,
)
from quanke.segments.index.machine import LINE, compiled, finished, inlined, load64, store64

NUMBERS = SPAN * 8
"""Bytes of the numbers of a register; its bits of who is known follow."""
REGISTER = NUMBERS + SPAN // 8
WORDS = SPAN // 64

# instructions: operation, register that is written, and up to five more numbers
READ, PLANES, LOOK = 0, 1, 2
ADD, SUBTRACT, MULTIPLY, SIZE, FLOOR, LEFT, ROUND, LEAST, GREATEST = range(3, 12)
EQUAL, LESS, AT_MOST, SAME, BOTH, EITHER, OPPOSITE, UNKNOWN, TRUE, CHOOSE_NUMBER, CHOOSE_TRUTH = range(12, 23)
FIELDS = 7
ALL = 2**64 - 1


@inlined
def known_of(target: Any, null: Any, has: Any) -> Any:
    """Say who is known: all, or all whose number is not the one that stands for unknown."""
    if has != 0:
        unlike(target, null, target + NUMBERS)
    else:
        for i in range(WORDS):
            store64(target + NUMBERS, i, uint64(ALL))


@inlined
def fetched(rows: Any, at: Any, target: Any, first: Any) -> Any:
    """The numbers of a column from a word on."""
    source, width, base = rows[at, 2], rows[at, 3], rows[at, 4]
    if rows[at, 0] == READ:
        codes = source + first * 64 * width
        if width == 1:
            read8(codes, base, target)
        elif width == 2:
            read16(codes, base, target)
        elif width == 4:
            read32(codes, base, target)
        else:
            read64(codes, base, target)
    else:
        for i in range(SPAN):
            store64(target, i, uint64(base))
        for line in range(WORDS // LINE):
            planes = source + (first + line * LINE) * width * 8
            for plane in range(width):
                summed(planes + plane * LINE * 8, 1 << plane, line * LINE, target)
    known_of(target, rows[at, 5], rows[at, 6])


@inlined
def number(operation: Any, a: Any, b: Any, target: Any) -> Any:
    """Numbers of numbers."""
    if operation == ADD:
        added(a, b, target)
    elif operation == SUBTRACT:
        subtracted(a, b, target)
    elif operation == MULTIPLY:
        multiplied(a, b, target)
    elif operation == SIZE:
        sized(a, b, target)
    elif operation == FLOOR:
        floored(a, b, target)
    elif operation == LEFT:
        left(a, b, target)
    else:
        rounded(a, b, target)
    if operation >= FLOOR:  # a quotient; nobody has one by zero
        unlike(b, 0, target + NUMBERS)
    else:
        for i in range(WORDS):
            store64(target + NUMBERS, i, uint64(ALL))
    for i in range(WORDS):
        known = load64(a + NUMBERS, i) & load64(b + NUMBERS, i)
        store64(target + NUMBERS, i, load64(target + NUMBERS, i) & known)


@inlined
def better(operation: Any, a: Any, b: Any, target: Any) -> Any:
    """The least or the greatest of the known ones of two numbers."""
    if operation == LEAST:
        less(b, a, target + NUMBERS)
    else:
        less(a, b, target + NUMBERS)
    for i in range(WORDS):
        first, second = load64(a + NUMBERS, i), load64(b + NUMBERS, i)
        taken_ = first & (~second | ~load64(target + NUMBERS, i))
        store64(target + NUMBERS, i, taken_)
    picked(target + NUMBERS, a, b, target)
    for i in range(WORDS):
        store64(target + NUMBERS, i, load64(a + NUMBERS, i) | load64(b + NUMBERS, i))


@inlined
def compared(operation: Any, a: Any, b: Any, target: Any) -> Any:
    """Truth values of two numbers, or of two truth values."""
    if operation == EQUAL:
        equal(a, b, target)
    elif operation == LESS:
        less(a, b, target)
    elif operation == AT_MOST:
        at_most(a, b, target)
    else:
        for i in range(WORDS):
            store64(target, i, ~(load64(a, i) ^ load64(b, i)))
    for i in range(WORDS):
        known = load64(a + NUMBERS, i) & load64(b + NUMBERS, i)
        store64(target, i, load64(target, i) & known)
        store64(target + NUMBERS, i, known)


@inlined
def logic(operation: Any, a: Any, b: Any, target: Any) -> Any:
    """Truth values of truth values; true ones are known. UNKNOWN and TRUE (is not zero) read numbers."""
    if operation == TRUE:
        unlike(a, 0, target)
    for i in range(WORDS):
        first, second = load64(a, i), load64(b, i)
        one, other = load64(a + NUMBERS, i), load64(b + NUMBERS, i)
        if operation == BOTH:
            true = first & second
            known = true | (one & ~first) | (other & ~second)
        elif operation == EITHER:
            true = first | second
            known = true | (one & other)
        elif operation == OPPOSITE:
            true, known = one & ~first, one
        elif operation == UNKNOWN:
            true, known = ~one, uint64(ALL)
        else:
            true, known = load64(target, i) & one, one
        store64(target, i, true)
        store64(target + NUMBERS, i, known)


@inlined
def chosen(operation: Any, bits: Any, a: Any, b: Any, target: Any) -> Any:
    """What is at `a` where a truth value is true, and what is at `b` elsewhere."""
    if operation == CHOOSE_NUMBER:
        picked(bits, a, b, target)
    for i in range(WORDS):
        which = load64(bits, i)
        if operation == CHOOSE_TRUTH:
            store64(target, i, (load64(a, i) & which) | (load64(b, i) & ~which))
        known = (load64(a + NUMBERS, i) & which) | (load64(b + NUMBERS, i) & ~which)
        store64(target + NUMBERS, i, known)


@compiled
def compute(
    rows: Any, constants: Any, answers: Any, there: Any, memory: Any, total_words: Any, shared: Any,
    last: Any,
) -> Any:  # fmt: skip
    """Compute expressions over chunks; `shared` and `last` are as for `kernels.run`.

    `rows`: int64 rows of FIELDS. `constants`: int64 rows (value, whether it is known), the first registers.
    `answers`: int64 rows (register, 1 for who is known and 0 for who it is true for, address of the words to
    write). `there`: address of the words of customers in question: spans without any are passed over.
    """
    for n in range(constants.shape[0]):
        register = memory + n * REGISTER
        for i in range(SPAN):
            store64(register, i, uint64(constants[n, 0]))
        for i in range(WORDS):
            store64(register + NUMBERS, i, uint64(ALL) * uint64(constants[n, 1]))
    chunks = (total_words + MOST - 1) // MOST
    chunk = following(0, chunks, last, shared)
    while chunk < chunks:
        start = chunk * MOST
        for first in range(start, min(start + MOST, total_words), WORDS):
            asked = uint64(0)
            for i in range(WORDS):
                asked |= load64(there, first + i)
            if asked == 0:
                continue
            for at in range(rows.shape[0]):
                operation = rows[at, 0]
                target = memory + rows[at, 1] * REGISTER
                if operation <= PLANES:
                    fetched(rows, at, target, first)
                    continue
                a = memory + rows[at, 2] * REGISTER
                b = memory + rows[at, 3] * REGISTER
                if operation == LOOK:
                    for i in range(SPAN):
                        store64(target, i, load64(rows[at, 3], np.int64(load64(a, i))))
                    known_of(target, rows[at, 5], rows[at, 6])
                elif operation <= ROUND:
                    number(operation, a, b, target)
                elif operation <= GREATEST:
                    better(operation, a, b, target)
                elif operation <= SAME:
                    compared(operation, a, b, target)
                elif operation <= TRUE:
                    logic(operation, a, b, target)
                else:
                    chosen(operation, a, b, memory + rows[at, 4] * REGISTER, target)
            for n in range(answers.shape[0]):
                bits = memory + answers[n, 0] * REGISTER + answers[n, 1] * NUMBERS
                for i in range(WORDS):
                    store64(answers[n, 2], first + i, load64(bits, i))
        finished(shared, 1 + chunk, 1)
        chunk = following(chunk, chunks, last, shared)
