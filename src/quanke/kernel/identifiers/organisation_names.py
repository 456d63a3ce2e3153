"""Names of organisations: the derived form that is compared, and how two records of a name compare.

The registered name is what counts (企业名称登记管理规定): one place, one trade name, one legal form. So only
what a keyboard or an export changes is folded: widths, brackets, blanks, letter case, dots. 有限公司 and
有限责任公司 say the same in law, yet a register writes one of them; such a difference is a variant, which
waits for a person, like a missing 深圳市.
"""

from __future__ import annotations

import re

from quanke.kernel.identifiers.names import HAN, NameComparison, name_match, simplified

_BRACKETS = str.maketrans(
    {
        **dict.fromkeys("\u3010\u3014\u3016\u3018\u301a\u2985\u27e8\u3008\u300a\ufe59\ufe5b\ufe5d[{<", "("),
        **dict.fromkeys("\u3011\u3015\u3017\u3019\u301b\u2986\u27e9\u3009\u300b\ufe5a\ufe5c\ufe5e]}>", ")"),
    }
)
_FILLING = re.compile(f"(?<=[{HAN}()]) | (?=[{HAN}()])")
_LEGAL_FORMS = (
    ("有限责任公司", "有限公司"),
    ("股份有限公司", "股份公司"),
    ("有限责任合伙", "有限合伙"),
)
_PLACE = re.compile(f"(?:[{HAN}]{{2,8}}?(?:省|自治区|特别行政区))?(?:[{HAN}]{{2,4}}?市)?")
_SIGNS = re.compile(r"[^\w]+|_")
_LONGEST_PLACE = 4
_SHORTEST_REST = 4


def match_organisation_name(text: str) -> str:
    """The form of an organisation's name that is compared: `"华强 （深圳） 公司"` -> `"华强(深圳)公司"`.

    `name_match` (widths, letter case, invisible characters, dots), every kind of bracket as `(` or `)`,
    and no blank beside a Han character or a bracket; between Latin words one blank stays.
    """
    folded = name_match(text).translate(_BRACKETS)
    return name_match(_FILLING.sub("", folded))


def compare_organisation_names(first: str, second: str) -> NameComparison:
    """Compare two names of organisations by their `match_organisation_name`.

    A variant differs in traditional forms, signs, where the place stands or whether it is there, or in
    how the legal form is written. A branch (分公司) is another organisation than its head office.
    """
    one, other = match_organisation_name(first), match_organisation_name(second)
    if not one or not other:
        return NameComparison.DIFFERENT
    if one == other:
        return NameComparison.SAME
    if one.endswith("分公司") != other.endswith("分公司"):
        return NameComparison.DIFFERENT
    short, long = sorted((_core(one), _core(other)), key=len)
    extra = len(long) - len(short)
    near = extra <= _LONGEST_PLACE and len(short) >= _SHORTEST_REST
    if short and (short == long or (near and long.endswith(short))):
        return NameComparison.VARIANT
    return NameComparison.DIFFERENT


def _core(name: str) -> str:
    """The name without place, signs and brackets, its legal form written short."""
    plain = simplified(name)
    place = re.search(rf"\(([{HAN}]{{2,4}}?)市?\)", plain)
    if place is not None:  # 华强(深圳)有限公司 is filed as 深圳华强有限公司 as well
        plain = place[1] + plain[: place.start()] + plain[place.end() :]
    for long, short in _LEGAL_FORMS:
        plain = plain.replace(long, short)
    plain = _SIGNS.sub("", plain)
    rest = _PLACE.sub("", plain, count=1)
    return rest if len(rest) >= _SHORTEST_REST else plain
