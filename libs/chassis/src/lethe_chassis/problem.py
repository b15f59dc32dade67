"""Problem details (RFC 9457): one shape for every answer other than success."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from lethe_chassis.errors import FieldError, Invalid, NotFound, ProblemError
from lethe_chassis.trace import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:lethe:problem:"
_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}\Z")


class _Plain(NamedTuple):
    type: str
    title: str
    detail: str


_BY_STATUS = {
    400: _Plain("bad_request", "The request cannot be read", "Check the request against the API document."),
    404: _Plain("not_found", "Not found", "There is nothing at this address, or it is not yours to see."),
    405: _Plain("method_not_allowed", "Method not allowed", "Use one of the methods in the Allow header."),
    413: _Plain("too_large", "The body is too large", "Send less than the limit of this address."),
    415: _Plain("unsupported_media_type", "Unsupported media type", "Send the body in a type of the Accept header."),
    503: _Plain("unavailable", "Not available at the moment", "Try again after Retry-After."),
}
_OTHER = _Plain("error", "The request failed", "Nothing more can be told here. Quote trace_id to the operator.")

# pydantic's error type → what is wrong, what to do. `{…}` are filled from the error's context.
_VALIDATION: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "add it"),
    "extra_forbidden": ("is not a field of this request", "remove it, or check how it is spelt"),
    "enum": ("is not one of its values", "use one of {expected}"),
    "literal_error": ("is not one of its values", "use one of {expected}"),
    "string_type": ("is not a string", "send a string"),
    "string_pattern_mismatch": ("does not have the allowed form", "match {pattern}"),
    "string_too_short": ("is too short", "use at least {min_length} characters"),
    "string_too_long": ("is too long", "use at most {max_length} characters"),
    "too_short": ("has too few entries", "send at least {min_length}"),
    "too_long": ("has too many entries", "send at most {max_length}"),
    "bool_type": ("is not a boolean", "send true or false"),
    "bool_parsing": ("is not a boolean", "send true or false"),
    "uuid_parsing": ("is not a UUID", "send a UUID, for example 0198c0de-0000-7000-8000-000000000000"),
    "uuid_type": ("is not a UUID", "send a UUID as a string"),
    "timezone_aware": ("has no offset from UTC", "add one, for example 2026-11-23T10:15:00+01:00"),
    "datetime_parsing": ("is not a date and time", "use RFC 3339, for example 2026-11-23T10:15:00+01:00"),
    "datetime_from_date_parsing": ("is not a date and time", "use RFC 3339, for example 2026-11-23T10:15:00+01:00"),
    "datetime_type": ("is not a date and time", "use RFC 3339, for example 2026-11-23T10:15:00+01:00"),
    "model_type": ("is not an object", "send a JSON object"),
    "model_attributes_type": ("is not an object", "send a JSON object"),
    "dict_type": ("is not an object", "send a JSON object"),
    "list_type": ("is not a list", "send a list"),
    "tuple_type": ("is not a list", "send a list"),
    "int_type": ("is not a whole number", "send a whole number"),
    "int_parsing": ("is not a whole number", "send a whole number"),
    "greater_than_equal": ("is too small", "use at least {ge}"),
    "less_than_equal": ("is too large", "use at most {le}"),
}


def render(error: ProblemError) -> Response:
    """The response for a problem; `trace_id` lets an operator find the call without any personal data."""
    body: dict[str, object] = {
        "type": TYPE_PREFIX + error.type,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        **error.extra,
    }
    if error.errors:
        body["errors"] = [e._asdict() for e in error.errors]
    trace_id = current_trace_id()
    if trace_id is not None:
        body["trace_id"] = trace_id
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers)


def of_status(status: int, headers: Mapping[str, str] | None = None, detail: str | None = None) -> ProblemError:
    """The problem for a bare status code. `detail` must be a constant of ours, never text of a library."""
    plain = _BY_STATUS.get(status, _OTHER)
    return ProblemError(status, plain.type, plain.title, detail or plain.detail, headers=headers)


def of_validation(errors: Sequence[Mapping[str, object]]) -> ProblemError:
    """The problem for pydantic or FastAPI validation errors: 400 for unreadable JSON, 404 for a path, else 422."""
    if any(e["type"] == "json_invalid" for e in errors):
        return ProblemError(
            400, "malformed_json", "The body is not JSON", "Send one JSON object (RFC 8259), encoded as UTF-8."
        )
    if any(_location(e)[:1] == ("path",) for e in errors):
        return NotFound("There is nothing at this address, or it is not yours to see.")
    return Invalid([_field_error(e) for e in errors])


def _field_error(error: Mapping[str, object]) -> FieldError:
    field = field_name(_location(error))
    known = _VALIDATION.get(str(error["type"]))
    if known is None:
        return FieldError(field, "is not valid", str(error["msg"]))
    context = error.get("ctx")
    fix = known[1].format_map(context) if isinstance(context, dict) else known[1]
    return FieldError(field, known[0], fix)


def field_name(location: Sequence[object]) -> str:
    """`identifiers.email[0]` for a body, `query.limit` elsewhere. A name with other characters is not repeated."""
    parts = list(location[1:] if location[:1] == ("body",) else location)
    name = ""
    for part in parts:
        if isinstance(part, int):
            name += f"[{part}]"
        elif part != "[key]":
            shown = str(part) if _NAME.match(str(part)) else "(unreadable name)"
            name += f".{shown}" if name else shown
    return name or "body"


def _location(error: Mapping[str, object]) -> tuple[object, ...]:
    location = error.get("loc", ())
    return tuple(location) if isinstance(location, tuple | list) else ()
