"""Writes the pages of docs/ that are made from code, or checks that they are fresh.

    python docs/generate.py            writes every page
    python docs/generate.py --check    compares, names the stale ones, exit status 1 if there are any

Each module of docs/generators/ makes one page: `PATH` says where it stands under docs/, `page()`
gives its text. To add a page, add a module there; nothing needs to be registered.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
SHOWN_LINES = 20


def generators() -> list[Path]:
    """The modules that make a page each, in name order."""
    return sorted(p for p in (DOCS / "generators").glob("*.py") if not p.stem.startswith("_"))


def made_by(source: Path) -> tuple[Path, str]:
    """The page a generator makes, and its text."""
    spec = importlib.util.spec_from_file_location(f"docs_generator_{source.stem}", source)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text: str = module.page()
    return DOCS / module.PATH, text if text.endswith("\n") else text + "\n"


def difference(page: Path, old: str, new: str) -> str:
    """The first lines in which a stale page and its code differ."""
    lines = list(
        difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"docs/{page.relative_to(DOCS)}", "code", lineterm="", n=0
        )
    )
    more = [f"... and {len(lines) - SHOWN_LINES} more lines"] if len(lines) > SHOWN_LINES else []
    return "\n".join(lines[:SHOWN_LINES] + more)


def main(words: list[str]) -> int:
    """Runs the command line above and gives the exit status."""
    if words not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = broken = 0
    for source in generators():
        try:
            path, new = made_by(source)
        except Exception as error:  # one broken generator must not hide what the others say
            broken += 1
            print(f"broken docs/generators/{source.name}: {type(error).__name__}: {error}")
            continue
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == new:
            print(f"fresh  docs/{path.relative_to(DOCS)}")
            continue
        stale += 1
        if words:
            print(f"stale  docs/{path.relative_to(DOCS)}")
            print(difference(path, old, new))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(new, encoding="utf-8", newline="\n")
            print(f"wrote  docs/{path.relative_to(DOCS)}")
    if stale and words:
        print("Write them anew with: python3 run.py docs")
    return 1 if broken or (stale and words) else 0


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))  # generators may read the specification tests
    sys.exit(main(sys.argv[1:]))
