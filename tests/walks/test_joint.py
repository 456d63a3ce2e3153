"""A contract with a partner by two, a question, the partner's answer by its command, and the count."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page, expect

from quanke.cli import main
from tests.desk.desk_home import rows_of
from tests.walks.pictures import picture
from tests.walks.test_people import log_in
from tests.walks.test_shell import looked_at


def as_another(page: Page, at: str, name: str) -> None:
    page.goto(at + "/")
    page.get_by_role("button", name="退出").click()
    log_in(page, at, name)


def decided(page: Page, at: str, name: str, text: str) -> None:
    """Who may decide finds it under approvals, reads what is asked and agrees."""
    as_another(page, at, name)
    page.locator("#menu").get_by_role("link", name="审批").click()
    page.locator("main").get_by_role("link", name=re.compile(text)).first.click()
    expect(page.locator("main")).to_contain_text("SHOP-26")
    expect(page.locator("main")).to_contain_text("仅计数：重合有多大")
    page.get_by_role("button", name="同意").or_(page.get_by_role("button", name="批准")).first.click()
    expect(page.get_by_role("status")).to_be_visible()


def partner(folder: Path, *words: str) -> dict[str, object]:
    done = CliRunner().invoke(main, ["joint", *words, "--json"])
    assert done.exit_code == 0, done.output
    said: dict[str, object] = json.loads(done.output)
    return said


@pytest.mark.timeout(600)
def test_from_a_contract_to_a_count(page: Page, desk_at: str, after_june: Path, tmp_path: Path) -> None:
    page.set_default_timeout(60_000)
    log_in(page, desk_at, "demo-analyst")
    page.goto(desk_at + "/audiences/new/?text=not is_minor")
    page.get_by_label("名称", exact=True).fill("成年客户")
    page.get_by_role("button", name="保存", exact=True).click()
    page.locator("#menu").get_by_role("link", name="联合运营").click()
    page.get_by_role("link", name="新建合同").click()
    page.get_by_label("合同编号").fill("SHOP-26")
    page.get_by_label("合作方", exact=True).fill("天河商场")
    page.get_by_label(re.compile("^接收方")).fill("partner")
    page.get_by_label("仅计数：重合有多大").check()
    page.get_by_label("手机号").check()
    picture(page, "joint-new-zh")
    page.get_by_role("button", name="保存").click()
    place = page.url
    page.get_by_label("理由").first.fill("秋季联合活动")
    page.get_by_role("button", name="报请大零委与合规审批").click()
    decided(page, desk_at, "demo-committee", "大零委审批")
    decided(page, desk_at, "demo-compliance", "合规审批")
    page.locator("#menu").get_by_role("link", name="合作方合同").click()
    expect(page.locator("tbody")).to_contain_text("天河商场")
    found = looked_at(page, "in force")
    as_another(page, desk_at, "demo-analyst")
    page.goto(place)
    with page.expect_download() as taken:
        page.get_by_role("button", name="领取给合作方的合同单").click()
    taken.value.save_as(tmp_path / "contract.json")
    page.get_by_label("客群").select_option(label="成年客户")
    picture(page, "joint-contract-zh")
    found += looked_at(page, "contract")
    page.get_by_role("button", name="准备查询").click()
    for _ in range(120):
        if page.get_by_role("link", name="领取查询文件").count():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    with page.expect_download() as taken:
        page.get_by_role("link", name="领取查询文件").click()
    taken.value.save_as(tmp_path / "question.qjoint")
    found += looked_at(page, "question")
    phones = {str(row["phone"]) for row in rows_of(after_june, "parties") if row.get("phone")}
    (tmp_path / "members.csv").write_text("phone\n" + "\n".join(sorted(phones)), encoding="utf-8")
    sheet, own = str(tmp_path / "contract.json"), str(tmp_path / "members.csv")
    answer = str(tmp_path / "answer.qjoint")
    partner(
        tmp_path, "answer", str(tmp_path / "question.qjoint"), "--contract", sheet, "--list", own,
        "--column", "phone", "--out", answer, "--state", str(tmp_path / "state"),
    )  # fmt: skip
    page.get_by_label("合作方的答复文件").set_input_files(answer)
    page.get_by_role("button", name="比对", exact=True).click()
    for _ in range(120):
        if page.locator("#answer").count():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    count = int(page.locator("#answer").inner_text().replace(",", ""))
    assert count > 0 and count % 10 == 0
    picture(page, "joint-question-zh")
    found += looked_at(page, "answered")
    with page.expect_download() as taken:
        page.get_by_role("link", name="领取给合作方的结果").click()
    taken.value.save_as(tmp_path / "result.qjoint")
    assert partner(tmp_path, "result", str(tmp_path / "result.qjoint"), "--contract", sheet)["count"] == count
    assert not found, "\n".join(found)
