"""Who is sent nothing: compliance puts customers of a list under a block, and ends it, on record."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from quanke_desk.campaigns.models import Block
from quanke_desk.customers.at_night import reading
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.models import AuditEntry, Person
from quanke_desk.foundation.roles import Role
from tests.desk.test_policy import DAY, agreed, one
from tests.desk.test_sending import now

__all__ = ["now"]
AT = "/campaigns/blocks/"


def test_a_list_is_put_under_a_block_and_let_out(
    desk: dict[str, Person], entered: dict[str, Client], now: Any
) -> None:
    client, (me, other) = entered[Role.COMPLIANCE], agreed(count=2)
    assert AT in client.get("/").content.decode(), "in the menu"
    assert entered[Role.ANALYST].get(AT).status_code == entered[Role.RISK].get(AT).status_code == 403
    party = reading().rows("parties", other, ["source", "party_id"]).to_pylist()[0]
    given = {
        "customers": f"{me}\n{party['source']}:{party['party_id']}, {me}", "means": "any",
        "reason": "court order 12", "until": "2026-07-31",
    }  # fmt: skip
    page = client.post(AT, given, follow=True).content.decode()
    assert "：2。" in page and "court order 12" in page
    assert one(me) == one(other, purpose="service") == "blocked"
    assert one(me, dt.datetime.combine(dt.date(2026, 7, 31), dt.time(10), DAY.tzinfo)) == ""
    client.post(AT, given)
    assert Block.objects.count() == 2, "who is under it stays so"
    held = Block.objects.get(customer=me)
    assert (held.by, held.since) == (desk[Role.COMPLIANCE], DAY.date())
    assert f"?end={held.pk}#end" in client.get(f"{AT}?q={me}").content.decode()
    assert f'value="{held.pk}"' in client.get(f"{AT}?end={held.pk}").content.decode()
    client.post(AT, {"do": "end", "block": held.pk, "reason": ""})
    assert one(me) == "blocked", "not without a reason"
    client.post(AT, {"do": "end", "block": held.pk, "reason": "lifted"})
    assert one(me) == "" and one(other) == "blocked"
    actions = AuditEntry.objects.filter(action__startswith="campaigns.").values_list("action", "subject")
    assert list(actions.order_by("id")) == [
        *(("campaigns.block", f"customer:{c}") for c in sorted((me, other))),
        ("campaigns.unblock", f"customer:{me}"),
    ]


@pytest.mark.parametrize("whole", [20_000, 0], ids=["of a few", "of a whole base"])
def test_who_took_a_blocked_number_in_is_blocked(
    desk: dict[str, Person], now: Any, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    monkeypatch.setattr("quanke_desk.campaigns.known._WHOLE", whole)
    taken = {number: into for number, into in base().night.absorbed.items() if into is not None}
    was, mine = next((n, into) for n, into in taken.items() if one(into, purpose="service") == "")
    Block.objects.create(customer=mine + 1, means="any", since=DAY.date(), reason="x")
    assert one(mine, purpose="service") == ""
    late = dt.datetime.combine(dt.date(2026, 7, 31), dt.time(10), DAY.tzinfo)
    Block.objects.create(
        customer=was, means="any", since=DAY.date(), until=late.date(), reason="court order 12"
    )
    assert one(mine, purpose="service") == "blocked"
    assert one(mine, late, purpose="service") == "", "no longer than the other was"


def test_lists_that_are_none(desk: dict[str, Person], entered: dict[str, Client], now: Any) -> None:
    client, [me] = entered[Role.COMPLIANCE], agreed()
    good = {"customers": str(me), "means": "sms", "reason": "complaint", "until": ""}
    for wrong in (
        {"customers": f"{me} core:nobody"}, {"customers": " "}, {"customers": f"{me} " * 1001},
        {"means": "fax"}, {"reason": " "}, {"reason": "phone 13800001111"}, {"until": "2026-07-01"},
        {"until": "soon"},
    ):  # fmt: skip
        page = client.post(AT, {**good, **wrong}, follow=True).content.decode()
        assert "未" in page and not Block.objects.exists(), wrong
    client.post(AT, good)
    assert one(me) == "blocked" and one(me, purpose="service") == "" and Block.objects.get().until is None
    client.post(AT, {"do": "end", "block": "7" * 20, "reason": "x"})
    assert one(me) == "blocked"


def test_a_long_list_is_paged_and_a_customer_found_by_any_number(
    desk: dict[str, Person], entered: dict[str, Client], now: Any
) -> None:
    client, (me, other) = entered[Role.COMPLIANCE], agreed(count=2)
    party = reading().rows("parties", other, ["source", "party_id"]).to_pylist()[0]
    named = f"{party['source']}:{party['party_id']}"
    about: dict[str, Any] = {"since": DAY.date(), "reason": "court order", "by": desk[Role.COMPLIANCE]}
    Block.objects.create(customer=other, means="any", **about)
    Block.objects.bulk_create(Block(customer=me, means="sms", **about) for _n in range(230))
    first, last = (client.get(f"{AT}?page={n}").content.decode() for n in (1, 5))
    assert "<b>231</b>" in first and "1 / 5" in first and f"/customers/{other}/" not in first
    assert f"/customers/{other}/" in last, "the oldest, too"
    by_reason = client.get(f"{AT}?order=customer&page=1").content.decode()
    assert by_reason.count(f"/customers/{min(me, other)}/") >= 1
    for wanted in (named, str(other)):
        found = client.post(AT, {"do": "find", "q": wanted})
        assert found["Location"] == f"{AT}?q={other}", "an address names no number of a source"
    page = client.get(f"{AT}?q={other}").content.decode()
    assert "<b>1</b>" in page and f"/customers/{other}/" in page
    page = client.post(AT, {"do": "find", "q": "core:nobody"}, follow=True).content.decode()
    assert "未完成" in page and "core:nobody" not in page
