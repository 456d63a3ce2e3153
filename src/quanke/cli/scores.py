"""Commands over scores: train, list, card, explain, drift, use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from quanke.bank.home import Home
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.progress import listener
from quanke.cli.reading import on_option
from quanke.night import open_home, parse_day

if TYPE_CHECKING:
    from quanke.plans.scores.store import Version

_HELP = {"help_option_names": ["-h", "--help"]}
STATES = {
    "steady": "稳定 steady",
    "warn": "[yellow]关注 warn[/]",
    "alarm": "[red]报警 alarm[/]",
    "unknown": "-",
}


@click.group(context_settings=_HELP)
def scores() -> None:
    """Learn who is likely to act or to leave: train models, read their cards, explain a customer's score.

    \b
    Example:
      quanke scores train
      quanke scores list
      quanke scores explain 1234
    """


def _table(title: str, *heads: str) -> Table:
    made = Table(title=title, title_justify="left", header_style="bold")
    for head in heads:
        named = head in ("score", "version")
        made.add_column(head, overflow="fold", no_wrap=named, justify="left" if named else "right")
    return made


@scores.command(context_settings=_HELP)
@click.option(
    "--on", metavar="DATE", help="Learn from what is known through this day (default: the last night)."
)
@click.option("--only", multiple=True, metavar="SCORE", help="Only this score (may be repeated).")
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="TAG",
    help="Learn from this tag (may be repeated; default: all fit).",
)
@click.option(
    "--sample",
    type=click.IntRange(1_000),
    default=100_000,
    show_default=True,
    help="Customers to learn from.",
)
@click.option("--keep", is_flag=True, help="Publish the versions, but go on using those in use.")
@home_option
@json_option
def train(
    on: str | None,
    only: tuple[str, ...],
    features: tuple[str, ...],
    sample: int,
    keep: bool,
    home: Path,
    as_json: bool,
) -> None:
    """Train scores from past months, check them on later ones, and use them from the next night on.

    Features are computed as of past month-ends, from what was known then; outcomes from the days after. A
    score for which too few acted is left out, with the reason. `payment_activity` is trained only where it is
    asked for.

    \b
    Example:
      quanke scores train
      quanke scores train --on 2026-05-31 --only churn_risk --keep
      quanke scores train --only payment_activity
    """
    from quanke.night.training import train as train_scores

    made = train_scores(
        Home.open(home),
        parse_day(on) if on else None,
        only=only,
        features=features,
        sample=sample,
        use=not keep,
        progress=listener(),
    )
    if as_json:
        print_json(made.to_json())
        return
    split = made.split
    click.echo(f"训练 learned from   {', '.join(map(str, split.train))}")
    click.echo(f"校准 calibrated on  {', '.join(map(str, split.calibrate))}")
    click.echo(f"报告 reported on    {split.report}   期限 horizon {split.horizon} d")
    table = _table(
        f"{len(made.versions)} 个模型 models: 本模型 ours / 逻辑回归 logistic; lift: 前10% best tenth",
        "score", "version", "AUC", "lift", "ECE",
    )  # fmt: skip
    for score, version in made.versions.items():
        metrics = version.card.get("metrics")
        figures: tuple[str, ...] = ("-",) * 3
        if metrics:
            ours, line = metrics["ours"], metrics["logistic_regression"]
            pairs = [
                f"{_figure(ours[n], p)} / {_figure(line[n], p)}"
                for n, p in (("auc", 3), ("lift_top_decile", 1))
            ]
            figures = (*pairs, _figure(ours["calibration_error"], 4))
        table.add_row(score, version.name, *figures)
    Console().print(table)
    _show_held_out(made.versions)
    for score, reason in made.skipped.items():
        click.echo(f"未训练 no model of {score}: {reason}")


def _show_held_out(versions: Mapping[str, Version]) -> None:
    """How payment activity did on the days held out, by how often a customer had paid."""
    for score, version in versions.items():
        held = version.card.get("held_out")
        if held is None:
            continue
        table = _table(
            f"{score}: 留出期人均支付天数 days with a payment in the days held out",
            "之前 before", "客户 customers", "预期 expected", "外推 naive", "实际 seen",
        )  # fmt: skip
        for g in [*held["groups"], {**held, "from": "全部 all", "to": ""}]:
            span = f"{g['from']}-{g['to']}" if g["to"] not in ("", g["from"]) else str(g["from"])
            table.add_row(
                span, f"{g['customers']:,}", *(_figure(g[n]) for n in ("expected", "naive", "actual"))
            )
        Console().print(table)


def _figure(value: float | None, places: int = 2) -> str:
    return "-" if value is None else f"{value:.{places}f}"


@scores.command("list", context_settings=_HELP)
@home_option
@json_option
def list_(home: Path, as_json: bool) -> None:
    """List every version of every score, and which are in use.

    \b
    Example:
      quanke scores list
    """
    from quanke.plans.scores import ModelStore

    store = ModelStore(Home.open(home).path)
    rows = []
    for score in store.scores():
        used = store.current(score)
        for version in store.versions(score):
            card = version.card
            rows.append(
                {
                    "score": score,
                    "version": version.name,
                    "in_use": used is not None and version.name == used.name,
                    "title_zh": card["title_zh"],
                    "title_en": card["title_en"],
                    "reported_on": card["days"]["report"],
                    "auc": card.get("metrics", {}).get("ours", {}).get("auc"),
                    "path": str(version.path),
                }
            )
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("还没有模型 no model yet: quanke scores train")
        return
    table = _table("模型 models", "score", "version", "在用 used", "报告日 report", "AUC")
    for row in rows:
        used_now = "✓" if row["in_use"] else ""
        table.add_row(row["score"], row["version"], used_now, row["reported_on"], _figure(row["auc"], 3))
    Console().print(table)


@scores.command(context_settings=_HELP)
@click.argument("score")
@click.option("--version", "name", default="", help="A version, or how it begins (default: the one in use).")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@home_option
@json_option
def card(score: str, name: str, language: str, home: Path, as_json: bool) -> None:
    """Show the model card of SCORE: what it is for, what it was made of, how it did, where it must not go.

    \b
    Example:
      quanke scores card churn_risk --language en
    """
    from quanke.plans.scores import ModelStore

    version = ModelStore(Home.open(home).path).version(score, name)
    if as_json:
        print_json(version.card)
        return
    file = "card.md" if language == "en" else "card.zh-CN.md"
    Console().print(Markdown((version.path / file).read_text(encoding="utf-8")))


@scores.command(context_settings=_HELP)
@click.argument("customer")
@click.option("--score", default="", help="Only this score.")
@click.option(
    "--reasons", type=click.IntRange(1), default=5, show_default=True, help="Reasons to show of each."
)
@on_option
@home_option
@json_option
def explain(customer: str, score: str, reasons: int, on: str | None, home: Path, as_json: bool) -> None:
    """Why CUSTOMER has the scores a night gave him: the features that moved each most, in plain words.

    CUSTOMER is a customer number, or source:party_id.

    \b
    Example:
      quanke scores explain 1234 --score churn_risk
    """
    from quanke.night.score_reading import explain_scores, why_none

    bank = open_home(home)
    night, number = bank.night(on), bank.customer(customer, on)
    found = explain_scores(bank.home, night, number, score, reasons)
    zh, en = ("", "") if found else why_none(night, number)
    if as_json:
        scored = [e.to_json() for e in found]
        print_json(
            {"customer": number, "night": night.day.isoformat(), "scores": scored, "none_because": en or None}
        )
        return
    if not found:
        click.echo(f"{zh} {en}".strip() or "没有评分 no score")
        return
    console = Console(highlight=False)
    console.print(f"[bold]customer {number}[/bold] · {night.day}")
    for e in found:
        said = f"{e.value:.2f} 天 days / 90 d" if e.unit == "days" else f"{e.value:.2%}"
        console.print(
            f"\n[bold]{e.title_zh} {e.title_en}[/bold] [dim]{e.score}[/dim]  {said}  "
            f"高于 above {min(e.share_below, 0.999):.1%}"
        )
        for r in e.reasons:
            console.print(f"  {'▲' if r.weight > 0 else '▼'} {r.zh}\n    [dim]{r.en}[/dim]")


@scores.command(context_settings=_HELP)
@click.option(
    "--outcomes", is_flag=True, help="Also compare what was said with what came of it, where that is known."
)
@click.option("--all", "every", is_flag=True, help="Every feature, also the steady ones.")
@on_option
@home_option
@json_option
def drift(outcomes: bool, every: bool, on: str | None, home: Path, as_json: bool) -> None:
    """Show how far a night's customers have moved from those its models were learned from (PSI).

    \b
    Example:
      quanke scores drift
      quanke scores drift --on 2026-05-31 --outcomes
    """
    from quanke.night.score_reading import came_true
    from quanke.night.scores import scores_of

    bank = open_home(home)
    night = bank.night(on)
    told = scores_of(night.path)
    compared = came_true(bank.home, night, progress=listener()) if outcomes else []
    if as_json:
        print_json({**told, "night": night.day.isoformat(), "outcomes": [c.to_json() for c in compared]})
        return
    table = _table(
        f"漂移 drift · {night.day} · {told['scored']:,} scored", "score", "what", "PSI", "状态 state"
    )
    for score, found in told["drift"].items():
        _rows(table, score, found, every)
    Console().print(table)
    for score, reason in told["not_applied"].items():
        click.echo(f"未应用 {score} not applied: {reason}")
    if outcomes:
        _show_outcomes(compared)


def _rows(table: Table, score: str, found: dict[str, Any], every: bool) -> None:
    said = found["said"]
    table.add_row(score, "评分 what it says", _figure(said["psi"], 4), STATES[said["state"]])
    moved = sorted(found["features"].items(), key=lambda p: -(p[1]["psi"] or 0))
    shown = [(n, f) for n, f in moved if every or f["state"] != "steady"]
    for name, feature in shown:
        table.add_row("", name, _figure(feature["psi"], 4), STATES[feature["state"]])
    if not every and len(shown) < len(moved):
        table.add_row("", f"其余 {len(moved) - len(shown)} 个特征 features", "", STATES["steady"])


def _show_outcomes(compared: list[Any]) -> None:
    if not compared:
        click.echo("期限未到，结果未知 the horizon is not over: nothing is known yet")
        return
    table = _table("结果 outcomes", "score", "预计 said", "实际 seen", "σ", "AUC", "ECE", "状态 state")
    for c in compared:
        figures = (f"{c.said:,.1f}", f"{c.seen:,}", f"{c.apart:+.1f}", _figure(c.metrics["auc"]))
        table.add_row(c.score, *figures, _figure(c.metrics["calibration_error"], 4), STATES[c.state])
    Console().print(table)


@scores.command(context_settings=_HELP)
@click.argument("score")
@click.argument("version")
@home_option
@json_option
def use(score: str, version: str, home: Path, as_json: bool) -> None:
    """Use a VERSION of SCORE from the next night on; `none` uses no version. Published nights stay as they
    are.

    \b
    Example:
      quanke scores use churn_risk 2026-04-30
      quanke scores use churn_risk none
    """
    from quanke.plans.scores import ModelStore

    store = ModelStore(Home.open(home).path)
    if version == "none":
        store.leave(score)
        named = None
    else:
        named = store.use(score, version).name
    if as_json:
        print_json({"score": score, "in_use": named})
    else:
        click.echo(f"{score}: {named or '不用任何版本 none'} 自下一夜起使用 in use from the next night on")
