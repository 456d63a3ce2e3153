"""A desk of its own on disk, and processes in it that can be killed: forks of one that has imported all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BEGIN = """
import json, os, random, signal, sys, time, traceback
os.environ["DJANGO_SETTINGS_MODULE"] = "quanke_desk.web.settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connections, transaction

def fork(work):
    # a process of its own; it has no connection of ours
    connections.close_all()
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)

def kill(child):
    # whether it was killed before it had ended by itself
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

def tell(value):
    print(json.dumps(value))
"""
MIGRATED = BEGIN + 'call_command("migrate", verbosity=0)\n'


def in_desk(home: Path, text: str, database: str = "", *, begin: str = MIGRATED, seconds: float = 600) -> Any:
    """Runs a text in a process of the desk over a home, `seconds` at most; what it told."""
    held = home / "desk" / "desk.sqlite3"
    if begin == MIGRATED and not database and not held.exists():
        held.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_migrated(), held)
    env = {
        **os.environ,
        "QUANKE_HOME": str(home),
        "QUANKE_DESK_DATABASE": database,
        "QUANKE_DESK_DEMO": "1",
        "QUANKE_DESK_LEASE": "1.5",
        "QUANKE_DESK_BACK_OFF": "0.1",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }
    done = subprocess.run(
        [sys.executable, "-c", begin + text], env=env, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def _migrated() -> Path:
    """An empty desk's database. Eighty migrations take ten seconds: they are made once for all tests, and
    anew when one of them is another."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "src" / "quanke_desk").glob("*/migrations/*.py")):
        found.update(path.name.encode() + path.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"quanke-migrated-{os.getuid()}-{found.hexdigest()[:16]}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            home = folder / "home"
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            env = {
                **os.environ,
                "QUANKE_HOME": str(home),
                "QUANKE_DESK_DATABASE": "",
                "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            }
            subprocess.run([sys.executable, "-c", MIGRATED], env=env, capture_output=True, check=True)
            (folder / "done").touch()
    return folder / "home" / "desk" / "desk.sqlite3"


def copy_to_load(given: Path, path: Path) -> Path:
    """A copy of what deliveries touch."""
    path.mkdir(parents=True)
    for name in ("home.json", "find.key", "loads", "numbers", "identity", "quarantine", "tables"):
        of = given / name
        if of.is_dir():
            shutil.copytree(of, path / name)
        elif of.exists():
            shutil.copy(of, path / name)
    return path
