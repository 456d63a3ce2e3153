"""Prices of posts that nearly fill each: the maximum of the dual, smoothed, by Newton steps.

With price p[j] on a unit of post j's capacity every customer takes his best edge, and

    g(p) = sum_i min_e (cost[e] + p[post[e]] * load[e]) - sum_j p[j] * capacity[j],   p >= 0

never exceeds the cost of an assignment that keeps the capacities. g has edges, so it is smoothed by delta
(customers who are nearly indifferent are shared), whose curvature joins posts between which somebody is
shared: a sparse Laplacian. Delta shrinks; the first rounds look at a sample of customers with capacity in
proportion, for prices hardly depend on how many there are. Sources: Nesterov 2005 (smoothing); Martins and
Astudillo 2016 (sparsemax); Basu et al. 2020 (ECLIPSE: such duals at the scale of everybody).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from quanke.books import passes
from quanke.books.edges import Amounts, Edges, Numbers

CHUNKS = 8
"""Customers are worked on in so many ranges, whatever the machine: sums come out the same everywhere."""
SAMPLE, OF_POST = 30_000, 300
"""The first round looks at about so many customers, and at so many for each post: fewer say nothing of it."""
GROWTH = 8
"""Each later round looks at so many times more."""
PAIRS = 400_000
"""Pairs of a range that the curvature is made of, at most; for more customers it is a sample of them."""
STEPS = 20


@dataclass(frozen=True)
class _Sample:
    """Every `stride`-th customer; the capacities in proportion to the load they bring."""

    stride: int
    capacity: Amounts


@dataclass(frozen=True)
class _Point:
    """The smoothed dual at some prices: value, slope by post, pairs of the curvature."""

    price: Amounts
    value: float
    slope: Amounts
    pairs: NDArray[np.int32]
    values: Amounts


@dataclass(frozen=True)
class Chosen:
    """Everybody at his best edge. `margin`: how much worse his next one is; `bound`: no assignment costs
    less."""

    edge: Numbers
    margin: Amounts
    usage: Amounts
    bound: float


def priced(edges: Edges) -> tuple[Amounts, float]:
    """Prices, and the delta they were found with (in units of cost)."""
    n = edges.customers
    scale = _scale(edges)
    price = np.zeros(edges.posts)
    if not n or not edges.posts:
        return price, scale
    strides = [max(1, n // max(SAMPLE, OF_POST * edges.posts))]
    while strides[-1] > 1:
        strides.append(max(1, strides[-1] // GROWTH))
    deltas = [scale * d for d in (3.0, 1.0, 0.3, 0.1, 0.03)]
    for round_, stride in enumerate(strides):
        sample = _Sample(stride, _proportion(edges, stride))
        for delta in deltas if round_ == 0 else deltas[-2:]:
            price = _climbed(edges, sample, price, delta)
    final = _Sample(1, edges.capacity)
    for delta in (0.01 * scale, 0.003 * scale):
        price = _climbed(edges, final, price, delta)
    return price, 0.003 * scale


def chosen_at(edges: Edges, price: Amounts) -> Chosen:
    """Everybody's best edge at some prices."""
    n = edges.customers
    edge, margin = np.empty(n, np.int64), np.empty(n)

    def work(low: int, high: int) -> tuple[float, Amounts]:
        usage = np.zeros(edges.posts)
        total = passes.best(
            edges.start, edges.post, edges.cost, edges.weights, price, low, high, edge, margin, usage
        )
        return float(total), usage

    found = _over(n, 1, work)
    usage = np.sum([u for _, u in found], axis=0) if found else np.zeros(edges.posts)
    bound = float(sum(t for t, _ in found) - price @ edges.capacity)
    return Chosen(edge, margin, usage, bound)


def _scale(edges: Edges) -> float:
    """What telling two posts apart is worth to a customer: the median of second best less best."""
    n = edges.customers
    if not n:
        return 1.0
    stride = max(1, n // SAMPLE)
    apart = np.empty(len(range(0, n, stride)))
    passes.spread(edges.start, edges.cost, 0, n, stride, apart)
    some = apart[apart > 0]
    if len(some):
        return float(np.median(some))
    return 1.0


def _proportion(edges: Edges, stride: int) -> Amounts:
    if edges.load is None:
        share = len(range(0, edges.customers, stride)) / edges.customers
    else:
        mean = np.add.reduceat(edges.load, edges.start[:-1]) / np.diff(edges.start)
        share = float(mean[::stride].sum() / max(mean.sum(), 1e-300))
    return edges.capacity * share


def _over(customers: int, stride: int, work: Callable[[int, int], Any]) -> list[Any]:
    """The work over ranges of customers, in their order."""
    step = max(stride, -(-customers // CHUNKS) // stride * stride)
    ranges = [(low, min(low + step, customers)) for low in range(0, customers, step)]
    with ThreadPoolExecutor(max_workers=min(CHUNKS, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda r: work(*r), ranges))


def _at(edges: Edges, sample: _Sample, price: Amounts, delta: float) -> _Point:
    def work(low: int, high: int) -> Any:
        usage = np.zeros(edges.posts)
        pairs, values = np.empty((PAIRS, 2), np.int32), np.empty(PAIRS)
        total, count = passes.smoothed(
            edges.start, edges.post, edges.cost, edges.weights, price, delta,
            low, high, sample.stride, edges.most, usage, pairs, values,
        )  # fmt: skip
        return total, usage, pairs[:count], values[:count]

    found = _over(edges.customers, sample.stride, work)
    value = float(sum(f[0] for f in found) - price @ sample.capacity)
    slope = np.sum([f[1] for f in found], axis=0) - sample.capacity
    pairs, values = (np.concatenate([f[k] for f in found]) for k in (2, 3))
    return _Point(price, value, slope, pairs, values)


def _climbed(edges: Edges, sample: _Sample, price: Amounts, delta: float) -> Amounts:
    """Prices at which the smoothed dual is next to its maximum."""
    load = 1.0 if edges.load is None else max(float(edges.load.mean()), 1e-300)
    reach = 6 * delta / load
    point = _at(edges, sample, price, delta)
    whole = max(float(sample.capacity.sum()), 1e-300)
    for _ in range(STEPS):
        free = (point.price > 0) | (point.slope > 0)
        if np.abs(point.slope[free]).sum() <= 2e-3 * whole:
            break
        step = np.clip(_newton(point, free, edges.posts, delta), -reach, reach)
        better = None
        for length in (1.0, 0.4, 0.1):
            there = _at(edges, sample, np.maximum(point.price + length * step, 0), delta)
            if there.value > point.value:
                better = there
                break
        if better is None:
            break
        point = better
    return point.price


def _newton(point: _Point, free: NDArray[np.bool_], posts: int, delta: float) -> Amounts:
    """The step that a parabola with the point's curvature asks for; posts nobody is shared with climb by
    their slope."""
    rows, columns = point.pairs[:, 0], point.pairs[:, 1]
    curve = sparse.coo_matrix((point.values, (rows, columns)), shape=(posts, posts)).tocsr()
    diagonal = curve.diagonal()
    usual = float(np.median(diagonal[diagonal > 0])) if (diagonal > 0).any() else 1.0 / delta
    some = np.flatnonzero(free)
    inside = curve[some][:, some] + sparse.diags(np.where(diagonal[some] > 0, 1e-4 * usual, 0.1 * usual))
    slope = point.slope[some]
    scale = 1.0 / np.sqrt(inside.diagonal())
    balanced = sparse.diags(scale) @ inside @ sparse.diags(scale)
    found, _ = cg(balanced, scale * slope, rtol=1e-3, maxiter=200)
    step = np.zeros(posts)
    step[some] = scale * found
    return step
