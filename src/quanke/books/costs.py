"""What it costs that a customer is looked after by a post: named terms, in whole fen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quanke.bank.contracts import ROLES
from quanke.books.clients import SKILLS, Clients, day_number
from quanke.books.posts import AWAY, NOBODY, VACANT, Ints, Posts
from quanke.books.rules import BookRules

TERMS: dict[str, tuple[str, str]] = {
    "role": ("岗位角色", "another role than the standard's"),
    "grade": ("职级不足", "grade below the standard's"),
    "distance": ("网点距离", "distance between the branches"),
    "seat": ("岗位空缺或离岗", "nobody sits there now"),
    "language": ("语言不符", "the customer's language is not spoken"),
    "skill": ("专长不符", "a skill the customer needs is missing"),
    "continuity": ("中断现有关系", "leaves who looks after him now"),
    "household": ("家庭拆分", "apart from who stands for the household"),
    "balance": ("工作量均衡", "the book is fuller than its peers"),
}
"""Each term of a cost with what it is called. `balance` belongs to the place in a book and not to the pair:
`Costs.terms` leaves it out."""
FORBIDDEN = np.iinfo(np.int64).min // 4


@dataclass(frozen=True)
class Costs:
    """Prices of edges between `clients` and `posts`. `anchor`: by client the post of who stands for his
    household, NOBODY for none; `conflicts`: pairs (customer number, place in the posts' staff) that may never
    meet, shape (n, 2)."""

    clients: Clients
    posts: Posts
    rules: BookRules
    conflicts: Ints = field(default_factory=lambda: np.empty((0, 2), np.int64))
    anchor: Ints | None = None

    @cached_property
    def role_prices(self) -> Ints:
        """Shape (roles wanted + 1, roles): fen, FORBIDDEN where a role may not stand for the one wanted."""
        day = self.posts.day
        table = np.full((len(ROLES) + 1, len(ROLES)), FORBIDDEN, np.int64)
        for i, wanted in enumerate(ROLES):
            for j, given in enumerate(ROLES):
                price = self.rules.role_price(wanted, given, day)
                if price is not None:
                    table[i, j] = price
        return table

    @cached_property
    def _speaks(self) -> NDArray[np.bool_]:
        """Shape (staff + 1, languages + 1): whether a language is spoken, or nothing is known of it."""
        languages = self.clients.languages
        rows = [[not spoken or name in spoken for name in languages] for spoken in self.posts.languages]
        table = np.ones((len(rows) + 1, len(languages) + 1), np.bool_)
        table[:-1, :-1] = np.array(rows, np.bool_).reshape(len(rows), len(languages))
        return table

    def speaks(self, post: Ints, language: Ints) -> NDArray[np.bool_]:
        """Whether who sits on a post speaks a language, or nothing is known of it."""
        found: NDArray[np.bool_] = self._speaks[self.posts.sitter[post], language]
        return found

    @cached_property
    def _skilled(self) -> NDArray[np.bool_]:
        rows = [[not known or name in known for name in SKILLS] for known in self.posts.skills]
        table = np.ones((len(rows) + 1, len(SKILLS)), np.bool_)
        table[:-1] = np.array(rows, np.bool_).reshape(len(rows), len(SKILLS))
        return table

    @cached_property
    def breaking(self) -> Ints:
        """By client: what leaving his present post costs; 0 where he has none that anybody sits on."""
        rules, day = self.rules, self.posts.day
        today = day_number(day)
        c = self.clients
        live = (c.present != NOBODY) & (self.posts.seat[c.present] != VACANT)
        years = np.clip((today - c.since) // 365, 0, 5)
        price = rules.break_relation.on(day) + rules.break_year.on(day) * years
        price += np.where(today - c.contact <= rules.live_days.on(day), rules.break_live.on(day), 0)
        return np.where(live, price, 0).astype(np.int64)

    def allowed(self, row: Ints, post: Ints) -> NDArray[np.bool_]:
        """Whether clients may be at posts: the role can stand for the one wanted, the post takes anybody at
        all, and neither the customer himself nor a relative of his sits there."""
        known = (row >= 0) & (post >= 0)
        fits = self.role_prices[self.clients.wanted[row], self.posts.role[post]] != FORBIDDEN
        fits |= (self.clients.chosen[row] == post) & (self.clients.wanted[row] != NOBODY)
        fine: NDArray[np.bool_] = known & fits & (self.posts.capacity[post] > 0)
        return fine & ~self.in_conflict(row, post)

    def why_not(self, row: int, post: int) -> str:
        """Why a client may not be at a post, naming the post; "" where he may."""
        one, at = np.array([row]), np.array([post])
        if self.allowed(one, at)[0]:
            return ""
        name, role = self.posts.ids[post], ROLES[self.posts.role[post]]
        wanted = int(self.clients.wanted[row])
        if self.in_conflict(one, at)[0]:
            return f"the customer or a relative of his sits at post {name} (BK-6)"
        if wanted == NOBODY:
            return "his service standard is digital care, or he is out of scope"
        if self.posts.capacity[post] <= 0:
            return f"post {name} may look after nobody"
        return (
            f"a {role} (post {name}) may not stand for a {ROLES[wanted]}, whom his service standard asks for"
        )

    def in_conflict(self, row: Ints, post: Ints) -> NDArray[np.bool_]:
        """Whether the customer, or a relative of his, holds the post or stands in on it."""
        wide = len(self.posts.staff) + 1
        bad = self.conflicts[:, 0] * wide + self.conflicts[:, 1]
        found = np.zeros(len(row), np.bool_)
        if len(bad):
            for who in (self.posts.holder[post], self.posts.sitter[post]):
                found |= (who != NOBODY) & np.isin(self.clients.customer[row] * wide + who, bad)
        return found

    def terms(self, row: Ints, post: Ints) -> Iterator[tuple[str, Ints]]:
        """Each term of TERMS but `balance` for edges between places of clients and of posts."""
        c, p, rules, day = self.clients, self.posts, self.rules, self.posts.day
        price = self.role_prices[c.wanted[row], p.role[post]]
        yield "role", np.where(price == FORBIDDEN, 0, price)
        team = p.is_team[post]
        who = p.sitter[post]
        grade = np.append(p.grade, NOBODY)[who]
        lack = np.where((grade == NOBODY) | team, 0, np.maximum(c.grade[row] - grade, 0))
        yield "grade", rules.grade_step.on(day) * lack
        far = p.kilometres(c.branch[row], post, float(rules.unknown_km.on(day)))
        yield "distance", np.where(team, 0, np.rint(rules.per_km.on(day) * far)).astype(np.int64)
        seat = p.seat[post]
        yield "seat", np.select([seat == VACANT, seat == AWAY], [rules.vacant.on(day), rules.away.on(day)], 0)
        yield "language", rules.language.on(day) * ~self.speaks(post, c.language[row])
        yield "skill", rules.skill.on(day) * (c.needs[row] & ~self._skilled[who]).sum(axis=1)
        yield "continuity", np.where(post == c.present[row], 0, self.breaking[row])
        if self.anchor is not None:
            anchor = self.anchor[row]
            apart = (anchor != NOBODY) & (anchor != post)
            yield "household", rules.household.on(day) * apart

    def nobody_price(self) -> Ints:
        """Fen by client that nobody looks after him: for the weightiest twice as much a unit, so that they
        go first where room is scarce."""
        day, load = self.posts.day, self.clients.load
        heaviest = max(each.on(day) for each in self.rules.tier_load.values())
        return self.rules.uncovered.on(day) * load * (heaviest + load) // heaviest

    def upper_price(self) -> Ints:
        """Fen by post for a unit of load above the post's fair share of what its peers hold."""
        day = self.posts.day
        unit = np.array([max(1, self.rules.role_unit(name, day)) for name in ROLES], np.int64)
        return self.rules.balance.on(day) // unit[self.posts.role]

    def total(self, row: Ints, post: Ints) -> Ints:
        """The sum of the terms."""
        whole = np.zeros(len(row), np.int64)
        for _, part in self.terms(row, post):
            whole += part
        return whole
