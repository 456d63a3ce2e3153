"""The protocol against a plain intersection of sets, and messages that are not what they should be."""

from __future__ import annotations

import csv
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from quanke.cli import main
from quanke.joint.contract import Sheet, normal, read_sheet
from quanke.joint.messages import (
    Header,
    Round,
    as_rows,
    header_of,
    read_message,
    row_numbers,
    split,
    write_message,
)
from quanke.joint.partner import answer_question, read_list, take_result
from quanke.joint.points import POINT, Mask, PointError, masked, masked_again
from quanke.joint.rounds import Mode, RoundError, answer, ask, meet
from quanke.kernel.calendars import SHANGHAI
from quanke.kernel.errors import InputError

KEY = bytes(range(32))
TEXTS = st.lists(st.integers(0, 40), unique=True, max_size=15).map(
    lambda numbers: [f"138{n:08d}" for n in numbers]
)


def sheet(**other: object) -> Sheet:
    now = dt.datetime.now(SHANGHAI).date()
    held = Sheet(
        "C-7",
        "Bank",
        "Mall",
        ("gift",),
        ("phone", "document"),
        now,
        now + dt.timedelta(days=30),
        3,
        1_000,
        KEY,
    )
    return replace(held, **other)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(bank=TEXTS, partner=TEXTS)
def test_the_protocol_finds_what_sets_share(bank: list[str], partner: list[str]) -> None:
    key, both = sheet().hash_key("phone"), set(bank) & set(partner)
    for mode in Mode:
        a = Mask()
        asked = ask(a, key, bank)
        answered = answer(mode, Mask(), key, asked.points, partner)
        found = meet(mode, Mask.of_hex(a.to_hex()), len(bank), answered.again, answered.own)
        assert found.count == len(both)
        assert asked.points == sorted(asked.points) and answered.own == sorted(answered.own)
        if mode is Mode.MATCH:
            theirs = [partner[answered.places[row]] for row in found.own]
            assert [bank[asked.places[row]] for row in found.asked] == theirs and set(theirs) == both
        else:
            assert found.asked == [] == found.own and answered.again == sorted(answered.again)


def test_masks_commute_and_hide() -> None:
    a, b = Mask(), Mask()
    texts = ["13800138000", "13800138001"]
    one, other = masked(a, KEY, texts), masked(b, KEY, texts)
    assert masked_again(b, one) == masked_again(a, other) != one
    assert masked(a, KEY[::-1], texts) != one, "another contract's key gives other points"
    assert masked(Mask(), KEY, texts) != one, "another question's mask gives other points"
    assert all(len(point) == POINT for point in one) and len(set(one)) == 2
    assert a.to_hex() not in repr(a)
    with pytest.raises(PointError):
        masked_again(a, [b"\xff" * POINT])


def test_several_processes_give_the_same() -> None:
    texts = [f"139{n:08d}" for n in range(5_600)]
    mask, told = Mask(), []
    made = masked(mask, KEY, texts, lambda at, of: told.append((at, of)), workers=2)
    assert made == masked(mask, KEY, texts) and told == [(5_000, 5_600), (5_600, 5_600)]


def test_answers_that_are_none() -> None:
    a, key = Mask(), sheet().hash_key("phone")
    texts = [f"138{n:08d}" for n in range(4)]
    asked = ask(a, key, texts)
    made = answer(Mode.MATCH, Mask(), key, asked.points, texts)
    with pytest.raises(RoundError, match="not as many"):
        meet(Mode.MATCH, a, 4, made.again[:3], made.own)
    with pytest.raises(RoundError, match="twice"):
        meet(Mode.COUNT, a, 4, made.again[:3] + made.again[:1], made.own)


@pytest.mark.parametrize(
    ("kind", "text", "is_"),
    [
        ("phone", "+86 138 0013 8000", "13800138000"),
        ("phone", "12345", None),
        ("document", "11010519491231002x", "11010519491231002X"),
        ("document", "110105194912310021", None),
    ],
)
def test_both_sides_write_identifiers_alike(kind: str, text: str, is_: str | None) -> None:
    assert normal(kind, text) == is_


def listed(path: Path, phones: list[str], consents: bool = True, encoding: str = "utf-8") -> Path:
    rows = "".join(f"{p},{'C' + str(n) if consents else ''}\n" for n, p in enumerate(phones))
    path.write_bytes(f"手机,consent\n{rows}".encode(encoding))
    return path


def question(path: Path, mask: Mask, phones: list[str], mode: Mode = Mode.MATCH, **other: object) -> Header:
    held = sheet()
    asked = ask(mask, held.hash_key("phone"), phones)
    soon = dt.datetime.now(SHANGHAI) + dt.timedelta(days=1)
    header = Header("C-7", "Q-1", Round.QUESTION, mode, "phone", "gift", soon, len(phones))
    header = replace(header, **other)  # type: ignore[arg-type]
    write_message(path, header, asked.points, held)
    return header


PHONES = [f"138{n:08d}" for n in range(8)]


def test_a_match_by_files(tmp_path: Path) -> None:
    a, held = Mask(), sheet()
    header = question(tmp_path / "q.qjoint", a, PHONES[:6])
    own = listed(tmp_path / "own.csv", [PHONES[7], PHONES[5], "x", PHONES[4], PHONES[4]], encoding="gb18030")
    state, out = tmp_path / "state", tmp_path / "a.qjoint"
    with pytest.raises(InputError, match="column of consents"):
        answer_question(tmp_path / "q.qjoint", held, own, "手机", out, state)
    reply, counts = answer_question(tmp_path / "q.qjoint", held, own, "手机", out, state, consent="consent")
    assert (reply.rows, reply.own, counts.malformed, counts.repeated) == (6, 3, 1, 1)
    got, body = read_message(out, held, Round.ANSWER)
    points = split(body)
    met = meet(Mode.MATCH, a, 6, points[:6], points[6:])
    assert met.count == 2
    told = replace(got, round=Round.RESULT, rows=2, own=0, count=2)
    write_message(tmp_path / "r.qjoint", told, as_rows(met.own), held)
    matched = tmp_path / "matched.csv"
    take_result(tmp_path / "r.qjoint", held, own, state, matched)
    rows = list(csv.reader(matched.open(encoding="utf-8")))
    assert [row[0] for row in rows] == ["手机", PHONES[5], PHONES[4]]
    raw = b"".join(p.read_bytes() for p in (*state.iterdir(), *tmp_path.glob("*.qjoint")))
    assert not any(p.encode() in raw for p in PHONES), "no identifier in a message or in what is kept"
    own.write_text(own.read_text(encoding="gb18030") + "1,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"own\.csv: is not the list"):
        take_result(tmp_path / "r.qjoint", held, own, state, tmp_path / "again.csv")
    with pytest.raises(InputError, match=r"q\.qjoint: was answered before"):
        answer_question(tmp_path / "q.qjoint", held, own, "手机", out, state, consent="consent")
    assert header.question == got.question


def test_without_a_persons_consent_a_row_stays_at_home(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("phone,consent\n" + "".join(f"{p},{'' if n < 5 else 'C'}\n" for n, p in enumerate(PHONES)))
    found = read_list(own, "phone", "phone", "consent")
    assert (found.texts, found.rows, found.without_consent) == (PHONES[5:], [6, 7, 8], 5)
    assert len(read_list(own, "phone", "phone").texts) == 8


def test_a_no_proves_no_consent_of_a_count_as_of_a_match(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    cells = ["no", " 0 ", "否", "False", "N/A", "C-1", "同意书2026-7", "Y3"]
    own.write_text("phone,consent\n" + "".join(f"{p},{c}\n" for p, c in zip(PHONES, cells, strict=True)))
    question(tmp_path / "q.qjoint", Mask(), PHONES[:6], Mode.COUNT)
    words = (sheet(), own, "phone", tmp_path / "a.qjoint", tmp_path / "state")
    reply, counts = answer_question(tmp_path / "q.qjoint", *words, consent="consent")
    assert (reply.own, counts.without_consent) == (3, 5) and counts.rows == [6, 7, 8]


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"purposes": ("other",)}, "does not name this purpose"),
        ({"kinds": ("document",)}, "does not allow this kind"),
        ({"until": dt.date(2020, 1, 1), "since": dt.date(2019, 1, 1)}, "not in force"),
        ({"contract": "C-8"}, r"q\.qjoint: belongs to another contract"),
        ({"key": bytes(32)}, r"q\.qjoint: was changed, or made by who has not"),
        ({"minimum": 7}, r"q\.qjoint: asks about fewer customers"),
        ({"most_rows": 3}, r"own\.csv: has more rows"),
    ],
)
def test_what_the_contract_forbids_the_partner(tmp_path: Path, of: dict[str, object], said: str) -> None:
    question(tmp_path / "q.qjoint", Mask(), PHONES[:6])
    own = listed(tmp_path / "own.csv", PHONES)
    with pytest.raises(InputError, match=said):
        answer_question(
            tmp_path / "q.qjoint", sheet(**of), own, "手机", tmp_path / "a", tmp_path / "s", consent="consent"
        )
    assert not (tmp_path / "a").exists() and not (tmp_path / "s").exists()


def test_a_list_too_small_is_not_compared(tmp_path: Path) -> None:
    question(tmp_path / "q.qjoint", Mask(), PHONES[:6], Mode.COUNT)
    own = listed(tmp_path / "own.csv", PHONES[:2])
    with pytest.raises(InputError, match=r"own\.csv: has fewer rows"):
        answer_question(tmp_path / "q.qjoint", sheet(), own, "手机", tmp_path / "a", tmp_path / "s")


def test_messages_that_are_not_right(tmp_path: Path) -> None:
    held, path = sheet(), tmp_path / "q.qjoint"
    question(path, Mask(), PHONES[:6])
    raw = path.read_bytes()
    magic, head, body = raw.split(b"\n", 2)

    def refused(changed: bytes, said: str, wanted: Round = Round.QUESTION) -> None:
        path.write_bytes(changed)
        with pytest.raises(InputError, match=said) as caught:
            read_message(path, held, wanted)
        assert str(caught.value).startswith("q.qjoint: ")

    refused(b"hello", "no message")
    refused(magic + b"\n{}\n", "no header")
    refused(magic + b"\n" + b"x" * 9_000, "no header")
    refused(raw[:-1], "shorter or longer")
    refused(raw + b"x", "shorter or longer")
    refused(raw[:-1] + bytes([raw[-1] ^ 1]), "damaged")
    refused(raw, "another round", Round.ANSWER)
    for name, value in {"purpose": "other", "rows": 5, "mode": "count", "digest": "0" * 64}.items():
        changed = json.dumps(json.loads(head) | {name: value}).encode()
        refused(magic + b"\n" + changed + b"\n" + body, "was changed")
    for crafted in (
        json.dumps(json.loads(head) | {"seal": "é"}),
        json.dumps(json.loads(head) | {"seal": "\ud800"}),
        json.dumps(json.loads(head) | {"rows": 2**31 - 1, "own": 2**31 - 1}),
    ):
        refused(magic + b"\n" + crafted.encode() + b"\n" + body, "was changed")
    refused(magic + b"\n" + head.replace(b'"rows": 6', b'"rows": Infinity') + b"\n" + body, "no header")
    refused(magic + b"\n" + b"[" * 4_000 + b"\n" + body, "no header")
    question(path, Mask(), PHONES[:6], rows=2**31 - 1, own=2**31 - 1)
    refused(path.read_bytes(), "shorter or longer")
    question(path, Mask(), PHONES[:6], expires=dt.datetime.now(SHANGHAI) - dt.timedelta(seconds=1))
    refused(path.read_bytes(), "has expired")
    with pytest.raises(InputError, match=r"none\.qjoint: cannot be read"):
        header_of(tmp_path / "none.qjoint")
    assert row_numbers(b"".join(as_rows([0, 7, 70_000]))) == [0, 7, 70_000]


def test_a_sheet_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "contract.json"
    path.write_text(sheet().to_json(), encoding="utf-8")
    assert read_sheet(path) == sheet() and KEY.hex() not in repr(sheet())
    whole = sheet().to_json()
    for bad in ("{}", "[" * 200_000, whole.replace('"minimum": 3', '"minimum": Infinity')):
        path.write_text(bad)
        with pytest.raises(InputError, match=r"contract\.json: is no contract sheet"):
            read_sheet(path)
    path.write_text("{}")
    with pytest.raises(InputError, match=r"contract\.json: is no contract sheet"):
        read_sheet(path)


def test_the_partners_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("contract.json").write_text(sheet().to_json(), encoding="utf-8")
    a, own, run = Mask(), listed(tmp_path / "own.csv", PHONES[3:]), CliRunner()
    question(tmp_path / "q.qjoint", a, PHONES[:6])
    said = run.invoke(main, ["joint", "show", "q.qjoint", "--json"])
    assert json.loads(said.output)["rows"] == 6
    words = ["joint", "answer", "q.qjoint", "--contract", "contract.json", "--list", str(own)]
    said = run.invoke(main, [*words, "--column", "phone"])
    assert said.exit_code == 1 and "column of consents" in said.output
    said = run.invoke(main, [*words, "--column", "手机", "--consent", "consent", "--json"])
    assert said.exit_code == 0 and json.loads(said.output)["own"] == 5
    got, body = read_message(Path("answer-Q-1.qjoint"), sheet(), Round.ANSWER)
    met = meet(Mode.MATCH, a, 6, split(body)[:6], split(body)[6:])
    told = replace(got, round=Round.RESULT, rows=3, own=0, count=3)
    write_message(Path("r.qjoint"), told, as_rows(met.own), sheet())
    words = ["joint", "result", "r.qjoint", "--contract", "contract.json"]
    said = run.invoke(main, [*words, "--list", str(own), "--out", "matched.csv"])
    assert said.exit_code == 0 and "on both lists: 3" in said.output
    assert len(Path("matched.csv").read_text().splitlines()) == 4
    said = run.invoke(main, [*words, "--list", str(own), "--out", "matched.csv"])
    assert said.exit_code == 1 and "matched.csv: is there already" in said.output


def test_an_answer_replaces_no_file(tmp_path: Path) -> None:
    question(tmp_path / "q.qjoint", Mask(), PHONES[:6], Mode.COUNT)
    own, out, state = listed(tmp_path / "own.csv", PHONES), tmp_path / "a.qjoint", tmp_path / "state"
    out.write_text("mine")
    with pytest.raises(InputError, match=r"a\.qjoint: is there already"):
        answer_question(tmp_path / "q.qjoint", sheet(), own, "手机", out, state)
    assert out.read_text() == "mine" and not state.exists()
    with pytest.raises(InputError, match=r"a\.qjoint: cannot be written"):
        answer_question(tmp_path / "q.qjoint", sheet(), own, "手机", tmp_path / "no" / "a.qjoint", state)
    assert not state.exists(), "it may be answered yet"
