"""How the live engine is doing: counts since the beginning, rates, lag, delays."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from typing import Any

import numpy as np
import pyarrow as pa

from quanke.engines.live.running.steps import Step

KEPT = 20_000
"""Delays of this many events are kept, the newest, unless more are asked for."""

_COUNTS = ("events", "decisions", "quarantined", "again", "steps")


class Status:
    """Figures of one process. Counts go on through restarts."""

    def __init__(self, kept: int = KEPT) -> None:
        self.events = self.decisions = self.quarantined = self.again = self.steps = 0
        self.day: dt.date | None = None
        self.lag: int | None = None
        self._delays: deque[float] = deque(maxlen=kept)
        self.begin()

    def begin(self) -> None:
        """From here on rates are counted."""
        self._began = self._last = time.monotonic()
        self._events = self._last_events = self.events
        self._counted = self._began

    @property
    def average(self) -> float:
        """Events a second from the beginning to the last step."""
        return (self.events - self._events) / max(self._counted - self._began, 1e-9)

    def counted(self, step: Step, decisions: pa.Table, day: dt.date) -> None:
        """A step was done."""
        self.steps += 1
        self.events += sum(rows.num_rows for rows in step.rows.values())
        self.quarantined += sum(rows.num_rows for rows in step.refused.values())
        self.again += step.again
        self.decisions += decisions.num_rows
        self.day = day
        self._counted = time.monotonic()

    def told(self, published: list[float]) -> None:
        """The decisions of messages published at these moments are out."""
        now = time.time()
        self._delays.extend(now - moment for moment in published)

    @property
    def delays(self) -> list[float]:
        """Seconds from publishing to decision, of the newest events."""
        return list(self._delays)

    def counts(self) -> dict[str, int]:
        """What a checkpoint keeps."""
        return {name: getattr(self, name) for name in _COUNTS}

    def take_up(self, counts: dict[str, int]) -> None:
        """Go on from a checkpoint."""
        for name in _COUNTS:
            setattr(self, name, int(counts.get(name, 0)))

    def sheet(self) -> dict[str, Any]:
        """All figures: `events_per_s` since the last asking, `delay_ms` from publishing to decision."""
        now = time.monotonic()
        rate = (self.events - self._last_events) / max(now - self._last, 1e-9)
        self._last, self._last_events = now, self.events
        found: dict[str, Any] = {
            "day": self.day.isoformat() if self.day else None,
            **self.counts(),
            "events_per_s": round(rate, 1),
            "lag": self.lag,
        }
        delays = self.delays
        if delays:
            p50, p99 = np.percentile(np.array(delays), [50, 99]) * 1000
            found["delay_ms"] = {"p50": round(float(p50), 1), "p99": round(float(p99), 1)}
        return found

    def line(self) -> str:
        """All figures on one line for people."""
        sheet = self.sheet()
        delay = sheet.get("delay_ms")
        parts = [
            f"day {sheet['day']}",
            f"{sheet['events']:,} events ({sheet['events_per_s']:,.0f}/s)",
            f"{sheet['decisions']:,} decisions",
            f"{sheet['quarantined']:,} in quarantine",
            f"{sheet['again']:,} again",
        ]
        if sheet["lag"] is not None:
            parts.append(f"{sheet['lag']:,} waiting")
        if delay:
            parts.append(f"delay {delay['p50']:.0f}/{delay['p99']:.0f} ms (p50/p99)")
        return ", ".join(parts)
