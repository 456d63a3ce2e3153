"""Glossary, the two languages, links and locks."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IN_TWO_LANGUAGES = [ROOT / "README.md"] + [
    page
    for folder in ("tutorial", "how-to", "explanation")
    for page in sorted((ROOT / "docs" / folder).glob("*.md"))
    if not page.name.endswith(".zh-CN.md")
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(text: str) -> str:
    """A page without its code blocks and inline code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def headings(text: str) -> list[tuple[int, str]]:
    """Level and words of each heading."""
    found = re.finditer(r"^(#+) (.+)$", FENCE.sub("", text), re.MULTILINE)
    return [(len(match.group(1)), match.group(2).strip()) for match in found]


def anchors(text: str) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for _, words in headings(text):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words)
        kept = "".join(sign for sign in words.lower() if sign.isalnum() or sign in " -_")
        found.add(kept.strip().replace(" ", "-"))
    return found


def commands(text: str) -> list[str]:
    """What the code blocks say, without comments and blank lines."""
    lines = (line for _, block in FENCE.findall(text) for line in block.splitlines())
    return [kept for line in lines if (kept := re.sub(r"(^|\s+)#.*$", "", line).rstrip())]


def public_names() -> Iterator[tuple[str, str]]:
    """(package, name) for each name in the `__all__` of a package."""
    for path in sorted((ROOT / "src" / "quanke").rglob("__init__.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets) and node.value:
                    for name in ast.literal_eval(node.value):
                        yield where(path.parent), name


def glossary() -> list[list[str]]:
    """The rows of GLOSSARY.md's tables."""
    rows = []
    for line in (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and cells[0] != "name" and not set(line) <= set("|-: "):
            rows.append(cells)
    return rows


def test_every_public_name_is_in_the_glossary() -> None:
    known = {name for row in glossary() for name in re.findall(r"`([^`]+)`", row[0])}
    missing = [f"{package}: {name}" for package, name in public_names() if name not in known]
    assert not missing, "not in GLOSSARY.md:\n" + "\n".join(missing)


def test_glossary_rows_are_whole_and_stand_once() -> None:
    rows = glossary()
    assert len(rows) > 50
    broken = [row for row in rows if len(row) != 3 or not all(row)]
    assert not broken, f"a row is name | 中文 | meaning: {broken}"
    names = [row[0] for row in rows]
    assert sorted(set(names)) == sorted(names), "a name stands twice"


@pytest.mark.parametrize("page", IN_TWO_LANGUAGES, ids=where)
def test_both_languages_are_level(page: Path) -> None:
    twin = page.with_name(page.name.removesuffix(".md") + ".zh-CN.md")
    assert twin.exists(), f"{where(twin)} is missing"
    english, chinese = page.read_text(encoding="utf-8"), twin.read_text(encoding="utf-8")
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    assert commands(english) == commands(chinese)
    assert twin.name in english and page.name in chinese, "each page links to its twin"


@pytest.mark.parametrize("page", PAGES, ids=where)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lost = []
    for link in (first or second for first, second in LINK.findall(prose(text))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            lost.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            lost.append(f"{link}: no such heading")
    assert not lost, "\n".join(lost)


def test_every_page_of_docs_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    lost = [page for page in pages if page != "README.md" and f"({page})" not in index]
    assert not lost, f"docs/README.md does not name: {lost}"


def locked(name: str) -> dict[str, list[str]]:
    """Each requirement of an export with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {
        " ".join(w for w in words if not w.startswith("--hash")): [w for w in words if w.startswith("--hash")]
        for words in lines
    }


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-uv.lock"])
def test_locks_hold_hashes_and_no_addresses(name: str) -> None:
    packages = locked(name)
    assert packages
    assert all(packages.values()), "a package without a hash"
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_the_test_lock_holds_everything_the_plain_one_does() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


def python_blocks() -> list[tuple[Path, str]]:
    """The Python of each page, all its blocks one after another."""
    found = []
    for page in PAGES:
        blocks = [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == "python"]
        if blocks:
            found.append((page, "\n".join(blocks)))
    return found


@pytest.mark.parametrize(("page", "source"), [pytest.param(p, s, id=where(p)) for p, s in python_blocks()])
def test_python_in_the_docs_runs(
    page: Path, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(source, where(page), "exec"), {"__name__": "__docs__"})  # fails by raising


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = (ROOT / "src" / "quanke" / "__init__.py").read_text(encoding="utf-8")
    stated = re.search(r'^__version__ = "([^"]+)"', source, re.MULTILINE)
    assert stated is not None and stated.group(1) == project["version"]
    assert f"\n## {project['version']} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def yaml_blocks() -> list[tuple[Path, list[str]]]:
    """The definition files shown in each page, in order; a later one may build on an earlier one."""
    found = []
    for page in PAGES:
        blocks = [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == "yaml"]
        if blocks:
            found.append((page, blocks))
    return found


@pytest.mark.parametrize(("page", "sources"), [pytest.param(p, s, id=where(p)) for p, s in yaml_blocks()])
def test_definition_files_in_the_docs_compile(page: Path, sources: list[str], tmp_path: Path) -> None:
    # Imported here, so that the other papers are still read where the package itself is broken.
    from quanke.books import read_matrix
    from quanke.books.rules_file import RULES_FILE, read_rules
    from quanke.effects.groups import EffectRules, effect_rules
    from quanke.language.declarations import read_definitions
    from quanke.night import standard_catalogue
    from quanke.night.wealth_rules import read_wealth_rules
    from quanke.wealth.portfolios import read_house_view, read_settings

    catalogue = standard_catalogue()
    for number, source in enumerate(sources):
        file = tmp_path / f"shown{number}.yaml"
        file.write_text(source, encoding="utf-8")
        if source.startswith("# home/service-matrix.yaml"):
            catalogue = standard_catalogue(read_matrix(file))
            continue
        if source.startswith("# home/model-portfolios.yaml"):
            read_settings(file)
            continue
        if source.startswith("# home/house-view.yaml"):
            read_house_view(file)
            continue
        if source.startswith("# home/wealth.yaml"):
            assert read_wealth_rules(file).fingerprint
            continue
        if source.startswith("# home/effects.yaml"):
            file.rename(tmp_path / "effects.yaml")
            assert effect_rules(tmp_path) != EffectRules()
            continue
        if source.startswith(f"# home/{RULES_FILE}"):
            read_rules(file)
            continue
        shown = read_definitions(file, catalogue)
        longer = catalogue.with_more(shown)
        assert shown and len(longer) == len(catalogue) + len(shown)
        catalogue = longer
