"""A list as a file: exactly what its page shows, marked with who took it, when, why and under which number.

The file is made by asking the page's own view for the list (`listing` hands it over instead of a page), as
the person who asks: so the file holds the columns, filters, order, masks and scope of the page, nothing else.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.translation import gettext as _
from xlsxwriter import Workbook

from quanke_desk.foundation import audit
from quanke_desk.foundation.lists import Column, Taken
from quanke_desk.foundation.models import Export, Person
from quanke_desk.foundation.parameters import value
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.reasons import required_reason
from quanke_desk.foundation.roles import May

KINDS = ("csv", "xlsx")
AT_ONCE = 2000
"""Rows asked of a source at a time."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Made:
    """An export that stands in a file, and the name the file goes by."""

    export: Export
    path: Path
    name: str


def export(
    person: Person,
    name: str,
    address: str,
    kind: str,
    reason: str,
    folder: Path,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Made:
    """Writes the list `name` of the page at `address` into a file in `folder`, and puts it on record;
    `told` is called with how many rows are written, of how many.
    Raises NotAllowed with the rule that was broken, PermissionDenied where the page itself is refused."""
    if not person.may(May.EXPORT):
        raise NotAllowed("your role may not export lists")
    if kind not in KINDS:
        raise NotAllowed("a file is csv or xlsx")
    reason = required_reason(reason)
    taken = take(person, name, address)
    count = taken.source.count()
    if count > value("export.rows"):
        raise NotAllowed("more rows than one export may have: narrow the list with filters")
    made = _begun(person, name, kind, reason.strip(), taken, count)
    path = folder / f"{made.pk}.{kind}"
    path.touch(mode=0o600)
    writer = _write_csv if kind == "csv" else _write_xlsx
    written = writer(path, taken, made, told)
    if written != count:  # the list changed while it was read: what is on record is what left
        Export.objects.filter(pk=made.pk).update(rows=written)
        made.rows = written
    return Made(made, path, name_of(made))


def is_long(person: Person, name: str, address: str, kind: str, reason: str) -> bool:
    """Whether an export is for a job to make: allowed, and more rows than one waits for. Raises NotAllowed
    where there is no such list."""
    if kind not in KINDS or not reason.strip() or not person.may(May.EXPORT):
        return False
    return value("export.at_once") < take(person, name, address).source.count() <= value("export.rows")


def name_of(made: Export) -> str:
    """The name a file goes by: list, number, who, when, how many rows."""
    stamp = f"{timezone.localtime(made.at):%Y%m%d-%H%M%S}"
    return f"quanke-{made.list_name}-{made.pk}-{made.person.username}-{stamp}-{made.rows}.{made.kind}"


def take(person: Person, name: str, address: str) -> Taken:
    """The list `name` of the page at an address, for a person. Raises NotAllowed where there is none."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        raise NotAllowed("no such list")
    try:
        found = resolve(parts.path)
    except Resolver404:
        raise NotAllowed("no such list") from None
    request = HttpRequest()
    request.method, request.path, request.path_info = "GET", parts.path, parts.path
    request.GET = QueryDict(parts.query)
    request.META = {
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
    }
    request.user, request.session = person, {}  # type: ignore[assignment]
    request.htmx = False  # type: ignore[attr-defined]
    request.taking = name  # type: ignore[attr-defined]
    try:
        found.func(request, *found.args, **found.kwargs)
    except Taken as taken:
        return taken
    raise NotAllowed("no such list")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that begins like it is led by an apostrophe."""
    return "'" + text if text.startswith(_FORMULA) else text


def _begun(person: Person, name: str, kind: str, reason: str, taken: Taken, count: int) -> Export:
    columns = tuple(c.name for c in taken.columns)
    return put_on_record(person, name, kind, reason, rows=count, by=taken.by, columns=columns)


def put_on_record(
    person: Person,
    name: str,
    kind: str,
    reason: str,
    *,
    rows: int,
    by: Sequence[str] = (),
    columns: Sequence[str] = (),
    may: May = May.EXPORT,
) -> Export:
    """Counts a file against what a person may take in a day and puts it on record, before any of it leaves:
    lists, and whatever else leaves as a file. `may`: the right it takes. Raises NotAllowed."""
    if not person.may(may):
        raise NotAllowed("your role may not export lists")
    if not reason.strip() or len(reason) > 200:
        raise NotAllowed("a reason is required")
    now = timezone.now()
    with transaction.atomic():
        # one row of the person is locked, so that two exports at once do not both see one place left
        Person.objects.select_for_update().get(pk=person.pk)
        lately = Export.objects.filter(person=person, at__gt=now - dt.timedelta(days=1))
        if lately.count() >= value("export.most"):
            raise NotAllowed("more exports in a day than allowed: ask your head or compliance")
        made = Export.objects.create(
            person=person, list_name=name, kind=kind, reason=reason.strip(), by=list(by), at=now, rows=rows
        )
        detail = {"list": name, "kind": kind, "rows": rows, "by": list(by), "columns": list(columns)}
        audit.record(person, "list.export", f"export:{made.pk}", reason=reason.strip(), detail=detail)
        return made


def _rows(taken: Taken, made: Export, told: Callable[[int, int], None]) -> Iterator[list[Any]]:
    start = 0
    while True:
        rows = taken.source.rows(taken.order, taken.descending, start, AT_ONCE)
        for row in rows:
            yield [_plain(row.get(c.name), c) for c in taken.columns]
        told(start + len(rows), made.rows or 0)
        if len(rows) < AT_ONCE:
            return
        start += AT_ONCE


def _plain(held: Any, column: Column) -> Any:
    """A value for a spreadsheet: numbers as numbers, money in yuan, texts harmless."""
    if held is None or held == "":
        return ""
    if column.kind == "money":
        return Decimal(held).scaleb(-2)
    if column.kind in ("number", "share"):
        return held
    if column.kind == "day":
        return f"{held:%Y-%m-%d}"
    if column.kind == "moment":
        return f"{timezone.localtime(held):%Y-%m-%d %H:%M:%S}"
    if column.kind == "yes":
        return _("yes") if held else _("no")
    return harmless(str(held[0] if column.kind == "link" else held))


def mark_of(made: Export, most: int = 0) -> str:
    """Who took it, when, why, under which number: what stands in the file itself. `most`: of the reason no
    more characters than these, where there is little room: what comes after it must be read, too."""
    reason = made.reason
    if most and len(reason) > most:
        reason = reason[: most - 1] + "…"
    return harmless(
        _("Export no. %(number)s · %(name)s (%(username)s) · %(at)s · %(list)s · %(reason)s · internal")
        % {
            "number": made.pk,
            "name": made.person.name,
            "username": made.person.username,
            "at": f"{timezone.localtime(made.at):%Y-%m-%d %H:%M:%S}",
            "list": made.list_name,
            "reason": reason,
        }
    )


def _end(made: Export, written: int) -> str:
    return _("End of export no. %(number)s: %(rows)s rows") % {"number": made.pk, "rows": written}


def _write_csv(path: Path, taken: Taken, made: Export, told: Callable[[int, int], None]) -> int:
    """UTF-8 with a mark of byte order, without which Excel takes Chinese for something else."""
    written = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        to = csv.writer(file)
        to.writerow([mark_of(made)])
        to.writerow([harmless(str(c.title)) for c in taken.columns])
        money = [c.kind == "money" for c in taken.columns]
        for row in _rows(taken, made, told):
            to.writerow([f"{v:.2f}" if yuan and v != "" else v for v, yuan in zip(row, money, strict=True)])
            written += 1
        to.writerow([_end(made, written)])
    return written


def _write_xlsx(path: Path, taken: Taken, made: Export, told: Callable[[int, int], None]) -> int:
    """Row by row (constant memory); the mark stands in the sheet, on printed pages and in the properties."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    written, mark = 0, mark_of(made)
    with Workbook(str(path), options) as book:
        sheet = book.add_worksheet(made.list_name[:31])
        bold = book.add_format({"bold": True})
        shapes = {
            "money": book.add_format({"num_format": "#,##0.00"}),
            "share": book.add_format({"num_format": "0.00%"}),
        }
        book.set_properties({"comments": mark, "author": made.person.username})
        sheet.set_footer(f"&L{mark_of(made, 60).replace('&', '&&')[:200]}&R&P / &N")
        sheet.freeze_panes(2, 0)
        sheet.set_column(0, max(len(taken.columns) - 1, 0), 18)
        sheet.write_string(0, 0, mark)
        for at, column in enumerate(taken.columns):
            sheet.write_string(1, at, harmless(str(column.title)), bold)
        for row in _rows(taken, made, told):
            for at, (held, column) in enumerate(zip(row, taken.columns, strict=True)):
                if isinstance(held, str):
                    sheet.write_string(written + 2, at, held)
                else:
                    sheet.write_number(written + 2, at, held, shapes.get(column.kind))
            written += 1
        sheet.write_string(written + 2, 0, _end(made, written))
    return written
