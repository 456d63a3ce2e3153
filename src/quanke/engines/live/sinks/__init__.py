"""Where decisions go. A sink is given every step once more after a crash, and leaves no decision in it
twice.
"""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa


class Sink(Protocol):
    """Takes the decisions of steps, in order."""

    name: str

    def open(self, state: dict[str, Any] | None) -> None:
        """Begin where `state` says (of the last checkpoint; None at the very beginning). Steps that were
        taken after it come again."""
        ...

    def write(self, step: int, decisions: pa.Table) -> None:
        """Take the decisions of a step: when it returns they are where they belong."""
        ...

    def state(self) -> dict[str, Any]:
        """Where it stands, for a checkpoint. What it took before is on the disk when this returns."""
        ...

    def close(self) -> None:
        """No more comes."""
        ...


IDENTITY = ["trigger", "customer", "event_id"]
"""The columns that tell decisions apart."""


def decision_id(row: dict[str, Any]) -> str:
    """The identity of a decision as one text."""
    return f"{row['trigger']}:{row['customer']}:{row['event_id']}"
