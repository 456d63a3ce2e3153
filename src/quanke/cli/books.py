"""Commands over books: propose, show, edit, approve, apply, undo, explain, check."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from quanke.bank.home import Home
from quanke.books.store import ProposalStore
from quanke.cli import books_shown as shown
from quanke.cli.main import home_option, json_option, print_json
from quanke.cli.progress import listener
from quanke.kernel.errors import BookError, InputError
from quanke.night import Bank, open_home, parse_day

_HELP = {"help_option_names": ["-h", "--help"]}
by_option = click.option(
    "--by", required=True, metavar="STAFF", help="Who does it: number of a member of staff."
)
night_option = click.option("--on", metavar="DATE", help="The night it stands on (default: the last one).")


def _acting(bank: Bank, by: str) -> str:
    """Who does it: a member of staff who is with the bank. Raises BookError otherwise."""
    from quanke.night.books import posts_of

    name = by.strip()
    if name not in posts_of(bank.home, bank.night().day).staff:
        raise BookError("who does it is a member of staff who is with the bank")
    return name


@click.group(context_settings=_HELP)
def books() -> None:
    """Who looks after whom: propose books for everybody, look, change, approve, apply, take back.

    A proposal moves nobody until it is approved by a second person and applied from a day on.

    \b
    Example:
      quanke books propose --by S0100000
      quanke books show --moves 20
      quanke books approve B20260630-01 --version 1 --by S0100011
      quanke books apply B20260630-01 --on 2026-07-01 --by S0100000
    """


@books.command(context_settings=_HELP)
@night_option
@click.option(
    "--scope",
    type=click.Choice(["all", "changes"]),
    default="all",
    show_default=True,
    help="Everybody anew, or only those something changed for: new, another tier, a leaver's, own choice.",
)
@click.option("--dry-run", is_flag=True, help="Show it and keep nothing.")
@by_option
@home_option
@json_option
def propose(on: str | None, scope: str, dry_run: bool, by: str, home: Path, as_json: bool) -> None:
    """Propose books: everybody to a post at once, under capacity, with what each relation costs.

    \b
    Example:
      quanke books propose --by S0100000
      quanke books propose --scope changes --dry-run --by S0100000
    """
    from quanke.night.books import basis_of

    bank = open_home(home)
    by = _acting(bank, by)
    proposal = basis_of(bank.home, bank.night(on)).propose(scope, listener())
    stored = None if dry_run else ProposalStore(bank.home).keep(proposal, by)
    if as_json:
        name = {} if stored is None else {"proposal": stored.id, "version": 1}
        print_json({**name, **proposal.summary})
        return
    console = Console()
    shown.summary(console, stored.id if stored else "dry run", proposal)
    if stored is not None:
        click.echo(f"kept as {stored.id}, a draft: quanke books show {stored.id} --home {home}")


@books.command(name="list", context_settings=_HELP)
@home_option
@json_option
def list_(home: Path, as_json: bool) -> None:
    """All proposals and where they stand.

    \b
    Example:
      quanke books list
    """
    rows = [_standing(stored) for stored in ProposalStore(Home.open(home)).all()]
    if as_json:
        print_json(rows)
        return
    Console().print(shown.proposals(rows))


def _standing(stored: Any) -> dict[str, Any]:
    now = stored.standing
    moves = stored.version().summary["moves"]
    return {
        "proposal": stored.id,
        "state": now.state,
        "version": now.version,
        "moves": moves,
        "authors": list(now.authors),
        "approved_by": now.approved_by,
        "effective": now.effective,
    }


@books.command(context_settings=_HELP)
@click.argument("proposal", required=False)
@click.option("--version", type=click.IntRange(1), help="Another version than the last.")
@click.option("--moves", type=click.IntRange(1), metavar="N", help="N customers who move, the dearest first.")
@click.option("--uncovered", is_flag=True, help="Customers for whom there is no post, and why.")
@click.option("--posts", is_flag=True, help="Every book before and after.")
@home_option
@json_option
def show(
    proposal: str | None,
    version: int | None,
    moves: int | None,
    uncovered: bool,
    posts: bool,
    home: Path,
    as_json: bool,
) -> None:
    """Show a proposal (default: the last): figures, who moves and why, every book before and after.

    \b
    Example:
      quanke books show
      quanke books show B20260630-01 --moves 20
      quanke books show B20260630-01 --posts --json
    """
    stored = ProposalStore(Home.open(home)).open(proposal)
    found = stored.version(version)
    if as_json:
        told: dict[str, Any] = {**_standing(stored), "summary": found.summary, "events": stored.events}
        if moves:
            told["moves_shown"] = shown.dearest(found, moves)
        if uncovered:
            told["uncovered"] = found.uncovered.to_pylist()
        if posts:
            told["posts"] = found.books.to_pylist()
        print_json(told)
        return
    console = Console()
    shown.summary(console, f"{stored.id} v{version or stored.standing.version}", found)
    shown.events(console, stored)
    if moves:
        console.print(shown.moves_table(found, moves))
    if uncovered:
        console.print(shown.uncovered_table(found))
    console.print(shown.roles_table(found) if not posts else shown.posts_table(found))


def _pairs(texts: tuple[str, ...], what: str) -> list[tuple[int, str]]:
    found = []
    for text in texts:
        customer, equals, value = text.partition("=")
        if not (equals and value and customer.isascii() and customer.isdecimal()):
            raise InputError(f"is written CUSTOMER={what}", field="edit")
        found.append((int(customer), value))
    return found


@books.command(context_settings=_HELP)
@click.argument("proposal")
@click.option("--pin", multiple=True, metavar="CUSTOMER=POST", help="Put a customer at a post.")
@click.option("--exclude", multiple=True, metavar="CUSTOMER=POST", help="Not that post for him.")
@click.option("--swap", multiple=True, metavar="CUSTOMER=CUSTOMER", help="Let two customers change posts.")
@click.option("--reason", required=True, help="Why, in words; it is kept with the version.")
@by_option
@home_option
@json_option
def edit(
    proposal: str,
    pin: tuple[str, ...],
    exclude: tuple[str, ...],
    swap: tuple[str, ...],
    reason: str,
    by: str,
    home: Path,
    as_json: bool,
) -> None:
    """Change a draft by hand. It is checked and costed again, becomes a new version, and needs approval anew.

    \b
    Example:
      quanke books edit B20260630-01 --pin 1234=P010021 --reason 'speaks Cantonese' --by S0100000
      quanke books edit B20260630-01 --swap 1234=5678 --reason 'both asked for it' --by S0100000
    """
    from quanke.books.editing import Edit, edited
    from quanke.night.books import basis_of

    bank = open_home(home)
    by = _acting(bank, by)
    stored = ProposalStore(bank.home).open(proposal)
    before = stored.version()
    edits = [Edit("pin", customer, post) for customer, post in _pairs(pin, "POST")]
    edits += [Edit("exclude", customer, post) for customer, post in _pairs(exclude, "POST")]
    for customer, other in _pairs(swap, "CUSTOMER"):
        if not (other.isascii() and other.isdecimal()):
            raise InputError("is written CUSTOMER=CUSTOMER", field="edit")
        edits.append(Edit("swap", customer, other=int(other)))
    if not edits:
        raise click.UsageError("say what to change: --pin, --exclude or --swap")
    basis = basis_of(bank.home, bank.night(before.day))
    after = edited(before, basis.costs, edits)
    number = stored.add_version(after, "edited", by, edits=[e.told() for e in edits], reason=reason)
    costs = int(after.summary["cost_fen"]) - int(before.summary["cost_fen"])
    if as_json:
        print_json({"proposal": stored.id, "version": number, "costs_fen": costs, "summary": after.summary})
        return
    click.echo(f"{stored.id} is version {number} now, {shown.yuan(costs)} dearer than before; it is a draft")


@books.command(context_settings=_HELP)
@click.argument("proposal")
@click.option("--version", type=click.IntRange(1), required=True, help="The version that was looked at.")
@by_option
@home_option
@json_option
def approve(proposal: str, version: int, by: str, home: Path, as_json: bool) -> None:
    """Approve a version. Not by who made or edited it, nor by who gains or loses customers by it (BK-5).

    \b
    Example:
      quanke books approve B20260630-01 --version 1 --by S0100011
    """
    from quanke.night.books_asking import approve_proposal

    bank = open_home(home)
    stored = ProposalStore(bank.home).open(proposal)
    night = bank.night(stored.version().day)
    approve_proposal(bank.home, night, stored, by=by, version=version)
    _said(stored, f"{stored.id} version {version} is approved", as_json)


@books.command(context_settings=_HELP)
@click.argument("proposal")
@click.option("--reason", required=True, help="Why, in words.")
@by_option
@home_option
@json_option
def refuse(proposal: str, reason: str, by: str, home: Path, as_json: bool) -> None:
    """Refuse a proposal; it stays to be looked at and can never be applied.

    \b
    Example:
      quanke books refuse B20260630-01 --reason 'after the quarter' --by S0100011
    """
    from quanke.books.applying import refuse_proposal

    bank = open_home(home)
    stored = ProposalStore(bank.home).open(proposal)
    refuse_proposal(bank.home, stored, by=_acting(bank, by), reason=reason)
    _said(stored, f"{stored.id} is refused", as_json)


@books.command(context_settings=_HELP)
@click.argument("proposal")
@click.option("--on", required=True, metavar="DATE", help="The day from which the new books hold.")
@by_option
@home_option
@json_option
def apply(proposal: str, on: str, by: str, home: Path, as_json: bool) -> None:
    """Make an approved proposal true from a day on; the next night shows it. If it was killed, call it again.

    \b
    Example:
      quanke books apply B20260630-01 --on 2026-07-01 --by S0100000
    """
    from quanke.books.applying import apply_proposal

    bank = open_home(home)
    found = bank.home
    stored = ProposalStore(found).open(proposal)
    apply_proposal(found, stored, by=_acting(bank, by), effective=parse_day(on), progress=listener())
    moves = stored.version().summary["moves"]
    _said(stored, f"{stored.id} holds from {on}: {moves:,} customers moved", as_json)


@books.command(context_settings=_HELP)
@click.argument("proposal")
@click.option("--on", metavar="DATE", help="From which day (default: as if it had never been applied).")
@by_option
@home_option
@json_option
def undo(proposal: str, on: str | None, by: str, home: Path, as_json: bool) -> None:
    """Take an applied proposal back: the books from before hold again. If it was killed, call it again.

    \b
    Example:
      quanke books undo B20260630-01 --by S0100000
    """
    from quanke.books.applying import undo_proposal

    bank = open_home(home)
    found = bank.home
    by = _acting(bank, by)
    stored = ProposalStore(found).open(proposal)
    day: date | None = None if on is None else parse_day(on)
    undo_proposal(found, stored, by=by, effective=day, progress=listener())
    _said(stored, f"{stored.id} is undone", as_json)


def _said(stored: Any, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(_standing(stored))
        return
    click.echo(sentence)


@books.command(context_settings=_HELP)
@click.argument("customer")
@click.option("--on", metavar="DATE", help="As of any day (default: that of the last night).")
@home_option
@json_option
def explain(customer: str, on: str | None, home: Path, as_json: bool) -> None:
    """Who looks after a customer on any day and why: his service standard, the post and who sits there, all
    intervals, what is proposed for him, and the posts he could go to with the terms of their costs.

    CUSTOMER is a customer number, or source:party_id.

    \b
    Example:
      quanke books explain 1234
      quanke books explain 1234 --on 2026-03-01 --json
    """
    from quanke.night.books_asking import explain_books

    bank = open_home(home)
    number = bank.customer(customer)
    told = explain_books(bank.home, bank.night(), number, None if on is None else parse_day(on))
    if as_json:
        print_json(told)
        return
    shown.explained(Console(), told)


@books.command(context_settings=_HELP)
@night_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Findings to list.")
@home_option
@json_option
def check(on: str | None, limit: int, home: Path, as_json: bool) -> None:
    """Hold the books against their laws: one primary post at a time, no gap, no empty post, capacity.

    \b
    Example:
      quanke books check
      quanke books check --json --limit 1000
    """
    from quanke.night.books_asking import check_books

    bank = open_home(home)
    night = bank.night(on)
    if "service_role" not in night.columns:
        raise BookError(f"the night of {night.day} has no service matrix: run a later night first")
    findings, posts = check_books(bank.home, night)
    if as_json:
        full = [
            row
            for row in posts.to_pylist()
            if row["load"] * 100 >= row["capacity"] * shown.NEARLY_FULL and row["load"]
        ]
        print_json(
            {
                "on": night.day,
                "by_kind": shown.counted(findings["kind"]),
                "findings": findings.slice(0, limit).to_pylist(),
                "nearly_full": full,
            }
        )
        return
    shown.checked(Console(), findings, posts, limit)
