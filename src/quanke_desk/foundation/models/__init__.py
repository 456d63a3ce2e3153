"""Records every room stands on. One table a class; the docstring says what one row is."""

from quanke_desk.foundation.models.asked import Approval, ApprovalState, AskedOutside, Opening, Purpose
from quanke_desk.foundation.models.entered import Entered, Factor, FactorKind, PasswordLink, RecoveryCode
from quanke_desk.foundation.models.lists import Export, SavedView
from quanke_desk.foundation.models.organisation import (
    Branch,
    Person,
    PersonManager,
    Post,
    Relation,
    Seat,
)
from quanke_desk.foundation.models.recorded import Attempt, AuditEntry, ParameterValue
from quanke_desk.foundation.models.secret import BlindIndex, DataKey, Encrypted, Hidden, SealedRow
from quanke_desk.foundation.models.sent import Batch, EventCursor, Job, JobState, Notice, Outgoing

__all__ = [
    "Approval",
    "ApprovalState",
    "AskedOutside",
    "Attempt",
    "AuditEntry",
    "Batch",
    "BlindIndex",
    "Branch",
    "DataKey",
    "Encrypted",
    "Entered",
    "EventCursor",
    "Export",
    "Factor",
    "FactorKind",
    "Hidden",
    "Job",
    "JobState",
    "Notice",
    "Opening",
    "Outgoing",
    "ParameterValue",
    "PasswordLink",
    "Person",
    "PersonManager",
    "Post",
    "Purpose",
    "RecoveryCode",
    "Relation",
    "SavedView",
    "SealedRow",
    "Seat",
]
