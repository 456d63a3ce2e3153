"""The kernels of the audience index: one that runs any program over blocks of customers, and those that
build columns.

A *word* is 64 customers, one bit each; a *line* is eight words; a *block* is `WORDS` words. The planes of a
column lie line by line: all planes of the first 512 customers, then all of the next, so that a condition
reads straight on, and what nobody is in question of is not read.

The program (`run`) keeps for each block a stack of masks. On top lie the customers still in question;
every condition takes away those it is not true for, so what is unlikely or cheap to read comes first and
the rest is looked at only where somebody is left: whole blocks are skipped, and a handful of customers are
looked up one by one by their codes instead of reading planes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64

from quanke.segments.index.machine import (
    LINE,
    bounded,
    compiled,
    inlined,
    load8,
    load16,
    load32,
    load64,
    lowest,
    matched,
    ones,
    store16,
    store64,
)

WORDS = 64
"""Words of a block."""
BLOCK = WORDS * 64
"""Customers of a block."""
FEW = 24
"""So many customers of a block, or fewer, are looked up one by one."""
STRIDE = WORDS * 8
"""Bytes of a mask over a block."""
LINES = WORDS // LINE
SCRATCH = BLOCK + 2 * WORDS
"""Words a thread needs beside masks."""

# instructions of a program: operation, level of the stack, leaf, where to go when nobody is left
LEAF, SPLIT, BRANCH, JOIN, MERGED = 0, 1, 2, 3, 4
# steps that make masks of planes: (CHOOSE, target, plane, mask where it is set, mask where it is not),
# (EITHER, target, mask, mask, 0), (RANGE, target, address of bounds, mask of those in doubt, 0),
# (EQUAL, target, address of bits, how many numbers, 0)
CHOOSE, EITHER, RANGE, EQUAL = 0, 1, 2, 3
# fields of a leaf
PLANES, PLANE_COUNT, CODES, WIDTH, FIRST, LAST, INSIDE, DOUBT, CUTS, CUT_COUNT, TABLE, PLAIN = range(12)
FIELDS = 12


@inlined
def code_at(address: Any, width: Any, place: Any) -> Any:
    """A customer's code."""
    if width == 1:
        return load8(address, place)
    if width == 2:
        return load16(address, place)
    if width == 4:
        return load32(address, place)
    return load64(address, place)


@inlined
def gathered(codes: Any, width: Any, scratch: Any, count: Any) -> Any:
    """Replace `count` numbers of customers by their codes. A loop of nothing else, so that the processor
    waits for many of them at once."""
    if width == 1:
        for n in range(count):
            store64(scratch, n, load8(codes, np.int64(load64(scratch, n))))
    elif width == 2:
        for n in range(count):
            store64(scratch, n, load16(codes, np.int64(load64(scratch, n))))
    elif width == 4:
        for n in range(count):
            store64(scratch, n, load32(codes, np.int64(load64(scratch, n))))
    else:
        for n in range(count):
            store64(scratch, n, load64(codes, np.int64(load64(scratch, n))))


@inlined
def judged(scratch: Any, count: Any, cuts: Any, cut_count: Any, table: Any) -> Any:
    """Replace `count` codes by 1 where they belong to a set and 0 where not: by their bit in a table, or
    by how many cuts are not above them."""
    if table != 0:
        for n in range(count):
            code = load64(scratch, n)
            word = load64(table, np.int64(code >> uint64(6)))
            store64(scratch, n, (word >> (code & uint64(63))) & uint64(1))
    elif cut_count <= 2:
        low = load64(cuts, 0)
        span = load64(cuts, cut_count - 1) - low
        if cut_count == 1:
            span = ~low + uint64(1)
        for n in range(count):
            store64(scratch, n, uint64(load64(scratch, n) - low < span))
    else:
        for n in range(count):
            code = load64(scratch, n)
            low = 0
            high = cut_count
            while low < high:
                middle = (low + high) >> 1
                if load64(cuts, middle) <= code:
                    low = middle + 1
                else:
                    high = middle
            store64(scratch, n, uint64(low & 1))


@inlined
def looked_up(mask: Any, doubt: Any, scratch: Any, planned: Any, leaf: Any, first: Any) -> Any:
    """Add to a mask over a block those in the mask `doubt` whose code belongs to the leaf's set."""
    listed = scratch + BLOCK * 8
    words: Any = 0
    for i in range(WORDS):
        store64(listed, words, uint64(i))
        words += np.int64(load64(doubt, i) != 0)
    count = 0
    for n in range(words):
        at = np.int64(load64(listed, n))
        word = load64(doubt, at)
        while word != 0:
            store64(scratch, count, uint64(first + at * 64 + np.int64(lowest(word))))
            word &= word - uint64(1)
            count += 1
    gathered(planned[leaf, CODES], planned[leaf, WIDTH], scratch, count)
    judged(scratch, count, planned[leaf, CUTS], planned[leaf, CUT_COUNT], planned[leaf, TABLE])
    count = 0
    for n in range(words):
        at = np.int64(load64(listed, n))
        word = load64(doubt, at)
        kept = load64(mask, at)
        while word != 0:
            kept |= load64(scratch, count) << lowest(word)
            word &= word - uint64(1)
            count += 1
        store64(mask, at, kept)


@inlined
def stepped(planes: Any, count: Any, mask: Any, masks: Any, steps: Any, first: Any, last: Any) -> Any:
    """Run the steps that make masks of the planes of one block, for the customers in a mask."""
    for s in range(first, last):
        kind = steps[s, 0]
        target = masks + steps[s, 1] * STRIDE
        a = steps[s, 2]
        b = masks + steps[s, 3] * STRIDE
        if kind == RANGE:
            bounded(planes, count, LINES, a, mask, target, b)
        elif kind == EQUAL:
            matched(planes, count, LINES, a, steps[s, 3], mask, target)
        elif kind == CHOOSE:
            c = masks + steps[s, 4] * STRIDE
            for line in range(LINES):
                plane = planes + (line * count + a) * LINE * 8
                for i in range(LINE):
                    low = load64(c, line * LINE + i)
                    high = load64(b, line * LINE + i)
                    store64(target, line * LINE + i, low ^ (load64(plane, i) & (high ^ low)))
        else:
            for i in range(WORDS):
                store64(target, i, load64(masks + a * STRIDE, i) | load64(b, i))


@inlined
def narrowed(mask: Any, masks: Any, scratch: Any, planned: Any, leaf: Any, steps: Any, block: Any) -> Any:
    """Take away from a mask over a block those a leaf is not true for. Returns a word that is zero when
    nobody is left."""
    planes = planned[leaf, PLANES] + block * planned[leaf, PLANE_COUNT] * STRIDE
    left = uint64(0)
    plain = planned[leaf, PLAIN]
    if plain == 1:
        for i in range(WORDS):
            word = load64(mask, i) & load64(planes, i)
            store64(mask, i, word)
            left |= word
        return left
    if plain == 2:
        for i in range(WORDS):
            word = load64(mask, i) & ~load64(planes, i)
            store64(mask, i, word)
            left |= word
        return left
    inside = masks + 2 * STRIDE
    doubt = masks + STRIDE
    few = False
    if planned[leaf, WIDTH] != 0:
        there = uint64(0)
        for i in range(WORDS):
            there += ones(load64(mask, i))
        few = there <= uint64(FEW)
    unsure = few
    if few:
        for i in range(WORDS):
            store64(doubt, i, load64(mask, i))
    else:
        stepped(
            planes, planned[leaf, PLANE_COUNT], mask, masks, steps, planned[leaf, FIRST], planned[leaf, LAST]
        )
        inside = masks + planned[leaf, INSIDE] * STRIDE
        if planned[leaf, DOUBT] >= 0:
            doubt = masks + planned[leaf, DOUBT] * STRIDE
            unsure = True
            for i in range(WORDS):
                store64(doubt, i, load64(doubt, i) & load64(mask, i))
    for i in range(WORDS):
        word = load64(mask, i) & load64(inside, i)
        store64(mask, i, word)
        left |= word
    if unsure:
        looked_up(mask, doubt, scratch, planned, leaf, block * BLOCK)
        for i in range(WORDS):
            left |= load64(mask, i)
    return left


@compiled
def run(
    program: Any,
    planned: Any,
    steps: Any,
    there: Any,
    stack: Any,
    masks: Any,
    scratch: Any,
    first: Any,
    last: Any,
    out: Any,
) -> Any:
    """Run a program over blocks `first` to `last - 1`; returns how many customers it is true for.

    `program`: int64 rows (operation, level, leaf, target). `planned`: int64, a row of FIELDS for each leaf.
    `steps`: int64 rows (kind, target, a, b, c). `there`: address of the words of customers who exist.
    `stack`, `masks`, `scratch`: addresses of memory to work in; the first two masks are for the kernel
    (only the second is used), the third is all zeros, the fourth all ones; `scratch` holds SCRATCH words.
    `out`: address for the words of those it is true for, or 0.
    """
    total = uint64(0)
    length = program.shape[0]
    for block in range(first, last):
        base = there + block * STRIDE
        for i in range(WORDS):
            store64(stack, i, load64(base, i))
        at = 0
        while at < length:
            operation = program[at, 0]
            mask = stack + program[at, 1] * STRIDE
            at += 1
            if operation == LEAF:
                left = narrowed(mask, masks, scratch, planned, program[at - 1, 2], steps, block)
                if left == 0:
                    at = program[at - 1, 3]
            elif operation == SPLIT:
                for i in range(WORDS):
                    store64(mask + STRIDE, i, uint64(0))
            elif operation == BRANCH:
                for i in range(WORDS):
                    store64(mask + 2 * STRIDE, i, load64(mask, i))
            elif operation == JOIN:
                left = uint64(0)
                for i in range(WORDS):
                    found = load64(mask + 2 * STRIDE, i)
                    rest = load64(mask, i) & ~found
                    store64(mask + STRIDE, i, load64(mask + STRIDE, i) | found)
                    store64(mask, i, rest)
                    left |= rest
                if left == 0:
                    at = program[at - 1, 3]
            else:
                left = uint64(0)
                for i in range(WORDS):
                    word = load64(mask + STRIDE, i)
                    store64(mask, i, word)
                    left |= word
                if left == 0:
                    at = program[at - 1, 3]
        for i in range(WORDS):
            total += ones(load64(stack, i))
        if out != 0:
            for i in range(WORDS):
                store64(out + block * STRIDE, i, load64(stack, i))
    return total


@compiled
def pack(
    codes: Any,
    width: Any,
    rows: Any,
    edges: Any,
    planes: Any,
    first: Any,
    last: Any,
    out: Any,
    counts: Any,
    there: Any,
) -> Any:
    """Write the planes of blocks `first` to `last - 1`, and add to `counts` how many customers who exist
    have each code, or fall into each bucket.

    `codes`: address; `width`: bytes of a code; `edges`: uint64, the first code of each bucket, or empty
    where a code is its own bucket. Customers past `rows` have bucket 0 and are not counted.
    """
    buckets = edges.shape[0]
    for block in range(first, last):
        base = out + block * planes * STRIDE
        for i in range(WORDS):
            line = base + (i // LINE) * planes * LINE * 8
            word_at = i % LINE
            for p in range(planes):
                store64(line, p * LINE + word_at, uint64(0))
            start = block * BLOCK + i * 64
            exist = load64(there, block * WORDS + i)
            for bit in range(min(64, rows - start)):
                code = code_at(codes, width, start + bit)
                bucket = code
                if buckets > 0:
                    low = 0
                    high = buckets
                    while low < high:
                        middle = (low + high) >> 1
                        if edges[middle] <= code:
                            low = middle + 1
                        else:
                            high = middle
                    bucket = uint64(low - 1)
                counts[bucket] += np.int64((exist >> uint64(bit)) & uint64(1))
                for p in range(planes):
                    word = load64(line, p * LINE + word_at)
                    word |= ((bucket >> uint64(p)) & uint64(1)) << uint64(bit)
                    store64(line, p * LINE + word_at, word)


@compiled
def unpack(planes: Any, count: Any, first: Any, last: Any, out: Any) -> Any:
    """Buckets of the customers of blocks `first` to `last - 1`, read back from planes, as 16-bit numbers."""
    for block in range(first, last):
        base = planes + block * count * STRIDE
        for i in range(WORDS):
            start = (block - first) * BLOCK + i * 64
            for bit in range(64):
                store16(out, start + bit, uint64(0))
            for p in range(count):
                word = load64(base, ((i // LINE) * count + p) * LINE + i % LINE)
                while word != 0:
                    bit = lowest(word)
                    word &= word - uint64(1)
                    there = start + np.int64(bit)
                    store16(out, there, load16(out, there) | (uint64(1) << uint64(p)))


@compiled
def places(words: Any, count: Any, out: Any) -> Any:
    """Numbers of the customers whose bits are set in `count` words, rising; returns how many."""
    found = 0
    for i in range(count):
        word = load64(words, i)
        while word != 0:
            out[found] = i * 64 + np.int64(lowest(word))
            word &= word - uint64(1)
            found += 1
    return found


@compiled
def tallied(words: Any, first: Any, last: Any, codes: Any, width: Any, counts: Any) -> Any:
    """Add to `counts` how many of the customers whose bits are set in words `first` to `last - 1` have
    each code."""
    for i in range(first, last):
        word = load64(words, i)
        while word != 0:
            bit = lowest(word)
            word &= word - uint64(1)
            counts[code_at(codes, width, i * 64 + np.int64(bit))] += 1


@compiled
def set_bits(flags: Any, rows: Any, out: Any) -> Any:
    """Words of truth values given as bytes (0 or 1); bits past `rows` are not set. `out` holds zeros."""
    for i in range((rows + 63) // 64):
        word = uint64(0)
        for bit in range(min(64, rows - i * 64)):
            word |= (load8(flags, i * 64 + bit) & uint64(1)) << uint64(bit)
        store64(out, i, word)
