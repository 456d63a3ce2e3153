"""What a bank hands over, as typed tables: `CONTRACTS["transactions"]`.

The order of `CONTRACTS` is the order of loading: a table stands after every table it refers to.
"""

from __future__ import annotations

from quanke.bank.contracts.activity import CARDS, CHANNEL_EVENTS, CONTACTS, PUSHES
from quanke.bank.contracts.advice import (
    ADVICE_ANSWERS,
    PRODUCT_VALUES,
    RISK_ASSESSMENTS,
    SALES,
    SALES_AREA,
)
from quanke.bank.contracts.money import (
    ACCOUNTS,
    ASSET_CATEGORIES,
    ASSET_CLASSES,
    BALANCES,
    CATEGORIES,
    FX_RATES,
    HOLDINGS,
    LOAN_CATEGORIES,
    PRODUCTS,
    TRANSACTION_KINDS,
    TRANSACTIONS,
)
from quanke.bank.contracts.organisation import (
    BRANCHES,
    OWNER_CHOICES,
    OWNERSHIP,
    POSTS,
    ROLES,
    STAFF,
    TEAM_ROLES,
    TENURES,
)
from quanke.bank.contracts.parties import (
    CONSENTS,
    ID_TYPES,
    IDENTITY_DECISIONS,
    ORGANISATIONS,
    PARTIES,
    RELATIONS,
)
from quanke.bank.contracts.schema import (
    Contract,
    Field,
    FieldType,
    Purpose,
    Sensitivity,
    TableKind,
)

CONTRACTS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        BRANCHES,
        STAFF,
        POSTS,
        TENURES,
        PRODUCTS,
        PRODUCT_VALUES,
        FX_RATES,
        PARTIES,
        ORGANISATIONS,
        IDENTITY_DECISIONS,
        RELATIONS,
        CONSENTS,
        OWNERSHIP,
        OWNER_CHOICES,
        ACCOUNTS,
        CARDS,
        BALANCES,
        TRANSACTIONS,
        HOLDINGS,
        CHANNEL_EVENTS,
        CONTACTS,
        PUSHES,
        RISK_ASSESSMENTS,
        SALES,
        ADVICE_ANSWERS,
    )
}

__all__ = [
    "ASSET_CATEGORIES",
    "ASSET_CLASSES",
    "CATEGORIES",
    "CONTRACTS",
    "IDENTITY_DECISIONS",
    "ID_TYPES",
    "LOAN_CATEGORIES",
    "OWNERSHIP",
    "OWNER_CHOICES",
    "ROLES",
    "SALES_AREA",
    "TEAM_ROLES",
    "TENURES",
    "TRANSACTION_KINDS",
    "Contract",
    "Field",
    "FieldType",
    "Purpose",
    "Sensitivity",
    "TableKind",
]
