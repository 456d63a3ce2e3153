"""Where a definition is being declared, for errors that name the line."""

from __future__ import annotations

import sys
from pathlib import Path

from quanke.kernel.errors import DefinitionError

_OURS = str(Path(__file__).parent)


def declared_at() -> str:
    """`file:line` of the nearest caller outside this package."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return ""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def refuse(reason: str, name: str = "expression", where: str = "") -> DefinitionError:
    """The error for a definition that cannot stand, with the line it was declared on."""
    return DefinitionError(name, reason, where or declared_at())
