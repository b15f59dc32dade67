"""Where vendors call back. No token is asked for: the signature over time and body is what lets a call in."""

# Annotations are real objects here, because FastAPI reads them.
from fastapi import APIRouter, Request

from erasure_worker.application.calling_back import CallingBack
from erasure_worker.domain.errors import CallDisbelieved, CallUnreadable, NobodyCalls
from lethe_chassis import BodyRule, FieldError, Invalid, NotFound, Unauthorised, Unavailable
from lethe_processors.errors import CredentialMissing

PREFIX = "/v1/callbacks/"
BODY_RULES = {PREFIX: BodyRule(64 * 1024, frozenset())}
"""Vendors send what media type they like; what counts is what they signed."""


def callbacks_router(calling_back: CallingBack) -> APIRouter:
    api = APIRouter(tags=["callbacks"])

    @api.post(PREFIX + "{processor_id}", status_code=204, summary="A vendor says that its job has ended")
    async def called(processor_id: str, request: Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            await calling_back.take(processor_id, headers, await request.body())
        except NobodyCalls:
            raise NotFound("No processor of this name calls back.") from None
        except CallDisbelieved:
            raise Unauthorised(
                "signature", "The call cannot be believed: check secret, signature and time, as agreed."
            ) from None
        except CallUnreadable:
            raise Invalid(
                [FieldError("body", "does not say which job ended how", "send it as the register describes it")]
            ) from None
        except CredentialMissing:
            raise Unavailable(
                "not_set_up", "The secret for such calls is not there: send the call again later."
            ) from None

    return api
