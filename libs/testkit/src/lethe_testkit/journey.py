"""What a support site and an on-call engineer do, in a few calls: submit, wait, look."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self
from uuid import UUID

from lethe_client.errors import Missing
from lethe_client.intake import IntakeClient
from lethe_client.models import NewDsr
from lethe_client.orchestrator import OrchestratorClient
from lethe_events.words import Channel, Right, SagaState
from lethe_testkit.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lethe_client.models import Dsr
    from lethe_client.sagas import Saga
    from lethe_testkit.stack import Stack


class Journey:
    """Acts for controller `acme` on a running stack. Use as an asynchronous context manager."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.intake = IntakeClient(stack.url("intake"), stack.token())
        self.oncall = OrchestratorClient(stack.url("orchestrator"), stack.token(subject="oncall-1"))
        self.second = OrchestratorClient(stack.url("orchestrator"), stack.token(subject="oncall-2"))

    async def __aenter__(self) -> Self:
        for client in (self.intake, self.oncall, self.second):
            await client.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for client in (self.intake, self.oncall, self.second):
            await client.__aexit__(None, None, None)

    async def submit(
        self,
        identifiers: Mapping[str, Sequence[str]],
        *,
        right: Right = Right.ERASURE,
        export_first: bool = False,
        key: str | None = None,
        note: str | None = None,
    ) -> UUID:
        dsr = NewDsr(
            controller_id="acme",
            right=right,
            export_first=export_first,
            identifiers={kind: list(values) for kind, values in identifiers.items()},
            channel=Channel.WEB_FORM,
            note=note,
        )
        return (await self.intake.submit(dsr, idempotency_key=key)).dsr_id

    async def until_closed(self, dsr_ids: Iterable[UUID], seconds: float = 60) -> dict[UUID, Dsr]:
        """What intake tells of each, once all are closed. Raises TimeoutError naming those that are not."""
        waiting, closed = set(dsr_ids), dict[UUID, "Dsr"]()
        patience = Patience(seconds)
        while waiting:
            for dsr_id in list(waiting):
                dsr = await self.intake.dsr(dsr_id)
                if dsr.state is SagaState.CLOSED:
                    closed[dsr_id] = dsr
                    waiting.discard(dsr_id)
            if waiting and patience.over:
                raise TimeoutError(
                    f"not closed after {seconds} s: {sorted(str(i) for i in waiting)[:3]} of {len(waiting)}"
                )
            await asyncio.sleep(0.1)
        return closed

    async def until(self, dsr_id: UUID, condition: Callable[[Saga], bool], what: str, seconds: float = 60) -> Saga:
        """The saga, once `condition` holds."""
        patience = Patience(seconds)
        while True:
            saga = await self._saga(dsr_id)
            if saga is not None and condition(saga):
                return saga
            if patience.over:
                tasks = [] if saga is None else [(t.processor_id, t.verb, t.status, t.code) for t in saga.tasks]
                raise TimeoutError(f"not within {seconds} s: {what}; {tasks}")
            await asyncio.sleep(0.1)

    async def _saga(self, dsr_id: UUID) -> Saga | None:
        """None while the request is still on its way to the orchestrator."""
        try:
            return await self.oncall.saga(dsr_id)
        except Missing:
            return None
