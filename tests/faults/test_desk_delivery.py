"""kill -9 of deliveries at random moments, two at once: each row is in the home's tables once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from quanke.bank.home import Home
from tests.faults.desk_at import copy_to_load, in_desk

KILLS, EACH = 6, 40
DELIVERED = """
from quanke_desk.foundation.delivery import deliver
from quanke_desk.foundation.models import Outgoing
from quanke_desk.foundation.outbox import put

moments = random.Random(20_260_630)
killed = given = 0
while killed < %(kills)s and given < 30:
    with transaction.atomic():
        for n in range(given * %(each)s, (given + 1) * %(each)s):
            row = {"date": "2026-07-01", "means": "call"} | ({"post_id": "nowhere"} if n %% 10 == 0 else {})
            put("contacts", f"desk-c{n}", row, customer=n)
    given += 1
    pair = [fork(deliver) for _ in range(2)]
    time.sleep(moments.uniform(0.02, 0.4))
    killed += sum([kill(child) for child in pair])
os.waitpid(fork(deliver), 0)
tell([killed, given, list(Outgoing.objects.order_by("id").values_list("key", "rule", "batch"))])
"""


def test_deliveries_killed_at_random_moments(after_june: Path, tmp_path: Path) -> None:
    home = copy_to_load(after_june, tmp_path / "home")
    killed, given, rows = in_desk(home, DELIVERED % {"kills": KILLS, "each": EACH})
    assert killed >= KILLS and len(rows) == given * EACH and all(batch for _, _, batch in rows)
    assert {key for key, rule, _ in rows if rule} == {f"desk-c{n}" for n in range(0, given * EACH, 10)}
    loaded = Counter(
        key
        for file in Home.open(home).facts("contacts")
        for key in pq.read_table(file, columns=["contact_id"])["contact_id"].to_pylist()
        if key.startswith("desk-c")
    )
    assert loaded == Counter({f"desk-c{n}": 1 for n in range(given * EACH) if n % 10})
    assert not list((home / "desk" / "outgoing").glob("[0-9]*"))
