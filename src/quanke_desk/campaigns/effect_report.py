"""The effect of a campaign on one sheet of paper for the committee, as PDF: the increment with its interval
first, then its picture, what is advised, what it cost and earned, the way to it, and who decided what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from quanke_desk.campaigns.costs import CostLine
from quanke_desk.campaigns.effect_figures import Figures
from quanke_desk.campaigns.templatetags.effects import of_all, of_unit, ratio
from quanke_desk.foundation.exports import Made, mark_of, name_of, put_on_record
from quanke_desk.foundation.local_form import day, said_day, yuan
from quanke_desk.foundation.models import Export, Person
from quanke_desk.foundation.printed import EDGE, FAINT, FILL, INK, MARGIN, SOFT, WIDTH, PrintedPage, short
from quanke_desk.foundation.roles import May

NAME = "effect"
MOST_OUTCOMES, MOST_GROUPS, MOST_WARNINGS = 6, 2, 3
"""What has room on one sheet; the page has the whole of it."""
MOST_REASON = 90
"""Characters of the reason in the foot, whose lines are few; the whole stands on record."""


def report(held: Figures, person: Person, reason: str, folder: Path) -> Made:
    """Writes the report into a folder, once it is on record. Raises NotAllowed with the rule that was broken
    (the role, a missing reason, too many files in a day)."""
    rows = len(held.outcomes) + sum(len(group["rows"]) for group in held.groups)
    made = put_on_record(
        person, NAME, "pdf", reason, rows=rows, by=[f"campaign:{held.campaign.name}"], columns=_COLUMNS,
        may=May.REPORT,
    )  # fmt: skip
    path = folder / f"{made.pk}.pdf"
    path.touch(mode=0o600)
    page = PrintedPage(path, held.campaign.title, mark_of(made, MOST_REASON), _watermark(made))
    _answer(page, held)
    _picture(page, held)
    _money(page, held)
    _way(page, held)
    _groups(page, held)
    _decided(page, held)
    page.save()
    return Made(made, path, name_of(made))


_COLUMNS = ("outcomes", "advice", "costs", "funnel", "groups", "version")


def _watermark(made: Export) -> str:
    return f"{made.person.name} {made.person.username} {day(made.at)} #{made.pk}"


def _answer(page: PrintedPage, held: Figures) -> None:
    told = held.told
    days = {name: said_day(told[name]) for name in ("first", "last", "as_of")}
    page.text(held.campaign.title, 17, most=1)
    page.at -= 2
    page.text(
        _("Effect of a campaign · window %(first)s to %(last)s · known until %(as_of)s") % days,
        8.5,
        color=SOFT,
    )
    page.at -= 4
    page.text(held.sentence, 13, color=FILL, most=3)
    if told["running"]:
        page.text(_("The window has not ended: an early look."), 8.5, color=SOFT)
    if held.advice:
        page.at -= 2
        page.text(f"{_('Advice')}: {held.advice}", 10, most=3)


def _picture(page: PrintedPage, held: Figures) -> None:
    """Each metric with its interval around zero, drawn in its own scale."""
    page.heading(_("The increment, with its interval"))
    left, middle, right = MARGIN + 132, MARGIN + 132 + 68, MARGIN + 132 + 136
    for row in held.outcomes[:MOST_OUTCOMES]:
        page.at -= 17
        y = page.at
        page.line(short(row["title"], 8.5, 128), MARGIN, y, 8.5)
        page.box(middle - 0.3, y - 4, 0.6, 14, EDGE)
        if row["bar"]:
            low, high, at = (left + (right - left) * row["bar"][n] / 100 for n in ("low", "high", "at"))
            page.box(low, y + 0.5, max(0.8, high - low), 5, FILL if row["significant"] else FAINT)
            page.box(at - 0.8, y - 2, 1.6, 10, INK)
        unit = row["unit"]
        span = f"{of_unit(row['effect'], unit)} ({of_unit(row['low'], unit)} – {of_unit(row['high'], unit)})"
        page.line(span, right + 8, y, 7.5)
        page.line(of_all(row["total"], unit), WIDTH - MARGIN, y, 7.5, SOFT, right=True)
    page.at -= 4
    page.text(
        _("Effect a customer with its interval; at the right all treated together. Pale: not shown beyond"
          " chance."), 7, color=SOFT,
    )  # fmt: skip


def _money(page: PrintedPage, held: Figures) -> None:
    page.heading(_("Cost and return"))
    cells = [(_("Cost so far"), yuan(held.cost), "")]
    if held.gain and held.left:
        gain, left = held.gain, held.left
        cells += [
            (_("Margin earned"), yuan(gain.fen), f"{yuan(gain.low)} – {yuan(gain.high)}"),
            (_("After costs"), yuan(left.net), f"{yuan(left.net_low)} – {yuan(left.net_high)}"),
            (
                _("Earned a yuan spent"),
                ratio(left.per_yuan),
                f"{ratio(left.per_yuan_low)} – {ratio(left.per_yuan_high)}",
            ),
        ]
    page.columns(cells)
    lines = [f"{line.words} {line.count:,}{_paid(line)}: {yuan(line.fen)}" for line in held.costs]
    if lines:
        page.text(" · ".join(lines), 8, color=SOFT, most=2)
    if not held.gain:
        page.text(_("Return: not told, for no margin is stated."), 8, color=SOFT)


def _paid(line: CostLine) -> str:
    return f" ({_('%(parts)s parts paid for') % {'parts': f'{line.parts:,}'}})" if line.many else ""


def _way(page: PrintedPage, held: Figures) -> None:
    funnel = held.told["funnel"]
    page.heading(_("From targeted to effect"))
    names = (
        ("targeted", _("Targeted")), ("pushed", _("Pushed")), ("reached", _("Reached of them")),
        ("converted", _("Converted")), ("control", _("Control")),
        ("control_converted", _("Converted of the control")),
    )  # fmt: skip
    page.columns([(title, "-" if funnel[name] is None else f"{funnel[name]:,}", "") for name, title in names])
    if held.tasks is not None and held.tasks[0]:
        given, done = held.tasks
        page.text(_("Tasks given %(given)s, done %(done)s") % {"given": given, "done": done}, 8, color=SOFT)


def _groups(page: PrintedPage, held: Figures) -> None:
    """A few groups of each dimension: those in which an effect is shown first, pale where it is not. Else the
    smallest groups would stand here, for the noise in them."""
    lines: list[tuple[str, dict[str, Any]]] = []
    for group in held.groups:
        rows = sorted(group["rows"], key=lambda r: (not r["significant"], -abs(r["effect"])))
        lines += [(group["title"], row) for row in rows[:MOST_GROUPS]]
    if not lines:
        return
    page.heading(_("Within groups"))
    for title, row in lines:
        page.at -= 12
        unit, color = row["unit"], INK if row["significant"] else SOFT
        page.line(f"{title} · {row['words']}"[:60], MARGIN, page.at, 8, color)
        span = f"{of_unit(row['effect'], unit)} ({of_unit(row['low'], unit)} – {of_unit(row['high'], unit)})"
        page.line(span, WIDTH - MARGIN, page.at, 8, color, right=True)
    hidden, cut = (sum(group[name] for group in held.groups) for name in ("hidden", "cut"))
    if hidden or cut:
        left = _("Not broken out: %(hidden)s groups for they are too few, %(cut)s for only the largest are.")
        page.at -= 2
        page.text(left % {"hidden": hidden, "cut": cut}, 7, color=SOFT)


def _decided(page: PrintedPage, held: Figures) -> None:
    page.heading(_("By whom, when, by which definition"))
    for name, value in _definition(held):
        page.text(f"{name}: {value}", 8, most=2)
    if held.learning:
        page.text(f"{_('What the plan learns')}: {held.learning.words}", 8, most=2)
    warnings = held.warnings
    if warnings:
        count = len(warnings)
        page.text(
            ngettext("%(count)s thing speaks against it:", "%(count)s things speak against it:", count)
            % {"count": count}, 8,
        )  # fmt: skip
        for warning in warnings[:MOST_WARNINGS]:
            page.text(f"· {warning}", 7.5, color=SOFT, most=1)


def _definition(held: Figures) -> list[tuple[str, Any]]:
    told, version = held.told, held.version
    found: list[tuple[str, Any]] = [(_("Campaign"), f"{held.campaign.name} · {told['design'] or '-'}")]
    if version is not None:
        by = {"number": version.number, "name": version.by.name}
        found.append((_("Journey"), _("version %(number)s by %(name)s") % by))
        audience, approval = version.audience, version.approval
        if audience is not None:
            found.append((_("Audience"), f"{audience.audience.title} ({audience.number})"))
        if approval is not None and version.started_at is not None:
            who = approval.decided_by.name if approval.decided_by else "-"
            found.append((_("Start agreed to"), f"{who} · {day(version.started_at)} · #{approval.pk}"))
        found.append((_("Get nothing"), f"{version.control_ppm / 10_000:g} %"))
    found.append((_("Method"), held.method))
    return found
