"""Records of campaigns. One file a subject; every name is here."""

from quanke_desk.campaigns.models.audiences import Audience, AudienceKind, AudienceVersion
from quanke_desk.campaigns.models.joint import (
    ContractState,
    JointContract,
    JointQuestion,
    QuestionMode,
    QuestionState,
)
from quanke_desk.campaigns.models.journeys import (
    Arm,
    Enrolment,
    EnrolmentState,
    Journey,
    JourneyState,
    JourneyVersion,
    ReadPlace,
    Step,
    Told,
    ToldState,
)
from quanke_desk.campaigns.models.messages import (
    Block,
    Receipt,
    ReceiptKind,
    Refusal,
    Send,
    SendState,
    Template,
    TemplateState,
    TemplateVersion,
)

__all__ = [
    "Arm",
    "Audience",
    "AudienceKind",
    "AudienceVersion",
    "Block",
    "ContractState",
    "Enrolment",
    "EnrolmentState",
    "JointContract",
    "JointQuestion",
    "Journey",
    "JourneyState",
    "JourneyVersion",
    "QuestionMode",
    "QuestionState",
    "ReadPlace",
    "Receipt",
    "ReceiptKind",
    "Refusal",
    "Send",
    "SendState",
    "Step",
    "Template",
    "TemplateState",
    "TemplateVersion",
    "Told",
    "ToldState",
]
