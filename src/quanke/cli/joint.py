"""The partner's commands of joint operations: show, answer, result."""

from __future__ import annotations

from pathlib import Path

import click

from quanke.cli.main import json_option, print_json

_HELP = {"help_option_names": ["-h", "--help"]}
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_NEW = click.Path(path_type=Path, dir_okay=False)
sheet_option = click.option(
    "--contract", "sheet", type=_FILE, required=True, help="The sheet of the contract that the bank gave."
)
list_option = click.option("--list", "own_list", type=_FILE, help="One's own list: a CSV with a heading.")
state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("joint-state"),
    show_default=True,
    help="Folder that remembers which questions were answered.",
)


@click.group(context_settings=_HELP)
def joint() -> None:
    """A partner's side of joint operations: answer a bank's question without giving one's list away.

    \b
    Example:
      quanke joint show question.qjoint
      quanke joint answer question.qjoint --contract contract.json --list members.csv --column phone
    """


@joint.command(context_settings=_HELP)
@click.argument("message", type=_FILE)
@json_option
def show(message: Path, as_json: bool) -> None:
    """What a message says of itself: contract, question, round, purpose, expiry, rows.

    \b
    Example:
      quanke joint show question.qjoint
    """
    from quanke.joint.messages import header_of

    header = header_of(message)
    said = {
        "contract": header.contract, "question": header.question, "round": header.round.value,
        "mode": header.mode.value, "kind": header.kind, "purpose": header.purpose,
        "expires": header.expires.isoformat(), "rows": header.rows, "own": header.own, "count": header.count,
    }  # fmt: skip
    print_json(said) if as_json else click.echo("\n".join(f"{name}: {value}" for name, value in said.items()))


@joint.command(context_settings=_HELP)
@click.argument("question", type=_FILE)
@sheet_option
@list_option
@click.option("--column", required=True, help="Column of the list that holds phones or documents.")
@click.option(
    "--consent", default="", help="Column with the number of each person's consent; a match asks for it."
)
@click.option("--out", type=_NEW, help="The answer's file, a new one.  [default: answer-QUESTION.qjoint]")
@state_option
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@json_option
def answer(
    question: Path, sheet: Path, own_list: Path | None, column: str, consent: str, out: Path | None,
    state: Path, workers: int, as_json: bool,
) -> None:  # fmt: skip
    """Answer a QUESTION of the bank from one's own list. Each question is answered once.

    \b
    Example:
      quanke joint answer question.qjoint --contract contract.json --list members.csv --column phone
    """
    from quanke.joint.contract import read_sheet
    from quanke.joint.messages import SUFFIX, header_of
    from quanke.joint.partner import answer_question

    if own_list is None:
        raise click.UsageError("say which list: --list")
    out = out or Path(f"answer-{header_of(question).question}{SUFFIX}")
    header, listed = answer_question(
        question, read_sheet(sheet), own_list, column, out, state, consent=consent, workers=workers
    )
    said = {
        "answer": str(out), "question": header.question, "asked": header.rows, "own": header.own,
        "malformed": listed.malformed, "repeated": listed.repeated,
        "without_consent": listed.without_consent,
    }  # fmt: skip
    print_json(said) if as_json else click.echo("\n".join(f"{name}: {value}" for name, value in said.items()))


@joint.command(context_settings=_HELP)
@click.argument("message", type=_FILE)
@sheet_option
@list_option
@click.option("--out", type=_NEW, help="Of a match: the rows of one's list that are on both.")
@state_option
@json_option
def result(
    message: Path, sheet: Path, own_list: Path | None, out: Path | None, state: Path, as_json: bool
) -> None:
    """Read a result of the bank: how many are on both lists; of a match, which of one's own rows.

    \b
    Example:
      quanke joint result result.qjoint --contract contract.json --list members.csv --out matched.csv
    """
    from quanke.joint.contract import read_sheet
    from quanke.joint.partner import take_result

    if (own_list is None) != (out is None):
        raise click.UsageError("--list and --out go together")
    header = take_result(message, read_sheet(sheet), own_list or Path(), state, out)
    said = {"question": header.question, "count": header.count, "rows": header.rows}
    if as_json:
        print_json(said)
    else:
        click.echo(f"question: {header.question}")
        click.echo(f"on both lists: {'too few to be told' if header.count is None else header.count}")
