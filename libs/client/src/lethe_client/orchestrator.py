"""The orchestrator's API: sagas, incidents, certificates, the register in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lethe_client.sagas import AuditChain, IncidentPage, ParkedPage, RegisterView, Saga, SagaPage
from lethe_client.settings import ORCHESTRATOR_URL, Settings
from lethe_client.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from lethe_client.sagas import SagaRow


class OrchestratorClient(Transport):
    """Scopes: saga:read to look, saga:act to act, register:read and register:write."""

    async def page(self, after: str | None = None, **filters: object) -> SagaPage:
        """Open sagas by strict date, at most `limit`. Filters: state, controller, processor, due_before, incident."""
        return SagaPage.model_validate(await self.get("/v1/sagas", {**filters, "after": after}))

    async def sagas(self, **filters: object) -> AsyncIterator[SagaRow]:
        """All that match, by strict date, page by page."""
        after = None
        while True:
            page = await self.page(after, **filters)
            for item in page.items:
                yield item
            if page.next is None:
                return
            after = page.next

    async def saga(self, dsr_id: UUID) -> Saga:
        return Saga.model_validate(await self.get(f"/v1/sagas/{dsr_id}"))

    async def events(self, dsr_id: UUID) -> AuditChain:
        """The audit log of a saga; `lethe_client.certificate.verify_chain` checks it."""
        return AuditChain.model_validate(await self.get(f"/v1/sagas/{dsr_id}/events"))

    async def certificate(self, dsr_id: UUID) -> dict[str, Any]:
        """The signed document as it is, so that it can be checked. Raises Conflicting until the saga is closed."""
        document: dict[str, Any] = await self.get(f"/v1/sagas/{dsr_id}/certificate")
        return document

    async def retry(self, dsr_id: UUID, task_id: UUID) -> Any:
        """Ask a failed task again."""
        return await self.post(f"/v1/sagas/{dsr_id}/tasks/{task_id}/retry")

    async def propose_exception(self, dsr_id: UUID, task_id: UUID, *, ground: str, article: str, reason: str) -> Any:
        """Except a task lawfully; takes effect when another person approves."""
        body = {"ground": ground, "article": article, "reason": reason}
        return await self.post(f"/v1/sagas/{dsr_id}/tasks/{task_id}/exception", body)

    async def approve_exception(self, dsr_id: UUID, task_id: UUID) -> Any:
        """Raises Unauthorised for the person who proposed it."""
        return await self.post(f"/v1/sagas/{dsr_id}/tasks/{task_id}/exception/approve")

    async def incidents(self) -> IncidentPage:
        return IncidentPage.model_validate(await self.get("/v1/incidents"))

    async def parked(self) -> ParkedPage:
        """Messages that could not be taken: where they lie and why, never their content."""
        return ParkedPage.model_validate(await self.get("/v1/parked"))

    async def register(self) -> RegisterView:
        return RegisterView.model_validate(await self.get("/v1/register"))

    async def load_register(self) -> RegisterView:
        """Have the register's files read again. Raises BadInput with every problem if they are not usable."""
        return RegisterView.model_validate(await self.post("/v1/register/load"))

    async def keys(self) -> dict[str, Any]:
        """Public signing keys, the current one and earlier ones."""
        found: dict[str, Any] = await self.get("/v1/keys")
        return found


def connect() -> OrchestratorClient:
    """To the orchestrator that the environment, or the local stack, names."""
    settings = Settings.find()
    return OrchestratorClient(settings.url(ORCHESTRATOR_URL), settings.token())
