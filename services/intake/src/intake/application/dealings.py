"""What can be done about a DSR after it was accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intake.application.batches import Batches
    from intake.application.identity import IdentityChecks
    from intake.application.withdraw import Withdrawals


@dataclass(frozen=True, slots=True)
class Dealings:
    withdrawals: Withdrawals
    identity: IdentityChecks
    code_channels: frozenset[str]
    """By which a code can be sent here: email, sms."""
    batches: Batches
