"""Numbers that were corrected and are on their way to the sources: they find the customer already.

The night's search knows what the sources say. From the day a correction is granted until each source has
answered, the customer answers to his new number; the vault keeps it, with keyed digests for look-up.
"""

from __future__ import annotations

from django.db.models import Q

from quanke_desk.customers.models import DataRequest, RequestKind, RequestState
from quanke_desk.foundation.vault import looked_up

KINDS = {"phone": "phone", "id_number": "document", "email": "email"}
"""Fields that name one person, and the kind of hit each is."""
_DIGITS = 6


def found_by_correction(text: str) -> dict[int, str]:
    """Customers whose phone, document or e-mail was corrected to this whole text, with the kind of hit."""
    asked = text.strip()
    digits = sum(c.isdigit() for c in asked)
    if digits < _DIGITS and "@" not in asked:
        return {}  # a name or a part of a number; and no digest is of nothing
    as_text = Q(field__in=("id_number", "email")) & looked_up(DataRequest, "value_text", asked)
    as_phone = Q(field="phone") & looked_up(DataRequest, "value_phone", asked)
    granted = DataRequest.objects.filter(kind=RequestKind.CORRECTION, state=RequestState.GRANTED)
    found = granted.filter(as_text | as_phone if digits >= _DIGITS else as_text)
    return {customer: KINDS[field] for customer, field in found.values_list("customer", "field")}
