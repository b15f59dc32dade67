"""Endpoints for holds of a whole controller, and for what is kept until when."""

# Annotations are real objects here, because FastAPI reads them.
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from lethe_chassis import Conflict, FieldError, Forbidden, Invalid, NotFound, Principal, require_scope
from lethe_events.models import Article, Category, Code
from orchestrator.application.acts import Person
from orchestrator.application.hold_keeping import Scope
from orchestrator.domain.errors import Refused
from orchestrator.entrypoints.parts import Parts

Reader = Annotated[Principal, Depends(require_scope("saga:read"))]
Actor = Annotated[Principal, Depends(require_scope("saga:act"))]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=320, strip_whitespace=True)]

Made = TypeVar("Made")

FIELDS = {
    "unknown_controller": "controller_id",
    "unknown_ground": "ground",
    "unknown_processor": "processors",
    "unknown_dsr": "dsr_id",
    "no_scope": "everything",
    "two_scopes": "everything",
}
"""Refusals that are about what was sent, and the field that they name."""


class NewStandingHold(BaseModel):
    """What is to be held, of whom. `article` left out: that of the ground. `matter` is a code.

    One person is named by a request of theirs or by identifiers, which are turned into tokens and not stored.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    controller_id: Code
    ground: Code = Field(examples=["legal_claims"])
    article: Article | None = Field(default=None, examples=["GDPR Art. 17(3)(e)"])
    matter: Code = Field(examples=["litigation_2026_17"])
    processors: list[Code] = Field(default=[], max_length=200, description="None named: all of them")
    categories: list[Category] = Field(
        default=[], max_length=200, description="None named: whole erasures", examples=[["user.financial"]]
    )
    dsr_id: UUID | None = Field(default=None, description="A request of the one person that it is about")
    identifiers: dict[Code, Annotated[list[Identifier], Field(min_length=1, max_length=20)]] = Field(
        default={}, max_length=10, description="Identifiers of the one person that it is about"
    )
    everything: bool = Field(default=False, description="Every erasure of the controller; has to be said")


class StandingHold(BaseModel):
    """A hold as it stands. `person`: it is about one person. `spreading`: it has not reached every open request yet."""

    hold: UUID
    controller_id: str
    ground: str
    article: str
    matter: str
    processors: list[str]
    categories: list[str]
    person: bool
    placed_by: str
    placed_at: AwareDatetime
    approved_by: str | None
    since: AwareDatetime | None
    lifting_by: str | None
    lifted_by: str | None
    until: AwareDatetime | None
    covers: int = Field(description="Requests that it is on now")
    spreading: bool
    requests: list[dict[str, Any]] | None = Field(default=None, description="Of one hold: the first 200 requests")


class StandingHolds(BaseModel):
    items: list[StandingHold]


class KeptPart(BaseModel):
    """What a processor keeps of a request that closed. `until`: when it is erased by itself; null: no date is known."""

    dsr_id: UUID
    processor_id: str
    collection: str
    category: str
    rows: int
    ground: str
    article: str
    until: AwareDatetime | None
    since: AwareDatetime


class KeptParts(BaseModel):
    items: list[KeptPart]


class KeptQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    before: AwareDatetime | None = None
    limit: int = Field(default=100, ge=1, le=500)


class HoldQuery(BaseModel):
    """Newest first. `lifted`: those that are over too."""

    model_config = ConfigDict(extra="forbid")
    matter: Code | None = None
    lifted: bool = False
    limit: int = Field(default=100, ge=1, le=500)


def holds_router(parts: Callable[[], Parts]) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["holds"])

    @router.post("/holds", status_code=201, summary="State that erasures are to be held; another person has to approve")
    async def place(body: NewStandingHold, principal: Actor) -> StandingHold:
        scope = Scope(
            tuple(body.processors), tuple(body.categories), body.dsr_id, body.identifiers or None, body.everything
        )
        placing = parts().holds.place(
            _person(principal), body.controller_id, body.ground, body.article, body.matter, scope
        )
        return await _one(parts(), principal, await _acted(placing))

    @router.post("/holds/{hold_id}/approve", summary="Approve what another person proposed about a hold")
    async def approve(hold_id: UUID, principal: Actor) -> StandingHold:
        await _acted(parts().holds.approve(_person(principal), hold_id))
        return await _one(parts(), principal, hold_id)

    @router.post("/holds/{hold_id}/lift", summary="State that a hold is over; another person has to approve")
    async def lift(hold_id: UUID, principal: Actor) -> StandingHold:
        await _acted(parts().holds.lift(_person(principal), hold_id))
        return await _one(parts(), principal, hold_id)

    @router.get("/holds", summary="Holds of the caller's controllers")
    async def page(principal: Reader, query: Annotated[HoldQuery, Query()]) -> StandingHolds:
        mine = sorted(principal.controller_ids)
        found = await parts().holds.rows.page(
            mine, matter=query.matter, lifted=query.lifted, hold_id=None, limit=query.limit
        )
        return StandingHolds.model_validate({"items": found})

    @router.get("/holds/{hold_id}", summary="One hold, and the requests that it is on")
    async def show(hold_id: UUID, principal: Reader) -> StandingHold:
        found = await _one(parts(), principal, hold_id)
        return found.model_copy(update={"requests": await parts().holds.rows.covered(hold_id, 200)})

    @router.get("/kept", summary="What is kept of closed requests, by the date on which it is erased")
    async def kept(principal: Reader, query: Annotated[KeptQuery, Query()]) -> KeptParts:
        mine = sorted(principal.controller_ids)
        return KeptParts.model_validate({"items": await parts().holds.rows.kept(mine, query.before, query.limit)})

    return router


def _person(principal: Principal) -> Person:
    return Person(principal.subject, principal.controller_ids)


async def _one(parts: Parts, principal: Principal, hold_id: UUID) -> StandingHold:
    mine = sorted(principal.controller_ids)
    found = await parts.holds.rows.page(mine, matter=None, lifted=True, hold_id=hold_id, limit=1)
    if not found:
        raise NotFound("There is no such hold, or it is not yours to see.")
    return StandingHold.model_validate(found[0])


async def _acted(act: Awaitable[Made]) -> Made:
    try:
        return await act
    except Refused as refused:
        if refused.code == "not_found":
            raise NotFound("There is no such hold, or it is not yours to see.") from None
        if refused.code == "same_person":
            raise Forbidden("same_person", refused.detail) from None
        if refused.code in FIELDS:
            named = FieldError(FIELDS[refused.code], refused.code.replace("_", " "), refused.detail)
            raise Invalid([named]) from None
        raise Conflict(refused.code, refused.detail) from None
