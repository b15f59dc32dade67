"""`POST /v1/dsrs`: the busiest endpoint, so its body is parsed once and its answer written by hand."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fastapi import Request  # noqa: TC002 - FastAPI evaluates annotations
from pydantic import ValidationError
from starlette.responses import Response

from intake.domain.errors import InvalidSubmission, KeyReused, Overloaded
from intake.entrypoints.schemas import AcceptedDsr, NewDsr
from lethe_chassis import (
    Conflict,
    FieldError,
    Invalid,
    ProblemError,
    TooManyRequests,
    Unavailable,
    authorise,
    current_traceparent,
    serve_express,
)
from lethe_chassis.problem import of_validation

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from intake.application.accept import Acceptance
    from intake.domain.model import Accepted, Deadline

BODY = NewDsr
PATH = "/v1/dsrs"
HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_KEY_FIX = "send a random value of your own, for example a UUID, and the same one when you send the request again"
_DOCUMENTED: dict[str, Any] = {
    "summary": "Submit a request of a data subject",
    "tags": ["dsr"],
    "status_code": 202,
    "response_class": Response,
    "responses": {
        202: {"model": AcceptedDsr, "description": "Stored. The same request with the same key gets the same answer"},
        409: {"description": "The Idempotency-Key belongs to another request"},
        422: {"description": "Nothing was stored"},
        429: {"description": "Nothing was stored: too much at once. Send the same again after Retry-After"},
        503: {"description": "Nothing was stored, or it cannot be known: send the same again after Retry-After"},
    },
    "openapi_extra": {
        "security": [{"bearer": []}],
        "parameters": [
            {
                "name": HEADER,
                "in": "header",
                "required": True,
                "description": "Names this request: sent again with the same key, it is not carried out again",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
                "example": "0198c0de-7a11-7000-8000-0000000000ff",
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewDsr"}}},
        },
    },
}


def add_route(app: FastAPI, acceptance: Callable[[], Acceptance]) -> None:
    validate = NewDsr.__pydantic_validator__.validate_json

    async def submit(request: Request) -> ASGIApp:
        principal = await authorise(request, "dsr:write")
        key = idempotency_key(request.headers.get(HEADER))
        try:
            body: NewDsr = validate(await request.body())
        except ValidationError as error:
            raise of_validation(error.errors(include_url=False, include_input=False)) from None
        principal.require_controller(body.controller_id)
        try:
            accepted = await acceptance().accept(body, key, current_traceparent())
        except InvalidSubmission as error:
            raise Invalid([FieldError(*fault) for fault in error.faults]) from None
        except KeyReused:
            raise Conflict(
                "idempotency_key_reused",
                f"This {HEADER} was used for another request: use a new one for a new request.",
            ) from None
        except Overloaded as error:
            raise problem_of(error) from None
        return _Answer(accepted)

    serve_express(app, "POST", PATH, submit)
    app.add_api_route(PATH, submit, methods=["POST"], response_model=None, **_DOCUMENTED)


def problem_of(refusal: Overloaded) -> ProblemError:
    """429 where less at once would do, 503 where something of Lethe's own has to come back first."""
    if refusal.reason == "too_many_waiting":
        return TooManyRequests(
            "overloaded", "Too much is waiting. Nothing was accepted: send it again later.", refusal.retry_after
        )
    return Unavailable(
        "overloaded",
        f"Nothing was accepted ({refusal.reason}), because it could not be kept: send it again later.",
        retry_after=refusal.retry_after,
    )


def idempotency_key(value: str | None) -> str:
    """Raises the problem that says what to send."""
    if value is None:
        raise ProblemError(
            400, "idempotency_key_missing", "A header is missing", f"The header {HEADER} is needed: {_KEY_FIX}.",
            errors=[FieldError(f"header.{HEADER}", "is missing", _KEY_FIX)],
        )  # fmt: skip
    if not _KEY.fullmatch(value):
        raise Invalid([FieldError(f"header.{HEADER}", "is not 1 to 200 visible ASCII characters", _KEY_FIX)])
    return value


def repr_digest(sha256_hex: str) -> str:
    """A hash as RFC 9530 writes it."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256_hex)).decode()}:"


class _Answer:
    """The 202 as an ASGI response, written by hand."""

    __slots__ = ("_body", "_headers")

    def __init__(self, accepted: Accepted) -> None:
        address = f"/v1/dsrs/{accepted.dsr_id}"
        more = f',"repeats":"{accepted.repeats}"' if accepted.repeats else ""
        more += ',"attached":true' if accepted.attached else ""
        self._body = (
            f'{{"dsr_id":"{accepted.dsr_id}","status":"received",{_told(accepted.deadline)},'
            f'"links":{{"self":"{address}","package":"{address}/package"}}{more}}}'
        ).encode()
        self._headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(self._body)).encode()),
            (b"location", address.encode()),
        ]
        if accepted.replayed:
            self._headers.append((b"idempotency-replayed", b"true"))

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


@lru_cache(maxsize=1024)
def _told(deadline: Deadline) -> str:
    """The members about the deadline; requests of one day and country share them."""
    members = {
        "due_strict": _instant(deadline.due_strict),
        "due_legal": _instant(deadline.due_legal),
        "due_date": deadline.due_date.isoformat(),
        "rule": deadline.rule,
    }
    return json.dumps(members, separators=(",", ":"))[1:-1]


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
