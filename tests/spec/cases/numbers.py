"""Floating-point numbers of models, and the way between them and rates."""

from __future__ import annotations

from quanke.language import exponential, logarithm, square_root, to_number, to_rate
from tests.spec.cases.scalars import cases_of

CASES = (
    cases_of("to_number")(
        "Money in major units",
        lambda a: to_number(a),
        """
        a: money | result: number
        12.34 | 12.34
        -0.01 | -0.01
        92,233,720,368,547,758.07 | 9.223372036854776e16
        null | null
        """,
    ),
    cases_of("to_number")(
        "Rates",
        lambda a: to_number(a),
        """
        a: rate | result: number
        0.0275 | 0.0275
        -999999999999.999999 | -1e12
        123456789012.123457 | 123456789012.12346
        -21242407052.466667 | -21242407052.466667
        null | null
        """,
    ),
    cases_of("to_number")(
        "Whole numbers, to the nearest there is",
        lambda a: to_number(a),
        """
        a: integer | result: number
        3 | 3.0
        9007199254740993 | 9007199254740992.0
        9223372036854775807 | 9.223372036854776e18
        null | null
        """,
    ),
    cases_of("to_number")(
        "A number stays itself",
        lambda a: to_number(a),
        """
        a: number | result: number
        0.1 | 0.1
        null | null
        """,
    ),
    cases_of("to_rate")(
        "A whole number; a trillion or more is unknown",
        lambda a: to_rate(a),
        """
        a: integer | result: rate
        3 | 3
        -999999999999 | -999999999999
        1000000000000 | null
        -9223372036854775808 | null
        null | null
        """,
    ),
    cases_of("to_rate")(
        "A number, multiplied by a million and then rounded half away from zero",
        lambda a: to_rate(a),
        """
        a: number | result: rate
        0.1 | 0.1
        0.0000005 | 0.000001
        -0.0000005 | -0.000001
        0.0000004999 | 0
        1.0000015 | 1.000002
        -0.0 | 0
        null | null
        """,
    ),
    cases_of("to_rate")(
        "A number too large is unknown",
        lambda a: to_rate(a),
        """
        a: number | result: rate
        1e12 | null
        -1e12 | null
        1e300 | null
        1.7e308 | null
        9007199254.0 | 9007199254
        null | null
        """,
    ),
    cases_of("square_root")(
        "Unknown below zero",
        lambda a: square_root(a),
        """
        a: number | result: number
        2.0 | 1.4142135623730951
        0.0 | 0.0
        -1e-300 | null
        null | null
        """,
    ),
    cases_of("square_root")(
        "Of an amount",
        lambda a: square_root(to_number(a)),
        """
        a: money | result: number
        4.00 | 2.0
        -4.00 | null
        null | null
        """,
    ),
    cases_of("square_root")(
        "The largest and the smallest",
        lambda a: square_root(a),
        """
        a: number | result: number
        1e308 | 1e154
        1e-308 | 1e-154
        null | null
        """,
    ),
    cases_of("logarithm")(
        "Unknown at and below zero",
        lambda a: logarithm(a),
        """
        a: number | result: number
        1.0 | 0.0
        2.0 | 0.6931471805599453
        0.0 | null
        -0.0 | null
        -1.0 | null
        null | null
        """,
    ),
    cases_of("logarithm")(
        "Of an amount",
        lambda a: logarithm(to_number(a) + 1.0),
        """
        a: money | result: number
        0.00 | 0.0
        -1.00 | null
        null | null
        """,
    ),
    cases_of("logarithm")(
        "The largest and the smallest",
        lambda a: logarithm(a),
        """
        a: number | result: number
        1e308 | 709.1962086421661
        1e-308 | -709.1962086421661
        null | null
        """,
    ),
    cases_of("exponential")(
        "Unknown above 700",
        lambda a: exponential(a),
        """
        a: number | result: number
        0.0 | 1.0
        1.0 | 2.718281828459045
        700.0 | 1.0142320547350045e304
        700.0000001 | null
        null | null
        """,
    ),
    cases_of("exponential")(
        "Far below zero it is nothing",
        lambda a: exponential(a),
        """
        a: number | result: number
        -1.0 | 0.36787944117144233
        -1000.0 | 0.0
        null | null
        """,
    ),
    cases_of("exponential")(
        "Back from the logarithm",
        lambda a: exponential(logarithm(a)),
        """
        a: number | result: number
        10.0 | 10.000000000000002
        0.0 | null
        null | null
        """,
    ),
)
