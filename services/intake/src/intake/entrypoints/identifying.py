"""`/v1/dsrs/{dsr_id}/identity/…`: codes, and checks by a person."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from intake.application.identity import NothingInDoubt, Over, TooMuchAsked
from intake.application.packages import NoSuchDsr
from intake.domain.identity import Manner
from intake.entrypoints.schemas import Given
from intake.entrypoints.showing import NO_DSR
from lethe_chassis import Conflict, FieldError, Invalid, NotFound, Principal, current_traceparent, require_scope
from lethe_events.models import Reference  # noqa: TC001 - FastAPI evaluates annotations
from lethe_letters import Language

if TYPE_CHECKING:
    from collections.abc import Callable

    from intake.application.dealings import Dealings

Writer = Annotated[Principal, Depends(require_scope("dsr:write"))]
Checker = Annotated[Principal, Depends(require_scope("identity:check"))]


class CodeChannel(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class NewCodeWanted(Given):
    channel: CodeChannel = Field(description="The code goes to the first sealed identifier of this kind")
    language: Language = Field(default=Language.EN, description="Of the letter")


class CodeWanted(BaseModel):
    """The same for every id: whether a code was sent is not told."""

    status: str = Field(examples=["accepted"])
    valid_for_s: int = Field(description="Seconds for which a code is valid")
    again_after_s: int = Field(description="Seconds after which a new one may be asked for; it makes the old one void")


class CodeGiven(Given):
    code: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(examples=["4071 9926"])


class CheckedByHand(Given):
    """A person of the controller made sure. What was looked at is not sent, and not kept."""

    manner: Manner
    mandate: Reference | None = Field(default=None, description="With mandate_seen: the reference by which it is kept")
    sensitive: bool = Field(default=False, description="A wrong answer would reveal sensitive data: more may be asked")


class Verified(BaseModel):
    dsr_id: UUID
    status: str = Field(examples=["verified"])
    method: str | None = Field(default=None, description="How, where a person checked")
    verified_at: datetime | None = None


_CODE: dict[str, Any] = {
    "summary": "Send a code to the person, where identity is in doubt",
    "description": "The answer is the same for every id: a code is sent only if the DSR is in doubt, can be reached "
    "so, and no code was sent a moment ago.",
    "tags": ["identity"],
    "status_code": 202,
    "responses": {409: {"description": "The channel is not set up in this installation"}},
}
_VERIFY: dict[str, Any] = {
    "summary": "Give the code that the person received",
    "tags": ["identity"],
    "responses": {409: {"description": "Not accepted; whether because of code, age, attempts or id is not told"}},
}
_BY_HAND: dict[str, Any] = {
    "summary": "Record that a person made sure who asks",
    "tags": ["identity"],
    "responses": {
        404: {"description": "No such DSR"},
        409: {"description": "Nothing is in doubt, it is over, or more was asked than the doubt allows (Art. 12(6))"},
    },
}


def identity_router(dealings: Callable[[], Dealings]) -> APIRouter:
    router = APIRouter(prefix="/v1/dsrs/{dsr_id}/identity")

    @router.post("/code", **_CODE)
    async def code(dsr_id: UUID, body: NewCodeWanted, principal: Writer) -> CodeWanted:
        if body.channel not in dealings().code_channels:
            raise Conflict("channel_not_set_up", "No codes are sent this way here: use another channel.")
        checks = dealings().identity
        await checks.send_code(dsr_id, principal.controller_ids, body.channel.value, body.language.value)
        return CodeWanted(
            status="accepted",
            valid_for_s=int(checks.policy.lifetime.total_seconds()),
            again_after_s=int(checks.policy.pause.total_seconds()),
        )

    @router.post("/verify", **_VERIFY)
    async def verify(dsr_id: UUID, body: CodeGiven, principal: Writer) -> Verified:
        if not await dealings().identity.verify(
            dsr_id, principal.controller_ids, body.code, principal.subject, current_traceparent()
        ):
            raise Conflict(
                "code_not_accepted", "The code is wrong, used up or too old: try again, or ask for a new one."
            )
        return Verified(dsr_id=dsr_id, status="verified")

    @router.post("/manual", **_BY_HAND)
    async def manual(dsr_id: UUID, body: CheckedByHand, principal: Checker) -> Verified:
        if (body.manner is Manner.MANDATE_SEEN) != (body.mandate is not None):
            fix = "send it with manner mandate_seen, and only with it"
            raise Invalid([FieldError("mandate", "does not go with the manner", fix)])
        return await _by_hand(dealings(), dsr_id, body, principal)

    return router


async def _by_hand(dealings: Dealings, dsr_id: UUID, body: CheckedByHand, principal: Principal) -> Verified:
    try:
        method, at = await dealings.identity.by_hand(
            dsr_id,
            principal.controller_ids,
            body.manner,
            mandate=body.mandate,
            sensitive=body.sensitive,
            principal=principal.subject,
            traceparent=current_traceparent(),
        )
    except NoSuchDsr:
        raise NotFound(NO_DSR) from None
    except Over:
        raise Conflict("dsr_over", "The DSR is closed or taken back: there is nothing left to verify.") from None
    except NothingInDoubt:
        raise Conflict(
            "identity_not_in_doubt", "No doubt was recorded, so nothing may be asked of the person (Art. 12(6))."
        ) from None
    except TooMuchAsked:
        raise Conflict(
            "not_proportionate", "Something milder removes the doubt as well: send a code, or call back (Art. 12(6))."
        ) from None
    return Verified(dsr_id=dsr_id, status="verified", method=method, verified_at=at)
