"""Endpoints for what people do to a request as a whole."""

# Annotations are real objects here, because FastAPI reads them.
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from lethe_chassis import Conflict, FieldError, Forbidden, Invalid, NotFound, Principal, require_scope
from lethe_events.models import Article, Code, CountryCode
from lethe_events.words import SagaState
from orchestrator.application.acts import Person
from orchestrator.domain.closing import result
from orchestrator.domain.errors import Refused
from orchestrator.domain.saga import Saga
from orchestrator.entrypoints.parts import Parts

Actor = Annotated[Principal, Depends(require_scope("saga:act"))]

FIELDS = {
    "implausible_date": "said_at",
    "unknown_outcome": "outcome",
    "not_told": "told_at",
    "before_receipt": "notified_at",
    "in_the_future": "notified_at",
    "too_long": "further",
    "unknown_ground": "ground",
    "unknown_processor": "processors",
    "unknown_authority": "authority",
    "unknown_reason": "reasons",
}
"""Refusals that are about what was sent, and the field that they name."""


class NewWithdrawal(BaseModel):
    """`said_at`: when the data subject said so, where that was before now."""

    model_config = ConfigDict(extra="forbid")
    said_at: AwareDatetime | None = None


class NewExtension(BaseModel):
    """A notice of extension that went out. `reasons` are codes; the notice itself says them in words."""

    model_config = ConfigDict(extra="forbid")
    further: int = Field(ge=1, le=45, description="In the unit of the rule: months under the GDPR, two at most")
    reasons: list[Code] = Field(min_length=1, max_length=10, examples=[["complexity", "number_of_requests"]])
    notified_at: AwareDatetime | None = Field(
        default=None,
        description="When the notice went out; it has to be within the first period. Left out: it is sent now, and the "
        "dates move when there is proof that it went out in time",
    )


class NewRefusal(BaseModel):
    """`article` left out: that of the ground. `reason` is a code of the controller's own, never free text."""

    model_config = ConfigDict(extra="forbid")
    ground: Code = Field(examples=["excessive"])
    article: Article | None = Field(default=None, examples=["GDPR Art. 12(5)(b)"])
    reason: Code = Field(examples=["fourth_in_a_month"])
    authority: CountryCode | None = Field(
        default=None, description="Whose authority the person is told of; left out: the country's", examples=["DE-BE"]
    )


class NewHold(BaseModel):
    """`article` left out: that of the ground. `matter` is a code. `processors` left out: all of them."""

    model_config = ConfigDict(extra="forbid")
    ground: Code = Field(examples=["legal_claims"])
    article: Article | None = Field(default=None, examples=["GDPR Art. 17(3)(e)"])
    matter: Code = Field(examples=["litigation_2026_17"])
    processors: list[Code] = Field(default=[], max_length=200)


class RequestActed(BaseModel):
    """What the act led to. `result`: what the data subject is told, once that is certain. Dates in UTC."""

    dsr_id: UUID
    state: SagaState
    version: int
    result: str | None
    due_strict: AwareDatetime = Field(description="Alarms go by it")
    due_legal: AwareDatetime = Field(description="Lateness is judged by it")
    waiting_for: list[str] = Field(description="Processors whose answers are waited for")


def request_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/sagas/{dsr_id}", tags=["request"])

    @router.post("/withdraw", summary="Record that the data subject took the request back")
    async def withdraw(dsr_id: UUID, body: NewWithdrawal, principal: Actor) -> RequestActed:
        return await acted(parts().request_acts.withdraw(person_of(principal), dsr_id, body.said_at))

    @router.post("/extend", summary="Record a notice of extension: with reasons, sent within the first period, once")
    async def extend(dsr_id: UUID, body: NewExtension, principal: Actor) -> RequestActed:
        acts, who = parts().request_acts, person_of(principal)
        return await acted(acts.extend(who, dsr_id, body.further, body.reasons, body.notified_at))

    @router.post("/refusal", summary="State that the whole request is to be refused; another person has to approve")
    async def propose(dsr_id: UUID, body: NewRefusal, principal: Actor) -> RequestActed:
        acts, who = parts().request_acts, person_of(principal)
        return await acted(acts.propose_refusal(who, dsr_id, body.ground, body.article, body.reason, body.authority))

    @router.post("/refusal/approve", summary="Approve the refusal that another person proposed")
    async def approve(dsr_id: UUID, principal: Actor) -> RequestActed:
        return await acted(parts().request_acts.approve_refusal(person_of(principal), dsr_id))

    _holding(router, parts)
    return router


def _holding(router: APIRouter, parts: Callable[[], Parts]) -> None:
    @router.post("/holds", summary="State that erasures are to be held; another person has to approve")
    async def propose(dsr_id: UUID, body: NewHold, principal: Actor) -> RequestActed:
        acts, who = parts().request_acts, person_of(principal)
        return await acted(acts.propose_hold(who, dsr_id, body.ground, body.article, body.matter, body.processors))

    @router.post("/holds/{hold_id}/lift", summary="State that a hold is over; another person has to approve")
    async def lift(dsr_id: UUID, hold_id: UUID, principal: Actor) -> RequestActed:
        return await acted(parts().request_acts.propose_lift(person_of(principal), dsr_id, hold_id))

    @router.post("/holds/{hold_id}/approve", summary="Approve what another person proposed about a hold")
    async def approve(dsr_id: UUID, hold_id: UUID, principal: Actor) -> RequestActed:
        return await acted(parts().request_acts.approve_hold(person_of(principal), dsr_id, hold_id))


def person_of(principal: Principal) -> Person:
    return Person(principal.subject, principal.controller_ids)


async def acted(act: Awaitable[Saga]) -> RequestActed:
    try:
        saga = await act
    except Refused as refused:
        raise _problem(refused) from None
    found = result(saga)
    return RequestActed(
        dsr_id=saga.id,
        state=saga.state,
        version=saga.version,
        result=None if found is None else found.value,
        due_strict=saga.clock.due_strict,
        due_legal=saga.clock.due_legal,
        waiting_for=sorted({t.processor_id for t in saga.tasks.values() if t.attempt > t.answered and not t.settled}),
    )


def _problem(refused: Refused) -> Exception:
    if refused.code == "not_found":
        return NotFound("There is no such saga, or it is not yours to see.")
    if refused.code == "same_person":
        return Forbidden("same_person", refused.detail)
    if refused.code in FIELDS:
        return Invalid([FieldError(FIELDS[refused.code], refused.code.replace("_", " "), refused.detail)])
    return Conflict(refused.code, refused.detail)
