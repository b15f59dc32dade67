"""The HTTP API of the orchestrator: on-call, the privacy team, and whoever checks what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003 - FastAPI evaluates annotations

from fastapi import APIRouter, Depends, FastAPI, Query
from starlette.responses import Response

from lethe_chassis import (
    BodyRule,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Principal,
    create_app,
    operations_router,
    require_scope,
)
from lethe_messaging import OperationRefused
from orchestrator.application.acts import Person
from orchestrator.application.views import Filter
from orchestrator.domain.errors import Refused
from orchestrator.entrypoints.consent_http import consent_router
from orchestrator.entrypoints.console import console_router
from orchestrator.entrypoints.decision_http import decision_router
from orchestrator.entrypoints.hold_http import holds_router
from orchestrator.entrypoints.register_http import register_router
from orchestrator.entrypoints.request_http import request_router
from orchestrator.entrypoints.resume_http import resuming_router
from orchestrator.entrypoints.schemas import (
    Acted,
    AuditChain,
    IncidentPage,
    IncidentQuery,
    NewException,
    Saga,
    SagaPage,
    SagaQuery,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client import CollectorRegistry

    from lethe_chassis import Authenticator, HealthChecks
    from orchestrator.domain import saga as domain
    from orchestrator.entrypoints.parts import Parts

VERSION = "1.0.0"
_FORMS = BodyRule(media_types=frozenset({"application/x-www-form-urlencoded"}))
_DESCRIPTION = (
    "The sagas of data-subject requests: where each stands and why, what a person may do, and the proof. "
    "A token sees the sagas of its own controllers only. Errors are problem documents (RFC 9457)."
)
_NO_SAGA = "There is no such saga, or it is not yours to see."

Reader = Annotated[Principal, Depends(require_scope("saga:read"))]
Actor = Annotated[Principal, Depends(require_scope("saga:act"))]


def build_app(
    parts: Callable[[], Parts],
    *,
    auth: Authenticator | None,
    health: HealthChecks,
    unavailable: Callable[[BaseException], bool],
    registry: CollectorRegistry,
) -> FastAPI:
    """`parts` is asked when a call comes, so that the API document can be had without engines."""
    app = create_app(
        title="Lethe orchestrator",
        version=VERSION,
        description=_DESCRIPTION,
        auth=auth,
        health=health,
        unavailable=unavailable,
        body_rules={"/console": _FORMS},
        registry=registry,
    )
    app.include_router(_reading(parts))
    app.include_router(_acting(parts))
    app.include_router(request_router(parts))
    app.include_router(decision_router(parts))
    app.include_router(_resolving(parts))
    app.include_router(register_router(parts))
    app.include_router(resuming_router(parts))
    app.include_router(holds_router(parts))
    app.include_router(consent_router(lambda: parts().consents))
    app.include_router(operations_router(lambda: parts().operations, OperationRefused))
    app.include_router(console_router(parts))
    return app


def _reading(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/sagas", summary="Sagas by strict date, open ones unless a state is given", tags=["sagas"])
    async def page(principal: Reader, query: Annotated[SagaQuery, Query()]) -> SagaPage:
        items, following = await _placed(parts().reading.page(_filter(principal, query)))
        return SagaPage.model_validate({"items": items, "next": following})

    @router.get("/sagas/{dsr_id}", summary="One saga: tasks, what is owed, incidents, timeline", tags=["sagas"])
    async def find(dsr_id: UUID, principal: Reader) -> Saga:
        found = await parts().reading.saga(dsr_id, principal.controller_ids)
        if found is None:
            raise NotFound(_NO_SAGA)
        return Saga.model_validate(found)

    @router.get("/sagas/{dsr_id}/events", summary="The audit chain, to be checked offline", tags=["proof"])
    async def events(dsr_id: UUID, principal: Reader) -> AuditChain:
        links = await parts().reading.links(dsr_id, principal.controller_ids)
        if links is None:
            raise NotFound(_NO_SAGA)
        return AuditChain.model_validate({"dsr_id": dsr_id, "links": links})

    @router.get("/sagas/{dsr_id}/certificate", summary="The signed certificate", tags=["proof"], **_CERTIFICATE)
    async def certificate(dsr_id: UUID, principal: Reader) -> Response:
        theirs, document = await parts().reading.certificate(dsr_id, principal.controller_ids)
        if not theirs:
            raise NotFound(_NO_SAGA)
        if document is None:
            raise Conflict("not_closed", "The saga is not closed: it has no certificate yet.", retry_after=60)
        return Response(document, media_type="application/json")

    @router.get("/incidents", summary="What a person has to look at, oldest first", tags=["on-call"])
    async def incidents(principal: Reader, query: Annotated[IncidentQuery, Query()]) -> IncidentPage:
        mine = _mine(principal, query.controller)
        found = parts().reading.incidents(
            mine, code=query.code, processor=query.processor, after=query.after, limit=query.limit
        )
        items, following = await _placed(found)
        return IncidentPage.model_validate({"items": items, "next": following})

    return router


_CERTIFICATE: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "The document as it was signed; check it with the key of GET /v1/keys",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        409: {"description": "The saga is not closed"},
    },
}


async def _placed(page: Awaitable[tuple[list[Any], str | None]]) -> tuple[list[Any], str | None]:
    try:
        return await page
    except ValueError:
        raise Invalid([FieldError("query.after", "is not a place in this list", "use `next` of a page")]) from None


def _mine(principal: Principal, controller: str | None) -> list[str]:
    """A controller that is not the caller's own gives an empty list, whether or not it exists."""
    return [c for c in sorted(principal.controller_ids) if controller in {None, c}]


def _filter(principal: Principal, query: SagaQuery) -> Filter:
    return Filter(
        controllers=_mine(principal, query.controller),
        state=None if query.state is None else query.state.value,
        processor=query.processor,
        due_before=query.due_before,
        incident=query.incident,
        after=query.after,
        limit=query.limit,
    )


def _acting(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/sagas/{dsr_id}/tasks/{task_id}", tags=["on-call"])

    @router.post("/retry", summary="Ask a task again, by the register as it is now")
    async def retry(dsr_id: UUID, task_id: UUID, principal: Actor) -> Acted:
        return await _acted(parts().acts.retry(_person(principal), dsr_id, task_id), task_id)

    @router.post("/exception", summary="State that a task is lawfully not done; another person has to approve")
    async def propose(dsr_id: UUID, task_id: UUID, body: NewException, principal: Actor) -> Acted:
        stated = parts().acts.propose(_person(principal), dsr_id, task_id, body.ground, body.article, body.reason)
        return await _acted(stated, task_id)

    @router.post("/exception/approve", summary="Approve the exception that another person proposed")
    async def approve(dsr_id: UUID, task_id: UUID, principal: Actor) -> Acted:
        return await _acted(parts().acts.approve(_person(principal), dsr_id, task_id), task_id)

    return router


def _resolving(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["on-call"])

    @router.post("/incidents/{incident_id}/resolve", status_code=204, summary="End an incident about a message")
    async def resolve(incident_id: UUID, principal: Actor) -> None:
        try:
            await parts().acts.resolve(_person(principal), incident_id)
        except Refused as refused:
            raise NotFound(f"{refused.detail[0].upper()}{refused.detail[1:]}.") from None

    return router


def _person(principal: Principal) -> Person:
    return Person(principal.subject, principal.controller_ids)


async def _acted(act: Awaitable[domain.Saga], task_id: UUID) -> Acted:
    try:
        saga = await act
    except Refused as refused:
        if refused.code == "not_found":
            raise NotFound(_NO_SAGA) from None
        if refused.code == "same_person":
            raise Forbidden("same_person", refused.detail) from None
        if refused.code == "unknown_ground":
            raise Invalid([FieldError("ground", "is not a ground of the law", refused.detail)]) from None
        raise Conflict(refused.code, refused.detail) from None
    task = saga.tasks[task_id]
    return Acted(
        dsr_id=saga.id,
        state=saga.state,
        version=saga.version,
        task_id=task_id,
        status=task.status,
        attempt=task.attempt,
    )
