"""run.py: mirrors are handed over both ways, failures are explained, a finished set-up is left alone."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quanke_run", ROOT / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pip_config_is_read_with_variables_over_files(run: ModuleType) -> None:
    text = (
        "global.index-url='https://old/simple'\n"
        "install.index-url='https://mirror/simple'\n"
        ":env:.find-links='/a /b'\n"
        "global.find-links='/c'\n"
        "list.format='columns'\n"
        "broken\n"
    )
    assert run.read_pip_config(text) == {"index-url": "https://mirror/simple", "find-links": "/a /b"}


def test_uv_gets_what_pip_was_told(run: ModuleType, tmp_path: Path) -> None:
    pip = {
        "index-url": "https://mirror/simple",
        "find-links": f"{tmp_path} /not/there",
        "extra-index-url": "https://second/simple file:///not/there",
        "cert": "/bank.pem",
    }
    env = run.uv_environ({"VIRTUAL_ENV": "/other"}, pip)
    assert env["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert env["UV_FIND_LINKS"] == str(tmp_path)
    assert env["UV_INDEX"] == "https://second/simple"
    assert env["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert env["SSL_CERT_FILE"] == "/bank.pem"
    assert "VIRTUAL_ENV" not in env


def test_a_wheel_without_what_the_build_brings_is_found(run: ModuleType, tmp_path: Path) -> None:
    desk = tmp_path / "quanke_desk"
    words = [desk / room / "locale/zh_Hans/LC_MESSAGES/django.po" for room in ("web", "work")]
    script = desk / "web/static/vendor/echarts/echarts.min.js"
    font = desk / "foundation/fonts/NotoSansSC-Regular.ttf"
    for path in (desk / "__init__.py", script, font, *words, *(po.with_suffix(".mo") for po in words)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")

    def looks() -> int:
        told = [sys.executable, "-c", run.BROUGHT]
        return subprocess.run(told, env={"PYTHONPATH": str(tmp_path)}, stderr=subprocess.DEVNULL).returncode

    assert looks() == 0
    words[1].with_suffix(".mo").unlink()
    assert looks() == 1
    words[1].with_suffix(".mo").write_text("x")
    script.write_text("")
    assert looks() == 1
    script.write_text("x")
    assert looks() == 0
    font.unlink()
    assert looks() == 1


def test_what_was_compiled_is_kept(run: ModuleType) -> None:
    plain = {"PATH": "/bin"}
    run.keep_bytecode(plain)
    assert plain == {"PATH": "/bin"}
    told = {"PYTHONDONTWRITEBYTECODE": "1"}
    run.keep_bytecode(told)
    assert told == {"PYTHONPYCACHEPREFIX": str(run.ROOT / ".tools" / "pycache")}
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/elsewhere"}
    run.keep_bytecode(own)
    assert own == {"PYTHONPYCACHEPREFIX": "/elsewhere"}


def test_uvs_own_settings_stay(run: ModuleType) -> None:
    env = run.uv_environ({"UV_DEFAULT_INDEX": "https://mine/simple"}, {"index-url": "https://pips/simple"})
    assert env["UV_DEFAULT_INDEX"] == "https://mine/simple"


def test_pip_gets_what_uv_was_told(run: ModuleType) -> None:
    env = run.pip_environ(
        {"UV_DEFAULT_INDEX": "bank=https://mirror/simple", "UV_FIND_LINKS": "/a,/b", "UV_NO_INDEX": "1"}, {}
    )
    assert env["PIP_INDEX_URL"] == "https://mirror/simple"
    assert env["PIP_FIND_LINKS"] == "/a /b"
    assert env["PIP_NO_INDEX"] == "1"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("error: error sending request for url (https://x/simple/pyarrow/)", "registry could not be reached"),
        ("ERROR: No matching distribution found for uv==0.13.9", "registry could not be reached"),
        ("Hash mismatch for `mdurl==0.1.2`", "not the one that was locked"),
        ("SyntaxError: invalid syntax", "What it said stands below"),
    ],
)
def test_failures_are_explained(run: ModuleType, said: str, expected: str) -> None:
    assert expected in run.explain_failure("Installing packages", said)


def test_passwords_in_addresses_are_not_shown(run: ModuleType) -> None:
    message = run.explain_failure("Installing", "Failed to fetch: https://who:secret@mirror/simple/rich/")
    assert "secret" not in message
    assert "https://***@mirror/simple/rich/" in message


@pytest.fixture
def finished(run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """run.py beside a project that is set up with the plain lock."""
    for name in ("pyproject.toml", "package-lock.json", run.RUN_LOCK, run.DEV_LOCK):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(run, "in_venv", lambda name: tmp_path / name)
    (tmp_path / "quanke").write_text("")
    run.write_stamp(run.RUN_LOCK)
    return run


def test_a_finished_setup_is_ready(finished: ModuleType) -> None:
    assert finished.is_ready(finished.RUN_LOCK)
    assert not finished.is_ready(finished.DEV_LOCK)
    finished.write_stamp(finished.DEV_LOCK)
    assert finished.is_ready(finished.RUN_LOCK) and finished.is_ready(finished.DEV_LOCK)


def test_windows_line_ends_do_not_undo_it(finished: ModuleType) -> None:
    (finished.ROOT / "pyproject.toml").write_bytes(b"a\r\nb\r\n")
    finished.write_stamp(finished.RUN_LOCK)
    (finished.ROOT / "pyproject.toml").write_bytes(b"a\nb\n")
    assert finished.is_ready(finished.RUN_LOCK)


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "package-lock.json", "requirements.lock", "quanke", "stamp.json"]
)
def test_a_change_undoes_it(finished: ModuleType, name: str) -> None:
    if name == "quanke":
        (finished.ROOT / name).unlink()
    else:
        (finished.ROOT / name).write_text("changed")
    assert not finished.is_ready(finished.RUN_LOCK)


def test_a_moved_folder_undoes_it(finished: ModuleType) -> None:
    stamp = json.loads(finished.STAMP.read_text())
    finished.STAMP.write_text(json.dumps({**stamp, "root": "/elsewhere"}))
    assert not finished.is_ready(finished.RUN_LOCK)


def test_the_summary_counts_by_folder(run: ModuleType) -> None:
    junit = (
        "<testsuites><testsuite>"
        '<testcase classname="tests.kernel.test_money" name="a" time="0.5"/>'
        '<testcase classname="tests.kernel.test_money.TestX" name="b" time="0.25"><failure/></testcase>'
        '<testcase classname="tests.bank.test_load" name="c" time="0"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    rows = [line.split() for line in run.summary(junit).splitlines()]
    assert ["kernel", "1", "1", "0", "0", "0.8"] in rows
    assert ["bank", "0", "0", "0", "1", "0.0"] in rows
    assert ["all", "1", "1", "0", "1", "0.8"] in rows


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--help"], 0, "python3 run.py demo"),
        ([], 2, "python3 run.py demo"),
        (["nonsense"], 2, "python3 run.py demo"),
        (["bench", "no-such-thing"], 1, "Which benchmark?"),
        (["setup", "--nonsense"], 1, "setup takes nothing"),
    ],
)
def test_the_command_line(words: list[str], status: int, said: str) -> None:
    ran = subprocess.run([sys.executable, ROOT / "run.py", *words], capture_output=True, text=True)
    assert ran.returncode == status
    assert said in ran.stdout + ran.stderr


def test_an_old_python_is_told_so(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(run, "newer_python", lambda: None)
    said: list[str] = []
    monkeypatch.setattr(run.sys, "stderr", type("E", (), {"write": said.append}))
    assert run.main(["demo"]) == 1
    assert "needs Python 3.11 or later" in "".join(said)
