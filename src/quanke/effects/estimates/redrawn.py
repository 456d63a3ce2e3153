"""Quantiles for amounts so skewed that t does not hold: the arms are drawn again, as they were drawn at
first.

Where a few customers hold most of the money, effect over standard error is not yet distributed as t. Its
distribution is then found by drawing the arms again and again over the customers' residuals, in the same
numbers within each stratum: exact where the treatment changes nothing, and right in large campaigns whatever
it does, because it is studentised (Janssen 1997; Chung and Romano 2013; Wu and Ding 2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quanke.effects.estimates.adjusted import Adjusted
from quanke.effects.estimates.inputs import Arms, Floats
from quanke.effects.estimates.passes import compiled
from quanke.effects.estimates.sequences import Bounds

DRAWS = 1_999
"""So many draws and what was seen make two thousand."""

COCHRAN = 25.0
"""Cochran's rule (Sampling Techniques, 1977, section 2.15): means are nearly normal from 25 times the squared
skewness on. With fewer customers in the smaller arm t is not trusted."""

FEWEST = 30
"""Customers of the smaller arm from which skewness can be seen at all."""

MOST = 50_000
"""Customers of the smaller arms up to which arms are drawn again; beyond, a warning has to do."""


def is_called_for(found: Adjusted, who: Arms) -> bool:
    """Whether amounts are too skewed for t, and it can be done."""
    smaller = found.cells.n.min(axis=1).sum()
    skewed = FEWEST <= float(found.n.min()) < COCHRAN * found.skew**2
    return bool(skewed and not who.clusters and smaller <= MOST)


def bounds(
    y: Floats, d: Floats, x: Floats, who: Arms, found: Adjusted, z: float, level: float, seed: int
) -> Bounds:
    """How far the interval reaches to each side, in standard errors, and p, from the arms drawn again.

    `z`: effect over standard error. The sides differ where amounts are skewed.
    """
    values, ends, treated, weight = _residuals(y, d, x, who, found)
    drawn = np.sort(_draw(values, ends, treated, weight, DRAWS, seed))
    out = max(1, round((1 - level) / 2 * (DRAWS + 1)))
    beyond = min(int((drawn >= z).sum()), int((drawn <= z).sum()))
    return Bounds(float(drawn[-out]), float(-drawn[out - 1]), min(1.0, 2 * (beyond + 1) / (DRAWS + 1)))


def _residuals(
    y: Floats, d: Floats, x: Floats, who: Arms, found: Adjusted
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64], Floats]:
    """Residuals by stratum, within it by size (so that the order of rows says nothing), where each stratum
    ends, its treated and its weight."""
    place = found.cells.place[who.stratum]
    z = y if not len(d) else (y - found.ratio_of[who.arm] * d) / found.size_of[who.arm]
    if found.slopes:
        z = z - x @ found.slope
    kept = (place >= 0) & ~np.isnan(z)
    z, cell = z[kept], 2 * place[kept] + who.arm[kept]
    n = np.bincount(cell)
    z = z - (np.bincount(cell, z) / n)[cell]
    order = np.lexsort((z, cell // 2))
    both = found.cells.n.sum(axis=1)
    return z[order], np.cumsum(both).astype(np.int64), found.cells.n[:, 1].astype(np.int64), both / both.sum()


@compiled
def _draw(values, ends, treated, weight, draws, seed):  # type: ignore[no-untyped-def]
    """Effect over standard error of as many draws of the arms."""
    state = np.uint64(seed)
    out = np.empty(draws)
    totals, squares = np.zeros(len(ends)), np.zeros(len(ends))
    first = 0
    for s in range(len(ends)):
        for i in range(first, ends[s]):
            totals[s] += values[i]
            squares[s] += values[i] * values[i]
        first = ends[s]
    for b in range(draws):
        effect, variance, first = 0.0, 0.0, 0
        for s in range(len(ends)):
            n = ends[s] - first
            few = min(treated[s], n - treated[s])
            a, q = 0.0, 0.0
            for i in range(few):
                # splitmix64, so that the same seed draws the same arms on every machine
                state += np.uint64(0x9E3779B97F4A7C15)
                h = state
                h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                h = (h ^ (h >> np.uint64(31))) >> np.uint64(11)
                j = first + i + np.int64(np.float64(h) * (1.0 / 9007199254740992.0) * (n - i))
                values[first + i], values[j] = values[j], values[first + i]
                a += values[first + i]
                q += values[first + i] ** 2
            rest, apart = n - few, totals[s] - a
            spread = (q - a * a / few) / (few - 1) / few
            spread += (squares[s] - q - apart * apart / rest) / (rest - 1) / rest
            gap = a / few - apart / rest
            effect += weight[s] * (gap if few == treated[s] else -gap)
            variance += weight[s] ** 2 * max(spread, 0.0)
            first = ends[s]
        out[b] = effect / np.sqrt(variance) if variance > 0 else 0.0
    return out
