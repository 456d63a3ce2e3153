"""The embedded engine."""

from __future__ import annotations

from quanke.engines.duckdb.engine import DIALECT, connect, evaluate, evaluate_metrics, without_values

__all__ = ["DIALECT", "connect", "evaluate", "evaluate_metrics", "without_values"]
