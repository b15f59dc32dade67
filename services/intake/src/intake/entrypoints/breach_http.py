"""`POST /v1/breaches` and `POST /v1/breach-signals`: what may be a personal data breach, from people and machines."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from intake.domain.errors import InvalidSubmission, KeyReused, Overloaded
from intake.domain.findings import Form
from intake.entrypoints.accepting import HEADER, idempotency_key, problem_of
from lethe_chassis import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    Principal,
    current_traceparent,
    require_scope,
)
from lethe_events.models import Category, Code
from lethe_events.words import BreachKind, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from intake.application.breaches import Breaches

PATH = "/v1/breach-signals"
MOST_BYTES = 1_000_000
MOST_FINDINGS = 1_000
Asset = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$")]
Reporting = Annotated[Principal, Depends(require_scope("breach:report"))]
Signalling = Annotated[Principal, Depends(require_scope("breach:signal"))]


class NewBreach(BaseModel):
    """What is known. Nobody affected is named here; the description is sealed."""

    model_config = ConfigDict(extra="forbid")
    controllers: list[Code] = Field(min_length=1, max_length=100, description="Each gets a case and a clock of its own")
    reporter: Reporter = Field(description="A processor's notice (Art. 33(2)) starts the clock when it arrives")
    processor_id: Code | None = Field(default=None, description="Left out: the one that the token is bound to")
    noticed_at: AwareDatetime | None = None
    occurred_from: AwareDatetime | None = None
    occurred_to: AwareDatetime | None = None
    kinds: list[BreachKind] = Field(default=[], max_length=3)
    assets: list[Asset] = Field(default=[], max_length=100, description="Systems, not people")
    categories: list[Category] = Field(default=[], max_length=100, examples=[["user.contact.email"]])
    subjects: int | None = Field(default=None, description="How many people, estimated")
    description: str | None = Field(default=None, max_length=20_000, description="Sealed in the vault")


class ReportedBreach(BaseModel):
    breach_id: UUID
    accepted_at: datetime = Field(description="When it arrived")


class TakenSignals(BaseModel):
    signals: int = Field(description="How many signals the findings make; one that is sent again counts once")


def breach_router(breaches: Callable[[], Breaches]) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["breach"])

    @router.post("/breaches", status_code=202, **_REPORT)
    async def report(
        body: NewBreach,
        principal: Reporting,
        response: Response,
        key: Annotated[str | None, Header(alias=HEADER)] = None,
    ) -> ReportedBreach:
        draft = _of(principal, body)
        for controller in draft.controllers:
            principal.require_controller(controller)
        checked = idempotency_key(key)
        try:
            done = await breaches().report(draft, checked, principal.subject, current_traceparent())
        except InvalidSubmission as error:
            raise Invalid([FieldError(*fault) for fault in error.faults]) from None
        except KeyReused:
            raise Conflict(
                "idempotency_key_reused", f"This {HEADER} was used for another report: use a new one for a new report."
            ) from None
        if done.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return ReportedBreach(breach_id=done.breach_id, accepted_at=done.accepted_at)

    @router.post("/breach-signals", status_code=202, **_SIGNALS)
    async def signals(
        request: Request,
        principal: Signalling,
        controller_id: Annotated[str, Query(max_length=64)],
        source: Annotated[str, Query(pattern="^[a-z0-9][a-z0-9._-]{0,63}$", description="Which tool")],
        form: Annotated[Form, Query(description="What the body holds")] = Form.LETHE,
    ) -> TakenSignals:
        principal.require_controller(controller_id)
        findings = _findings(await request.body())
        try:
            count = await breaches().signal(
                form, findings, controller_id=controller_id, source=source, traceparent=current_traceparent()
            )
        except InvalidSubmission as error:
            raise Invalid([FieldError(*fault) for fault in error.faults]) from None
        except Overloaded as error:
            raise problem_of(error) from None
        return TakenSignals(signals=count)

    return router


_REPORT: dict[str, Any] = {
    "summary": "Report what may be a personal data breach",
    "responses": {
        202: {"description": "Stored. The same report with the same key gets the same answer"},
        409: {"description": "The Idempotency-Key belongs to another report"},
    },
}
_SIGNALS: dict[str, Any] = {
    "summary": "Hand in findings of monitoring: signals, OCSF detection findings or Falco alerts",
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "One finding, or a list of at most 1000",
            "content": {
                "application/json": {
                    "schema": {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}
                }
            },
        }
    },
}


def _of(principal: Principal, body: NewBreach) -> NewBreach:
    """Raises Forbidden where a token that is bound to a processor speaks for another, or as somebody else."""
    if principal.processor_id is None:
        return body
    if body.reporter is not Reporter.PROCESSOR or body.processor_id not in {None, principal.processor_id}:
        raise Forbidden("foreign_processor", "The token is bound to a processor: report as that one.")
    return body.model_copy(update={"processor_id": principal.processor_id})


def _findings(raw: bytes) -> list[object]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Invalid([FieldError("body", "is not JSON", "send one finding as an object, or a list of them")]) from None
    listed = found if isinstance(found, list) else [found]
    if not 1 <= len(listed) <= MOST_FINDINGS:
        raise Invalid([FieldError("body", "has no finding or too many", f"send 1 to {MOST_FINDINGS} at once")])
    return listed
