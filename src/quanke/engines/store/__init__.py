"""Published nights on disk: written beside, published by one rename, never changed again."""

from __future__ import annotations

from quanke.engines.store.batches import write_profile_batches
from quanke.engines.store.files import fsync_tree, write_json
from quanke.engines.store.nights import Night, NightStore, WorkingNight

__all__ = ["Night", "NightStore", "WorkingNight", "fsync_tree", "write_json", "write_profile_batches"]
