"""The card of an uplift: what it was learned from, what it says, how it did on customers it had not seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from quanke.effects.estimates import Estimate
from quanke.effects.uplift.learning import AVERAGE, HARMFUL, LEARNED, Lesson, Participants
from quanke.effects.uplift.published import PublishedUplift
from quanke.effects.uplift.rules import UpliftRules

SAYS = {
    LEARNED: (
        "客户之间的差异在未参与学习的客户上得到证实：按客户给出增量。",
        "That customers differ was borne out on customers nobody had seen: each is told his own.",
    ),
    AVERAGE: (
        "没有证实客户之间有差异：对每位客户给出平均增量（向零收缩）。",
        "That customers differ was not borne out: the average, drawn towards none, is said of everybody.",
    ),
    HARMFUL: (
        "被联系者的资产明显减少：该活动有害，增量不高于零。",
        "Who was contacted ended with less money, beyond chance: it did harm, nothing above zero is said.",
    ),
}


def uplift_card(
    made: PublishedUplift,
    lesson: Lesson,
    of: Participants,
    titles: tuple[str, str],
    left_out: Mapping[str, str],
    dropped: Mapping[str, int],
    rules: UpliftRules,
    days: Sequence[str],
    catalogue: str,
    seed: int,
) -> dict[str, Any]:
    """The card as plain data: no customer's value is in it. `days`: as-of days of the features."""
    held, policy = lesson.held_out, lesson.policy
    return {
        "score": made.score,
        "version": f"{made.until}-{made.fingerprint}",
        "title_zh": f"联系增量：{titles[0]}",
        "title_en": f"Added chance by contacting: {titles[1]}",
        "purpose": "marketing",
        "class": "C2",
        "kind": lesson.kind,
        "says_zh": SAYS[lesson.kind][0],
        "says_en": SAYS[lesson.kind][1],
        "campaigns": list(made.campaigns),
        "means": list(made.means),
        "window_days": made.window,
        "days": {"features": list(days), "until": made.until, "report": made.until},
        "rows": {
            "treated": {"rows": int(of.treated.sum()), "happened": int((of.converted & of.treated).sum())},
            "control": {
                "rows": int((~of.treated).sum()),
                "happened": int((of.converted & ~of.treated).sum()),
            },
            "dropped": dict(dropped),
        },
        "average": made.average,
        "effect": _told(lesson.effect),
        "money_log_change": None if lesson.money is None else _told(lesson.money),
        "held_out_qini": None
        if held is None
        else {"value": held.value, "low": held.low, "high": held.high, "level": held.level},
        "held_out_policy": None
        if policy is None
        else {
            "share": policy.share,
            **{
                name: {"value": mean.value, "low": mean.low, "high": mean.high}
                for name in ("policy", "treat_all", "treat_none", "over_none", "over_lot")
                for mean in (getattr(policy, name),)
            },
        },
        "learners": []
        if lesson.model is None
        else [
            {"name": j.name, "gain": j.gain, "slope": j.slope, "weight": j.weight}
            for j in lesson.model.judged_
        ],
        "features": [
            {"name": f.name, "title_zh": f.title_zh, "title_en": f.title_en, "definition": f.digest}
            for f in made.features
        ],
        "left_out": dict(sorted(left_out.items())),
        "catalogue": catalogue,
        "rules": {f.name: getattr(rules, f.name).on(_day(made.until)) for f in fields(rules)},
        "seed": seed,
    }


def uplift_papers(card: Mapping[str, Any]) -> dict[str, str]:
    """The files of a card by name."""
    text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return {"card.json": text, "card.md": _page(card, 1), "card.zh-CN.md": _page(card, 0)}


def _page(card: Mapping[str, Any], at: int) -> str:
    def word(zh: str, en: str) -> str:
        return (zh, en)[at]

    rows, effect, held, policy = card["rows"], card["effect"], card["held_out_qini"], card["held_out_policy"]
    none = word("未计算（转化太少）", "not taken: too few converted")
    lines = [
        f"# {card[('title_zh', 'title_en')[at]]}",
        "",
        card[("says_zh", "says_en")[at]],
        "",
        f"- {word('版本', 'Version')}: `{card['version']}`",
        f"- {word('用途', 'Purpose')}: {word('营销与服务（C2）', 'marketing and service (C2)')}",
        f"- {word('活动', 'Campaigns')}: {', '.join(card['campaigns'])} ({', '.join(card['means'])})",
        f"- {word('特征日', 'Features as of')}: {', '.join(card['days']['features'])}",
        f"- {word('观察期（天）', 'Window, days')}: {card['window_days']}",
        "",
        f"| {word('组', 'arm')} | {word('人数', 'customers')} | {word('转化', 'converted')} |",
        "|---|---|---|",
        *(
            f"| {word(zh, en)} | {rows[arm]['rows']} | {rows[arm]['happened']} |"
            for arm, zh, en in (("treated", "联系", "contacted"), ("control", "对照", "held out"))
        ),
        "",
        f"- {word('平均增量', 'Average effect')}: {effect['effect']:.2%} "
        f"({effect['low']:.2%} - {effect['high']:.2%}); {word('发布', 'said')}: {card['average']:.2%}",
        f"- {word('留出Qini', 'Held-out Qini')}: "
        + (none if held is None else f"{held['value']:.3f} ({held['low']:.3f} - {held['high']:.3f})"),
    ]
    if policy is not None:
        lot = policy["over_lot"]
        lines.append(
            f"- {word('联系最好的', 'Contacting the best')} {policy['share']:.0%}, "
            f"{word('比随机多', 'more than by lot')}: {lot['value']:.2%} "
            f"({lot['low']:.2%} - {lot['high']:.2%})"
        )
    lines += [
        "",
        word(
            "拒绝画像者、不满14周岁者、已身故者与机构客户不参与学习，也不评分（PI-4）；仅用于营销与服务。",
            "Who refused profiling, is under 14, has died, or is an organisation is neither learned from nor "
            "scored (PI-4); for marketing and service only.",
        ),
        "",
    ]
    return "\n".join(lines)


def _told(one: Estimate) -> dict[str, Any]:
    return {
        "effect": one.effect,
        "low": one.low,
        "high": one.high,
        "se": one.se,
        "warnings": list(one.warnings),
    }


def _day(text: str) -> Any:
    import datetime as dt

    return dt.date.fromisoformat(text)
