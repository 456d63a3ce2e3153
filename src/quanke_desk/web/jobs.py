"""Long jobs of the shell: big lists as files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from quanke_desk.foundation.analytic import home_path
from quanke_desk.foundation.exports import export
from quanke_desk.foundation.jobs import Running, job
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May


def exports_folder() -> Path:
    """Where files made by jobs lie until they are too old; nobody else of the machine reads them."""
    folder = home_path() / "desk" / "exports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@job("list.export", title=_("Export of a list"), may=May.EXPORT)
def list_export(running: Running, name: str, address: str, kind: str, reason: str) -> dict[str, Any]:
    """Makes the file of a list as its page shows it when the job runs, to whom began it. Run again, it is
    another export with a number of its own: what was written before is never handed out."""
    if running.by is None:
        raise NotAllowed("your role may not export lists")
    folder = exports_folder()
    too_old = time.time() - value("export.days") * 86400
    for path in folder.iterdir():
        if path.stat().st_mtime < too_old:
            path.unlink(missing_ok=True)

    def told(done: int, total: int) -> None:
        running.step(_("Writing rows"), done, total)

    made = export(running.by, name, address, kind, reason, folder, told)
    return {"link": reverse("export", args=[made.export.pk]), "rows": made.export.rows}
