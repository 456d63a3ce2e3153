"""The field that searches a long list: narrows it as one types, by keyboard alone, and changes nothing by
itself. The script stands alone, so a page of three lines is its desk."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

SCRIPT = files("quanke_desk.campaigns") / "static" / "campaigns" / "choosing.js"
OPTIONS = "".join(
    f"<option value='{n}'>{word} {n}</option>" for n, word in enumerate(["fund", "card"] * 4, 1)
)
PAGE = f"""<form onsubmit="return false"><select id="a" data-search="find"><option value="">-</option>
<optgroup label="g">{OPTIONS}</optgroup></select></form>"""


def left(page: Page) -> list[str]:
    return page.eval_on_selector("#a", "s => Array.from(s.options).map(o => o.value)")  # type: ignore[no-any-return]


def test_a_list_is_searched_by_keyboard(page: Page) -> None:
    page.set_content(PAGE)
    page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"))
    everything = left(page)
    assert len(everything) == 9
    page.get_by_label("find").focus()
    page.keyboard.type("CARD")
    assert left(page) == ["", "2", "4", "6", "8"], "what is chosen stays, and what has the word"
    assert page.input_value("#a") == "", "searching chooses nothing"
    page.keyboard.type(" 6")
    page.keyboard.press("Enter")
    assert page.input_value("#a") == "6" and page.evaluate("document.activeElement.id") == "a"
    page.get_by_label("find").focus()
    page.keyboard.press("Escape")
    assert left(page) == everything and page.input_value("#a") == "6", "in their order again"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "a"
    page.keyboard.press("ArrowDown")
    assert page.input_value("#a") == "7"
