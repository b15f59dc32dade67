"""`GET /v1/consents`: what the ledger says of one person at one processor."""

# Annotations are real objects here, because FastAPI reads them.
from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from lethe_chassis import Principal, require_scope
from lethe_events import ConsentState
from lethe_events.models import Code
from orchestrator.application.consents import Ledger

Reader = Annotated[Principal, Depends(require_scope("saga:read"))]


class Said(BaseModel):
    purpose: str = Field(examples=["marketing.communications.email"])
    state: ConsentState
    said_by: str = Field(description="Who said so, and how", examples=["person.account_page"])
    at: datetime
    dsr_id: UUID | None = Field(description="The request that carried a withdrawal to everybody else")


class ConsentLedger(BaseModel):
    """Empty where nothing was said, and where it is not yours to see."""

    now: list[Said] = Field(description="Per purpose what counts: what was said last")
    history: list[Said] = Field(description="Everything, the newest first")


def consent_router(ledger: Callable[[], Ledger]) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["consents"])

    @router.get("/consents", summary="What a person said of each purpose, by subject token")
    async def find(
        principal: Reader,
        processor_id: Annotated[Code, Query(description="Whose token it is")],
        subject_token: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{22,64}$")],
    ) -> ConsentLedger:
        said = await ledger().of(processor_id, subject_token, principal.controller_ids)
        history = [Said.model_validate(one._asdict()) for one in said]
        now: dict[str, Said] = {}
        for one in history:
            now.setdefault(one.purpose, one)
        return ConsentLedger(now=list(now.values()), history=history)

    return router
