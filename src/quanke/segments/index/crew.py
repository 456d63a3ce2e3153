"""The threads that count: the caller's own and a few that stand by."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import numpy.typing as npt

from quanke.segments.index.columns import address_of
from quanke.segments.index.kernels import MOST as CHUNK

MOST = 8


def shared(words: int) -> npt.NDArray[np.int64]:
    """What threads of a job over so many words tell each other: chunks taken, and for each if it is done."""
    return np.zeros(1 + -(-words // CHUNK), np.int64)


class Crew:
    """Up to `most` threads, no more than there are cores."""

    def __init__(self, most: int) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = max(1, min(MOST, cores, most))
        self._local = threading.local()

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=self.threads, thread_name_prefix="audience")

    def all(self, work: Callable[[bool], None]) -> None:
        """Do `work` in each thread. It takes a share of the job; told True it also does what others have
        begun and not ended, so that nobody waits for a thread that the processor has left."""
        for _ in range(self.threads - 1):
            self._pool.submit(work, False)
        work(True)

    def each(self, work: Callable[[int], None], numbers: Iterable[int]) -> None:
        """Do `work` for each number."""
        if self.threads == 1:
            for number in numbers:
                work(number)
        else:
            list(self._pool.map(work, numbers))

    def memory(self, size: int) -> int:
        """The address of so many words for a thread to work in, which are its own."""
        held: npt.NDArray[np.uint64] | None = getattr(self._local, "memory", None)
        if held is None or len(held) < size:
            held = self._local.memory = np.empty(size, np.uint64)
        return address_of(held)

    def close(self) -> None:
        """End the threads."""
        if "_pool" in self.__dict__:
            self._pool.shutdown()
