"""`POST /v1/dsrs/{dsr_id}/withdrawal`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from intake.application.packages import NoSuchDsr
from intake.application.withdraw import AlreadyClosed
from intake.entrypoints.showing import NO_DSR
from lethe_chassis import Conflict, NotFound, Principal, current_traceparent, require_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from intake.application.dealings import Dealings

Writer = Annotated[Principal, Depends(require_scope("dsr:write"))]
_DOCUMENTED: dict[str, Any] = {
    "summary": "Take a request back",
    "description": "On the person's word; no reason is asked for. Sent again, it gets the same answer. What was "
    "done by then stays done.",
    "tags": ["dsr"],
    "responses": {404: {"description": "No such DSR"}, 409: {"description": "It is closed: nothing is left to stop"}},
}


class WithdrawnDsr(BaseModel):
    dsr_id: UUID
    withdrawn_at: datetime = Field(description="The first time it was taken back")


def withdrawal_router(dealings: Callable[[], Dealings]) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/dsrs/{dsr_id}/withdrawal", **_DOCUMENTED)
    async def withdraw(dsr_id: UUID, principal: Writer) -> WithdrawnDsr:
        try:
            at = await dealings().withdrawals.withdraw(
                dsr_id, principal.controller_ids, principal.subject, current_traceparent()
            )
        except NoSuchDsr:
            raise NotFound(NO_DSR) from None
        except AlreadyClosed:
            raise Conflict("dsr_closed", "The DSR is closed: nothing is left to stop. Look at its result.") from None
        return WithdrawnDsr(dsr_id=dsr_id, withdrawn_at=at)

    return router
