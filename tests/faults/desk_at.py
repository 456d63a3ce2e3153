"""A desk of its own on disk, and processes in it that can be killed: forks of one that has imported all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
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
