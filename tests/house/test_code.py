"""Sizes and names under src/: nothing too long to read, nothing left open, no name that says nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
LONGEST_FILE = 500
LONGEST_FUNCTION = 70
EMPTY_NAMES = {"utils", "util", "misc", "helpers", "helper", "common", "manager"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def has_only_a_name(function: Function) -> bool:
    """Whether nothing happens in it: no body, `pass`, or a NotImplementedError."""
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if not body:
        return True
    if len(body) > 1:
        return False
    return isinstance(body[0], ast.Pass) or (
        isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.dump(body[0])
    )


def stubs(tree: ast.AST) -> Iterator[Function]:
    """Functions with only a name, outside protocols, abstract methods, overloads and command groups."""
    open_by_design: set[Function] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.dump(base) for base in node.bases):
            open_by_design.update(s for s in node.body if isinstance(s, Function))
    for function in functions(tree):
        marks = " ".join(ast.dump(mark) for mark in function.decorator_list)
        if any(m in marks for m in ("abstractmethod", "overload", "'group'")) or function in open_by_design:
            continue
        if has_only_a_name(function):
            yield function


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_read() -> None:
    assert len(SOURCES) > 5


@pytest.mark.parametrize("path", SOURCES, ids=where)
def test_source_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    findings = []
    if text.count("\n") > LONGEST_FILE:
        findings.append(f"{text.count(chr(10))} lines; a file has at most {LONGEST_FILE}")
    if EMPTY_NAMES & {path.stem, *path.relative_to(ROOT).parts[:-1]}:
        findings.append("the name says nothing about what is inside")
    for function in functions(tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > LONGEST_FUNCTION:
            findings.append(
                f"line {function.lineno}: {function.name} has {length} lines, at most {LONGEST_FUNCTION}"
            )
    findings += [f"line {function.lineno}: {function.name} does nothing yet" for function in stubs(tree)]
    assert not findings, "\n".join(findings)


def test_a_stub_is_seen_and_a_protocol_is_not() -> None:
    tree = ast.parse(
        "class P(Protocol):\n def f(self) -> int: ...\n"
        "def g():\n 'says'\n raise NotImplementedError\n"
        "def h():\n pass\n"
        "def k():\n return 1\n"
    )
    assert [function.name for function in stubs(tree)] == ["g", "h"]


def test_every_test_folder_says_what_it_proves() -> None:
    silent = [
        where(folder)
        for folder in sorted((ROOT / "tests").iterdir())
        if folder.is_dir() and any(folder.glob("test_*.py"))
        if not any(
            ast.get_docstring(ast.parse(paper.read_text(encoding="utf-8")))
            for paper in (folder / "__init__.py", folder / "conftest.py")
            if paper.exists()
        )
    ]
    assert not silent, f"no sentence in __init__.py or conftest.py: {silent}"
