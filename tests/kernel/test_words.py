"""Errors, reasons and progress: the words with which everything else speaks."""

from __future__ import annotations

import pickle

import pytest

from quanke.kernel.errors import (
    AudienceError,
    CalendarError,
    DefinitionError,
    HomeError,
    InputError,
    NightError,
    QuankeError,
)
from quanke.kernel.progress import Progress, SilentProgress
from quanke.kernel.reasons import Reason, all_reasons, find_reason, reason

ERRORS = [
    (QuankeError("it is so"), "it is so"),
    (InputError("not a date", file="a.csv", row=3, field="date"), "a.csv, row 3, field date: not a date"),
    (InputError("not a date"), "not a date"),
    (DefinitionError("aum", "mixes units", "tags.py:12"), "tags.py:12: aum: mixes units"),
    (DefinitionError("aum", "mixes units"), "aum: mixes units"),
    (AudienceError("tier == ", 9, "something is missing"), "column 9: something is missing"),
    (HomeError("no home"), "no home"),
    (NightError("no night"), "no night"),
    (CalendarError("no year"), "no year"),
]


@pytest.mark.parametrize(("error", "sentence"), ERRORS)
def test_an_error_is_one_sentence_and_survives_pickling(error: QuankeError, sentence: str) -> None:
    assert str(error) == error.message == sentence
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == sentence
    assert vars(again) == vars(error)


def test_the_place_of_a_fault_is_filled_in_later() -> None:
    fault = InputError("not a date", field="date").at(file="a.csv", row=3, field="other")
    assert (fault.file, fault.row, fault.field) == ("a.csv", 3, "date")


def test_the_caret_stands_under_wide_characters() -> None:
    pointer = AudienceError("城市 == x", 4, "unknown").pointer()
    assert pointer == "城市 == x\n     ^"


def test_reasons_speak_both_languages() -> None:
    grown = reason("TEST.grown", "资产达到{aum}", "assets reached {aum}")
    assert find_reason("TEST.grown") is grown
    assert grown.say("zh", {"aum": "5万"}) == "资产达到5万"
    assert grown.say("en", {"aum": "50k"}) == "assets reached 50k"
    assert grown.facts == {"aum"}
    assert reason("TEST.grown", "资产达到{aum}", "assets reached {aum}") == grown
    with pytest.raises(ValueError, match="twice"):
        reason("TEST.grown", "别的", "something else")
    with pytest.raises(ValueError, match="different facts"):
        Reason("TEST.x", "资产{aum}", "assets {tier}")
    with pytest.raises(ValueError, match="code"):
        Reason("no code", "无", "none")
    codes = [one.code for one in all_reasons()]
    assert codes == sorted(codes)


def test_silent_progress_is_a_progress() -> None:
    progress: Progress = SilentProgress()
    with progress.step("rows", total=3) as step:
        step.advance()
        step.advance(2)
