"""Several parties in one incident: each has a case and a clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid5

from breach_notifier.domain.events import BreachSuspected

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from breach_notifier.domain.words import Party


class Concerned(NamedTuple):
    """For whom a case is kept, as what that party acts, where it is and which law binds it."""

    controller_id: str
    party: Party
    country: str
    zone: str
    regime: str


def case_id(incident_id: UUID, controller_id: str, party: Party) -> UUID:
    """The same for the same incident and party, however often it is told: no case is opened twice."""
    return uuid5(incident_id, f"{party}/{controller_id}")


def suspected_at_all(
    incident_id: UUID, parties: Iterable[Concerned], *, at: datetime, source: str, evidence: tuple[str, ...]
) -> tuple[BreachSuspected, ...]:
    """One opening event per party; a processor keeps one case for each of its controllers (Art. 33(2))."""
    found = {case_id(incident_id, p.controller_id, p.party): p for p in parties}
    return tuple(
        BreachSuspected(at, key, incident_id, p.controller_id, p.party, p.country, p.zone, p.regime, source, evidence)
        for key, p in found.items()
    )
