"""Loading: from a hand-over to the home's tables. `load` takes files, `replay` takes mended rows.

    discover units -> stage (readers) -> check all rules in one scan -> quarantine -> arrange -> publish

* `rules`: what one cell may hold; `lookups`, `rates`: what rows refer to; `checked`: a unit under all rules.
* `duplicates`, `quarantine`, `numbering`: keys that stand twice, refused rows, customer and account numbers.
* `events`, `snapshots`, `levels`: how each kind of table is arranged.
* `run`: the order of it all; `replays`: the way back from quarantine; `report`: what was done.
"""

from __future__ import annotations

from quanke.bank.load.replays import replay
from quanke.bank.load.report import LoadReport, TableReport
from quanke.bank.load.run import load
from quanke.bank.session import Resources

__all__ = ["LoadReport", "Resources", "TableReport", "load", "replay"]
