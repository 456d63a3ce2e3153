"""Tells the desk of arrivals as a ticket machine does: `POST /api/work/arrivals` with the machine's key.

python examples/lobby_machine.py --desk http://127.0.0.1:8321 --outlet 400000035 --kind id --value NUMBER

The key comes from QUANKE_MACHINE_KEY: not from the command line, where every user of the machine sees it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request


def tell(desk: str, key: str, told: dict[str, str], tries: int = 3) -> dict[str, object]:
    """Tells of one arrival. Told again with the same ticket it stays one visit, so trying again is safe."""
    ask = urllib.request.Request(
        f"{desk}/api/work/arrivals",
        json.dumps(told).encode(),
        {"Content-Type": "application/json", "X-Quanke-Key": key},
    )
    for left in reversed(range(tries)):
        try:
            with urllib.request.urlopen(ask, timeout=5) as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            if error.code < 500 or not left:
                raise
        except (urllib.error.URLError, TimeoutError):
            if not left:
                raise
        time.sleep(0.2)
    raise AssertionError("unreachable")


def main() -> int:
    """One arrival from the command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--desk", default="http://127.0.0.1:8321")
    words.add_argument("--outlet", required=True, help="number of the outlet")
    words.add_argument("--ticket", default=f"T{int(time.time()) % 100_000}")
    words.add_argument("--kind", choices=("ticket", "card", "id", "app"), default="ticket")
    words.add_argument("--value", default="", help="what the reader gave")
    asked = words.parse_args()
    key = os.environ.get("QUANKE_MACHINE_KEY", "")
    told = {"outlet": asked.outlet, "ticket": asked.ticket, "kind": asked.kind, "value": asked.value}
    try:
        print(json.dumps(tell(asked.desk, key, told)))
    except urllib.error.HTTPError as error:
        print(f"{error.code}: {error.read().decode()[:300]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
