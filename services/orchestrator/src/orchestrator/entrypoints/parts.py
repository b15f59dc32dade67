"""What the endpoints translate for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lethe_chassis import MessagingOperations
    from orchestrator.application.acts import Acts
    from orchestrator.application.consents import Ledger
    from orchestrator.application.decision_acts import DecisionActs
    from orchestrator.application.hold_keeping import HoldKeeping
    from orchestrator.application.registers import RegisterKeeping
    from orchestrator.application.request_acts import RequestActs
    from orchestrator.application.resuming import Resuming
    from orchestrator.application.views import Proofs, Reading


@dataclass(frozen=True, slots=True)
class Parts:
    """The wired application."""

    reading: Reading
    proofs: Proofs
    acts: Acts
    request_acts: RequestActs
    registers: RegisterKeeping
    operations: MessagingOperations
    resuming: Resuming
    holds: HoldKeeping
    consents: Ledger
    decision_acts: DecisionActs
