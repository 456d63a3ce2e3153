"""Twenty people who ask at once: how long each answer takes."""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Question = Callable[[random.Random], None]
"""Asks one thing and reads the answer; ends the benchmark for an answer that is not the page asked for."""


def crowd(users: list[Question], seconds: float, think: float, seed: int = 1) -> dict[str, Any]:
    """Everybody asks, waits `think` seconds (drawn around it, 0: asks again at once), and asks again.

    Milliseconds from the question to the last byte of the answer; answers a second. The first question of
    each is not counted: it opens the connection.
    """
    times: list[list[float]] = [[] for _ in users]
    failed: list[BaseException] = []
    begin = threading.Barrier(len(users) + 1)
    until = [0.0]

    def one(number: int, ask: Question) -> None:
        draw = random.Random(seed * 1000 + number)
        try:
            ask(draw)
            begin.wait(300)
            time.sleep(draw.random() * think)
            while (at := time.perf_counter()) < until[0]:
                ask(draw)
                times[number].append((time.perf_counter() - at) * 1000)
                time.sleep(think * (0.5 + draw.random()))
        except BaseException as error:  # a thread's error must end the benchmark
            failed.append(error)
            begin.abort()

    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(users)]
    until[0] = time.perf_counter() + 600
    for thread in threads:
        thread.start()
    try:
        begin.wait(600)
    except threading.BrokenBarrierError:
        sys.exit(f"asking failed: {failed[:1]}")
    started = time.perf_counter()
    until[0] = started + seconds
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"asking failed: {failed[0]!r}")
    took = time.perf_counter() - started
    every = [t for each in times for t in each]
    return {**told(every), "asked": len(every), "answers_per_second": round(len(every) / took, 1)}


def told(times: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile in milliseconds."""
    p95, p99 = (float(np.quantile(times, q, method="higher")) for q in (0.95, 0.99))
    return {"p50_ms": round(statistics.median(times), 1), "p95_ms": round(p95, 1), "p99_ms": round(p99, 1)}
