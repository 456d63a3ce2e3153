"""Links between records: what is proven, what is likely and corroborated, and what a person is asked."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quanke.customers.identity import candidates
from quanke.customers.identity.comparisons import BY_NAME, FIELDS
from quanke.customers.identity.model import IdentityModel
from quanke.customers.identity.reasons import sentences
from quanke.customers.identity.scoring import Connection, Normalised, connected, rows_of, score
from quanke.kernel.identifiers.names import NameComparison, compare_names
from quanke.kernel.identifiers.organisation_names import compare_organisation_names

Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]

LINKS = pa.schema(
    [
        ("left", pa.int32()),
        ("right", pa.int32()),
        ("outcome", pa.string()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
    ]
)
"""One row per pair: positions of two records (left < right), `exact`, `probable`, `variant`, `conflict` or
`review`, the model's probability (exact: 1.0), and which fields agreed."""

_SCORED = (
    "select s.*, l.han and r.han as han, l.organisation,"
    " not (coalesce(l.han, false) or coalesce(r.han, false)) as letters,"
    " coalesce(l.door and r.door, false) as door,"
    " l.family is not null as left_document, r.family is not null as right_document,"
    " l.document is not null and l.document = r.document as one_document, l.name_match as left_name,"
    " r.name_match as right_name, l.sound = r.sound as one_sound,"
    " coalesce(l.nationality <> r.nationality, false) as other_nation"
    " from scores s join records l on l.position = s.left_row join records r on r.position = s.right_row"
    " where s.probability >= {least} or (l.document = r.document)"
)

_FLAGS = (
    "han", "letters", "door", "organisation", "left_document", "right_document", "one_document",
    "other_nation",
)  # fmt: skip


def find_links(
    normalised: Normalised, model: IdentityModel, fresh: npt.NDArray[np.bool_] | None = None
) -> pa.Table:
    """All links of a normalised table (or a Parquet file of one) by the model, as `LINKS`, ordered by left
    and right.

    With `fresh` (one boolean per row) only pairs with at least one fresh row: exactly those of the links of
    the whole table that touch a fresh row, at a cost that follows the number of fresh rows.
    """
    if rows_of(normalised) == 0:
        return LINKS.empty_table()
    with connected(normalised) as connection:
        is_fresh = "true"
        if fresh is not None:
            rows = np.flatnonzero(np.asarray(fresh, np.bool_)).astype(np.int32)
            connection.register("fresh_rows", pa.table({"row": pa.array(rows)}))
            is_fresh = "position in (select row from fresh_rows)"
        candidates.make_representatives(connection, is_fresh)
        candidates.make_pairs(connection, fresh is not None)
        candidates.make_document_pairs(connection, fresh is not None)
        proven = _proven(connection)
        connection.execute(
            "create or replace table pairs as select left_row, right_row from pairs union select left_row,"
            " right_row from other_name union select left_row, right_row from copies join records on"
            " position = left_row where document is null"
        )
        count = connection.sql("select count(*) from pairs").fetchall()[0][0]
        if not count:
            return _ordered(proven)
        score(connection, model)
        scored = _table(connection, _SCORED.format(least=repr(model.review)))
    return _ordered(pa.concat_tables([proven, _judged(scored, model)]))


def _table(connection: Connection, query: str) -> pa.Table:
    relation: Any = connection.sql(query)
    return relation.to_arrow_table()


def _ordered(links: pa.Table) -> pa.Table:
    return links.cast(LINKS).sort_by([("left", "ascending"), ("right", "ascending")]).combine_chunks()


def _proven(connection: Connection) -> pa.Table:
    """Exact links: one valid document and one name, or a valid document and equal content."""
    table = _table(
        connection,
        "select left_row, right_row, any_value(content) as content from (select left_row, right_row, false as"
        " content from same_document union all select left_row, right_row, true from copies join records on"
        " position = left_row where document is not null) group by all",
    )
    reason = pc.if_else(table["content"], "same document and content", "same document and name")
    columns = [
        table["left_row"],
        table["right_row"],
        pa.array(["exact"] * table.num_rows, pa.string()),
        pa.array(np.ones(table.num_rows)),
        reason,
    ]
    return pa.table(
        [pc.cast(column, kind) for column, kind in zip(columns, LINKS.types, strict=True)], schema=LINKS
    )


def _judged(scored: pa.Table, model: IdentityModel) -> pa.Table:
    """Outcome and reason of scored pairs; pairs that are neither likely nor in question fall out."""
    flags = {
        name: np.asarray(
            scored[name].combine_chunks().fill_null(False).to_numpy(zero_copy_only=False), np.bool_
        )
        for name in _FLAGS
    }
    strength = {f.name: scored[f"g_{f.name}"].to_numpy().astype(np.int64) for f in FIELDS}
    probability = scored["probability"].to_numpy()
    outcome = np.full(scored.num_rows, "", dtype=object)
    both = flags["left_document"] & flags["right_document"]
    named = (strength["name"] != 0) | (strength["number"] >= _at("number", "near"))
    outcome[(probability >= model.review) & named & ~both] = "review"
    outcome[both & (probability >= model.link) & (strength["name"] >= _at("name", "near"))] = "review"
    good = corroborated(strength, flags) & ~contradicted(strength)
    if not model.documents:
        good |= likelihood_decides(strength, flags)
    outcome[good & (probability >= model.link) & ~both & ~flags["other_nation"]] = "probable"
    _judge_documents(scored, flags["one_document"], outcome)
    kept = np.flatnonzero(outcome != "")
    said = sentences(
        {name: values[kept] for name, values in strength.items()}, {n: v[kept] for n, v in flags.items()}
    )
    rows = pa.array(kept)
    return pa.table(
        [
            scored["left_row"].take(rows),
            scored["right_row"].take(rows),
            pa.array(outcome[kept].tolist(), pa.string()),
            pa.array(probability[kept]),
            said,
        ],
        names=LINKS.names,
    )


def _at(field: str, label: str) -> int:
    return BY_NAME[field].strength(label)


def corroborated(strength: dict[str, Ints], flags: dict[str, Bools]) -> Bools:
    """Whether enough independent fields agree for a link without a person, whatever the probability.

    Agreements of telephone, e-mail, birth date and home count one each, a number (also with a slip) two. A
    name alone never is enough, nor are name and telephone:

    * the same name wants two more; a full address of house and flat counts twice beside the same Chinese
      name (nobody is named after his father there);
    * a Chinese name that only reads alike or has traditional forms wants three (NAM-3); similar names in
      letters two, one of them of the person alone, as twins share birth date and home;
    * a name in letters that agrees in part, or not at all, wants the number and the birth date as well, a
      Chinese one the same number and two more.

    Organisations want the same name, and telephone, address or a code with a slip.
    """
    name, number, address = strength["name"], strength["number"], strength["address"]
    same_name, near_name = name == _at("name", "same"), name == _at("name", "near")
    phone = strength["phone"] == _at("phone", "same")
    email = strength["email"] == _at("email", "same")
    birth = strength["birth"] >= _at("birth", "near")
    home = address >= _at("address", "near")
    same_number, near_number = number == _at("number", "same"), number >= _at("number", "near")
    door = (address == _at("address", "same")) & flags["door"] & flags["han"] & same_name
    counted = np.where(near_number, 2, np.where(number == _at("number", "part"), 1, 0))
    support = phone.astype(np.int64) + email + birth + home + door + counted
    personal = (number >= _at("number", "part")) | phone | email
    in_part = (name == _at("name", "word")) | (name == _at("name", "part"))
    letters = flags["letters"]
    people = (same_name & (support >= 2)) | (near_name & (support >= 3))
    people |= near_name & letters & (support >= 2) & personal
    people |= in_part & letters & ((same_number & (support >= 3)) | (near_number & (support >= 4)))
    people |= same_number & (support >= 4) & (letters | (name != 0))
    bodies = same_name & (phone | home | near_number)
    found: Bools = np.where(flags["organisation"], bodies, people)
    return found


def likelihood_decides(strength: dict[str, Ints], flags: dict[str, Bools]) -> Bools:
    """Whether the probability alone may link a pair, in a set in which nobody has a document.

    Such are lists from elsewhere, with names in letters: there is no proof to wait for, and no proof to
    contradict. Another sex still speaks against it, and name and telephone are still not enough.
    """
    more = strength["birth"] >= _at("birth", "near")
    more |= strength["address"] >= _at("address", "part")
    more |= strength["email"] == _at("email", "same")
    more |= strength["number"] >= _at("number", "part")
    found: Bools = more & (strength["sex"] != 0) & flags["letters"] & ~flags["organisation"]
    return found


def contradicted(strength: dict[str, Ints]) -> Bools:
    """Whether a field speaks against one person: another sex, a birth date far apart, quite another number.

    A birth date is outweighed by the same number, a like name and one more agreement; another number (that
    no rule proves) by the same name, birth date and home.
    """
    name, number = strength["name"], strength["number"]
    home = strength["address"] >= _at("address", "near")
    contact = (strength["phone"] == _at("phone", "same")) | (strength["email"] == _at("email", "same"))
    full = (name == _at("name", "same")) & (strength["birth"] >= _at("birth", "near")) & home
    proven = (number == _at("number", "same")) & (name >= _at("name", "near")) & (home | contact)
    found: Bools = (strength["sex"] == 0) | ((strength["birth"] == 0) & ~proven) | ((number == 0) & ~full)
    return found


def _judge_documents(scored: pa.Table, one_document: Bools, outcome: npt.NDArray[Any]) -> None:
    """Pairs with one valid document and two names: variant or conflict (NAM-4), never more.

    A name that only reads alike is a variant here: the kernel keeps no table of readings, this layer does.
    """
    rows = np.flatnonzero(one_document)
    some = scored.select(["left_name", "right_name", "one_sound", "organisation"]).take(pa.array(rows))
    for row, pair in zip(rows.tolist(), some.to_pylist(), strict=True):
        one, other = pair["left_name"], pair["right_name"]
        if one is None or other is None:
            outcome[row] = "review"
            continue
        compare = compare_organisation_names if pair["organisation"] else compare_names
        near = compare(one, other) is NameComparison.VARIANT
        alike = pair["one_sound"] and not pair["organisation"]
        outcome[row] = "variant" if near or alike else "conflict"
