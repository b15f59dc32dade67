"""Endpoints for what a person decides about a request, and for the end of a restriction."""

# Annotations are real objects here, because FastAPI reads them.
from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from lethe_events.models import Code
from orchestrator.entrypoints.parts import Parts
from orchestrator.entrypoints.request_http import Actor, RequestActed, acted, person_of


class NewDecision(BaseModel):
    """`upheld` or `rejected`: an objection, a contested accuracy; `changed` or `confirmed`: an automated decision."""

    model_config = ConfigDict(extra="forbid")
    outcome: Code = Field(examples=["rejected"])
    ground: Code | None = Field(
        default=None,
        description="Only where an objection or a correction is rejected: one of the law's",
        examples=["compelling_grounds"],
    )
    reasons: list[Code] = Field(
        min_length=1, max_length=10, description="Codes of the controller's own", examples=[["fraud_prevention"]]
    )


class NewAnnouncement(BaseModel):
    """Why the restriction ends, or is kept after all: a code, with words in the letter where there are any."""

    model_config = ConfigDict(extra="forbid")
    reason: Code = Field(examples=["accuracy_verified"])


class NewLift(BaseModel):
    """`told_at`: when the data subject was told that the restriction will be lifted."""

    model_config = ConfigDict(extra="forbid")
    told_at: AwareDatetime | None = Field(
        default=None,
        description="Left out: the letter that announced it could not be delivered, and it is lifted all the same",
    )
    reason: Code = Field(examples=["accuracy_verified"])


def decision_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1/sagas/{dsr_id}", tags=["decision"])

    @router.post("/decision", summary="Decide; what is decided against the data subject another person has to approve")
    async def decide(dsr_id: UUID, body: NewDecision, principal: Actor) -> RequestActed:
        acts, who = parts().decision_acts, person_of(principal)
        return await acted(acts.decide(who, dsr_id, body.outcome, body.ground, body.reasons))

    @router.post("/decision/approve", summary="Approve the decision against the data subject that another one proposed")
    async def approve(dsr_id: UUID, principal: Actor) -> RequestActed:
        return await acted(parts().decision_acts.approve(person_of(principal), dsr_id))

    @router.post("/lift/announce", summary="Write to the data subject that the restriction ends; then it is lifted")
    async def announce(dsr_id: UUID, body: NewAnnouncement, principal: Actor) -> RequestActed:
        return await acted(parts().decision_acts.announce_lift(person_of(principal), dsr_id, body.reason))

    @router.post("/lift/call-off", summary="Keep a restriction that was announced to end")
    async def call_off(dsr_id: UUID, body: NewAnnouncement, principal: Actor) -> RequestActed:
        return await acted(parts().decision_acts.call_off_lift(person_of(principal), dsr_id, body.reason))

    @router.post("/lift", summary="Lift the restriction, of which the data subject was told before (Art. 18(3))")
    async def lift(dsr_id: UUID, body: NewLift, principal: Actor) -> RequestActed:
        return await acted(parts().decision_acts.lift(person_of(principal), dsr_id, body.told_at, body.reason))

    return router
