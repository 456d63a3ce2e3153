"""The same tests over PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ADDRESS = os.environ.get("QUANKE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")

NO_DATABASE = (
    *(
        f"--ignore=tests/desk/test_{name}.py"
        for name in (
            "addresses",
            "api",
            "assets",
            "books_in_chinese",
            "deploy",
            "designer",
            "foreign_customers",
            "local_form",
            "said_in_chinese",
            "second_factor",
            "single_sign_on",
            "words",
        )
    ),
    "--deselect=tests/desk/test_lobby.py::test_arrivals_while_a_night_is_written",
)
"""What asks nothing of the database that others do not, or a night of the library's: pages as every role,
words, forms, entering, what is served."""


@pytest.mark.service
@pytest.mark.timeout(800)
def test_the_desk_on_postgresql(tmp_path: Path) -> None:
    try:
        psycopg.connect(ADDRESS, connect_timeout=3).close()
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432 (QUANKE_TEST_POSTGRESQL names another)")
    words = [
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "-m",
        "not service",
        "--create-db",
        *NO_DATABASE,
        f"--basetemp={tmp_path}/in",
        "tests/desk",
    ]
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "QUANKE_DESK_DATABASE": ADDRESS},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
