"""The places of a saga in the tables, each by one letter, so that a row of a table fits on a line."""

from __future__ import annotations

from typing import Final

from lethe_events.words import SagaState
from orchestrator.domain.words import ENDING, RESTRICTED, State

ABSENT: Final = "absent"
R, I, F, V, A, C = (  # noqa: E741 - as the other states: by its first letter
    SagaState.RECEIVED,
    SagaState.IDENTITY,
    SagaState.FULFILLING,
    SagaState.VERIFYING,
    SagaState.ANSWERED,
    SagaState.CLOSED,
)
D: Final = SagaState.DECIDING
E: Final = ENDING
Z: Final = RESTRICTED
STATES: tuple[State, ...] = (ABSENT, R, I, D, F, V, A, Z, E, C)
