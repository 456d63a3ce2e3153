"""The judge: every definition in plain Python, slow and obviously right; other engines are held to it."""

from __future__ import annotations

from quanke.engines.memory.judge import evaluate, evaluate_metrics, evaluate_triggers, value_of
from quanke.engines.memory.meanings import MEANINGS

__all__ = ["MEANINGS", "evaluate", "evaluate_metrics", "evaluate_triggers", "value_of"]
