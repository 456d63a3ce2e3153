"""Passes over all edges, compiled. Each works on customers `low` to `high - 1` and writes only to what is
given to it, so that several may run at once; results do not depend on how many do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


def compiled(function: Callable[..., Any]) -> Any:
    """Machine code that runs without Python's lock, kept on disk where it can be."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


@compiled
def rising(customer: NDArray[Any], post: NDArray[Any]) -> bool:
    """Whether edges stand in the order of customer and post, none twice."""
    for i in range(1, len(customer)):
        if customer[i] < customer[i - 1] or (customer[i] == customer[i - 1] and post[i] <= post[i - 1]):
            return False
    return True


@compiled
def smoothed(start, post, cost, load, price, delta, low, high, stride, most, usage, pairs, values):  # type: ignore[no-untyped-def]
    """Shares of the smoothed choice at some prices.

    Customer i spreads himself over his edges with shares x that minimise sum(x * r) + delta / 2 * sum(x^2),
    r = cost + price * load (a projection on the simplex, "sparsemax", by sorting). Adds loads to `usage`,
    writes pairs of posts (`pairs`, `values`, as far as there is room) that make up the curvature. Returns the
    sum of the minima and how many pairs there are.
    """
    total, count = 0.0, 0
    edge = np.empty(most, np.int64)
    reduced = np.empty(most)
    weighted = len(load) > 1
    room = len(values)
    for i in range(low, high, stride):
        first, last = start[i], start[i + 1]
        least = np.inf
        for e in range(first, last):
            r = cost[e] + price[post[e]] * (load[e] if weighted else 1.0)
            if r < least:
                least = r
        near = 0
        for e in range(first, last):
            r = cost[e] + price[post[e]] * (load[e] if weighted else 1.0)
            if r < least + delta:
                at = near
                while at > 0 and reduced[at - 1] > r:
                    reduced[at], edge[at] = reduced[at - 1], edge[at - 1]
                    at -= 1
                reduced[at], edge[at] = r, e
                near += 1
        level, size, summed = 0.0, 0, delta
        for k in range(near):
            summed += reduced[k]
            if summed / (k + 1) <= reduced[k]:
                break
            level, size = summed / (k + 1), k + 1
        for a in range(size):
            share = (level - reduced[a]) / delta
            total += share * reduced[a] + 0.5 * delta * share * share
            usage[post[edge[a]]] += share * (load[edge[a]] if weighted else 1.0)
        if size > 1 and count + size * size <= room:
            for a in range(size):
                wa = load[edge[a]] if weighted else 1.0
                for b in range(size):
                    wb = load[edge[b]] if weighted else 1.0
                    pairs[count, 0], pairs[count, 1] = post[edge[a]], post[edge[b]]
                    values[count] = wa * wb * ((1.0 if a == b else 0.0) - 1.0 / size) / delta
                    count += 1
    return total, count


@compiled
def best(start, post, cost, load, price, low, high, chosen, margin, usage):  # type: ignore[no-untyped-def]
    """The best edge of each customer at some prices (of equals the first), and by how much it is better than
    the next. Adds loads to `usage`; returns the sum of the minima."""
    total = 0.0
    weighted = len(load) > 1
    for i in range(low, high):
        least, second, at = np.inf, np.inf, start[i]
        for e in range(start[i], start[i + 1]):
            r = cost[e] + price[post[e]] * (load[e] if weighted else 1.0)
            if r < least:
                least, second, at = r, least, e
            elif r < second:
                second = r
        chosen[i], margin[i] = at, second - least
        usage[post[at]] += load[at] if weighted else 1.0
        total += least
    return total


@compiled
def spread(start, cost, low, high, stride, out):  # type: ignore[no-untyped-def]
    """How much dearer each customer's second edge is than his first; 0 for who has one."""
    for at, i in enumerate(range(low, high, stride)):
        least, second = np.inf, np.inf
        for e in range(start[i], start[i + 1]):
            if cost[e] < least:
                least, second = cost[e], least
            elif cost[e] < second:
                second = cost[e]
        out[at] = second - least if second < np.inf else 0.0


@compiled
def relieve(start, post, cost, load, price, capacity, chosen, usage, order):  # type: ignore[no-untyped-def]
    """Move customers out of posts that are too full, in the given order, each to the post with room that is
    best at the prices. Returns how many moved."""
    moved = 0
    weighted = len(load) > 1
    for i in order:
        now = chosen[i]
        here = post[now]
        if usage[here] <= capacity[here]:
            continue
        least, at = np.inf, -1
        for e in range(start[i], start[i + 1]):
            there = post[e]
            w = load[e] if weighted else 1.0
            if there != here and usage[there] + w <= capacity[there]:
                r = cost[e] + price[there] * w
                if r < least:
                    least, at = r, e
        if at >= 0:
            usage[here] -= load[now] if weighted else 1.0
            usage[post[at]] += load[at] if weighted else 1.0
            chosen[i] = at
            moved += 1
    return moved


@compiled
def escapes(start, post, cost, load, price, capacity, chosen, usage, out):  # type: ignore[no-untyped-def]
    """For each customer of a post that is too full: what leaving it for the best post with room costs at the
    prices, for each unit of load it frees; infinite where there is none, or no need."""
    weighted = len(load) > 1
    for i in range(len(chosen)):
        now = chosen[i]
        here = post[now]
        out[i] = np.inf
        if usage[here] <= capacity[here]:
            continue
        mine = load[now] if weighted else 1.0
        if mine == 0:
            continue
        base = cost[now] + price[here] * mine
        for e in range(start[i], start[i + 1]):
            there = post[e]
            w = load[e] if weighted else 1.0
            if there != here and usage[there] + w <= capacity[there]:
                dear = (cost[e] + price[there] * w - base) / mine
                if dear < out[i]:
                    out[i] = dear


@compiled
def improve(start, post, cost, load, capacity, chosen, usage, order):  # type: ignore[no-untyped-def]
    """Move customers, in the given order, to a cheaper post with room. Returns how many moved."""
    moved = 0
    weighted = len(load) > 1
    for i in order:
        now = chosen[i]
        least, at = cost[now], -1
        for e in range(start[i], start[i + 1]):
            w = load[e] if weighted else 1.0
            there = post[e]
            if there != post[now] and cost[e] < least and usage[there] + w <= capacity[there]:
                least, at = cost[e], e
        if at >= 0:
            usage[post[now]] -= load[now] if weighted else 1.0
            usage[post[at]] += load[at] if weighted else 1.0
            chosen[i] = at
            moved += 1
    return moved


@compiled
def exchange(start, post, cost, load, capacity, chosen, usage, order, members, first, limit):  # type: ignore[no-untyped-def]
    """Let customers, in the given order, change places with one of those at a cheaper post, where both fit
    and the two together are cheaper. `members` are customers by post, from `first[j]` to `first[j + 1]`, as
    they stood before; at most `limit` of a post are looked at. Returns how many pairs changed."""
    moved = 0
    weighted = len(load) > 1
    for i in order:
        now = chosen[i]
        here = post[now]
        mine = load[now] if weighted else 1.0
        saved, mine_at, other, other_at = 0.0, -1, -1, -1
        for e in range(start[i], start[i + 1]):
            there = post[e]
            if there == here or cost[e] >= cost[now]:
                continue
            w = load[e] if weighted else 1.0
            for m in range(first[there], min(first[there + 1], first[there] + limit)):
                k = members[m]
                held = chosen[k]
                if post[held] != there or k == i:
                    continue
                theirs = load[held] if weighted else 1.0
                if usage[there] - theirs + w > capacity[there]:
                    continue
                for f in range(start[k], start[k + 1]):
                    if post[f] == here:
                        back = load[f] if weighted else 1.0
                        gain = cost[now] - cost[e] + cost[held] - cost[f]
                        if gain > saved + 1e-12 and usage[here] - mine + back <= capacity[here]:
                            saved, mine_at, other, other_at = gain, e, k, f
                        break
        if mine_at >= 0:
            there, held = post[mine_at], chosen[other]
            usage[here] += (load[other_at] if weighted else 1.0) - mine
            usage[there] += (load[mine_at] if weighted else 1.0) - (load[held] if weighted else 1.0)
            chosen[i], chosen[other] = mine_at, other_at
            moved += 1
    return moved


@compiled
def diffuse(start, post, cost, load, price, capacity, chosen, usage, rise, limit):  # type: ignore[no-untyped-def]
    """Let what is too much flow on, post by post, until it finds room: a post that is too full raises its
    price until somebody would rather be elsewhere, wherever that is, and so on (an auction; Bertsekas 1988).
    `rise` is what a price rises by at least, `limit` how many may move. `price` is changed. Returns how many
    moved, -1 where it came to no end."""
    posts, customers = len(capacity), len(chosen)
    weighted = len(load) > 1
    head, after, before = np.full(posts, -1), np.full(customers, -1), np.full(customers, -1)
    for i in range(customers):
        j = post[chosen[i]]
        after[i] = head[j]
        if head[j] >= 0:
            before[head[j]] = i
        head[j] = i
    waiting = [j for j in range(posts) if usage[j] > capacity[j]]
    moved = 0
    while len(waiting):
        here = waiting.pop()
        while usage[here] > capacity[here]:
            least, who, at = np.inf, -1, -1
            i = head[here]
            while i >= 0:
                now = chosen[i]
                mine = load[now] if weighted else 1.0
                if mine > 0:
                    base = cost[now] + price[here] * mine
                    for e in range(start[i], start[i + 1]):
                        if e != now:
                            r = (cost[e] + price[post[e]] * (load[e] if weighted else 1.0) - base) / mine
                            if r < least:
                                least, who, at = r, i, e
                i = after[i]
            moved += 1
            if who < 0 or moved > limit:
                return -1
            price[here] += max(least, 0.0) + rise
            there, now = post[at], chosen[who]
            usage[here] -= load[now] if weighted else 1.0
            was_full = usage[there] > capacity[there]
            usage[there] += load[at] if weighted else 1.0
            if usage[there] > capacity[there] and not was_full:
                waiting.append(there)
            if before[who] >= 0:
                after[before[who]] = after[who]
            else:
                head[here] = after[who]
            if after[who] >= 0:
                before[after[who]] = before[who]
            before[who], after[who] = -1, head[there]
            if head[there] >= 0:
                before[head[there]] = who
            head[there] = who
            chosen[who] = at
    return moved
