"""The kernels of the audience index: one that runs any program over chunks of customers, and those that
build columns.

A *word* is 64 customers, one bit each; a *line* is eight words; a *block* is `WORDS` words: files end with
a whole one. The planes of a column lie line by line: all planes of the first 512 customers, then all of the
next, so that a condition reads straight on, and what nobody is in question of is not read.

The program (`run`) keeps for each chunk of blocks a stack of masks. On top lie the customers still in
question; every condition takes away those it is not true for, so what is unlikely or cheap to read comes
first and the rest is looked at only where somebody is left: whole chunks are skipped, and so are lines.
Threads take the next chunk when they are done with one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64

from quanke.segments.index.machine import (
    LINE,
    chosen,
    compiled,
    fetched,
    finished,
    inlined,
    load8,
    load16,
    load32,
    load64,
    lowest,
    ones,
    seen,
    sifted,
    store16,
    store64,
    taken,
)

WORDS = 64
"""Words of a block."""
BLOCK = WORDS * 64
"""Customers of a block."""
CHUNK = 8
"""Blocks of a chunk, which a thread works on at a time."""
MOST = CHUNK * WORDS
"""Words of a chunk."""
STRIDE = MOST * 8
"""Bytes of a mask over a chunk."""
SCRATCH = MOST + 2 * MOST * 64
"""Words a thread needs to look up the customers of a chunk by their codes."""

# instructions of a program: operation, level of the stack, leaf, where to go when nobody is left
LEAF, SPLIT, BRANCH, JOIN, MERGED = 0, 1, 2, 3, 4
# fields of a leaf
PLAIN, PLANES, PLANE_COUNT, CODES, WIDTH, LOOK, CUTS, CUT_COUNT, TABLE = range(9)
BOUNDS, LIMITS, SINGLES, NODES, NODE_COUNT, WITHIN, UNSURE = range(9, 16)
FIELDS = 16


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
    by how many cuts are not above them. Of many cuts, all codes take the same steps together, without a
    branch that would have to be guessed."""
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
        places = scratch + MOST * 64 * 8
        for n in range(count):
            store64(places, n, uint64(0))
        left = cut_count
        while left > 1:
            half = left >> 1
            for n in range(count):
                place = np.int64(load64(places, n))
                below = uint64(load64(cuts, place + half - 1) <= load64(scratch, n))
                store64(places, n, uint64(place) + below * uint64(half))
            left -= half
        for n in range(count):
            place = np.int64(load64(places, n))
            below = uint64(load64(cuts, place) <= load64(scratch, n))
            store64(scratch, n, (uint64(place) + below) & uint64(1))


@inlined
def looked_up(mask: Any, doubt: Any, scratch: Any, planned: Any, leaf: Any, first: Any, words: Any) -> Any:
    """Add to a mask those in the mask `doubt` whose code belongs to the leaf's set."""
    listed = scratch + 2 * MOST * 64 * 8
    held: Any = 0
    for i in range(words):
        store64(listed, held, uint64(i))
        held += np.int64(load64(doubt, i) != 0)
    count = 0
    for n in range(held):
        at = np.int64(load64(listed, n))
        word = load64(doubt, at)
        while word != 0:
            store64(scratch, count, uint64(first + at * 64 + np.int64(lowest(word))))
            word &= word - uint64(1)
            count += 1
    gathered(planned[leaf, CODES], planned[leaf, WIDTH], scratch, count)
    judged(scratch, count, planned[leaf, CUTS], planned[leaf, CUT_COUNT], planned[leaf, TABLE])
    count = 0
    for n in range(held):
        at = np.int64(load64(listed, n))
        word = load64(doubt, at)
        kept = load64(mask, at)
        while word != 0:
            kept |= load64(scratch, count) << lowest(word)
            word &= word - uint64(1)
            count += 1
        store64(mask, at, kept)


@inlined
def narrowed(mask: Any, inside: Any, scratch: Any, planned: Any, leaf: Any, first: Any, words: Any) -> Any:
    """Take away from a mask over the words from `first` on those a leaf is not true for. Returns a word
    that is zero when nobody is left."""
    count = planned[leaf, PLANE_COUNT]
    planes = planned[leaf, PLANES] + first * count * 8
    left = uint64(0)
    plain = planned[leaf, PLAIN]
    if plain != 0:
        for line in range(words // LINE):  # the next chunk's
            fetched(planes, STRIDE + line * LINE * 8)
        turned = uint64(0)
        if plain == 2:
            turned = ~uint64(0)
        for i in range(words):
            word = load64(mask, i) & (load64(planes, i) ^ turned)
            store64(mask, i, word)
            left |= word
        return left
    doubt = inside + STRIDE
    if planned[leaf, LOOK] != 0:
        for i in range(words):
            store64(doubt, i, load64(mask, i))
            store64(inside, i, uint64(0))
    elif planned[leaf, NODE_COUNT] != 0:
        chosen(
            planes, count, words // LINE, planned[leaf, NODES], planned[leaf, NODE_COUNT],
            planned[leaf, WITHIN], planned[leaf, UNSURE], mask, inside, doubt, scratch + SCRATCH * 8,
        )  # fmt: skip
    else:
        sifted(
            planes, count, words // LINE, planned[leaf, BOUNDS], planned[leaf, LIMITS],
            planned[leaf, SINGLES], mask, inside, doubt,
        )  # fmt: skip
    unsure = uint64(0)
    for i in range(words):
        word = load64(inside, i)
        store64(mask, i, word)
        left |= word
        unsure |= load64(doubt, i)
    if unsure != 0:
        looked_up(mask, doubt, scratch, planned, leaf, first * 64, words)
        for i in range(words):
            left |= load64(mask, i)
    return left


@inlined
def following(chunk: Any, chunks: Any, last: Any, shared: Any) -> Any:
    """The chunk to be done next: one that nobody has taken or, for the thread that ends the job, one that
    another thread has taken and not done yet. `chunks` when there is none. `chunk`: the one before."""
    if chunk < chunks:
        chunk = taken(shared)
    if chunk >= chunks and last != 0:
        for late in range(chunks):
            if seen(shared, 1 + late) == 0:
                return late
    return min(chunk, chunks)


@compiled
def run(
    program: Any, planned: Any, there: Any, memory: Any, levels: Any, total_words: Any, shared: Any,
    last: Any, out: Any,
) -> Any:  # fmt: skip
    """Run a program over chunks that no other thread has taken and, for the `last` one, those that others
    have not done: it does not wait for a thread that the processor has left.

    `program`: int64 rows (operation, level, leaf, target). `planned`: int64, a row of FIELDS for each leaf.
    `there`: address of the words of customers who exist. `memory`: address of `levels + 2` masks, SCRATCH
    words and the lines of the largest diagram. `shared`: address of a word that counts chunks as they are
    taken and, for each chunk, one that becomes how many customers the program is true for, and one more.
    `out`: address for the words of those, or 0.
    """
    length = program.shape[0]
    inside = memory + levels * STRIDE
    scratch = inside + 2 * STRIDE
    chunks = (total_words + MOST - 1) // MOST
    chunk = following(0, chunks, last, shared)
    while chunk < chunks:
        first = chunk * MOST
        words = min(MOST, total_words - first)
        base = there + first * 8
        for i in range(words):
            store64(memory, i, load64(base, i))
        at = 0
        while at < length:
            operation = program[at, 0]
            mask = memory + program[at, 1] * STRIDE
            at += 1
            left = uint64(1)
            if operation == LEAF:
                left = narrowed(mask, inside, scratch, planned, program[at - 1, 2], first, words)
            elif operation == SPLIT:
                for i in range(words):
                    store64(mask + STRIDE, i, uint64(0))
            elif operation == BRANCH:
                for i in range(words):
                    store64(mask + 2 * STRIDE, i, load64(mask, i))
            elif operation == JOIN:
                left = uint64(0)
                for i in range(words):
                    found = load64(mask + 2 * STRIDE, i)
                    rest = load64(mask, i) & ~found
                    store64(mask + STRIDE, i, load64(mask + STRIDE, i) | found)
                    store64(mask, i, rest)
                    left |= rest
            else:
                left = uint64(0)
                for i in range(words):
                    word = load64(mask + STRIDE, i)
                    store64(mask, i, word)
                    left |= word
            if left == 0:
                at = program[at - 1, 3]
        count = uint64(1)
        for i in range(words):
            count += ones(load64(memory, i))
        if out != 0:
            for i in range(words):
                store64(out + first * 8, i, load64(memory, i))
        finished(shared, 1 + chunk, np.int64(count))
        chunk = following(chunk, chunks, last, shared)


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
        base = out + block * planes * WORDS * 8
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
        base = planes + block * count * WORDS * 8
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
