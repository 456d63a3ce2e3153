"""A figure of the catalogue has the unit of what it gives, and counts people only where people are."""

from __future__ import annotations

import pytest

from quanke.bank.contracts import Purpose
from quanke.customers.tags.products import product_count
from quanke.effects.outcomes import catalogue_outcome
from quanke.language import Metric, total
from quanke.night.catalogue import standard_catalogue


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("aum_per_customer", "fen"),  # a mean of money: yuan, no percentage points
        ("aum_total", "fen"),
        ("products_per_customer", ""),  # a mean of whole numbers is no share
        ("investment_share_total", "rate"),
        ("effective_rate", "rate"),
        ("effective_customers", "people"),
        ("is_person", "people"),
        ("product_count", ""),
    ],
)
def test_the_unit_is_that_of_the_result(name: str, unit: str) -> None:
    assert catalogue_outcome(standard_catalogue(), name).unit == unit


def test_a_count_of_products_is_not_people() -> None:
    held = Metric(
        name="products_in_all", title_zh="产品总数", title_en="Products in all",
        value=total(product_count), purpose=Purpose.STATISTICS,
    )  # fmt: skip
    assert catalogue_outcome(standard_catalogue().with_more([held]), "products_in_all").unit == ""
