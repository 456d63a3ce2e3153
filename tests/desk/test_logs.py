"""What logs hold: no query, no form, no value of a customer."""

from __future__ import annotations

import logging

import pytest

from quanke_desk.foundation.log_records import LOGGING, Cleaned, clean, places

PHONE, ID = "13900001111", "11010519491231002X"


@pytest.mark.parametrize(
    "text",
    [
        f"Not Found: /customers/?q={PHONE}",
        f"Bad Request: /customers/{PHONE}/",
        f"GET /find?name=%E5%BC%A0&phone=139-0000-1111 HTTP/1.1 {PHONE}",
        f"Invalid value {ID} for field",
        f"card 6222 0200 0000 1111 refused, {PHONE[:3]} {PHONE[3:7]} {PHONE[7:]}",
        "Field 'name' got '张伟' from zhang.wei@example.com",
    ],
)
def test_values_are_taken_out(text: str) -> None:
    cleaned = clean(text)
    for value in (PHONE, "139-0000-1111", "139 0000", ID, ID[:17], "6222 0200", "张伟", "zhang.wei", "%E5"):
        assert value not in cleaned


def test_what_helps_stays() -> None:
    assert clean("Not Found: /people/1234/ at 2026-06-30 in views.py:88") == (
        "Not Found: /people/1234/ at 2026-06-30 in views.py:88"
    )


def test_an_exception_is_its_kind_and_its_places() -> None:
    try:
        try:
            raise KeyError(PHONE)
        except KeyError:
            raise ValueError(f"phone {PHONE}") from None
    except ValueError as error:
        told = places(error)
        record = logging.LogRecord("x", 40, "x.py", 1, "%s: %s", ("Error", PHONE), (ValueError, error, None))
    assert "builtins.ValueError" in told and "builtins.KeyError" in told and "test_logs.py:" in told
    assert PHONE not in told
    assert Cleaned().filter(record)
    text = logging.Formatter("%(message)s").format(record)
    assert PHONE not in text and "builtins.ValueError" in text


def test_every_handler_cleans() -> None:
    assert all(h["filters"] == ["cleaned"] for h in LOGGING["handlers"].values())  # type: ignore[attr-defined]
