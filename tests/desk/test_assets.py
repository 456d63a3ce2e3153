"""What comes from npm: the locked file or none, fetched once, and a word that helps without a registry."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = b"var echarts = {};"


@pytest.fixture
def build() -> Any:
    spec = importlib.util.spec_from_file_location("build_desk", ROOT / "build_desk.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path, build: Any) -> Path:
    """A checkout whose lock names an archive in the folder beside it."""
    (tmp_path / "given").mkdir()
    archive = tmp_path / "given" / "echarts-9.9.9.tgz"
    with tarfile.open(archive, "w:gz") as held:
        for name in build.FILES:
            entry = tarfile.TarInfo(name)
            entry.size = len(SCRIPT)
            held.addfile(entry, io.BytesIO(SCRIPT))
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    lock = {"packages": {"node_modules/echarts": {"version": "9.9.9", "integrity": f"sha512-{digest}"}}}
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    return tmp_path


def test_the_locked_file_is_taken_and_not_fetched_twice(
    build: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANKE_ASSETS", str(root / "given"))
    assert not build.is_there(root)
    build.bring_echarts(root)
    folder = build.folder_of(root)
    assert (folder / "echarts.min.js").read_bytes() == SCRIPT and (folder / "LICENSE").is_file()
    monkeypatch.setenv("QUANKE_ASSETS", str(root / "nowhere"))
    build.bring_echarts(root)
    (folder / "echarts.min.js").unlink()
    with pytest.raises(build.AssetError, match=r"nowhere.*echarts-9\.9\.9\.tgz"):
        build.bring_echarts(root)


def test_another_file_is_refused(build: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANKE_ASSETS", str(root / "given"))
    archive = root / "given" / "echarts-9.9.9.tgz"
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(build.AssetError, match="not the file that was locked"):
        build.bring_echarts(root)
    assert not build.folder_of(root).exists()


def test_a_registry_that_does_not_answer(build: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not build.shutil.which("npm"):
        pytest.skip("no npm on this machine")
    monkeypatch.delenv("QUANKE_ASSETS", raising=False)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(build.AssetError, match=r"echarts-9\.9\.9\.tgz(?s:.)*npm_config_registry"):
        build.bring_echarts(root)


def test_this_checkout_holds_what_its_lock_names(build: Any) -> None:
    assert build.is_there(ROOT)
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert not any("resolved" in entry for entry in lock["packages"].values()), "no registry address"
