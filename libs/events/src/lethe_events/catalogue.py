"""Every message there is, by its CloudEvents type."""

from __future__ import annotations

from lethe_events.audit import AuditSealed
from lethe_events.breaches import BreachReported, BreachStatus, SearchAnswered, SearchRequested, SecuritySignal
from lethe_events.consents import ConsentChanged
from lethe_events.letters import LetterReported, LetterRequested
from lethe_events.models import (
    DsrIdentityVerified,
    DsrReceived,
    DsrStatus,
    DsrWithdrawn,
    Message,
    SubjectObserved,
    TaskAcknowledged,
    TaskRequested,
)

MESSAGES: dict[str, type[Message]] = {
    m.TYPE: m
    for m in (
        DsrReceived,
        DsrIdentityVerified,
        DsrWithdrawn,
        TaskRequested,
        TaskAcknowledged,
        DsrStatus,
        AuditSealed,
        SubjectObserved,
        ConsentChanged,
        LetterRequested,
        LetterReported,
        BreachReported,
        SecuritySignal,
        BreachStatus,
        SearchRequested,
        SearchAnswered,
    )
}
