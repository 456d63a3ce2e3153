"""Text, by code points."""

from __future__ import annotations

from quanke.language import concat, contains, ends_with, length, part, starts_with
from tests.spec.cases.scalars import cases_of

CASES = (
    cases_of("length")(
        "Code points, not bytes and not what the eye counts",
        lambda a: length(a),
        """
        a: text | result: integer
        "深圳" | 2
        "" | 0
        "𠮷野家" | 3
        "👨‍👩‍👧" | 5
        "e\\u0301" | 2
        null | null
        """,
    ),
    cases_of("length")(
        "Blanks count",
        lambda a: length(a),
        """
        a: text | result: integer
        " a " | 3
        "\\t\\n" | 2
        "\\u3000" | 1
        null | null
        """,
    ),
    cases_of("length")(
        "Of a result",
        lambda a, b: length(concat(a, b)),
        """
        a: text | b: text | result: integer
        "ab" | "c" | 3
        "ab" | null | null
        """,
    ),
    cases_of("concat")(
        "An unknown part makes it unknown",
        lambda a, b: concat(a, b),
        """
        a: text | b: text | result: text
        "张" | "三" | "张三"
        "" | "" | ""
        "a" | null | null
        null | "b" | null
        """,
    ),
    cases_of("concat")(
        "With a constant that engines might mistake for their own",
        lambda a: concat(a, "'\\${x} %_\n"),
        """
        a: text | result: text
        "a" | "a'\\\\${x} %_\\n"
        null | null
        """,
    ),
    cases_of("concat")(
        "Beyond U+FFFF",
        lambda a, b: concat(a, b),
        """
        a: text | b: text | result: text
        "𠮷" | "👍" | "𠮷👍"
        null | null | null
        """,
    ),
    cases_of("starts_with")(
        "Exactly",
        lambda a: starts_with(a, "深"),
        """
        a: text | result: boolean
        "深圳" | true
        " 深圳" | false
        "" | false
        null | null
        """,
    ),
    cases_of("starts_with")(
        "Everything starts with nothing",
        lambda a, b: starts_with(a, b),
        """
        a: text | b: text | result: boolean
        "abc" | "" | true
        "" | "" | true
        "abc" | "abcd" | false
        "abc" | "A" | false
        "abc" | null | null
        null | "" | null
        """,
    ),
    cases_of("starts_with")(
        "Signs that other languages take for patterns",
        lambda a, b: starts_with(a, b),
        """
        a: text | b: text | result: boolean
        "abc" | "a%" | false
        "a%c" | "a%" | true
        "a_c" | "a_" | true
        "abc" | "a_" | false
        "a.c" | "a." | true
        null | "%" | null
        """,
    ),
    cases_of("ends_with")(
        "Exactly",
        lambda a: ends_with(a, "公司"),
        """
        a: text | result: boolean
        "南山科技有限公司" | true
        "公司 " | false
        null | null
        """,
    ),
    cases_of("ends_with")(
        "Everything ends with nothing",
        lambda a, b: ends_with(a, b),
        """
        a: text | b: text | result: boolean
        "abc" | "" | true
        "abc" | "bc" | true
        "abc" | "xabc" | false
        "a𠮷" | "𠮷" | true
        null | "c" | null
        """,
    ),
    cases_of("ends_with")(
        "Signs that other languages take for patterns",
        lambda a, b: ends_with(a, b),
        """
        a: text | b: text | result: boolean
        "abc" | "%c" | false
        "a%c" | "%c" | true
        "a\\\\c" | "\\\\c" | true
        "abc" | null | null
        """,
    ),
    cases_of("contains")(
        "Exactly",
        lambda a: contains(a, "代发"),
        """
        a: text | result: boolean
        "六月代发工资" | true
        "代 发" | false
        null | null
        """,
    ),
    cases_of("contains")(
        "Everything contains nothing",
        lambda a, b: contains(a, b),
        """
        a: text | b: text | result: boolean
        "abc" | "" | true
        "" | "" | true
        "" | "a" | false
        "abc" | null | null
        """,
    ),
    cases_of("contains")(
        "Signs that other languages take for patterns",
        lambda a, b: contains(a, b),
        """
        a: text | b: text | result: boolean
        "abc" | "%" | false
        "abc" | "." | false
        "a.c" | "." | true
        "ABC" | "b" | false
        null | "b" | null
        """,
    ),
    cases_of("part")(
        "Code points from a position, 1 the first",
        lambda a: part(a, 2, 3),
        """
        a: text | result: text
        "abcdef" | "bcd"
        "a𠮷👍é" | "𠮷👍é"
        "e\\u0301xyz" | "\\u0301xy"
        "ab" | "b"
        "a" | ""
        "" | ""
        null | null
        """,
    ),
    cases_of("part")(
        "No more than there is",
        lambda a: part(a, 1, 9_000_000_000_000_000_000),
        """
        a: text | result: text
        "abc" | "abc"
        "" | ""
        null | null
        """,
    ),
    cases_of("part")(
        "From far behind the end",
        lambda a: part(a, 9_000_000_000_000_000_000, 5),
        """
        a: text | result: text
        "abc" | ""
        null | null
        """,
    ),
    cases_of("part")(
        "Nothing",
        lambda a: part(a, 2, 0),
        """
        a: text | result: text
        "abc" | ""
        null | null
        """,
    ),
)
