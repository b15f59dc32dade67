"""What happened in one run, as values, and the judge of it. Pure: filled by a simulation or from real tables."""

from __future__ import annotations

from lethe_testkit.history.check import check
from lethe_testkit.history.model import (
    Accepted,
    AckEnd,
    Answered,
    Asked,
    Backlog,
    ChainLink,
    Claimed,
    Effect,
    History,
    Hold,
    IncidentEnd,
    SagaEnd,
    TaskEnd,
    TimerEnd,
    Written,
)
from lethe_testkit.history.verdict import Guarantee, Verdict, Violation

__all__ = [
    "Accepted",
    "AckEnd",
    "Answered",
    "Asked",
    "Backlog",
    "ChainLink",
    "Claimed",
    "Effect",
    "Guarantee",
    "History",
    "Hold",
    "IncidentEnd",
    "SagaEnd",
    "TaskEnd",
    "TimerEnd",
    "Verdict",
    "Violation",
    "Written",
    "check",
]
