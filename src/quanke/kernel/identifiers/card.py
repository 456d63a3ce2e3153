"""Bank card numbers (ID-5). Account numbers are not cards: they have no common check, so none is made.

`stdnum.luhn` is right and is used; blanks between groups of digits are dropped first. A bank's own old
cards may fail Luhn: ask with `own_bank=True`, and show `luhn_holds` as a warning. Which bank a card is of
comes from a table of leading digits (BIN) that is data; see `IssuerTable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stdnum import luhn

from quanke.kernel.identifiers.texts import is_ascii_digits, without_blanks
from quanke.kernel.reasons import Reason, reason

SHORTEST, LONGEST = 13, 19

FORM = reason("ID-5.form", "银行卡号应为13至19位数字", "a card number has 13 to 19 digits")
LUHN = reason("ID-5.luhn", "银行卡号校验位不符", "check digit of the card number does not fit")


def card_check_digit(leading: str) -> str:
    """The digit that makes `leading` a valid card number."""
    return luhn.calc_check_digit(leading)


def luhn_holds(text: str) -> bool:
    """Whether the check digit fits; False for what is not digits."""
    number = without_blanks(text)
    return is_ascii_digits(number) and luhn.checksum(number) == 0


def check_card_number(text: str, own_bank: bool = False) -> Reason | None:
    """What is wrong with a card number. A card of the own bank is not refused for its check digit alone."""
    number = without_blanks(text)
    if not (is_ascii_digits(number) and SHORTEST <= len(number) <= LONGEST):
        return FORM
    return None if own_bank or luhn_holds(number) else LUHN


@dataclass(frozen=True, slots=True)
class IssuerTable:
    """Leading digits -> issuer, as the bank's card network hands it over. The longest prefix wins.

    Prefixes have 6 digits, 8 since ISO/IEC 7812-1:2017, and in practice anything from 2 to 12.
    """

    issuers: Mapping[str, str]

    def find(self, text: str) -> str | None:
        """The issuer of a card number, None where no prefix of it is known."""
        number = without_blanks(text)
        for length in range(min(len(number), 12), 0, -1):
            if number[:length] in self.issuers:
                return self.issuers[number[:length]]
        return None
