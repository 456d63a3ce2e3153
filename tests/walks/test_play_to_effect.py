"""From a play to its effect, the whole way: a group, a play with 20 % control, messages in the sandbox, a
customer who wants no more, a manager's task, weeks that pass, and the effect that was planted, read back."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Locator, Page, expect

import quanke
from quanke.bank.arranged import facts_sql
from quanke.bank.home import Home
from quanke.bank.load import load
from quanke.effects.groups import CampaignRegister
from quanke.kernel.progress import SilentProgress
from quanke_desk.foundation.demo import PASSWORD
from tests.walks.conftest import _env, served_desk
from tests.walks.pictures import picture
from tests.walks.test_compliance import in_english
from tests.walks.test_people import log_in

NAME, GROUP = "edge_lift", "aum_month >= 5_000元"
GAIN = 900_000
"""Fen that somebody who is persuaded brings, as in the sample bank's campaign at the edge of a tier."""
PERSUADED = 0.3
DAYS = 30
SETTING = """
import datetime as dt
from django.utils import timezone
from quanke_desk.campaigns.models import Template
from quanke_desk.campaigns.template_actions import ask_approval
from quanke_desk.foundation import approvals
from quanke_desk.foundation.models import ParameterValue, Person, Post, Seat
person = {p.role: p for p in Person.objects.all()}
today = timezone.localdate()
# whatever hour the walk is taken at, it is no quiet one
for name, to in (("contact.quiet_from", 0), ("contact.quiet_until", 0), ("contact.days_off", 0)):
    ParameterValue.objects.create(name=name, value=to, since=today, by=person["administrator"], reason="walk")
post = Post.objects.get(post_id="{post}")
Seat.objects.create(person=person["wealth_manager"], post=post, since=today, reason="walk")
"""
TEXTS = """
for template in Template.objects.filter(code__startswith="edge-"):
    asked = ask_approval(template, "审20260701号", today, today + dt.timedelta(days=60),
                         by=person["analyst"], reason="x")
    approvals.decide(asked.pk, True, by=person["compliance"])
"""
ROUNDS = """
import time
from quanke_desk.campaigns.models import Send
from quanke_desk.foundation.working import Worker
for _ in range(60):
    Worker().once()
    if Send.objects.filter(state="t").exists():
        break
    time.sleep(1)  # the desk's own worker lets the audience in meanwhile
from quanke_desk.work.models import FollowUp
print(FollowUp.objects.filter(kind="journey").first().due_on.isoformat())
"""
LATER = """
import time
from django.core.management import call_command
call_command("deliver")  # what was sent comes home to the library's tables
from quanke_desk.campaigns.moving import move_due
print(move_due(int(time.time()) + {days} * 86400).steps)
"""


def in_desk(home: Path, code: str) -> str:
    """Runs code in a process of the desk, as its worker is one."""
    begin = "import django\ndjango.setup()\n"
    env = {**_env(home), "DJANGO_SETTINGS_MODULE": "quanke_desk.web.settings"}
    words = [sys.executable, "-c", begin + code]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def seated(brought: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with somebody on a post that looks after wealthy customers of the group."""
    home = tmp_path_factory.mktemp("seated") / "home"
    shutil.copytree(brought, home)
    in_desk(home, SETTING.replace("{post}", wealthy_post(home)))
    return home


@pytest.fixture
def own(seated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A desk of one's own over a copy of it."""
    home = tmp_path_factory.mktemp("played") / "home"
    shutil.copytree(seated, home)
    with served_desk(home) as (at, command):
        command("work", "--once")
        yield at, home


def wealthy_post(home: Path) -> str:
    """The post that looks after most marketable customers from 800,000 yuan on."""
    night = quanke.open(home).night().read(["owner_post", "aum_month", "may_be_marketed"])
    rich = pc.and_kleene(night["may_be_marketed"], pc.greater_equal(night["aum_month"], 80_000_000))
    counts = Counter(post for post in night["owner_post"].filter(rich).to_pylist() if post is not None)
    return str(min(counts, key=lambda post: (-counts[post], post)))


def month_after(home: Path, folder: Path) -> float:
    """The bank's files of the month after the start, in which three in ten of the treated brought money from
    elsewhere, and whatever else happened happened to both arms alike. Answers the mean in fen a treated
    customer has more for it on the last day."""
    held = CampaignRegister(home).open(NAME)
    controls, customers = set(held.controls.tolist()), held.customers.tolist()
    first = held.design.first_contact
    last = first + dt.timedelta(days=DAYS)
    of = Home.open(home)
    accounts, ledger = facts_sql(of, "accounts"), facts_sql(of, "balances")
    with duckdb.connect() as connection:
        rows = connection.sql(
            f"SELECT a.customer, a.account_id, coalesce(sum(b.delta), 0)::BIGINT FROM ({accounts}) AS a"
            f" LEFT JOIN ({ledger}) AS b USING (account) WHERE a.category = 'demand' AND a.currency = 'CNY'"
            " AND a.closed_on IS NULL GROUP BY 1, 2 ORDER BY 2 DESC"
        ).fetchall()
    held_by = {customer: (account, balance) for customer, account, balance in rows}
    draws = np.random.default_rng(20_260_630)
    moved, planted, treated = [], 0, 0
    for customer in customers:
        if customer not in held_by:
            continue
        persuaded = draws.random() < PERSUADED and customer not in controls
        treated += customer not in controls
        planted += GAIN if persuaded else 0
        moved.append((*held_by[customer], (GAIN if persuaded else 0) + int(draws.normal(0, 20_000))))
    folder.mkdir()
    day, (one, had, got) = first + dt.timedelta(days=2), moved[0]
    rows = [(account, day, balance + more) for account, balance, more in moved]
    rows.append((one, last, had + got + 1))
    pq.write_table(
        pa.table({
            "account_id": [a for a, _, _ in rows], "date": [d for _, d, _ in rows],
            "balance_fen": [b for _, _, b in rows],
        }), folder / f"balances_{last}.parquet",
    )  # fmt: skip
    gained = [(account, day, more) for account, _, more in moved if more] + [(one, last, 1)]
    pq.write_table(
        pa.table({
            "transaction_id": [f"W{n:06d}" for n in range(len(gained))],
            "account_id": [a for a, _, _ in gained],
            "date": [d for _, d, _ in gained], "direction": ["in" if m > 0 else "out" for _, _, m in gained],
            "amount_fen": [abs(m) for _, _, m in gained], "kind": ["transfer"] * len(gained),
            "counterparty_bank": ["ABC"] * len(gained), "own_name": [True] * len(gained),
        }), folder / f"transactions_{last}.parquet",
    )  # fmt: skip
    load(of, folder, progress=SilentProgress())
    return planted / treated


def interval(page: Page, metric: str) -> tuple[float, float]:
    """The interval of a metric as the page shows it, in yuan a customer."""
    text = page.locator(f"#metric-{metric} td").nth(2).inner_text()
    low, high = (float(re.sub("[¥,]", "", n)) for n in re.findall(r"[+-]¥?[\d,]+(?:\.\d+)?", text))
    return low, high


ENGLISH = {
    "退出": "Log out", "用户名": "User name", "密码": "Password", "名称": "Title", "保存": "Save",
    "理由": "Reason", "临界提升": "Lift at the edge of a tier", "以此起步": "Start from this",
    "客群": "Audience", "同意": "Approve", "对照比例": "Control, per cent", "存为版本": "Save as a version",
    "供方案学习的产品": "Offer the plan learns of", "申请启动": "Ask for its start", "回复T": "Reply T",
    "营销旅程任务": "Asked for by a campaign",
}  # fmt: skip


class Reader:
    """Somebody before the desk in one of its languages; what he looks for is written in Chinese here."""

    def __init__(self, page: Page, at: str, english: bool) -> None:
        self.page, self.at, self.english = page, at, english

    def word(self, chinese: str) -> str:
        return ENGLISH[chinese] if self.english else chinese

    def button(self, chinese: str) -> Locator:
        return self.page.get_by_role("button", name=self.word(chinese), exact=True)

    def field(self, chinese: str) -> Locator:
        return self.page.get_by_label(self.word(chinese), exact=True)

    def enters(self, name: str) -> None:
        """Logs in, after whoever is logged in."""
        self.page.goto(self.at + "/")
        if self.button("退出").count():
            self.button("退出").click()
        self.page.goto(self.at + "/login/")
        if self.english and self.page.get_by_role("button", name="English").count():
            in_english(self.page)
        self.field("用户名").fill(name)
        self.field("密码").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(self.at + "/")


def play_to_task(his: Reader, home: Path) -> None:
    """A group, a play, two people, messages in the sandbox, a refusal, and a manager's task."""
    page, at = his.page, his.at
    # a group, and the count that follows what is written
    his.enters("demo-analyst")
    page.goto(at + "/audiences/new/")
    page.locator("#text").fill("aum_month >= 40_000元")
    expect(page.locator("#size")).to_contain_text(re.compile(r"\d"))
    fewer = page.locator("#size").inner_text()
    page.locator("#text").fill(GROUP)
    expect(page.locator("#size")).not_to_have_text(fewer)
    his.field("名称").fill("有余额的客户")
    his.button("保存").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("有余额的客户")
    # a play with 20 % who get nothing, as it brings it, for that group
    page.goto(at + "/plays/")
    play = page.locator("section", has=page.get_by_role("heading", name=his.word("临界提升")))
    play.get_by_role("button", name=his.word("以此起步")).click()
    expect(his.page.get_by_label(his.word("对照比例"))).to_have_value("20")
    expect(his.field("客群").locator("option:checked")).to_contain_text("临界提升")
    his.field("客群").select_option(label="有余额的客户")
    page.get_by_label(his.word("供方案学习的产品")).select_option(value="term")
    his.button("存为版本").click()
    page.get_by_label(his.word("理由")).first.fill("临界客户提升")
    his.button("申请启动").click()
    page.wait_for_url(re.compile(r"/approvals/\d+/"))
    approval = page.url
    in_desk(home, SETTING.split("# whatever")[0] + TEXTS)
    his.enters("demo-committee")
    page.goto(approval)
    expect(page.locator("main")).to_contain_text("20 %")
    his.button("同意").click()
    due = in_desk(home, ROUNDS).split()[-1]
    # messages arrive, and a customer wants no more
    his.enters("demo-analyst")
    page.goto(at + "/sandbox/")
    phones = page.locator("article")
    expect(phones.first).to_be_visible()
    assert phones.count() > 10
    phones.first.get_by_role("button", name=his.word("回复T")).click()
    expect(page.locator("article .tag.red")).to_have_count(1)
    picture(page, f"sandbox-{'en' if his.english else 'zh'}")
    # a task reaches a manager
    his.enters("demo-wealth-manager")
    page.goto(f"{at}/work/calendar/?on={due}")
    expect(page.locator("main")).to_contain_text(his.word("营销旅程任务"))


@pytest.mark.timeout(600)
def test_from_a_play_to_a_task_in_english(page: Page, own: tuple[str, Path]) -> None:
    at, home = own
    play_to_task(Reader(page, at, english=True), home)


@pytest.mark.timeout(600)
def test_from_a_play_to_its_effect(page: Page, own: tuple[str, Path], tmp_path: Path) -> None:
    at, home = own
    his = Reader(page, at, english=False)
    play_to_task(his, home)
    # three weeks later everybody has gone on
    assert int(in_desk(home, LATER.replace("{days}", "21")).split()[-1]) > 100
    planted = month_after(home, tmp_path / "month") / 100
    his.enters("demo-analyst")
    page.goto(f"{at}/effects/{NAME}/")
    page.get_by_role("button", name="立即测量").click()
    page.wait_for_url(re.compile(r"/jobs/\d+/"))
    for _ in range(120):
        page.goto(f"{at}/effects/{NAME}/")
        if page.locator("#answer").count():
            break
        page.wait_for_timeout(1_000)
    low, high = interval(page, "aum_end")
    assert 0 < low <= planted <= high, (low, planted, high)
    share = (DAYS - 1) / (DAYS + 1)  # it came on the third of the window's days
    low, high = interval(page, "aum_mean")
    assert 0 < low <= planted * share <= high, (low, planted * share, high)
    expect(page.locator("#answer")).to_contain_text("户均约多")
    expect(page.locator("#advice")).to_have_attribute("data-verdict", "shown")
    expect(page.locator("#channels")).to_contain_text("短信")
    assert int(page.locator(".funnel dd").nth(1).inner_text()) > 300, "pushed, as the tables tell"
    assert page.locator("#cost").inner_text() != "¥0.00"
    picture(page, "effect-of-a-play-zh")
    page.get_by_label("理由").fill("零售委员会例会")
    with page.expect_download() as taken:
        page.get_by_role("button", name="导出一页 PDF").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"%PDF")
    in_english(page)
    expect(page.locator("#answer")).to_contain_text("more yuan a customer")
    expect(page.locator("#advice")).to_contain_text("The effect is shown")
    expect(page.locator("#learning")).to_contain_text("term deposits")
    picture(page, "effect-of-a-play-en")


def test_the_effect_the_sample_bank_planted(page: Page, desk_at: str, loaded: Path) -> None:
    """What the sample bank wrote down when it was made lies in the interval the page shows, in both
    languages."""
    truth = loaded.parent / "files" / "truth" / "treatment_effects.parquet"
    effect = "avg(CASE WHEN reached THEN effect_fen ELSE 0 END)"
    of = "arm = 'treated' AND campaign = 'fund_spring_2026'"
    with duckdb.connect() as connection:
        ((true,),) = connection.execute(f"SELECT {effect} FROM '{truth}' WHERE {of}").fetchall()
    log_in(page, desk_at, "demo-committee")
    address = f"{desk_at}/effects/fund_spring_2026/"
    page.goto(address)
    if page.locator("#answer").count() == 0:
        page.get_by_role("button", name="立即测量").click()
        for _ in range(120):
            page.goto(address)
            if page.locator("#answer").count():
                break
            page.wait_for_timeout(1_000)
    for english in (False, True):
        if english:
            in_english(page)
        low, high = interval(page, "aum_end")
        assert low <= true / 100 <= high
    expect(page.locator("#advice")).to_contain_text("effect")
