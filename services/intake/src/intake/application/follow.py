"""Following sagas: what `dsr.status` tells becomes what callers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.application.views import Told
from lethe_events.models import to_python

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from intake.application.ports import Meters, Store, Work
    from lethe_events import DsrStatus

_ELSEWHERE = frozenset({"dsr_id", "controller_id", "version", "state"})
"""Said around the rest."""


async def follow(work: Work, statuses: Iterable[DsrStatus], store: Store, meters: Meters) -> None:
    """Take over the newest state of each DSR in one statement. Repeats and older versions change nothing."""
    newest: dict[tuple[str, UUID], DsrStatus] = {}
    seen = 0
    for status in statuses:
        seen += 1
        key = (status.controller_id, status.dsr_id)
        known = newest.get(key)
        if known is None or known.version < status.version:
            newest[key] = status
    applied = await store.tell(work.tx, [_told(newest[key]) for key in sorted(newest)]) if newest else 0
    meters.told(applied, seen - applied)


def _told(status: DsrStatus) -> Told:
    return Told(
        status.dsr_id,
        status.controller_id,
        status.version,
        status.state.value,
        {name: value for name, value in to_python(status).items() if name not in _ELSEWHERE},
    )
