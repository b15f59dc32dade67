"""The OpenAPI document as it is served: FastAPI's own, with the errors that are really sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from lethe_chassis.problem import MEDIA_TYPE, TYPE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI

_REFERENCE = "#/components/schemas/"
_FASTAPI_SCHEMAS = ("HTTPValidationError", "ValidationError")


class FieldProblem(BaseModel):
    """One field that has to be corrected."""

    field: str = Field(
        description="Path of the field in the body, or header/query name", examples=["identifiers.email[0]"]
    )
    message: str = Field(description="What is wrong; never repeats the value", examples=["is not an e-mail address"])
    fix: str = Field(description="What to do", examples=["send it as name@domain"])


class Problem(BaseModel):
    """Problem details (RFC 9457): every answer other than success. Never contains personal data."""

    type: str = Field(description="Stable name of the kind of problem", examples=[TYPE_PREFIX + "invalid_content"])
    title: str = Field(description="The kind of problem in words", examples=["The content is not valid"])
    status: int = Field(description="The HTTP status", examples=[422])
    detail: str = Field(description="What to do next", examples=["Correct the fields listed and send it again."])
    errors: list[FieldProblem] = Field(default=[], description="Every field to correct, not only the first")
    trace_id: str | None = Field(
        default=None, description="Quote it to the operator", examples=["4bf92f3577b34da6a3ce929d0e0e4736"]
    )


def document(app: FastAPI, models: Sequence[type[BaseModel]] = ()) -> dict[str, object]:
    """The document of `app`. `models` are schemas that endpoints read by hand and FastAPI therefore does not see."""
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name in _FASTAPI_SCHEMAS:
        schemas.pop(name, None)
    shown: list[type[BaseModel]] = [Problem, *models]
    _, extra = models_json_schema([(m, "validation") for m in shown], ref_template=_REFERENCE + "{model}")
    schemas.update(extra["$defs"])
    for path in found.get("paths", {}).values():
        for operation in path.values():
            _describe_errors(operation["responses"])
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    return found


def _describe_errors(responses: dict[str, object]) -> None:
    """Every status from 400 on has the problem shape; whatever is not listed is told under `default`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE + "Problem"}}}
    for status, response in responses.items():
        if status.isdigit() and int(status) >= 400 and isinstance(response, dict):  # noqa: PLR2004 - RFC 9110
            response["content"] = content
            if status == "422":
                response["description"] = "The content is not valid: `errors` names each field and what to do"
    responses.setdefault("default", {"description": "Any other problem", "content": content})
