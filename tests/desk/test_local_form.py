"""Days, times and money stand everywhere in the form of the page's language, by one place."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone, translation

from quanke_desk.foundation import local_form
from quanke_desk.foundation.models import Notice, Person
from quanke_desk.foundation.notices import said
from quanke_desk.foundation.roles import May, Role
from tests.desk.test_customers import first_of

ROOT = Path(__file__).parents[2] / "src" / "quanke_desk"
DAY = dt.date(2026, 11, 3)
AT = dt.datetime(2026, 11, 3, 1, 5, 9, tzinfo=dt.UTC)
RAW = {
    "foundation/local_form.py",
    "foundation/exports.py",  # a file is read by a machine
    "campaigns/cohorts.py",  # the name of a campaign in the library's tables
    "campaigns/templatetags/effects.py",  # counts and ratios
}
"""Files of the desk that write a day or a number by themselves."""


@pytest.mark.parametrize(
    ("form", "given", "chinese", "english"),
    [
        ("day", DAY, "2026-11-03", "3 Nov 2026"),
        ("day", "2026-11-03", "2026-11-03", "3 Nov 2026"),
        ("day", None, "-", "-"),
        ("said_day", DAY, "2026年11月3日", "3 Nov 2026"),
        ("short_day", DAY, "11-03", "3 Nov"),
        ("week_day", DAY, "11-03 星期二", "Tuesday 3 Nov"),
        ("month", DAY, "2026-11", "Nov 2026"),
        ("message_day", DAY, "11月3日", "3 Nov 2026"),
        ("moment", AT, "2026-11-03 09:05", "3 Nov 2026 09:05"),
        ("moment", AT + dt.timedelta(hours=15), "2026-11-04 00:05", "4 Nov 2026 00:05"),
        ("short_moment", AT, "11-03 09:05", "3 Nov 09:05"),
        ("clock", AT + dt.timedelta(hours=12), "21:05", "21:05"),
        ("yuan", 123456, "¥1,234.56", "¥1,234.56"),
        ("yuan", -5, "-¥0.05", "-¥0.05"),
        ("yuan", 0, "¥0.00", "¥0.00"),
        ("yuan", None, "-", "-"),
        ("whole_yuan", -123456, "-¥1,235", "-¥1,235"),
        ("short_yuan", 99_999, "¥999.99", "¥999.99"),
        ("short_yuan", 12_340_000, "¥12.34万", "¥123.4K"),
        ("short_yuan", 120_000_000, "¥120万", "¥1.2M"),
        ("short_yuan", -12_000_000_000, "-¥1.2亿", "-¥120M"),
        ("written_yuan", 123456, "1,234.56元", "CNY 1,234.56"),
        ("band", 30_000_000, "20-50万", "¥200K-¥500K"),
        ("band", -1, "<0", "<0"),
        ("as_written", "-1,234.56元", "-1,234.56元", "-¥1,234.56"),
        ("as_written", "2026-11-03", "2026年11月3日", "3 Nov 2026"),
        ("as_written", "12 times", "12 times", "12 times"),
    ],
)
def test_each_form(form: str, given: object, chinese: str, english: str) -> None:
    for language, wanted in (("zh-hans", chinese), ("en", english)):
        with translation.override(language):
            assert getattr(local_form, form)(given) == wanted, language


def test_another_currency_is_no_yuan() -> None:
    assert local_form.amount(123456, "CNY") == "¥1,234.56"
    assert local_form.amount(123456, "USD") == "US$1,234.56"
    assert local_form.amount(123456, "JPY") == "JP¥123,456"


def test_a_notice_tells_its_day_as_its_reader_reads(desk: dict[str, Person]) -> None:
    text = "A follow-up was given to you, due on %(day)s"
    told = Notice(person=desk[Role.TELLER], text=text, values={"day": "2026-11-03"})
    assert "2026年11月3日" in said(told)
    with translation.override("en"):
        assert said(told).endswith("due on 3 Nov 2026")


def test_no_template_writes_a_day_or_an_amount_by_itself() -> None:
    wrong = []
    for path in ROOT.rglob("templates/**/*.html"):
        source = path.read_text(encoding="utf-8")
        # in attributes a machine reads: the day of a field, of a link, of <time>
        text = re.sub(r"=\"[^\"<>]*\"", "", source)
        for found in re.findall(r"{{[^}]*\|(?:date|time|floatformat|localize)\b[^}]*}}", text):
            wrong.append(f"{path.name}: {found}")
        for found in re.findall(r"\|date:['\"]([^'\"]*)['\"]", source):
            if found not in ("Y-m-d", "Y-m", "c"):
                wrong.append(f"{path.name}: date {found}")
        bare = r"{{ ?[\w.]*(?:_on|_at|_fen|\.since|\.until|\.expires|\.aum|\.fen)(?:\|default[^}|]*)? ?}}"
        wrong += [f"{path.name}: {found}" for found in re.findall(bare, text)]
    assert not wrong


def test_no_code_writes_a_day_or_an_amount_by_itself() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        source = path.read_text(encoding="utf-8")
        shown = r"%Y-%m-%d|strftime|:\+?,\.[02]f}|format_amount|mask_amount|\.isoformat\(\)\)?,? *\"[^\"]*%\("
        if name not in RAW and re.search(shown, source):
            wrong.append(name)
        # a day within a text that is translated
        if re.search(r"_\([^)]*\) % {[^}]*isoformat", source):
            wrong.append(f"{name}: a day of a sentence")
    assert not wrong


def words(page: str) -> str:
    """What a person reads of a page: no attributes, scripts, codes, values of fields."""
    page = re.sub(r"(?s)<(script|style|code|textarea)\b.*?</\1>|<!--.*?-->", " ", page)
    page = re.sub(r"(?s)<p class=\"code\">.*?</p>", " ", page)  # of an audience, in its own language
    return re.sub(r"<[^>]*>", " ", page)


ISO = re.compile(r"(?<![\d-])20\d\d-[01]\d(?:-[0-3]\d)?(?![\d-])")
MONTHS = re.compile(r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b")


def pages(client: Client, person: Person) -> list[str]:
    """Addresses of the menu, of a customer and his parts, and of what was noticed."""
    links = re.findall(r'<nav class="menu".*?</nav>', client.get("/").content.decode(), re.DOTALL)
    found = [*re.findall(r'<a href="([^"]+)"', links[0]), "/notices/", "/account/"]
    if person.may(May.OPEN) and person.may(May.FIND):
        customer, _ = first_of(person)
        at = f"/customers/{customer}/"
        found += [
            at,
            *(f"{at}part/{p}/" for p in ("money", "plan", "moves", "owners", "contacts", "consents")),
        ]
    return found


@pytest.mark.parametrize(
    "role", [Role.BRANCH_HEAD, Role.COMMITTEE, Role.ANALYST, Role.COMPLIANCE, Role.LOBBY]
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_page_mixes_forms(
    desk: dict[str, Person], entered: dict[str, Client], role: str, language: str
) -> None:
    person, client = desk[role], entered[role]
    client.post("/language/", {"language": language, "next": "/"})
    Notice.objects.create(
        person=person, text="A follow-up was given to you, due on %(day)s",
        values={"day": timezone.localdate().isoformat()},
    )  # fmt: skip
    other, seen = (ISO if language == "en" else MONTHS), 0
    for address in pages(client, person):
        text = words(client.get(address).content.decode())
        assert not other.findall(text), (address, other.findall(text)[:3])
        assert not re.search(r"\d\s*元", text) or language != "en", address
        seen += len((MONTHS if language == "en" else ISO).findall(text))
    assert seen, "the pages have days"
