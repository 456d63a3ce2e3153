"""The pages of a model card in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quanke.plans.scores.payment_card import LIMITS as PAYMENT_LIMITS
from quanke.plans.scores.payment_card import of_payments

WALLS = {
    "zh": (
        "仅用于营销与服务，不用于授信、风险或合规判断；征信、反诈设备、家庭关系等数据不在其中（PI-6）。",
        "拒绝画像者、不满14周岁者、已身故者与机构客户不参与训练，也不评分（PI-4）。",
        "性别、网点等仅用于分组对比，不作为特征；对客户有重大影响的决定不得仅凭评分作出。",
    ),
    "en": (
        "For marketing and service only; never for credit, risk or compliance. Credit-bureau data, devices "
        "collected against fraud and family links are not in it (PI-6).",
        "Who refused profiling, is under 14, has died, or is an organisation is neither learned from nor "
        "scored (PI-4).",
        "Sex and branch are compared, not learned from. No decision of weight for a customer rests on a "
        "score alone.",
    ),
}
LIMITS = {
    "zh": (
        "只用能还原到过去某日的数据：持仓、风险等级、到期日等只有最新值的字段未用。",
        "相关不等于因果：高分者未必因联系而行动，增量须看对照组。",
    ),
    "en": (
        "Only what can be known as of a past day was learned from: positions, risk class, maturities and "
        "other fields kept as last delivered were not.",
        "It says who is likely to act, not who acts because he is contacted: that is what control groups "
        "are for.",
    ),
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "purpose": ("用途", "Purpose"),
    "marketing": ("营销与服务（C2）", "marketing and service (C2)"),
    "version": ("版本", "Version"),
    "foretells": ("预测内容", "Foretells"),
    "days": ("数据日期", "Days of data"),
    "train": ("训练", "learned from"),
    "calibrate": ("选型与校准", "chosen and calibrated on"),
    "report": ("报告", "reported on"),
    "until": ("数据截至", "known through"),
    "horizon": ("期限（天）", "horizon, days"),
    "rows": ("样本", "Rows"),
    "metrics": ("最后一个月的效果", "On the last month"),
    "ours": ("本模型", "this model"),
    "logistic_regression": ("逻辑回归（对照）", "logistic regression beside it"),
    "auc": ("AUC", "AUC"),
    "lift_top_decile": ("前10%提升倍数", "lift of the top decile"),
    "calibration_error": ("校准误差ECE", "calibration error (ECE)"),
    "log_loss": ("对数损失", "log loss"),
    "features": ("特征与重要性", "Features and their importance"),
    "reliability": ("可靠性（最后一个月）", "Reliability on the last month"),
    "count": ("人数", "customers"),
    "happened": ("发生", "acted"),
    "said": ("预测", "said"),
    "seen": ("实际", "seen"),
    "groups": ("分组对比（不作特征）", "Groups compared (not learned from)"),
    "among_best": ("进入前10%", "among the best tenth"),
    "left_out": ("未用的标签", "Tags left out"),
    "products": ("产品：利差 × 各资产档常见金额", "Products: margin x usual amount by band of AUM"),
    "walls": ("边界", "Walls"),
    "limits": ("局限", "Limits"),
    "fingerprints": ("指纹", "Fingerprints"),
}
LANGUAGES = ("zh", "en")
MEASURES = ("auc", "lift_top_decile", "calibration_error", "log_loss")
MOST_FEATURES = 25


def page(card: Mapping[str, Any], language: str) -> str:
    """A card as a page in Markdown; `language` is "zh" or "en"."""
    at = LANGUAGES.index(language)
    word = {name: both[at] for name, both in _WORDS.items()}
    days = card["days"]
    lines = [
        f"# {card[f'title_{language}']} · `{card['score']}`",
        "",
        f"- {word['version']}: `{card['version']}`",
        f"- {word['purpose']}: {word['marketing']}",
        f"- {word['days']}: {'; '.join(_told_days(days, word))}",
    ]
    limits: Mapping[str, tuple[str, ...]] = LIMITS
    if "held_out" in card:
        lines += of_payments(card, at)
        limits = PAYMENT_LIMITS
    elif "metrics" in card:
        lines += _of_model(card, word, language)
    else:
        lines += _of_worth(card, word)
    for part, texts in (("walls", WALLS), ("limits", limits)):
        lines += ["", f"## {word[part]}", "", *(f"- {text}" for text in texts[language])]
    fingerprints = [f"- {k}: `{card[k]}`" for k in ("label", "catalogue") if k in card]
    return "\n".join([*lines, "", f"## {word['fingerprints']}", "", *fingerprints]) + "\n"


def _told_days(days: Mapping[str, Any], word: Mapping[str, str]) -> Iterator[str]:
    for role in ("train", "calibrate"):
        if days[role]:
            yield f"{word[role]} {', '.join(days[role])}"
    yield from (f"{word[role]} {days[role]}" for role in ("report", "horizon", "until"))


def _of_model(card: Mapping[str, Any], word: Mapping[str, str], language: str) -> Iterator[str]:
    rows = "; ".join(f"{word[r]} {c['rows']:,} ({c['happened']:,})" for r, c in card["rows"].items())
    yield from (f"- {word['foretells']}: `{card['foretells']}`", f"- {word['rows']}: {rows}")
    yield from ("", f"## {word['metrics']}", "", _row("", *(word[m] for m in MEASURES)), _rule(5))
    for whose, found in card["metrics"].items():
        yield _row(word[whose], *(_figure(found[m]) for m in MEASURES))
    yield from ("", f"## {word['features']}", "")
    for feature in card["features"][:MOST_FEATURES]:
        yield f"- {feature[f'title_{language}']} (`{feature['name']}`): {feature['importance']:.1%}"
    heads = ("count", "happened", "said", "seen")
    yield from ("", f"## {word['reliability']}", "", _row(*(word[h] for h in heads)), _rule(4))
    for step in card["reliability"]:
        yield _row(
            f"{step['count']:,}", f"{step['happened']:,}", f"{step['said']:.4%}", f"{step['seen']:.4%}"
        )
    compared = (*heads, "auc", "among_best")
    yield from ("", f"## {word['groups']}", "", _row("", *(word[h] for h in compared)), _rule(7))
    for g in card["groups"]:
        counts = (f"{g['rows']:,}", f"{g['happened']:,}", f"{g['said']:.3%}", f"{g['seen']:.3%}")
        yield _row(f"{g['by']} {g['group']}", *counts, _figure(g["auc"]), f"{g['among_best']:.1%}")
    yield from ("", f"## {word['left_out']}", "")
    reasons: dict[str, list[str]] = {}
    for name, reason in card["left_out"].items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    yield from (f"- {reason}: {', '.join(names)}" for reason, names in sorted(reasons.items()))


def _of_worth(card: Mapping[str, Any], word: Mapping[str, str]) -> Iterator[str]:
    yield (
        f"- AUM × {card['aum_margin']:.4%} × (1 − churn × {card['share_lost_by_leavers']:.1%}) + loans × "
        f"{card['loan_margin']:.4%}; {card['value_days']} d"
    )
    yield from ("", f"## {word['products']}", "")
    for product in card["products"]:
        amounts = " / ".join(f"{a / 100:,.0f}" for a in product["usual_amount_fen"])
        yield f"- `{product['category']}`: {product['margin']:.3%} × {amounts} ({product['openings']:,})"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
