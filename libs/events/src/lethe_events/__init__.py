"""The wire contract of Lethe. Pure: one schema library and nothing else."""

from lethe_events.audit import AuditSealed
from lethe_events.breaches import BreachReported, BreachStatus, Search, SearchAnswered, SearchRequested, SecuritySignal
from lethe_events.catalogue import MESSAGES
from lethe_events.consents import ConsentChanged, ConsentState
from lethe_events.envelope import Envelope, Headers, Received, Record, Stamp, decode, encode
from lethe_events.errors import ContractError, Malformed, UnknownType
from lethe_events.letters import LetterReason, LetterReported, LetterRequested, LetterState
from lethe_events.models import (
    Absent,
    Count,
    DsrIdentityVerified,
    DsrReceived,
    DsrStatus,
    DsrWithdrawn,
    Evidence,
    ExportPart,
    Failure,
    Message,
    PartOf,
    Refusal,
    Retained,
    SubjectObserved,
    TaskAcknowledged,
    TaskRequested,
)

__all__ = [
    "MESSAGES",
    "Absent",
    "AuditSealed",
    "BreachReported",
    "BreachStatus",
    "ConsentChanged",
    "ConsentState",
    "ContractError",
    "Count",
    "DsrIdentityVerified",
    "DsrReceived",
    "DsrStatus",
    "DsrWithdrawn",
    "Envelope",
    "Evidence",
    "ExportPart",
    "Failure",
    "Headers",
    "LetterReason",
    "LetterReported",
    "LetterRequested",
    "LetterState",
    "Malformed",
    "Message",
    "PartOf",
    "Received",
    "Record",
    "Refusal",
    "Retained",
    "Search",
    "SearchAnswered",
    "SearchRequested",
    "SecuritySignal",
    "Stamp",
    "SubjectObserved",
    "TaskAcknowledged",
    "TaskRequested",
    "UnknownType",
    "decode",
    "encode",
]
