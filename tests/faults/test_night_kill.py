"""kill -9 in the midst of a night from all rows and of a carried one: rerun, and what is published is an
undisturbed run's."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from quanke.bank.home import Home
from quanke.engines.tiles.columns import read_column
from quanke.night import night as run_night
from tests.homes import BUCKET, LAST, MAY
from tests.night.test_night import digest

KILLS = 8
CHILD = """
import datetime, itertools, os, signal, sys, threading
from pathlib import Path
from quanke.bank.home import Home
from quanke.customers.finding import building
from quanke.engines.tiles import TilePart
from quanke.night import night, on_tiles, run
from quanke.night.tile_store import TileStore

PLACES = {
    "a file is put in place": (os, "rename", "replace"),
    "rows are read": (on_tiles, "advance"),
    "values are carried": (on_tiles.CarriedPart, "carry"),
    "tiles are written": (TilePart, "write"),
    "a part is noted": (on_tiles._Step, "_write_note"),
    "tiles are put in place": (TileStore, "finish"),
    "the graph is made": (run, "graph_parts"),
    "the search is written": (building, "write_numbers"),
}

def strike(place, call, seconds):
    # kill -9 when this is about to be done for the call-th time, or some seconds later
    owner, *names = PLACES[place]
    calls = itertools.count(1)
    def kill():
        os.kill(os.getpid(), signal.SIGKILL)
    def watched(usual):
        def struck(*given, **named):
            if next(calls) == call:
                threading.Timer(seconds, kill).start() if seconds else kill()
            return usual(*given, **named)
        return struck
    for name in names:
        setattr(owner, name, watched(getattr(owner, name)))

home, day, bucket = Home.open(Path(sys.argv[1])), datetime.date.fromisoformat(sys.argv[2]), int(sys.argv[3])
strike(sys.argv[4], int(sys.argv[5]), float(sys.argv[6]))
night(home, day, bucket=bucket)
"""


def killed(home: Path, day: dt.date, place: str, call: int, seconds: float = 0) -> bool:
    """Whether a night in a process of its own was killed there; it may have ended before."""
    source = str(Path(__file__).resolve().parents[2] / "src")
    words = [str(home), day.isoformat(), str(BUCKET), place, str(call), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *words], env={**os.environ, "PYTHONPATH": source}, timeout=300
    )
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def same_tiles(found: Path, wanted: Path) -> None:
    """The same files with the same values (what lies under a null is nobody's)."""

    def files(home: Path, kind: Callable[[Path], bool]) -> list[Path]:
        folder = home / "tiles"
        return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and kind(p))

    def column(path: Path) -> bool:
        return path.suffix == ".arrow"

    assert files(found, lambda p: True) == files(wanted, lambda p: True)
    columns = files(wanted, column)
    assert columns
    for path in columns:
        one, other = (read_column(home / "tiles" / path) for home in (found, wanted))
        assert one.equals(other), path
    for path in files(wanted, lambda p: not column(p)):
        assert (found / "tiles" / path).read_bytes() == (wanted / "tiles" / path).read_bytes(), path


def test_a_killed_night_ends_in_the_same_bytes(loaded: Path, after_may: Path, tmp_path: Path) -> None:
    """Each run is killed some files further on than the last, every other one in the midst of the work on the
    next: so one after the other every step is struck, from who is who to publishing."""
    want = digest(after_may / "nights")
    draw = random.Random(20_260_630)
    home = tmp_path / "killed"
    shutil.copytree(loaded, home)
    published = home / "nights" / MAY.isoformat()
    kills = 0
    for strike in range(2 * KILLS):
        late = draw.uniform(0, 0.3) if strike % 2 else 0.0
        struck = killed(home, MAY, "a file is put in place", draw.randint(4, 12), late)
        kills += struck
        if published.exists():
            assert digest(home / "nights") == want
            shutil.rmtree(home / "nights")
            shutil.rmtree(home / "tiles")
        if kills == KILLS:
            break
    assert kills == KILLS, "nights ended before they were killed"
    run_night(Home.open(home), MAY, bucket=BUCKET)
    assert digest(home / "nights") == want
    same_tiles(home, after_may)


def test_a_night_killed_while_its_search_is_written_goes_on(
    loaded: Path, after_may: Path, tmp_path: Path
) -> None:
    """Groups that are whole are not written again, and those that are not begin anew."""
    home = tmp_path / "killed"
    shutil.copytree(loaded, home)
    assert killed(home, MAY, "the search is written", 4)
    folder = home / f"nights/.{MAY}.working/finding"
    there = {path.name: path.stat().st_ino for path in folder.iterdir() if not path.suffix}
    assert not (folder / "finding.json").exists() and list(folder.glob("*.making"))
    run_night(Home.open(home), MAY, bucket=BUCKET)
    assert digest(home / "nights") == digest(after_may / "nights")
    made = home / "nights" / MAY.isoformat() / "finding"
    assert {name: (made / name).stat().st_ino for name in there} == there
    assert not list(made.glob("*.making"))


MIDST = (
    ("rows are read", 1),
    ("values are carried", 2),
    ("tiles are written", 2),
    ("a part is noted", 1),
    ("tiles are put in place", 1),
    ("the graph is made", 1),
)
"""Where a carried night is struck, one after the other; each run goes on with what the one before left. The
first four lie in the step that carries the tags, in which two parts are worked on at a time."""


def test_a_killed_carried_night_ends_in_the_same_bytes(
    after_may: Path, after_june: Path, tmp_path: Path
) -> None:
    """The night of June, carried from May's, and the tiles it hands to the next one."""
    home = tmp_path / "killed"
    shutil.copytree(after_may, home)
    for place, call in MIDST:
        assert killed(home, LAST, place, call), place
        assert not (home / "nights" / LAST.isoformat()).exists()
        made = list((home / f"nights/.{LAST}.working/profile").glob("base-*.parquet"))
        noted = list((home / f"tiles/.{LAST}.working").glob("0*/note.json"))
        if MIDST.index((place, call)) < 4:
            assert len(noted) < 2, "the tags are not finished"
            assert made or place in ("rows are read", "values are carried"), "and some are there"
        else:
            assert len(made) == 2
    told = run_night(Home.open(home), LAST, bucket=BUCKET).night.manifest["tiles"]
    assert told["way"] == "carried" and told["parts_from_all_rows"] == []
    found, want = digest(home / "nights"), digest(after_june / "nights")
    assert [name for name in want if found.get(name) != want[name]] == []
    assert set(found) == set(want)
    same_tiles(home, after_june)
