"""The page docs/reference/plan.md: standard actions, their gates, standard limits, from quanke.plans."""

from __future__ import annotations

import datetime as dt

from quanke.kernel.money import format_amount
from quanke.language import say
from quanke.night.catalogue import standard_catalogue
from quanke.plans.actions import Action, gates_of, standard_program
from quanke.plans.budgets import Budget, Of, Quantity, Unit

PATH = "reference/plan.md"
DAY = dt.date(2026, 6, 30)

HEAD = """\
# The standard plan 标准方案

<!-- Written by docs/generate.py from src/quanke/plans/actions/standard.yaml. Do not edit. -->

What Quanke suggests before a bank has said anything: every action with who may be asked and what it is
worth, and every limit. A bank adds, replaces and retires in `plan.yaml` of its home:
[Plan for everybody](../how-to/plan-for-everybody.md). Chances are first guesses where no model has been
trained.

银行未作任何设定时的默认方案：各项行动的适用对象、价值与各项限额。银行在 home 的 `plan.yaml`
中增补、替换或停用：[人人有方案](../how-to/plan-for-everybody.zh-CN.md)。未训练模型时概率为初始估计。

## Actions 行动
"""

MIDDLE = """
## Gates 前置条件

What must hold before anything is suggested, in this order; the first that does not hold is what
`quanke plan explain` names. Service messages need no consent to marketing.

依次检查，`quanke plan explain` 给出首个不满足者；服务类信息无须营销同意。

| gate | 不满足时 | where it does not hold | actions |
|---|---|---|---|
"""

LIMITS = """
## Limits 限额

| limit | 中文 | English | counts | rows | at most | at least |
|---|---|---|---|---|---|---|
"""


def quantity(given: Quantity | None, of: Of) -> str:
    """A quantity as a person reads it."""
    if given is None:
        return ""
    number = given.number.on(DAY)
    if given.unit is Unit.CUSTOMERS:
        return f"{number / 10_000:g} % of customers in scope 在管客户"
    if given.unit is Unit.SEATS:
        return f"{number} per filled post of {given.name} 每个在岗席位"
    if given.unit is Unit.LIMIT:
        return f"{number / 10_000:g} % of `{given.name}`"
    return f"{format_amount(number)} 元" if of is Of.COST else f"{number:,}"


def takes(action: Action) -> str:
    """What an action takes: somebody's minutes, or money."""
    minutes = action.minutes.on(DAY)
    return f"{minutes} min" if minutes else f"{format_amount(action.cost.on(DAY))} 元"


def row(action: Action) -> str:
    """One action."""
    cells = (
        f"`{action.name}`",
        action.title_zh,
        action.title_en,
        f"{action.by}, {action.means}" + (f" ({', '.join(sorted(action.roles))})" if action.roles else ""),
        str(action.purpose),
        takes(action),
        f"R{action.risk_class}" if action.risk_class else "",
        f"`{say(action.eligible.node)}`",
        f"`{say(action.chance.node)}`",
        f"`{say(action.gain.node)}`",
        f"{action.cool_down.on(DAY)} / {action.due.on(DAY)}",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def limit(budget: Budget) -> str:
    """One limit."""
    which = ", ".join(sorted({*budget.by, *budget.means, *budget.offers}))
    of = f"{budget.of} of {which}" if which else str(budget.of)
    cells = (
        f"`{budget.name}`",
        budget.title_zh,
        budget.title_en,
        of,
        budget.per or ("each customer who is due 到期应接触客户" if budget.of is Of.RHYTHM else "one 一行"),
        quantity(budget.capacity, budget.of),
        quantity(budget.at_least, budget.of),
    )
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    """The whole page."""
    program = standard_program(standard_catalogue())
    heads = (
        "action", "行动", "English", "who, how", "purpose", "takes", "risk", "for whom 适用", "chance 概率",
        "gain 收益", "rests, due (days)",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [row(action) for action in program.actions]
    gates: dict[str, tuple[str, str, list[str]]] = {}
    for action in program.actions:
        for gate in gates_of(action):
            gates.setdefault(gate.code, (gate.zh, gate.en, []))[2].append(action.name)
    every = len(program.actions)
    told = []
    for code, (zh, en, names) in gates.items():
        who = "all 全部" if len(names) == every else ", ".join(f"`{name}`" for name in names)
        told.append(f"| `{code}` | {zh} | {en} | {who} |")
    limits = [limit(budget) for budget in program.budgets]
    return "\n".join([HEAD, *lines, MIDDLE.rstrip("\n"), *told, LIMITS.rstrip("\n"), *limits, ""])
