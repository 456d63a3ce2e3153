"""Passes over all customers, compiled. Each works on customers `low` to `high - 1`, writes only to what is
given to it and adds up in the order of customers: how many run at once decides nothing.

`data` is `Problem.parts()`; then come `table` (signature x action: what its rows ask for it) and
`price` by row, of which `table` is made. A choice is up to k places among a customer's actions, -1 for none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

NEAR = 64
"""Choices of one customer that are shared between, at most, where his own limits bind."""


def compiled(function: Callable[..., Any]) -> Any:
    """Machine code that runs without Python's lock, kept on disk where it can be.

    Numba takes kept code for good as long as the function's own file is unchanged. Compiled functions here
    call those of other files, so what is kept is good only while none of them has changed.
    """
    try:
        found = numba.njit(nogil=True, cache=True)(function)
        found._cache._cache_file._source_stamp = _stamp()
        return found
    except (RuntimeError, AttributeError):
        return numba.njit(nogil=True)(function)


def _stamp() -> tuple[tuple[str, float, int], ...]:
    """When the compiled files were last changed, and how long they are."""
    files = [Path(__file__).with_name(f"{name}.py") for name in ("moves", "packing", "passes")]
    return tuple((f.name, f.stat().st_mtime, f.stat().st_size) for f in files)


@compiled
def digest(values, actions, many, matrices, least, most, out):  # type: ignore[no-untyped-def]
    """64 bits that tell customers apart by all that is given of them."""
    prime = np.uint64(0x9E3779B97F4A7C15)
    for i in range(len(values)):
        h = np.uint64(0x243F6A8885A308D3)
        for w in range(values.shape[1]):
            h = (h ^ _bits(values[i, w])) * prime
            h ^= h >> np.uint64(29)
            if many:
                h = (h ^ np.uint64(actions[i, w])) * prime
        for m in range(len(matrices)):
            for w in range(values.shape[1]):
                h = (h ^ _bits(matrices[m, i, w])) * prime
                h ^= h >> np.uint64(29)
        for o in range(least.shape[1]):
            h = (h ^ _bits(least[i, o])) * prime
            h ^= h >> np.uint64(31)
            h = (h ^ _bits(most[i, o])) * prime
        out[i] = h ^ (h >> np.uint64(32))


@compiled
def _bits(x):  # type: ignore[no-untyped-def]
    one = np.empty(1, np.float64)
    one[0] = x + 0.0
    return one.view(np.uint64)[0]


@compiled
def used(i, w, limit, actions, many, use, matrix_at, matrices):  # type: ignore[no-untyped-def]
    """What place w of customer i uses of a limit."""
    m = matrix_at[limit]
    if m >= 0:
        return np.float64(matrices[m, i, w])
    return use[actions[i * many, w], limit]


@compiled
def nets(i, values, actions, many, signature, rows, matrix_at, matrices, table, price, out):  # type: ignore[no-untyped-def]
    """Each action's value less what it pays; -inf where it may not be chosen."""
    s = signature[i]
    if many == 0 and values.shape[1] == table.shape[1]:
        # everybody's places are the actions in their order: no look-up, and several at a time
        for w in range(values.shape[1]):
            out[w] = values[i, w] - table[s, w]
    else:
        for w in range(values.shape[1]):
            out[w] = values[i, w] - table[s, actions[i * many, w]]
    if len(matrices):
        for lim in range(rows.shape[1]):
            m, r = matrix_at[lim], rows[s, lim]
            if m >= 0 and r >= 0 and price[r] != 0:
                for w in range(values.shape[1]):
                    if out[w] > -np.inf:
                        out[w] -= price[r] * matrices[m, i, w]


@compiled
def top(net, k, places):  # type: ignore[no-untyped-def]
    """The k places of greatest net above 0, greatest first, -1 where there are fewer. Returns how many."""
    size = 0
    lowest = 0.0
    for w in range(len(net)):
        r = net[w]
        if r > lowest:
            at = size if size < k else k - 1
            while at > 0 and net[places[at - 1]] < r:
                places[at] = places[at - 1]
                at -= 1
            places[at] = w
            if size < k:
                size += 1
            if size == k:
                lowest = net[places[k - 1]]
    for at in range(size, k):
        places[at] = -1
    return size


@compiled
def keeps(i, places, size, data):  # type: ignore[no-untyped-def]
    """Whether a choice keeps the customer's own limits."""
    _, actions, many, _, rows, use, matrix_at, matrices, least, most = data
    for o in range(least.shape[1]):
        low, high = least[i, o], most[i, o]
        if low == -np.inf and high == np.inf:
            continue
        total = 0.0
        for at in range(size):
            if places[at] >= 0:
                total += used(i, places[at], rows.shape[1] + o, actions, many, use, matrix_at, matrices)
        if total < low or total > high:
            return False
    return True


@compiled
def kept_by(data, chosen):  # type: ignore[no-untyped-def]
    """Whether everybody's choice keeps his own limits."""
    if data.least.shape[1]:
        for i in range(len(chosen)):
            if not keeps(i, chosen[i], chosen.shape[1], data):
                return False
    return True


@compiled
def following(net, k, pick, size):  # type: ignore[no-untyped-def]
    """The set of at most k places after the one in `pick`, in the order of a search in depth. Returns its
    size, -1 after the last. Start with size 0, the empty set."""
    after = pick[size - 1] + 1 if size else 0
    grow = size < k
    while True:
        if grow:
            w = after
            while w < len(net) and net[w] == -np.inf:
                w += 1
            if w < len(net):
                pick[size] = w
                return size + 1
        if size == 0:
            return -1
        size -= 1
        after = pick[size] + 1
        grow = True


@compiled
def best_kept(i, net, k, pick, places, data):  # type: ignore[no-untyped-def]
    """The choice of greatest net among those that keep the customer's own limits. Returns its net, -inf where
    there is none."""
    best = -np.inf
    size = 0
    while size >= 0:
        total = 0.0
        for at in range(size):
            total += net[pick[at]]
        if total > best and keeps(i, pick, size, data):
            best = total
            for at in range(k):
                places[at] = pick[at] if at < size else -1
        size = following(net, k, pick, size)
    return best


@compiled
def choose(data, table, price, k, low, high, chosen):  # type: ignore[no-untyped-def]
    """Everybody's best choice at the prices. Returns the sum of nets, and the first customer whose own limits
    no choice keeps (-1: none)."""
    values, actions, many, signature, rows, _, matrix_at, matrices, least, _ = data
    net = np.empty(values.shape[1])
    places, pick = np.empty(k, np.int64), np.empty(k, np.int64)
    total, bad = 0.0, -1
    for i in range(low, high):
        nets(i, values, actions, many, signature, rows, matrix_at, matrices, table, price, net)
        size = top(net, k, places)
        if least.shape[1] and not keeps(i, places, size, data):
            got = best_kept(i, net, k, pick, places, data)
            if got == -np.inf:
                if bad < 0:
                    bad = i
                continue
            total += got
        else:
            for at in range(size):
                total += net[places[at]]
        for at in range(k):
            chosen[i, at] = places[at]
    return total, bad


@compiled
def impossible(data, k, out):  # type: ignore[no-untyped-def]
    """Mark the customers whose own limits no choice keeps."""
    values = data.values
    net = np.empty(values.shape[1])
    places, pick = np.empty(k, np.int64), np.empty(k, np.int64)
    for i in range(len(values)):
        for w in range(values.shape[1]):
            net[w] = 0.0 if values[i, w] > -np.inf else -np.inf
        out[i] = best_kept(i, net, k, pick, places, data) == -np.inf


@compiled
def spend(data, chosen, low, high, base, spent):  # type: ignore[no-untyped-def]
    """Add what choices use to `spent` (signature from `base` x shared limit). Returns the sum of values."""
    values, actions, many, signature, rows, use, matrix_at, matrices, _, _ = data
    total = 0.0
    for i in range(low, high):
        s = signature[i] - base
        for at in range(chosen.shape[1]):
            w = chosen[i, at]
            if w >= 0:
                total += values[i, w]
                if len(matrices):
                    for lim in range(rows.shape[1]):
                        spent[s, lim] += used(i, w, lim, actions, many, use, matrix_at, matrices)
                else:
                    a = actions[i * many, w]
                    for lim in range(rows.shape[1]):
                        spent[s, lim] += use[a, lim]
    return total


@compiled
def offered(data, places, order, chosen):  # type: ignore[no-untyped-def]
    """The actions at some places, the most valuable first (of equals the first action), in the caller's order
    of customers."""
    values, actions, many = data.values, data.actions, data.many
    for i in range(len(places)):
        out = chosen[order[i]]
        size = 0
        for at in range(places.shape[1]):
            w = places[i, at]
            if w < 0:
                continue
            slot = size
            while slot > 0:
                other = places[i, out[slot - 1]]
                if values[i, other] > values[i, w] or (values[i, other] == values[i, w] and other < w):
                    break
                out[slot] = out[slot - 1]
                slot -= 1
            out[slot] = at
            size += 1
        for slot in range(places.shape[1]):
            out[slot] = actions[i * many, places[i, out[slot]]] if slot < size else -1


@compiled
def shares(net, k, delta, places, at, x):  # type: ignore[no-untyped-def]
    """Shares x in 0..1, at most k together, that maximise net * x - delta / 2 * x^2, of those places that
    have one (`at`). Returns how many they are, and whether k bind. `places` has room for k + 1.

    Where k bind, x = (net - level) / delta cut off at 0 and 1; the level lies between the k-th net less delta
    and the next, and is found by Newton's method, halving where that leaves its bounds.
    """
    size = top(net, k + 1, places)
    if size <= k:
        for c in range(size):
            at[c] = places[c]
            x[c] = min(net[places[c]] / delta, 1.0)
        return size, False
    low, high = max(0.0, net[places[k - 1]] - delta), net[places[k]]
    count = 0
    if high <= low:
        for c in range(k):
            at[c], x[c] = places[c], 1.0
        return k, True
    for w in range(len(net)):
        if net[w] > low:
            at[count] = w
            count += 1
    level, binds = low, low > 0
    for _ in range(60):
        total, inside = 0.0, 0
        for c in range(count):
            r = net[at[c]] - level
            if r >= delta:
                total += 1.0
            elif r > 0:
                total += r / delta
                inside += 1
        over = total - k
        if (level == 0 and over <= 0) or abs(over) <= 1e-12:
            break
        binds = True
        if over > 0:
            low = level
        else:
            high = level
        after = level + over * delta / inside if inside else high
        level = after if low < after < high else 0.5 * (low + high)
    size = 0
    for c in range(count):
        r = (net[at[c]] - level) / delta
        if r > 0:
            at[size] = at[c]
            x[size] = min(r, 1.0)
            size += 1
    return size, binds


@compiled
def kept_shares(i, net, k, delta, best, pick, nears, worth, x, data):  # type: ignore[no-untyped-def]
    """Shares of whole choices that keep the customer's own limits: a projection on the simplex of those whose
    net is within delta of the best. Fills `nears` (their places), `worth` (their shares) and x. Returns how
    many, and the smoothed value."""
    count, size = 0, 0
    while size >= 0:
        total = -0.5 * delta * size
        for at in range(size):
            total += net[pick[at]]
        if total > best - delta * (1 + 0.5 * k) and count < NEAR and keeps(i, pick, size, data):
            at = count
            while at > 0 and worth[at - 1] < total:
                worth[at] = worth[at - 1]
                nears[at] = nears[at - 1]
                at -= 1
            worth[at] = total
            for p in range(k):
                nears[at, p] = pick[p] if p < size else -1
            count += 1
        size = following(net, k, pick, size)
    level, summed, size = worth[0] - delta, -delta, 0
    for at in range(count):
        summed += worth[at]
        if worth[at] <= summed / (at + 1):
            break
        level, size = summed / (at + 1), at + 1
    smooth = 0.5 * delta
    x[:] = 0.0
    for at in range(size):
        share = (worth[at] - level) / delta
        smooth += share * worth[at] - 0.5 * delta * share * share
        worth[at] = share
        for p in range(k):
            if nears[at, p] >= 0:
                x[nears[at, p]] += share
    return size, smooth


@compiled
def bend(uses, inside, binds, delta, mean, curve, s):  # type: ignore[no-untyped-def]
    """Add to the curvature of signature s what one customer brings, who is shared between `inside` choices of
    these uses; they are changed."""
    shared = len(mean)
    mean[:] = 0.0
    if binds:
        for at in range(inside):
            for lim in range(shared):
                mean[lim] += uses[at, lim] / inside
    for at in range(inside):
        for lim in range(shared):
            uses[at, lim] -= mean[lim]
        for lim in range(shared):
            d = uses[at, lim] / delta
            if d != 0:
                for m in range(shared):
                    curve[s, lim, m] += d * uses[at, m]


@compiled
def smoothed(data, table, price, k, delta, stride, low, high, base, spent, curve):  # type: ignore[no-untyped-def]
    """The smoothed choice of every `stride`-th customer.

    Adds what it uses to `spent` (signature from `base` x shared limit), how that changes with the prices to
    `curve` (signature x shared limit x shared limit). Returns the sum of smoothed nets.
    """
    values, actions, many, signature, rows, use, matrix_at, matrices, least, _ = data
    shared, width = rows.shape[1], values.shape[1]
    net, x = np.empty(width), np.empty(width)
    places, pick = np.empty(k, np.int64), np.empty(k, np.int64)
    nears, worth = np.empty((NEAR, k), np.int64), np.empty(NEAR)
    at_places, few = np.empty(width, np.int64), np.empty(k + 1, np.int64)
    uses, mean = np.empty((max(width, NEAR) + 1, shared)), np.empty(shared)
    total = 0.0
    for i in range(low, high, stride):
        nets(i, values, actions, many, signature, rows, matrix_at, matrices, table, price, net)
        s = signature[i] - base
        inside, whole = 0, False
        if least.shape[1]:
            size = top(net, k, places)
            whole = not keeps(i, places, size, data)
        if whole:
            best = best_kept(i, net, k, pick, places, data)
            if best == -np.inf:
                continue
            near, smooth = kept_shares(i, net, k, delta, best, pick, nears, worth, x, data)
            total += smooth
            binds = True
            inside = near if near > 1 else 0
            for at in range(inside):
                for lim in range(shared):
                    uses[at, lim] = 0.0
                    for p in range(k):
                        if nears[at, p] >= 0:
                            uses[at, lim] += used(
                                i, nears[at, p], lim, actions, many, use, matrix_at, matrices
                            )
            count = 0
            for w in range(width):
                if x[w] > 0:
                    at_places[count], x[count] = w, x[w]
                    count += 1
        else:
            count, binds = shares(net, k, delta, few, at_places, x)
        for c in range(count):
            w = at_places[c]
            part = x[c] < 1 and not whole
            if not whole:
                total += x[c] * net[w] - 0.5 * delta * x[c] * x[c]
            if len(matrices):
                for lim in range(shared):
                    u = used(i, w, lim, actions, many, use, matrix_at, matrices)
                    spent[s, lim] += x[c] * u
                    uses[inside, lim] = u
            else:
                a = actions[i * many, w]
                for lim in range(shared):
                    spent[s, lim] += x[c] * use[a, lim]
                    uses[inside, lim] = use[a, lim]
            if part:
                inside += 1
        if inside > 1 or (inside == 1 and not binds):
            bend(uses, inside, binds, delta, mean, curve, s)
    return total
