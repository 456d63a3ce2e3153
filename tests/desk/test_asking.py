"""What a manager asks of others from a customer's page: the customer himself, a next step by a colleague."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from quanke_desk.books.models import Transfer
from quanke_desk.foundation.models import Approval, Notice, Person, Post, Purpose, Seat
from quanke_desk.foundation.opening import open_customer
from quanke_desk.foundation.roles import Role
from quanke_desk.foundation.scope import post_of
from quanke_desk.work.models import Contact, FollowUp
from tests.desk.test_books_changes import owned


@pytest.fixture
def asks(desk: dict[str, Person]) -> tuple[Person, Post, int]:
    """A manager with a post of his own, and a customer of another's whom he has opened."""
    customer, post = owned()
    person = desk[Role.WEALTH_MANAGER]
    mine = next(s.post for s in person.seats.filter(until=None).select_related("post"))
    assert mine.post_id != post
    open_customer(person, customer, Purpose.SERVE, "在网点接待")
    return person, mine, customer


def test_a_manager_asks_for_a_customer(
    desk: dict[str, Person], entered: dict[str, Client], asks: tuple[Person, Post, int]
) -> None:
    person, mine, customer = asks
    client, path = entered[Role.WEALTH_MANAGER], f"/work/customers/{customer}/"
    Post.objects.filter(pk=mine.pk).update(capacity=100_000)
    page = client.get(path).content.decode()
    assert 'value="ask_for"' in page and f"<option>{mine.post_id}</option>" in page
    words = {"do": "ask_for", "to": mine.post_id, "reason": "客户常来本网点"}
    elsewhere = Post.objects.exclude(pk=mine.pk).filter(role=mine.role)[0].post_id
    for wrong, rule in (
        ({"to": elsewhere}, "您今日不在该岗位"),
        ({"reason": " "}, "必须填写理由"),
        ({"do": "x"}, "未完成"),
    ):
        assert rule in client.post(path, {**words, **wrong}, follow=True).content.decode()
        assert not Approval.objects.exists()
    assert "已提交，待他人复核。" in client.post(path, words, follow=True).content.decode()
    transfer = Transfer.objects.get()
    assert (transfer.customer, transfer.to_post, transfer.asked_by) == (customer, mine, person)
    assert post_of(customer) != mine.post_id, "not before a head has decided"
    assert "同一" in client.post(path, words, follow=True).content.decode()
    assert Transfer.objects.count() == 1


def test_a_next_step_is_given_to_colleagues_only(
    desk: dict[str, Person], entered: dict[str, Client], asks: tuple[Person, Post, int]
) -> None:
    person, mine, customer = asks
    client, path, day = entered[Role.WEALTH_MANAGER], f"/work/customers/{customer}/", timezone.localdate()

    def colleague(
        name: str, role: str = Role.CUSTOMER_MANAGER, seat: bool = True, home: bool = True
    ) -> Person:
        made = Person.objects.create(
            username=name, name=name, role=role, branch=person.branch if home else desk[Role.RISK].branch
        )
        if seat:
            Seat.objects.create(person=made, post=mine, since=day)
        return made

    assert person.branch != desk[Role.RISK].branch
    near = colleague("near")
    others = [
        desk[Role.ADMINISTRATOR], desk[Role.PARTNER], colleague("far", home=False),
        colleague("bare", seat=False), colleague("cash", role=Role.TELLER),
    ]  # fmt: skip
    shown = client.get(path).context["colleagues"]
    assert near in shown and not set(others) & set(shown)
    on = (day + dt.timedelta(days=3)).isoformat()
    follow = {"do": "follow_up", "next_on": on}
    contact = {
        "customer": customer, "means": "call", "outcome": "interested", "next_on": on, "back": path,
    }  # fmt: skip
    for other in others:
        for where, words in ((path, follow), ("/work/record/", contact)):
            page = client.post(where, {**words, "next_for": other.pk}, follow=True).content.decode()
            assert "本机构有管户的同事" in page
    assert not FollowUp.objects.exists() and not Contact.objects.exists() and not Notice.objects.exists()
    for where, words in ((path, follow), ("/work/record/", contact)):
        client.post(where, {**words, "next_for": near.pk})
    assert list(FollowUp.objects.values_list("person", flat=True)) == [near.pk] * 2
    assert Notice.objects.filter(person=near).count() == 2
