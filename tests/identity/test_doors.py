"""What goes in and comes out: columns that lack, records that cannot be told apart, models as text."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from quanke.customers.identity import (
    LINKS,
    NORMALISED,
    IdentityModel,
    default_model,
    find_links,
    group,
    normalise,
    quality,
    resolve,
    train,
)
from quanke.kernel.errors import InputError
from tests.identity.people import decided, record, resident, table

COLUMNS = ["record_id", "customer", "outcome", "probability", "reason"]


def test_one_row_per_record_in_the_order_given() -> None:
    found = resolve(table([record("王芳", record_id="z"), record("李红", record_id="a")]))
    assert found.column_names == COLUMNS
    assert found["record_id"].to_pylist() == ["z", "a"] and found["customer"].to_pylist() == [0, 1]
    assert found["customer"].type == pa.int32() and found["reason"].to_pylist() == ["", ""]


def test_only_the_record_number_is_wanted() -> None:
    assert resolve(pa.table({"record_id": ["a", "b"]}))["customer"].to_pylist() == [0, 1]
    assert resolve(pa.table({"record_id": pa.array([], pa.string())})).num_rows == 0
    assert normalise(pa.table({"record_id": [7, 8]})).schema == NORMALISED


@pytest.mark.parametrize(
    ("records", "row"),
    [
        (pa.table({"name": ["李红"]}), None),
        (pa.table({"record_id": ["a", "b", "a"], "name": ["李红", "李红", "李红"]}), 3),
        (pa.table({"record_id": ["a", None]}), 2),
    ],
)
def test_a_record_that_cannot_be_named_is_refused(records: pa.Table, row: int | None) -> None:
    with pytest.raises(InputError) as refused:
        resolve(records)
    assert refused.value.field == "record_id" and refused.value.row == row
    assert "李红" not in str(refused.value)


def test_birth_dates_of_every_type_and_broken_ones() -> None:
    typed = {
        pa.date32(): date(1980, 2, 10),
        pa.timestamp("ms"): datetime(1980, 2, 10, 8),
        pa.string(): "19800210",
    }
    for kind, value in typed.items():
        found = normalise(pa.table({"record_id": ["a"], "birth_date": pa.array([value], kind)}))
        assert found["birth"].to_pylist() == ["19800210"] and found["birth_date"].to_pylist() == [
            date(1980, 2, 10)
        ]
    broken = normalise(pa.table({"record_id": ["a", "b"], "birth_date": ["1980-02-31", "unknown"]}))
    assert broken["birth"].to_pylist() == ["19800231", None] and broken["birth_date"].null_count == 2


def test_decisions_that_say_nothing_are_refused() -> None:
    records = table([record("李红"), record("李红")])
    for bad in (decided((0, 1, "maybe")), decided((0, 0, "same")), decided((0, 9, "same"))):
        with pytest.raises(InputError):
            resolve(records, decisions=bad)


def test_a_model_is_its_text() -> None:
    model = default_model()
    again = IdentityModel.from_json(model.to_json())
    assert again == model and again.fingerprint() == model.fingerprint()
    for text in ("", "{}", '{"prior": 0.5}', model.to_json().replace('"prior": 1e-05', '"prior": 7')):
        with pytest.raises(InputError):
            IdentityModel.from_json(text)


def test_few_records_teach_nothing() -> None:
    assert train(normalise(table([record("李红"), record("王芳")]))) == default_model()


def test_better_agreement_never_weighs_less_in_the_shipped_model() -> None:
    model = default_model()
    for field, m in model.m.items():
        ratios = [one / other for one, other in zip(m, model.u[field], strict=True)]
        assert all(better > worse for better, worse in pairwise(ratios)), field


def test_a_phone_of_a_whole_company_is_not_followed() -> None:
    """3,000 records with one telephone would be four million pairs; only what else agrees is looked at."""
    born = [date.fromordinal(720_000 + n).isoformat() for n in range(1_500)]
    names = [f"{chr(0x4E00 + n)}员" for n in range(1_500)]
    rows = [
        record(name, resident(birth.replace("-", "")), phone="13800138000", birth_date=birth)
        for name, birth in zip(names, born, strict=True)
    ]
    rows += [record(name, phone="13800138000") for name in names[:-1]]
    rows += [record(names[-1], phone="13800138000", birth_date=born[-1])]
    found = find_links(normalise(table(rows)), default_model())
    assert found.select(["left", "right", "outcome"]).to_pylist() == [
        {"left": 1_499, "right": 2_999, "outcome": "probable"}
    ]


def test_links_and_reasons_hold_no_value() -> None:
    shared = {"phone": "13800138000", "birth_date": "1980-02-10", "address": "深圳市梅林路12号304"}
    rows = [
        record("李红", resident(), **shared),
        record("李红", **shared),
        record("王芳", resident(), **shared),
    ]
    normalised = normalise(table(rows))
    links = find_links(normalised, default_model())
    assert links.schema == LINKS and links.num_rows == 2
    found = group(normalised, links).links
    for words in [*found["reason"].to_pylist(), *found["why"].to_pylist()]:
        assert words.isascii() and not any(sign.isdigit() for sign in words)
    by_pair = {(row["left"], row["right"]): row for row in found.to_pylist()}
    assert by_pair[0, 2]["outcome"] == "conflict" and by_pair[0, 2]["settled"] == "queued"
    assert by_pair[0, 1]["why"] == "a record is in conflict"
    assert by_pair[0, 1]["reason"] == "same name, birth date, phone and address; no document on one side"


def test_a_chain_that_hangs_together_too_weakly_is_not_closed() -> None:
    """a-b-c-d-e where only neighbours are alike: no group of five comes of it."""
    rows = [record(None, record_id=f"r{n}", email=f"m{n}@example.cn") for n in range(6)]
    links = pa.table(
        {
            "left": pa.array(range(5), pa.int32()),
            "right": pa.array(range(1, 6), pa.int32()),
            "outcome": ["probable"] * 5,
            "probability": [0.99, 0.98, 0.97, 0.96, 0.955],
            "reason": [""] * 5,
        }
    )
    found = group(normalise(table(rows)), links)
    sizes = np.unique(found.label, return_counts=True)[1]
    assert sizes.max() < 6
    assert "the group hangs together too weakly" in found.links["why"].to_pylist()


def test_quality_counts_pairs_and_whole_groups() -> None:
    perfect = quality([1, 1, 2], ["a", "a", "b"])
    assert set(perfect.values()) == {1.0}
    half = quality([1, 1, 1, 2], [0, 0, 3, 3])
    assert half["precision"] == 0.5 and half["recall"] == 1 / 3
    assert half["cluster_precision"] == 0.0 and half["cluster_recall"] == 0.0
    with pytest.raises(ValueError, match="per record"):
        quality([1], [1, 2])
