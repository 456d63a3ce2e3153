"""Every text of the desk is there in both languages."""

from __future__ import annotations

import re
from pathlib import Path

from django.test import Client
from django.utils import translation

from quanke_desk.foundation.models import Person
from quanke_desk.foundation.roles import Role

ROOT = Path(__file__).parents[2] / "src" / "quanke_desk"


def texts() -> dict[str, str]:
    """Texts marked for translation, with the file that has them."""
    found = {}
    for path in ROOT.rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        for text in re.findall(r"{% translate (\"[^\"]+\"|'[^']+') %}", source):
            found[text[1:-1]] = path.name
        for text in re.findall(r"=_\(\"([^\"]+)\"\)", source):
            found[text] = path.name
        source = re.sub(r"(?s){% blocktranslate.*?{% endblocktranslate %}", "", source)
        left = re.sub(
            r"(?s)<kbd>.*?</kbd>|{% comment %}.*?{% endcomment %}|{[%{].*?[%}]}|<[^>]*>", " ", source
        )
        assert not re.search(r"[A-Za-z]{3,}", left.replace("English", "").replace("OpenAPI", "")), (
            f"{path.name}: untranslated text"
        )
    for path in ROOT.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for text in re.findall(r"\b(?:_|_lazy|_noop|gettext|gettext_lazy)\(\s*\"([^\"]+)\"\s*\)", source):
            found[text] = path.name
        for text in re.findall(r"(?:NotAllowed|TooMany)\(\"([^\"]+)\"\)", source):
            found[text] = path.name
    return found


def test_every_text_has_its_chinese() -> None:
    found = texts()
    assert len(found) > 70
    with translation.override("zh-hans"):
        missing = {t: f for t, f in found.items() if translation.gettext(t) == t}
    assert not missing


def test_a_page_in_both_languages(entered: dict[str, Client]) -> None:
    client = entered[Role.ADMINISTRATOR]
    page = client.get("/people/").content.decode()
    assert 'lang="zh-Hans"' in page and "人员" in page and "管理员" in page
    client.post("/language/", {"language": "en", "next": "/people/"})
    page = client.get("/people/").content.decode()
    assert 'lang="en"' in page and "Administrator" in page and "人员" not in page


def test_a_person_is_called_by_name(desk: dict[str, Person]) -> None:
    assert str(desk[Role.RISK]) == desk[Role.RISK].get_full_name() == desk[Role.RISK].name
