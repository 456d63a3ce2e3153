"""Settings of the desk as dated parameters: declared here, changed by rows with a day and a reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from quanke_desk.foundation import audit
from quanke_desk.foundation.asked_once import asked_once
from quanke_desk.foundation.models import ParameterValue, Person
from quanke_desk.foundation.reasons import NotAllowed, checked_reason
from quanke_desk.foundation.roles import Role

NUMBER, TEXT, CHOICE, CHOICES, DAY = "number", "text", "choice", "choices", "day"


@dataclass(frozen=True)
class Parameter:
    """One thing the bank sets, with what holds until it does. Its `kind` says what it can be: a whole number
    between `least` and `most`; a text of at most `most` characters; one, or several, of `choices`; a day
    (ISO date, empty: none). Of a `guarded` one a change needs a second person."""

    name: str
    zh: str
    en: str
    unit: str
    default: Any
    least: int = 0
    most: int = 200
    guarded: bool = False
    kind: str = NUMBER
    choices: tuple[tuple[str, str | Promise], ...] = ()


ROLES = tuple((str(role), role.label) for role in Role)
HEADS = (Role.ADMINISTRATOR, Role.BRANCH_HEAD, Role.COMPLIANCE, Role.RISK, Role.TEAM_HEAD)

MOMENTS = {
    "inflow_near_next_tier": ("临界客户大额入账", "a large inflow near the next tier", 48),
    "salary_arrived": ("代发工资到账", "a salary that arrived", 72),
    "escrow_released": ("存管资金释放", "escrow released", 72),
    "large_outflow_to_bank": ("大额资金流向他行", "a large outflow to another bank", 72),
    "fx_purchase_near_quota": ("购汇接近额度", "an FX purchase near the quota", 48),
    "branch_arrival": ("客户到店", "an arrival at a branch", 24),
    "login_after_silence": ("沉默后首次登录", "a login after silence", 24),
    "etc_bound": ("ETC绑定", "an ETC tag bound", 72),
    "new_card_unused": ("新卡未用", "a new card not used", 168),
    "term_deposit_maturing": ("定期存款将到期", "a term deposit that matures", 48),
    "birthday": ("客户生日", "a birthday", 24),
    "holiday_ahead": ("节前最后一个工作日", "the working day before a holiday", 24),
    "other": ("其他触发", "any other trigger", 24),
}
"""How long moments last, by trigger: names, and hours unless the bank says otherwise. A day's trigger counts
from the beginning of the day."""

PARAMETERS = {
    p.name: p
    for p in (
        Parameter("login.tries", "登录失败锁定次数", "Failures before a name is locked", "times", 5, 3, 20),
        Parameter("login.window", "登录失败计数时长", "Time in which failures count", "minutes", 15, 5, 1440),
        Parameter("login.address.tries", "单一地址失败锁定次数",
                  "Failures before an address is locked", "times", 60, 5, 10_000),
        Parameter("login.address.names", "单一地址失败用户名数上限",
                  "Names tried from an address before it is locked", "names", 15, 3, 1_000),
        Parameter("login.bank.tries", "全行失败预警次数",
                  "Failures across the bank before limits are stricter", "times", 300, 10, 100_000),
        Parameter("second.roles", "须双因素认证的角色", "Roles that need a second factor", "",
                  [str(r) for r in HEADS], guarded=True, kind=CHOICES, choices=ROLES),
        Parameter("session.most", "同一人员最多会话数", "Sessions of a person at once", "sessions", 2, 1, 10),
        Parameter("session.idle", "会话空闲时限", "How long a session may rest", "minutes", 30, 5, 480),
        Parameter("session.hours", "会话最长时限", "How long a session may last", "hours", 10, 1, 24),
        Parameter("session.sure", "敏感操作再认证时限",
                  "How long a confirmation holds for sensitive changes", "minutes", 15, 1, 120),
        Parameter("password.days", "密码有效期（0 为不限）",
                  "How long a password holds (0: for ever)", "days", 90, 0, 3650, guarded=True),
        Parameter("password.link", "设密链接有效时长",
                  "How long a link to set a password holds", "hours", 24, 1, 168),
        Parameter("opening.most", "每小时可开启次数", "Openings in an hour", "times", 30, 1, 500),
        Parameter("opening.asked", "每小时可查询范围外客户次数",
                  "Customers outside one's scope asked for in an hour", "times", 60, 5, 1000),
        Parameter("opening.minutes", "开启有效时长", "How long an opening holds", "minutes", 30, 1, 480),
        Parameter("export.rows", "单次导出最多行数", "Rows of an export at most", "rows", 50000, 1, 1000000),
        Parameter("export.at_once", "即时导出最多行数（超过转后台任务）", "Rows of an export made while one waits", "rows", 5000, 1, 50000),
        Parameter("export.days", "后台导出文件保留天数", "Days a file made by a job is kept", "days", 7, 1, 30),
        Parameter("export.most", "每日可导出次数", "Exports of a person in a day", "times", 20, 1, 500),
        Parameter("views.most", "每人可存视图数", "Views of lists a person keeps", "views", 60, 5, 500),
        Parameter("people.minutes", "机构人员同步间隔",
                  "Time between looks for new rows of branches, posts and people", "minutes", 5, 1, 1440),
        Parameter("outbox.minutes", "回流入库间隔", "Time between deliveries", "minutes", 15, 1, 1440),
        Parameter("outbox.keep", "已入库记录保留天数", "How long delivered rows stay", "days", 60, 7, 3650),
        Parameter("events.minutes", "事件发布间隔", "Time between event batches", "minutes", 1, 1, 1440),
        Parameter("request.workdays", "个人信息请求办理时限", "Time to answer data requests", "days", 15, 1, 30),
        Parameter("request.source_workdays", "来源系统更正删除时限（工作日）", "Time of sources to correct or delete", "days", 5, 1, 30),
        Parameter("request.remind", "请求到期前提醒（工作日）", "Reminded of a data request before", "days", 3, 0, 15),
        Parameter("retention.years", "关系结束后保存年限", "Data kept after the end", "years", 10, 10, 30),
        Parameter("books.warn_share", "管户容量预警线", "Load of a book nearly full", "%", 90, 50, 100),
        Parameter("books.cooling", "管户变更冷却期", "No other transfer for", "days", 90, 0, 730),
        Parameter("books.leaver_workdays", "离职管户移交期限", "Leaver's book moved in", "days", 3, 1, 30),
        Parameter("books.watch_days", "离职客户流失观察期", "Outflow watched for", "days", 90, 0, 730),
        Parameter("books.notice_template", "客户经理变更告知模板编码（空为不发送）",
                  "Template that tells a customer of another manager (empty: none)", "", "manager_change",
                  0, 40, kind=TEXT),
        Parameter("contact.undo", "接触记录可撤销时长", "A record can be taken back", "minutes", 10, 1, 120),
        Parameter("contact.seconds", "有效通话最短时长", "Shortest call that counts", "seconds", 30, 1, 600),
        Parameter("contact.calls", "每周去电上限", "Calls to a customer a week", "calls", 2, 1, 20),
        Parameter("contact.texts", "每月短信上限", "Texts to a customer a month", "texts", 4, 0, 60),
        Parameter("contact.pushes", "每日推送上限", "Push messages to a customer a day", "messages", 1, 0, 20),
        Parameter("contact.emails", "每月邮件上限", "E-mails to a customer a month", "messages", 4, 0, 60),
        Parameter("contact.wecoms", "每月企业微信群发上限", "WeCom sendings to a customer a month",
                  "messages", 4, 0, 60),
        Parameter("contact.bounced", "退信后停发天数", "Nothing by a means that bounced for", "days", 90, 1, 3650),
        Parameter("contact.quiet_from", "免打扰开始（分钟）", "Quiet from", "minute of day", 1230, 0, 1440),
        Parameter("contact.quiet_until", "免打扰结束（分钟）", "Quiet until", "minute of day", 540, 0, 1440),
        Parameter("contact.days_off", "非工作日免打扰（1是0否）", "Quiet on days off (1 yes)", "", 1, 0, 1),
        Parameter("contact.cool_down", "拒绝后冷静期", "No marketing after a no", "days", 14, 1, 365),
        Parameter("contact.proof", "留痕匹配时限", "Proof of a contact within", "minutes", 120, 5, 1440),
        Parameter("lobby.most", "到店建议数量", "Suggestions for a visitor", "suggestions", 3, 1, 3),
        Parameter("lobby.refused", "到店已拒不再建议", "Not suggested after a no", "days", 90, 14, 730),
        Parameter("lobby.call_back", "到店回访时限", "Call-back after a visit", "working days", 1, 1, 20),
        Parameter("lobby.closing_minutes", "遗留到店访问清理间隔",
                  "Time between rounds that end visits of earlier days", "minutes", 30, 1, 1440),
        Parameter("lobby.name", "到店卡片姓名（0脱敏 1姓氏称谓 2全名）", "Name on the card", "", 1, 0, 2),
        Parameter("lobby.tries", "大堂人工查找次数（每小时）", "Visitors looked up by hand", "times", 60, 5, 500),
        Parameter("journeys.minutes", "旅程推进间隔（0 为每秒）", "Time between moves of journeys (0: each second)", "minutes", 0, 0, 60),
        Parameter("work.escalation_minutes", "逾期任务上报间隔",
                  "Time between rounds that tell heads of what is overdue", "minutes", 15, 1, 1440),
        Parameter("journeys.task_minutes", "旅程任务估计用时", "Minutes a task of a journey takes", "minutes", 10, 1, 240),
        Parameter("journeys.trial_days", "旅程试运行回看天数（按整周）", "Days of triggers a trial looks back, whole weeks", "days", 28, 7, 84),
        Parameter("journeys.trigger_minutes", "触发读取间隔（0 为随到随读）",
                  "Time between readings of triggers (0: as they come)", "minutes", 0, 0, 60),
        Parameter("journeys.trigger_hours", "旅程暂停期间触发保留时限",
                  "Triggers are kept for a paused journey", "hours", 24, 1, 720),
        *(Parameter(f"moment.{name}", f"旅程进入时效：{zh}", f"A journey is entered after {en} for", "hours",
                    hours, 1, 720) for name, (zh, en, hours) in MOMENTS.items()),
        Parameter("audience.hide_below", "客群人数隐藏下限", "Sizes of groups below it are hidden", "customers", 10, 1, 1000),
        Parameter("joint.minimum", "联合运营最小名单与计数", "Smallest list and count of joint operations", "customers", 50, 10, 10_000),
        Parameter("joint.questions", "每个合作方每日联合查询次数", "Questions to a partner in a day", "times", 3, 1, 50),
        Parameter("joint.round", "联合运营计数取整", "Counts of joint operations in steps of", "customers", 10, 1, 1000),
        Parameter("joint.days", "联合查询有效天数", "Days a question to a partner waits", "days", 7, 1, 60),
        Parameter("lobby.poll", "到店看板刷新间隔", "The lobby asks for cards every", "ms", 500, 250, 10000),
        Parameter("audit.machine_minutes", "机器调用记入审计的间隔",
                  "Time between entries of the audit about machines", "minutes", 1, 1, 60),
        Parameter("campaigns.minutes", "推送发送间隔", "Time between sendings", "minutes", 1, 1, 1440),
        Parameter(
            "campaign.cost.sms", "短信成本（按计费条数）", "Cost of text messages, per part", "fen per 1,000 parts",
            4_500, 0, 10**7,
        ),
        Parameter("campaign.cost.push", "推送成本", "Cost of push messages", "fen per 1,000", 100, 0, 10**7),
        Parameter("campaign.cost.wecom", "企业微信消息成本", "Cost of WeCom messages", "fen per 1,000", 500, 0, 10**7),
        Parameter("campaign.cost.email", "邮件成本", "Cost of e-mails", "fen per 1,000", 300, 0, 10**7),
        Parameter("campaign.cost.app", "应用内展示成本", "Cost of what the app shows", "fen per 1,000", 0, 0, 10**7),
        Parameter("campaign.cost.call", "每次外呼成本", "Cost of a call", "fen", 50, 0, 100_000),
        Parameter("campaign.cost.visit", "每次面访成本", "Cost of a visit", "fen", 2_000, 0, 10**6),
        Parameter("campaign.cost.minute", "人工每分钟成本", "Cost of a minute of staff", "fen", 150, 0, 100_000),
        Parameter("campaigns.hosts", "模板链接可用域名（逗号分隔）",
                  "Hosts that links of templates may lead to (with commas)", "", "", 0, 1000, kind=TEXT),
    )
}  # fmt: skip

UNITS = {
    "times": gettext_lazy("times"),
    "names": gettext_lazy("names"),
    "sessions": gettext_lazy("sessions"),
    "minutes": gettext_lazy("minutes"),
    "hours": gettext_lazy("hours"),
    "days": gettext_lazy("days"),
    "people": gettext_lazy("people"),
    "customers": gettext_lazy("customers"),
    "rows": gettext_lazy("rows"),
    "percent": gettext_lazy("percent"),
    "fen": gettext_lazy("fen"),
    "fen per 1,000": gettext_lazy("fen per 1,000"),
    "fen per 1,000 parts": gettext_lazy("fen per 1,000 parts"),
    "workdays": gettext_lazy("workdays"),
    "working days": gettext_lazy("working days"),
    "views": gettext_lazy("views"),
    "minute of day": gettext_lazy("minute of day"),
    "years": gettext_lazy("years"),
    "seconds": gettext_lazy("seconds"),
    "calls": gettext_lazy("calls"),
    "texts": gettext_lazy("texts"),
    "messages": gettext_lazy("messages"),
    "minute of the day": gettext_lazy("minute of the day"),
    "suggestions": gettext_lazy("suggestions"),
    "ms": gettext_lazy("ms"),
    "%": "%",
}


class ParameterError(ValueError):
    """A parameter that is not declared, or a value it cannot have. `rule` is a marked text, `values` what
    stands in it."""

    def __init__(self, name: str, rule: str, **values: object) -> None:
        super().__init__(f"{name}: {rule % values}")
        self.rule, self.values = rule, values


def value(name: str, on: dt.date | None = None) -> int:
    """What a parameter that is a whole number is on a day (default: today). Raises ParameterError for a name
    not declared, or declared as something else."""
    return int(held(name, NUMBER, on))


def text(name: str, on: dt.date | None = None) -> str:
    """What a parameter that is a text is on a day (default: today). Raises ParameterError as `value`."""
    return str(held(name, TEXT, on))


def choice(name: str, on: dt.date | None = None) -> str:
    """Which choice holds on a day (default: today). Raises ParameterError as `value`."""
    return str(held(name, CHOICE, on))


def choices(name: str, on: dt.date | None = None) -> frozenset[str]:
    """Which choices hold on a day (default: today). Raises ParameterError as `value`."""
    return frozenset(held(name, CHOICES, on))


def day(name: str, on: dt.date | None = None) -> dt.date | None:
    """What a parameter that is a day is on a day (default: today), null for none. Raises ParameterError."""
    found = held(name, DAY, on)
    return dt.date.fromisoformat(found) if found else None


def held(name: str, kind: str | None = None, on: dt.date | None = None) -> Any:
    """What a parameter is on a day, as it is stored."""
    declared = declared_as(name)
    if kind is not None and declared.kind != kind:
        raise ParameterError(name, "is a %(kind)s", kind=declared.kind)
    at = on or timezone.localdate()
    return _begun(at).get(name, declared.default)


@asked_once
def _begun(at: dt.date) -> dict[str, Any]:
    """Every parameter that was ever set, as it is on a day: the last that has begun."""
    rows = ParameterValue.objects.filter(since__lte=at).order_by("since", "id")
    return dict(rows.values_list("name", "value"))


def check(name: str, to: Any, since: dt.date, reason: str) -> None:
    """Raises ParameterError with the rule that a change would break."""
    declared = declared_as(name)
    if not _fits(declared, to):
        if declared.kind == NUMBER:
            unit, least, most = UNITS.get(declared.unit, declared.unit), declared.least, declared.most
            rule = _("a whole number from %(least)s to %(most)s %(unit)s")
            raise ParameterError(name, rule, least=least, most=most, unit=unit)
        if declared.kind == TEXT:
            raise ParameterError(name, _("a text of at most %(most)s characters"), most=declared.most)
        raise ParameterError(name, _("not one of the choices"))
    if since < timezone.localdate():
        raise ParameterError(name, _("from today on, or later"))
    if not reason.strip():
        raise ParameterError(name, _("a reason is required"))
    try:
        checked_reason(reason)
    except NotAllowed as error:
        raise ParameterError(name, error.args[0]) from None


def change(name: str, to: Any, since: dt.date, *, by: Person, reason: str) -> ParameterValue:
    """Sets a parameter from a day on, which may not lie in the past: what was decided by it stays. Does it at
    once; who is asked first, and whether a second person must agree, says `setting.set_parameter`.
    Raises ParameterError with the rule that was broken."""
    check(name, to, since, reason)
    with transaction.atomic():
        row = ParameterValue.objects.create(name=name, value=to, since=since, by=by, reason=reason.strip())
        detail = {"to": to, "since": since.isoformat()}
        audit.record(by, "parameters.change", f"parameter:{name}", reason=reason.strip(), detail=detail)
        return row


def declared_as(name: str) -> Parameter:
    """How a parameter is declared. Raises ParameterError for a name not declared."""
    if name not in PARAMETERS:
        raise ParameterError(name, _("no such parameter"))
    return PARAMETERS[name]


def _fits(declared: Parameter, to: Any) -> bool:
    if declared.kind == NUMBER:
        return isinstance(to, int) and not isinstance(to, bool) and declared.least <= to <= declared.most
    if declared.kind == CHOICES:
        known = {name for name, _title in declared.choices}
        return isinstance(to, list) and len(set(to)) == len(to) and set(to) <= known
    if not isinstance(to, str):
        return False
    if declared.kind == CHOICE:
        return to in {name for name, _title in declared.choices}
    if declared.kind == DAY:
        return to == "" or _is_day(to)
    return len(to) <= declared.most


def _is_day(given: str) -> bool:
    try:
        return dt.date.fromisoformat(given).isoformat() == given
    except ValueError:
        return False
