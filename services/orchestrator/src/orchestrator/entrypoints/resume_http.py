"""Endpoints that say again what is outstanding, after Kafka lost it."""

# Annotations are real objects here, because FastAPI reads them.
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from lethe_chassis import Conflict, NotFound, Principal, require_scope
from orchestrator.application.acts import Person
from orchestrator.domain.errors import Refused
from orchestrator.entrypoints.parts import Parts

Actor = Annotated[Principal, Depends(require_scope("saga:act"))]


class NewResume(BaseModel):
    """`after`: `next` of the answer before; only for all open sagas."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", examples=["kafka_lost"])
    after: UUID | None = None


class Resumed(BaseModel):
    """How many sagas, and how many questions were asked again; `next`: there are more sagas behind this one."""

    sagas: int
    questions: int
    next: UUID | None


def resuming_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["on-call"])

    @router.post("/sagas/resume", summary="Ask again what is outstanding in open sagas, a page at a time")
    async def every(body: NewResume, principal: Actor) -> Resumed:
        done = await parts().resuming.page(_person(principal), body.reason, body.after)
        return Resumed(sagas=done.sagas, questions=done.questions, next=done.last)

    @router.post("/sagas/{dsr_id}/resume", summary="Ask again what is outstanding in one saga")
    async def one(dsr_id: UUID, body: NewResume, principal: Actor) -> Resumed:
        try:
            done = await parts().resuming.one(_person(principal), body.reason, dsr_id)
        except Refused as refused:
            if refused.code == "not_found":
                raise NotFound("There is no such saga, or it is not yours to see.") from None
            raise Conflict(refused.code, refused.detail) from None
        return Resumed(sagas=done.sagas, questions=done.questions, next=None)

    return router


def _person(principal: Principal) -> Person:
    return Person(principal.subject, principal.controller_ids)
