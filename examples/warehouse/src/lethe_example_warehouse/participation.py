"""The whole of what the warehouse does to take part in data-subject requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_participant import Masked, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lethe_example_warehouse.store import Store
    from lethe_participant import Participant, Task


def take_part(participant: Participant, store: Store) -> None:
    @participant.erase_batch
    def erase(tasks: Sequence[Task]) -> list[Result]:
        return [Result.erased(rows) for rows in store.erase([t.subject_tokens for t in tasks])]

    @participant.verify_batch
    def verify(tasks: Sequence[Task]) -> list[Result]:
        return [Result.found(store.left_of(t.subject_tokens)) for t in tasks]

    @participant.export_batch
    def export(tasks: Sequence[Task]) -> list[Result]:
        found = [store.records_of(t.subject_tokens) for t in tasks]
        return [Result.exported(r, masked=[Masked("parcels", ("driver",), len(r["parcels"]))]) for r in found]


async def announce(participant: Participant, store: Store, *, most: int = 500) -> int:
    """Tell Lethe whose data came in; what Kafka did not take is told the next time. Returns how many were told."""
    waiting = store.unannounced(most)
    if waiting:
        await participant.emit(*[participant.event("created", token) for _, token in waiting])
        store.announced([id_ for id_, _ in waiting])
    return len(waiting)
