"""Numbers of organisations: unified social credit code, organisation code, LEI (ID-4, ID-6).

`stdnum.cn.uscc` and `stdnum.lei` are right about their check characters, which we take from them. The
whole check of `stdnum.cn.uscc` is not used: it wants digits in the first two places, which refuses codes
of other registers (`N2...` of village co-operatives), does not test the organisation code's own check
character inside, and drops hyphens and blanks inside the number, which in a bank's file are faults.
"""

from __future__ import annotations

import re

from stdnum import lei
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from quanke.kernel.identifiers.texts import upper_trimmed
from quanke.kernel.reasons import Reason, reason

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Characters of a unified social credit code in order of their values: no I, O, S, V, Z (GB 32100)."""

WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
ORGANISATION_CHECK_CHARACTERS = "0X987654321"
"""By sum mod 11: 11 minus it, 10 written X and 11 written 0 (GB 11714)."""

FORM = reason(
    "ID-4.form",
    "统一社会信用代码应为18位，不含I、O、S、V、Z，第3至8位为数字",
    "a unified social credit code has 18 characters without I, O, S, V, Z, and digits in places 3 to 8",
)
CHECK = reason("ID-4.check", "统一社会信用代码校验码不符", "check character of the code does not fit")
ORGANISATION_CHECK = reason(
    "ID-4.organisation",
    "其中的组织机构代码校验码不符",
    "check character of the organisation code inside does not fit",
)
LEI_FORM = reason(
    "ID-6.lei", "法人识别编码应为20位且校验通过", "an LEI has 20 characters and passes MOD 97-10"
)

_FORM = re.compile(f"[{ALPHABET}]{{2}}[0-9]{{6}}[{ALPHABET}]{{10}}")


def uscc_check_character(first_17: str) -> str:
    """Check character of a unified social credit code: 31 minus the weighted sum mod 31."""
    return uscc.calc_check_digit(first_17)


def organisation_check_character(first_8: str) -> str:
    """Check character of an organisation code (GB 11714): digits count as themselves, A as 10 to Z as 35."""
    total = sum(int(char, 36) * weight for char, weight in zip(first_8, ORGANISATION_WEIGHTS, strict=True))
    return ORGANISATION_CHECK_CHARACTERS[total % 11]


def check_uscc(text: str) -> Reason | None:
    """What is wrong with a unified social credit code (统一社会信用代码)."""
    code = upper_trimmed(text)
    if not _FORM.fullmatch(code):
        return FORM
    if uscc_check_character(code[:17]) != code[17]:
        return CHECK
    return None if organisation_check_character(code[8:16]) == code[16] else ORGANISATION_CHECK


def check_lei(text: str) -> Reason | None:
    """What is wrong with a legal entity identifier. stdnum does not test the length, so we do."""
    code = upper_trimmed(text)
    if len(code) != 20:
        return LEI_FORM
    try:
        return None if lei.validate(code) == code else LEI_FORM
    except ValidationError:
        return LEI_FORM
