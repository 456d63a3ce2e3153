"""Tables of a bank made of nothing, as large as one likes: the columns a search is made of.

Names are drawn as names are: few surnames that many have, many given names that few have, and one name that
4 of 1,000 have. Numbers are as many, as long and as scattered as a bank's, and nobody's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文斌波辉鹏飞宇浩然子轩雨欣思远晨曦佳琪梦瑶"
    "俊楠志宏海燕春雷雪松林峰庆生立新小龙晓东永康家豪嘉诚诗涵梓萱一鸣天佑若曦安邦定远怀瑾握瑜"
)
PLACES = ("深圳", "广州", "东莞", "惠州", "佛山", "珠海", "中山", "江门")
TRADES = ("科技", "贸易", "实业", "电子", "物流", "餐饮", "建设", "投资", "服饰", "医药", "教育", "文化传媒")
FORMS = ("有限公司", "股份有限公司", "商行", "经营部", "集团有限公司")
COMMON = "王建国"
"""The name that many have."""
COMMON_SHARE = 0.004
BODIES = 0.04
"""Share of customers who are organisations."""
SOURCES = ("core", "cards", "mobile")
SEED = 20_260_630


def _drawn(r: np.random.Generator, signs: str, count: int, power: float) -> pa.Array:
    """Signs by a power law."""
    weight = (np.arange(len(signs)) + 3.0) ** -power
    codes = r.choice(len(signs), count, p=weight / weight.sum())
    return pa.array(list(signs)).take(pa.array(codes))


def _joined(*texts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*texts, pa.scalar("", pa.string()))


def _numbers(head: str, low: int, numbers: np.ndarray) -> pa.Array:
    """A text for each number: a head, and so many digits as `low` has."""
    text = pa.array(numbers + low).cast(pa.string())
    return _joined(pa.array([head]).take(pa.array(np.zeros(len(numbers), np.int8))), text)


def people(r: np.random.Generator, count: int) -> pa.Array:
    """Names of persons."""
    second = _drawn(r, GIVEN, count, 0.3)
    single = pa.array(r.random(count) < 0.15)
    second = pc.if_else(single, "", second)
    names = _joined(_drawn(r, SURNAMES, count, 1.0), _drawn(r, GIVEN, count, 0.4), second)
    return pc.if_else(pa.array(r.random(count) < COMMON_SHARE), COMMON, names)


def bodies(r: np.random.Generator, count: int) -> pa.Array:
    """Names of organisations."""
    parts = [
        pa.array(words).take(pa.array(r.integers(0, len(words), count))) for words in (PLACES, TRADES, FORMS)
    ]
    trade_name = [_drawn(r, GIVEN, count, 0.2) for _ in range(3)]
    return _joined(parts[0], *trade_name, parts[1], parts[2])


def write_bank(folder: Path, customers: int) -> None:
    """Write the tables, sorted as a home's are. 1.25 records a person, 2.5 accounts
    and a card a customer."""
    r = np.random.default_rng(SEED)
    organisations = int(customers * BODIES)
    persons = customers - organisations
    records = persons + persons // 4
    of = np.sort(np.concatenate([np.arange(persons), r.integers(0, persons, records - persons)])).astype(
        np.int32
    )
    party = np.arange(records, dtype=np.int32)
    birth = 19_400_101_0000 + r.integers(0, 8 * 10**11, persons)
    source = pa.array(SOURCES).take(pa.array((party % len(SOURCES)).astype(np.int8)))
    tables = {
        "parties": {
            "customer": of, "party": party, "source": source,
            "party_id": _numbers("P", 10**9, r.permutation(records)),
            "name": people(r, persons).take(pa.array(of)),
            "id_type": pa.array(["resident_id"]).take(pa.array(np.zeros(records, np.int8))),
            "id_number": _numbers("440301", 0, birth).take(pa.array(of)),
            "id_valid": np.ones(records, np.bool_),
            "phone": _numbers("", 13_000_000_000, r.integers(0, 6 * 10**9, persons)).take(pa.array(of)),
        }
    }  # fmt: skip
    body = np.arange(organisations, dtype=np.int32)
    tables["organisations"] = {
        "customer": body + persons, "party": body + records,
        "source": pa.array(["core"]).take(pa.array(np.zeros(organisations, np.int8))),
        "party_id": _numbers("B", 10**8, body), "name": bodies(r, organisations),
        "uscc": _numbers("91440300MA", 10**7, r.permutation(organisations)),
    }  # fmt: skip
    owner = np.sort(r.integers(0, records + organisations, customers * 5 // 2)).astype(np.int32)
    tables["accounts"] = {
        "party": owner,
        "account_id": _numbers("7559", 10**11, r.permutation(len(owner)) * 7),
    }
    holder = np.sort(r.integers(0, records, customers)).astype(np.int32)
    tables["cards"] = {"party": holder, "card_id": _numbers("62148", 10**10, r.permutation(len(holder)) * 11)}
    np.save(folder / "customer.npy", np.concatenate([of, body + persons]))
    for name, columns in tables.items():
        pq.write_table(
            pa.table(columns), folder / f"{name}.parquet", compression="zstd", row_group_size=122_880
        )


if __name__ == "__main__":  # in a process of its own, whose memory is nobody else's
    write_bank(Path(sys.argv[1]), int(sys.argv[2]))
