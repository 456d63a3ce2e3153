"""Expressions in words: the same text an analyst would read aloud.

Used by `quanke tags --lineage`, `quanke explain`, error messages and the reference manual.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from quanke.language.nodes import (
    ALWAYS,
    Aggregate,
    AsOf,
    Call,
    Column,
    Literal,
    Node,
    Rank,
    Reference,
)
from quanke.language.operations import SYMBOLS
from quanke.language.types import Kind

_WORDS = {"both": "and", "either": "or", "one_of": "in"}


def say(node: Node, currency: str = "CNY") -> str:
    """The expression as one line; amounts in `currency`."""
    if isinstance(node, Literal):
        return _literal(node, currency)
    if isinstance(node, AsOf):
        return "as_of" if node.working_days is None else f"working_day({node.working_days})"
    if isinstance(node, Column):
        return f"{node.table}.{node.name}"
    if isinstance(node, Reference):
        return f"earlier({node.name})" if node.earlier else node.name
    if isinstance(node, Aggregate):
        return _aggregate(node, currency)
    if isinstance(node, Rank):
        return _rank(node, currency)
    return _call(node, currency)


def _literal(node: Literal, currency: str) -> str:
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if node.type.kind is Kind.MONEY and isinstance(value, int):
        sign = "元" if currency == "CNY" else f" {currency}"
        whole, rest = divmod(abs(value), 100)
        return f"{'-' if value < 0 else ''}{whole:_}{f'.{rest:02d}' if rest else ''}{sign}"
    if isinstance(value, Decimal):
        shown = f"{value.normalize():f}"
        return shown if "." in shown else f"{shown}.0"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    return str(value)


def _aggregate(node: Aggregate, currency: str) -> str:
    value = say(node.value, currency) if node.value is not None else node.table
    words = f"{node.reduce}({value})"
    if node.where is not None:
        words += f" where {say(node.where, currency)}"
    if node.window != ALWAYS:
        words += f" within {node.window}"
    return words


def _rank(node: Rank, currency: str) -> str:
    name = f"portion of {node.parts}" if node.parts else "rank"
    words = f"{name} by {say(node.value, currency)}{' descending' if node.descending else ''}"
    if node.within:
        words += " within " + ", ".join(say(w, currency) for w in node.within)
    return words


def _call(node: Call, currency: str) -> str:
    operation, arguments = node.operation, node.arguments
    if operation == "opposite":
        return f"not {_tight(arguments[0], currency)}"
    if operation == "one_of":
        return f"{_tight(arguments[0], currency)} in ({', '.join(say(a, currency) for a in arguments[1:])})"
    if operation == "negate":
        return f"-{_tight(arguments[0], currency)}"
    if operation == "case":
        pairs = [
            f"{say(arguments[i + 1], currency)} if {say(arguments[i], currency)}"
            for i in range(0, len(arguments) - 1, 2)
        ]
        return ", ".join(pairs) + f", else {say(arguments[-1], currency)}"
    symbol = _WORDS.get(operation, SYMBOLS.get(operation, ""))
    if symbol and len(arguments) == 2:
        return f"{_tight(arguments[0], currency)} {symbol} {_tight(arguments[1], currency)}"
    return f"{operation}({', '.join(say(a, currency) for a in arguments)})"


def _tight(node: Node, currency: str) -> str:
    words = say(node, currency)
    compound = isinstance(node, (Aggregate, Rank)) or (
        isinstance(node, Call) and (node.operation in SYMBOLS or node.operation == "case")
    )
    return f"({words})" if compound else words
