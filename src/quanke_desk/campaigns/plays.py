"""Plays: journeys that are ready to start from, with their audience, texts, control group and what to watch.

One click makes a journey with its design under work, its audience and its texts as drafts; nothing is sent
before texts are approved by compliance and the start by a second person. The bank changes whatever it wants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from quanke.effects.outcomes import STANDARD
from quanke_desk.campaigns import audience_actions, journey_actions
from quanke_desk.campaigns.effect_words import means_word
from quanke_desk.campaigns.models import Audience, AudienceKind, Journey, Template, TemplateVersion
from quanke_desk.foundation import audit
from quanke_desk.foundation.models import Person
from quanke_desk.foundation.people import NotAllowed
from quanke_desk.foundation.roles import May


@dataclass(frozen=True)
class Text:
    """A template a play brings: code, means, its two texts, and the category of products it sells: the gate
    takes the riskiest of them on sale. "" for what names none, as information and a gift."""

    code: str
    means: str
    zh: str
    en: str
    product: str = ""

    @property
    def said(self) -> str:
        """What it says, in the language of who looks."""
        return self.en if (get_language() or "").startswith("en") else self.zh

    @property
    def means_words(self) -> str:
        """Its means in the language of who looks."""
        return means_word(self.means)


@dataclass(frozen=True)
class Play:
    """A ready journey. `entry`: the trigger by which customers enter, "" for the audience; `again`: days
    after which who entered by it may enter anew; `fresh`: hours for which it lets somebody in, 0: as set for
    the bank. `metric`: the outcome its effect is read from; `expected`: what it is started for, against who
    gets nothing; `assumed`: how much of the metric that is a customer until something is measured (fen, or a
    share; null: nothing is promised); `watch`: what else to look at; `offer`: the plan's it is for."""

    name: str
    title_zh: str
    title_en: str
    why: Promise
    audience: str
    nodes: dict[str, Any]
    start: str
    texts: tuple[Text, ...]
    expected: Promise
    watch: Promise
    metric: str
    assumed: float | None = None
    goals: tuple[tuple[str, str], ...] = ()
    entry: str = ""
    again: int = 0
    fresh: int = 0
    control: str = "20%"
    purpose: str = "marketing"
    product: str = ""
    offer: str = ""

    @property
    def title(self) -> str:
        """Its title in the language of who looks."""
        return self.title_en if (get_language() or "").startswith("en") else self.title_zh

    @property
    def tasks(self) -> list[str]:
        """What its tasks have to be said, in the language of who looks."""
        english = (get_language() or "").startswith("en")
        tasks = [node for node in self.nodes.values() if node["do"] == "task"]
        return [node["say_en" if english else "say"] for node in tasks]

    def graph(self) -> dict[str, Any]:
        """The design, as a journey's."""
        goals = [{"name": name, "when": when} for name, when in self.goals]
        entry: dict[str, Any] = {"entry": f"trigger:{self.entry}"} if self.entry else {}
        terms = {"again": self.again, "fresh": self.fresh}
        again = {name: said for name, said in terms.items() if said}
        nodes = {**self.nodes, "end": {"do": "exit"}}
        return {**entry, **again, "start": self.start, "nodes": nodes, "goals": goals}


def _send(code: str, then: str, *means: str) -> dict[str, Any]:
    return {"do": "send", "template": code, "means": list(means or ("push", "sms")), "next": then}


def _wait(then: str, days: int, at: str = "10:00", working: bool = False) -> dict[str, Any]:
    return {"do": "wait", "working_days" if working else "days": days, "at": at, "next": then}


def _task(say: str, say_en: str, then: str = "end", who: str = "manager", days: int = 2) -> dict[str, Any]:
    """`say`: with what whoever has the task begins the talk."""
    return {
        "do": "task", "who": who, "working_days": days, "escalate_days": 1, "action": "",
        "say": say, "say_en": say_en, "next": then,
    }  # fmt: skip


def _clicked(then: str, other: str, days: int = 3) -> dict[str, Any]:
    return {"do": "listen", "event": "clicked", "days": days, "at": "10:00", "then": then, "else": other}


def _if(when: str, then: str, other: str) -> dict[str, Any]:
    return {"do": "if", "when": when, "then": then, "else": other}


PLAYS: tuple[Play, ...] = (
    Play(
        name="new_card_second",
        title_zh="新开卡二次营销",
        title_en="New cards, a second time",
        why=_("A card opened in the last 90 days and never used is cut up within the year."),
        audience="card_new_unused",
        entry="new_card_unused",
        start="hello",
        nodes={
            "hello": _send("new-card-bind", "wait"),
            "wait": _clicked("bound", "again", 5),
            "bound": _if("binds_card_90d", "end", "call"),
            "again": _send("new-card-gift", "last", "sms", "push"),
            "last": _wait("still", 7),
            "still": _if("card_new_unused and aum >= 10_000元", "call", "end"),
            "call": _task("您的新卡还没有用过：需要我帮您绑定手机支付吗？首笔消费有礼。",
                          "Your new card has not been used yet: shall I help you bind it to your phone? The "
                          "first payment brings a gift.", who="remote_team", days=3),
        },
        texts=(
            Text("new-card-bind", "push", "您的新卡可一键绑定手机支付，绑定后首笔消费有礼。",
                 "Bind your new card to your phone's wallet with one tap; the first payment brings a gift."),
            Text("new-card-gift", "sms", "您的新卡尚未使用，本月内首笔消费可享立减。",
                 "Your new card has not been used: the first payment this month is reduced."),
        ),
        goals=(("used", "not card_new_unused"),),
        expected=_("More of the cards are used at least once within 30 days than in the control."),
        offer="card_activation",
        watch=_("Cards used within 30 days; replies T; calls per card used."),
        metric="kept",
        assumed=0.005,
    ),
    Play(
        name="outflow_win_back",
        title_zh="资金流出挽回",
        title_en="Money that left, won back",
        why=_("Who moved a large part away within 30 days comes back, if at all, within weeks."),
        # by the night before it left: what falls shows in the tags of a night after
        audience="in_scope and aum >= 50_000元",
        entry="large_outflow_to_bank",
        again=90,
        start="rich",
        nodes={
            "rich": _if("aum >= 200_000元", "call", "hello"),
            "call": _task("注意到您近期有资金转出，想了解还能为您做些什么；稳健产品清单可以现在讲给您听。",
                          "We saw money move away and would like to hear what we can do better; I can go "
                          "through a list of sound products with you.", "wait"),
            "hello": _send("win-back-rate", "wait"),
            "wait": _wait("came", 10),
            "came": _if("net_flow_30d > 0元", "came_back", "again"),
            "came_back": {"do": "goal"},
            "again": _send("win-back-offer", "end", "sms", "push"),
        },
        texts=(
            Text("win-back-rate", "push", "为您留了一份稳健产品清单，点击查看。",
                 "We kept a list of sound products for you: have a look."),
            Text("win-back-offer", "sms", "转回资金可享专属服务，详询您的客户经理。",
                 "For money that comes back there is a service of its own: ask your manager."),
        ),
        expected=_("Assets after 90 days fall less than in the control; money that only changes "
                   "accounts here is not counted."),
        watch=_("Increment of assets after 30 and 90 days; own-name moves inside the bank are none."),
        metric="aum_end",
        assumed=200_000,
        control="10%",
    ),
    Play(
        name="edge_lift",
        title_zh="临界提升（4-5万、80-100万）",
        title_en="Lift at the edge of a tier",
        why=_("Who stands a little below the next tier needs little to rise: 4 to 5, and 80 to 100 wan."),
        audience='(aum_month >= 40_000元 and aum_month < 50_000元)'
        " or (aum_month >= 800_000元 and aum_month < 1_000_000元)",
        start="wealth",
        nodes={
            "wealth": _if("aum_month >= 800_000元", "call", "hello"),
            "call": _task("您距下一等级只差一点，升级后多出的权益我逐项讲给您听。",
                          "You are one step from the next tier; I will go through the rights it brings.",
                          "wait", days=3),
            "hello": _send("edge-rights", "wait"),
            "wait": _wait("risen", 14),
            "risen": _if("tier_gap <= 5_000元", "again", "end"),
            "again": _send("edge-last", "end", "sms", "push"),
        },
        texts=(
            Text("edge-rights", "push", "距下一等级仅一步之遥，升级后可享更多权益。",
                 "One step to the next tier, and its rights are yours."),
            Text("edge-last", "sms", "本月日均再提升一点即可升级，权益详情见手机银行。",
                 "A little more in this month's average and you rise; the rights stand in the app."),
        ),
        expected=_("More customers rise a tier and stay there 30 days; the daily mean of assets is "
                   "higher than in the control."),
        watch=_("Customers who rose and stayed 30 days; money that only moved within the family is none."),
        metric="aum_mean",
        assumed=150_000,
    ),
    Play(
        name="maturity_care",
        title_zh="到期关怀",
        title_en="Care at maturity",
        why=_("Money that matures within a week is decided about now."),
        # before a long holiday three working days are more than a week
        audience="maturing_amount_30d >= 10_000元",
        entry="term_deposit_maturing",
        again=60,
        start="big",
        nodes={
            "big": _if("maturing_amount_30d >= 200_000元", "call", "hello"),
            "call": _task("您有一笔存款几天内到期，想和您一起看看接续方案，避免资金闲置。",
                          "A deposit of yours matures within days: let us look together at what may follow, "
                          "so that it does not lie idle.", "wait"),
            "hello": _send("maturity-options", "wait"),
            "wait": _wait("open", 1),
            "open": _if("maturity_unattended", "again", "end"),
            "again": _send("maturity-remind", "end", "sms", "push"),
        },
        texts=(
            Text("maturity-options", "push", "您有产品即将到期，点击查看接续方案。",
                 "A product of yours matures soon: see what may follow."),
            Text("maturity-remind", "sms", "您的产品即将到期，可在手机银行办理接续。",
                 "Your product matures soon; renew it in the app."),
        ),
        expected=_("A larger share of the maturing money is still here 30 days later."),
        watch=_("Share of maturing money that stays; complaints."),
        offer="term",
        metric="aum_end",
        assumed=300_000,
        control="10%",
    ),
    Play(
        name="payroll_welcome",
        title_zh="代发客户欢迎",
        title_en="Welcome to who is paid here",
        why=_("A salary that stays is the cheapest deposit; most of it leaves the day it comes."),
        audience="has_salary and salary_kept_rate < 0.2 and product_count <= 2",
        entry="salary_arrived",
        start="hello",
        nodes={
            "hello": _send("payroll-wallet", "wait"),
            "wait": _clicked("end", "again", 4),
            "again": _send("payroll-fund", "rest", "sms", "push"),
            "rest": _wait("kept", 20),
            "kept": _if("salary_amount >= 15_000元", "call", "end"),
            "call": _task("您的工资在我行代发：到账当天自动转入零钱理财，随用随取，需要我帮您设置吗？",
                          "Your salary comes to us: shall I set it to earn from the day it comes, free to "
                          "use at any time?", who="remote_team", days=5),
        },
        texts=(
            Text("payroll-wallet", "push", "工资到账当天即可转入零钱理财，随时可用。",
                 "Put your salary to work the day it comes, and use it any time.", "fund"),
            Text("payroll-fund", "sms", "代发工资客户专享理财入口已开通。",
                 "The entry for who is paid here is open to you.", "wealth"),
        ),
        goals=(("kept", "salary_kept_rate >= 0.3"),),
        expected=_("The daily mean of assets is higher from the second salary on."),
        watch=_("Share of the salary kept; products held; salaries that stop."),
        offer="fund",
        metric="aum_mean",
        assumed=80_000,
    ),
    Play(
        name="visit_call_back",
        title_zh="到店回访",
        title_en="Call back after a visit",
        why=_("Who came to the branch and was not called back within three working days was let go."),
        audience="in_scope and has_owner",
        entry="branch_arrival",
        again=30,
        start="wait",
        nodes={
            "wait": _wait("called", 2, working=True),
            "called": _if("last_effective_contact_on > last_visit_on", "end", "call"),
            "call": _task("感谢您前几天到店：事情都办好了吗？还有什么需要我跟进？",
                          "Thank you for your visit the other day: was everything settled, and is there "
                          "anything to follow up?", "thanks", days=1),
            "thanks": _send("visit-thanks", "end", "sms", "wecom"),
        },
        texts=(
            Text("visit-thanks", "sms", "感谢您到店，如需帮助请联系您的客户经理。",
                 "Thank you for your visit; your manager is there for you."),
        ),
        expected=_("A service: every visitor is called within three working days, and fewer complain."),
        watch=_("Call-backs in time; what came of them; complaints."),
        metric="kept",
        purpose="service",
        control="0%",
    ),
    Play(
        name="dormant_wake",
        title_zh="睡眠户唤醒",
        title_en="Waking who sleeps",
        why=_("A dormant customer costs and is a risk; some only need a reason to log in."),
        audience="is_dormant and uses_mobile",
        start="hello",
        nodes={
            "hello": _send("wake-login", "wait"),
            "wait": _clicked("end", "again", 7),
            "again": _send("wake-gift", "end", "sms", "push"),
        },
        texts=(
            Text("wake-login", "push", "好久不见，登录手机银行查看您的账户与权益。",
                 "It has been a while: log in and see your account and your rights."),
            Text("wake-gift", "sms", "登录手机银行即可领取回归礼。", "Log in and a welcome gift is yours."),
        ),
        goals=(("awake", "logins_30d >= 1"),),
        expected=_("More customers log in within 30 days, and are still active after 90."),
        watch=_("Log-ins within 30 days, and activity after 90."),
        metric="login",
        assumed=0.04,
    ),
    Play(
        name="card_repayment",
        title_zh="信用卡还款引流",
        title_en="Repayment as an occasion",
        why=_("Who repays a credit card here each month looks at the app, and often holds nothing else."),
        audience="has_credit_card_in_use and aum < 10_000元",
        start="hello",
        nodes={
            "hello": _send("repay-auto", "wait", "push"),
            "wait": _clicked("end", "again", 10),
            "again": _send("repay-fund", "end", "sms", "push"),
        },
        texts=(
            Text("repay-auto", "push", "一键开通自动还款，不再错过还款日。", "Repay by itself with one tap."),
            Text("repay-fund", "sms", "还款前的资金可享零钱理财收益，点击了解。",
                 "Until it is due, your money can earn: have a look.", "fund"),
        ),
        expected=_("More own accounts are bound, and the daily mean of assets is higher."),
        watch=_("Own accounts bound; daily mean of assets."),
        offer="fund",
        metric="aum_mean",
        assumed=20_000,
    ),
    Play(
        name="holiday_insurance",
        title_zh="车主节日保险礼",
        title_en="A gift of insurance for car owners",
        why=_("Car owners drive at holidays: a small insurance as a gift opens the talk about more."),
        audience="is_car_owner and age >= 18 and age < 70",
        entry="holiday_ahead",
        again=365,
        start="hello",
        nodes={
            "hello": _send("car-gift", "wait"),
            "wait": _clicked("offer", "end", 3),
            "offer": _send("car-insurance", "end", "push", "sms"),
        },
        texts=(
            Text("car-gift", "push", "节日出行，送您一份驾乘意外险，点击领取。",
                 "For the holiday a travel insurance is yours: take it."),
            Text("car-insurance", "push", "车险到期前比一比，专属客户报价已生成。",
                 "Before yours expires, compare: your offer is ready.", "insurance"),
        ),
        expected=_("More insurance is bought within 60 days than in the control."),
        watch=_("Gifts taken; insurance bought within 60 days."),
        metric="bought",
        assumed=0.01,
        product="insurance",
        offer="insurance",
    ),
    Play(
        name="birthday",
        title_zh="生日关怀",
        title_en="Birthday",
        why=_("A greeting sells nothing and is remembered."),
        audience="birthday_7d and aum >= 50_000元",
        entry="birthday",
        again=300,
        start="rich",
        nodes={
            "rich": _if("aum >= 1_000_000元", "call", "hello"),
            "call": _task("祝您生日快乐！今天只为问候，愿您平安顺遂。",
                          "A happy birthday! I only call to wish you a good year.", days=1),
            "hello": {**_send("birthday-greeting", "end", "wecom", "push"), "until_days": 0},
        },
        texts=(
            Text("birthday-greeting", "wecom", "祝您生日快乐，愿您平安顺遂。",
                 "A happy birthday, and a good year."),
        ),
        expected=_("A service: no effect on sales is promised; refusals must not rise."),
        watch=_("Refusals; contacts that became talks."),
        metric="kept",
        purpose="service",
        control="0%",
    ),
)  # fmt: skip
BY_NAME = {play.name: play for play in PLAYS}


def play_of(journey: Journey) -> Play | None:
    """The play a journey was started from; null where it was none."""
    return BY_NAME.get(journey.play)


def offer_of(journey: Journey) -> str:
    """The offer of the play a journey was started from; "" where it was none, or has none."""
    play = play_of(journey)
    return play.offer if play else ""


def metrics_of(journey: Journey) -> tuple[str, ...]:
    """Outcomes a journey's campaigns are measured by: its play's first, which success is judged by; none for
    the bank's own journeys: the library's order."""
    play = play_of(journey)
    return tuple(dict.fromkeys((play.metric, *STANDARD))) if play else ()


def audience_of(journey: Journey) -> int | None:
    """The audience that was saved with a journey when it was started from a play: it bears its title."""
    if play_of(journey) is None:
        return None
    saved = Audience.objects.filter(title=journey.title_zh, put_away_at=None)
    return saved.values_list("pk", flat=True).first()


def start_from(name: str, *, by: Person) -> Journey:
    """Makes a journey from a play: its design under work, its audience saved, its texts as drafts (those that
    are there already stay). Made twice it bears a number. Raises NotAllowed."""
    if not by.may(May.CAMPAIGN):
        raise NotAllowed("your role may not design journeys")
    play = BY_NAME.get(name)
    if play is None:
        raise NotAllowed("no such play")
    with transaction.atomic():
        number = _free(play)
        suffix, more = ("", "") if number == 1 else (f"_{number}", f" {number}")
        title = play.title_zh + more
        made = journey_actions.make_journey(name + suffix, title, play.title_en + more, by=by)
        made.play = name
        made.save(update_fields=["play"])
        journey_actions.keep_draft(made, play.graph(), by=by)
        audience_actions.save(title, play.audience, AudienceKind.LIVE, by=by)
        for text in play.texts:
            _bring(text, play, by)
        audit.record(by, "journeys.play", f"journey:{made.pk}", detail={"play": name})
    return made


def _free(play: Play) -> int:
    """The first number whose name no journey bears and whose title no audience does: whatever was made,
    renamed or put away meanwhile, starting a play once more is never refused for a name."""
    names = set(Journey.objects.filter(name__startswith=play.name).values_list("name", flat=True))
    journeys = Journey.objects.filter(title_zh__startswith=play.title_zh).values_list("title_zh", flat=True)
    audiences = Audience.objects.filter(title__startswith=play.title_zh).values_list("title", flat=True)
    titles = {*journeys, *audiences}
    number = 1
    while True:
        suffix, more = ("", "") if number == 1 else (f"_{number}", f" {number}")
        if play.name + suffix not in names and play.title_zh + more not in titles:
            return number
        number += 1


def _bring(text: Text, play: Play, by: Person) -> None:
    """Makes drafts of a text for its own means and, as `code.means`, for those it falls back to."""
    sends = [node for node in play.nodes.values() if node.get("template") == text.code]
    for means in dict.fromkeys([text.means, *(each for node in sends for each in node["means"])]):
        code = text.code if means == text.means else f"{text.code}.{means}"
        _draft(code, means, text, play, by)


def _draft(code: str, means: str, text: Text, play: Play, by: Person) -> None:
    template, new = Template.objects.get_or_create(
        code=code,
        defaults={
            "title": play.title_zh,
            "means": means,
            "purpose": play.purpose,
            "product": text.product,
            "made_by": by,
        },
    )
    if new:
        TemplateVersion.objects.create(template=template, number=1, body_zh=text.zh, body_en=text.en, by=by)
