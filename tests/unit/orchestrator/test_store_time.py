"""Which time the transaction of a batch has."""

from __future__ import annotations

from datetime import timedelta

from lethe_testkit.sagas import Given
from orchestrator.adapters.store import PostgresSagas, Shelf
from orchestrator.application.batch import Entry


class LockedRows:
    """A transaction whose lock query answers with these rows."""

    def __init__(self, rows: list[dict[str, object]]) -> None:
        self._rows = rows

    async def execute(self, *_: object) -> str:
        return ""

    async def fetch(self, *_: object) -> list[dict[str, object]]:
        return self._rows


async def test_a_batch_happens_after_whatever_it_had_to_wait_for() -> None:
    """PostgreSQL tells each row's time as of its lock, and the first row may have been locked long before the last."""
    saga = Given().received().saga
    assert saga is not None
    shelf = Shelf()
    shelf.put([Entry(saga, 1, "0" * 64)])
    begun = saga.accepted_at
    waited = begun + timedelta(seconds=3)
    row = {"id": saga.id, "version": saga.version, "register_id": 1, "standing_id": None}
    tx = LockedRows([{**row, "now": begun}, {**row, "now": waited}])
    loaded = await PostgresSagas(None, None, shelf).load(tx, [saga.id])
    assert loaded.now == waited
