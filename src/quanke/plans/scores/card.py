"""The model card: what a score is for, what it was made of, how it did on the last month, where it must not go.

One card as plain data (`card.json`) and as two pages, `card.md` and `card.zh-CN.md`. A card holds no customer's
value: figures of groups below fifty customers are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.plans.scores.fitting import Learned
from quanke.plans.scores.measures import area
from quanke.plans.scores.model import Model
from quanke.plans.scores.rules import ScoreRules, Split
from quanke.plans.scores.targets import Target
from quanke.plans.scores.worth import Worth

Papers = dict[str, str]
SMALLEST_GROUP = 50
MOST_BRANCHES = 30
AGES = (18, 25, 35, 45, 55, 65)
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
        "成因不同于相关：高分者未必因联系而行动，增量须看对照组。",
    ),
    "en": (
        "Only what can be known as of a past day was learned from: positions, risk class, maturities and other "
        "fields kept as last delivered were not.",
        "It says who is likely to act, not who acts because he is contacted: that is what control groups are for.",
    ),
}


def groups_of(table: pa.Table, said: NDArray[np.float64], happened: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """How a score does in groups of the report's customers: how many, what was said and seen, area under the curve,
    share among the best tenth. By each column of `table`; ages in bands, the largest branches."""
    best = said >= np.quantile(said, 0.9)
    found = []
    for dimension in table.column_names:
        members = table[dimension].to_pylist()
        if dimension == "age":
            members = [None if a is None else _age(a) for a in members]
        values = np.array(["" if m is None else str(m) for m in members], dtype=object)
        names, counts = np.unique(values, return_counts=True)
        largest = sorted(zip(names, counts, strict=True), key=lambda p: (-p[1], p[0]))[:MOST_BRANCHES]
        for name, count in sorted(largest):
            own = values == name
            if name and count >= SMALLEST_GROUP:
                found.append(
                    {
                        "by": dimension,
                        "group": str(name),
                        "rows": int(count),
                        "happened": int(happened[own].sum()),
                        "said": float(said[own].mean()),
                        "seen": float(happened[own].mean()),
                        "auc": area(said[own], happened[own]),
                        "among_best": float(best[own].mean()),
                    }
                )
    return found


def _age(age: int) -> str:
    at = int(np.searchsorted(AGES, age, side="right"))
    low = AGES[at - 1] if at else 0
    return f"{low:02d}-{AGES[at] - 1}" if at < len(AGES) else f"{low}+"


def model_card(
    target: Target,
    model: Model,
    learned: Learned,
    split: Split,
    counts: Mapping[str, Mapping[str, int]],
    groups: Sequence[Mapping[str, Any]],
    left_out: Mapping[str, str],
    catalogue: str,
    rules: ScoreRules,
    seed: int,
) -> dict[str, Any]:
    """The card of a trained score."""
    gain = model.trees.importance(len(model.features))
    order = np.argsort(-gain, kind="stable")
    return {
        "score": model.score,
        "version": f"{model.until}-{model.fingerprint}",
        "title_zh": target.title_zh,
        "title_en": target.title_en,
        "purpose": "marketing",
        "class": "C2",
        "foretells": target.label.words,
        "label": model.label,
        "catalogue": catalogue,
        "days": _days(split, model.until),
        "rows": counts,
        "features": [
            {
                "name": model.features[i].name,
                "title_zh": model.features[i].title_zh,
                "title_en": model.features[i].title_en,
                "importance": float(gain[i]),
                "definition": model.features[i].digest,
            }
            for i in map(int, order)
        ],
        "left_out": dict(sorted(left_out.items())),
        "metrics": {"ours": learned.ours, "logistic_regression": learned.line},
        "reliability": learned.table,
        "reliability_in_calibration": learned.calibrated,
        "calibration": model.calibration.kind,
        "trees": len(model.trees),
        "groups": list(groups),
        "rules": {f.name: getattr(rules, f.name).on(split.report) for f in fields(rules)},
        "seed": seed,
    }


def worth_card(worth: Worth, split: Split, opened: Mapping[str, int], catalogue: str) -> dict[str, Any]:
    """The card of the expected value."""
    from quanke.plans.scores.model import fingerprint

    return {
        "score": "expected_value",
        "version": f"{worth.until}-{fingerprint(worth.text)}",
        "title_zh": "预期贡献（一年）",
        "title_en": "Expected margin over a year",
        "purpose": "marketing",
        "class": "C2",
        "catalogue": catalogue,
        "days": _days(split, worth.until),
        "value_days": worth.days,
        "aum_margin": worth.aum_margin,
        "loan_margin": worth.loan_margin,
        "share_lost_by_leavers": worth.lost,
        "products": [
            {"category": c, "margin": worth.margin[c], "openings": opened[c], "usual_amount_fen": list(worth.amounts[c])}
            for c in sorted(worth.margin)
        ],
    }


def _days(split: Split, until: str) -> dict[str, Any]:
    return {
        "train": [d.isoformat() for d in split.train],
        "calibrate": [d.isoformat() for d in split.calibrate],
        "report": split.report.isoformat(),
        "horizon": split.horizon,
        "until": until,
    }


def papers(card: Mapping[str, Any]) -> Papers:
    """The files of a card by name."""
    text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return {"card.json": text, "card.md": page(card, "en"), "card.zh-CN.md": page(card, "zh")}


_WORDS = {
    "zh": {
        "purpose": "用途", "marketing": "营销与服务（C2）", "version": "版本", "days": "数据日期",
        "train": "训练", "calibrate": "选型与校准", "report": "报告", "until": "数据截至", "horizon": "期限（天）",
        "rows": "样本", "metrics": "最后一个月的效果", "ours": "本模型", "logistic_regression": "逻辑回归（对照）",
        "features": "特征与重要性", "reliability": "可靠性（最后一个月）", "said": "预测", "seen": "实际",
        "groups": "分组对比（不作特征）", "walls": "边界", "limits": "局限", "left_out": "未用的标签",
        "count": "人数", "happened": "发生", "among_best": "进入前10%",
        "auc": "AUC", "lift_top_decile": "前10%提升倍数", "calibration_error": "校准误差ECE", "log_loss": "对数损失",
        "products": "产品", "fingerprints": "指纹", "foretells": "预测内容",
    },
    "en": {
        "purpose": "Purpose", "marketing": "marketing and service (C2)", "version": "Version", "days": "Days of data",
        "train": "learned from", "calibrate": "chosen and calibrated on", "report": "reported on", "until": "known through",
        "horizon": "horizon, days", "rows": "Rows", "metrics": "On the last month", "ours": "this model",
        "logistic_regression": "logistic regression beside it", "features": "Features and their importance",
        "reliability": "Reliability on the last month", "said": "said", "seen": "seen",
        "groups": "Groups compared (not learned from)", "walls": "Walls", "limits": "Limits",
        "left_out": "Tags left out", "count": "customers", "happened": "acted", "among_best": "among the best tenth",
        "auc": "AUC", "lift_top_decile": "lift of the top decile", "calibration_error": "calibration error (ECE)",
        "log_loss": "log loss", "products": "Products", "fingerprints": "Fingerprints", "foretells": "Foretells",
    },
}  # fmt: skip


def page(card: Mapping[str, Any], language: str) -> str:
    """A card as a page in Markdown; `language` is "zh" or "en"."""
    word = _WORDS[language]
    days = card["days"]
    lines = [
        f"# {card['title_zh' if language == 'zh' else 'title_en']} · `{card['score']}`",
        "",
        f"- {word['version']}: `{card['version']}`",
        f"- {word['purpose']}: {word['marketing']}",
        f"- {word['days']}: {word['train']} {', '.join(days['train'])}; {word['calibrate']} "
        f"{', '.join(days['calibrate'])}; {word['report']} {days['report']}; {word['horizon']} {days['horizon']}; "
        f"{word['until']} {days['until']}",
    ]
    lines += _of_model(card, language) if "metrics" in card else _of_worth(card, word)
    for part, texts in (("walls", WALLS), ("limits", LIMITS)):
        lines += ["", f"## {word[part]}", "", *(f"- {text}" for text in texts[language])]
    fingerprints = {k: card[k] for k in ("label", "catalogue") if k in card}
    lines += ["", f"## {word['fingerprints']}", "", *(f"- {k}: `{v}`" for k, v in fingerprints.items())]
    return "\n".join(lines) + "\n"


def _of_model(card: Mapping[str, Any], language: str) -> list[str]:
    word = _WORDS[language]
    rows = "; ".join(f"{word[r]} {c['rows']:,} ({c['happened']:,})" for r, c in card["rows"].items())
    lines = [f"- {word['foretells']}: `{card['foretells']}`", f"- {word['rows']}: {rows}"]
    measures = ("auc", "lift_top_decile", "calibration_error", "log_loss")
    lines += ["", f"## {word['metrics']}", "", f"| | {' | '.join(word[m] for m in measures)} |", "|---|---|---|---|---|"]
    for whose, found in card["metrics"].items():
        lines.append(f"| {word[whose]} | {' | '.join(_figure(found[m]) for m in measures)} |")
    lines += ["", f"## {word['features']}", ""]
    for feature in card["features"][:25]:
        title = feature["title_zh" if language == "zh" else "title_en"]
        lines.append(f"- {title} (`{feature['name']}`): {feature['importance']:.1%}")
    heads = ("count", "happened", "said", "seen")
    lines += ["", f"## {word['reliability']}", "", f"| {' | '.join(word[h] for h in heads)} |", "|---|---|---|---|"]
    for step in card["reliability"]:
        lines.append(f"| {step['count']:,} | {step['happened']:,} | {step['said']:.4%} | {step['seen']:.4%} |")
    heads = ("count", "happened", "said", "seen", "auc", "among_best")
    lines += ["", f"## {word['groups']}", "", f"| | {' | '.join(word[h] for h in heads)} |", "|---|---|---|---|---|---|---|"]
    for g in card["groups"]:
        figures = (f"{g['rows']:,}", f"{g['happened']:,}", f"{g['said']:.3%}", f"{g['seen']:.3%}", _figure(g["auc"]), f"{g['among_best']:.1%}")  # fmt: skip
        lines.append(f"| {g['by']} {g['group']} | {' | '.join(figures)} |")
    lines += ["", f"## {word['left_out']}", ""]
    reasons: dict[str, list[str]] = {}
    for name, reason in card["left_out"].items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    return [*lines, *(f"- {reason}: {', '.join(names)}" for reason, names in sorted(reasons.items()))]


def _of_worth(card: Mapping[str, Any], word: Mapping[str, str]) -> list[str]:
    lines = [
        f"- AUM × {card['aum_margin']:.4%} × (1 − churn × {card['share_lost_by_leavers']:.1%})"
        f" + loans × {card['loan_margin']:.4%}; {card['value_days']} d",
        "",
        f"## {word['products']}",
        "",
    ]
    for product in card["products"]:
        amounts = " / ".join(f"{a / 100:,.0f}" for a in product["usual_amount_fen"])
        lines.append(f"- `{product['category']}`: {product['margin']:.3%} × {amounts} ({product['openings']:,})")
    return lines


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
