"""Sums, products, quotients and their rounding."""

from __future__ import annotations

from decimal import Decimal

from quanke.language import absolute, greatest, least, sign
from tests.spec.cases.scalars import cases_of

add, subtract, multiply = cases_of("add"), cases_of("subtract"), cases_of("multiply")
divide, floor_divide, modulo = cases_of("divide"), cases_of("floor_divide"), cases_of("modulo")
negate, absolute_, sign_ = cases_of("negate"), cases_of("absolute"), cases_of("sign")
least_, greatest_ = cases_of("least"), cases_of("greatest")

CASES = (
    add(
        "Money and money",
        lambda a, b: a + b,
        """
        a: money | b: money | result: money
        1.00 | 2.50 | 3.50
        -0.01 | 0.01 | 0.00
        1.00 | null | null
        null | 2.50 | null
        92,233,720,368,547,758.07 | -0.01 | 92,233,720,368,547,758.06
        92,233,720,368,547,758.07 | 0.01 | error
        -92,233,720,368,547,758.07 | -0.02 | error
        """,
    ),
    add(
        "A bare number beside money is in major units",
        lambda a: a + 100,
        """
        a: money | result: money
        1.00 | 101.00
        null | null
        """,
    ),
    add(
        "Rates; a trillion or more is unknown",
        lambda a, b: a + b,
        """
        a: rate | b: rate | result: rate
        0.0275 | 0.005 | 0.0325
        -1.5 | 1.5 | 0
        999999999999.999999 | 0.000001 | null
        999999999999.999998 | 0.000001 | 999999999999.999999
        -999999999999.999999 | -999999999999.999999 | null
        0.5 | null | null
        """,
    ),
    add(
        "A whole number beside a rate becomes a rate",
        lambda n, r: n + r,
        """
        n: integer | r: rate | result: rate
        2 | 0.5 | 2.5
        1000000000000 | 0.5 | null
        999999999999 | 0.999999 | 999999999999.999999
        null | 0.5 | null
        """,
    ),
    add(
        "Whole numbers",
        lambda a, b: a + b,
        """
        a: integer | b: integer | result: integer
        9223372036854775806 | 1 | 9223372036854775807
        9223372036854775807 | 1 | error
        -9223372036854775808 | -1 | error
        -9223372036854775808 | 9223372036854775807 | -1
        null | null | null
        """,
    ),
    add(
        "A date plus days; beyond the years 1 to 9999 is unknown",
        lambda day, n: day + n,
        """
        day: date | n: days | result: date
        2026-06-30 | 1 | 2026-07-01
        2024-02-28 | 1 | 2024-02-29
        2026-01-01 | -1 | 2025-12-31
        9999-12-31 | 0 | 9999-12-31
        9999-12-31 | 1 | null
        0001-01-01 | -1 | null
        2026-06-30 | 9223372036854775807 | null
        2026-06-30 | -9223372036854775808 | null
        null | 1 | null
        2026-06-30 | null | null
        """,
    ),
    add(
        "Floating-point numbers; what is not finite is unknown",
        lambda a, b: a + b,
        """
        a: number | b: number | result: number
        0.1 | 0.2 | 0.30000000000000004
        1.7e308 | 1.7e308 | null
        null | 1.0 | null
        """,
    ),
    subtract(
        "Money less money",
        lambda a, b: a - b,
        """
        a: money | b: money | result: money
        1.00 | 2.50 | -1.50
        5.00 | null | null
        -92,233,720,368,547,758.07 | 0.02 | error
        0.00 | -92,233,720,368,547,758.08 | error
        """,
    ),
    subtract(
        "A date less a date is whole days",
        lambda a, b: a - b,
        """
        a: date | b: date | result: days
        2026-03-01 | 2026-02-01 | 28
        2026-02-01 | 2026-03-01 | -28
        9999-12-31 | 0001-01-01 | 3652058
        null | 2026-02-01 | null
        """,
    ),
    subtract(
        "A date less days",
        lambda day, n: day - n,
        """
        day: date | n: days | result: date
        2026-03-01 | 1 | 2026-02-28
        0001-01-01 | 1 | null
        2026-03-01 | -9223372036854775808 | null
        null | 1 | null
        """,
    ),
    subtract(
        "Rates",
        lambda a, b: a - b,
        """
        a: rate | b: rate | result: rate
        0.0275 | 0.03 | -0.0025
        -999999999999.999999 | 1 | null
        null | 1 | null
        """,
    ),
    subtract(
        "Floating-point numbers",
        lambda a, b: a - b,
        """
        a: number | b: number | result: number
        0.3 | 0.1 | 0.19999999999999998
        -1.7e308 | 1.7e308 | null
        null | 1.0 | null
        """,
    ),
    multiply(
        "Money times a rate, rounded half away from zero to the minor unit",
        lambda a, r: a * r,
        """
        a: money | r: rate | result: money
        1000.00 | 0.0275 | 27.50
        0.01 | 0.5 | 0.01
        0.01 | 0.499999 | 0.00
        -0.01 | 0.5 | -0.01
        0.03 | 0.5 | 0.02
        -0.03 | -0.5 | 0.02
        null | 0.5 | null
        1.00 | null | null
        92,233,720,368,547,758.07 | 1 | 92,233,720,368,547,758.07
        92,233,720,368,547,758.07 | -1.000001 | error
        92,233,720,368,547,758.07 | 999999999999.999999 | error
        """,
    ),
    multiply(
        "A rate times money is the same",
        lambda r, a: r * a,
        """
        r: rate | a: money | result: money
        0.0005 | 655000.00 | 327.50
        null | 1.00 | null
        """,
    ),
    multiply(
        "Money times a whole number",
        lambda a, n: a * n,
        """
        a: money | n: integer | result: money
        2.50 | 4 | 10.00
        -2.50 | 0 | 0.00
        30,000,000,000,000,000.00 | 3 | 90,000,000,000,000,000.00
        30,000,000,000,000,000.00 | 4 | error
        null | 4 | null
        """,
    ),
    multiply(
        "Whole numbers",
        lambda a, b: a * b,
        """
        a: integer | b: integer | result: integer
        3037000499 | 3037000499 | 9223372030926249001
        3037000500 | 3037000500 | error
        -9223372036854775808 | 1 | -9223372036854775808
        -9223372036854775808 | -1 | error
        4611686018427387904 | -2 | -9223372036854775808
        4611686018427387904 | 2 | error
        0 | null | null
        """,
    ),
    multiply(
        "Rates, to six places",
        lambda a, b: a * b,
        """
        a: rate | b: rate | result: rate
        0.001 | 0.0005 | 0.000001
        0.001 | 0.000499 | 0
        -0.001 | 0.0005 | -0.000001
        1000000 | 1000000 | null
        999999.999999 | 1000000 | 999999999999
        999999999999.999999 | 999999999999.999999 | null
        999999999999.999999 | 1 | 999999999999.999999
        null | 1 | null
        """,
    ),
    multiply(
        "Floating-point numbers",
        lambda a, b: a * b,
        """
        a: number | b: number | result: number
        0.1 | 3.0 | 0.30000000000000004
        1e200 | 1e200 | null
        null | 3.0 | null
        """,
    ),
    divide(
        "Money by money is a rate of six places",
        lambda a, b: a / b,
        """
        a: money | b: money | result: rate
        1.00 | 3.00 | 0.333333
        2.00 | 3.00 | 0.666667
        -2.00 | 3.00 | -0.666667
        1.00 | -8.00 | -0.125
        1.00 | 0.00 | null
        0.00 | 0.00 | null
        null | 1.00 | null
        1.00 | null | null
        0.01 | 20,000.00 | 0.000001
        0.01 | 20,000.01 | 0
        92,233,720,368,547,758.07 | 0.01 | null
        9,999,999,999,999.99 | 10.00 | 999999999999.999
        92,233,720,368,547,758.07 | 92,233,720,368,547,758.06 | 1
        """,
    ),
    divide(
        "Whole by whole is a rate of six places",
        lambda a, b: a / b,
        """
        a: integer | b: integer | result: rate
        7 | 2 | 3.5
        1 | 2000000 | 0.000001
        -1 | 2000000 | -0.000001
        999999999 | 2000000000000000 | 0
        1000000001 | 2000000000000000 | 0.000001
        4611686018427387903 | 9223372036854775807 | 0.5
        -9223372036854775808 | -1 | null
        9223372036854775807 | 10000000 | 922337203685.477581
        5 | 0 | null
        null | 2 | null
        """,
    ),
    divide(
        "Money by a rate is money",
        lambda a, r: a / r,
        """
        a: money | r: rate | result: money
        1.00 | 8 | 0.13
        -1.00 | 8 | -0.13
        1.00 | 0.3 | 3.33
        1.00 | 0 | null
        92,233,720,368,547,758.07 | 1 | 92,233,720,368,547,758.07
        92,233,720,368,547,758.07 | 0.999999 | error
        null | 1 | null
        1.00 | null | null
        """,
    ),
    divide(
        "Money by a whole number is money, rounded half away from zero",
        lambda a, n: a / n,
        """
        a: money | n: integer | result: money
        1.00 | 3 | 0.33
        0.05 | 2 | 0.03
        -0.05 | 2 | -0.03
        0.05 | -2 | -0.03
        1.00 | 0 | null
        92,233,720,368,547,758.07 | 2 | 46,116,860,184,273,879.04
        -92,233,720,368,547,758.08 | -9223372036854775808 | 0.01
        -92,233,720,368,547,758.08 | 1 | -92,233,720,368,547,758.08
        -92,233,720,368,547,758.08 | -1 | error
        null | 2 | null
        """,
    ),
    divide(
        "Rates",
        lambda a, b: a / b,
        """
        a: rate | b: rate | result: rate
        1 | 3 | 0.333333
        0.000001 | 2 | 0.000001
        -0.000001 | 2 | -0.000001
        0.000001 | 2.000001 | 0
        999999999999.999999 | 0.1 | null
        999999999999.999999 | -999999999999.999999 | -1
        999999999999.999999 | 999999999999.999998 | 1
        1 | 0 | null
        null | 3 | null
        """,
    ),
    divide(
        "Floating-point numbers",
        lambda a, b: a / b,
        """
        a: number | b: number | result: number
        1.0 | 3.0 | 0.3333333333333333
        1.0 | 0.0 | null
        1.0 | -0.0 | null
        1e300 | 1e-300 | null
        null | 3.0 | null
        """,
    ),
    floor_divide(
        "Whole by whole goes down, not towards zero",
        lambda a, b: a // b,
        """
        a: integer | b: integer | result: integer
        7 | 2 | 3
        -7 | 2 | -4
        7 | -2 | -4
        -7 | -2 | 3
        -8 | 2 | -4
        0 | -5 | 0
        7 | 0 | null
        null | 2 | null
        7 | null | null
        -9223372036854775808 | 1 | -9223372036854775808
        9223372036854775807 | -1 | -9223372036854775807
        -9223372036854775808 | -1 | error
        -9223372036854775808 | 9223372036854775807 | -2
        """,
    ),
    floor_divide(
        "Money by money counts how often it goes in",
        lambda a, b: a // b,
        """
        a: money | b: money | result: integer
        10.00 | 3.00 | 3
        -10.00 | 3.00 | -4
        10.00 | 0.00 | null
        null | 3.00 | null
        """,
    ),
    floor_divide(
        "Money by a whole number rounds down to the minor unit",
        lambda a, n: a // n,
        """
        a: money | n: integer | result: money
        1.00 | 3 | 0.33
        -1.00 | 3 | -0.34
        1.00 | 0 | null
        null | 3 | null
        """,
    ),
    modulo(
        "The sign is that of the divisor",
        lambda a, b: a % b,
        """
        a: integer | b: integer | result: integer
        7 | 2 | 1
        -7 | 2 | 1
        7 | -2 | -1
        -7 | -2 | -1
        8 | -2 | 0
        7 | 0 | null
        null | 2 | null
        7 | null | null
        -9223372036854775808 | -1 | 0
        9223372036854775806 | 9223372036854775807 | 9223372036854775806
        -1 | 9223372036854775807 | 9223372036854775806
        1 | -9223372036854775808 | -9223372036854775807
        """,
    ),
    modulo(
        "Money beyond the last full hundred",
        lambda a: a % 100,
        """
        a: money | result: money
        1,234.56 | 34.56
        -0.01 | 99.99
        null | null
        """,
    ),
    modulo(
        "A constant divisor",
        lambda a: a % 7,
        """
        a: integer | result: integer
        15 | 1
        -1 | 6
        null | null
        """,
    ),
    negate(
        "Money",
        lambda a: -a,
        """
        a: money | result: money
        1.50 | -1.50
        -92,233,720,368,547,758.07 | 92,233,720,368,547,758.07
        -92,233,720,368,547,758.08 | error
        null | null
        """,
    ),
    negate(
        "Rates",
        lambda a: -a,
        """
        a: rate | result: rate
        0.0275 | -0.0275
        0 | 0
        null | null
        """,
    ),
    negate(
        "Of a result",
        lambda a: -(a - 1),
        """
        a: integer | result: integer
        5 | -4
        -9223372036854775806 | 9223372036854775807
        -9223372036854775807 | error
        null | null
        """,
    ),
    absolute_(
        "Money",
        lambda a: absolute(a),
        """
        a: money | result: money
        -1.50 | 1.50
        1.50 | 1.50
        -92,233,720,368,547,758.08 | error
        null | null
        """,
    ),
    absolute_(
        "Rates",
        lambda a: abs(a),
        """
        a: rate | result: rate
        -999999999999.999999 | 999999999999.999999
        null | null
        """,
    ),
    absolute_(
        "Floating-point numbers",
        lambda a: absolute(a),
        """
        a: number | result: number
        -1.5 | 1.5
        null | null
        """,
    ),
    sign_(
        "Money",
        lambda a: sign(a),
        """
        a: money | result: integer
        -0.01 | -1
        0.00 | 0
        92,233,720,368,547,758.07 | 1
        null | null
        """,
    ),
    sign_(
        "Rates",
        lambda a: sign(a),
        """
        a: rate | result: integer
        -0.000001 | -1
        0 | 0
        999999999999.999999 | 1
        null | null
        """,
    ),
    sign_(
        "Floating-point numbers",
        lambda a: sign(a),
        """
        a: number | result: integer
        -1e-300 | -1
        -0.0 | 0
        2.5 | 1
        null | null
        """,
    ),
    least_(
        "Unknown arguments are passed over",
        lambda a, b: least(a, b),
        """
        a: money | b: money | result: money
        1.00 | 2.00 | 1.00
        1.00 | null | 1.00
        null | 2.00 | 2.00
        null | null | null
        """,
    ),
    least_(
        "Text by code points: capitals before small letters, those beyond U+FFFF last",
        lambda a, b, c: least(a, b, c),
        """
        a: text | b: text | c: text | result: text
        "a" | "B" | "é" | "B"
        "𠮷" | "￿" | "龥" | "龥"
        "𠮷" | "￿" | null | "￿"
        "" | "a" | null | ""
        null | null | null | null
        """,
    ),
    least_(
        "Mixed whole numbers and rates",
        lambda n, r: least(n, r, Decimal("2.5")),
        """
        n: integer | r: rate | result: rate
        3 | 2.75 | 2.5
        1 | 2.75 | 1
        null | -1 | -1
        null | null | 2.5
        """,
    ),
    greatest_(
        "Unknown arguments are passed over",
        lambda a, b: greatest(a, b),
        """
        a: date | b: date | result: date
        2026-01-31 | 2026-02-01 | 2026-02-01
        2026-01-31 | null | 2026-01-31
        null | null | null
        """,
    ),
    greatest_(
        "Text by code points",
        lambda a, b: greatest(a, b),
        """
        a: text | b: text | result: text
        "a" | "B" | "a"
        "𠮷" | "￿" | "𠮷"
        "张" | "张三" | "张三"
        null | "张" | "张"
        """,
    ),
    greatest_(
        "Money, never below zero",
        lambda a: greatest(a, 0),
        """
        a: money | result: money
        -1.00 | 0.00
        1.00 | 1.00
        null | 0.00
        """,
    ),
)
