"""kill -9 of senders at random moments, two at once: each message reaches the gateway once, none is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.faults.desk_at import in_desk

KILLS, EACH = 6, 60
SENT = """
import datetime as dt
from collections import Counter
from django.utils import timezone
from quanke_desk.campaigns import sending
from quanke_desk.campaigns.channels.sms_http import SmsGateway
from quanke_desk.campaigns.models import Send, Template, TemplateVersion
from quanke_desk.foundation.models import Outgoing, Person
from tests.desk.test_policy import DAY
from tests.desk.gateway import Gateway

started = time.time()
timezone.now = lambda: DAY + dt.timedelta(seconds=(time.time() - started) * 20)  # time runs fast
sending.LEASE, sending.FIRST_WAIT, SmsGateway.at_once = 8, 1, 5
taken = os.environ["QUANKE_HOME"] + "/taken"

class Slow(Gateway):
    # takes its time before it takes messages and says so: who is killed meanwhile cannot know
    def answer(self, call, told):
        time.sleep(0.1)
        super().answer(call, told)

gateway = Slow()
from django.conf import settings
settings.QUANKE_CHANNELS = {"sms": {"kind": "sms", "url": gateway.url, "patience": 2}}
by = Person.objects.create(username="p", name="p", role="analyst")
of = Template.objects.create(code="t", title="t", means="sms", purpose="service", made_by=by)
TemplateVersion.objects.create(template=of, number=1, body_zh="您好", state="approved", by=by,
                               valid_from=DAY.date(), valid_until=DAY.date() + dt.timedelta(days=9))
from quanke_desk.campaigns.addresses import addresses
from quanke_desk.campaigns.known import night_facts
there = [int(c) for c, ok in enumerate(night_facts().there & ~night_facts().ended) if ok]
people = list(addresses(there[:900], "sms"))[: %(count)s]
begin = int(DAY.timestamp())
Send.objects.bulk_create(
    Send(key=f"k{n}", customer=c, template="t", means="sms", purpose="service", wake=begin, made=begin)
    for n, c in enumerate(people))
moments = random.Random(20_260_701)
killed = rounds = 0
while killed < %(kills)s and rounds < 40:
    pair = [fork(lambda: sending.send_due(20)) for _ in range(2)]
    time.sleep(moments.uniform(0.3, 1.2))
    killed += sum([kill(child) for child in pair])
    rounds += 1
until = time.monotonic() + 40
while time.monotonic() < until and Send.objects.filter(state__in=["q", "h", "s"]).exists():
    sending.send_due(5)
    time.sleep(0.1)
tell([killed, dict(Counter(Send.objects.values_list("state", flat=True))), len(people), dict(gateway.got),
      len(gateway.asked), Send.objects.filter(tries__gt=1).count()])
"""


def test_senders_killed_at_random_moments(after_june: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(after_june, home)
    text = SENT % {"kills": KILLS, "count": EACH * 5}
    killed, states, count, got, asked, again = in_desk(home, text)
    assert killed >= KILLS and count == EACH * 5
    assert states == {"t": count}, json.dumps(states)
    assert got == {f"k{n}": 1 for n in range(count)}, "twice, or never"
    assert again > 0 and asked > 0, "nobody was killed in the middle"
