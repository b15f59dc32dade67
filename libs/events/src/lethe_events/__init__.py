"""The wire contract of Lethe. Pure: one schema library and nothing else."""

from lethe_events.envelope import Envelope, Headers, Received, Record, Stamp, decode, encode
from lethe_events.errors import ContractError, Malformed, UnknownType
from lethe_events.models import (
    MESSAGES,
    AuditSealed,
    Count,
    DsrReceived,
    DsrStatus,
    Evidence,
    ExportPart,
    Failure,
    Message,
    PartOf,
    Retained,
    SubjectObserved,
    TaskAcknowledged,
    TaskRequested,
)

__all__ = [
    "MESSAGES",
    "AuditSealed",
    "ContractError",
    "Count",
    "DsrReceived",
    "DsrStatus",
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
    "Retained",
    "Stamp",
    "SubjectObserved",
    "TaskAcknowledged",
    "TaskRequested",
    "UnknownType",
    "decode",
    "encode",
]
