"""Deciding once more what was recorded: the state at any past moment, and proof that today's code still agrees."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from orchestrator.domain import audit, record
from orchestrator.domain.decide import decide
from orchestrator.domain.decision import Disposition
from orchestrator.domain.errors import HistoryBroken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.domain.rules import ProcessorRules
    from orchestrator.domain.saga import Saga

UNDECIDED = frozenset({"certificate_issued"})
"""Kinds that follow from a decision and are not decided themselves."""


def replay(
    contents: Iterable[str],
    registers: Mapping[str, Mapping[str, ProcessorRules]],
    *,
    until: datetime | None = None,
) -> Saga | None:
    """The saga after these records (canonical JSON, in order), or as it was at `until`.

    Raises HistoryBroken where deciding once more leads elsewhere than it did then.
    """
    saga: Saga | None = None
    controller_id = ""
    for content in contents:
        entry = json.loads(content)
        at = datetime.fromisoformat(entry["at"])
        if until is not None and at > until:
            break
        if entry["kind"] in UNDECIDED:
            continue
        if saga is None and entry["kind"] == "dsr_received":
            controller_id = entry["event"]["dsr"]["controller_id"]
        context = record.Context(UUID(entry["saga"]), controller_id, registers)
        event = record.from_json(entry["kind"], at, entry.get("by"), entry["event"], context)
        decision = decide(saga, event)
        if decision.disposition is not Disposition.APPLIED:
            raise HistoryBroken(f"link {entry['seq']}: was applied, is now {decision.disposition}: {decision.detail}")
        if audit.effect(decision) != entry["effect"]:
            raise HistoryBroken(f"link {entry['seq']}: {audit.effect(decision)} was {entry['effect']}")
        saga = decision.saga
    return saga
