"""Businesses and public bodies: payroll companies, merchants, schools, hospitals, communities, government."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanke.bank.sample.days import EPOCH, Span
from quanke.bank.sample.draws import Draws, Ints, Level
from quanke.bank.sample.places import DISTRICT_NAMES, DISTRICTS, Branches, addresses, estates
from quanke.bank.sample.text import (
    account_numbers,
    coded,
    constant,
    dates,
    digits,
    instants,
    join,
    scattered,
    strings,
    tagged,
    uscc,
)
from quanke.bank.sample.words import listed, words

KINDS = ("business", "government", "public_institution", "school", "hospital", "community", "merchant")
SECTORS = (
    "制造业", "信息技术", "批发零售", "建筑业", "物流运输", "住宿餐饮", "教育", "卫生", "物业服务",
    "公共管理", "金融",
)  # fmt: skip

_SERIALS_PER_BLOCK = 20_000
_BRANDS_PER_BLOCK = 240
"""At least the companies or shops of a block, so that brands do not repeat up to twenty million customers."""

HEADCOUNT = Level((0, 6), (400_000, 18), (700_000, 45), (900_000, 130), (980_000, 500), (1_000_000, 2_600))


@dataclass(frozen=True, slots=True)
class Organisations:
    """Organisations by position, with the account each one pays from."""

    party_ids: pa.StringArray
    names: pa.StringArray
    kind: Ints
    branch: Ints
    accounts: pa.StringArray
    table: pa.Table

    def of(self, kind: str) -> Ints:
        """Positions of the organisations of a kind."""
        return np.flatnonzero(self.kind == KINDS.index(kind))


def _list(draws: Draws, span: Span, branches: Branches, first_serial: int, parts: _Parts) -> Organisations:
    count = len(parts.names)
    serial = first_serial + np.arange(count, dtype=np.int64)
    party_ids = strings(tagged("E", digits(scattered(serial, 999_999_937, 7_654_321), 9)))
    branch = branches.outlets[draws.pick(branches.outlet_choice, count)]
    district = branches.district[branch]
    region = np.array([d.code for d in DISTRICTS], dtype=np.int64)[district]
    public = np.isin(parts.kind, [1, 2, 3, 4])
    heads = np.where(public[:, None], np.frombuffer(b"12", np.uint8), np.frombuffer(b"91", np.uint8))
    opened = np.maximum((date(1995, 1, 1) - EPOCH).days, span.offset - draws.between(60, 6_500, count))
    codes = strings(uscc(heads, region, scattered(serial, 99_999_989, 31_415_927)))
    table = pa.table(
        {
            "source": constant("core", count),
            "party_id": party_ids,
            "name": parts.names,
            "uscc": codes,
            "kind": coded(KINDS, parts.kind),
            "sector": coded(SECTORS, parts.sector),
            "headcount": pa.array(parts.headcount),
            "city": constant("深圳市", count),
            "district": coded(DISTRICT_NAMES, district),
            "address": addresses(draws, district),
            "branch_id": branches.ids.take(pa.array(branch)),
            "opened_on": dates(opened),
            "closed_on": pa.nulls(count, pa.date32()),
            "updated_at": instants((span.offset + draws.below(span.days, count)) * 86_400 + 36_000),
        }
    )
    accounts = strings(account_numbers(serial, "400003"))
    return Organisations(party_ids, parts.names, parts.kind, branch, accounts, table)


@dataclass(frozen=True, slots=True)
class _Parts:
    names: pa.StringArray
    kind: Ints
    sector: Ints
    headcount: Ints


def city_bodies(seed: int, span: Span, branches: Branches, customers: int) -> Organisations:
    """The organisations the whole city shares: bureaus, schools, hospitals, communities, big employers."""
    draws = Draws(seed, "bodies")
    schools = max(4, customers // 4_000)
    hospitals = max(3, customers // 40_000)
    estates_count = max(6, customers // 5_000)
    giants = max(5, min(60, customers // 20_000))
    bureaus, heads, tails = listed("bureaus"), listed("brand_heads"), listed("brand_tails")
    names: list[str] = list(bureaus)
    names += _schools(draws, schools)
    names += [f"深圳市第{n + 1}人民医院" for n in range(hospitals)]
    names += [
        f"{name}{n + 1}期业主委员会" for n, name in enumerate(estates(draws, estates_count).to_pylist())
    ]
    names += [
        f"深圳{heads[n % len(heads)]}{tails[n * 7 % len(tails)]}集团股份有限公司" for n in range(giants)
    ]
    sizes = (len(bureaus), schools, hospitals, estates_count, giants)
    kind = np.repeat([1, 3, 4, 5, 0], sizes)
    sector = np.repeat([9, 6, 7, 8, 0], sizes)
    sector[-giants:] = draws.below(6, giants)
    scale = np.repeat([800, 1_500, 1_800, 900, 8_000], sizes)
    headcount = scale * draws.between(50, 200, len(names)) // 100
    return _list(draws, span, branches, 0, _Parts(pa.array(names), kind, sector, headcount))


def _schools(draws: Draws, count: int) -> list[str]:
    streets = [street for d in DISTRICTS for street in d.streets]
    levels = ("小学", "实验学校", "中学", "外国语学校", "幼儿园")
    return [
        f"深圳市{streets[n % len(streets)]}{levels[n // len(streets) % len(levels)]}"
        + ("" if n < len(streets) * len(levels) else f"第{n // (len(streets) * len(levels)) + 1}校区")
        for n in draws.shuffled(count).tolist()
    ]


def block_businesses(
    draws: Draws, span: Span, branches: Branches, block: int, companies: int, shops: int
) -> Organisations:
    """Payroll companies (first) and shops (after them) that live in one block of customers."""
    serial = block * _BRANDS_PER_BLOCK + np.arange(max(companies, shops), dtype=np.int64)
    trades, trade_sectors = zip(*words()["trades"], strict=True)
    kinds, shop_sectors = zip(*words()["shops"], strict=True)
    trade = draws.below(len(trades), companies)
    shop = draws.below(len(kinds), shops)
    company_names = join("深圳市", _brands(serial[:companies]), _words(trades, trade))
    shop_names = join(
        "深圳市", _words([d.name for d in DISTRICTS], draws.below(len(DISTRICTS), shops)),
        _brands(serial[:shops]), _words(kinds, shop),
    )  # fmt: skip
    parts = _Parts(
        names=pa.concat_arrays([company_names, shop_names]),
        kind=np.repeat([0, 6], [companies, shops]),
        sector=np.concatenate(
            [np.array(trade_sectors, dtype=np.int64)[trade], np.array(shop_sectors, dtype=np.int64)[shop]]
        ),
        headcount=np.concatenate([draws.level(HEADCOUNT, companies), draws.between(1, 12, shops)]),
    )
    return _list(draws, span, branches, (block + 1) * _SERIALS_PER_BLOCK, parts)


def _brands(serial: Ints) -> pa.StringArray:
    """Brands of three characters, all different: serial numbers scattered over the combinations."""
    heads, tails = (list(dict.fromkeys(listed(name))) for name in ("brand_heads", "brand_tails"))
    # 104,729 is prime and divides no number of combinations of lists shorter than it
    number = serial * 104_729 % (len(heads) * len(tails) ** 2)
    first, second = number % len(heads), number // len(heads)
    pool = pa.array(tails)
    return join(
        pa.array(heads).take(pa.array(first)),
        pool.take(pa.array(second % len(tails))),
        pool.take(pa.array(second // len(tails))),
    )


def _words(words: Sequence[str], places: Ints | NDArray[np.int32]) -> pa.Array:
    return pa.array(list(words)).take(pa.array(places))
