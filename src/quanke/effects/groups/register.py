"""The register of campaigns in a home: `campaigns/<name>/design.json` and `arms.parquet`.

A campaign arrives by one rename, whole, and never changes: design and arms are fixed before the first
contact. What the register sees to is that two campaigns of one lane share nobody while both run.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quanke.effects.groups.assigning import CONTROL
from quanke.effects.groups.design import ARMS, Design
from quanke.kernel.errors import EffectError

FOLDER = "campaigns"
DESIGN, ARMS_FILE = "design.json", "arms.parquet"
_MAKING = ".making-"


@dataclass(frozen=True)
class RegisteredCampaign:
    """One campaign on disk."""

    path: Path

    @cached_property
    def design(self) -> Design:
        """What was decided."""
        return Design.from_text((self.path / DESIGN).read_text(encoding="utf-8"))

    @cached_property
    def arms(self) -> pa.Table:
        """Who is in which arm (`ARMS`). Raises EffectError where the file is not what was registered."""
        raw = (self.path / ARMS_FILE).read_bytes()
        if hashlib.sha256(raw).hexdigest() != self.design.arms_digest:
            raise EffectError(f"the arms of {self.path.name} are not those that were registered")
        return pq.read_table(pa.BufferReader(raw)).cast(ARMS)

    @property
    def customers(self) -> NDArray[np.int32]:
        """Numbers of its customers, rising."""
        found: NDArray[np.int32] = self.arms["customer"].to_numpy()
        return found

    @property
    def controls(self) -> NDArray[np.int32]:
        """Numbers of those who get nothing, rising."""
        kept = self.arms.filter(pc.equal(self.arms["arm"], CONTROL))
        found: NDArray[np.int32] = kept["customer"].to_numpy()
        return found


@dataclass(frozen=True, slots=True)
class SharedCustomers:
    """Customers a campaign would share with another of its lane while both run."""

    campaign: str
    customers: NDArray[np.int32]


class CampaignRegister:
    """The campaigns of the home at a path."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER

    def all(self) -> list[RegisteredCampaign]:
        """Every campaign, by name."""
        if not self.folder.is_dir():
            return []
        return [RegisteredCampaign(path.parent) for path in sorted(self.folder.glob(f"[a-z]*/{DESIGN}"))]

    def get(self, name: str) -> RegisteredCampaign | None:
        """A campaign, or None where none of that name is registered."""
        return next((each for each in self.all() if each.path.name == name), None)

    def open(self, name: str) -> RegisteredCampaign:
        """A campaign. Raises EffectError where none of that name is registered."""
        found = self.get(name)
        if found is None:
            known = ", ".join(each.path.name for each in self.all()) or "none yet"
            raise EffectError(f"no campaign of that name is registered (registered: {known})")
        return found

    def shared(self, design: Design, customers: NDArray[np.int32]) -> list[SharedCustomers]:
        """Which of these customers are in another campaign of the lane while both run."""
        found = []
        for other in self.all():
            if other.path.name != design.name and design.meets(other.design):
                both = np.intersect1d(customers, other.customers)
                if len(both):
                    found.append(SharedCustomers(other.path.name, both))
        return found

    def withheld(self, day: dt.date, lane: str | None = None) -> NDArray[np.int32]:
        """Customers whom no campaign (of a lane) may contact on a day: the controls of those that run
        then."""
        running = [
            each.controls
            for each in self.all()
            if each.design.first_contact <= day <= each.design.closes and lane in (None, each.design.lane)
        ]
        return np.unique(np.concatenate(running)) if running else np.zeros(0, np.int32)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Around looking for shared customers and `keep`: two who plan at once do so one after the other."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for old in self.folder.glob(
                f"{_MAKING}*"
            ):  # of a process that was killed: whoever lives holds the lock
                shutil.rmtree(old)
            yield

    def keep(self, design: Design, arms: pa.Table) -> RegisteredCampaign:
        """Register a campaign; only within `deciding`. `arms`: see `ARMS`.

        Raises EffectError for a name that is taken, and where customers are shared with another campaign.
        """
        target = self.folder / design.name
        if target.exists():
            raise EffectError(f"a campaign {design.name} is registered already, and never changes")
        for each in self.shared(design, arms["customer"].to_numpy()):
            raise EffectError(
                f"{len(each.customers):,} of the customers are in campaign {each.campaign} of the same lane "
                "while both run, and would spoil both: leave them out (--exclude), wait, or take another lane"
            )
        making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=self.folder))
        pq.write_table(arms.cast(ARMS).sort_by("customer"), making / ARMS_FILE, compression="zstd")
        digest = hashlib.sha256((making / ARMS_FILE).read_bytes()).hexdigest()
        (making / DESIGN).write_text(design.with_arms(arms, digest).to_text(), encoding="utf-8")
        making.chmod(0o755)
        for path in (*making.iterdir(), making):
            _durable(path)
        making.rename(target)
        _durable(self.folder)
        return RegisteredCampaign(target)


def _durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
