"""Effects that were told, kept: `effects/<campaign>/<as-of day>.json` in a home, published once, never
changed."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quanke.effects.report import CampaignEffect
from quanke.kernel.errors import EffectError

FOLDER = "effects"
_CAMPAIGN = re.compile(r"[^/\\.\x00][^/\\\x00]{0,127}\Z")
MOST_BYTES = 255
"""No file system that is in use takes longer names of folders."""


@dataclass(frozen=True, slots=True)
class KeptEffect:
    """One published result."""

    path: Path

    @property
    def content(self) -> dict[str, Any]:
        """What was published (`CampaignEffect.to_json`)."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise EffectError(
                f"the effect kept as {self.path.name} cannot be read",
                f"已保存的效果 {self.path.name} 无法读取",
            ) from None
        return found


class EffectStore:
    """The published effects of the home at a path."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER

    @staticmethod
    def takes(campaign: str) -> bool:
        """Whether a campaign of that name can be kept: it has to be the name of a folder."""
        return bool(_CAMPAIGN.match(campaign)) and len(campaign.encode()) <= MOST_BYTES

    def names(self) -> list[str]:
        """Campaigns of which something is published."""
        return sorted({path.parent.name for path in self.folder.glob("[!.]*/[0-9]*.json")})

    def of(self, campaign: str) -> list[KeptEffect]:
        """Those of a campaign, the oldest first."""
        folder = self._folder(campaign)
        return [KeptEffect(path) for path in sorted(folder.glob("[0-9]*.json"))] if folder.is_dir() else []

    def keep(self, effect: CampaignEffect) -> tuple[KeptEffect, bool]:
        """Publish an effect under its as-of day; what stands there already stays, and is given back. The
        second says whether it holds the same (it does not where facts or rules have changed since)."""
        folder = self._folder(effect.campaign)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(effect.to_json(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        target = folder / f"{effect.as_of.isoformat()}.json"
        handle, name = tempfile.mkstemp(prefix=".effect-", dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            os.chmod(name, 0o644)
            os.link(name, target)  # refuses where something stands, whoever else publishes at once
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
        return KeptEffect(target), target.read_text(encoding="utf-8") == text

    def _folder(self, campaign: str) -> Path:
        if not self.takes(campaign):
            raise EffectError(
                "a campaign of that name cannot be kept: it is no name of a folder",
                "该活动的名称不能作为文件夹名，无法保存其效果",
            )
        return self.folder / campaign
