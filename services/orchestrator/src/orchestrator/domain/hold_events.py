"""What reaches a request from holds that were placed for a whole controller, and from dates of parts that were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from orchestrator.domain.beside import Hold
    from orchestrator.domain.rules import ProcessorRules


class HoldImposed(Struct, frozen=True):
    """A hold of the controller covers this request. `hold` is as two people approved it, before or after."""

    at: datetime
    hold: Hold


class HoldReleased(Struct, frozen=True):
    """Two people lifted a hold of the controller: `proposed_by` and `by`."""

    at: datetime
    hold_id: UUID
    proposed_by: str
    by: str


class KeptPartDue(Struct, frozen=True):
    """The date has come until which a part was kept. `processors`: by the register as it is now, not as it was then.

    A processor that the register no longer names is asked by the rules that its tasks have.
    """

    at: datetime
    due_at: datetime
    register_version: str | None = None
    processors: tuple[ProcessorRules, ...] = ()
