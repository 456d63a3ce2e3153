"""What did not work and what was done instead: kept with every model, so that nobody has to guess."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from quanke.kernel.errors import PortfolioError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Fallback:
    """One step that failed: where (`estimate`, or `C1`..`C5`), what was tried, why it failed, what was used
    instead ("" where nothing else worked either)."""

    where: str
    tried: str
    because: str
    used: str

    def sheet(self) -> dict[str, str]:
        """As plain data."""
        return asdict(self)


def first_that_works(
    where: str, ways: Sequence[tuple[str, Callable[[], Result]]], told: list[Fallback]
) -> tuple[str, Result]:
    """The first of several ways that works, by name, with its result; those that failed are told.

    Raises PortfolioError, with every reason, where none works.
    """
    failed: list[tuple[str, str]] = []
    for name, way in ways:
        try:
            found = way()
        except Exception as error:  # solvers fail in every way there is; each is recorded
            failed.append((name, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"))
            continue
        told += [Fallback(where, tried, because, name) for tried, because in failed]
        return name, found
    told += [Fallback(where, tried, because, "") for tried, because in failed]
    reasons = "; ".join(f"{tried}: {because}" for tried, because in failed)
    raise PortfolioError(f"{where}: nothing works: {reasons}")
