"""Reading templates: which text may be sent today, and what the pages show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from quanke_desk.campaigns.models import Send, SendState, Template, TemplateState, TemplateVersion


@dataclass(frozen=True)
class Usable:
    """A text that may be sent today, and the product it is about (empty: none)."""

    version: TemplateVersion
    product: str


def in_force() -> Q:
    """Versions that are approved, and valid today."""
    today = timezone.localdate()
    return Q(state=TemplateState.APPROVED, valid_from__lte=today, valid_until__gte=today)


def superseded() -> Exists:
    """Whether a later version of a template was ever in force: withdrawn or run out it does not bring back
    the one before it. One withdrawn before its first day never was."""
    later = TemplateVersion.objects.filter(
        Q(withdrawn_on=None) | Q(withdrawn_on__gte=F("valid_from")),
        template=OuterRef("template"), number__gt=OuterRef("number"),
        state__in=(TemplateState.APPROVED, TemplateState.WITHDRAWN), valid_from__lte=timezone.localdate(),
    )  # fmt: skip
    return Exists(later)


def begins_with() -> Q:
    """Versions in force that what begins to be sent today may say."""
    return in_force() & ~Q(superseded())


def usable_texts(rows: Iterable[Send]) -> dict[int, Usable]:
    """The text of each push that has one: by number of the push.

    It is approved for the push's own means and purpose, for what was approved as a text message is not an
    e-mail, and no service says what sells. A push named by a version keeps it; else the last in force, and
    none once that was withdrawn. For another means the template `code.means` speaks, where `code` is of the
    first one.
    """
    held = list(rows)
    codes = {row.template for row in held} | {f"{row.template}.{row.means}" for row in held}
    found = TemplateVersion.objects.filter(in_force(), template__code__in=codes)
    found = found.annotate(superseded=superseded())
    by_code: dict[str, list[TemplateVersion]] = {}
    for version in found.select_related("template").order_by("-number"):
        by_code.setdefault(version.template.code, []).append(version)
    texts: dict[int, Usable] = {}
    for row in held:
        for code in (row.template, f"{row.template}.{row.means}"):
            found_one = next((v for v in by_code.get(code, ()) if _speaks_for(v, row)), None)
            if found_one is not None:
                texts[row.pk] = Usable(found_one, found_one.template.product)
                break
    return texts


def _speaks_for(version: TemplateVersion, row: Send) -> bool:
    of = version.template
    last = not version.superseded  # type: ignore[attr-defined]
    named = row.version_id == version.pk or (last and (row.version_id is None or of.code != row.template))
    return named and of.means == _as(row.means) and of.purpose == row.purpose


def _as(means: str) -> str:
    return "push" if means == "app" else means


def templates() -> QuerySet[Template]:
    """All templates with `state` and `until` of their last version, and how often each was sent."""
    last = TemplateVersion.objects.filter(template=OuterRef("pk")).order_by("-number")
    return Template.objects.annotate(
        state=Subquery(last.values("state")[:1]),
        until=Subquery(last.values("valid_until")[:1]),
        number=Max("versions__number"),
    ).select_related("made_by")


def versions_of(template: Template) -> QuerySet[TemplateVersion]:
    """Versions of a template, the newest in front, with how many were sent of each."""
    of = template.versions.select_related("by", "approval__decided_by")
    return of.order_by("-number")


def sent_of(template: Template) -> dict[int, int]:
    """How many pushes were sent of each version."""
    done = Send.objects.filter(version__template=template, state=SendState.SENT)
    return dict(done.values("version").annotate(n=Count("id")).values_list("version", "n"))
