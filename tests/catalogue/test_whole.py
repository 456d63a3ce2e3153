"""The catalogue as a whole: complete, bilingual, walled."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import quanke.customers.tags as tags_package
from quanke.bank.contracts import CATEGORIES, Purpose, Sensitivity
from quanke.customers import STANDARD_TAGS
from quanke.language import Check, Definition, Tag
from quanke.language.facts import field_of
from quanke.language.nodes import Column, walk
from quanke.language.types import Kind
from tests.catalogue.bank import CATALOGUE

EVERYTHING = tuple(CATALOGUE.values())


def chinese(text: str) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


def named(definition: Definition) -> str:
    return definition.name


def test_it_is_large_enough() -> None:
    assert len(CATALOGUE.tags) >= 75
    assert len(CATALOGUE.metrics) >= 20
    assert len(CATALOGUE.checks) >= 20


def test_the_names_that_stay_are_there() -> None:
    for name in ("aum", "aum_90d", "tier", "edge", "stage", "cluster"):
        assert isinstance(CATALOGUE[name], Tag)


@pytest.mark.parametrize("definition", EVERYTHING, ids=named)
def test_titles_unit_and_notes(definition: Definition) -> None:
    assert chinese(definition.title_zh)
    assert not chinese(definition.title_en)
    assert definition.title_en[0].isupper()
    assert definition.unit, "a reader must know what is counted"
    assert bool(definition.note_zh) == bool(definition.note_en), "a note stands in both languages or in none"
    assert not chinese(definition.note_en)
    if isinstance(definition, Check):
        assert definition.note_en, "a finding says which rule it stands on"


def test_no_title_stands_twice() -> None:
    for titles in ([d.title_zh for d in EVERYTHING], [d.title_en.lower() for d in EVERYTHING]):
        assert sorted(titles) == sorted(set(titles))


def test_every_tag_of_a_theme_is_in_the_catalogue() -> None:
    listed = {id(tag) for tag in STANDARD_TAGS}
    for module in pkgutil.iter_modules(tags_package.__path__):
        found = importlib.import_module(f"{tags_package.__name__}.{module.name}")
        for name, value in vars(found).items():
            if isinstance(value, Tag):
                assert id(value) in listed, f"{module.name}.{name} is in no TAGS"


def test_holds_has_a_tag_for_every_category() -> None:
    for category in CATEGORIES:
        assert CATALOGUE[f"has_{category}"].result.kind is Kind.BOOLEAN


def fields_below(name: str) -> set[Column]:
    return {n for d in CATALOGUE.needed([name]) for n in walk(d.expression) if isinstance(n, Column)}


@pytest.mark.parametrize("definition", EVERYTHING, ids=named)
def test_nothing_reads_what_its_purpose_may_not(definition: Definition) -> None:
    for column in fields_below(definition.name):
        source = field_of(column)
        assert source is None or definition.purpose in source.purposes


def test_guesses_about_life_are_for_marketing_only() -> None:
    for name in ("life_phase", "is_young_family", "interest_topic", "rfm_segment", "campaign_response_365d"):
        assert CATALOGUE[name].purpose is Purpose.MARKETING


def test_findings_of_conduct_are_walled_off() -> None:
    readable = {d.name for d in CATALOGUE.checks if d.purpose is Purpose.SERVICE}
    assert readable == {
        "owner_missing",
        "outflow_to_recall",
        "maturity_unattended",
        "newcomer_not_welcomed",
        "visit_not_followed_up",
        "complaint_unanswered",
        "wages_stopped",
    }


def test_amounts_are_personal_financial_data() -> None:
    for definition in CATALOGUE.tags:
        if definition.result.kind is Kind.MONEY:
            assert CATALOGUE.sensitivity(definition.name) is Sensitivity.C2, definition.name


def test_the_night_reads_at_most_a_year_of_movements() -> None:
    """Movements are by far the largest table: an unbounded window there would make every night slower."""
    from quanke.engines.statements import plan

    planned = plan([*CATALOGUE.tags, *CATALOGUE.checks])
    import datetime as dt

    on = dt.date(2026, 6, 30)
    for table in ("transactions", "channel_events", "contacts", "pushes"):
        for aggregate in planned.aggregates[table]:
            first, _ = aggregate.window.days(on)
            assert (on - first).days < 366, (table, str(aggregate.window))
