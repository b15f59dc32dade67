"""`/v1/dsr-batches`: requests for several people."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, Field

from intake.domain.errors import InvalidSubmission, Overloaded
from intake.entrypoints.accepting import HEADER, idempotency_key, problem_of
from intake.entrypoints.batch_csv import read_rows
from intake.entrypoints.schemas import DsrPage
from intake.entrypoints.showing import PAGE, shown
from lethe_chassis import BodyRule, FieldError, Invalid, NotFound, Principal, current_traceparent, require_scope
from lethe_events.models import Code  # noqa: TC001 - FastAPI evaluates annotations
from lethe_events.words import SagaState  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from intake.application.batches import Batches
    from intake.domain.errors import Fault

PATH = "/v1/dsr-batches"
BODY = BodyRule(max_bytes=16 * 1024 * 1024, media_types=frozenset({"text/csv"}))
_NO_BATCH = "There is no such batch, or it is not yours to see."
_TOLD = 500
"""Faults that are told at once."""

Writer = Annotated[Principal, Depends(require_scope("dsr:write"))]
Reader = Annotated[Principal, Depends(require_scope("dsr:read"))]


class RowFault(BaseModel):
    field: str = Field(examples=["row 17: identifiers.email[0]"])
    message: str
    fix: str


class Batch(BaseModel):
    """What came of a batch; of a dry run, what would."""

    dry_run: bool
    batch_id: UUID | None = Field(default=None, description="The parent of every request; null in a dry run")
    people: int = Field(description="Rows without a fault")
    accepted: int = Field(default=0, description="Rows that are new")
    replayed: int = Field(default=0, description="Rows that had been accepted before")
    conflicting: list[int] = Field(default=[], description="Rows whose key was accepted before with other content")
    faults: list[RowFault] = Field(default=[], description=f"In a dry run, the first {_TOLD}")


class BatchProgress(BaseModel):
    batch_id: UUID
    controller_id: str
    begun_at: datetime
    people: int = Field(description="Rows of the file; fewer requests than these: send the same file again")
    requests: int = Field(description="Requests accepted so far")
    states: dict[str, int] = Field(description="How many requests are in which state")
    rights: dict[str, int] = Field(description="How many exercise which right")
    results: dict[str, int] = Field(description="How many were answered with which result")
    withdrawn: int
    open_incidents: int = Field(description="Things a person has to look at, in all of them")
    overdue: int = Field(description="Not answered, and the legal date is over")
    next_due: datetime | None = Field(description="The first legal date among those that are not answered")


_DOCUMENTED: dict[str, Any] = {
    "summary": "Submit requests for several people, from a CSV",
    "description": "One DSR per row, under one parent. A heading names the columns: row_key, right, email, "
    "phone_number, customer_id, id.KIND, export_first, channel, received_at, country, note, identity_method, "
    "identity_reason, mandate, contested, categories, ground, direct_marketing, purposes, grounds, formats, decision, "
    "correct.FIELD, complete.FIELD. Several values: a|b. Nothing is accepted if one row has a fault. Sent again under "
    "the same key, it goes on where it stopped.",
    "tags": ["dsr"],
    "responses": {422: {"description": "Faults by row; nothing was stored"}, 503: {"description": "Send it again"}},
    "openapi_extra": {
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}},
    },
}


def batch_router(batches: Callable[[], Batches]) -> APIRouter:
    router = APIRouter()

    @router.post(PATH, **_DOCUMENTED)
    async def submit(
        request: Request,
        principal: Writer,
        controller_id: Annotated[Code, Query(description="Whose people they are")],
        dry_run: Annotated[bool, Query(description="Only tell what is wrong")] = False,
        key: Annotated[str | None, Header(alias=HEADER, description="Names this batch; a dry run needs none")] = None,
    ) -> Batch:
        principal.require_controller(controller_id)
        named = "" if dry_run else idempotency_key(key)
        rows, faults = await asyncio.to_thread(read_rows, await request.body(), controller_id)
        if dry_run:
            found = [*faults, *await asyncio.to_thread(batches().faults, rows)]
            wrong = {fault.field.partition(":")[0] for fault in found}
            good = sum(f"row {row.number}" not in wrong for row in rows)
            return Batch(dry_run=True, people=good, faults=[RowFault(**f._asdict()) for f in found[:_TOLD]])
        if faults:
            raise _invalid([*faults, *await asyncio.to_thread(batches().faults, rows)])
        try:
            done = await batches().submit(controller_id, rows, named, principal.subject, current_traceparent())
        except InvalidSubmission as error:
            raise _invalid(error.faults) from None
        except Overloaded as error:
            raise problem_of(error) from None
        return Batch(
            dry_run=False,
            batch_id=done.batch_id,
            people=len(rows),
            accepted=done.accepted,
            replayed=done.replayed,
            conflicting=done.conflicting,
        )

    _add_views(router, batches)
    return router


def _add_views(router: APIRouter, batches: Callable[[], Batches]) -> None:
    @router.get(PATH + "/{batch_id}", summary="How far the requests of a batch are", tags=["dsr"])
    async def find(batch_id: UUID, principal: Reader) -> BatchProgress:
        view = await batches().find(batch_id, principal.controller_ids)
        if view is None:
            raise NotFound(_NO_BATCH)
        return BatchProgress(
            batch_id=view.batch_id,
            controller_id=view.controller_id,
            begun_at=view.begun_at,
            people=view.people,
            requests=sum(view.states.values()),
            states=dict(view.states),
            rights=dict(view.rights),
            results=dict(view.results),
            withdrawn=view.withdrawn,
            open_incidents=view.open_incidents,
            overdue=view.overdue,
            next_due=view.next_due,
        )

    @router.get(PATH + "/{batch_id}/dsrs", summary="The requests of a batch, in the order of acceptance", tags=["dsr"])
    async def children(
        batch_id: UUID,
        principal: Reader,
        state: Annotated[SagaState | None, Query(description="Only in this state")] = None,
        after: Annotated[UUID | None, Query(description="Last dsr_id of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    ) -> DsrPage:
        views = await batches().page(
            batch_id, principal.controller_ids, after=after, state=state.value if state else None, limit=limit
        )
        if views is None:
            raise NotFound(_NO_BATCH)
        following = None
        if len(views) == limit:
            kept = [f"after={views[-1].dsr_id}", f"limit={limit}", *([f"state={state.value}"] if state else [])]
            following = f"{PATH}/{batch_id}/dsrs?{'&'.join(kept)}"
        return DsrPage(items=[shown(view) for view in views], next=following)


def _invalid(faults: Sequence[Fault]) -> Invalid:
    return Invalid(
        [FieldError(*fault) for fault in faults[:_TOLD]], detail="Correct the rows listed; nothing was stored."
    )
