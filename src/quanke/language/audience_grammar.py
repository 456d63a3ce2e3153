"""The grammar of audience text, and what is said about a text that does not follow it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from quanke.kernel.errors import AudienceError

_GRAMMAR = r"""
start: either
?either: both (OR both)*
?both: opposite (AND opposite)*
?opposite: NOT opposite -> inverted
         | comparison
?comparison: sum
           | sum (COMPARE sum)+ -> compared
           | sum IN _list -> member
           | sum NOT IN _list -> not_member
           | sum IS NULL -> unknown
           | sum IS NOT NULL -> known
_list: _LPAR sum (_COMMA sum)* [_COMMA] _RPAR
?sum: product ((PLUS | MINUS) product)*
?product: sign (TIMES sign)*
?sign: MINUS sign -> negative
     | rest
?rest: constant
     | NAME -> name
     | NAME _DOT NAME -> field
     | NAME _LPAR [either (_COMMA either)*] _RPAR -> called
     | _LPAR either _RPAR
constant: NUMBER | MONEY | PERCENT | DATE | TEXT | TRUE | FALSE | NULL | AS_OF
%declare OR AND NOT IN IS NULL COMPARE PLUS MINUS TIMES NAME NUMBER MONEY PERCENT DATE TEXT TRUE FALSE AS_OF
%declare _LPAR _RPAR _COMMA _DOT
"""


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", maybe_placeholders=False)


def tree_of(text: str, tokens: Sequence[Token]) -> Tree[Token]:
    """The tree of a text cut into `tokens`. Raises AudienceError at the first token out of place."""
    if not tokens:
        reason = "there is nothing here; an audience is a condition such as: aum >= 50_000"
        raise AudienceError(text, 1, reason)
    parser = _parser().parse_interactive()
    tree: Tree[Token] = Tree("start", [])
    for place, token in enumerate((*tokens, Token("$END", "", column=len(text) + 1))):
        try:
            tree = parser.feed_token(token)
        except UnexpectedToken:
            raise AudienceError(text, token.column or 1, _expected(parser, tokens, place)) from None
    return tree


def _expected(parser: InteractiveParser, tokens: Sequence[Token], place: int) -> str:
    """What should have stood at `place`, in plain words."""
    accepted = parser.accepts()  # type: ignore[no-untyped-call]
    here = tokens[place].type if place < len(tokens) else "$END"
    before = tokens[place - 1] if place else None
    if here == "_COMMA" and before is not None and before.type in ("NUMBER", "MONEY"):
        return "a comma cannot stand here; thousands are written 50_000"
    if before is not None and before.type == "IN":
        return 'a list in round brackets is expected after `in`: ("深圳", "东莞")'
    if here == "COMPARE" and "AND" in accepted:
        return "a comparison cannot follow this; put brackets around one of the two"
    words = []
    if "NAME" in accepted:
        words.append("a tag, a number, a text in quotes or `(`")
    if "IS" in accepted:
        words.append("a comparison (== < <= > >= in, is null)")
    elif "NULL" in accepted and "TEXT" not in accepted:
        words.append("`null` or `not null`" if "NOT" in accepted else "`null`")
    if "AND" in accepted:
        words.append("`and`, `or`")
    if "_COMMA" in accepted:
        words.append("`,`")
    if "_RPAR" in accepted:
        words.append("`)`")
    if "IN" in accepted and "IS" not in accepted:
        words.append("`in`")
    if "$END" in accepted:
        words.append("the end")
    where = "the text ends too early: " if here == "$END" else ""
    return f"{where}expected {' or '.join(words)}"
