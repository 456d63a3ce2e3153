"""Which pairs of records are looked at: records that share a block, and blocks that are not hot.

Records of equal content (`digest`) stand for one another: one of them is compared with the rest, the
others are only compared with it. So a file delivered twice changes neither the blocks nor the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

from quanke.customers.identity.scoring import Connection


@dataclass(frozen=True, slots=True)
class Block:
    """A rule: records with the same key are compared, unless more than `most` distinct ones share it.

    What half a town has in common (a company's switchboard, a placeholder) says nothing of anybody.
    """

    name: str
    key: str
    most: int


BLOCKS = (
    Block("number", "number", 50),
    Block("phone", "phone", 50),
    Block("email", "email", 30),
    Block("name and birth", "name_key || '|' || birth", 50),
    Block("reading and birth", "sound || '|' || birth", 50),
    Block("word and birth", "code || '|' || birth", 40),
    Block("head of number and birth", "left(number, (length(number) + 1) // 2) || '|' || birth", 20),
    Block("tail of number and birth", "right(number, length(number) // 2 + 1) || '|' || birth", 20),
    Block("head of number and word", "left(number, (length(number) + 1) // 2) || '|' || code", 20),
    Block("tail of number and word", "right(number, length(number) // 2 + 1) || '|' || code", 20),
    Block("name and address", "name_key || '|' || address", 50),
    Block("address", "address", 20),
    Block("word and postcode", "code || '|' || postcode", 40),
    Block("word and street", "case when not han then code || '|' || street end", 40),
    Block("birth and postcode", "birth || '|' || postcode", 20),
    Block("name of an organisation", "case when organisation then name_simple end", 30),
)
"""Keys are SQL over a normalised row; `code` is each of its phonetic codes in turn."""


_KEPT = (
    "record_id", "digest", "organisation", "family", "document", "scope", "number", "name_match", "name_key",
    "name_simple", "sound", "codes", "han", "birth", "phone", "email", "address", "street", "postcode",
)  # fmt: skip
"""Columns that keys and documents are made of."""


def make_representatives(connection: Connection, fresh: str) -> None:
    """Tables `standing` (one row per content: the row that stands for it, with `fresh`) and `copies` (the
    other rows of that content: `position`, `stands`)."""
    connection.execute(
        "create or replace table shared as select digest, arg_min(position, record_id) as stands from records"
        " group by digest having count(*) > 1"
    )
    connection.execute(
        f"create or replace table copied as select position, stands, {fresh} as fresh from records join"
        " shared using (digest) where position <> stands"
    )
    connection.execute(
        f"create or replace table standing as select position, {', '.join(_KEPT)}, {fresh} as fresh from"
        " records where position not in (select position from copied)"
    )


def make_pairs(connection: Connection, only_fresh: bool) -> None:
    """The table `pairs`: pairs of standing rows that share a block; with `only_fresh` one is fresh.

    Two valid documents of one family are never a pair: the same number is a matter of documents, another
    number is another person.
    """
    connection.execute("create or replace table pairs (left_row integer, right_row integer)")
    for block in BLOCKS:
        _add_block(connection, block, only_fresh)
    connection.execute("create or replace table pairs as select distinct left_row, right_row from pairs")


def _add_block(connection: Connection, block: Block, only_fresh: bool) -> None:
    words = "code" in block.key

    def keyed(rows: str) -> str:
        """Keys of standing rows; a row has several where it has several words."""
        source = f"(select *{', unnest(codes) as code' if words else ''} from standing {rows})"
        distinct = "distinct" if words else ""
        return (
            f"select {distinct} hash({block.key}) as key, position, fresh, family, organisation from {source}"
            f" where ({block.key}) is not null"
        )

    touched = ""
    if only_fresh:
        connection.execute(f"create or replace temp table touched as {keyed('where fresh')}")
        touched = "where key in (select key from touched)"
    connection.execute(f"create or replace temp table keyed as select * from ({keyed('')}) {touched}")
    connection.execute(
        "create or replace temp table hot_free as select key from keyed group by key having count(*) between"
        f" 2 and {block.most} and (count(*) > count(family) or min(family) <> max(family))"
    )
    one_fresh = "and (l.fresh or r.fresh)" if only_fresh else ""
    connection.execute(
        "insert into pairs select l.position, r.position from hot_free join keyed l using (key)"
        " join keyed r using (key) where l.position < r.position and l.organisation = r.organisation"
        f" and (l.family is null or r.family is null or l.family <> r.family) {one_fresh}"
    )


def make_document_pairs(connection: Connection, only_fresh: bool) -> None:
    """Tables `same_document` (exact pairs), `other_name` (one valid document, two names) and `copies`.

    For each document and name one row, the first by content, is paired with the others; rows of equal
    content are paired with the one that stands for them, whatever they hold.
    """
    touched = "where document in (select document from standing where fresh)" if only_fresh else ""
    one_fresh = "and (a.fresh or b.fresh)" if only_fresh else ""
    connection.execute(
        "create or replace temp table shown as select document from standing"
        f" {touched or 'where document is not null'} group by document having count(*) > 1"
    )
    connection.execute(
        "create or replace temp table holders as select position, document, coalesce(scope, '') as scope,"
        " name_match, fresh, row_number() over (partition by document, name_match, scope order by digest,"
        " record_id) = 1 as leads from standing where document in (from shown)"
    )
    connection.execute(
        "create or replace table same_document as select least(a.position, b.position) as left_row,"
        " greatest(a.position, b.position) as right_row from holders a join holders b on"
        " a.document = b.document and a.name_match = b.name_match and a.leads and a.position <> b.position"
        " and ((a.scope = b.scope and not b.leads) or (a.scope = '' and b.scope <> '' and b.leads))"
        f" where true {one_fresh}"
    )
    connection.execute(
        "create or replace table other_name as select a.position as left_row, b.position as right_row from"
        " holders a join holders b on a.document = b.document and a.leads and b.leads and"
        " a.position < b.position and a.name_match is distinct from b.name_match"
        f" and (a.scope = b.scope or a.scope = '' or b.scope = '') where true {one_fresh}"
    )
    one_fresh = "where c.fresh or s.fresh" if only_fresh else ""
    connection.execute(
        "create or replace table copies as select least(c.position, c.stands) as left_row,"
        " greatest(c.position, c.stands) as right_row from copied c join standing s on s.position = c.stands"
        f" {one_fresh}"
    )
