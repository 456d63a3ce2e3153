"""Audience text, example by example, and how it is said again."""

from __future__ import annotations

import datetime as dt
import pickle
from random import Random

import pytest

from quanke.bank.contracts import Purpose
from quanke.engines.memory import value_of
from quanke.kernel.errors import AudienceError
from quanke.language import Expression, as_of, customers, yuan
from quanke.language.audience import parse_audience
from quanke.language.audience_text import say_audience
from quanke.language.types import Kind
from quanke.segments.index import AudienceIndex
from quanke.segments.index.conditions import columns_of
from tests.generative.values import AS_OF, maybe
from tests.segments.small_index import opened
from tests.spec.audience_catalogue import CATALOGUE, aum, has_fund, tier, transfers
from tests.spec.cases.audience import REFUSED, UNDERSTOOD, Refused, Understood
from tests.spec.tables import Table

ALL_UNDERSTOOD = [example for group in UNDERSTOOD.values() for example in group]
ALL_REFUSED = [example for group in REFUSED.values() for example in group]


def refused(text: str, **options: object) -> AudienceError:
    with pytest.raises(AudienceError) as caught:
        parse_audience(text, CATALOGUE, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize("example", ALL_UNDERSTOOD, ids=lambda e: e.text[:60])
def test_what_a_text_means(example: Understood) -> None:
    got = parse_audience(example.text, CATALOGUE)
    assert got.node == example.means.node
    again = say_audience(got.node, names=CATALOGUE)
    assert parse_audience(again, CATALOGUE).node == got.node


@pytest.fixture(scope="module")
def customers_of_every_kind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, AudienceIndex]:
    """Some customers, with random values of whatever the examples read, and the index over them."""
    r = Random(7)
    reads = {n.name: n.type for e in ALL_UNDERSTOOD for n in columns_of(e.means.node)}  # type: ignore[union-attr]
    chosen = {"city": ["深圳", "东莞", 'a"b'], "tier": ["core", "rising", "online"]}

    def value(name: str, kind: Kind) -> object:
        if name in chosen:
            return r.choice([*chosen[name], None])
        return r.randint(0, 20_000_000) if kind is Kind.MONEY else maybe(r, kind)

    rows = 700
    table = Table(reads, {name: [value(name, of.kind) for _ in range(rows)] for name, of in reads.items()})
    return table, opened(table, tmp_path_factory.mktemp("index"))


@pytest.mark.parametrize("example", ALL_UNDERSTOOD, ids=lambda e: e.text[:60])
def test_the_index_finds_whom_the_judge_finds(
    example: Understood, customers_of_every_kind: tuple[Table, AudienceIndex]
) -> None:
    table, index = customers_of_every_kind
    node = parse_audience(example.text, CATALOGUE).node
    wanted, refused_ = [], False
    for number, row in enumerate(table.rows):
        try:
            if value_of(node, AS_OF, lambda inner, row=row: row[inner.name]) is True:  # type: ignore[misc]
                wanted.append(number)
        except OverflowError:
            refused_ = True
    if refused_:
        with pytest.raises(OverflowError):
            index.members(node)
        return
    assert index.members(node).numbers().tolist() == wanted
    assert index.count(node) == len(wanted)


@pytest.mark.parametrize("example", ALL_REFUSED, ids=lambda e: ascii(e.text[:60]))
def test_what_is_refused(example: Refused) -> None:
    error = refused(example.text)
    assert (error.column, example.reason in error.reason) == (example.column, True), str(error)


def test_an_error_points_under_wide_characters() -> None:
    error = refused("城市 == “深圳” and 无名 > 5")
    assert error.column == 16
    text, caret = error.pointer().splitlines()
    assert text == "城市 == “深圳” and 无名 > 5"
    assert len(caret) == 16 - 1 + sum(ch in "城市深圳" for ch in text) + 1


def test_an_error_never_repeats_what_was_typed_in_quotes_or_as_a_name() -> None:
    for text in ('tier == "王小明"', "name == 王小明", 'holds("王小明")', "phone > 13800001234 and 王小明"):
        assert "王小明" not in str(refused(text)) and "1380000" not in str(refused(text))


def test_an_error_survives_pickling() -> None:
    error = refused("aum >")
    again = pickle.loads(pickle.dumps(error))
    assert (again.column, again.reason) == (error.column, error.reason)


def test_a_purpose_opens_what_it_may_read() -> None:
    assert isinstance(parse_audience("bureau > 600", CATALOGUE, purpose=Purpose.RISK), Expression)
    assert "not for risk" not in str(refused("bureau >", purpose=Purpose.RISK))


def test_money_of_another_home() -> None:
    bare = parse_audience("aum >= 50_000", CATALOGUE, currency="CZK")
    assert bare.node == (aum >= yuan(50_000)).node
    assert parse_audience("aum >= 50_000 CZK", CATALOGUE, currency="CZK").node == bare.node
    assert say_audience(bare.node, currency="CZK") == "aum >= 50_000 CZK"
    assert "amounts are in CZK here" in str(refused("aum >= 50_000元", currency="CZK"))
    assert refused("aum >= 5 万元", currency="CZK").column == 10


def test_as_of_can_be_fixed() -> None:
    day = dt.date(2026, 6, 30)
    fixed = parse_audience("opened_on < as_of", CATALOGUE, as_of=day)
    assert fixed.node == (customers.opened_on < day).node
    assert parse_audience("opened_on < as_of", CATALOGUE).node == (customers.opened_on < as_of()).node


def test_earlier_is_asked_only_where_there_is_another_night() -> None:
    moved = parse_audience("earlier(tier) != tier", CATALOGUE, earlier=True)
    assert say_audience(moved.node) == "earlier(tier) != tier"


def test_what_is_said_reads_like_what_was_typed() -> None:
    typed = 'tier == "core" and aum_90d >= 50_000元 and not has_fund and city in ("深圳", "东莞")'
    assert say_audience(parse_audience(typed, CATALOGUE).node, names=CATALOGUE) == typed


def test_a_long_row_is_joined_as_a_low_tree() -> None:
    text = " or ".join(f"transfers == {i}" for i in range(400))
    node = parse_audience(text, CATALOGUE).node
    assert say_audience(node) == text


def test_an_audience_cannot_say_an_aggregate() -> None:
    with pytest.raises(ValueError, match="aggregate"):
        say_audience(aum.expression)


def test_a_tag_named_like_a_keyword_stands_between_backquotes() -> None:
    from tests.spec.audience_catalogue import tag

    odd = CATALOGUE.with_more([tag("between", transfers > 5), tag("as_of", has_fund), tag("year", tier)])
    node = parse_audience('`between` and `as_of` and year == "core"', odd).node
    assert say_audience(node) == '`between` and `as_of` and year == "core"'
    assert parse_audience(say_audience(node), odd).node == node


def test_a_tag_wins_over_a_field_of_its_name() -> None:
    from tests.spec.audience_catalogue import tag

    both = CATALOGUE.with_more([tag("city", customers.district)])
    bare, dotted = (parse_audience(t, both).node for t in ('city == "a"', 'customers.city == "a"'))
    assert bare != dotted
    assert say_audience(dotted, names=both) == 'customers.city == "a"'
    assert say_audience(bare, names=both) == 'city == "a"'
