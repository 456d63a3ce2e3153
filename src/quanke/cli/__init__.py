"""The command line: `quanke`, one command per job."""

from __future__ import annotations

from quanke.cli.main import main

__all__ = ["main"]
