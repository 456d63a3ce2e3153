"""Joint operations: a bank's customers against a partner's list, each step timed on its own.

    python3 run.py bench joint [--size CUSTOMERS] [--workers N] [--peer FOLDER] [--quick] [--json]

Phones are made of nothing; the partner's list is a fifth of the bank's, and a quarter of it is on both. The
messages are written to files and read back, seals and all. Beside it stand keyed digests, which is what is
usually done and what gives the lists away to whoever has the key; and, with --peer, openmined-psi from a
folder of its own (pip install --target FOLDER openmined-psi): it pins one version of protobuf.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hmac
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

if not __package__:  # called as `python benchmarks/joint.py`
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import machine
from quanke.joint import rounds
from quanke.joint.contract import Sheet
from quanke.joint.messages import Header, Round, read_message, split, write_message
from quanke.joint.points import Mask
from quanke.kernel.calendars import SHANGHAI

SIZE, QUICK, PEER_MOST = 1_000_000, 20_000, 20_000
Result = TypeVar("Result")


def lists(size: int) -> tuple[list[str], list[str], int]:
    """Phones of the bank, of the partner, and how many are on both."""
    own = size // 5
    both = own // 4
    return (
        [f"138{n:08d}" for n in range(size)],
        [f"138{n:08d}" for n in range(size - both, size - both + own)],
        both,
    )


def ours(size: int, workers: int) -> dict[str, Any]:
    """Seconds of each step of a match, on the wall and of the processors, and bytes of each message."""
    bank, partner, both = lists(size)
    today = dt.datetime.now(SHANGHAI)
    day = today.date()
    sheet = Sheet("BENCH", "bank", "partner", ("marketing",), ("phone",), day, day, 10, size, os.urandom(32))
    key, mask, seconds = sheet.hash_key("phone"), Mask(), {}

    def timed(name: str, do: Callable[[], Result]) -> Result:
        wall, busy = time.perf_counter(), _processors()
        found = do()
        seconds[name] = round(time.perf_counter() - wall, 2)
        seconds[f"{name}_processor"] = round(_processors() - busy, 2)
        return found

    with tempfile.TemporaryDirectory(prefix="quanke-joint-") as folder:
        question, reply = Path(folder) / "q.qjoint", Path(folder) / "a.qjoint"
        header = Header(
            "BENCH", "BENCH-1", Round.QUESTION, rounds.Mode.MATCH, "phone", "marketing",
            today + dt.timedelta(days=1), size,
        )  # fmt: skip
        asked = timed("bank_asks", lambda: rounds.ask(mask, key, bank, workers=workers))
        timed("question_written", lambda: write_message(question, header, asked.points, sheet))
        _header, body = timed("question_read", lambda: read_message(question, sheet, Round.QUESTION))
        made = timed(
            "partner_answers",
            lambda: rounds.answer(rounds.Mode.MATCH, Mask(), key, split(body), partner, workers=workers),
        )
        answer = Header(
            "BENCH", "BENCH-1", Round.ANSWER, rounds.Mode.MATCH, "phone", "marketing", header.expires, size,
            len(made.own),
        )  # fmt: skip
        write_message(reply, answer, [*made.again, *made.own], sheet)
        points = split(read_message(reply, sheet, Round.ANSWER)[1])
        met = timed(
            "bank_compares",
            lambda: rounds.meet(rounds.Mode.MATCH, mask, size, points[:size], points[size:], workers=workers),
        )
        if met.count != both:
            sys.exit(f"{met.count} found on both lists, {both} are")
        sizes = {"question_mb": question.stat().st_size, "answer_mb": reply.stat().st_size}
    return {**seconds, **{name: round(b / 1e6, 1) for name, b in sizes.items()}, "on_both": both}


def digests(size: int) -> dict[str, Any]:
    """Keyed digests of both lists, compared: no promise towards who has the key."""
    bank, partner, both = lists(size)
    key, began = os.urandom(32), time.perf_counter()
    mine = {hmac.digest(key, phone.encode(), "sha256") for phone in bank}
    found = len(mine.intersection(hmac.digest(key, phone.encode(), "sha256") for phone in partner))
    if found != both:
        sys.exit("digests found another number")
    return {"seconds": round(time.perf_counter() - began, 2)}


def openmined(folder: Path, size: int) -> dict[str, Any]:
    """The same question (how many) by openmined-psi, raw structure, in microseconds per identifier."""
    sys.path.insert(0, str(folder))
    import private_set_intersection.python as psi

    bank, partner, both = lists(size)
    server, client = psi.server.CreateWithNewKey(False), psi.client.CreateWithNewKey(False)
    began = time.process_time()
    setup = server.CreateSetupMessage(1e-9, len(partner), bank, psi.DataStructure.RAW)
    prepared = time.process_time()
    reply = server.ProcessRequest(client.CreateRequest(partner))
    if client.GetIntersectionSize(setup, reply) != both:
        sys.exit("openmined-psi found another number")
    done = time.process_time()
    return {
        "size": size,
        "setup_us_per_customer": round((prepared - began) / size * 1e6, 1),
        "rest_us_per_partner_row": round((done - prepared) / len(partner) * 1e6, 1),
    }


def _processors() -> float:
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench joint", description=__doc__)
    parser.add_argument("--size", type=int, default=0, help="customers of the bank; the partner has a fifth")
    parser.add_argument("--workers", type=int, default=1, help="processes of each side")
    parser.add_argument("--peer", type=Path, help="a folder with openmined-psi")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    size = given.size or (QUICK if given.quick else SIZE)
    about, found, plain = machine(), ours(size, given.workers), digests(size)
    peers = {"keyed_digests": plain}
    if given.peer:
        peers["openmined_psi"] = openmined(given.peer, min(size, PEER_MOST))
    whole = sum(found[step] for step in ("bank_asks", "partner_answers", "bank_compares"))
    told = {
        "name": "joint", "machine": about, "size": size, "workers": given.workers, "figures": found,
        "peers": peers, "ratios": {"whole_over_keyed_digests": round(whole / max(plain["seconds"], 0.01), 1)},
    }  # fmt: skip
    if given.json:
        print(json.dumps(told))
        return
    print(f"joint: {size:,} customers against {size // 5:,}, load {about['load_average_at_start']}")
    for name, value in {**found, **told["ratios"]}.items():
        print(f"  {name}: {value}")
    for name, value in peers.items():
        print(f"  {name}: {value}")


if __name__ == "__main__":
    main()
