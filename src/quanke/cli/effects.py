"""Commands over campaigns and their effect: register, look, measure."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.progress import listener
from quanke.cli.reading import on_option
from quanke.cli.who import plain_table
from quanke.effects.groups import CONTROL, TREATED, Arm, ArmUnit, CampaignRegister, Design, share_of
from quanke.night import open_home, parse_day

_HELP = {"help_option_names": ["-h", "--help"]}
LEARNING = "learn"


class Campaigns(click.Group):
    """A group in which a name that is no command is a campaign to show: `quanke effects
    tier_edge_autumn_2025`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or the one that shows a campaign."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name.startswith("-"):
            return found
        return super().get_command(ctx, "show")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Of a campaign the name stays an argument."""
        name = click.utils.make_str(args[0])
        if name not in self.commands and not name.startswith("-"):
            return "show", self.commands["show"], args
        return super().resolve_command(ctx, args)


@click.group(cls=Campaigns, context_settings=_HELP)
def effects() -> None:
    """What a campaign really changed, against customers who got nothing; and who gets nothing, beforehand.

    `quanke effects CAMPAIGN` shows the effect of a campaign.

    \b
    Example:
      quanke effects tier_edge_autumn_2025
      quanke effects assign summer_fund --audience 'tier == "core" and not holds("fund")' \\
        --first-contact 2026-07-06 --until 2026-07-31 --control 20%
      quanke effects list
    """


@effects.command(context_settings=_HELP)
@click.argument("campaign")
@click.option(
    "--on", metavar="DATE", help="With what was known then, YYYY-MM-DD (default: all that is loaded)."
)
@click.option("--window", type=click.IntRange(1, 3660), metavar="DAYS", help="Days after the first contact.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME",
    help="aum_mean, aum_end, bought, login, kept, converted, or a tag or metric of the catalogue; the first "
    "is the headline (may be repeated).",
)  # fmt: skip
@click.option("--product", default="", metavar="CATEGORY", help="Product that was offered, for `bought`.")
@click.option("--arm", default="", metavar="NAME", help="Only this arm beside the control.")
@click.option("--peek", is_flag=True, help="Intervals that hold however often one looks.")
@home_option
@json_option
def show(
    campaign: str, on: str | None, window: int | None, metrics: tuple[str, ...], product: str, arm: str,
    peek: bool, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """The effect of a campaign: the increment first, in yuan or people with its interval.

    The campaign `hold-out` is all of them, everybody against the bank's standing hold-out; `plan.ACTION` is
    an action of the plan against those who were kept from it.

    While the window has not ended the intervals hold at every look. What is asked without further options is
    kept in the home under its as-of day and never changes.

    \b
    Example:
      quanke effects tier_edge_autumn_2025
      quanke effects tier_edge_autumn_2025 --metric aum_end --window 45
      quanke effects fund_spring_2026 --metric bought --product fund --json
    """
    from quanke.cli.effects_report import effect_report
    from quanke.effects.store import EffectStore
    from quanke.night.effects import EffectQuestion

    bank = open_home(home)
    day = None if on is None else parse_day(on)
    asked = EffectQuestion(
        on=day, window=window, metrics=metrics, product=product, arm=arm, peek=peek
    )  # fmt: skip
    found = bank.effects(campaign, asked, listener())
    note, same = "", None
    if asked == EffectQuestion(on=day):
        kept, same = EffectStore(bank.home.path).keep(found)
        if not same:
            note = f"{kept.path.name} was published before with what was known then, and stays as it is"
    if as_json:
        # same: as it was published before; null where another question than the plain one was asked
        print_json({**found.to_json(), "as_published": same})
        return
    effect_report(found, Console())
    if note:
        click.echo(note)


@effects.command("list", context_settings=_HELP)
@home_option
@json_option
def listed(home: Path, as_json: bool) -> None:
    """Campaigns that are registered or were pushed, and the last effect that was published of each.

    \b
    Example:
      quanke effects list
    """
    from quanke.effects.store import EffectStore
    from quanke.night.campaigns import known_campaigns

    bank = open_home(home)
    store = EffectStore(bank.home.path)
    rows = []
    for each in known_campaigns(bank.home):
        kept = store.of(each["campaign"])
        told = kept[-1].content if kept else {}
        names = ("as_of", "sentence", "sentence_zh", "running")
        rows.append(
            {**each, "published": len(kept), "effect": {n: told.get(n) for n in names} if kept else None}
        )
    if as_json:
        print_json(rows)
        return
    heads = ("campaign", "first", "treated", "control", "registered", "effect 效果")
    table = plain_table(f"{len(rows)} campaigns 活动", *heads, wide="effect 效果")
    for row in rows:
        effect = row["effect"]
        said = "-" if effect is None else f"{effect['as_of']}: {effect['sentence']}"
        table.add_row(
            row["campaign"], row["first"], f"{row['treated']:,}", f"{row['control']:,}",
            "yes" if row["design"] else "no", escape(said),
        )  # fmt: skip
    Console().print(table)


def _arms(control: str, arms: tuple[str, ...]) -> tuple[Arm, ...]:
    """Arms as options say them: `--control 20%`, or `--arm call=40% --arm sms=40%` beside it."""
    try:
        kept = share_of(control)
        if not arms:
            return Arm(CONTROL, kept), Arm(TREATED, 1_000_000 - kept)
        named = [text.partition("=") for text in arms]
        return Arm(CONTROL, kept), *(Arm(name.strip(), share_of(share)) for name, _, share in named)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@effects.command(context_settings=_HELP)
@click.argument("name")
@click.option(
    "--audience", required=True, metavar="EXPR", help="Who is meant, as `quanke audience` takes it."
)
@click.option("--first-contact", required=True, metavar="DATE", help="Day of the first contact, YYYY-MM-DD.")
@click.option("--until", required=True, metavar="DATE", help="Last day of contacts.")
@click.option("--control", default="20%", show_default=True, metavar="SHARE", help="Share that gets nothing.")
@click.option("--arm", "arms", multiple=True, metavar="NAME=SHARE", help="Several arms beside the control.")
@click.option(
    "--unit", type=click.Choice([u.value for u in ArmUnit]), default="customer", show_default=True,
    help="What is dealt out as a whole; a post where its manager works differently with all his customers.",
)  # fmt: skip
@click.option(
    "--stratum", "strata", multiple=True, metavar="TAG", help="Kept balanced (default: tier, branch)."
)
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Measured by, the first one first.")
@click.option("--window", type=click.IntRange(1, 3660), metavar="DAYS", help="Days after the first contact.")
@click.option("--lane", default="default", show_default=True, help="Campaigns of one lane share no customer.")
@click.option("--exclude", is_flag=True, help="Leave customers of the lane's other campaigns to those.")
@click.option("--offer", default="", help="What is offered, in words.")
@click.option("--product", default="", metavar="CATEGORY", help="Category of the product offered.")
@click.option("--title-zh", default="", help="Title in Chinese.")
@click.option("--title-en", default="", help="Title in English.")
@click.option("--salt", default="", help="Salt of the draw (default: the name).")
@click.option("--approval", default="", help="Who agreed to it, and where that is recorded.")
@click.option("--by", default="", help="Who registers it (default: who is logged in).")
@home_option
@json_option
def assign(
    name: str, audience: str, first_contact: str, until: str, control: str, arms: tuple[str, ...], unit: str,
    strata: tuple[str, ...], metrics: tuple[str, ...], window: int | None, lane: str, exclude: bool,
    offer: str, product: str, title_zh: str, title_en: str, salt: str, approval: str, by: str, home: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Register a campaign and fix its arms, before anybody is contacted. It never changes afterwards.

    \b
    Example:
      quanke effects assign summer_fund --audience 'tier == "core" and not holds("fund")' \\
        --first-contact 2026-07-06 --until 2026-07-31 --control 20% --product fund
      quanke effects assign care_calls --audience 'tier == "wealth"' --unit post --control 50% \\
        --first-contact 2026-07-06 --until 2026-09-30
    """
    from quanke.night.campaigns import CampaignPlan, register_campaign

    bank = open_home(home)
    plan = CampaignPlan(
        name=name,
        audience=audience,
        first_contact=parse_day(first_contact),
        until=parse_day(until),
        arms=_arms(control, arms),
        unit=ArmUnit(unit),
        strata=strata or None,
        metrics=metrics,
        window_days=window,
        lane=lane,
        exclude=exclude,
        offer=offer,
        product=product,
        title_zh=title_zh,
        title_en=title_en,
        salt=salt,
        approval=approval,
        by=by,
    )
    design = register_campaign(bank.home, bank.catalogue, bank.night(), plan).design
    print_json(_design_json(design)) if as_json else _say_design(design)


def _design_json(design: Design) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(design.to_text())
    return plain


def _say_design(design: Design) -> None:
    click.echo(f"{design.title_zh} {design.title_en} ({design.name}), {design.fingerprint}")
    click.echo(f"  客群 audience: {design.audience}")
    click.echo(
        f"  接触 contacts: {design.first_contact} - {design.until}, 观察 window {design.window_days} days"
    )
    table = plain_table("", "arm 分组", "share", "customers", f"{design.unit} units", wide="arm 分组")
    for arm in design.arms:
        count, units = design.counts.get(arm.name, 0), design.units.get(arm.name, 0)
        table.add_row(arm.name, f"{arm.share_ppm / 10_000:g} %", f"{count:,}", f"{units:,}")
    Console().print(table)
    strata = ", ".join(design.strata) or "nothing"
    click.echo(f"  按层抽取 dealt out within {strata}; lane {design.lane}")
    left = {
        "不可营销 may not be marketed to": design.not_marketed,
        "全行对照组 in the bank's hold-out": design.held_out,
        "无岗位或家庭 without such a unit": design.without_unit,
        **{f"属于活动 in campaign {name}": count for name, count in design.excluded.items()},
    }
    for why, count in left.items():
        if count:
            click.echo(f"  未纳入 left out, {why}: {count:,}")
    if not design.approval:
        click.echo("  未记录批准 no approval is recorded")


@effects.command(context_settings=_HELP)
@click.argument("name", required=False)
@click.option("--withheld-on", metavar="DATE", help="How many customers no campaign may contact on a day.")
@home_option
@json_option
def register(name: str | None, withheld_on: str | None, home: Path, as_json: bool) -> None:
    """Registered campaigns; the design of one; whom no campaign may contact on a day.

    \b
    Example:
      quanke effects register
      quanke effects register summer_fund
      quanke effects register --withheld-on 2026-07-10
    """
    bank = open_home(home)
    register_ = CampaignRegister(bank.home.path)
    if withheld_on is not None:
        count = len(register_.withheld(parse_day(withheld_on)))
        print_json({"on": withheld_on, "customers": count}) if as_json else click.echo(
            f"{count:,} customers 客户"
        )
        return
    if name is not None:
        design = register_.open(name).design
        print_json(_design_json(design)) if as_json else _say_design(design)
        return
    designs = [each.design for each in register_.all()]
    if as_json:
        print_json([_design_json(design) for design in designs])
        return
    table = plain_table(
        f"{len(designs)} campaigns", "name", "活动", "lane", "first", "closes", "customers", wide="活动"
    )
    for each in designs:
        days = (str(each.first_contact), str(each.closes))
        table.add_row(each.name, escape(each.title_zh), each.lane, *days, f"{sum(each.counts.values()):,}")
    Console().print(table)


@effects.command(context_settings=_HELP)
@click.argument("name")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A .csv or .parquet file."
)
@click.option("--arm", "arms", multiple=True, help="Which (default: all but the control; may be repeated).")
@click.option("--purpose", default="marketing", show_default=True, help="What for; recorded.")
@home_option
@json_option
def arms(name: str, out: Path, arms: tuple[str, ...], purpose: str, home: Path, as_json: bool) -> None:
    """Write customer numbers of the arms to be contacted for a channel; the export is recorded.

    \b
    Example:
      quanke effects arms summer_fund --out summer_fund.csv
    """
    from quanke.night.campaigns import export_arms

    count = export_arms(open_home(home).home, name, out, arms, purpose)
    print_json({"customers": count, "file": str(out)}) if as_json else click.echo(
        f"{count:,} customers -> {out}"
    )


@effects.command(context_settings=_HELP)
@click.argument("name")
@click.argument("customer")
@home_option
@json_option
def explain(name: str, customer: str, home: Path, as_json: bool) -> None:
    """Why a customer is in his arm: his hash, his place by it, and where the arms part.

    CUSTOMER is the number of a customer, or source:party_id.

    \b
    Example:
      quanke effects explain summer_fund 1234
    """
    from quanke.night.campaigns import explain_arm

    bank = open_home(home)
    found = explain_arm(bank.home, name, bank.customer(customer))
    if as_json:
        print_json(asdict(found))
        return
    stratum = f"stratum {found.stratum}" if found.stratum else "the audience"
    click.echo(f"客户 customer {found.customer}: {found.arm}")
    click.echo(
        f"  单位 dealt out as {found.unit}, hash {found.hash}: {found.rank:,} of {found.size:,} in {stratum}"
    )
    for arm, last in found.cuts:
        click.echo(f"  {arm}: 至 up to {last:,}")


@effects.command(context_settings=_HELP)
@click.option(
    "--audience", required=True, metavar="EXPR", help="Who is meant, as `quanke audience` takes it."
)
@click.option("--control", default="20%", show_default=True, metavar="SHARE", help="Share that gets nothing.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only these (may be repeated).")
@click.option("--effect", type=float, help="Per customer: yuan, people in 100, or points in 100.")
@click.option("--window", type=click.IntRange(1, 3660), metavar="DAYS", help="Days after the first contact.")
@click.option("--product", default="", metavar="CATEGORY", help="Category of the product, for `bought`.")
@click.option("--power", type=click.FloatRange(0.01, 0.999), default=0.8, show_default=True)
@on_option
@home_option
@json_option
def size(
    audience: str, control: str, metrics: tuple[str, ...], effect: float | None, window: int | None,
    product: str, power: float, on: str | None, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """What an audience could show, and how many customers an effect needs.

    Looked at is the window that ended last: how much the audience's outcomes vary, and how much of that was
    there before.

    \b
    Example:
      quanke effects size --audience 'tier == "core"' --control 20%
      quanke effects size --audience 'tier == "core"' --metric aum_mean --effect 500
    """
    from quanke.night.campaign_size import SizeQuestion, campaign_sizes

    if effect is not None and len(metrics) != 1:
        raise click.UsageError("--effect is in the unit of one metric: say which with --metric")
    try:
        share = 1 - share_of(control) / 1_000_000
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    bank = open_home(home)
    asked = SizeQuestion(
        audience=audience, metrics=metrics, window=window, share=share, product=product, power=power,
        effect=effect,
    )  # fmt: skip
    found = campaign_sizes(bank.home, bank.catalogue, bank.night(on), asked, listener())
    if as_json:
        print_json([asdict(each) for each in found])
        return
    from quanke.cli.effects_report import size_report

    size_report(found, Console())


def _attach_learning() -> None:
    """The commands of uplift models stand in a module of their own."""
    from importlib.util import find_spec

    if find_spec("quanke.cli.effects_learn") is not None:
        from importlib import import_module

        effects.add_command(getattr(import_module("quanke.cli.effects_learn"), LEARNING))


_attach_learning()
