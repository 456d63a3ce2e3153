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
CONTENT = b"what the package holds"


@pytest.fixture
def build() -> Any:
    spec = importlib.util.spec_from_file_location("build_desk", ROOT / "build_desk.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["ECHARTS", "FONT"])
def asset(build: Any, request: pytest.FixtureRequest) -> Any:
    """Each package that is brought."""
    return getattr(build, request.param)


@pytest.fixture
def root(tmp_path: Path, asset: Any) -> Path:
    """A checkout whose lock names an archive in the folder beside it."""
    (tmp_path / "given").mkdir()
    archive = tmp_path / "given" / asset.archive("9.9.9")
    with tarfile.open(archive, "w:gz") as held:
        for name in asset.files:
            entry = tarfile.TarInfo(name)
            entry.size = len(CONTENT)
            held.addfile(entry, io.BytesIO(CONTENT))
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    entry_of = {f"node_modules/{asset.package}": {"version": "9.9.9", "integrity": f"sha512-{digest}"}}
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": entry_of}))
    return tmp_path


def test_the_locked_file_is_taken_and_not_fetched_twice(
    build: Any, asset: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANKE_ASSETS", str(root / "given"))
    assert not build.is_there(root, asset)
    build.bring(root, asset)
    names = list(asset.files.values())
    assert all((asset.folder(root) / name).read_bytes() == CONTENT for name in names)
    monkeypatch.setenv("QUANKE_ASSETS", str(root / "nowhere"))
    build.bring(root, asset)
    (asset.folder(root) / names[0]).unlink()
    with pytest.raises(build.AssetError, match=rf"nowhere.*{asset.archive('9.9.9')}"):
        build.bring(root, asset)


def test_another_file_is_refused(build: Any, asset: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANKE_ASSETS", str(root / "given"))
    archive = root / "given" / asset.archive("9.9.9")
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(build.AssetError, match="not the file that was locked"):
        build.bring(root, asset)
    assert not asset.folder(root).exists()


def test_a_registry_that_does_not_answer(
    build: Any, asset: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not build.shutil.which("npm"):
        pytest.skip("no npm on this machine")
    monkeypatch.delenv("QUANKE_ASSETS", raising=False)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(build.AssetError, match=rf"{asset.archive('9.9.9')}(?s:.)*npm_config_registry"):
        build.bring(root, asset)


def test_this_checkout_holds_what_its_lock_names(build: Any) -> None:
    assert all(build.is_there(ROOT, asset) for asset in build.ASSETS)
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert not any("resolved" in entry for entry in lock["packages"].values()), "no registry address"


def test_the_font_has_what_chinese_names_and_marks_are_written_with() -> None:
    """GB 2312 whole, and names of people and places beyond it."""
    from quanke_desk.foundation.printed import printable

    both = [
        bytes([high, low]).decode("gb2312", "ignore")
        for high in range(0xB0, 0xF8)
        for low in range(0xA1, 0xFF)
    ]
    text = "".join(both) + "镕喆玥淼堃垚犇骉赟翀昇頔珺璟，。、《》“”％￥≥≤−–→□✓①"
    assert len(both) > 6_700 and [c for c in text if printable(c) != c] == []
