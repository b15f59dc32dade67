"""`POST /v1/dsrs/republish`, for after Kafka lost what intake said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from lethe_chassis import Principal, require_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from intake.application.republish import Republishing

Operator = Annotated[Principal, Depends(require_scope("messaging:act"))]


class NewRepublish(BaseModel):
    """`after`: `next` of the answer before."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", examples=["kafka_lost"])
    after: UUID | None = None


class Republished(BaseModel):
    """How many requests, and how many messages were said again; `next`: there are more behind this one."""

    dsrs: int
    messages: int
    next: UUID | None


def republish_router(republishing: Callable[[], Republishing]) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/dsrs/republish", summary="Say again what the saga may not have heard, by page", tags=["messaging"])
    async def republish(body: NewRepublish, principal: Operator) -> Republished:
        done = await republishing().page(principal.subject, principal.controller_ids, body.reason, body.after)
        return Republished(dsrs=done.dsrs, messages=done.messages, next=done.last)

    return router
