"""Commands over model portfolios: build, list, card, use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from quanke.bank.home import Home
from quanke.cli.main import home_option, json_option, print_json
from quanke.night import parse_day

_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=_HELP)
def models() -> None:
    """Model portfolios of the risk classes C1 to C5: build them, read their card, put them into use.

    \b
    Example:
      quanke wealth models build --by analyst-7
      quanke wealth models card
      quanke wealth models use 2026-06-30 --by committee-2
    """


@models.command(context_settings=_HELP)
@click.option("--by", required=True, metavar="WHO", help="Who builds them.")
@click.option("--on", metavar="DATE", help="From unit values through this day (default: all).")
@click.option(
    "--method",
    type=click.Choice(["mean_risk", "cvar", "risk_budget"]),
    default="mean_risk",
    show_default=True,
    help="What is sought: the highest mean under a ceiling of risk, also of CVaR, or equal parts of risk.",
)
@click.option(
    "--covariance",
    type=click.Choice(["ledoit_wolf", "gerber", "denoised", "sample"]),
    default="ledoit_wolf",
    show_default=True,
    help="How risk is estimated.",
)
@click.option(
    "--mean",
    type=click.Choice(["equilibrium", "shrunk", "historical"]),
    default="equilibrium",
    show_default=True,
    help="How means are estimated, before the views of house-view.yaml.",
)
@click.option(
    "--turnover",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="At most so much of a portfolio is moved from the models in use.",
)
@home_option
@json_option
def build(
    by: str,
    on: str | None,
    method: str,
    covariance: str,
    mean: str,
    turnover: float | None,
    home: Path,
    as_json: bool,
) -> None:
    """Build model portfolios from the unit values of the bank's products and its house view.

    They are kept, and not in use before somebody else says so: `quanke wealth models use`.

    \b
    Example:
      quanke wealth models build --by analyst-7
      quanke wealth models build --by analyst-7 --method cvar --covariance gerber
    """
    from quanke.night.wealth_models import build_models, publish_models

    opened = Home.open(home)
    model, past = build_models(
        opened,
        until=parse_day(on) if on else None,
        method=method,
        covariance=covariance,
        mean=mean,
        turnover=turnover,
    )
    version = publish_models(opened, model, past, by=by)
    if as_json:
        print_json({"version": version.name, "built": version.built, **_shown(model)})
        return
    click.echo(f"{version.name}  {past.first} – {past.last}, {len(past.returns)} 日 days")
    _show(model)
    for name, why in past.left_out.items():
        click.echo(f"未纳入 left out {name}: {why}")
    click.echo("尚未启用 not in use yet: quanke wealth models use VERSION --by WHO")


def _shown(model: Any) -> dict[str, Any]:
    names = [str(n) for n in model.feature_names_in_]
    weights = {
        f"C{k}": dict(zip(names, map(float, row), strict=True))
        for k, row in enumerate(model.weights_, start=1)
    }
    return {
        "weights": weights,
        "methods": model.methods_,
        "fallbacks": [f.sheet() for f in model.fallbacks_],
        "card": model.card_,
    }


def _show(model: Any) -> None:
    shares = Table(title="模型组合 model portfolios", title_justify="left", header_style="bold")
    shares.add_column("大类资产 asset class")
    for k in range(1, 6):
        shares.add_column(f"C{k}", justify="right")
    for at, asset in enumerate(model.assets):
        cells = [f"{row[at]:.2%}" if row[at] else "-" for row in model.weights_]
        shares.add_row(f"{asset.title_zh} {asset.title_en}", *cells)
    Console().print(shares)
    figures = Table(title="历史数据 past figures", title_justify="left", header_style="bold")
    figures.add_column("")
    for k in range(1, 6):
        figures.add_column(f"C{k}", justify="right")
    cards = list(model.card_["classes"].values())
    ranges = [f"{c['range_of_a_year'][0]:.1%} … {c['range_of_a_year'][1]:.1%}" for c in cards]
    figures.add_row("一年区间（90%）nine of ten years", *ranges)
    for key, words in (
        ("max_loss_backtest", "回测最大亏损 deepest loss in the backtest"),
        ("volatility", "年化波动 volatility a year"),
        ("cvar_month", "月度CVaR 95%"),
        ("turnover_backtest", "年换手 turnover a year"),
        ("fees_backtest", "年费用 fees a year"),
    ):
        figures.add_row(words, *[f"{c[key]:.2%}" for c in cards])
    Console().print(figures)
    click.echo(f"{model.card_['note_zh']}\n{model.card_['note_en']}")
    for f in model.fallbacks_:
        used = f.used or "nothing"
        click.echo(f"替代 fallback {f.where}: {f.tried} ({f.because}) → {used}")


@models.command("list", context_settings=_HELP)
@home_option
@json_option
def list_(home: Path, as_json: bool) -> None:
    """List every version, who built it, and which is in use.

    \b
    Example:
      quanke wealth models list
    """
    from quanke.wealth.portfolios import ModelPortfolioStore

    store = ModelPortfolioStore(Home.open(home).path)
    told = store.use_told() or {}
    rows = [
        {
            "version": v.name,
            "in_use": v.name == told.get("version"),
            "built_by": v.built["by"],
            "first": v.built["first"],
            "last": v.built["last"],
            "used_by": told.get("by") if v.name == told.get("version") else None,
        }
        for v in store.versions()
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("还没有模型组合 no model portfolios yet: quanke wealth models build --by WHO")
        return
    table = Table(title="模型组合 model portfolios", title_justify="left", header_style="bold")
    for head in ("version", "在用 used", "建立 built by", "启用 decided by", "数据 data"):
        table.add_column(head, overflow="fold")
    for row in rows:
        used = "✓" if row["in_use"] else ""
        table.add_row(
            row["version"], used, row["built_by"], row["used_by"] or "", f"{row['first']} – {row['last']}"
        )
    Console().print(table)


@models.command(context_settings=_HELP)
@click.argument("version", default="")
@home_option
@json_option
def card(version: str, home: Path, as_json: bool) -> None:
    """Show the shares and past figures of VERSION, or of the one in use. Nothing on it is a promise.

    \b
    Example:
      quanke wealth models card
      quanke wealth models card 2026-06-30
    """
    from quanke.wealth.portfolios import ModelPortfolioStore

    found = ModelPortfolioStore(Home.open(home).path).version(version)
    model = found.model()
    if as_json:
        print_json({"version": found.name, "built": found.built, **_shown(model)})
        return
    click.echo(found.name)
    _show(model)


@models.command(context_settings=_HELP)
@click.argument("version")
@click.option("--by", required=True, metavar="WHO", help="Who decides it: another than who built it.")
@click.option("--on", metavar="DATE", help="Day of the decision (default: the last day of its data).")
@home_option
@json_option
def use(version: str, by: str, on: str | None, home: Path, as_json: bool) -> None:
    """Put VERSION into use from the next night on. Who built it does not decide on it (four eyes).

    \b
    Example:
      quanke wealth models use 2026-06-30 --by committee-2
    """
    from quanke.wealth.portfolios import ModelPortfolioStore

    opened = Home.open(home)
    store = ModelPortfolioStore(opened.path)
    found = store.version(version)
    day = parse_day(on).isoformat() if on else str(found.built["last"])
    with opened.writing():
        store.use(found.name, by=by, on=day)
    if as_json:
        print_json({"in_use": found.name, "by": by, "on": day})
    else:
        click.echo(f"{found.name} 自下一夜起启用 in use from the next night on ({by})")
