"""Tiers, edges and key groups: how many customers, how much, who rose and who fell."""

from __future__ import annotations

from quanke.customers.tags import assets
from quanke.language import Metric, Purpose, earlier, total
from quanke.language.types import INTEGER
from quanke.segments.metrics.population import number_of, share_of
from quanke.segments.scheme import Tier, TierScheme
from quanke.segments.tiers import TIER_TAGS

_rank = TIER_TAGS["tier_rank"]
_before = earlier("tier_rank", INTEGER)
_start = _before.is_known() & _rank.is_known()
"""Members of the tiers in the comparison night who are still in one."""


def _moves() -> tuple[Metric, ...]:
    return (
        Metric(
            name="upgrade_rate",
            title_zh="提升率",
            title_en="Share that rose a tier",
            value=share_of(_rank > _before, _start),
            purpose=Purpose.STATISTICS,
            note_zh="期初各层级客户中现处更高层级者占比（口径表提升率）。",
            note_en="Members of a start tier now in a higher one over start members (KPI table).",
        ),
        Metric(
            name="downgrade_rate",
            title_zh="降级率",
            title_en="Share that fell a tier",
            value=share_of(_rank < _before, _start),
            purpose=Purpose.STATISTICS,
        ),
    )


def _of_tier(number: int, tier: Tier, *, top: bool) -> tuple[Metric, ...]:
    here = TIER_TAGS["tier"] == tier.name
    figures = (
        Metric(
            name=f"tier_{tier.name}_customers",
            title_zh=f"{tier.title_zh}层级客户数",
            title_en=f"Tier {tier.title_en.lower()}: customers",
            value=number_of(here),
            purpose=Purpose.STATISTICS,
        ),
        Metric(
            name=f"tier_{tier.name}_aum",
            title_zh=f"{tier.title_zh}层级AUM",
            title_en=f"Tier {tier.title_en.lower()}: AUM",
            value=total(assets.aum).where(here),
            purpose=Purpose.STATISTICS,
        ),
    )
    if top:
        return figures
    return (
        *figures,
        Metric(
            name=f"tier_{tier.name}_upgrade_rate",
            title_zh=f"{tier.title_zh}层级提升率",
            title_en=f"Tier {tier.title_en.lower()}: share that rose",
            value=share_of(_rank > _before, _start & (_before == number)),
            purpose=Purpose.STATISTICS,
            note_zh="以期初在该层级的客户为分母。",
            note_en="Over the members of the tier in the comparison night.",
        ),
    )


def _of_overlay(tag: str, name: str, title_zh: str, title_en: str) -> Metric:
    return Metric(
        name=f"{'group' if tag == 'key_group' else tag}_{name}_customers",
        title_zh=f"{title_zh}客户数",
        title_en=f"{title_en}: customers",
        value=number_of(TIER_TAGS[tag] == name),
        purpose=Purpose.STATISTICS,
    )


def tier_figures(scheme: TierScheme) -> tuple[Metric, ...]:
    """Figures of a tier scheme."""
    last = len(scheme.tiers) - 1
    return (
        *_moves(),
        *(
            figure
            for number, tier in enumerate(scheme.tiers)
            for figure in _of_tier(number, tier, top=number == last)
        ),
        *(_of_overlay("edge", e.name, e.title_zh, f"Edge {e.title_en.lower()}") for e in scheme.edges),
        *(
            _of_overlay("key_group", g.name, f"重点客群{g.title_zh}", f"Key group {g.title_en.lower()}")
            for g in scheme.key_groups
        ),
    )
