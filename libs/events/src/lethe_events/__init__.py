"""The wire contract of Lethe. Pure: one schema library and nothing else."""

from lethe_events.breaches import BreachReported, BreachStatus, SecuritySignal
from lethe_events.catalogue import MESSAGES
from lethe_events.envelope import Envelope, Headers, Received, Record, Stamp, decode, encode
from lethe_events.errors import ContractError, Malformed, UnknownType
from lethe_events.models import (
    AuditSealed,
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
    "AuditSealed",
    "BreachReported",
    "BreachStatus",
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
    "Malformed",
    "Message",
    "PartOf",
    "Received",
    "Record",
    "Refusal",
    "Retained",
    "SecuritySignal",
    "Stamp",
    "SubjectObserved",
    "TaskAcknowledged",
    "TaskRequested",
    "UnknownType",
    "decode",
    "encode",
]
