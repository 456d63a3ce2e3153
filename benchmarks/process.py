"""A job in a process of its own: how long it took, and the most memory it held."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finished:
    """What a process printed; wall and processor seconds from its start to its end; the largest resident
    memory of it or of a process it waited for, in GB."""

    output: str
    seconds: float
    processor_seconds: float
    peak_gb: float


def finished(words: Sequence[str]) -> Finished:
    """Run a command to its end. Ends the benchmark with the command's own words if it fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+") as err:
        begin = time.perf_counter()
        process = subprocess.Popen([str(w) for w in words], stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(str(w) for w in words[:6])} failed:\n{err.read()[-4000:]}")
        unit = 1024**3 if sys.platform == "darwin" else 1024**2
        return Finished(
            out.read(),
            round(seconds, 2),
            round(used.ru_utime + used.ru_stime, 2),
            round(used.ru_maxrss / unit, 2),
        )


def quanke(*words: str) -> Finished:
    """Run the `quanke` command."""
    code = "import sys; from quanke.cli import main; sys.exit(main())"
    return finished([sys.executable, "-c", code, *words])
