"""Finding a customer among ten million: by number, name, phone, document, account, card.

* `forms`: what is typed and what was delivered in one form; `keyed`: numbers as keyed digests.
* `postings`: sorted keys with their customers, as mapped arrays; `building` writes them, `asking` reads them.
"""

from __future__ import annotations

from quanke.customers.finding.asking import SEARCH_KINDS, SEARCH_WAYS, Found, SearchIndex, SearchResult
from quanke.customers.finding.building import Makings, write_finding

__all__ = ["SEARCH_KINDS", "SEARCH_WAYS", "Found", "Makings", "SearchIndex", "SearchResult", "write_finding"]
