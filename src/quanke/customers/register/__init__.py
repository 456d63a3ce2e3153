"""Who is who in a home: which records of the source systems are one customer, and how that came to be seen.

* `numbers`: from groups of records to customer numbers, and from one state to the next as merges and splits.
* `store`: what is kept in the home's folder `identity/`, and `Register`, which reads it.
* `update`: the step of the night that looks at new and changed records and at people's decisions.
* `asking`: the review queue and the history of one customer, as people read them.
"""

from __future__ import annotations

from quanke.customers.register.store import EVENT_KINDS, Register, register_kept, register_of
from quanke.customers.register.update import update_register

__all__ = ["EVENT_KINDS", "Register", "register_kept", "register_of", "update_register"]
