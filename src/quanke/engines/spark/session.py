"""The session a night runs in: found, begun, made to mean what the language means, and its errors."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from quanke.kernel.errors import QuankeError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MEANINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "Asia/Shanghai",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.variable.substitute": "false",
    # Eager work that buys nothing here: statements are long, and their stages are looked at again and again.
    "spark.sql.adaptive.enabled": "false",
    # Named parts of a statement are put in their places at once. By the other policies Spark checks a copy in
    # which it has done so after every step: half of what planning a group takes. No part is named twice in a
    # statement, which is all that the policies differ in.
    "spark.sql.legacy.ctePrecedencePolicy": "LEGACY",
}
"""What every session must have for the language's meanings to hold."""
QUIET = {
    # An engine's error quotes the amount that overflowed: nothing of a customer's goes into a log.
    "spark.log.level": "OFF",
    "spark.executor.syncLogLevel.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
}
BY_SUBMIT = "PYSPARK_GATEWAY_PORT"
"""Set by spark-submit for the program it starts: master and memory are then already decided."""


def open_session(
    master: str = "", *, memory: str = "", scratch: Path | None = None, more: Mapping[str, str] | None = None
) -> SparkSession:
    """A Spark session for a night; one that is there already is taken and given the settings it needs.

    `master` is a master URL (default: what spark-submit or spark-defaults.conf says, else `local[*]`).
    `memory` of Spark's process on this machine, like "3GB". `scratch`: the folder for what does not fit
    (only where Spark runs on this machine; a cluster has its own). `more`: further settings.
    Raises QuankeError without pyspark, without Java, and where Spark cannot be begun.
    """
    why = why_no_spark()
    if why:
        raise QuankeError(why)
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    given = {"spark.app.name": "quanke", **QUIET, **MEANINGS}
    if BY_SUBMIT not in os.environ:
        master = master or configured("spark.master") or "local[*]"
        given |= {"spark.master": master, **_on_this_machine(master, memory, scratch)}
    builder = SparkSession.builder
    for key, value in {**given, **(more or {})}.items():
        builder = builder.config(key, value)
    _quiet()
    try:
        session: SparkSession = builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise QuankeError(f"Spark could not be begun ({type(error).__name__}): look at its master") from None
    return session


def _on_this_machine(master: str, memory: str, scratch: Path | None) -> dict[str, str]:
    """Settings of a local session: its own Python, its memory, its loopback address."""
    heap = {"spark.driver.memory": memory.lower().removesuffix("b").removesuffix("i")} if memory else {}
    if not master.startswith("local"):
        return heap
    # Read from the environment alone; without it tasks would run whatever `python3` is.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.ui.enabled": "false",
        **heap,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # Two shuffled pieces a core: more of them only wait for each other.
        "spark.sql.shuffle.partitions": str(2 * _cores(master)),
    }
    if scratch is not None:
        settings["spark.local.dir"] = str(scratch)
    return settings


def configured(key: str) -> str:
    """What the site's spark-defaults.conf says of a key; empty where it says nothing."""
    home = os.environ.get("SPARK_HOME", "")
    folder = os.environ.get("SPARK_CONF_DIR") or (f"{home}/conf" if home else "")
    path = Path(folder, "spark-defaults.conf")
    if not folder or not path.exists():
        return ""
    lines = (line.split(None, 1) for line in path.read_text(encoding="utf-8").splitlines())
    return next((words[1].strip() for words in lines if len(words) == 2 and words[0] == key), "")


def _cores(master: str) -> int:
    inside = master.partition("[")[2].rstrip("]").partition(",")[0]
    return int(inside) if inside.isdigit() else (os.cpu_count() or 1) if inside == "*" else 1


def _quiet() -> None:
    """No warnings of Spark's about a library we do not use, no queries in a log."""
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    logging.getLogger("SQLQueryContextLogger").disabled = True


def why_no_spark() -> str:
    """Why Spark cannot be used here; empty where it can."""
    try:
        import pandas  # noqa: F401
        import pyspark  # noqa: F401
    except ImportError:
        return "Spark is an extra that is not installed here: pip install 'quanke[spark]'"
    java = os.environ.get("JAVA_HOME")
    if not (Path(java, "bin", "java").exists() if java else shutil.which("java")):
        return "Spark needs Java 17 or later: install it, or set JAVA_HOME to where it is"
    return ""


@contextmanager
def without_values() -> Iterator[None]:
    """Spark's errors without what they quote: an overflow names the very amounts that overflowed."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        said = str(error)
        if any(word in said for word in ("OVERFLOW", "OUT_OF_RANGE", "overflow", "out of range")):
            raise QuankeError("a value does not fit its type (64 bits for whole numbers and money)") from None
        if "OutOfMemoryError" in said or "Java heap space" in said:
            raise QuankeError("memory ran out: give Spark more, or a night smaller parts") from None
        kind = getattr(error, "getCondition", lambda: None)() or type(error).__name__
        raise QuankeError(f"Spark could not compute this ({kind})") from None
