"""What the page of one customer shows, part by part: each part asks for a `Sight` and masks by it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from quanke.bank.contracts import CONTRACTS, Purpose
from quanke.customers.graph.kinds import BY_NAME
from quanke.kernel.errors import NightError, QuankeError
from quanke.night.batches import night_rows
from quanke.night.explain import explain
from quanke_desk.customers.at_night import at_night, reading
from quanke_desk.customers.consenting import consents_of, profiling_refused
from quanke_desk.customers.models import ConsentAnswer
from quanke_desk.customers.queries import english, names_of, seen, word
from quanke_desk.customers.sight import Sight
from quanke_desk.customers.words import called, in_words
from quanke_desk.foundation.analytic import base
from quanke_desk.foundation.local_form import as_written
from quanke_desk.foundation.models import Branch, Outgoing, Person, Relation
from quanke_desk.foundation.roles import May
from quanke_desk.foundation.scope import post_of, scope_of

HEAD = (
    "is_person", "age", "sex", "city", "district", "branch", "tenure_months", "deceased",
    "relationship_closed",
    "tier", "tier_since", "tier_gap", "edge", "key_group", "tier_move", "stage", "stage_since",
    "stage_before",
    "stage_reason", "cluster", "rfm_segment", "life_phase", "aum", "aum_mtd", "aum_change_30d", "deposits",
    "investments", "loan_balance", "product_count", "next_maturity_on", "maturing_amount_30d", "owner_post",
    "owner_since", "contact_due_on", "contact_due_for", "contact_overdue_days", "service_cell",
    "service_channels", "last_effective_contact_on", "risk_level", "risk_assessment_valid", "inflow_30d",
    "outflow_30d", "net_flow_30d", "household_size", "household_aum",
)  # fmt: skip
"""Columns of the first paint, read once for all parts."""
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    ("tier", ("tier", "tier_since", "tier_gap", "edge", "key_group", "cluster", "rfm_segment")),
    ("stage", ("stage", "stage_since", "stage_before", "life_phase")),
    (
        "money",
        ("aum", "aum_mtd", "aum_change_30d", "deposits", "investments", "loan_balance", "net_flow_30d"),
    ),
    (
        "service",
        ("owner_post", "owner_since", "contact_due_on", "contact_overdue_days", "last_effective_contact_on"),
    ),
)
SCORES = (
    "churn_risk", "expected_value", "propensity_term", "propensity_wealth", "propensity_fund",
    "propensity_insurance", "propensity_credit_card", "propensity_consumer_loan", "payer_alive",
    "uplift_term", "uplift_fund_call", "uplift_wealth_call", "uplift_tier_lift", "uplift_win_back",
)  # fmt: skip
_MOVING = ("tier", "stage", "edge", "cluster")
_CODED = {"tier", "stage", "stage_before", "edge", "key_group"}
_LAST = 30


def head(sight: Sight) -> dict[str, Any]:
    """Who a customer is and where he stands: golden fields, groups of figures with their definitions, what
    the plan chose."""
    now = at_night()
    row = now.row(sight.customer, HEAD)
    fields = []
    for given in now.reading.golden(sight.customer):
        if given.name in ("deceased", "credit_score", "updated_at", "source") or given.value is None:
            continue
        value, hidden = sight.field(given)
        title = given.title_en if english() else given.title_zh
        if given.name in ("sex", "id_type", "kind", "language", "nationality"):
            value = called("value", str(value))
        elif given.name == "branch_id":
            value = Branch.objects.filter(branch_id=value).values_list("name", flat=True).first() or value
        fields.append({"name": given.name, "title": title, "value": value, "hidden": hidden})
    name = next((f["value"] for f in fields if f["name"] == "name"), "-")
    refused = profiling_refused(sight.customer)
    groups = [
        {
            "name": group,
            "lines": [figure(n, row[n], sight) for n in names if _readable(n, row, sight, refused)],
        }
        for group, names in GROUPS
    ]
    return {"name": name, "fields": fields, "groups": groups, "row": row, "chosen": chosen(sight)}


def figure(name: str, value: Any, sight: Sight) -> dict[str, Any]:
    """One figure with what it is called and how it is shown; it opens to its definition under `name`."""
    tag = base().bank.catalogue[name]
    kind = str(tag.result.kind)
    if name in _CODED:
        value = word("stage" if name == "stage_before" else name, value)
    elif name in ("life_phase", "rfm_segment", "contact_due_for") and value is not None:
        value = called(name, str(value))
    elif kind == "money":
        value = sight.money(value)
    elif value is not None and kind in ("rate", "number"):
        value = f"{float(value):.4f}".rstrip("0").rstrip(".")
    title = tag.title_en if english() else tag.title_zh
    return {"name": name, "title": title, "value": value, "kind": kind, "unit": called("unit", tag.unit)}


def _readable(name: str, row: dict[str, Any], sight: Sight, refused: bool) -> bool:
    """Whether a column is shown; what was made for marketing is not, of who refused profiling."""
    catalogue = base().bank.catalogue
    if name not in row or not sight.may_read(name, catalogue):
        return False
    return not (refused and catalogue[name].purpose is Purpose.MARKETING)


def chosen(sight: Sight) -> list[dict[str, Any]]:
    """What the plan chose for a customer, in order, with its reason and script."""
    try:
        plan = at_night().plan
    except NightError:
        return []
    made = []
    for row in plan.rows_of("chosen.parquet", sight.customer):
        words = plan.words(row, in_words)
        told = {n: words[f"{n}_{'en' if english() else 'zh'}"] for n in ("title", "because", "script")}
        if not sight.amounts:
            told["because"] = told["script"] = ""  # both tell amounts
        made.append({**told, "action": row["action"], "due_on": row["due_on"], "post": row["post"]})
    return made


def plan(sight: Sight) -> dict[str, Any]:
    """Every action that was considered, what it is worth and what spoke against it."""
    explained = at_night().plan.explain(sight.customer)
    place = 2 if english() else 1
    rows = []
    for each in explained.considered:
        rows.append(
            {
                "title": each.action.title_en if english() else each.action.title_zh,
                "chosen": bool(each.chosen),
                "value": sight.money(each.value),
                "why_not": "" if each.why_not is None else each.why_not[place],
                "runner_up": each is explained.runner_up,
            }
        )
    return {"chosen": chosen(sight), "considered": rows, "day": explained.day}


def money(sight: Sight) -> dict[str, Any]:
    """Accounts with balances, positions with maturities, money in and out by month."""
    now, read = at_night(), reading()
    closing = read.closing(sight.customer)
    columns = [
        "account",
        "account_id",
        "product_id",
        "category",
        "currency",
        "opened_on",
        "closed_on",
        "matures_on",
    ]
    accounts = []
    for row in read.rows("accounts", sight.customer, columns).to_pylist():
        product = now.products.get(row["product_id"] or "", {})
        accounts.append(
            {
                **row,
                "account_id": "*" * 4 + str(row["account_id"])[-4:],
                "product": product.get("name") or "",
                "category_title": called("category", row["category"]),
                "balance": sight.money(closing.get(row["account"])),
            }
        )
    accounts.sort(key=lambda r: (r["closed_on"] is not None, r["category"], r["opened_on"]))
    columns = ["product_id", "category", "date", "value", "cost", "matures_on"]
    holdings = [
        {
            **row,
            "product": now.products.get(row["product_id"], {}).get("name") or row["product_id"],
            "category_title": called("category", row["category"]),
            "value": sight.money(row["value"]),
            "cost": sight.money(row["cost"]),
        }
        for row in read.rows("holdings", sight.customer, columns).to_pylist()
    ]
    return {"accounts": accounts, "holdings": holdings, "months": months(sight)}


def months(sight: Sight) -> list[dict[str, Any]]:
    """Money in and out by month, the last first; moves between own accounts are in neither sum."""
    columns = ["date", "direction", "amount", "own_name", "kind"]
    sums: dict[dt.date, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in reading().rows("transactions", sight.customer, columns).to_pylist():
        line = sums[row["date"].replace(day=1)]
        line[2] += 1
        if not row["own_name"]:
            line[0 if row["direction"] == "in" else 1] += row["amount"]
    most = max((max(a, b) for a, b, _n in sums.values()), default=0) or 1
    return [
        {
            "month": month, "in": sight.money(a), "out": sight.money(b), "count": n,
            # a bar tells an amount, too: shown only to who sees amounts
            "in_share": round(100 * a / most) if sight.amounts else None,
            "out_share": round(100 * b / most) if sight.amounts else None,
        }
        for month, (a, b, n) in sorted(sums.items(), reverse=True)
    ]  # fmt: skip


def moves(sight: Sight) -> dict[str, Any]:
    """How tier, edge, stage and cluster changed over the published nights, the last first."""
    now = at_night()
    found = []
    for day in now.base.bank.nights[-12:]:
        night = now.base.night if day == now.base.day else now.base.bank.night(day)
        try:
            rows = night_rows(night, "moves", sight.customer).to_pylist()
        except (NightError, OSError):
            continue
        found += [
            {
                **r,
                "title": _title(r["tag"]),
                "from": word(r["tag"], r["from"]),
                "to": word(r["tag"], r["to"]),
            }
            for r in rows
            if r["tag"] in _MOVING and sight.may_read(r["tag"], now.base.bank.catalogue)
        ]
    return {"moves": sorted(found, key=lambda r: r["date"], reverse=True)}


def family(person: Person, sight: Sight) -> dict[str, Any]:
    """Who is linked to a customer, by purposes that may see it. Persons outside the asker's scope are named
    by their link only."""
    now = at_night()
    try:
        around = now.graph.around(sight.customer, 1, purpose=sight.purpose, limit=100)
    except QuankeError:
        return {"links": [], "left_out": 0, "household": []}
    inside = seen(scope_of(person))
    kinds = {n["customer"]: n["kind"] for n in around.nodes.to_pylist()}
    found = []
    for link in around.links.to_pylist():
        ahead = link["from_customer"] == sight.customer
        other = link["to_customer"] if ahead else link["from_customer"]
        kind = BY_NAME[link["kind"]]
        told = (kind.title_en if ahead else kind.inverse_en) if english() else (
            kind.title_zh if ahead else kind.inverse_zh
        )  # fmt: skip
        found.append(
            {
                "customer": other,
                "link": told,
                "kind": kinds.get(other, "unknown"),
                "inside": bool(inside[other]),
            }
        )
    named = names_of(
        person, [f["customer"] for f in found if f["inside"] or f["kind"] not in ("person", "unknown")]
    )
    for each in found:
        each["name"] = named.get(each["customer"], "")
        each["body"] = each["kind"] not in ("person", "unknown")
        if not each["inside"]:
            each["customer"] = None
    return {"links": found, "left_out": around.left_out}


def contacts(sight: Sight) -> dict[str, Any]:
    """The last contacts the tables know, and what the desk recorded that no night knows yet."""
    columns = ["contact_id", "post_id", "date", "at", "means", "connected", "seconds", "evidence", "outcome"]
    rows = reading().rows("contacts", sight.customer, columns).to_pylist()
    rows.sort(key=lambda r: (r["date"], str(r["at"] or "")), reverse=True)
    told = [
        {**r, "means_title": called("means", r["means"]), "outcome_title": called("outcome", r["outcome"])}
        for r in rows[:_LAST]
    ]
    return {"contacts": told, "pending": pending(sight)}


def pending(sight: Sight) -> list[dict[str, Any]]:
    """What the desk recorded of a customer that is not in the bank's tables of this night yet; what others
    are told only comes into no table."""
    held = base()
    fresh = Q(delivered_at=None) | Q(delivered_at__date__gte=held.day)
    mine = Outgoing.objects.filter(fresh, customer=sight.customer, table__in=list(CONTRACTS))
    found = mine.order_by("-id")[:_LAST]
    return [{"table": _table(o.table), "at": o.at, "delivered": o.delivered_at is not None} for o in found]


def owners(sight: Sight) -> dict[str, Any]:
    """Who looks after a customer and did before, by the tables and by the desk since."""
    columns = ["post_id", "duty", "from_date", "to_date", "reason", "care"]
    rows = reading().rows("ownership", sight.customer, columns).to_pylist()
    rows.sort(key=lambda r: r["from_date"], reverse=True)
    here = [
        {
            "post_id": r.post.post_id if r.post else None, "duty": r.duty, "from_date": r.since,
            "to_date": r.until, "reason": r.reason, "here": True,
        }
        for r in Relation.objects.filter(customer=sight.customer).select_related("post").order_by("-since")
    ]  # fmt: skip
    told = [{**r, "duty_title": called("duty", r["duty"])} for r in here + rows[:_LAST]]
    return {"now": post_of(sight.customer), "owners": told}


def advice(sight: Sight) -> dict[str, Any]:
    """What the night proposes to a customer, or the rule that stops it; suitability first."""
    rows = reading().rows("risk_assessments", sight.customer, ["date", "risk_class", "channel"]).to_pylist()
    rows = [{**r, "channel_title": called("channel", r["channel"])} for r in rows]
    rows.sort(key=lambda r: r["date"], reverse=True)
    try:
        told = at_night().advice.propose(sight.customer)
    except NightError:
        return {"assessments": rows[:5], "none": True}
    language = "en" if english() else "zh"
    stop = None if told.stop is None else getattr(told.stop.reason, language)
    trades = [{**t, "amount": sight.money(t["amount"])} for t in told.trades]
    products = at_night().products
    for trade in trades:
        trade["name"] = products.get(trade["product"], {}).get("name") or trade["product"]
    words = "" if told.words is None or not sight.amounts else getattr(told.words, language, "")
    notes = [getattr(n, language) for n in told.notes]
    return {"assessments": rows[:5], "stop": stop, "trades": trades, "words": words, "notes": notes}


def consents(sight: Sight) -> dict[str, Any]:
    """The matrix of purposes and means."""
    return {"consents": matrix(sight.customer), "heard": heard(sight.customer)}


def matrix(customer: int) -> list[dict[str, Any]]:
    """What a customer agreed to, by purpose and means, with what each is called."""
    return [
        {
            "standing": s,
            "name": f"{s.purpose}.{s.means}",
            "purpose_title": called("purpose", s.purpose),
            "means_title": called("means", s.means),
        }
        for s in consents_of(customer)
    ]


def heard(customer: int) -> list[ConsentAnswer]:
    """What a customer said to the desk about his consents, the latest first, with how he said it."""
    return list(ConsentAnswer.objects.filter(customer=customer).select_related("by")[:_LAST])


def scores(sight: Sight) -> dict[str, Any]:
    """Scores with their definitions; none of who refused profiling, from that moment on (PI-4)."""
    if profiling_refused(sight.customer):
        return {"refused": True, "scores": []}
    row = at_night().row(sight.customer, SCORES)
    shown = [
        figure(n, row[n], sight) for n in SCORES if _readable(n, row, sight, False) and row[n] is not None
    ]
    return {"refused": False, "scores": shown}


def cases(person: Person, sight: Sight) -> dict[str, Any]:
    """Findings of checks about a customer that a person's role may see; none for who may see no cases."""
    if not person.may(May.CASES):
        return {"findings": []}
    held = base()
    rows = night_rows(held.night, "findings", sight.customer).to_pylist()
    catalogue = held.bank.catalogue
    found = [
        {
            **r,
            "title": _title(r["check"]),
            "note": _note(r["check"]),
            "severity_title": called("severity", r["severity"]),
        }
        for r in rows
        if sight.may_read(r["check"], catalogue)
    ]
    return {"findings": found}


def definition(sight: Sight, name: str) -> dict[str, Any]:
    """A tag of a customer with its definition, what it was made of and where that comes from. Raises
    NightError for a tag there is not, or that this person's role may not read."""
    held = base()
    catalogue = held.bank.catalogue
    if name not in held.known or not sight.may_read(name, catalogue):
        raise NightError("no such tag")
    if catalogue[name].purpose is Purpose.MARKETING and profiling_refused(sight.customer):
        raise NightError("no such tag")
    [told] = explain(held.night, catalogue, sight.customer, held.bank.home.currency, (name,))
    tag = catalogue[name]
    line = figure(name, told.value, sight)
    inputs = [
        {
            "tag": n.removeprefix("earlier "),
            "title": _title(n.removeprefix("earlier ")),
            "value": as_written(str(value)) if sight.amounts else "",
        }
        for n, value in told.because.items()
        if sight.may_read(n.removeprefix("earlier "), catalogue)
    ]
    return {
        "name": name, "title": line["title"], "figure": line, "expression": told.expression,
        "reason": told.reason, "inputs": inputs, "fields": told.fields,
        "purpose_title": called("purpose", str(tag.purpose)), "owner": called("owner", tag.owner),
        "class": str(catalogue.sensitivity(name)), "day": held.day, "sight": sight, "note": _note(name),
    }  # fmt: skip


def field_titles(names: Sequence[str]) -> list[tuple[str, str]]:
    """Fields of a person's record with what they are called."""
    by_name = CONTRACTS["parties"].by_name
    return [(n, by_name[n].title_en if english() else by_name[n].title_zh) for n in names if n in by_name]


def _title(name: str) -> str:
    catalogue = base().bank.catalogue
    if name not in catalogue:
        return name
    return catalogue[name].title_en if english() else catalogue[name].title_zh  # type: ignore[no-any-return]


def _note(name: str) -> str:
    tag = base().bank.catalogue[name]
    return tag.note_en if english() else tag.note_zh  # type: ignore[no-any-return]


def _table(name: str) -> str:
    contract = CONTRACTS[name]
    return contract.title_en if english() else contract.title_zh
