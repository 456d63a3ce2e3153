"""Compiling the kernel of trades to machine code that runs without Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_FILES = ("machine", "space", "items", "choices", "amounts", "adjust", "search", "kernel")


def _stamp() -> tuple[tuple[str, float, int], ...]:
    """When the compiled files were last changed, and how long they are."""
    files = [Path(__file__).with_name(f"{name}.py") for name in _FILES]
    return tuple((f.name, f.stat().st_mtime, f.stat().st_size) for f in files)


def compiled(function: Callable[..., Any]) -> Any:
    """Machine code, kept on disk where it can be, good only while none of the kernel's files has changed:
    numba by itself looks at the file of the function alone."""
    try:
        found = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
        found._cache._cache_file._source_stamp = _stamp()
        return found
    except (RuntimeError, AttributeError, OSError):
        return numba.njit(nogil=True, error_model="numpy")(function)
