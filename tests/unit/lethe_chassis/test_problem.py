from __future__ import annotations

import json
from enum import StrEnum

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from lethe_chassis import FieldError, Invalid, Unavailable, bound
from lethe_chassis.problem import of_validation, render

PERSON = "mina.castellanos@people.example"


class Colour(StrEnum):
    RED = "red"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: Colour
    at: AwareDatetime
    names: dict[str, list[str]]
    flag: bool = False


def _errors(text: str) -> list[FieldError]:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate_json(text)
    problem = of_validation(caught.value.errors(include_url=False, include_input=False))
    assert PERSON not in str(problem.errors)
    return list(problem.errors)


@pytest.mark.parametrize(
    ("change", "field", "fix"),
    [
        ({"colour": PERSON}, "colour", "use one of 'red'"),
        ({"at": PERSON}, "at", "RFC 3339"),
        ({"at": "2026-01-01T00:00:00"}, "at", "2026-11-23T10:15:00+01:00"),
        ({"flag": PERSON}, "flag", "true or false"),
        ({"names": {"email": [1]}}, "names.email[0]", "string"),
        ({"names": PERSON}, "names", "object"),
        ({"names": {"email": PERSON}}, "names.email", "list"),
        ({"names": {PERSON: [1]}}, "names.(unreadable name)[0]", "string"),
        ({"flagg": True}, "flagg", "remove it"),
        ({PERSON: True}, "(unreadable name)", "remove it"),
    ],
)
def test_each_fault_names_field_and_fix_and_repeats_no_value(change: dict[str, object], field: str, fix: str) -> None:
    good = {"colour": "red", "at": "2026-01-01T00:00:00Z", "names": {}}
    (error,) = _errors(json.dumps(good | change))
    assert error.field == field
    assert fix in error.fix


def test_all_faults_are_told_not_only_the_first() -> None:
    assert {e.field for e in _errors('{"colour":"blue","flag":"x"}')} == {"colour", "flag", "at", "names"}


def test_unreadable_json_is_400() -> None:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate_json("{")
    assert of_validation(caught.value.errors()).status == 400


def test_the_document_has_the_shape_of_rfc_9457() -> None:
    with bound(None) as hop:
        response = render(Invalid([FieldError("a.b", "is wrong", "put it right")]))
    assert response.media_type == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": "urn:lethe:problem:invalid_content",
        "title": "The content is not valid",
        "status": 422,
        "detail": "Correct the fields listed and send it again.",
        "errors": [{"field": "a.b", "message": "is wrong", "fix": "put it right"}],
        "trace_id": hop[3:35],
    }


def test_unavailable_says_when_to_come_back() -> None:
    assert render(Unavailable("overloaded", "x", retry_after=0)).headers["retry-after"] == "1"
