"""kill -9 between a decision on a request and the event for the sources: both are there, or neither."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.faults.desk_at import in_desk

CUSTOMERS = 3
DECIDED = """
from quanke_desk.customers import actions, ordering
from quanke_desk.customers.models import DataRequest, Restriction
from quanke_desk.foundation import outbox
from quanke_desk.foundation.models import Outgoing, Person
from quanke_desk.foundation.opening import open_customer

def asked(customer, kind, **more):
    return actions.record_request(customer, kind, "customer asks", "F-2026-001", by=one, **more).pk

def begin():
    # in a process of its own: what reads a night has threads, and they do not live on in a fork
    import numpy as np
    from quanke_desk.foundation.analytic import base
    codes, numbers = base().codes("stage")
    for customer in np.flatnonzero(codes == numbers["prospect"])[:%(customers)s].tolist():
        open_customer(one, customer, "data_request", "customer asks")
        asked(customer, "correction", field="phone", right="13911112222")
        actions.decide_request(asked(customer, "deletion"), True, "yes", by=one)

call_command("bring_bank", verbosity=0, stdout=sys.stderr)
call_command("demo_people", verbosity=0, stdout=sys.stderr)
one = Person.objects.get(username="demo-compliance")
two = Person.objects.create(username="second", name="second", role="compliance")
assert os.waitpid(fork(begin), 0)[1] == 0
corrections, deletions = ([r.pk for r in DataRequest.objects.filter(kind=kind).order_by("pk")]
                          for kind in ("correction", "deletion"))

def decide(number, deletion):
    if deletion:
        actions.decide_deletion(number, True, "yes", by=two)
    else:
        actions.decide_request(number, True, "yes", by=one)

def dies_at(place, name):
    # before, or right after, what `name` of a module does
    held = getattr(place, name)
    def dying(*given, **more):
        if moments.random() < 0.5:
            held(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(place, name, dying)

def state():
    found = []
    for request in DataRequest.objects.order_by("pk"):
        orders = list(request.orders.values_list("pk", flat=True))
        told = Outgoing.objects.filter(table="source_orders", row__request=request.pk).count()
        no = Outgoing.objects.filter(table="consents", customer=request.customer).count()
        gone = Restriction.objects.filter(request=request).exists()
        found.append([request.kind, request.state, len(orders), told, no if gone else 0, gone])
    return found

moments = random.Random(20_260_630)
halves, killed = [], 0
for number, deletion in [*((n, False) for n in corrections), *((n, True) for n in deletions)]:
    for place, name in ((outbox, "tell"), (ordering, "order"), (None, "")):
        def work():
            moments.seed(number * 7 + len(name))
            if place is not None:
                dies_at(place, name)
            decide(number, deletion)
        child = fork(work)
        if place is None and number %% 2:
            time.sleep(moments.uniform(0, 0.05))
            kill(child)
            # whatever became of it, who finds it undecided decides again
            if DataRequest.objects.get(pk=number).state != "granted":
                os.waitpid(fork(lambda: decide(number, deletion)), 0)
        else:
            killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        halves.append(state())
tell([killed, halves])
"""


def test_a_decision_and_its_event_are_one(after_june: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(after_june, home)
    killed, seen = in_desk(home, DECIDED % {"customers": CUSTOMERS})
    assert killed == 4 * CUSTOMERS, "each decision was killed at two places"
    assert len(seen[-1]) == 2 * CUSTOMERS
    for rows in seen:
        for kind, state, orders, told, withdrawn, gone in rows:
            assert orders == told, "an order is told, an event has its order"
            assert (orders > 0) == (state == "granted")
            if kind == "deletion":
                assert gone == (state == "granted") and withdrawn == (8 if gone else 0)
    assert all(row[1] == "granted" for row in seen[-1])
