"""The catalogue of a home: the standard definitions, its tier scheme, and what the bank added."""

from __future__ import annotations

from pathlib import Path

from quanke.bank.home import Home
from quanke.checks import CHECKS
from quanke.customers import STANDARD_TAGS
from quanke.language import Catalogue, Definition
from quanke.language.declarations import load_python, read_definitions
from quanke.segments import METRICS, tier_definitions, trigger_definitions


def standard_catalogue() -> Catalogue:
    """Everything Quanke brings along."""
    return Catalogue((*STANDARD_TAGS, *tier_definitions(), *METRICS, *CHECKS, *trigger_definitions()))


def catalogue_of(home: Home) -> Catalogue:
    """The standard catalogue with the home's own definitions (`definitions/*.py`, `*.yaml`)."""
    added: list[Definition] = []
    catalogue = standard_catalogue()
    for path in definition_files(home):
        if path.suffix == ".py":
            more = load_python(path)
        else:
            more = read_definitions(path, catalogue.with_more(added))
        added.extend(more)
    return catalogue.with_more(added)


def definition_files(home: Home) -> list[Path]:
    """The bank's own definition files, by name."""
    folder = home.path / "definitions"
    if not folder.is_dir():
        return []
    return sorted(
        p for p in folder.iterdir() if p.suffix in (".py", ".yaml", ".yml") and not p.name.startswith(".")
    )
