"""Shenzhen: districts, streets and estates, and the branch's tree of sub-branches and outlets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.sample.days import EPOCH
from quanke.bank.sample.draws import Choice, Draws, Ints
from quanke.bank.sample.text import coded, constant, dates, decimals, digits, join, strings, tagged
from quanke.bank.sample.words import listed


@dataclass(frozen=True, slots=True)
class District:
    """One district: GB/T 2260 code, weight among customers, centre in millionths of a degree, streets."""

    name: str
    code: int
    weight: int
    longitude: int
    latitude: int
    streets: tuple[str, ...]


DISTRICTS = (
    District(
        "福田区", 440304, 16, 114_055_000, 22_541_000, ("莲花", "园岭", "华强北", "香蜜湖", "沙头", "梅林")
    ),
    District("罗湖区", 440303, 11, 114_131_000, 22_548_000, ("桂园", "黄贝", "东门", "翠竹", "笋岗", "莲塘")),
    District("南山区", 440305, 17, 113_930_000, 22_533_000, ("粤海", "南头", "蛇口", "招商", "西丽", "沙河")),
    District("宝安区", 440306, 19, 113_883_000, 22_554_000, ("新安", "西乡", "福永", "沙井", "松岗", "石岩")),
    District("龙岗区", 440307, 17, 114_246_000, 22_720_000, ("布吉", "坂田", "南湾", "平湖", "龙城", "横岗")),
    District("龙华区", 440309, 12, 114_045_000, 22_696_000, ("民治", "大浪", "观湖", "福城", "龙华")),
    District("光明区", 440311, 4, 113_936_000, 22_749_000, ("光明", "公明", "新湖", "马田")),
    District("坪山区", 440310, 3, 114_346_000, 22_690_000, ("坪山", "坑梓", "龙田", "碧岭")),
    District("盐田区", 440308, 2, 114_236_000, 22_557_000, ("沙头角", "海山", "盐田", "梅沙")),
    District("大鹏新区", 440307, 1, 114_480_000, 22_594_000, ("葵涌", "大鹏", "南澳")),
)
DISTRICT_NAMES = [d.name for d in DISTRICTS]

REGIONS = (
    440301, 440303, 440304, 440305, 440306, 440307, 440308, 440309, 440310, 440311, 440103, 440104, 440106,
    440183, 440507, 440513, 440524, 440882, 440981, 440982, 441322, 441421, 441422, 441424, 441481, 441521,
    441581, 441721, 441826, 445122, 445221, 445224, 445281, 445381, 450881, 450923, 430426, 430482, 430523,
    430626, 431021, 360429, 360730, 360781, 361102, 420984, 421083, 421127, 411381, 411522, 411627, 510922,
    511621, 511702, 500234, 500101, 610121, 350582, 330326, 320321, 341221, 370285, 230103, 210102, 110105,
    310104, 520201, 530102, 460200, 140105,
)  # fmt: skip
"""Region codes of identity numbers: half of Shenzhen and Guangdong, the others from all over the country."""

CITIES = ("深圳市", "东莞市", "惠州市", "广州市", "汕尾市", "香港", "长沙市", "武汉市")
CITY_WEIGHTS = (905, 35, 25, 18, 6, 5, 3, 3)


@dataclass(frozen=True, slots=True)
class Branches:
    """The tree: position 0 is the branch, then sub-branches, then outlets.

    `kind` 0 branch, 1 sub-branch, 2 outlet; `parent` position of the one above (-1 for the branch);
    `outlets` positions of outlets; `outlet_choice` draws one of them by size.
    """

    ids: pa.StringArray
    kind: Ints
    parent: Ints
    district: Ints
    opened: Ints
    outlets: Ints
    outlet_choice: Choice
    table: pa.Table


def outlet_count(customers: int) -> int:
    """About 90 outlets for 200,000 customers; grows and shrinks with the square root."""
    return int(np.clip(round(90 * (customers / 200_000) ** 0.5), 6, 900))


def build_branches(seed: int, customers: int) -> Branches:
    """One branch, its sub-branches (one to two a district) and outlets."""
    draws = Draws(seed, "branches")
    outlets = outlet_count(customers)
    subs = int(np.clip(round(outlets / 7.5), 3, 40))
    weights = [d.weight for d in DISTRICTS]
    by_weight = np.repeat(np.arange(len(DISTRICTS)), weights)
    sub_district = by_weight[(np.arange(subs) * len(by_weight)) // subs]
    parent_of_outlet = 1 + draws.below(subs, outlets)
    parent_of_outlet[:subs] = 1 + np.arange(subs)
    kind = np.concatenate([[0], np.ones(subs, dtype=np.int64), np.full(outlets, 2)])
    parent = np.concatenate([[-1], np.zeros(subs, dtype=np.int64), parent_of_outlet])
    district = np.concatenate([[0], sub_district, sub_district[parent_of_outlet - 1]])
    count = len(kind)
    opened = (date(1986, 1, 1) - EPOCH).days + draws.below(12_500, count)
    sizes = 200 * 1000 // (6 + draws.shuffled(outlets) * 60 // outlets)
    ids = strings(digits(400_000_000 + np.arange(count) * 7, 9))
    positions = np.flatnonzero(kind == 2)
    table = _table(draws, ids, kind, parent, district, opened)
    return Branches(ids, kind, parent, district, opened, positions, Choice(sizes), table)


def _table(draws: Draws, ids: pa.Array, kind: Ints, parent: Ints, district: Ints, opened: Ints) -> pa.Table:
    count = len(kind)
    names = ["深圳分行"]
    seen: dict[str, int] = {}
    for position in range(1, count):
        place = DISTRICTS[district[position]]
        if kind[position] == 1:
            stem = place.name.removesuffix("区").removesuffix("新")
        else:
            stem = place.streets[int(draws.below(len(place.streets), 1)[0])]
        seen[stem] = seen.get(stem, 0) + 1
        number = "" if seen[stem] == 1 else f"第{seen[stem]}"
        names.append(f"深圳{stem}{number}支行" + ("" if kind[position] == 1 else "营业厅"))
    centre = np.array([(d.longitude, d.latitude) for d in DISTRICTS])[district]
    longitude = centre[:, 0] + draws.between(-45_000, 45_000, count)
    latitude = centre[:, 1] + draws.between(-30_000, 30_000, count)
    return pa.table(
        {
            "branch_id": ids,
            "name": pa.array(names),
            "kind": coded(["branch", "sub_branch", "outlet"], kind),
            "parent_id": ids.take(pa.array(parent, mask=parent < 0)),
            "city": constant("深圳市", count),
            "district": coded(DISTRICT_NAMES, district),
            "longitude": decimals(longitude),
            "latitude": decimals(latitude),
            "opened_on": dates(opened),
            "closed_on": pa.nulls(count, pa.date32()),
        }
    )


def addresses(draws: Draws, district: NDArray[np.int32] | Ints) -> pa.StringArray:
    """Postal addresses in Shenzhen for the given districts."""
    count = len(district)
    streets = pa.array([s for d in DISTRICTS for s in d.streets])
    lengths = np.array([len(d.streets) for d in DISTRICTS], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    street = streets.take(pa.array(starts[district] + draws.below(lengths[district], count)))
    number = strings(digits(draws.between(1, 999, count), 3))
    room = strings(tagged("", digits(draws.between(1, 32, count) * 100 + draws.between(1, 12, count), 4)))
    return join(
        "广东省深圳市",
        pa.array(DISTRICT_NAMES).take(pa.array(np.asarray(district, dtype=np.int64))),
        street,
        "街道",
        _taken(draws, "roads", count),
        number,
        "号",
        estates(draws, count),
        room,
    )


def estates(draws: Draws, count: int) -> pa.StringArray:
    """Names of housing estates."""
    return join(_taken(draws, "estate_heads", count), _taken(draws, "estates", count))


def _taken(draws: Draws, name: str, count: int) -> pa.Array:
    pool = listed(name)
    return pa.array(pool).take(pa.array(draws.below(len(pool), count)))
