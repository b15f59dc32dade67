import base64
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from lethe_events import Envelope, Malformed, SubjectObserved, UnknownType, decode, encode
from lethe_events.models import Category, Code, checked
from lethe_events.words import SubjectEventKind

AT = datetime(2026, 3, 5, 10, 15, tzinfo=UTC)
BODY = SubjectObserved(processor_id="warehouse", controller_id="acme", subject_token="A" * 43, kind="created", at=AT)
ENVELOPE = Envelope(
    id=UUID(int=1),
    source="/warehouse",
    time=AT,
    correlation_id=UUID(int=2),
    causation_id=UUID(int=3),
    traceparent="00-x",
)
RECORD = encode("subject.events", "key", BODY, ENVELOPE)


def headers(**changes: bytes | None) -> list[tuple[str, bytes]]:
    merged = dict(RECORD.headers) | {k.replace("__", "-"): v for k, v in changes.items() if v is not None}
    return [(k, v) for k, v in merged.items() if changes.get(k.replace("-", "__"), b"") is not None]


def test_what_is_written_is_read_back_whole() -> None:
    received = decode(RECORD.headers, RECORD.value)
    assert received.body == BODY
    assert received.envelope == ENVELOPE


def test_a_naive_time_is_refused_at_the_writer() -> None:
    naive = Envelope(UUID(int=1), "/x", AT.replace(tzinfo=None), UUID(int=2), None)
    with pytest.raises(ValueError, match="aware"):
        encode("t", "k", BODY, naive)


def test_the_mode_is_chosen_by_content_type_alone_and_stray_headers_are_ignored() -> None:
    event = {
        "specversion": "1.0", "id": str(UUID(int=9)), "type": BODY.TYPE, "source": "/s", "time": AT.isoformat(),
        "correlationid": str(UUID(int=2)), "data": json.loads(RECORD.value),
    }  # fmt: skip
    structured = [("ce_type", b"nonsense"), ("Content-Type", b"APPLICATION/CloudEvents+json; charset=UTF-8")]
    assert decode(structured, json.dumps(event).encode()).envelope.id == UUID(int=9)
    event["data_base64"] = base64.b64encode(RECORD.value).decode()
    assert decode(structured, json.dumps(event).encode()).body == BODY


def test_binary_is_read_without_a_content_type() -> None:
    assert decode(headers(content__type=None), RECORD.value).body == BODY


@pytest.mark.parametrize(
    ("changed", "value", "code"),
    [
        ({}, None, "tombstone"),
        ({"ce_type": None}, RECORD.value, "no_type"),
        ({"ce_source": b"\xff\xfe"}, RECORD.value, "header_encoding"),
        ({"ce_id": b"not-a-uuid"}, RECORD.value, "envelope"),
        ({"ce_correlationid": None}, RECORD.value, "envelope"),
        ({"ce_time": b"2026-03-05T10:15:00"}, RECORD.value, "envelope"),
        ({}, b"{not json", "schema"),
        ({}, b"{}", "schema"),
        ({"content__type": b"application/cloudevents+json"}, b"[]", "structured"),
    ],
)
def test_what_cannot_be_read_is_named_by_a_code(
    changed: dict[str, bytes | None], value: bytes | None, code: str
) -> None:
    with pytest.raises(Malformed) as caught:
        decode(headers(**changed), value)
    assert caught.value.code == code


def test_an_unknown_type_is_told_apart_from_a_broken_message() -> None:
    with pytest.raises(UnknownType):
        decode(headers(ce_type=b"lethe.future.v9"), RECORD.value)


def test_an_error_names_the_field_but_never_its_value() -> None:
    value = RECORD.value.replace(b'"warehouse"', b'"Nadia Petrova <nadia@mail.example>"')
    with pytest.raises(Malformed) as caught:
        decode(RECORD.headers, value)
    assert "processor_id" in str(caught.value)
    assert "Nadia" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_word_that_is_not_known_is_named_by_its_place_not_by_what_it_says() -> None:
    value = RECORD.value.replace(b'"created"', b'"Nadia - at `$.kind"')
    with pytest.raises(Malformed, match=r"\$\.kind") as caught:
        decode(RECORD.headers, value)
    assert "Nadia" not in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"processor_id": "warehouse\n"}, {"kind": "gone"}, {"at": AT.replace(tzinfo=None)}]
)
def test_what_its_reader_would_refuse_is_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        encode("subject.events", "key", replace(BODY, **changes), ENVELOPE)


def test_what_is_built_from_foreign_values_can_be_checked_at_once() -> None:
    assert checked(BODY).kind is SubjectEventKind.CREATED
    with pytest.raises(Malformed, match="processor_id"):
        checked(replace(BODY, processor_id="No Code"))


def test_the_types_mean_the_same_in_models_of_pydantic() -> None:
    class Described(BaseModel):
        code: Code
        category: Category

    assert Described(code="a.b-c", category="user.contact").code == "a.b-c"
    for wrong in ({"code": "A"}, {"code": "a\n"}, {"category": "user..contact"}, {"category": "a" * 129}):
        with pytest.raises(ValidationError):
            Described(**{"code": "a", "category": "user", **wrong})
