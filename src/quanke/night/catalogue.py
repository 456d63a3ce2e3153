"""The catalogue of a home: the standard definitions, its tier scheme and service matrix, and what the bank
added."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from quanke.bank.home import Home
from quanke.books.matrix import DEFAULT_MATRIX, ServiceMatrix
from quanke.books.matrix_file import FILE as MATRIX_FILE
from quanke.books.matrix_file import read_matrix
from quanke.books.matrix_tags import matrix_definitions, matrix_metrics
from quanke.checks import CHECKS
from quanke.customers import STANDARD_TAGS
from quanke.language import Catalogue, Definition
from quanke.language.declarations import load_python, read_definitions
from quanke.plans.scores.payments import PAYMENT_TAGS, PAYMENTS
from quanke.plans.scores.store import ModelStore
from quanke.segments import METRICS, tier_definitions, trigger_definitions


def standard_catalogue(matrix: ServiceMatrix = DEFAULT_MATRIX) -> Catalogue:
    """Everything Quanke brings along; `matrix` takes the place of the default service matrix."""
    brought = (*STANDARD_TAGS, *tier_definitions(), *matrix_definitions(matrix))
    return Catalogue((*brought, *METRICS, *matrix_metrics(matrix), *CHECKS, *trigger_definitions()))


def matrix_of(home: Home) -> ServiceMatrix:
    """The service matrix of a home: the bank's own (`service-matrix.yaml`), or the default.

    Raises DefinitionError, naming the line, for a file that is no matrix.
    """
    path = home.path / MATRIX_FILE
    return read_matrix(path) if path.exists() else DEFAULT_MATRIX


def catalogue_of(home: Home, models: Container[str] | None = None) -> Catalogue:
    """The standard catalogue with the home's service matrix and its own definitions (`definitions/*.py`,
    `*.yaml`).

    What only an optional score reads is in it where that score is among `models` (default: those in use).
    """
    added: list[Definition] = []
    catalogue = standard_catalogue(matrix_of(home))
    if PAYMENTS in models if models is not None else ModelStore(home.path).chosen(PAYMENTS):
        catalogue = catalogue.with_more(PAYMENT_TAGS)
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
