"""Compiles the translations with Babel: fresh machines have no msgfmt. The build runs it, and so does a
checkout whose .po is newer than its .mo."""

from __future__ import annotations

import os
from pathlib import Path


def compile_all(folder: Path) -> list[Path]:
    """Writes each .mo below `folder` that is absent or older than its .po; answers those it wrote."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    written = []
    for po in sorted(folder.rglob("*.po")):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        with po.open("rb") as source:
            words = read_po(source, locale=po.parent.parent.name, abort_invalid=True)
        beside = mo.with_suffix(f".{os.getpid()}")
        with beside.open("wb") as target:
            write_mo(target, words)
        beside.replace(mo)  # two processes that begin together both end with a whole file
        written.append(mo)
    return written
