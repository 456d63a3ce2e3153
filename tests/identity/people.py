"""Records as a bank's systems hold them, and the questions the tests ask of them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from quanke.customers.identity import IdentityModel, resolve
from quanke.kernel.identifiers.resident import resident_check_character

Record = dict[str, object]

FIELDS = (
    "record_id", "source", "id_type", "id_number", "name", "birth_date", "phone", "address", "kind", "uscc",
    "sex", "email", "city", "district", "postcode", "nationality", "employer_name",
)  # fmt: skip
HOME = "深圳市南山区招商街道彩田路679号绿景公寓1604"


def resident(birth: str = "19800210", serial: int = 448, region: str = "430523") -> str:
    """A resident number that passes its check; an odd serial is a man's."""
    first_17 = f"{region}{birth}{serial:03d}"
    return first_17 + resident_check_character(first_17)


def apart(place: int) -> Record:
    """What one person has and nobody else: births, telephones and homes of different places do not meet."""
    return {
        "birth_date": f"{1950 + 3 * place}-{1 + place % 12:02d}-{1 + 2 * place % 28:02d}",
        "phone": f"13{place % 10}{place * 7_654_321 % 100_000_000:08d}",
        "address": f"福田区{'梅林莲花香蜜园岭'[place % 8]}路{100 + 37 * place}号{1001 + 13 * place}",
    }


def record(name: str | None, number: str | None = None, id_type: str | None = None, **more: object) -> Record:
    """One record; a number without a type is a resident number."""
    kind = id_type or ("resident_id" if number else None)
    return {"name": name, "id_number": number, "id_type": kind, **more}


def table(rows: Sequence[Record]) -> pa.Table:
    """Records as a table; those without a number are r0, r1, ... in order."""
    numbered = [{"record_id": f"r{place}", **row} for place, row in enumerate(rows)]
    return pa.table({name: pa.array([row.get(name) for row in numbered], pa.string()) for name in FIELDS})


def who(*rows: Record, decisions: pa.Table | None = None, model: IdentityModel | None = None) -> list[int]:
    """The customer of each record."""
    found: list[int] = resolve(table(rows), decisions=decisions, model=model)["customer"].to_pylist()
    return found


def meet(*pairs: tuple[Record, Record], outcome: str | None = None) -> list[bool]:
    """Whether the two records of each pair are one customer; with `outcome` whether both stand like that.

    All pairs are resolved as one table: their records must not meet those of other pairs.
    """
    found = resolve(table([one for pair in pairs for one in pair]))
    values = found["customer" if outcome is None else "outcome"].to_pylist()
    both = zip(values[::2], values[1::2], strict=True)
    return [one == other if outcome is None else one == other == outcome for one, other in both]


def standing(*rows: Record) -> list[str]:
    """The outcome of each record."""
    found: list[str] = resolve(table(rows))["outcome"].to_pylist()
    return found


def decided(*pairs: tuple[int, int, str]) -> pa.Table:
    """Decisions of people."""
    left, right, decision = zip(*pairs, strict=True)
    return pa.table(
        {"left": pa.array(left, pa.int32()), "right": pa.array(right, pa.int32()), "decision": decision}
    )
