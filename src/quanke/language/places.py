"""Where a definition is being declared, for errors that name the line."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

from quanke.kernel.errors import DefinitionError

_OURS = str(Path(__file__).parent)


def declared_at() -> str:
    """`file:line` of the nearest caller outside this package."""
    frame = sys._getframe(1)
    while frame is not None and (frame.f_code.co_filename.startswith(_OURS) or _made(frame)):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return ""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _made(frame: FrameType) -> bool:
    """Whether it is the `__init__` that the dataclass decorator writes."""
    return frame.f_code.co_filename == "<string>" and frame.f_code.co_name == "__init__"


def refuse(reason: str, name: str = "expression", where: str = "") -> DefinitionError:
    """The error for a definition that cannot stand, with the line it was declared on."""
    return DefinitionError(name, reason, where or declared_at())
