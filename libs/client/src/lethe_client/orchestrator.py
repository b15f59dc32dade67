"""The orchestrator's API: sagas, incidents, certificates, the register in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lethe_client.sagas import (
    Acted,
    AuditChain,
    IncidentPage,
    ParkedPage,
    RegisterView,
    RequestActed,
    Resumed,
    Saga,
    SagaPage,
)
from lethe_client.settings import ORCHESTRATOR_URL, Settings
from lethe_client.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from lethe_client.sagas import SagaRow


class OrchestratorClient(Transport):
    """Scopes: saga:read to look, saga:act to act, register:read and register:write."""

    async def page(self, after: str | None = None, **filters: object) -> SagaPage:
        """Sagas by strict date, open ones unless a state is given.

        Filters: state, controller, processor, due_before, incident (true), limit (at most 200).
        """
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

    async def inclusion(self, dsr_id: UUID) -> dict[str, Any]:
        """Proof that the saga's chain is under a signed seal; `lethe_client.seals` checks it."""
        found: dict[str, Any] = await self.get(f"/v1/sagas/{dsr_id}/seal")
        return found

    async def retry(self, dsr_id: UUID, task_id: UUID) -> Acted:
        """Ask a task again, by the register as it is now. Raises Conflicting where the task does not wait for that."""
        return Acted.model_validate(await self.post(f"{_task(dsr_id, task_id)}/retry"))

    async def propose_exception(
        self, dsr_id: UUID, task_id: UUID, *, ground: str, reason: str, article: str | None = None
    ) -> Acted:
        """State that a task is lawfully not done; it takes effect when another person approves.

        `article` left out: that of the ground. `reason` is a code of the controller's own, never free text.
        """
        body = {"ground": ground, "article": article, "reason": reason}
        return Acted.model_validate(await self.post(f"{_task(dsr_id, task_id)}/exception", body))

    async def approve_exception(self, dsr_id: UUID, task_id: UUID) -> Acted:
        """Raises Unauthorised for the person who proposed it."""
        return Acted.model_validate(await self.post(f"{_task(dsr_id, task_id)}/exception/approve"))

    async def withdraw(self, dsr_id: UUID, said_at: datetime | None = None) -> RequestActed:
        """Record that the data subject took the request back; `said_at` left out: now. Conflicting once it is over."""
        return await self._request(dsr_id, "withdraw", {"said_at": None if said_at is None else said_at.isoformat()})

    async def extend(
        self, dsr_id: UUID, *, further: int, reasons: Sequence[str], notified_at: datetime | None = None
    ) -> RequestActed:
        """Record a notice of extension that went out. `further`: months under the GDPR; `reasons`: codes.

        Without `notified_at` the notice is sent, and the dates move when there is proof that it went out in time.

        Raises Conflicting where the law knows no extension: too late, a second one, a refusal.
        """
        body: dict[str, object] = {"further": further, "reasons": list(reasons)}
        if notified_at is not None:
            body["notified_at"] = notified_at.isoformat()
        return await self._request(dsr_id, "extend", body)

    async def propose_refusal(
        self, dsr_id: UUID, *, ground: str, reason: str, article: str | None = None, authority: str | None = None
    ) -> RequestActed:
        """State that the whole request is to be refused; it takes effect when another person approves.

        `authority`: left out, the supervisory authority of the country; else for example `DE-BE`.
        """
        body: dict[str, object] = {"ground": ground, "article": article, "reason": reason, "authority": authority}
        return await self._request(dsr_id, "refusal", body)

    async def approve_refusal(self, dsr_id: UUID) -> RequestActed:
        """Raises Unauthorised for the person who proposed it."""
        return await self._request(dsr_id, "refusal/approve", {})

    async def propose_hold(
        self, dsr_id: UUID, *, ground: str, matter: str, processors: Sequence[str] = (), article: str | None = None
    ) -> RequestActed:
        """State that erasures are to be held, at all processors unless some are named; another person approves.

        The hold's id is in `saga(dsr_id)`, under `holds`.
        """
        named = list(processors)
        body: dict[str, object] = {"ground": ground, "article": article, "matter": matter, "processors": named}
        return await self._request(dsr_id, "holds", body)

    async def propose_lift(self, dsr_id: UUID, hold_id: UUID) -> RequestActed:
        """State that a hold is over; when another person approves, what it stopped is asked."""
        return await self._request(dsr_id, f"holds/{hold_id}/lift", {})

    async def approve_hold(self, dsr_id: UUID, hold_id: UUID) -> RequestActed:
        """Approve what somebody else proposed about a hold. Raises Unauthorised for that person."""
        return await self._request(dsr_id, f"holds/{hold_id}/approve", {})

    async def decide(
        self, dsr_id: UUID, *, outcome: str, reasons: Sequence[str], ground: str | None = None
    ) -> RequestActed:
        """Decide: `upheld` or `rejected`, `changed` or `confirmed`; `may_decide` of the saga lists what may be.

        For the data subject it counts at once; against, another person has to approve it. `reasons` are codes.
        """
        body: dict[str, object] = {"outcome": outcome, "ground": ground, "reasons": list(reasons)}
        return await self._request(dsr_id, "decision", body)

    async def approve_decision(self, dsr_id: UUID) -> RequestActed:
        """Raises Unauthorised for the person who proposed it."""
        return await self._request(dsr_id, "decision/approve", {})

    async def announce_lift(self, dsr_id: UUID, *, reason: str) -> RequestActed:
        """Write to the data subject that the restriction ends; it is lifted the policy's days after that went out."""
        return await self._request(dsr_id, "lift/announce", {"reason": reason})

    async def call_off_lift(self, dsr_id: UUID, *, reason: str) -> RequestActed:
        """Keep a restriction that was announced to end."""
        return await self._request(dsr_id, "lift/call-off", {"reason": reason})

    async def lift(self, dsr_id: UUID, *, told_at: datetime | None, reason: str) -> RequestActed:
        """Lift a restriction of which the data subject was told at `told_at` (Art. 18(3)).

        None: the letter that announced it could not be delivered.
        """
        told = {} if told_at is None else {"told_at": told_at.isoformat()}
        return await self._request(dsr_id, "lift", {**told, "reason": reason})

    async def _request(self, dsr_id: UUID, act: str, body: dict[str, object]) -> RequestActed:
        return RequestActed.model_validate(await self.post(f"/v1/sagas/{dsr_id}/{act}", body))

    async def resume(self, dsr_id: UUID, reason: str) -> Resumed:
        """Ask again what is outstanding in one saga. Raises Conflicting for a closed one."""
        return Resumed.model_validate(await self.post(f"/v1/sagas/{dsr_id}/resume", {"reason": reason}))

    async def resume_all(self, reason: str) -> Resumed:
        """The same for every open saga of the token's controllers, page by page."""
        sagas, questions, after = 0, 0, None
        while True:
            body = {"reason": reason, "after": None if after is None else str(after)}
            page = Resumed.model_validate(await self.post("/v1/sagas/resume", body, safe=True))
            sagas, questions, after = sagas + page.sagas, questions + page.questions, page.next
            if after is None:
                return Resumed(sagas=sagas, questions=questions)

    async def incidents(self, after: str | None = None, **filters: object) -> IncidentPage:
        """Open ones, oldest first. Filters: controller, code, processor, limit (at most 500)."""
        return IncidentPage.model_validate(await self.get("/v1/incidents", {**filters, "after": after}))

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


def _task(dsr_id: UUID, task_id: UUID) -> str:
    return f"/v1/sagas/{dsr_id}/tasks/{task_id}"


def connect() -> OrchestratorClient:
    """To the orchestrator that the environment, or the local stack, names."""
    settings = Settings.find()
    return OrchestratorClient(settings.url(ORCHESTRATOR_URL), settings.token())
