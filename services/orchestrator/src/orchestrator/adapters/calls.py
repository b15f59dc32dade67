"""Calls of people: their rows, and the webhooks by which they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lethe_delivery.oncall import Alert, WebhookShape, post
from lethe_postgres import load_queries
from orchestrator.application.calling import CallOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from lethe_postgres import Database, Tx
    from orchestrator.adapters.escalation_policy import Receiver
    from orchestrator.application.calling import Called

_URGENT = "on_call"


class PostgresCalls:
    """Implements `CallRows`. Nobody who takes calls is no reason not to record the rung."""

    def __init__(self, database: Database, receivers: Sequence[Receiver]) -> None:
        self._database = database
        self._receivers = receivers
        self._sql = load_queries("orchestrator.adapters", "calls.sql")

    async def put(self, tx: Tx, called: Sequence[Called]) -> None:
        rows = [
            (c.saga_id, c.controller_id, c.event.rung, c.event.calls, r.name, c.event.due_at, c.event.at)
            for c in called
            for r in self._receivers
            if r.takes(c.controller_id, c.event.calls)
        ]
        if rows:
            await tx.execute(self._sql["put"], *zip(*rows, strict=True))

    async def claim(self, limit: int) -> list[CallOut]:
        return [CallOut(*row) for row in await self._database.fetch(self._sql["claim"], limit)]

    async def made(self, ids: Sequence[int]) -> None:
        await self._database.execute(self._sql["made"], list(ids))

    async def failed(self, failures: Sequence[tuple[int, str]]) -> None:
        await self._database.execute(self._sql["failed"], [i for i, _ in failures], [t for _, t in failures])

    async def waiting(self) -> int:
        found: int = await self._database.fetchval(self._sql["waiting"])
        return found


class Webhooks:
    """Implements `Caller`."""

    def __init__(self, client: httpx.AsyncClient, receivers: Mapping[str, Receiver]) -> None:
        self._client = client
        self._receivers = receivers

    async def call(self, call: CallOut) -> str | None:
        receiver = self._receivers.get(call.receiver)
        if receiver is None:
            return "not_configured"
        return await post(self._client, WebhookShape(receiver.shape), receiver.url, receiver.key, alert_of(call))


def alert_of(call: CallOut) -> Alert:
    """What is said: which request, how much time it has; nothing about the person."""
    due = "" if call.due_strict is None else f", due {call.due_strict:%Y-%m-%d %H:%M} UTC"
    named = {"controller": call.controller_id, "dsr": str(call.saga_id), "rung": call.rung}
    return Alert(
        name="LetheRequestEscalated",
        group=f"lethe-dsr-{call.saga_id}",
        summary=f"A request at {call.controller_id} is not answered: {call.rung.replace('_', ' ')}{due}",
        severity="critical" if call.calls == _URGENT else "warning",
        source="lethe-orchestrator",
        component=call.controller_id,
        about=call.rung,
        at=call.at,
        labels={**named, "calls": call.calls},
        details={**named, "calls": call.calls},
    )
