"""`quanke-desk demo_texts`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from quanke_desk.campaigns import template_actions
from quanke_desk.campaigns.models import Template
from quanke_desk.campaigns.policy import SERVICE
from quanke_desk.foundation import approvals
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.parameters import text
from quanke_desk.foundation.roles import Role

SAID = template_actions.Text(
    body_zh="尊敬的{{ name }}，您的客户经理自{{ day }}起为{{ manager }}。您可到任一网点另行选择。",
    body_en="Dear {{ name }}, from {{ day }} {{ manager }} looks after you. To choose another, ask us.",
)


class Command(BaseCommand):
    """The text customers get who go to another manager, asked for by one person and approved by another; in a
    demo only."""

    help = "Makes the texts of a demo. Example: QUANKE_DESK_DEMO=1 quanke-desk demo_texts"

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.QUANKE_DEMO:
            raise CommandError("texts are made in a demo only: QUANKE_DESK_DEMO=1")
        code = text("books.notice_template").strip()
        if not code or Template.objects.filter(code=code).exists():
            return
        writes, approves = (
            Person.objects.get(username=f"demo-{role}") for role in (Role.ANALYST, Role.COMPLIANCE)
        )
        made = template_actions.new_template(code, "客户经理变更告知", "sms", SERVICE, by=writes)
        template_actions.save_draft(made, SAID, by=writes)
        today = timezone.localdate()
        asked = template_actions.ask_approval(
            made, "DEMO-001", today, today + dt.timedelta(days=365), by=writes, reason="服务告知"
        )
        approvals.decide(asked.pk, True, by=approves)
        self.stdout.write(f"template {code} (sms, {SERVICE}) is approved")
